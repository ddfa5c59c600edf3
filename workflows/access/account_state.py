from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import N_, Sentence, _, loaded, shown, stored
from connectors.contract import AccountId, Accounts, Verdict
from workflows.context import Context
from workflows.storage.case import UNWATCHED
from workflows.storage.rows.access import ACCOUNT_ROW, Access, LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import SweepStatus
from workflows.storage.store import Store
from workflows.storage.vault import SEALED, Vault, WrongKey
from workflows.systems.effects import LOCKED

GOOD = (Verdict.LOCKED, Verdict.ABSENT)


@dataclass(frozen=True, slots=True)
class VerdictNote:
    """Reason of a verdict, and how that is known."""

    reason: str = ""
    how: str = ""
    choose: bool = False
    """True if the verdict stays until a person links an account."""
    good: str = ""
    """Last good verdict before this one, which is not good. Empty if this one is good, and if none is known."""
    good_at: str = ""
    """Time of that reading in ISO format."""


ON_WORD = N_("the word of {name}, until {day}: {reason}; {how}")
"""Words of an absence that rests on a statement."""


def seal(vault: Vault, key: bytes, row: str, note: VerdictNote) -> bytes:
    """Encrypt a note for its row; `row` is `table:id`."""
    return vault.seal(key, replace(note, reason=stored(note.reason), how=stored(note.how)), f"note:{row}")


def open_note(opener: Callable[[bytes, str], Any], row: str, sealed: bytes) -> VerdictNote:
    """Decrypt a row's note with a case's `opener`, in the reader's language. A row without a note has an empty one."""
    if not sealed:
        return VerdictNote()
    note = VerdictNote(**opener(sealed, f"note:{row}"))
    return replace(note, reason=shown(note.reason), how=shown(note.how))


def is_readable(vault: Vault, key: bytes, row: Access | LeaverAccount, now: datetime) -> bool:
    """Return whether a row's verdict is one, its reason opens, and it was read before now."""
    if row.verdict not in list(Verdict) or (row.read_at is not None and row.read_at > now + CLOCKS):
        return False
    try:
        open_note(partial(vault.open, key), f"{'access' if isinstance(row, Access) else 'account'}:{row.id}", row.note)
    except WrongKey:
        return not vault.fits(key)
    return True


CLOCKS = timedelta(minutes=2)
"""Largest difference between the clocks of two bots that work, with some room."""


def word_of(opener: Callable[[bytes, str], Any], row: str, sealed: bytes) -> str:
    """Return the person on whose word a verdict rests, and until when; empty if it does not."""
    how = loaded(VerdictNote(**opener(sealed, f"note:{row}")).how) if sealed else Sentence("")
    return _("{name} until {day}").format(**how.values) if how.message == ON_WORD else ""


UNCONFIGURED = N_("this system is no longer in the configuration")


def last_good(
    note: VerdictNote, verdict: str, read_at: datetime | None, reading: SweepStatus | None
) -> tuple[Verdict, datetime] | None:
    """Return a row's last good verdict and its time, or None if none is known. Pure.

    `reading`: the last complete sweep of the system. It has read an unchanged good account later than its row says.
    """
    if verdict not in GOOD:
        return (Verdict(note.good), datetime.fromisoformat(note.good_at)) if note.good else None
    at = max((one for one in (read_at, reading.read_at if reading else None) if one), default=None)
    return (Verdict(verdict), at) if at else None


def seal_note(
    session: Session, vault: Vault, key: bytes, row: Access | LeaverAccount, verdict: Verdict, note: VerdictNote
) -> bytes:
    """Encrypt the note of a new verdict on a row. Call it before the row changes.

    The note of a verdict that is not good keeps the row's last good reading.
    """
    context = f"{'access' if isinstance(row, Access) else 'account'}:{row.id}"
    if verdict in GOOD:
        return seal(vault, key, context, note)
    before = open_note(vault.opener(key), context, row.note)
    known = last_good(before, row.verdict, row.read_at, session.get(SweepStatus, row.system))
    good, at = (str(known[0]), known[1].isoformat()) if known else ("", "")
    return seal(vault, key, context, replace(note, good=good, good_at=at))


