"""Dated checks of one case, 1, 7, 30 and 90 days after: still locked, nothing new, owned or exported."""

import json
from datetime import timedelta

from sqlmodel import Session

from connectors.contract import AccountId, Accounts, ClientBook, Verdict
from connectors.errors import ConnectorError
from workflows import watch
from workflows.casefile import Casefile, follow_up_line
from workflows.cases import person, read_case, show
from workflows.exports import Exports
from workflows.findings import Sighting, clear, see
from workflows.journal import HANDOVER, Journal
from workflows.model import Access, Case, CaseState, FollowUp, PostKind, WorkState
from workflows.ports import Clock
from workflows.posts import want
from workflows.store import Store
from workflows.systems import System, Systems
from workflows.vault import Vault
from workflows.views import CaseView, FollowUpLine, Leaver
from workflows.work import again, finish, retry_at, say


class FollowUps:
    """Carries out `FollowUp` rows."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        journal: Journal,
        systems: Systems,
        casefile: Casefile,
        exports: Exports,
        clock: Clock,
        retry: timedelta,
    ) -> None:
        self._store = store
        self._vault = vault
        self._journal = journal
        self._systems = systems
        self._casefile = casefile
        self._exports = exports
        self._clock = clock
        self._retry = retry

    def run(self, follow_up_id: str) -> None:
        """Check the case everywhere; a system that cannot be read is said, and the check is tried again there."""
        with self._store.read() as session:
            row = session.get_one(FollowUp, follow_up_id)
            case, data = read_case(session, self._vault, row.case_id)
        if row.state != WorkState.DUE or case.state == CaseState.CANCELLED:
            return
        words: dict[str, str] = {}
        failed: ConnectorError | None = None
        for name, system in self._systems.items():
            try:
                words[name] = self._check(system, case, data.leaver, follow_up_id)
            except ConnectorError as error:
                failed, words[name] = error, f"unknown ({say(error)})"
        self._look_at_exports(case, follow_up_id, words)
        self._settle(follow_up_id, words, failed)

    def view(self, follow_up_id: str) -> tuple[CaseView, FollowUpLine]:
        """Return the follow-up with its case."""
        with self._store.read() as session:
            row = session.get_one(FollowUp, follow_up_id)
            return self._casefile.view(session, row.case_id), follow_up_line(row)

    def _check(self, system: System, case: Case, leaver: Leaver, by: str) -> str:
        accounts = system.having(Accounts)
        if accounts is None:
            return "has no accounts"
        access_id = f"{case.id}:{system.name}"
        lookup = accounts.find(person(leaver))
        with self._store.read() as session:
            rows = watch.known(session, access_id)
        seen = watch.observe(
            accounts, [AccountId(row.account_id) for row in rows], system.manifest.limits.observe_batch
        )
        new = watch.newcomers(lookup.accounts, rows)
        owned = self._owned(system, [AccountId(row.account_id) for row in rows])
        now = self._clock.now()
        with self._store.write() as session:
            for row in watch.known(session, access_id):
                watch.record(session, self._journal, row, seen[AccountId(row.account_id)], now, by)
            for account in new:
                detail = f"made or renamed since; matches by {account.matched_by}"
                see(session, self._journal, Sighting("new account", case.id, system.name, account.id, detail), now, by)
            self._note_owned(session, case, system.name, owned, by)
            access = session.get(Access, access_id)
        if access is not None and access.state == WorkState.DUE:
            return f"{access.verdict}, still being worked on ({access.reason})"
        return _sentence([seen[AccountId(row.account_id)].verdict for row in rows], len(new), owned)

    def _owned(self, system: System, accounts: list[AccountId]) -> int:
        book = system.having(ClientBook)
        return sum(sum(book.count(account).values()) for account in accounts) if book else 0

    def _note_owned(self, session: Session, case: Case, system: str, owned: int, by: str) -> None:
        sighting = Sighting("owns records", case.id, system, detail=f"{owned} records are still owned by the leaver")
        if owned:
            see(session, self._journal, sighting, self._clock.now(), by)
        else:
            clear(session, self._journal, sighting, self._clock.now(), HANDOVER)

    def _look_at_exports(self, case: Case, by: str, words: dict[str, str]) -> None:
        with self._store.read() as session:
            locked = [a.locked_at for a in (session.get(Access, f"{case.id}:{name}") for name in self._systems) if a]
        since = max((moment for moment in locked if moment), default=None)
        if since is None:
            return
        try:
            events = self._exports.after(case.id, since)
        except ConnectorError as error:
            words["exports"] = f"unknown ({say(error)})"
            return
        with self._store.write() as session:
            for system in {name for name, _ in events}:
                count = sum(1 for name, _ in events if name == system)
                see(
                    session,
                    self._journal,
                    Sighting("exported after leaving", case.id, system, detail=f"{count} exports since the lock-out"),
                    self._clock.now(),
                    by,
                )

    def _settle(self, follow_up_id: str, words: dict[str, str], failed: ConnectorError | None) -> None:
        now = self._clock.now()
        with self._store.write() as session:
            row = session.get_one(FollowUp, follow_up_id)
            row.result = json.dumps({"summary": "; ".join(f"{name}: {said}" for name, said in words.items()), **words})
            if failed is None:
                row.done_at = now
                finish(session, row)
            else:
                again(session, row, retry_at(row, failed, now, self._retry))
            self._journal.write(
                session,
                actor=HANDOVER,
                action="follow_up.done" if failed is None else "follow_up.tried",
                case_id=row.case_id,
                data={"day": row.day, **words},
            )
            want(
                session,
                id=f"follow_up:{row.id}",
                kind=PostKind.FOLLOW_UP,
                subject=row.id,
                case_id=row.case_id,
                channel="",
                thread_of=f"case:{row.case_id}",
            )
            show(session, row.case_id)


def _sentence(verdicts: list[Verdict], new: int, owned: int) -> str:
    parts = [", ".join(sorted({verdict.value for verdict in verdicts})) or Verdict.ABSENT.value]
    if new:
        parts.append(f"{new} new accounts")
    if owned:
        parts.append(f"still owns {owned} records")
    return ", ".join(parts)
