"""Reading every past leaver in every system again, in few calls, and what one such sweep saw."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from connectors.contract import Account as Found
from connectors.contract import AccountId, Accounts, Observation, Verdict
from connectors.errors import ConnectorError
from workflows import watch
from workflows.cases import UNWATCHED, person, read_case, show
from workflows.findings import Findings
from workflows.matching import strangers
from workflows.model import Access, Account, Case, Finding, WorkState
from workflows.notes import Note, seal
from workflows.ports import Clock
from workflows.store import Store
from workflows.systems import System, Systems
from workflows.vault import Vault

PAGE = 500


@dataclass
class Tally:
    """What one sweep saw; stored with its audit."""

    verdicts: dict[str, int] = field(default_factory=lambda: {verdict.value: 0 for verdict in Verdict})
    cases: int = 0
    not_read: list[str] = field(default_factory=list)


class Sweep:
    """Reads systems, writes verdicts and findings; nothing is claimed about what was not read."""

    def __init__(self, store: Store, vault: Vault, findings: Findings, systems: Systems, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._findings = findings
        self._systems = systems
        self._clock = clock

    def run(self, by: str) -> Tally:
        """Read everything; `by` names the audit in the findings."""
        tally = Tally()
        with self._store.read() as session:
            tally.cases = len(session.exec(past_cases(self._clock.now())).all())
        for system, accounts in self._systems.with_capability(Accounts):
            self._system(system, accounts, tally, by)
        return tally

    def _system(self, system: System, accounts: Accounts, tally: Tally, by: str) -> None:
        after = ""
        try:
            while page := self._page(system.name, after):
                ids = [AccountId(row.account_id) for row in page]
                seen = watch.observe(accounts, ids, system.manifest.limits.observe_batch)
                self._record(page, seen, tally, by)
                after = page[-1].id
            self._newcomers(system, accounts, tally, by)
        except ConnectorError as error:
            tally.not_read.append(watch.unreadable(system.name, system.manifest.title, error))
            while page := self._page(system.name, after):
                self._mark_unread(page, str(error), tally)
                after = page[-1].id

    def _record(self, page: list[Account], seen: dict[AccountId, Observation], tally: Tally, by: str) -> None:
        with self._store.write() as session:
            for row in page:
                fresh = session.get_one(Account, row.id)
                before, observation = fresh.verdict, seen[AccountId(row.account_id)]
                fresh.read_at = self._clock.now()
                watch.record(session, self._vault, self._findings, fresh, observation, by)
                tally.verdicts[observation.verdict] += 1
                if before != observation.verdict:
                    self._follow(session, fresh.access_id, observation)

    def _mark_unread(self, page: list[Account], why: str, tally: Tally) -> None:
        unread = Observation(Verdict.UNKNOWN, "", why)
        with self._store.write() as session:
            for row in page:
                fresh = session.get_one(Account, row.id)
                key = session.get_one(Case, row.case_id).wrapped_key
                fresh.verdict, fresh.read_at = Verdict.UNKNOWN, self._clock.now()
                fresh.note = seal(self._vault, key, f"account:{row.id}", Note(why))
                session.add(fresh)
                tally.verdicts[Verdict.UNKNOWN] += 1
                self._follow(session, fresh.access_id, unread)

    def _follow(self, session: Session, access_id: str, seen: Observation) -> None:
        """Bring the case's own line in step with what was read: a case message never shows yesterday's lock."""
        access = session.get_one(Access, access_id)
        key = session.get_one(Case, access.case_id).wrapped_key
        access.verdict, access.read_at = seen.verdict, self._clock.now()
        access.note = seal(self._vault, key, f"access:{access.id}", Note(seen.reason, seen.how))
        session.add(access)
        show(session, access.case_id)

    def _newcomers(self, system: System, accounts: Accounts, tally: Tally, by: str) -> None:
        """Look up afresh those who had no account here: one may have been made since."""
        for access in self._absent(system.name):
            with self._store.read() as session:
                _, data = read_case(session, self._vault, access.case_id)
                rows = watch.known(session, access.id)
            lookup = accounts.find(person(data.leaver))
            new = watch.newcomers(lookup.accounts, rows)
            others = strangers(self._systems, data.leaver, system.name, new, ())
            self._note_strangers(access, [one for one in new if one.id in others], by)
            new = [one for one in new if one.id not in others]
            tally.verdicts[Verdict.OPEN if new else Verdict.ABSENT] += 1
            if new:
                with self._store.write() as session:
                    for account in new:
                        watch.see_newcomer(session, self._findings, access.case_id, system.name, account, by)
                    words = Observation(Verdict.OPEN, lookup.how, "an account was made or renamed since the lock-out")
                    self._follow(session, access.id, words)

    def _note_strangers(self, access: Access, others: list[Found], by: str) -> None:
        with self._store.write() as session:
            for account in others:
                watch.see_stranger(session, self._findings, access.case_id, access.system, account, by)

    def _absent(self, system: str) -> list[Access]:
        with_new = (Verdict.ABSENT, Verdict.OPEN)
        query = (
            select(Access)
            .join(Case, col(Access.case_id) == col(Case.id))
            .where(
                Access.system == system,
                col(Access.verdict).in_(with_new),
                Access.state == WorkState.DONE,
                col(Case.state).not_in(UNWATCHED),
                ~select(Account.id).where(Account.access_id == Access.id).exists(),
                ~select(Finding.id)  # left alone on purpose, and said so: no newcomer
                .where(
                    Finding.case_id == Access.case_id,
                    Finding.system == Access.system,
                    Finding.kind == "protected",
                    col(Finding.closed_at).is_(None),
                )
                .exists(),
            )
        )
        with self._store.read() as session:
            return list(session.exec(query))

    def _page(self, system: str, after: str) -> list[Account]:
        query = (
            select(Account)
            .join(Case, col(Account.case_id) == col(Case.id))
            .where(
                Account.system == system,
                col(Account.id) > after,
                col(Case.state).not_in(UNWATCHED),
                col(Case.effective_at) <= self._clock.now(),
            )
            .order_by(col(Account.id))
            .limit(PAGE)
        )
        with self._store.read() as session:
            return list(session.exec(query))


def past_cases(now: datetime) -> SelectOfScalar[str]:
    """Return the query for every case whose time has come, oldest first."""
    return (
        select(Case.id)
        .where(col(Case.state).not_in(UNWATCHED), col(Case.effective_at) <= now)
        .order_by(col(Case.effective_at))
    )
