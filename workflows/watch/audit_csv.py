"""An audit as a sheet: every account of every past leaver with its verdict, and every open finding."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from config.text import _
from workflows.access.views import AccountLine, SystemLine
from workflows.cases.casefile import Casefile
from workflows.cases.finding_list import SHUT, FindingList
from workflows.cases.views import FindingLine
from workflows.storage.store import Store
from workflows.storage.vault import WrongKey
from workflows.watch.watched_cases import past_cases

HEAD = ("audit", "case", "leaver", "system", "account", "verdict", "reason", "how", "read at (UTC)", "finding")


def write(store: Store, casefile: Casefile, sheet: FindingList, run_id: str, now: datetime) -> str:
    """Return the sheet. A case whose data no key opens has a line that says so."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    with store.read() as session:
        for case_id in session.exec(past_cases(now)).all():
            writer.writerows([run_id, *row, ""] for row in _case(session, casefile, case_id))
        for finding in (*sheet.lines(session), *sheet.accepted(session)):
            writer.writerow([run_id, *_finding(finding)])
    return out.getvalue()


def plain(text: str) -> str:
    """Return a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _case(session: Session, casefile: Casefile, case_id: str) -> Iterator[list[str]]:
    try:
        view = casefile.view(session, case_id)
    except WrongKey as error:
        yield [case_id, _(SHUT), "", "", "unknown", plain(_(str(error))), "", ""]
        return
    for line in view.systems:
        for one in line.accounts or [line]:
            login = one.login if isinstance(one, AccountLine) else ""
            yield [case_id, plain(view.leaver.name), line.system, plain(login), *_verdict(one)]


def _verdict(line: AccountLine | SystemLine) -> list[str]:
    return [line.verdict, plain(line.reason), plain(line.how), _iso(line.read_at)]


def _finding(line: FindingLine) -> list[str]:
    state = "open"
    if line.accepted_until:
        state = _("accepted until {day} by {name}: {reason}").format(
            day=_iso(line.accepted_until), name=line.accepted_by, reason=line.accepted_reason
        )
    elif line.taken_by:
        state = _("taken by {name}").format(name=line.taken_by)
    who = [line.case_id, plain(line.leaver.name), line.system, plain(line.login)]
    since = _("{kind} since {day}").format(kind=line.kind, day=_iso(line.first_seen))
    return [*who, "", plain(line.detail), plain(state), _iso(line.last_seen), since]


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
