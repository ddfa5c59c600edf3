"""`handover audit`: the daily check of every past leaver in every system."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.context import actor, open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import moment, say, show_json, show_table
from bot.slack.messages.audit import headline
from bot.slack.messages.phrases import verdict
from bot.text import _
from connectors.contract import Verdict
from workflows.watch.views import AuditView

STALE = timedelta(hours=36)
Now = Annotated[bool, typer.Option("--now", help="Check now, beside the daily audit; posts nothing in Slack.")]


def audit(ctx: typer.Context, now: Now = False, as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Show the latest daily audit, or check every past leaver in every system now.

    Exits with 1 where something was found, a system could not be read, or no audit ran in the last 36 hours.

    For example:
      handover audit --now
    """
    with open_services(ctx, config) as services:
        found = services.audits.run_now(actor()) if now else services.audits.latest()
        zone, today = services.settings.company.timezone, services.clock.now()
    if found is None:
        raise CommandError(
            _("No audit has run yet."),
            _("`handover audit --now` runs one; `handover run` runs one a day."),
            EXIT_FAILURE,
        )
    if as_json:
        show_json(found)
    else:
        show(found, zone)
    troubles = concerns(found, today)
    if not as_json:
        for line in troubles:
            say(line)
    if troubles:
        raise typer.Exit(EXIT_FAILURE)


def concerns(found: AuditView, now: datetime) -> list[str]:
    """Say what is not good about an audit; an empty list is the only good answer. Pure."""
    lines = []
    if found.findings:
        lines.append(_("{count} open finding(s).").format(count=len(found.findings)))
    if found.not_read:
        lines.append(
            _("Nothing is claimed about what could not be read: {systems}.").format(systems="; ".join(found.not_read))
        )
    bad = {v.value: n for v, n in found.by_verdict.items() if n and v in (Verdict.OPEN, Verdict.UNKNOWN)}
    if bad:
        lines.append(_("Not locked: {counts}.").format(counts=", ".join(f"{n} {word}" for word, n in bad.items())))
    if found.finished_at is None:
        lines.append(_("This audit has not finished."))
    elif now - found.started_at > STALE:
        lines.append(_("This audit is older than 36 hours: is the bot running? `handover doctor` looks."))
    return lines


def show(found: AuditView, zone: str) -> None:
    """Print an audit."""
    say(headline(found))
    say("  " + _("begun {at}").format(at=moment(found.started_at, zone)))
    for what in found.not_looked:
        say("  " + what)
    if found.accepted or found.relocked:
        say(
            "  "
            + _("{accepted} accepted for now, {relocked} locked again at once (`handover findings` shows more)").format(
                accepted=len(found.accepted), relocked=len(found.relocked)
            )
        )
    say("  " + ", ".join(f"{verdict(v)}: {found.by_verdict.get(v, 0)}" for v in Verdict))
    if found.findings:
        show_table(
            [_("Finding"), _("Leaver"), _("System"), _("Account"), _("Seen since"), _("Detail"), _("Case")],
            [
                (f.kind, f.leaver.name, f.system, f.login, moment(f.first_seen, zone), f.detail, f.case_id)
                for f in found.findings
            ],
        )
