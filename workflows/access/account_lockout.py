"""One account on its way out of one system: lock, end what outlives a lock, read back.

Every step is read, write, read and is recorded as it is done, so that a kill between two steps loses nothing: run
again, a step that was done answers `already`.

Over 250 lines because the order of the steps is the point, and is read as a whole.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial

import sqlalchemy as sa
from sqlmodel import Session

from config.text import N_, _, join, language, ngettext
from connectors.contract import (
    AccountId,
    Accounts,
    BeforeImage,
    Change,
    Groups,
    Locked,
    Login,
    Observation,
    Sessions,
    Tokens,
    Verdict,
)
from connectors.errors import ConnectorError, Missing, OutcomeUnknown
from workflows.access.account_state import ENDED, LOCKED, SEVERITY, TOKEN, AccountData
from workflows.context import Context
from workflows.storage.group_commit import run_later
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.table import table_of
from workflows.storage.rows.watch import FindingKind
from workflows.storage.work import say
from workflows.systems.registry import System

LOCKS = {
    (False, False): N_("locked"),
    (False, True): N_("locked; a log-in was tried and refused"),
    (True, False): N_("was locked already"),
    (True, True): N_("was locked already; a log-in was tried and refused"),
}
"""Words of a lock: whether it was there already, and whether a log-in was refused."""
ACCOUNT = table_of(LeaverAccount)
SEALED = sa.select(ACCOUNT.c.sealed).where(ACCOUNT.c.id == sa.bindparam("row"))
ACCOUNT_SEALED = sa.update(ACCOUNT).where(ACCOUNT.c.id == sa.bindparam("row"))
"""Statements of a lock-out load no objects: those took most of the processor time of a mass run."""
ACCEPTED = N_("the lock was written, and a log-in was accepted all the same")


@dataclass(frozen=True, slots=True)
class LockoutResult:
    """What a read showed after all was done. `complete` is false while something is still to do."""

    verdict: Verdict
    reason: str
    how: str
    complete: bool = True
    finding: FindingKind | None = None
    """Kind of the finding that this is, where a person must act on it."""
    choose: bool = False
    """Whether it ends as soon as a person links an account."""

    @classmethod
    def worst(cls, results: "list[LockoutResult]") -> "LockoutResult":
        """Return what a person must hear first: open before unknown before locked, unfinished before finished."""
        return min(results, key=lambda result: (SEVERITY.index(result.verdict), result.complete))


class AccountLockout:
    """Locks one account out of one system."""

    def __init__(self, context: Context, system: System, accounts: Accounts, key: bytes, row: LeaverAccount) -> None:
        """`row` holds the before-image already, and is committed; `key` opens it."""
        self._store, self._vault = context.store, context.vault
        self._journal, self._clock = context.journal, context.clock
        self._system, self._accounts, self._key, self._row = system, accounts, key, row.id
        self._id, self._case = AccountId(row.account_id), row.case_id
        self._running = 0
        self._open: list[str] = []
        self._left: list[str] = []

    def run(self, fresh: BeforeImage | None = None) -> LockoutResult:
        """Lock first, then what outlives a lock; a part that fails is said, and the others are still done.

        The caller writes the result down, with its own.

        `fresh` is the state that the lookup has just read; without it, it is read here.
        """
        self._part(self._count_sessions, self._open)
        locked = self._lock(fresh)
        self._part(self._end_sessions, self._open)
        self._part(self._revoke_tokens, self._open)
        self._part(self._leave_groups, self._left)
        return self._judge(self._accounts.observe([self._id])[self._id], locked)

    def _judge(self, seen: Observation, locked: Locked) -> LockoutResult:
        if locked.login is Login.ACCEPTED:
            reason = ": ".join(filter(None, (_("a log-in was accepted after the lock"), locked.detail)))
            return LockoutResult(Verdict.OPEN, reason, seen.how, complete=False)
        if seen.verdict is not Verdict.LOCKED:
            return LockoutResult(seen.verdict, seen.reason, seen.how, complete=seen.verdict is Verdict.ABSENT)
        if self._open:
            said = _("locked, but {what}").format(what=join("; ", self._open))
            return LockoutResult(Verdict.OPEN, said, seen.how, complete=False)
        left = [_("still to do: {what}").format(what=join("; ", self._left))] if self._left else []
        return LockoutResult(Verdict.LOCKED, join("; ", (*locked.not_done, *left)), seen.how, complete=not left)

    def _lock(self, fresh: BeforeImage | None) -> Locked:
        try:
            locked = self._accounts.lock(fresh or self._accounts.before(self._id))
        except OutcomeUnknown:
            if self._accounts.observe([self._id])[self._id].verdict is not Verdict.LOCKED:
                raise
            lost = N_("locked (the answer was lost, a read shows it)")
            self._done("lock", Change.MADE, lambda: _(lost), LOCKED)
            return Locked(Change.MADE, Login.NOT_TRIED)
        except Missing:  # deleted by someone meanwhile; the read back says so, and how it looked
            return Locked(Change.ALREADY, Login.NOT_TRIED)
        already, refused = locked.change is Change.ALREADY, locked.login is Login.REFUSED
        words = ACCEPTED if locked.login is Login.ACCEPTED else LOCKS[already, refused]
        self._done("lock", locked.change, lambda: _(words), "" if already else LOCKED)
        for left in locked.not_done:
            self._done("lock", Change.ALREADY, partial(str, left))
        return locked

    def _part(self, part: Callable[[], None], trouble: list[str]) -> None:
        try:
            part()
        except ConnectorError as error:
            trouble.append(say(error))

    def _count_sessions(self) -> None:
        """Count before the lock: where a lock ends sessions by itself, people still hear how many there were."""
        sessions = self._system.having(Sessions)
        self._running = sessions.sessions(self._id) if sessions else 0

    def _end_sessions(self) -> None:
        sessions = self._system.having(Sessions)
        if sessions is None:
            return
        change = sessions.end(self._id)
        if left := sessions.sessions(self._id):
            said = ngettext("{count} session is still open", "{count} sessions are still open", left)
            self._open.append(said.format(count=left))
            return
        self._done("sessions", change, lambda: _sessions(self._running), ENDED if self._running else "")

    def _revoke_tokens(self) -> None:
        tokens = self._system.having(Tokens)
        if tokens is None:
            return
        for token in tokens.tokens(self._id):
            words = partial(_said, N_("token {name} revoked"), token.name)
            self._done("token", tokens.revoke(self._id, token.id), words, f"{TOKEN} {token.id}")
        if left := tokens.tokens(self._id):
            said = ngettext("{count} personal token is still live", "{count} personal tokens are still live", len(left))
            self._open.append(said.format(count=len(left)))

    def _leave_groups(self) -> None:
        groups = self._system.having(Groups)
        if groups is None:
            return
        try:
            present = groups.groups(self._id)
        except Missing:  # gone with the lock, or deleted meanwhile: the read back says so
            return
        self._change(lambda data: replace(data, groups={**{str(g.id): g.name for g in present}, **data.groups}))
        for group in present:
            if group.fixed:  # a primary group, say: nobody can leave it, and it gives nothing to a locked account
                self._done("group", Change.ALREADY, partial(str, group.fixed))
                continue
            try:
                change = groups.remove(self._id, group.id)
            except ConnectorError as error:
                self._left.append(_("group {name}: {why}").format(name=group.name, why=say(error)))
            else:
                self._done("group", change, partial(_said, N_("taken out of group {name}"), group.name))

    def _done(self, what: str, change: Change, words: Callable[[], str], mark: str = "") -> None:
        """Keep `words` for people and `mark` for programs; the journal is in English whatever people speak."""
        said = words()
        with language("en"):
            result = words()

        def add(data: AccountData) -> AccountData:
            return data.plus(said, mark)

        self._change(add, f"access.{what}", {"change": change, "result": result})

    def _change(
        self, change: Callable[[AccountData], AccountData], action: str = "", said: dict[str, str] | None = None
    ) -> None:
        context = f"account:{self._row}"

        def write(session: Session) -> None:
            sealed = session.connection().execute(SEALED, {"row": self._row}).scalar_one()
            data = change(AccountData.load(self._vault.open(self._key, sealed, context)))
            new = self._vault.seal(self._key, asdict(data), context)
            run_later(session, ACCOUNT_SEALED, {"row": self._row, "sealed": new})
            if action:
                self._journal.write(
                    session,
                    actor=HANDOVER,
                    action=action,
                    case_id=self._case,
                    data={"system": self._system.name, "account": self._id, **(said or {})},
                )

        self._store.group_write(write, self._case)


def _said(words: str, name: str) -> str:
    return _(words).format(name=name)


def _sessions(number: int) -> str:
    if number == 0:
        return _("no session was open")
    return ngettext("{count} session ended", "{count} sessions ended", number).format(count=number)
