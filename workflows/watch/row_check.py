"""Comparison of all rows with the marked entries of the journal, each minute and at each audit.

Whoever can write to the database has no key. What they write into rows is put back as it was recorded, a lock-out goes
on, and security is told.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache, partial

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import Sentence, gettext_lazy
from connectors.contract import Verdict
from workflows.access.account_state import is_readable, is_whole, repair
from workflows.cases.offboarding import create_access_work
from workflows.context import Context
from workflows.storage.case import (
    RECEIVER_ADDED,
    keep_names,
    leaver_keys,
    mail_key,
    name_key,
    open_case_data,
    refresh_case_message,
    slack_key,
)
from workflows.storage.heads import Head, of_row
from workflows.storage.journal import GENESIS, LAST
from workflows.storage.rows.access import Access, LeaverAccount, ManualStep
from workflows.storage.rows.case import Case, CaseName, CaseState
from workflows.storage.rows.operations import JournalEntry, JournalHead
from workflows.storage.rows.watch import FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault, WrongKey
from workflows.storage.verification import FOREIGN, foreign_objects
from workflows.storage.work import again
from workflows.tampering import ENDED, Act, act_of, acts, report_in
from workflows.watch.recorded_audits import RecordedAudits
from workflows.watch.recorded_case import CaseRows, Difference, Part, RecordedCase, differences
from workflows.watch.recorded_findings import RecordedFindings

log = logging.getLogger(__name__)
BY = "row check"
PAGE = 500
"""Cases whose rows are read at a time."""
OPEN = (CaseState.SCHEDULED, CaseState.RUNNING)
RECENT = timedelta(days=2)
"""Time after the lock-out for which all rows of a case are compared each minute; later, at each audit."""
JOURNAL, TABLES = "journal", "tables"


class RowCheck:
    """Comparison of rows with the journal. What was read of the journal stays in memory, where nobody changes it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cases: dict[str, RecordedCase] = defaultdict(RecordedCase)
        self._findings, self._audits = RecordedFindings(context), RecordedAudits(context)
        self._seq, self._hash = 0, GENESIS
        self._head: Head | None = None
        self._marked = False
        self._one_at_a_time = threading.Lock()

    def check(self, by: str = BY, *, everything: bool = False) -> int:
        """Compare, mend and report; return how many differences there were. `by`: names the audit in findings.

        `everything`: compare the work of old cases as well, as an audit does.
        """
        with self._one_at_a_time:
            found, suspects = self._read_journal(by, sign=not everything), self._differing(everything=everything)
            if suspects:  # work that ended meanwhile is in the journal by now
                found += self._read_journal(by, sign=not everything)
            for case_id, rows in suspects.items():
                if self._differs(case_id, rows):
                    found += self._mend_or_tell(case_id, by)
            with self._context.store.write() as session:
                found += self._audits.check(session, by)
            found += self._look_for_foreign_objects(by)
            return found + self._findings.check(by)

    def _look_for_foreign_objects(self, by: str) -> int:
        """Report each trigger and the like. The log has it too: a trigger may take the finding out again."""
        with self._context.store.read() as session:
            names = foreign_objects(session)
        for name in names:
            log.error("the database has a %s, which is not this program's: nothing that it says is certain", name)
            self._report(TABLES, gettext_lazy(FOREIGN, what=name), by, name)
        return len(names)

    def _read_journal(self, by: str, *, sign: bool) -> int:
        """Read what is new in the journal. An entry without our mark counts for nothing, and is reported."""
        self._context.journal.seal(settle=sign)  # an audit signs at its end
        with self._context.store.read() as session:
            problem = self._cut(session) or self._headless(session)
        unmarked = 0
        while not problem:
            with self._context.store.read() as session:
                opener = cache(partial(self._context.journal.opener, session))
                page = [
                    (entry, act_of(entry, opener(entry.case_id)) if marked else None)
                    for entry, marked in self._context.journal.after(session, self._seq)
                ]
            if not page:
                break
            for entry, act in page:
                if (entry.seq, entry.prev) != (self._seq + 1, self._hash):
                    problem = gettext_lazy("entry {seq} of the journal was taken out or changed", seq=self._seq + 1)
                self._seq, self._hash = entry.seq, entry.hash
                self._marked = self._marked or act is not None
                unmarked += self._marked and act is None  # version 0.2.0 made no marks
                if act is not None:
                    self._add(act, entry.case_id)
        if problem:
            self._report(JOURNAL, problem, by, "cut")
        if unmarked:
            words = gettext_lazy("entries of the journal that carry no mark of ours: {count}", count=str(unmarked))
            self._report(JOURNAL, words, by, "marks")
        return bool(problem) + bool(unmarked)

    def _add(self, act: Act, case_id: str) -> None:
        if case_id:
            self._cases[case_id].add(act)
        self._findings.add(act, case_id)
        self._audits.add(act)

    def _cut(self, session: Session) -> Sentence | None:
        """Return what is missing of the entries that were read before. Reading then goes on at the end."""
        number = session.exec(select(sa.func.count()).where(col(JournalEntry.seq).is_not(None))).one()
        seq, digest = session.connection().execute(LAST).one_or_none() or (0, GENESIS)
        known = session.exec(select(JournalEntry.hash).where(JournalEntry.seq == self._seq)).first()
        if number == seq and (known or GENESIS) == self._hash:
            return None
        self._seq, self._hash = seq, digest
        return gettext_lazy(
            "the journal was cut: {count} entries are there, the last one is {seq}", count=number, seq=seq
        )

    def _headless(self, session: Session) -> Sentence | None:
        """Return which signed head is gone that was there before."""
        known, newest = self._head, self._context.journal.newest_head()
        self._head = newest or known
        row = session.get(JournalHead, known.seq) if known else None
        if known is None or (row is not None and of_row(row) == known):
            return None
        return gettext_lazy("head {number} of the journal was deleted or changed", number=known.number)

    def _differs(self, case_id: str, rows: CaseRows) -> bool:
        now = self._context.clock.now()
        return bool(differences(self._cases[case_id], rows, self._context.systems, now))

    def _differing(self, *, everything: bool) -> dict[str, CaseRows]:
        """Return the cases whose rows may differ, with the rows. They are compared again in a transaction."""
        found: dict[str, CaseRows] = {}
        now, known = self._context.clock.now(), sorted(self._cases)
        for start in range(0, len(known), PAGE):
            page = known[start : start + PAGE]
            wanted = [
                one
                for one in page
                if everything or self._cases[one].state in OPEN or _is_recent(self._cases[one].effective_at, now)
            ]
            with self._context.store.read() as session:
                rows = _rows(session, self._context.vault, page, wanted, now)
            found |= {case_id: rows[case_id] for case_id in page if self._differs(case_id, rows[case_id])}
        return found

    def _mend_or_tell(self, case_id: str, by: str) -> int:
        """Mend one case. Rows that cannot be put back do not keep the others from it, and are reported."""
        try:
            return self._mend(case_id, by)
        except (sa.exc.SQLAlchemyError, ValueError, LookupError) as error:
            log.exception("the rows of case %s cannot be put back", case_id)
            why = type(error).__name__
            words = gettext_lazy("rows of case {case} were changed in the database: {why}", case=case_id, why=why)
            self._report("", words, by, f"rows:{case_id}")
            return 1

    def _mend(self, case_id: str, by: str) -> int:
        """Compare one case while nobody writes, put its rows back, and report."""
        context, now = self._context, self._context.clock.now()
        with context.store.write() as session:
            recorded = RecordedCase()
            for act in acts(context, session, case_id, strict=False):
                recorded.add(act)
            rows = _rows(session, context.vault, [case_id], [case_id], now)[case_id]
            case = rows.case
            if not recorded.state:  # its entries were taken out as well
                recorded = self._cases[case_id]
            found = differences(recorded, rows, context.systems, now)
            if found and case is not None:
                self._put_back(session, recorded, rows, case)
                for difference in found:
                    self._mend_part(session, case, rows, difference, now)
                refresh_case_message(session, case_id)
            for difference in found:
                place = difference.name if difference.part in (Part.ACCESS, Part.STEP) else ""
                of_case = case_id if case is not None else ""
                account = f"{difference.part}:{difference.name}" if of_case else case_id
                report_in(context, session, of_case, place, difference.sentence, by, account)
            return len(found)

    def _put_back(self, session: Session, recorded: RecordedCase, rows: CaseRows, case: Case) -> None:
        """Put back what can be: the people as they were sealed last, and accounts under the ids of their rows."""
        vault = self._context.vault
        for entry, marked in () if rows.readable else self._context.journal.entries(session, case.id, "case.%"):
            known = entry.action in ("case.opened", RECEIVER_ADDED)
            if known and marked and _opens(vault, case.wrapped_key, entry.sealed, f"case:{case.id}"):
                case.sealed = entry.sealed
        for account in rows.damaged:
            repair(session, vault, case.wrapped_key, account)
        for row in rows.unread:
            row.verdict, row.note, row.read_at = Verdict.UNKNOWN, b"", None
        if not rows.found:
            leaver = open_case_data(vault, case).leaver
            case.mail_key, case.slack_key = mail_key(vault, leaver.email), slack_key(vault, leaver.slack_id)
            if case.leaver_key not in (keys := leaver_keys(vault, leaver)):
                case.leaver_key = keys[0]
            keep_names(session, vault, case.id, leaver)
        _put_back(session, recorded, case)

    def _mend_part(self, session: Session, case: Case, rows: CaseRows, what: Difference, now: datetime) -> None:
        """Make work due that a row called off, done or put off. A read decides again."""
        if what.part == Part.STEP:
            step = rows.steps[what.name]
            step.confirmed_at, step.confirmed_by = None, ""
            again(session, step, now)
        elif what.part == Part.ACCESS and (access := rows.accesses.get(what.name)):
            access.verdict, access.locked_at = Verdict.UNKNOWN, None
            again(session, access, now)
        elif what.part == Part.ACCESS and (work := _under_its_id(session, f"{case.id}:{what.name}")):
            work.case_id, work.system = case.id, what.name
            again(session, work, now)
        elif what.part == Part.ACCESS and what.name in self._context.systems:
            create_access_work(session, case, self._context.systems[what.name], now, now)
        elif what.part == Part.FOLLOW_UP:
            day = int(what.name)
            due, row_id = max(now, case.effective_at + timedelta(days=day)), f"{case.id}:day-{day}"
            row = session.get(FollowUp, row_id) or FollowUp(id=row_id, case_id=case.id, day=day, due_at=due)
            row.case_id, row.day = case.id, day
            again(session, row, due)

    def _report(self, system: str, sentence: Sentence, by: str, account: str) -> None:
        with self._context.store.write() as session:
            report_in(self._context, session, "", system, sentence, by, account)


