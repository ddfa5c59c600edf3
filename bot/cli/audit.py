"""`handover audit`: the daily check of every past leaver in every system."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, AsJson, ConfigPath, open_services
from bot.cli.output import EXIT_FAILURE, CommandError, finish, moment, say, show_table
from bot.slack.messages.audit import headline
from bot.slack.messages.phrases import verdict
from bot.text import N_, _, listed, ngettext, punctuated
from connectors.contract import Verdict
from workflows.authorization import Right
from workflows.cases.views import AuditView

HELP = N_(
    """An audit checks every past leaver in every system. With --now it posts nothing in Slack.

Exits with 1 after a finding, an unread system or a check that was not possible. It does so too without an
audit in the last 36 hours.
"""
)
EXAMPLES = ("handover audit --now",)
STALE = timedelta(hours=36)


def audit(
    ctx: typer.Context,
    now: Annotated[bool, typer.Option("--now", help=N_("Run an audit now, beside the daily one."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the latest audit, or a new one."""
    with open_services(ctx, config) as services:
        found = services.audits.run_now(author(ctx, services, Right.AUDIT)) if now else services.audits.latest()
        zone, today = services.settings.company.timezone, services.clock.now()
    if found is None:
        raise CommandError(
            _("No audit has run yet."),
            _("`handover audit --now` runs one. `handover run` runs one each day."),
            EXIT_FAILURE,
        )
    faults = concerns(found, today)
    finish(found, lambda: show(found, faults, zone), as_json=as_json, good=not faults)


def concerns(found: AuditView, now: datetime) -> list[str]:
    """Return the faults of an audit. Only an empty list is good. Pure."""
    lines = []
    if found.findings:
        lines.append(_("{count} open finding(s).").format(count=len(found.findings)))
    if found.not_read:
        lines.append(_("Not checked: {systems}.").format(systems=punctuated("; ").join(found.not_read)))
    if found.not_looked:
        lines.append(
            ngettext(
                "{count} check was not possible.", "{count} checks were not possible.", len(found.not_looked)
            ).format(count=len(found.not_looked))
        )
    bad = {_(v.value): n for v, n in found.by_verdict.items() if n and v in (Verdict.OPEN, Verdict.UNKNOWN)}
    if bad:
        lines.append(_("Not locked: {counts}.").format(counts=listed(f"{n} {word}" for word, n in bad.items())))
    if found.finished_at is None:
        lines.append(_("This audit has not finished."))
    elif now - found.started_at > STALE:
        lines.append(_("This audit is older than 36 hours. Is the bot running? See `handover doctor`."))
    return lines


def show(found: AuditView, faults: list[str], zone: str) -> None:
    """Print an audit, and its faults."""
    say(headline(found))
    say("  " + _("begun {at}").format(at=moment(found.started_at, zone)))
    say(*(f"  {what}" for what in found.not_looked))
    if found.accepted or found.relocked:
        counts = _("{accepted} accepted, {relocked} locked again at once (details: `handover findings`)")
        say("  " + counts.format(accepted=len(found.accepted), relocked=len(found.relocked)))
    say("  " + listed(punctuated(": ").join((verdict(v), str(found.by_verdict.get(v, 0)))) for v in Verdict))
    if found.findings:
        show_table(
            [_("Finding"), _("Leaver"), _("System"), _("Account"), _("Seen since"), _("Detail"), _("Case")],
            [
                (_(f.kind), f.leaver.name, f.system, f.login, moment(f.first_seen, zone), f.detail, f.case_id)
                for f in found.findings
            ],
        )
    say(*faults)
