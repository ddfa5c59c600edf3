"""Sweep: a new read of every past leaver in every system, in few calls, with its counts.

A row is written only after a change. One `SweepStatus` per system stores when all the others were read. While one page
is compared, the next pages are being read.
"""

import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _, stored
from connectors.contract import AccountId, Accounts, Observation, Roster, Verdict
from connectors.errors import ConnectorError
from workflows.access import observation as watch
from workflows.access import residual
from workflows.access.absence import AbsenceCheck
from workflows.access.account_state import GOOD
from workflows.context import Context
from workflows.storage.findings import ABOUT_ACCOUNTS, still_open
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import ACCOUNT, ACCOUNT_ROW, Access, LeaverAccount
from workflows.storage.rows.watch import SweepStatus
from workflows.storage.work import say
from workflows.systems.registry import System
from workflows.watch import watched_cases
from workflows.watch.new_accounts import NewAccounts
from workflows.watch.watched_cases import never_verified, past_cases, unconfigured_systems, without_accounts

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = 4
"""Systems in work at the same time: each holds a thread, and at times a database connection."""
AHEAD = 2
"""Pages that are read while one is compared, each on a connection of its own."""
LOCKED, SWEPT = Verdict.LOCKED.value, "access.swept"
MANY = 2000
"""Number of accounts in one system from which listing all locked ones is quicker than reading each by its id."""
log = logging.getLogger(__name__)


Raw = tuple[str, str, str, str]
"""Fields of a `SweepRow`, as the driver returns them: both ids are sealed."""


class SweepRow(NamedTuple):
    """Fields of an account that a sweep needs. `id` is sealed."""

    id: str
    account_id: str
    verdict: str
    case_id: str


@dataclass
class SweepCounts:
    """Counts of one sweep, stored with its audit."""

    verdicts: dict[str, int] = field(default_factory=lambda: {verdict.value: 0 for verdict in Verdict})
    cases: int = 0
    not_read: list[str] = field(default_factory=list)
    not_looked: list[str] = field(default_factory=list)
    """Checks that were not possible, with the system: orphans in a system that cannot list everybody."""

    @classmethod
    def load(cls, text: str) -> "SweepCounts":
        """Return the counts that an audit stored. Damaged ones say that nothing is known to be read."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return cls(not_read=[_("what this audit read was changed in the database")])

    def add(self, seen: Counter[str]) -> None:
        """Add one account's verdicts of a system."""
        for verdict, number in seen.items():
            self.verdicts[verdict] += number

    def merge(self, other: "SweepCounts") -> None:
        """Add the counts of another part of the sweep."""
        self.add(Counter(other.verdicts))
        self.not_read += other.not_read
        self.not_looked += other.not_looked


