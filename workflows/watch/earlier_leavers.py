"""Records of earlier leavers: the owners of all records, compared with the state of their accounts and with the cases.

An owner whose account cannot be read is listed as not known, and a system that cannot be read is named: nobody is
left out in silence. Only figures are kept, which name nobody.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from threading import Lock

from sqlmodel import Session, col, select

from config.text import N_, _, punctuated
from connectors.contract import Account, AccountId, Accounts, BookOwners, ClientBook, Observation, Verdict
from workflows.access import observation
from workflows.authorization import Right
from workflows.cases.views import EarlierFigure
from workflows.clients import earlier
from workflows.clients.context import chunks
from workflows.clients.moves import leave
from workflows.context import Context
from workflows.csv_cells import csv_lines
from workflows.people import Actor
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, EarlierFigures, EarlierOwners
from workflows.systems.registry import System
from workflows.watch.orphans import UNREADABLE
from workflows.watch.sweep import at_once
from workflows.watch.watched_cases import OVER, in_open_cases

AT_ONCE = 500
"""Accounts in one question to the database."""
KEPT_SECONDS = 600.0
"""Time for which the pages of one look are shown without another look."""
STAYS = (AssignmentState.KEPT, AssignmentState.EXCLUDED)
COLUMNS = ("system", "login", "name", "account", "state", "records", "kinds", "standing", "case", "why")
Progress = Callable[[str, str], None]
"""Told the system and what is done there now."""


class Standing(StrEnum):
    """The relation of an owner to the cases."""

    OFFERED = N_("no case")
    """Inactive and in no case: a handover is offered."""
    HANDED_OVER = N_("in a handover")
    """A case hands the records over now: it lists them, or a proposal waits, or records move."""
    ON_LEAVE = N_("on leave")
    STAYS = N_("stays on purpose")
    """A person decided in a case that these records stay, or the vendor lets nobody change their owner."""
    HAS_CASE = N_("has a case")
    """A case is about the owner, and these records are left over or new: its own checks tell of them."""
    UNKNOWN = N_("not known")
    """It is not known whether the account is inactive."""


@dataclass(frozen=True, slots=True)
class OwnerLine:
    """One owner of records whose account is not open, or is not known."""

    system: str
    account: AccountId
    login: str
    name: str
    verdict: Verdict
    kinds: Mapping[str, int]
    standing: Standing
    case_id: str = ""
    why: str = ""
    """Reason for which the state is not known, or the way in which it was read."""
    value: Mapping[str, Decimal] = field(default_factory=dict)
    """Value of the open records by currency; empty unless it was asked for."""

    @property
    def records(self) -> int:
        """The number of records."""
        return sum(self.kinds.values())

    @property
    def key(self) -> str:
        """The owner as people name it in a command or a form."""
        return f"{self.system}:{self.account}"


@dataclass(frozen=True, slots=True)
class EarlierLeavers:
    """The result of one look."""

    owners: tuple[OwnerLine, ...]
    """Those for whom a handover is offered first, with the most records first."""
    active: int
    """Owners whose account is open. They are not listed."""
    systems: tuple[str, ...]
    """Systems that were read whole."""
    not_looked: tuple[str, ...]
    """Systems that could not be read, one sentence each."""
    read_at: datetime

    @property
    def offered(self) -> tuple[OwnerLine, ...]:
        """The owners for whom a handover is offered."""
        return tuple(one for one in self.owners if one.standing is Standing.OFFERED)

    @property
    def unknown(self) -> tuple[OwnerLine, ...]:
        """The owners for whom it is not known whether they are inactive."""
        return tuple(one for one in self.owners if one.standing is Standing.UNKNOWN)

    @property
    def records(self) -> int:
        """The number of records of those for whom a handover is offered."""
        return sum(one.records for one in self.offered)

    def matching(self, words: str) -> tuple[OwnerLine, ...]:
        """Return the owners with these words in name, log-in, system or id."""
        wanted = words.casefold().split()
        texts = ((one, f"{one.name}\n{one.login}\n{one.key}".casefold()) for one in self.owners)
        return tuple(one for one, text in texts if all(word in text for word in wanted))


class EarlierLeaverSearch:
    """Looks for records of earlier leavers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._recent: tuple[float, EarlierLeavers] | None = None
        self._lock = Lock()

    def look(
        self,
        by: Actor,
        system: str = "",
        *,
        values: bool = False,
        progress: Progress = lambda system, what: None,  # noqa: ARG005 - says nothing
    ) -> EarlierLeavers:
        """Read the owners of all records, in one system or in all. `values`: read each of their records, too.

        Raises `Refused`, by authorization. A system that cannot be read is named in the result.
        """
        self._context.authorization.require(Right.SEE, by)
        return self.read(system, values=values, progress=progress)

    def recent(self, by: Actor) -> EarlierLeavers:
        """Return the newest look at all systems, if it is not old; else look. Raises as `look`."""
        self._context.authorization.require(Right.SEE, by)
        with self._lock:
            if self._recent is None or time.monotonic() - self._recent[0] > KEPT_SECONDS:
                self._recent = time.monotonic(), self.read()
            return self._recent[1]

    def forget(self) -> None:
        """Look afresh at the next question: a handover has changed what is to be shown."""
        self._recent = None

    def read(
        self,
        system: str = "",
        *,
        values: bool = False,
        progress: Progress = lambda system, what: None,  # noqa: ARG005 - says nothing
    ) -> EarlierLeavers:
        """Do as `look`, for the daily audit."""
        now = self._context.clock.now()
        books = [one for one, _book in self._context.systems.with_capability(ClientBook)]
        parts = at_once(
            lambda one: self._system(one, values, progress), [one for one in books if system in ("", one.name)]
        )
        for part in parts:
            if self._context.systems[part.system].has(BookOwners):
                self._keep(part, now)
        owners = sorted(
            (line for part in parts for line in part.owners),
            key=lambda one: (list(Standing).index(one.standing), -one.records, one.key),
        )
        return EarlierLeavers(
            tuple(owners),
            sum(part.active for part in parts),
            tuple(part.system for part in parts if not part.problem),
            tuple(part.problem for part in parts if part.problem),
            now,
        )

    def figure(self) -> EarlierFigure | None:
        """Return the figures of the newest looks, from the rows alone; None if no system can list the owners."""
        books = [one.name for one, _book in self._context.systems.with_capability(BookOwners)]
        if not books:
            return None
        with self._context.store.read() as session:
            rows = session.exec(select(EarlierFigures).where(col(EarlierFigures.system).in_(books))).all()
        times = [row.read_at for row in rows if row.read_at]
        known = len(times) == len(books)
        return EarlierFigure(
            sum(row.owners for row in rows),
            sum(row.records for row in rows),
            sum(row.unknown for row in rows),
            min(times) if times and known else None,
            tuple(sorted(row.system for row in rows if row.failed_at)),
        )

    def _keep(self, part: "_Part", now: datetime) -> None:
        with self._context.store.write() as session:
            row = session.get(EarlierFigures, part.system) or EarlierFigures(system=part.system)
            if part.problem:
                row.failed_at = now
            else:
                offered = [one for one in part.owners if one.standing is Standing.OFFERED]
                row.owners, row.records = len(offered), sum(one.records for one in offered)
                row.unknown = sum(one.standing is Standing.UNKNOWN for one in part.owners)
                row.read_at, row.failed_at = now, None
            session.add(row)

    def _system(self, system: System, values: bool, progress: Progress) -> "_Part":
        book, accounts = system.having(BookOwners), system.having(Accounts)
        name = system.manifest.title
        if book is None or accounts is None:
            problem = _("{system}: it cannot list the owners of all records, so nothing is known there")
            return _Part(system.name, problem=problem.format(system=name))
        try:
            progress(system.name, _("reading the owners of all records"))
            counts = book.owner_counts()
            progress(system.name, _("reading {count:,} accounts").format(count=len(counts)))
            seen = earlier.observe(system, accounts, sorted(counts))
            shut = [one for one, read in seen.items() if read.verdict is not Verdict.OPEN]
            known = {account: one for some in chunks(shut, AT_ONCE) for account, one in accounts.read(some).items()}
            lines = self._lines(system, {one: counts[one] for one in shut}, seen, known)
            if values:
                lines = [_with_value(book, line, progress) for line in lines]
        except UNREADABLE as error:
            problem = _("{system}: not read ({why}), so nothing is known there")
            return _Part(system.name, problem=problem.format(system=name, why=observation.malformed(error)))
        return _Part(system.name, tuple(lines), len(counts) - len(lines))

    def _lines(
        self,
        system: System,
        counts: Mapping[AccountId, Mapping[str, int]],
        seen: Mapping[AccountId, Observation],
        known: Mapping[AccountId, Account],
    ) -> list[OwnerLine]:
        lines = []
        for account, kinds in counts.items():
            read, found = seen[account], known.get(account)
            standing = Standing.UNKNOWN if read.verdict is Verdict.UNKNOWN else Standing.OFFERED
            login, name = (found.login, found.name) if found else ("", "")
            why = punctuated("; ").join(filter(None, (read.reason, read.how)))
            line = OwnerLine(system.name, account, login, name, read.verdict, kinds, standing, why=why)
            lines.append(line)
        with self._context.store.read() as session:
            told = _Standings(self._context, session, system.name)
            return [line for some in chunks(lines, AT_ONCE) for line in told.apply(some, known)]


