"""Accounts as the stages of a case change them: seats before and after, and deactivation; kept sealed.

Each change is a journal entry that holds the new state as well. A row that another hand changed or deleted is taken
from the journal, and people are told: an undo gives back by these rows.

Over 250 lines because the states, their rows and what must hold before a change are read together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlmodel import Session, select

from config.text import _, gettext_lazy, shown, stored
from connectors.contract import AccountId, Accounts, Licence, LicenceId, Verdict
from workflows.access.account_state import AccountData, is_whole
from workflows.access.observation import known
from workflows.context import Context
from workflows.storage.case import UNWATCHED, refresh_case_message
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.rows.access import Access, LeaverAccount, StagedAccount
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.work_state import WorkState
from workflows.systems.accounts import PreconditionFailed
from workflows.systems.registry import System
from workflows.tampering import SUPPORTED, act_of, recorded_state, report_in

PREFIX = "staged."
"""Begins the names of the journal's entries on these rows."""


class SeatState(StrEnum):
    """State of a seat, as far as this case knows and acted. A state in `-ING` is written before the act."""

    HELD = "held"
    TAKING = "taking"
    TAKEN = "taken"
    GONE = "gone"
    """No longer there, and not taken by this case. It is never given back."""
    GIVING = "giving"
    GIVEN = "given"


OURS = (SeatState.TAKING, SeatState.TAKEN, SeatState.GIVING)
"""States of seats that an undo has to give back, or has begun to."""


class Deactivated(StrEnum):
    """State of the account's deactivation, as far as this case acted."""

    NOT = ""
    BEGUN = "begun"
    DONE = "done"
    BEFORE = "before"
    """It was deactivated already, by somebody else. It is never reactivated."""
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat that the account had when it was read before it was reclaimed."""

    id: str
    name: str
    through: str = ""
    fixed: str = ""
    """Stored sentence."""
    state: str = SeatState.HELD
    problem: str = ""
    """Stored reason for which it is not back, or not taken."""

    @classmethod
    def of(cls, licence: Licence) -> "Seat":
        """Return a licence as it was read."""
        return cls(licence.id, licence.name, licence.through, stored(licence.fixed))

    @property
    def licence(self) -> Licence:
        """The licence, as it was read."""
        return Licence(LicenceId(self.id), self.name, self.through, shown(self.fixed))


@dataclass(frozen=True, slots=True)
class StagedData:
    """Sealed data of a row."""

    login: str = ""
    seats: tuple[Seat, ...] = ()
    """Every seat that was ever read, the before-image of an undo. None is ever dropped."""
    read_at: str = ""
    """Time of the last read of the seats that succeeded, in ISO format; empty if none ever did."""
    unknown: str = ""
    """Stored reason for which the newest read failed; empty if it succeeded."""
    reclaimed_at: str = ""
    """Time of the read that showed no seat any more, after this case took some."""
    deactivated: str = Deactivated.NOT
    deactivated_at: str = ""

    @classmethod
    def load(cls, data: Mapping[str, object]) -> "StagedData":
        """Return the data that was sealed."""
        seats = data.get("seats") or ()
        return cls(**{**data, "seats": tuple(Seat(**one) for one in seats)})  # type: ignore[arg-type,attr-defined]

    def seat(self, number: str) -> Seat | None:
        """Return the seat with an id."""
        return next((one for one in self.seats if one.id == number), None)

    def with_seat(self, seat: Seat) -> "StagedData":
        """Return the data with a seat in its new state."""
        known = self.seat(seat.id) is not None
        seats = tuple(seat if one.id == seat.id else one for one in self.seats)
        return replace(self, seats=seats if known else (*seats, seat))

    def in_state(self, *states: SeatState) -> tuple[Seat, ...]:
        """Return the seats in some states."""
        return tuple(one for one in self.seats if one.state in states)


class StagedAccounts:
    """Reads and writes the rows of cases."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def of_system(self, case_id: str, system: str) -> dict[AccountId, StagedData]:
        """Return the accounts of a case in one system, as the journal has them."""
        with self._context.store.read() as session:
            found, wrong = self._recorded(session, case_id, system)
        if wrong is not None:
            with self._context.store.write(case_id) as session:
                return self._proven(session, case_id, system)
        return found

    def change(
        self, case_id: str, system: str, account: AccountId, change: Callable[[StagedData], StagedData], action: str
    ) -> StagedData:
        """Change one account in a transaction of its own; nothing is written if nothing changes. Return the new data.

        `action`: name of the journal's entry, without `PREFIX`.
        """
        context, row_id = self._context, f"{case_id}:{system}:{account}"
        with context.store.write(case_id) as session:
            before = self._proven(session, case_id, system).get(account, StagedData())
            data = change(before)
            if data == before:
                return data
            row = session.get(StagedAccount, row_id, with_for_update=True)
            row = row or StagedAccount(id=row_id, case_id=case_id, system=system, account_id=account)
            row.sealed = context.vault.seal(_key(session, case_id), data, _context(row_id))
            session.add(row)
            context.journal.write(
                session,
                actor=HANDOVER,
                action=f"{PREFIX}{action}",
                case_id=case_id,
                data={"system": system, "account": Personal(account)},
                sealed=row.sealed,
            )
            refresh_case_message(session, case_id)
            return data

    def _proven(self, session: Session, case_id: str, system: str) -> dict[AccountId, StagedData]:
        """Return the newest states by the journal; report rows that say something else, and repair them."""
        found, wrong = self._recorded(session, case_id, system)
        for account, sealed in (wrong or {}).items():
            row_id = f"{case_id}:{system}:{account}"
            row = session.get(StagedAccount, row_id)
            row = row or StagedAccount(id=row_id, case_id=case_id, system=system, account_id=account)
            row.sealed = sealed
            session.add(row)
        if wrong is not None:
            sentence = gettext_lazy("the record of licences and deactivation was changed in the database")
            report_in(self._context, session, case_id, system, sentence, "stage")
        return found

    def _recorded(
        self, session: Session, case_id: str, system: str
    ) -> tuple[dict[AccountId, StagedData], dict[str, bytes] | None]:
        """Return the newest states by the journal, and those of rows that say something else; None if none does."""
        context, key = self._context, _key(session, case_id)
        recorded: dict[str, bytes] = {}
        opened = context.journal.opener(session, case_id)
        for entry, marked in context.journal.entries(session, case_id, f"{PREFIX}%"):
            act = act_of(entry, opened)
            if marked and act.data["system"] == system:
                recorded[str(act.data["account"])] = entry.sealed
        query = select(StagedAccount).where(StagedAccount.case_id == case_id, StagedAccount.system == system)
        rows = {row.account_id: row.sealed for row in session.exec(query)}
        wrong = {account: sealed for account, sealed in recorded.items() if rows.get(account) != sealed}
        found = {
            AccountId(account): StagedData.load(
                context.vault.open(key, sealed, _context(f"{case_id}:{system}:{account}"))
            )
            for account, sealed in recorded.items()
        }
        return found, wrong if wrong or rows.keys() - recorded.keys() else None


