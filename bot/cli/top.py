"""`handover top`: cases, queues, systems and the age of the audit on one screen. It reads only."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.checks import machine
from bot.cli.context import DEFAULT, AsJson, ConfigPath, open_services
from bot.cli.output import finish, moment, say, show_table
from bot.cli.status import case_state
from bot.services import Services
from bot.text import N_, _, listed, ngettext
from workflows.cases.views import CaseView
from workflows.storage.store import StorageFailed
from workflows.watch.figures import Figure

HELP = N_(
    """Reads again every few seconds, until Ctrl-C. With --once, with --json, and in a pipe it prints once.

Names of leavers are left out, unless --names asks for them.
"""
)
EXAMPLES = ("handover top", "handover top --once", "handover top --json")
MOST_CASES = 10
AUDIT_HOURS = 26
"""Hours between two daily audits, with the change to summer time and an hour for the audit itself."""
CLEAR = "\x1b[H\x1b[J"
"""Sequence that moves the cursor home, and clears the screen below."""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One open case. `leaver` is empty unless names are asked for."""

    id: str
    state: str
    effective_at: datetime
    systems: Mapping[str, str]
    leaver: str = ""


@dataclass(frozen=True, slots=True)
class QueueLine:
    """Work of one kind: due now, and due for more than five minutes."""

    task: str
    due: int
    overdue: int


@dataclass(frozen=True, slots=True)
class AuditedSystem:
    """One system as the audits saw it. `read_at` is None if none has read it whole."""

    name: str
    unreadable: bool
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the screen, read at one moment."""

    at: datetime
    bot: str
    bot_answers: bool
    open_cases: int
    cases: tuple[CaseLine, ...]
    queues: tuple[QueueLine, ...]
    systems: tuple[AuditedSystem, ...]
    last_audit_at: datetime | None
    findings: Mapping[str, int]
    messages_waiting: int
    messages_failing: int


def top(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help=N_("Print once, and end."))] = False,
    seconds: Annotated[
        float, typer.Option(metavar="N", min=1, help=N_("Seconds between two readings."), show_default=True)
    ] = 5.0,
    names: Annotated[bool, typer.Option("--names", help=N_("Show the leavers' names."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the overview once, or again and again until Ctrl-C."""
    with open_services(ctx, config) as services:
        zone = services.settings.company.timezone
        if once or as_json or not _live():
            found = look(services, names=names)
            finish(found, lambda: show(found, zone), as_json=as_json)
            return
        try:
            while True:
                refresh(services, zone, names=names)
                time.sleep(seconds)
        except KeyboardInterrupt:
            say("")


def _live() -> bool:
    """Return whether a terminal shows the overview."""
    return sys.stdout.isatty()


def refresh(services: Services, zone: str, *, names: bool) -> None:
    """Show the overview on a cleared screen. While the data cannot be read, it says so."""
    try:
        found = look(services, names=names)
    except StorageFailed as error:
        typer.echo(CLEAR, nl=False)
        say(_("The data cannot be read or written: {error}.").format(error=error))
        return
    typer.echo(CLEAR, nl=False)
    show(found, zone)


def look(services: Services, *, names: bool) -> Overview:
    """Read everything. Raises `StorageFailed`."""
    figures = services.figures.read()
    health = services.settings.health
    bot = machine.running_bot(health.host, health.port)
    newest = services.offboarding.cases(open_only=True, limit=MOST_CASES)
    zone = services.settings.company.timezone
    single = {one.name: one.value for one in figures if not one.labels}
    unreadable, read_at = _labelled(figures, "handover_system_unreadable"), _read_times(figures)
    due, overdue = _labelled(figures, "handover_due_work"), _labelled(figures, "handover_overdue_work")
    last = single.get("handover_last_audit_timestamp_seconds")
    return Overview(
        services.clock.now(),
        bot.said,
        bot.ok and not bot.unseen,
        int(single.get("handover_open_cases", 0)),
        tuple(_case(case, zone, names) for case in newest),
        tuple(QueueLine(task, int(due[task]), int(overdue.get(task, 0))) for task in due),
        tuple(AuditedSystem(name, bool(value), read_at.get(name)) for name, value in unreadable.items()),
        None if last is None else datetime.fromtimestamp(last, UTC),
        {kind: int(count) for kind, count in _labelled(figures, "handover_open_findings").items() if count},
        int(single.get("handover_messages_waiting", 0)),
        int(single.get("handover_messages_failing", 0)),
    )


def _case(case: CaseView, zone: str, names: bool) -> CaseLine:
    systems = {line.system: line.verdict.value for line in case.systems}
    return CaseLine(case.id, case_state(case, zone), case.effective_at, systems, case.leaver.name if names else "")


def _labelled(figures: Sequence[Figure], name: str) -> dict[str, float]:
    """Return one figure by its label. Pure."""
    return {label: one.value for one in figures if one.name == name for label in one.labels.values()}


def _read_times(figures: Sequence[Figure]) -> dict[str, datetime]:
    found = _labelled(figures, "handover_system_read_timestamp_seconds")
    return {name: datetime.fromtimestamp(value, UTC) for name, value in found.items()}


def show(found: Overview, zone: str) -> None:
    """Print the overview."""
    say(moment(found.at, zone), ("✓ " if found.bot_answers else "⚠ ") + _("Running bot: {said}").format(said=found.bot))
    say(*_sentences(found, zone))
    _show_cases(found, zone)
    show_table(
        [_("System"), _("Last audit"), _("Read whole at")],
        [
            (one.name, _("✗ cannot be read") if one.unreadable else _audited(one), moment(one.read_at, zone))
            for one in found.systems
        ],
    )
    waiting = [one for one in found.queues if one.due]
    show_table(
        [_("Work"), _("Due now"), _("Overdue")],
        [(one.task, str(one.due), f"✗ {one.overdue}" if one.overdue else "0") for one in waiting],
        empty=_("No work is due."),
    )


def _audited(one: AuditedSystem) -> str:
    return _("✓ read") if one.read_at else _("⚠ never read whole")


def _sentences(found: Overview, zone: str) -> list[str]:
    audit = _("⚠ There was no audit yet.")
    if found.last_audit_at:
        hours = (found.at - found.last_audit_at).total_seconds() / 3600
        audit = _("Last audit: {at}, {hours:.1f} h ago").format(at=moment(found.last_audit_at, zone), hours=hours)
        audit = f"⚠ {audit}" if hours > AUDIT_HOURS else audit
    kinds = listed(f"{_(kind.replace('_', ' '))} {count}" for kind, count in found.findings.items())
    total = sum(found.findings.values())
    findings = ngettext("✗ {count} finding waits: {kinds}", "✗ {count} findings wait: {kinds}", total)
    messages = _("Messages that Slack does not show yet: {waiting}; refused at the last try: {failing}")
    return [
        audit,
        findings.format(count=total, kinds=kinds) if total else _("No finding waits."),
        messages.format(waiting=found.messages_waiting, failing=found.messages_failing),
    ]


def _show_cases(found: Overview, zone: str) -> None:
    cases = ngettext("{count} open case", "{count} open cases", found.open_cases).format(count=found.open_cases)
    named = any(one.leaver for one in found.cases)
    columns = [_("Case"), *([_("Leaver")] if named else []), _("State"), _("Effective"), _("Systems")]
    rows = [
        (
            one.id,
            *([one.leaver] if named else []),
            one.state,
            moment(one.effective_at, zone),
            listed(f"{system} {_(verdict)}" for system, verdict in one.systems.items()),
        )
        for one in found.cases
    ]
    show_table(columns, rows, title=cases, empty=_("No case is open."))
