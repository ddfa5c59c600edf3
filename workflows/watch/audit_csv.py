"""CSV file of an audit: every account of every past leaver with its verdict, and every open finding."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from config.text import _
from workflows.access.views import AccountLine, SystemLine
from workflows.cases.casefile import Casefile
from workflows.cases.finding_list import NAME_SEALED, FindingList
from workflows.cases.views import FindingLine
from workflows.csv_cells import csv_lines
from workflows.people import Leaver
from workflows.storage.store import Store
from workflows.storage.vault import WrongKey
from workflows.watch.watched_cases import past_case_pages

HEAD = ("audit", "case", "leaver", "system", "account", "verdict", "reason", "how", "read at (UTC)", "finding")
PAGE = 200
"""Cases that are read together. No read holds the database's snapshot for longer."""


def parts(store: Store, casefile: Casefile, findings: FindingList, run_id: str, now: datetime) -> Iterator[str]:
    """Yield the file's lines. A case whose data no key opens has a line with the reason."""
    yield from csv_lines([HEAD], _accounts(store, casefile, run_id, now), _findings(store, findings, run_id))


def _accounts(store: Store, casefile: Casefile, run_id: str, now: datetime) -> Iterator[list[str]]:
    for case_ids in past_case_pages(store, now, PAGE):
        with store.read() as session:
            cases = list(casefile.systems_of(session, case_ids))
        yield from ([run_id, *row, ""] for case in cases for row in _case(*case))


def _findings(store: Store, findings: FindingList, run_id: str) -> Iterator[list[str]]:
    with store.read() as session:
        lines = (*findings.lines(session), *findings.accepted(session))
    yield from ([run_id, *_finding(line)] for line in lines)


def _case(case_id: str, leaver: Leaver | WrongKey, systems: Sequence[SystemLine]) -> Iterator[list[str]]:
    if isinstance(leaver, WrongKey):
        yield [case_id, _(NAME_SEALED), "", "", "unknown", _(str(leaver)), "", ""]
        return
    for line in systems:
        for one in line.accounts or [line]:
            login = one.login if isinstance(one, AccountLine) else ""
            yield [case_id, leaver.name, line.system, login, one.verdict, one.reason, one.how, _iso(one.read_at)]


def _finding(line: FindingLine) -> list[str]:
    state = "open"
    if line.accepted_until:
        state = _("accepted until {day} by {name}: {reason}").format(
            day=_iso(line.accepted_until), name=line.accepted_by, reason=line.accepted_reason
        )
    elif line.taken_by:
        state = _("taken by {name}").format(name=line.taken_by)
    who = [line.case_id, line.leaver.name, line.system, line.login]
    return [
        *who,
        "",
        line.detail,
        state,
        _iso(line.last_seen),
        _("{kind} since {day}").format(kind=line.kind, day=_iso(line.first_seen)),
    ]


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
