"""`handover findings`: findings of audits and follow-ups, and the responses to them."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.context import actor, open_services, open_services_to_work, read
from bot.cli.effective_time import day
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import moment, say, show_csv, show_json, show_table
from bot.cli.polling import wait_for_verdicts
from bot.text import N_, _
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
Take = Annotated[str, typer.Option("--take", metavar="ID", help=N_("Note that you work on a finding."))]
Accept = Annotated[
    str, typer.Option("--accept", metavar="ID", help=N_("Accept a finding. Needs --until and --reason."))
]
LockAgain = Annotated[
    str, typer.Option("--lock-again", metavar="ID", help=N_("Lock the account of a finding again now."))
]
Csv = Annotated[bool, typer.Option("--csv", help=N_("Print all accounts, verdicts and findings as CSV."))]
Until = Annotated[str, typer.Option("--until", metavar="DATE", help=N_("Last day of the acceptance, as 2026-12-01."))]
Why = Annotated[str, typer.Option("--reason", help=N_("The reason of the acceptance. Goes on record."))]


def findings(
    ctx: typer.Context,
    take: Take = "",
    accept: Accept = "",
    lock_again: LockAgain = "",
    until: Until = "",
    reason: Why = "",
    csv: Csv = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Respond to a finding, and print those that are open."""
    if sum(map(bool, (take, accept, lock_again))) > 1:
        raise CommandError(_("Choose one of --take, --accept, --lock-again."))
    last = day(until) if accept else None
    if lock_again:
        relock(ctx, config, lock_again)
    with open_services(ctx, config) as services:
        if take:
            services.audits.take(take, actor())
        if accept and last:
            services.audits.accept(accept, last, reason, actor())
        if csv:
            show_csv(services.audits.current_csv())
            return
        still, accepted = services.audits.findings(), services.audits.accepted()
        zone = services.settings.company.timezone
    if as_json:
        show_json({"findings": still, "accepted": accepted})
    else:
        show(still, zone, _("{count} open finding(s)").format(count=len(still)))
        if accepted:
            show(accepted, zone, _("{count} accepted for now").format(count=len(accepted)))
    if still:
        raise typer.Exit(EXIT_FAILURE)


def relock(ctx: typer.Context, config: Path, finding: str) -> None:
    """Lock the account of a finding again, and print the verdict of a fresh read."""
    with open_services_to_work(ctx, read(ctx, config)) as (services, _bot_runs):
        case = services.audits.lock_again(finding, actor())
        wait_for_verdicts(lambda: services.offboarding.case(case), LOCK_SECONDS, say)


def show(lines: list[FindingLine], zone: str, title: str) -> None:
    """Print findings."""
    if not lines:
        say(_("No finding is open."))
        return
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
                detail(f),
                assignee(f, zone),
            )
            for f in lines
        ],
        title,
    )


def detail(line: FindingLine) -> str:
    """Return the details of a finding besides its kind."""
    changed = _("last changed by {who}").format(who=line.changed_by) if line.changed_by else ""
    locked = _("locked again by the bot") if line.relocked_at else ""
    return "; ".join(part for part in (line.detail, changed, locked) if part)


def assignee(line: FindingLine, zone: str) -> str:
    """Return the person who works on a finding or accepted it, in capitals where an answer is overdue."""
    if line.accepted_until:
        return _("accepted until {day} by {who}: {why}").format(
            day=moment(line.accepted_until, zone), who=line.accepted_by, why=line.accepted_reason
        )
    if line.overdue:
        return _("NOBODY, overdue")
    return line.taken_by or _("nobody yet")
