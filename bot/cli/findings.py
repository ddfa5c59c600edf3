"""`handover findings`: what audits and follow-ups saw that must be acted on; taking it, accepting it for a while."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.context import actor, open_services, open_services_to_work, read
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import moment, say, show_json, show_table
from bot.cli.verdict_wait import wait_for_verdicts
from bot.text import _
from workflows.cases.views import FindingLine

Take = Annotated[str, typer.Option("--take", metavar="ID", help="Note that you work on a finding.")]
Accept = Annotated[
    str, typer.Option("--accept", metavar="ID", help="List a finding apart for a while; needs --until and --reason.")
]
SECONDS = 60.0
"""How long a lock-out by hand is watched."""
LockAgain = Annotated[str, typer.Option("--lock-again", metavar="ID", help="Lock the account of a finding again now.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print every account with its verdict, and every finding, as CSV.")]
Until = Annotated[str, typer.Option("--until", metavar="DATE", help="The last day of that, such as 2026-12-01.")]
Why = Annotated[str, typer.Option("--reason", help="Why it is accepted; goes on record.")]


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
    """Show what must be acted on, worst first; take a finding, accept it for a while, or lock the account again.

    An accepted finding is listed apart and comes back when its day is over. Exits with 1 while any finding is open
    and not accepted.

    For example:
      handover findings
      handover findings --take F-0123456789ab
      handover findings --lock-again F-0123456789ab
      handover findings --csv > findings.csv
      handover findings --accept F-0123456789ab --until 2026-12-01 --reason "the vendor repairs it"
    """
    if len([one for one in (take, accept, lock_again) if one]) > 1:
        raise CommandError(
            _("A finding is taken, accepted or locked again, not several at once."),
            _("Give one of --take, --accept and --lock-again."),
        )
    day = _day(until) if accept else None
    if lock_again:
        relock(ctx, config, lock_again)
    with open_services(ctx, config) as services:
        if take:
            services.audits.take(take, actor())
        if accept and day:
            services.audits.accept(accept, day, reason, actor())
        if csv:
            typer.echo(services.audits.current_csv(), nl=False)
            return
        still, apart = services.audits.findings(), services.audits.accepted()
        zone = services.settings.company.timezone
    if as_json:
        show_json({"findings": still, "accepted": apart})
    else:
        show(still, zone, _("{count} finding(s) to act on").format(count=len(still)))
        if apart:
            show(apart, zone, _("{count} accepted for now").format(count=len(apart)))
    if still:
        raise typer.Exit(EXIT_FAILURE)


def relock(ctx: typer.Context, config: Path, finding: str) -> None:
    """Lock the account of a finding again, and say what a fresh read shows."""
    with open_services_to_work(ctx, read(ctx, config)) as (services, _beside):
        case = services.audits.lock_again(finding, actor())
        wait_for_verdicts(lambda: services.offboarding.case(case), SECONDS, say)


def show(lines: list[FindingLine], zone: str, title: str) -> None:
    """Print findings, or that there are none."""
    if not lines:
        say(_("No finding to act on."))
        return
    show_table(
        [_("Id"), _("Finding"), _("Leaver"), _("System"), _("Account"), _("Seen since"), _("Detail"), _("Who")],
        [
            (f.id, f.kind, f.leaver.name, f.system, f.login, moment(f.first_seen, zone), detail(f), who(f, zone))
            for f in lines
        ],
        title,
    )


def detail(line: FindingLine) -> str:
    """Return what is known of a finding besides its kind."""
    changed = _("last changed by {who}").format(who=line.changed_by) if line.changed_by else ""
    locked = _("locked again by the bot") if line.relocked_at else ""
    return "; ".join(part for part in (line.detail, changed, locked) if part)


def who(line: FindingLine, zone: str) -> str:
    """Return who works on a finding, or accepted it; loud where nobody has for too long."""
    if line.accepted_until:
        return _("accepted until {day} by {who}: {why}").format(
            day=moment(line.accepted_until, zone), who=line.accepted_by, why=line.accepted_reason
        )
    if line.overdue:
        return _("NOBODY, overdue")
    return line.taken_by or _("nobody yet")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(_("{text!r} is not a date.").format(text=text), _("Write --until 2026-12-01.")) from None