def _is_recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - RECENT <= at <= now


def _under_its_id(session: Session, row_id: str) -> Access | ManualStep | None:
    """Return the row of a lock-out or a step, to which another hand gave another case or system."""
    return session.get(Access, row_id) or session.get(ManualStep, row_id)


def _rows(
    session: Session, vault: Vault, case_ids: Sequence[str], with_work: Sequence[str], now: datetime
) -> dict[str, CaseRows]:
    """Return the rows of cases, for some of them with those of their work."""
    found = {one: CaseRows() for one in case_ids}
    for case in session.exec(select(Case).where(col(Case.id).in_(case_ids))):
        found[case.id].case = case
    for one in with_work:
        found[one].work = True
    for access in session.exec(select(Access).where(col(Access.case_id).in_(with_work))):
        if access.id == f"{access.case_id}:{access.system}":
            found[access.case_id].accesses[access.system] = access
    for step in session.exec(select(ManualStep).where(col(ManualStep.case_id).in_(with_work))):
        found[step.case_id].steps[step.system] = step
    for row in session.exec(select(FollowUp).where(col(FollowUp.case_id).in_(with_work))):
        found[row.case_id].follow_ups.append(row)
    own = select(Access.id).where(col(Access.case_id).in_(with_work))
    of_case = sa.or_(col(LeaverAccount.case_id).in_(with_work), col(LeaverAccount.access_id).in_(own))
    for account in session.exec(select(LeaverAccount).where(of_case)):
        named = account.id.partition(":")[0]
        rows = found[named if named in with_work else account.case_id]
        if rows.case is not None and not is_whole(vault, rows.case.wrapped_key, account):
            rows.damaged.append(account)
        else:
            rows.accounts.append(account)
    for one in with_work:
        _try_keys(session, vault, found[one], now)
    return found


