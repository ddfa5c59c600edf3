"""The access track: lock one leaver out of one system, read back, and say what is true.

One `Access` row is one piece of work. It can be killed at any point and run again: accounts are looked up afresh, the
before-image is stored before the first write and never replaced, and the verdict comes from the last read alone.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from connectors.contract import Account as Found
from connectors.contract import AccountId, Accounts, Before, Verdict
from connectors.errors import ConnectorError, Missing
from workflows import matching, restriction
from workflows.cases import UNWATCHED, CaseData, person, read_case, settle
from workflows.findings import Findings, Sighting
from workflows.guards import Guards
from workflows.journal import HANDOVER, Journal
from workflows.lastadmin import LastAdministrator
from workflows.lockout import AccountData, LockOut, Result
from workflows.matching import CHOOSE, Links, Match
from workflows.model import Access, Account, Case, CaseState, JournalEntry, WorkState
from workflows.notes import Note, seal
from workflows.ports import Clock
from workflows.store import Store
from workflows.systems import System, Systems
from workflows.undo import redo
from workflows.vault import Vault
from workflows.work import again, finish, retry_at, say

LATE = timedelta(minutes=5)
NAMES_ARE_REUSED = timedelta(days=1)
"""How long after the lock-out an address may be somebody else's; before that, looking there would only cost time."""


