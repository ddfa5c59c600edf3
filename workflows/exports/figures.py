"""Figures of one export snapshot: counted from events, sealed as plain data, read back. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.text import N_, _, ngettext, shown, stored
from connectors.contract import ExportEvent
from workflows.exports.views import ExportLine, ExportView
from workflows.storage.rows.watch import ExportSnapshot, SnapshotOccasion

NO_LOG = N_("keeps no export log")
"""A problem that is a result: reading again will not change it. Stored untranslated, translated when shown."""


@dataclass(frozen=True, slots=True)
class ExportWindow:
    """The window of a snapshot, fixed by the first attempt, with the times it is compared with."""

    since: datetime
    until: datetime
    locked: datetime | None = None
    """Time at which the lock-out was complete, if it is."""
    last: tuple[str, datetime] | None = None
    """Occasion of the snapshot before this one, and the end of its window."""


@dataclass(frozen=True, slots=True)
class ExportFigures:
    """Lines of all systems, with the exports after leaving and since the last snapshot, by system."""

    window: ExportWindow
    lines: tuple[ExportLine, ...] = ()
    after: Mapping[str, int] = field(default_factory=dict)
    new: Mapping[str, int] = field(default_factory=dict)

    def wants(self, system: str) -> bool:
        """Return whether a system's log is still to be read."""
        return not any(line.system == system and line.problem in ("", NO_LOG) for line in self.lines)

    def plus(self, line: ExportLine, after: int, new: int) -> "ExportFigures":
        """Return the figures with one system's line, in place of an earlier one."""
        others = tuple(one for one in self.lines if one.system != line.system)
        return replace(
            self, lines=(*others, line), after={**self.after, line.system: after}, new={**self.new, line.system: new}
        )

    def problems(self) -> dict[str, str]:
        """Return the problems of logs that were not read, by system."""
        return {line.system: line.problem for line in self.lines if line.problem}

    def show(self, row: ExportSnapshot, lines: Sequence[ExportLine]) -> ExportView:
        """Return the snapshot under its pseudonym."""
        window = self.window
        changes = tuple(
            _since(line.system, self.new.get(line.system, 0), window.last[0])
            for line in lines
            if window.last and not line.problem
        )
        return ExportView(
            row.id,
            row.case_id,
            row.pseudonym,
            row.occasion,
            window.since,
            window.until,
            tuple(replace(line, problem=shown(stored(line.problem))) for line in lines),
            after_leaving=sum(self.after.values()),
            changes=changes,
        )

    def dump(self) -> dict[str, Any]:
        """Return plain JSON data."""
        window = self.window
        lines = [
            {
                **asdict(line),
                "problem": stored(line.problem),
                "weeks": [[day.isoformat(), events, records] for day, events, records in line.weeks],
            }
            for line in self.lines
        ]
        return {
            "since": window.since.isoformat(),
            "until": window.until.isoformat(),
            "locked": window.locked.isoformat() if window.locked else "",
            "last": [window.last[0], window.last[1].isoformat()] if window.last else [],
            "lines": lines,
            "after": dict(self.after),
            "new": dict(self.new),
        }

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> "ExportFigures":
        """Read the data that `dump` returned."""
        window = ExportWindow(
            datetime.fromisoformat(data["since"]),
            datetime.fromisoformat(data["until"]),
            datetime.fromisoformat(data["locked"]) if data["locked"] else None,
            (data["last"][0], datetime.fromisoformat(data["last"][1])) if data["last"] else None,
        )
        lines = tuple(
            ExportLine(**{**line, "weeks": tuple((date.fromisoformat(d), e, r) for d, e, r in line["weeks"])})
            for line in data["lines"]
        )
        return cls(window, lines, data["after"], data["new"])


def summarize(
    system: str, events: Sequence[ExportEvent], base: int, window: ExportWindow, zone: ZoneInfo
) -> ExportLine:
    """Count one system's exports, and the events whose log entries are incomplete. Nothing is estimated."""
    unnamed = sum(event.records is None or event.records > len(event.record_ids) for event in events)
    distinct = frozenset[str]().union(*(event.record_ids for event in events))
    return ExportLine(
        system,
        len(events),
        sum(event.records or 0 for event in events),
        len(distinct) if distinct or not unnamed else None,
        base,
        _weeks(events, window, zone),
        uncounted=sum(event.records is None for event in events),
        unnamed=unnamed,
    )


def unread(system: str, problem: str) -> ExportLine:
    """Return the line of a log that was not read, with the reason and without figures."""
    return ExportLine(system, 0, None, None, None, (), problem)


def occasion(stored_as: str) -> str:
    """Return a snapshot's occasion in words. It is stored as `notice`, `lock` or `day 7`."""
    if stored_as.startswith("day "):
        return _("day {day}").format(day=stored_as.removeprefix("day "))
    return {SnapshotOccasion.NOTICE: _("notice"), SnapshotOccasion.LOCK: _("lock")}[SnapshotOccasion(stored_as)]


def _since(system: str, new: int, moment: str) -> str:
    said = _("{system}: no exports since the snapshot at {moment}")
    if new:
        said = ngettext(
            "{system}: {count} export since the snapshot at {moment}",
            "{system}: {count} exports since the snapshot at {moment}",
            new,
        )
    return said.format(system=system, count=new, moment=occasion(moment))


def _weeks(events: Sequence[ExportEvent], window: ExportWindow, zone: ZoneInfo) -> tuple[tuple[date, int, int], ...]:
    times, records = Counter[date](), Counter[date]()
    for event in events:
        monday = _monday(event.at, zone)
        times[monday] += 1
        records[monday] += event.records or 0
    first, last = _monday(window.since, zone), _monday(window.until, zone)
    mondays = (first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1))
    return tuple((day, times[day], records[day]) for day in mondays)


def _monday(moment: datetime, zone: ZoneInfo) -> date:
    day = moment.astimezone(zone).date()
    return day - timedelta(days=day.weekday())
