"""The access track: lock one leaver out of one system, read back, and say what is true.

One `Access` row is one piece of work. It can be killed at any point and run again: accounts are looked up afresh, the
before-image is stored before the first write and never replaced, and the verdict comes from the last read alone.
"""

from dataclasses import asdict
from datetime import timedelta

from sqlmodel import select

from connectors.contract import Account as Found
from connectors.contract import Accounts, Before, Person, Verdict
from connectors.errors import ConnectorError
from workflows.cases import person, read_case, settle
from workflows.findings import Findings
from workflows.journal import HANDOVER, Journal
from workflows.lockout import AccountData, LockOut, Result
from workflows.model import Access, Account, Case, CaseState, WorkState
from workflows.notes import Note, seal
from workflows.ports import Clock
from workflows.store import Store
from workflows.systems import System, Systems
from workflows.vault import Vault
from workflows.work import again, finish, retry_at, say


class Revocation:
    """Carries out `Access` rows."""

    def __init__(
        self, store: Store, vault: Vault, journal: Journal, systems: Systems, clock: Clock, retry: timedelta
    ) -> None:
        """`retry`: the longest time between two tries at a system that does not answer."""
        self._store = store
        self._vault = vault
        self._journal = journal
        self._systems = systems
        self._clock = clock
        self._retry = retry
        self._findings = Findings(vault, journal, clock)

    def run(self, access_id: str) -> None:
        """Lock, read back, record. A row that is not due is left alone: a doubled call does nothing."""
        with self._store.write() as session:
            access = session.get_one(Access, access_id)
            case, data = read_case(session, self._vault, access.case_id)
            if access.state != WorkState.DUE or access.due_at > self._clock.now():
                return
            if case.state == CaseState.SCHEDULED:
                settle(session, self._journal, case.id)
        system = self._systems.get(access.system)
        if system is None:
            gone = Result(Verdict.UNKNOWN, "this system is no longer in the configuration", "", complete=False)
            self._settle(access_id, gone, None)
            return
        try:
            result = self._lock_out(system, access, case.wrapped_key, person(data.leaver))
        except ConnectorError as error:
            self._settle(access_id, Result(Verdict.UNKNOWN, say(error), "", complete=False), error)
        else:
            self._settle(access_id, result, None)

    def _lock_out(self, system: System, access: Access, key: bytes, who: Person) -> Result:
        accounts = system.having(Accounts)
        if accounts is None:
            return Result(Verdict.UNKNOWN, "this connector cannot look accounts up", "", complete=False)
        lookup = accounts.find(who)
        if len(lookup.accounts) > 1:
            reason = (
                f"{len(lookup.accounts)} accounts match and none was touched: leave the address on the right one only, "
                "then press Retry"
            )
            return Result(Verdict.UNKNOWN, reason, lookup.how, complete=False)
        fresh = {}
        for found in lookup.accounts:
            before = found.before or accounts.before(found.id)
            self._remember(access, key, found, before)
            fresh[f"{access.id}:{found.id}"] = before
        rows = self._rows(access.id)
        if not rows:
            return Result(Verdict.ABSENT, "", lookup.how)
        return Result.worst(
            [
                LockOut(self._store, self._vault, self._journal, self._clock, system, accounts, key, row).run(
                    fresh.get(row)
                )
                for row in rows
            ]
        )

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
        data = AccountData(found.login, found.matched_by, dict(before.state))
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
            key = session.get_one(Case, access.case_id).wrapped_key
            note = seal(self._vault, key, f"access:{access_id}", Note(result.reason, result.how))
            access.verdict, access.note, access.read_at = result.verdict, note, now
            if result.verdict in (Verdict.LOCKED, Verdict.ABSENT):
                access.locked_at = access.locked_at or now
            if result.complete:
                finish(session, access)
                self._findings.clear_accounts(session, access.case_id, access.system)
            else:
                again(session, access, retry_at(access, error, now, self._retry))
            self._journal.write(
                session,
                actor=HANDOVER,
                action="access.read_back",
                case_id=access.case_id,
                data={"system": access.system, "verdict": result.verdict, "complete": result.complete},
                sealed=note,
            )
            settle(session, self._journal, access.case_id)