def opened(opener: Callable[[bytes, str], object], row: StagedAccount) -> StagedData:
    """Decrypt a row with a case's `opener`. Raises `WrongKey`."""
    return StagedData.load(opener(row.sealed, _context(row.id)))  # type: ignore[arg-type]


def _context(row_id: str) -> str:
    return f"staged:{row_id}"


def _key(session: Session, case_id: str) -> bytes:
    return session.get_one(Case, case_id).wrapped_key


def accounts_to_change(context: Context, case_id: str, system: System) -> Sequence[tuple[AccountId, str]]:
    """Return the accounts of the leaver that a stage may change, with their log-ins: those that the lock-out found.

    Raises `PreconditionFailed` if the case does not go on, or if the lock-out has not found out yet.
    """
    with context.store.read() as session:
        case = session.get_one(Case, case_id)
        if case.state in UNWATCHED or recorded_state(context, session, case_id) in SUPPORTED:
            raise PreconditionFailed(gettext_lazy("the case does not go on, so a stage changes nothing"))
        rows = known(session, f"{case_id}:{system.name}")
        access = session.get(Access, f"{case_id}:{system.name}")
        absent = access is not None and access.state == WorkState.DONE and access.verdict == Verdict.ABSENT
        if not rows and not absent:
            raise PreconditionFailed(gettext_lazy("the lock-out has not found an account there yet"))
        return [(AccountId(row.account_id), _login(context, case.wrapped_key, row)) for row in rows]


def _login(context: Context, key: bytes, row: LeaverAccount) -> str:
    """Return an account's log-in. Raises `PreconditionFailed` if the row is not as Handover wrote it."""
    if not is_whole(context.vault, key, row):
        raise PreconditionFailed(gettext_lazy("the account {account} is not as we stored it", account=row.account_id))
    return AccountData(**context.vault.open(key, row.sealed, f"account:{row.id}")).login


def require_ended(context: Context, case_id: str) -> None:
    """Raise `PreconditionFailed` unless somebody undid or cancelled the case: only then does anything come back."""
    with context.store.read() as session:
        if recorded_state(context, session, case_id) not in (CaseState.UNDONE, CaseState.CANCELLED):
            raise PreconditionFailed(gettext_lazy("access would be given back, and nobody undid the case"))


def why_not_yet(system: System, account: AccountId) -> str:
    """Read the account; return why a stage must not change it: it is open, or its lock is not known. Else empty."""
    accounts = system.having(Accounts)
    if accounts is None:
        return ""
    seen = accounts.observe([account])[account]
    if seen.verdict is Verdict.OPEN:
        return _("the account is open, so nothing is taken from it")
    if seen.verdict is Verdict.UNKNOWN:
        return _("the lock of the account is not known ({why})").format(why=seen.reason)
    return ""