class Revocation:
    """Carries out `Access` rows."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        journal: Journal,
        systems: Systems,
        clock: Clock,
        retry: timedelta,
        protected: Sequence[str] = (),
    ) -> None:
        """`retry`: the longest time between two tries at a system that does not answer. `protected`: never locked."""
        self._store = store
        self._vault = vault
        self._journal = journal
        self._systems = systems
        self._clock = clock
        self._retry = retry
        self._findings = Findings(vault, journal, clock)
        self._guards = Guards(protected)
        self._last = LastAdministrator(store, clock)

    def run(self, access_id: str) -> None:
        """Lock, read back, record. A row that is not due is left alone: a doubled call does nothing."""
        with self._store.write() as session:
            access = session.get_one(Access, access_id)
            case, data = read_case(session, self._vault, access.case_id)
            if case.state in UNWATCHED:
                self._call_off(session, case, access)
                return
            if access.state != WorkState.DUE or access.due_at > self._clock.now():
                return
            self._note_delay(session, access)
            if case.state == CaseState.SCHEDULED:
                settle(session, self._journal, case.id)
        system = self._systems.get(access.system)
        if system is None:
            gone = Result(Verdict.UNKNOWN, "this system is no longer in the configuration", "", complete=False)
            self._settle(access_id, gone, None)
            return
        try:
            result = self._lock_out(system, access, case, data)
        except ConnectorError as error:
            self._settle(access_id, Result(Verdict.UNKNOWN, say(error), "", complete=False), error)
        else:
            self._settle(access_id, result, None)

    def _call_off(self, session: Session, case: Case, access: Access) -> None:
        """Do nothing for a case that was called off; an undone one is restored once more, after a try cut short."""
        if access.state == WorkState.DUE:
            access.state = WorkState.CANCELLED
            session.add(access)
        if case.state == CaseState.UNDONE:
            redo(session, access.id, self._clock)

    def _note_delay(self, session: Session, access: Access) -> None:
        """Say for good how late the work begins, and whether that is because nobody was there to do it."""
        now = self._clock.now()
        if now - access.due_at <= LATE:
            return
        at_work = session.exec(
            select(JournalEntry.id).where(
                JournalEntry.actor == HANDOVER.id,
                col(JournalEntry.at) > access.due_at,
                col(JournalEntry.at) < now - LATE,
            )
        ).first()
        why = "Handover was busy, or not running for a part of that time" if at_work else "Handover was not running"
        access.late = f"{span(access.due_at, now)} late: {why}"
        session.add(access)
        self._journal.write(
            session,
            actor=HANDOVER,
            action="access.late",
            case_id=access.case_id,
            data={"system": access.system, "seconds": int((now - access.due_at).total_seconds()), "why": why},
        )

    def _lock_out(self, system: System, access: Access, case: Case, data: CaseData) -> Result:
        accounts = system.having(Accounts)
        if accounts is None:
            return Result(Verdict.UNKNOWN, "this connector cannot look accounts up", "", complete=False)
        lookup = accounts.find(person(data.leaver))
        with self._store.read() as session:
            links = matching.links(session, self._vault, case.leaver_key, system.name)
        strangers: frozenset[AccountId] = frozenset()
        if self._clock.now() - case.effective_at > NAMES_ARE_REUSED:
            known = {*links.accounts, *self._known(access.id)}
            strangers = matching.strangers(self._systems, data.leaver, system.name, lookup.accounts, known)
        match = matching.match(lookup.accounts, frozenset(links.accounts), strangers)
        if match.ambiguous:
            reason = f"{CHOOSE}{match.ambiguous} accounts match and none was touched"
            return Result(Verdict.UNKNOWN, _join(reason, match.note), lookup.how, complete=False)
        results, fresh = self._prepare(system, accounts, access, case.wrapped_key, match, links)
        for row in self._rows(access.id):
            kept = self._keep_off(system, accounts, case.wrapped_key, row, checked=row in fresh)
            results.append(
                kept
                or LockOut(
                    self._store, self._vault, self._journal, self._clock, system, accounts, case.wrapped_key, row
                ).run(fresh.get(row))
            )
        if results:
            worst = Result.worst(results)
            return replace(worst, reason=_join(worst.reason, match.note)) if match.note else worst
        if system.expects_account and not links.nobody:
            reason = f"{CHOOSE}no account was found, and everybody should have one here"
            return Result(Verdict.UNKNOWN, _join(reason, match.note), lookup.how, complete=False, finding="not linked")
        word = "a person said that there is none; " if links.nobody else ""
        return Result(Verdict.ABSENT, match.note, word + lookup.how)

    def _prepare(
        self, system: System, accounts: Accounts, access: Access, key: bytes, match: Match, links: Links
    ) -> tuple[list[Result], dict[str, Before]]:
        """Remember what will be locked, with its state now; return what must not be locked as results."""
        results, fresh = [], {}
        for found in (*match.own, *_linked(accounts, links, match)):
            why = self._guards.why(system, found.id, found.login, found.email)
            if why := why or self._last.why(system, access.case_id, found.id):
                results.append(_kept(found.verdict, why, found.matched_by))
                continue
            before = found.before or accounts.before(found.id)
            self._remember(access, key, found, before)
            fresh[f"{access.id}:{found.id}"] = before
        return results, fresh

    def _keep_off(
        self, system: System, accounts: Accounts, key: bytes, row_id: str, *, checked: bool
    ) -> Result | None:
        """Return what a read shows of a known account that must not be locked by now; None: it may be locked."""
        with self._store.read() as session:
            row = session.get_one(Account, row_id)
        login = AccountData.load(self._vault.open(key, row.sealed, f"account:{row_id}")).login
        why = self._guards.why(system, row.account_id, login)
        if not (why or checked):
            why = self._last.why(system, row.case_id, AccountId(row.account_id))
        if not why:
            return None
        seen = accounts.observe([AccountId(row.account_id)])[AccountId(row.account_id)]
        return _kept(seen.verdict, why, seen.how)

    def _known(self, access_id: str) -> set[str]:
        with self._store.read() as session:
            return set(session.exec(select(Account.account_id).where(Account.access_id == access_id)))

    def _rows(self, access_id: str) -> list[str]:
        """Return every account ever found here, also one that the lookup no longer shows."""
        with self._store.read() as session:
            return list(session.exec(select(Account.id).where(Account.access_id == access_id).order_by(Account.id)))

    def _remember(self, access: Access, key: bytes, found: Found, before: Before) -> None:
        """Store the account with its before-image before anything is written to it; an earlier image stays."""
        row_id = f"{access.id}:{found.id}"
        with self._store.read() as session:
            if session.get(Account, row_id):
                return
            groups = restriction.taken(session, self._vault, key, access.id, found.id)
        data = AccountData(found.login, found.matched_by, dict(before.state), groups, was=found.verdict)
        with self._store.write(access.case_id) as session:
            session.add(
                Account(
                    id=row_id,
                    access_id=access.id,
                    case_id=access.case_id,
                    system=access.system,
                    account_id=found.id,
                    sealed=self._vault.seal(key, asdict(data), f"account:{row_id}"),
                )
            )
            self._journal.write(
                session,
                actor=HANDOVER,
                action="account.found",
                case_id=access.case_id,
                data={"system": access.system, "account": found.id, "by": found.matched_by},
            )

    def _settle(self, access_id: str, result: Result, error: ConnectorError | None) -> None:
        now = self._clock.now()
        with self._store.write() as session:
            access = session.get_one(Access, access_id)
            case = session.get_one(Case, access.case_id, with_for_update=True)
            if case.state in UNWATCHED:
                self._call_off(session, case, access)
                return
            key = case.wrapped_key
            note = seal(self._vault, key, f"access:{access_id}", Note(result.reason, result.how))
            access.verdict, access.note, access.read_at = result.verdict, note, now
            if result.verdict in (Verdict.LOCKED, Verdict.ABSENT):
                access.locked_at = access.locked_at or now
            if result.complete:
                finish(session, access)
                self._findings.clear_accounts(session, access.case_id, access.system, result.finding)
            else:
                again(session, access, retry_at(access, error, now, self._retry))
            if result.finding:
                said = Sighting(result.finding, access.case_id, access.system, detail=result.reason)
                self._findings.see(session, said, "lock-out")
            self._journal.write(
                session,
                actor=HANDOVER,
                action="access.read_back",
                case_id=access.case_id,
                data={"system": access.system, "verdict": result.verdict, "complete": result.complete},
                sealed=note,
            )
            settle(session, self._journal, access.case_id)


def span(since: datetime, until: datetime) -> str:
    """Return how long that is, in words: `3 h 12 min`."""
    minutes = int((until - since).total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    parts = ((days, "d"), (hours, "h"), (minutes % 60, "min"))
    return " ".join(f"{number} {word}" for number, word in parts if number) or "0 min"


def _linked(accounts: Accounts, links: Links, match: Match) -> list[Found]:
    """Return what a person linked and the lookup does not show, as it is there now; what is gone is left out."""
    others = [one for one in links.accounts if one not in {found.id for found in match.own}]
    seen = accounts.observe(others) if others else {}
    gone = [one for one in others if seen[one].verdict is Verdict.ABSENT]
    found = []
    for one in others:
        if one in gone:
            continue
        try:
            before = accounts.before(one)
        except Missing:
            continue
        found.append(
            Found(one, links.accounts[one], "", seen[one].verdict, "linked by a person", before=before)
        )
    return found


def _kept(verdict: Verdict, why: str, how: str) -> Result:
    return Result(verdict, why, how, complete=True, finding="protected")


def _join(*words: str) -> str:
    return "; ".join(filter(None, words))
