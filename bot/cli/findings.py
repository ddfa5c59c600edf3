"""`handover findings`: findings of audits and follow-ups, and the responses to them."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.arguments import day, refuse_several
from bot.cli.context import DEFAULT, AsJson, ConfigPath, open_services, open_services_to_work, wait_for_verdicts
from bot.cli.output import finish, moment, say, show_csv, show_table
from bot.text import N_, _, punctuated
from workflows.authorization import Right
from workflows.cases.views import FindingLine

HELP = N_(
    """The worst findings come first. An accepted finding is listed apart, and opens again when its day is over.

Exits with 1 while a finding is open and not accepted.
"""
)
EXAMPLES = (
    "handover findings",
    "handover findings --take F-0123456789ab",
    "handover findings --lock-again F-0123456789ab",
    "handover findings --csv > findings.csv",
    'handover findings --accept F-0123456789ab --until 2026-12-01 --reason "the vendor repairs it"',
)
LOCK_SECONDS = 60.0
"""Time limit of the wait for a verdict after `--lock-again`."""


def findings(
    ctx: typer.Context,
    take: Annotated[str, typer.Option(metavar="ID", help=N_("Note that you work on a finding."))] = "",
    accept: Annotated[str, typer.Option(metavar="ID", help=N_("Accept a finding. Needs --until and --reason."))] = "",
    lock_again: Annotated[str, typer.Option(metavar="ID", help=N_("Lock the account of a finding again now."))] = "",
    until: Annotated[str, typer.Option(metavar="DATE", help=N_("Last day of the acceptance, as 2026-12-01."))] = "",
    reason: Annotated[str, typer.Option(help=N_("The reason of the acceptance. Goes on record."))] = "",
    csv: Annotated[bool, typer.Option("--csv", help=N_("Print all accounts, verdicts and findings as CSV."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Respond to a finding, and print those that are open."""
    refuse_several({"--take": take, "--accept": accept, "--lock-again": lock_again})
    last = day(until) if accept else None
    if lock_again:
        with open_services_to_work(ctx, config) as (services, _bot_runs):
            case = services.audits.lock_again(lock_again, author(ctx, services, Right.LOCK_AGAIN))
            wait_for_verdicts(lambda: services.offboarding.case(case), LOCK_SECONDS, say)
    with open_services(ctx, config) as services:
        if take:
            services.audits.take(take, author(ctx, services, Right.TAKE))
        if accept and last:
            services.audits.accept(accept, last, reason, author(ctx, services, Right.ACCEPT))
        if csv:
            show_csv(services.audits.current_csv())
            return
        still, accepted = services.audits.findings(), services.audits.accepted()
        zone = services.settings.company.timezone
    found = {"findings": still, "accepted": accepted}
    finish(found, lambda: _show(still, accepted, zone), as_json=as_json, good=not still)


def _show(still: Sequence[FindingLine], accepted: Sequence[FindingLine], zone: str) -> None:
    _show_lines(still, zone, _("{count} open finding(s)").format(count=len(still)))
    if accepted:
        _show_lines(accepted, zone, _("{count} accepted for now").format(count=len(accepted)))


def _show_lines(lines: Sequence[FindingLine], zone: str, title: str) -> None:
    show_table(
        [_("Id"), _("Finding"), _("Leaver"), _("System"), _("Account"), _("Seen since"), _("Detail"), _("Assignee")],
        [
            (
                f.id,
                _(f.kind),
                f.leaver.name,
                f.system,
                f.login,
                moment(f.first_seen, zone),
                _detail(f),
                _assignee(f, zone),
            )
            for f in lines
        ],
        title,
        _("No finding is open."),
    )


def _detail(line: FindingLine) -> str:
    changed = _("last changed by {who}").format(who=line.changed_by) if line.changed_by else ""
    locked = _("locked again by the bot") if line.relocked_at else ""
    return punctuated("; ").join(part for part in (line.detail, changed, locked) if part)


def _assignee(line: FindingLine, zone: str) -> str:
    """Return the person who works on a finding or accepted it, in capitals where an answer is overdue."""
    if line.accepted_until:
        return _("accepted until {day} by {who}: {why}").format(
            day=moment(line.accepted_until, zone), who=line.accepted_by, why=line.accepted_reason
        )
    if line.overdue:
        return _("NOBODY, overdue")
    return line.taken_by or _("nobody yet")