def current_verdict(
    reading: SweepStatus | None, verdict: Verdict, reason: str, read_at: datetime | None
) -> tuple[Verdict, str, datetime | None]:
    """Join a row's own verdict with the last sweep of its system; return it with its reason and time. Pure.

    An account that a later sweep could not read is unknown. An account that the sweep read unchanged was read then.
    """
    if reading and read_at and reading.failed_at and read_at < reading.failed_at:
        problem = _("not read by the last audit: {problem}").format(problem=shown(reading.problem))
        return Verdict.UNKNOWN, problem, read_at
    if reading and read_at and reading.read_at and read_at < reading.read_at and verdict in GOOD:
        return verdict, reason, reading.read_at
    return verdict, reason, read_at


ENDED, TOKEN, GROUP = "sessions ended", "token", "group"
"""Marks of the steps that were done."""
SEVERITY = (Verdict.OPEN, Verdict.UNKNOWN, Verdict.LOCKED, Verdict.ABSENT)


@dataclass(frozen=True, slots=True)
class AccountData:
    """Sealed data of an account row."""

    login: str
    matched_by: str
    before: dict[str, str] = field(default_factory=dict)
    """State before the first write of Handover; an undo restores it."""
    groups: dict[str, str] = field(default_factory=dict)
    """Groups before the first removal, id to name."""
    done: Sequence[str] = ()
    """Stored sentences."""
    was: str = ""
    """Verdict of the lookup before the first write: an undo must read the same one back."""
    marks: Sequence[str] = ()
    """Marks of the steps in `done`, in no language: `LOCKED`, `ENDED`; `TOKEN` and `GROUP` with each id."""
    residual: str = ""
    """Stored noun of the access that may outlive the lock, such as `tickets`."""
    residual_until: str = ""
    """Time in ISO format until which it may work."""
    lists: dict[str, Any] = field(default_factory=dict)
    """Lists before the lock, by `Subject` (`kept_lists.KeptList`), as far as the lock hides or may hide them."""

    def plus(self, said: str, mark: str) -> "AccountData":
        """Return the data with one more step done; a step is listed once."""
        said = stored(said)
        done = self.done if said in self.done else (*self.done, said)
        return replace(self, done=done, marks=self.marks if not mark or mark in self.marks else (*self.marks, mark))

    @property
    def locked(self) -> bool:
        """True if Handover locked the account."""
        return LOCKED in self.marks


def connect_lock_history(context: Context) -> None:
    """Give every connector access to the lock history."""
    for system, accounts in context.systems.with_capability(Accounts):
        accounts.use_lock_history(partial(was_locked_by_case, context.store, context.vault, system.name))


def was_locked_by_case(store: Store, vault: Vault, system: str, account: AccountId) -> bool:
    """Return whether a case that still stands has locked this account there."""
    query = (
        select(LeaverAccount, Case.wrapped_key)
        .join(Case, col(LeaverAccount.case_id) == col(Case.id))
        .where(LeaverAccount.system == system, LeaverAccount.account_id == account, col(Case.state).not_in(UNWATCHED))
    )
    with store.read() as session:
        rows = session.exec(query).all()
    return any(AccountData(**vault.open(key, row.sealed, f"account:{row.id}")).locked for row, key in rows)


def is_whole(vault: Vault, key: bytes, row: LeaverAccount) -> bool:
    """Return whether an account's row is as Handover wrote it. Where the case's key is gone, the ids alone tell."""
    if row.id != f"{row.access_id}:{row.account_id}" or row.access_id != f"{row.case_id}:{row.system}":
        return False
    try:
        vault.open(key, row.sealed, f"account:{row.id}")
    except WrongKey:
        return not vault.fits(key)
    return True


def named_system(row: LeaverAccount) -> str:
    """Return the system that the id of an account's row names."""
    return row.id.split(":")[1] if row.id.count(":") > 1 else row.system


def repair(session: Session, vault: Vault, key: bytes, row: LeaverAccount) -> bool:
    """Give a row its case, system and account back, as its id names them; delete one not under the case's key.

    Return whether the row stays.
    """
    if row.id.count(":") > 1:
        was, (row.case_id, row.system, row.account_id) = row.case_id, row.id.split(":", 2)
        row.access_id = f"{row.case_id}:{row.system}"
        with session.no_autoflush:
            own = session.get(Case, row.case_id) if row.case_id != was else None
        key = own.wrapped_key if own else key
    if is_whole(vault, key, row):
        session.add(row)
        return True
    session.expunge(row)
    stored = sa.type_coerce(col(LeaverAccount.id), sa.String())  # an id that we did not seal stands there in clear
    sealed = (row.id, row.id.removeprefix(SEALED), vault.seal_id(ACCOUNT_ROW, row.id))
    session.execute(sa.delete(LeaverAccount).where(stored.in_(sealed)))
    return False
