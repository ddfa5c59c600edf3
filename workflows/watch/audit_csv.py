"""The CSV file of an audit: every account of every past leaver with its verdict, and every open finding."""

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from config.text import _
from workflows.access.views import AccountLine, SystemLine
from workflows.cases.casefile import Casefile
from workflows.cases.finding_list import SHUT, FindingList
from workflows.cases.views import FindingLine
from workflows.csv_cells import csv_lines
from workflows.storage.store import Store
from workflows.storage.vault import WrongKey
from workflows.watch.watched_cases import past_cases

HEAD = ("audit", "case", "leaver", "system", "account", "verdict", "reason", "how", "read at (UTC)", "finding")


def write(store: Store, casefile: Casefile, sheet: FindingList, run_id: str, now: datetime) -> str:
    """Return the file's text. A case whose data no key opens has a line that says so."""
    with store.read() as session:
        cases = session.exec(past_cases(now)).all()
        accounts = ([run_id, *row, ""] for case_id in cases for row in _case(session, casefile, case_id))
        findings = ([run_id, *_finding(one)] for one in (*sheet.lines(session), *sheet.accepted(session)))
        return "".join(csv_lines([HEAD], accounts, findings))


def _case(session: Session, casefile: Casefile, case_id: str) -> Iterator[list[str]]:
    try:
        view = casefile.view(session, case_id)
    except WrongKey as error:
        yield [case_id, _(SHUT), "", "", "unknown", _(str(error)), "", ""]
        return
    for line in view.systems:
        for one in line.accounts or [line]:
            login = one.login if isinstance(one, AccountLine) else ""
            yield [case_id, view.leaver.name, line.system, login, *_verdict(one)]


def _verdict(line: AccountLine | SystemLine) -> list[str]:
    return [line.verdict, line.reason, line.how, _iso(line.read_at)]


def _finding(line: FindingLine) -> list[str]:
    state = "open"
    if line.accepted_until:
        state = _("accepted until {day} by {name}: {reason}").format(
            day=_iso(line.accepted_until), name=line.accepted_by, reason=line.accepted_reason
        )
    elif line.taken_by:
        state = _("taken by {name}").format(name=line.taken_by)
    who = [line.case_id, line.leaver.name, line.system, line.login]
    since = _("{kind} since {day}").format(kind=line.kind, day=_iso(line.first_seen))
    return [*who, "", line.detail, state, _iso(line.last_seen), since]


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