def _try_keys(session: Session, vault: Vault, rows: CaseRows, now: datetime) -> None:
    """Note what of a case does not open, or does not find it."""
    case = rows.case
    if case is None:
        return
    if not case.wrapped_key:  # deleted on purpose, once the case is over
        rows.readable = case.state not in OPEN
        return
    rows.readable = _opens(vault, case.wrapped_key, case.sealed, f"case:{case.id}")
    rows.found = not rows.readable or _is_found(session, vault, case)
    read: list[Access | LeaverAccount] = [*rows.accesses.values(), *rows.accounts]
    rows.unread = [row for row in read if not is_readable(vault, case.wrapped_key, row, now)]


def _is_found(session: Session, vault: Vault, case: Case) -> bool:
    """Return whether a case is found by its leaver's names. An earlier version kept no names."""
    leaver = open_case_data(vault, case).leaver
    keys = set(session.exec(select(CaseName.key).where(CaseName.case_id == case.id)))
    names = (*leaver.emails, *leaver.logins)
    return (
        case.mail_key == mail_key(vault, leaver.email)
        and case.slack_key == (slack_key(vault, leaver.slack_id) if leaver.slack_id or case.slack_key else "")
        and case.leaver_key in leaver_keys(vault, leaver)
        and all(name_key(vault, name) in keys for name in names)
    )


def _opens(vault: Vault, key: bytes, sealed: bytes, context: str) -> bool:
    try:
        vault.open(key, sealed, context)
    except WrongKey:
        return False
    return True


def _put_back(session: Session, recorded: RecordedCase, case: Case) -> None:
    """Put the state and the day of a case back. A held case that was released in the rows goes on: locked is safe."""
    if recorded.state and not (recorded.state == CaseState.HELD and case.state in OPEN):
        case.state = recorded.state
    at = recorded.effective_at
    if at is not None and case.effective_at != at:
        case.effective_at = at
        session.execute(
            sa.update(Access)
            .where(col(Access.case_id) == case.id, col(Access.attempt) == 0, col(Access.state) == WorkState.DUE)
            .values(due_at=at)
        )
    if recorded.state in ENDED:
        session.execute(
            sa.update(Access)
            .where(col(Access.case_id) == case.id, col(Access.state) == WorkState.DUE)
            .values(state=WorkState.CANCELLED)
        )
    session.add(case)
