"""Owners of a book: the leaver's accounts, or those of a handover of earlier leavers that are inactive still.

An owner of such a handover who came back keeps the records. That is read at each listing, and before each batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import Sentence, _, gettext_lazy, ngettext_lazy
from connectors.contract import AccountId, Accounts, ClientBook, Observation, Verdict
from connectors.errors import Missing
from workflows.clients.context import ClientContext, chunks
from workflows.people import Leaver
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, BookPhase, EarlierOwners
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault, WrongKey
from workflows.systems.accounts import leaver_accounts, require_accounts
from workflows.systems.registry import System
from workflows.tampering import Tampered

CARRIED_OUT = (AssignmentState.MOVED, AssignmentState.PUT_BACK, AssignmentState.NOT_PUT_BACK)
ENDED = (WorkState.DONE, WorkState.CANCELLED)


@dataclass(frozen=True, slots=True)
class EarlierOwner:
    """One owner of a handover of earlier leavers, as the system named the account when the handover was opened."""

    account: AccountId
    login: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Owners:
    """The owners whose records are handed over now, and the reasons for which others of the handover are left out."""

    accounts: tuple[AccountId, ...]
    left_out: Mapping[AccountId, Sentence] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """The owners who are left out, as stored sentences for the proposal."""
        counts: dict[str, tuple[Sentence, int]] = {}
        for why in self.left_out.values():
            counts[why.stored] = why, counts.get(why.stored, (why, 0))[1] + 1
        return tuple(
            ngettext_lazy(
                "{count:,} owner is left out: {why}", "{count:,} owners are left out: {why}", number, why=why
            ).stored
            for why, number in counts.values()
        )


def keep(vault: Vault, case: Case, system: str, owners: Sequence[EarlierOwner]) -> EarlierOwners:
    """Return the sealed row of a handover's owners in one system."""
    row_id = f"{case.id}:{system}"
    sealed = vault.seal(case.wrapped_key, [asdict(one) for one in owners], f"earlier:{row_id}")
    return EarlierOwners(id=row_id, case_id=case.id, system=system, sealed=sealed)


def owners_of(vault: Vault, session: Session, case: Case, system: str) -> tuple[EarlierOwner, ...]:
    """Return the owners of a handover in one system. Raises `Tampered` where their row is gone or was changed."""
    row = session.get(EarlierOwners, f"{case.id}:{system}")
    if row is None:
        raise Tampered(gettext_lazy("the list of owners was deleted from the database"))
    try:
        found: list[dict[str, Any]] = vault.open(case.wrapped_key, row.sealed, f"earlier:{row.id}")
    except WrongKey as error:
        raise Tampered(gettext_lazy("the list of owners was changed in the database")) from error
    return tuple(EarlierOwner(**one) for one in found)


def book_owners(context: ClientContext, case: Case, leaver: Leaver, system: System) -> Owners:
    """Return the owners whose records are handed over, from a fresh read.

    Raises `PreconditionFailed`, and what a connector raises.
    """
    if not leaver.is_group:
        return Owners(leaver_accounts(context.store, context.vault, case.id, leaver, system))
    with context.store.read() as session:
        known = [one.account for one in owners_of(context.vault, session, case, system.name)]
    seen = observe(system, require_accounts(system), known)
    left_out = returned(seen) | _unlisted(context.system(system.name)[1], seen)
    return Owners(tuple(one for one in known if one not in left_out), left_out)


def all_accounts(context: ClientContext, case: Case, leaver: Leaver, system: System) -> tuple[AccountId, ...]:
    """Return every account that must not receive records: the leaver's, or all owners of the handover."""
    if not leaver.is_group:
        return leaver_accounts(context.store, context.vault, case.id, leaver, system)
    with context.store.read() as session:
        return tuple(one.account for one in owners_of(context.vault, session, case, system.name))


def observe(
    system: System,
    accounts: Accounts,
    ids: Sequence[AccountId],
    progress: Callable[[int], None] = lambda done: None,  # noqa: ARG005 - says nothing
) -> dict[AccountId, Observation]:
    """Read many accounts, as many to a call as the vendor allows. `progress` gets the number of those read."""
    found: dict[AccountId, Observation] = {}
    for some in chunks(ids, system.manifest.limits.observe_batch):
        read = accounts.observe(some)
        missing = Observation(Verdict.UNKNOWN, "", _("the system's answer left this account out"))
        found |= {one: read.get(one, missing) for one in some}
        progress(len(found))
    return found


def returned(seen: Mapping[AccountId, Observation]) -> dict[AccountId, Sentence]:
    """Return the accounts that are not known to be inactive, each with the reason."""
    found: dict[AccountId, Sentence] = {}
    for account, read in seen.items():
        if read.verdict is Verdict.OPEN:
            found[account] = gettext_lazy("the owner's account there is open again")
        elif read.verdict is Verdict.UNKNOWN:
            found[account] = gettext_lazy(
                "not known whether the owner's account is inactive: {why}", why=read.reason or read.how
            )
    return found


def _unlisted(book: ClientBook, seen: Mapping[AccountId, Observation]) -> dict[AccountId, Sentence]:
    """Return the accounts that are gone, and whose records the system lists no more."""
    found: dict[AccountId, Sentence] = {}
    for account in (one for one, read in seen.items() if read.verdict is Verdict.ABSENT):
        try:
            book.count(account)
        except Missing:
            found[account] = gettext_lazy("the account is gone, and its records cannot be listed")
    return found


def going_on() -> sa.ColumnElement[bool]:
    """Return the condition that a case is a handover of earlier leavers that has not ended."""
    waits = select(BookHandover.id).where(BookHandover.case_id == Case.id, col(BookHandover.state).not_in(ENDED))
    return sa.and_(col(Case.state) == CaseState.EARLIER, waits.exists())


def has_not_begun(session: Session, case: Case) -> bool:
    """Return whether a case is a handover of earlier leavers of which no record was moved, or is about to be."""
    if case.state != CaseState.EARLIER:
        return False
    moving = select(BookHandover.id).where(
        BookHandover.case_id == case.id, BookHandover.phase == BookPhase.MOVE, BookHandover.state == WorkState.DUE
    )
    begun = select(Assignment.id).where(
        Assignment.case_id == case.id, col(Assignment.state).in_((*CARRIED_OUT, AssignmentState.PUTTING_BACK))
    )
    return session.exec(moving.limit(1)).first() is None and session.exec(begun.limit(1)).first() is None