def at_once(work: Callable[[T], R], each: Iterable[T]) -> list[R]:
    """Return the results of the work, in the given order. Raises the error of the first that failed."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="watch") as pool:
        # One copy each: the words of a result are in the language of the caller.
        asked = [pool.submit(copy_context().run, work, one) for one in each]
    return [one.result() for one in asked]


class AccountSweep:
    """Reads systems, and writes verdicts and findings. An account that was not read gets no verdict."""

    def __init__(self, context: Context, newcomers: NewAccounts, absence: AbsenceCheck) -> None:
        self._context, self._newcomers, self._absence = context, newcomers, absence

    def run(self, by: str) -> SweepCounts:
        """Read every system; `by` names the audit in the findings."""
        tally = SweepCounts()
        with self._context.store.read() as session:
            tally.cases = watched_cases.count(session, self._context.clock.now())
        for seen in at_once(lambda one: self._system(*one, by), self._context.systems.with_capability(Accounts)):
            tally.merge(seen)
        for words, number in unconfigured_systems(self._context):
            tally.not_read.append(words)
            tally.verdicts[Verdict.UNKNOWN] += number
        tally.verdicts[Verdict.UNKNOWN] += never_verified(self._context, by)
        return tally

    def _system(self, system: System, accounts: Accounts, by: str) -> SweepCounts:
        began, seen, tally = self._context.clock.now(), Counter[str](), SweepCounts()
        try:
            self._accounts(system, accounts, seen, by)
            seen.update(self._newcomers.look(system, accounts, by))
            residual.look_again(self._context, system.name, accounts)
            words = _("{system}: accounts may be hidden there: {why}")
            tally.not_looked += [words.format(system=system.name, why=why) for why in accounts.shortfalls()]
        except ConnectorError as error:
            tally.not_read.append(watch.unreadable(system.name, system.manifest.title, error))
            with self._context.store.write() as session:
                row = session.get(SweepStatus, system.name) or SweepStatus(system=system.name)
                row.failed_at, row.problem = began, stored(say(error))
                session.add(row)
                self._write_entry(session, system.name, began, complete=False)
            tally.add(self._what_is_left(system.name, began))
        else:
            with self._context.store.write() as session:
                session.merge(SweepStatus(system=system.name, read_at=began))
                self._write_entry(session, system.name, began, complete=True)
            tally.add(seen)
        return tally

    def _write_entry(self, session: Session, system: str, began: datetime, *, complete: bool) -> None:
        """Record when the accounts were read, which a row alone does not prove."""
        said = {"system": system, "at": began.isoformat(), "complete": complete}
        self._context.journal.write(session, actor=HANDOVER, action=SWEPT, data=said)

    # -- known accounts

    def _accounts(self, system: System, accounts: Accounts, seen: Counter[str], by: str) -> None:
        with self._context.store.read() as session:
            pending = {row.account_id for row in still_open(session, system.name, ABOUT_ACCOUNTS)}
        for page, answer in self._read(system, accounts, self._locked(system), pending, seen):
            verdicts = [answer[AccountId(row.account_id)].verdict for row in page]
            seen.update(verdicts)
            news = [
                row
                for row, verdict in zip(page, verdicts, strict=True)
                if verdict != row.verdict or verdict not in GOOD or row.account_id in pending
            ]
            if news:
                opened = [
                    row.account_id
                    for row in news
                    if answer[AccountId(row.account_id)].verdict is Verdict.OPEN != row.verdict
                ]
                self._record(news, answer, watch.changes(system, opened, self._context.clock.now()), by)

    def _locked(self, system: System) -> Collection[str]:
        """List the locked accounts if there are many and the system can list them. Unlisted accounts are read by id."""
        roster = system.having(Roster)
        query = select(LeaverAccount.id).where(LeaverAccount.system == system.name).offset(MANY).limit(1)
        with self._context.store.read() as session:
            many = session.exec(query).first() is not None
        if roster is None or not many:
            return ()
        try:
            listed = roster.locked()
            return listed if not listed or self._is_read_locked(system, min(listed)) else ()
        except (ConnectorError, *watch.MALFORMED) as error:
            log.warning("%s cannot list who is locked (%s): everybody is read by id", system.name, error)
            return ()

    def _is_read_locked(self, system: System, sample: AccountId) -> bool:
        """Return whether a read by id agrees with the list on one account: a policy may have ended all locks."""
        accounts = system.having(Accounts)
        return accounts is not None and accounts.observe([sample])[sample].verdict is Verdict.LOCKED

    def _read(
        self, system: System, accounts: Accounts, locked: Collection[str], pending: Collection[str], seen: Counter[str]
    ) -> Iterator[tuple[list[SweepRow], dict[AccountId, Observation]]]:
        """Yield page after page with fresh observations, reading ahead. Accounts listed as locked are only counted."""
        batch = system.manifest.limits.observe_batch
        asked: deque[tuple[list[SweepRow], Future[dict[AccountId, Observation]]]] = deque()
        with ThreadPoolExecutor(AHEAD, thread_name_prefix=f"sweep-{system.name}") as pool:
            for rows in self._pages(system.name, batch):
                ids = self._context.vault.open_ids(ACCOUNT, [row[1] for row in rows])
                page = [
                    SweepRow(row[0], account_id, row[2], row[3])
                    for account_id, row in zip(ids, rows, strict=True)
                    if account_id not in locked or row[2] != LOCKED or account_id in pending
                ]
                seen[Verdict.LOCKED] += len(rows) - len(page)
                if page:
                    wanted = [AccountId(row.account_id) for row in page]
                    asked.append((page, pool.submit(watch.observe, accounts, wanted, batch)))
                if len(asked) > AHEAD:
                    yield self._believed(system, *asked.popleft())
            for known, answer in asked:
                yield self._believed(system, known, answer)

    def _believed(
        self, system: System, page: list[SweepRow], answer: Future[dict[AccountId, Observation]]
    ) -> tuple[list[SweepRow], dict[AccountId, Observation]]:
        cases = {AccountId(row.account_id): row.case_id for row in page}
        return page, self._absence.believed(system, answer.result(), cases)

    def _record(
        self, rows: list[SweepRow], answer: dict[AccountId, Observation], changed_by: dict[str, str], by: str
    ) -> None:
        with self._context.store.write() as session:
            for row in rows:
                fresh, observation = (
                    session.get_one(LeaverAccount, self._row_id(row.id)),
                    answer[AccountId(row.account_id)],
                )
                who, now = changed_by.get(row.account_id, ""), self._context.clock.now()
                watch.record(session, self._context.vault, self._context.findings, fresh, observation, by, now, who)

    def _pages(self, system: str, batch: int) -> Iterator[list[Raw]]:
        after = ""
        with self._context.store.read() as session:
            left_out = watched_cases.unwatched_case_ids(session, self._context.clock.now())
        while page := self._page(system, after, batch):
            after = self._row_id(page[-1][0])
            kept = [row for row in page if row[3] not in left_out] if left_out else page
            if kept:
                yield kept

    def _row_id(self, sealed: str) -> str:
        return self._context.vault.open_id(ACCOUNT_ROW, sealed)

    def _page(self, system: str, after: str, batch: int) -> list[Raw]:
        query = (
            sa.select(LeaverAccount.id, LeaverAccount.account_id, LeaverAccount.verdict, LeaverAccount.case_id)  # type: ignore[call-overload]
            .where(LeaverAccount.system == system, col(LeaverAccount.id) > after)
            .order_by(col(LeaverAccount.id))
            .limit(batch)
        )
        with self._context.store.read() as session:
            found = session.connection().execute(query)
            # The driver's own tuples: an object per row would double the cost of the read.
            return list(found.cursor.fetchall()) if found.cursor else []

    def _what_is_left(self, system: str, began: datetime) -> Counter[str]:
        """Count a system that could not be read completely. Accounts that this sweep wrote keep their verdict."""
        seen: Counter[str] = Counter()
        past = past_cases(self._context.clock.now()).order_by(None)
        fresh = col(LeaverAccount.read_at) >= began
        with self._context.store.read() as session:
            query = sa.select(LeaverAccount.verdict, fresh, sa.func.count()).where(  # type: ignore[call-overload]
                LeaverAccount.system == system, col(LeaverAccount.case_id).in_(past)
            )
            for verdict, read, number in session.connection().execute(query.group_by(LeaverAccount.verdict, fresh)):
                seen[verdict if read else Verdict.UNKNOWN] += number
            seen[Verdict.UNKNOWN] += session.exec(
                select(sa.func.count()).select_from(
                    without_accounts(system).where(col(Access.read_at) < began).subquery()
                )
            ).one()
        return seen
