"""An audit as CSV: every account of every past leaver with its verdict, and every open finding."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from config.text import _
from workflows.access.views import AccountLine, SystemLine
from workflows.cases.casefile import Casefile, CaseSystems
from workflows.cases.finding_list import NAME_SEALED, FindingList
from workflows.cases.views import FindingLine
from workflows.csv_cells import escape_cell
from workflows.storage.store import Store
from workflows.watch.watched_cases import past_case_pages

HEAD = ("audit", "case", "leaver", "system", "account", "verdict", "reason", "how", "read at (UTC)", "finding")
PAGE = 200
"""Cases that are read together; no read holds the database's snapshot for longer than that takes."""


def parts(store: Store, casefile: Casefile, findings: FindingList, run_id: str, now: datetime) -> Iterator[str]:
    """Give the file part by part. A case whose data no key opens has a line that says so."""
    yield _text([HEAD])
    for case_ids in past_case_pages(store, now, PAGE):
        with store.read() as session:
            cases = list(casefile.systems_of(session, case_ids))
        yield _text([run_id, *row, ""] for case in cases for row in _case(case))
    with store.read() as session:
        lines = (*findings.lines(session), *findings.accepted(session))
    yield _text([run_id, *_finding(line)] for line in lines)


def _text(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _case(case: CaseSystems) -> Iterator[list[str]]:
    if case.leaver is None:
        yield [case.case_id, _(NAME_SEALED), "", "", "unknown", escape_cell(_(case.problem)), "", ""]
        return
    name = escape_cell(case.leaver.name)
    for line in case.systems:
        for one in line.accounts or [line]:
            login = one.login if isinstance(one, AccountLine) else ""
            yield [case.case_id, name, line.system, escape_cell(login), *_verdict(one)]


def _verdict(line: AccountLine | SystemLine) -> list[str]:
    return [line.verdict, escape_cell(line.reason), escape_cell(line.how), _iso(line.read_at)]


def _finding(line: FindingLine) -> list[str]:
    state = "open"
    if line.accepted_until:
        state = _("accepted until {day} by {name}: {reason}").format(
            day=_iso(line.accepted_until), name=line.accepted_by, reason=line.accepted_reason
        )
    elif line.taken_by:
        state = _("taken by {name}").format(name=line.taken_by)
    who = [line.case_id, escape_cell(line.leaver.name), line.system, escape_cell(line.login)]
    since = _("{kind} since {day}").format(kind=line.kind, day=_iso(line.first_seen))
    return [*who, "", escape_cell(line.detail), escape_cell(state), _iso(line.last_seen), since]


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