@dataclass(frozen=True, slots=True)
class _Part:
    system: str
    owners: tuple[OwnerLine, ...] = ()
    active: int = 0
    problem: str = ""


class _Standings:
    """The cases that owners of one system are in."""

    def __init__(self, context: Context, session: Session, system: str) -> None:
        self._context, self._session, self._system = context, session, system
        going_on = select(Case).join(EarlierOwners, col(EarlierOwners.case_id) == col(Case.id))
        self._in_handovers = {
            one.account: case.id
            for case in session.exec(going_on.where(EarlierOwners.system == system, earlier.going_on())).all()
            for one in earlier.owners_of(context.vault, session, case, system)
        }

    def apply(self, lines: Sequence[OwnerLine], known: Mapping[AccountId, Account]) -> Iterator[OwnerLine]:
        """Yield the lines with their standing, and the case where there is one."""
        ids = [str(line.account) for line in lines]
        own = self._by_account(ids)
        named = in_open_cases(
            self._session, self._context.vault, [known[line.account] for line in lines if line.account in known]
        )
        stays = self._staying(ids)
        for line in lines:
            cases = {*own.get(line.account, ()), *named.get(line.account, ())}
            yield self._stand(line, sorted(cases), stays.get(line.account, 0))

    def _stand(self, line: OwnerLine, cases: Sequence[str], stays: int) -> OwnerLine:
        if case_id := self._in_handovers.get(line.account):
            return replace(line, standing=Standing.HANDED_OVER, case_id=case_id)
        if not cases:
            return line
        standing, case_id = Standing.HAS_CASE, cases[-1]
        for one in cases:
            case = self._session.get_one(Case, one)
            if case.state == CaseState.ON_LEAVE:
                standing, case_id = Standing.ON_LEAVE, one
            elif self._hands_over(one):
                standing, case_id = Standing.HANDED_OVER, one
                break
        if standing is Standing.HAS_CASE and stays >= line.records:
            standing = Standing.STAYS
        return replace(line, standing=standing, case_id=case_id)

    def _hands_over(self, case_id: str) -> bool:
        open_book = select(BookHandover.id).where(
            BookHandover.case_id == case_id,
            BookHandover.system == self._system,
            col(BookHandover.state).not_in(earlier.ENDED),
        )
        return self._session.exec(open_book.limit(1)).first() is not None

    def _by_account(self, ids: Sequence[str]) -> dict[str, set[str]]:
        """Return the cases that know an account, or that list its records."""
        found: dict[str, set[str]] = defaultdict(set)
        states = [state for state in OVER if state != CaseState.ON_LEAVE]
        known = (
            select(LeaverAccount.account_id, LeaverAccount.case_id)
            .join(Case, col(LeaverAccount.case_id) == col(Case.id))
            .where(
                LeaverAccount.system == self._system,
                col(LeaverAccount.account_id).in_(ids),
                col(Case.state).not_in(states),
            )
        )
        on_leave = (
            select(Assignment.owner, Assignment.case_id)
            .join(Case, col(Assignment.case_id) == col(Case.id))
            .where(Assignment.system == self._system, col(Assignment.owner).in_(ids), leave.going_on())
            .distinct()
        )
        for query in (known, on_leave):
            for account, case_id in self._session.exec(query):
                found[account].add(case_id)
        return found

    def _staying(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the number of records of each owner that stay on purpose."""
        found: dict[str, set[str]] = defaultdict(set)
        query = select(Assignment.owner, Assignment.record_id).where(
            Assignment.system == self._system, col(Assignment.owner).in_(ids), col(Assignment.state).in_(STAYS)
        )
        for owner, record in self._session.exec(query):
            found[owner].add(record)
        return {owner: len(records) for owner, records in found.items()}


def _with_value(book: ClientBook, line: OwnerLine, progress: Progress) -> OwnerLine:
    progress(line.system, _("reading the records of {name}").format(name=line.name or line.login or line.account))
    value: dict[str, Decimal] = defaultdict(Decimal)
    for record in book.records(line.account):
        if record.open and record.value:
            value[record.currency] += record.value
    return replace(line, value=dict(value))


def csv(found: EarlierLeavers) -> Iterator[str]:
    """Return the lines of a CSV file with every owner, and every system that was not read."""
    rows = (
        (
            one.system,
            one.login,
            one.name,
            one.account,
            one.verdict.value,
            one.records,
            "; ".join(f"{kind} {number}" for kind, number in sorted(one.kinds.items())),
            one.standing.value,
            one.case_id,
            one.why,
        )
        for one in found.owners
    )
    unread = (("", "", "", "", Verdict.UNKNOWN.value, "", "", "", "", problem) for problem in found.not_looked)
    return csv_lines([COLUMNS], (row for part in (rows, unread) for row in part))
