"""Opening of one handover for several earlier leavers: inactive owners of records, about whom no case is open.

It is a case without a leaver and without a lock-out. Proposal, decisions, moves, notes and undo are those of any case
(docs/decisions/0023).
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import Sentence, gettext_lazy
from connectors.contract import AccountId, Accounts, BookOwners
from workflows.authorization import Right
from workflows.clients import earlier
from workflows.clients.earlier import EarlierOwner
from workflows.context import Context
from workflows.people import Actor, Successor, earlier_leavers
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, leaver_keys, leaving, mail_key, refresh_case_message
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.case import Case, CaseState, Reason, Strategy
from workflows.storage.rows.clients import BookHandover, EarlierOwners
from workflows.storage.rows.work_state import WorkState
from workflows.systems.registry import System

BUSY = (CaseState.SCHEDULED, CaseState.RUNNING, CaseState.HELD)
"""States of a case that hands an account's clients over by itself."""


@dataclass(frozen=True, slots=True)
class EarlierRequest:
    """A request for one handover of the records of several owners."""

    owners: Mapping[str, Sequence[AccountId]]
    """The chosen owners by system."""
    approver: Successor
    successors: tuple[Successor, ...]
    strategy: Strategy
    requested_by: Actor
    channel: str
    note: str = ""
    token: str = ""
    """The same for a repeated request, such as the id of a form. Empty: each request is a new one."""


@dataclass(frozen=True, slots=True)
class EarlierOpening:
    """The owners of a handover, and those who were chosen and are left out with the reason. Nothing was written."""

    owners: Mapping[str, tuple[EarlierOwner, ...]]
    left_out: Mapping[str, Mapping[AccountId, Sentence]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The number of owners whose records are proposed."""
        return sum(map(len, self.owners.values()))


class EarlierHandovers:
    """Opens handovers of earlier leavers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def plan(self, request: EarlierRequest) -> EarlierOpening:
        """Return whose records would be proposed, from a fresh read; writes nothing.

        Raises `Refused`: NO_SUCCESSOR, NO_EARLIER_LEAVER, OPEN_CASE, and by authorization; and what a connector raises.
        """
        return self._checked(request)[1]

    def open(self, request: EarlierRequest) -> str:
        """Open the handover and return its case. Raises as `plan`, and `OPEN_CASE` for a repeated request."""
        by, opening = self._checked(request)
        case = self._new_case(request, by, opening.number)
        try:
            with self._context.store.write() as session:
                self._refuse_repeated(session, opening)
                self._write(session, case, request, by, opening)
        except sa.exc.IntegrityError as error:
            raise Refused(Code.IN_HANDOVER, case=case.id) from error
        return case.id

    def _checked(self, request: EarlierRequest) -> tuple[Actor, EarlierOpening]:
        context = self._context
        by = context.authorization.require(Right.OPEN, request.requested_by)
        if not request.successors:
            raise Refused(Code.NO_SUCCESSOR, name="")
        with context.store.read() as session:
            gone = leaving(session, context.vault, (request.approver,))
        if gone:
            raise Refused(Code.CANNOT_DECIDE, name=request.approver.name, why=str(gettext_lazy("is leaving, too")))
        owners: dict[str, tuple[EarlierOwner, ...]] = {}
        left_out: dict[str, Mapping[AccountId, Sentence]] = {}
        busy = ""
        for name, chosen in request.owners.items():
            owners[name], left_out[name], other = self._read(name, tuple(dict.fromkeys(chosen)))
            busy = busy or other
        opening = EarlierOpening({name: of for name, of in owners.items() if of}, left_out)
        if not opening.number:
            raise Refused(Code.IN_HANDOVER, case=busy) if busy else Refused(Code.NO_EARLIER_LEAVER)
        return by, opening

    def _read(
        self, name: str, chosen: Sequence[AccountId]
    ) -> tuple[tuple[EarlierOwner, ...], Mapping[AccountId, Sentence], str]:
        """Return the owners of one system who are inactive and in no case; the others with the reason; a case."""
        system = self._context.systems.get(name)
        accounts = system.having(Accounts) if system else None
        if system is None or accounts is None or not system.has(BookOwners):
            raise Refused(Code.UNKNOWN_SYSTEM, system=name, known=", ".join(self._books()))
        left_out = earlier.returned(earlier.observe(system, accounts, chosen))
        with self._context.store.read() as session:
            taken = self._taken(session, system, chosen)
        for account, case_id in taken.items():
            left_out[account] = gettext_lazy("case {case} is about it", case=case_id)
        rest = [one for one in chosen if one not in left_out]
        known = accounts.read(rest) if rest else {}
        owners = (
            EarlierOwner(one, known[one].login, known[one].name) if one in known else EarlierOwner(one) for one in rest
        )
        return tuple(owners), left_out, next(iter(taken.values()), "")

    def _books(self) -> list[str]:
        return [system.name for system, _book in self._context.systems.with_capability(BookOwners)]

    def _taken(self, session: Session, system: System, chosen: Sequence[AccountId]) -> dict[AccountId, str]:
        """Return the accounts that an open case, or another such handover, is about; each with the case."""
        query = (
            select(LeaverAccount.account_id, LeaverAccount.case_id)
            .join(Case, col(LeaverAccount.case_id) == col(Case.id))
            .where(LeaverAccount.system == system.name, col(Case.state).in_(BUSY))
        )
        known = {AccountId(account): case_id for account, case_id in session.exec(query)}
        known |= self._in_handovers(session, system.name)
        return {one: known[one] for one in chosen if one in known}

    def _in_handovers(self, session: Session, system: str) -> dict[AccountId, str]:
        going_on = (
            select(Case)
            .join(EarlierOwners, col(EarlierOwners.case_id) == col(Case.id))
            .where(EarlierOwners.system == system, earlier.going_on())
        )
        return {
            one.account: case.id
            for case in session.exec(going_on).all()
            for one in earlier.owners_of(self._context.vault, session, case, system)
        }

    def _refuse_repeated(self, session: Session, opening: EarlierOpening) -> None:
        """Raise `Refused(IN_HANDOVER)` if another request was faster, in the transaction that would open the case."""
        for name, owners in opening.owners.items():
            if taken := self._taken(session, self._context.systems[name], [one.account for one in owners]):
                raise Refused(Code.IN_HANDOVER, case=next(iter(taken.values())))

    def _new_case(self, request: EarlierRequest, by: Actor, number: int) -> Case:
        now, vault, approver = self._context.clock.now(), self._context.vault, request.approver
        mark = hashlib.sha256(request.token.encode()).hexdigest()[:6] if request.token else secrets.token_hex(3)
        case_id, wrapped = f"HO-{now:%y%m%d}-{mark}", vault.new_key()
        leaver = earlier_leavers(number, f"earlier:{case_id}")
        data = CaseData(leaver, approver, request.successors, by, request.channel, request.note)
        return Case(
            id=case_id,
            leaver_key=leaver_keys(vault, leaver)[0],
            mail_key=mail_key(vault, leaver.email),
            state=CaseState.EARLIER,
            immediate=False,
            effective_at=now,
            opened_at=now,
            opened_by=by.id,
            approver=f"slack:{approver.slack_id}" if approver.slack_id else f"mail:{approver.key}",
            strategy=request.strategy,
            reason=Reason.OTHER,
            wrapped_key=wrapped,
            sealed=vault.seal(wrapped, data.dump(), f"case:{case_id}"),
        )

    def _write(self, session: Session, case: Case, request: EarlierRequest, by: Actor, opening: EarlierOpening) -> None:
        """Write the case with its books, in the caller's transaction."""
        session.add(case)
        session.flush()
        for name, owners in opening.owners.items():
            session.add(earlier.keep(self._context.vault, case, name, owners))
            session.add(_book(case, name, case.opened_at))
        refresh_case_message(session, case.id, request.channel)
        self._context.journal.write(
            session,
            actor=by,
            action="case.opened",
            case_id=case.id,
            data={
                "effective_at": case.effective_at.isoformat(),
                "reason": case.reason,
                "strategy": case.strategy,
                "immediate": False,
                "keep_access": False,
                "earlier": opening.number,
                "books": sorted(opening.owners),
                "systems": [],
                "follow_ups": [],
            },
            sealed=case.sealed,
        )


def _book(case: Case, system: str, now: datetime) -> BookHandover:
    return BookHandover(id=f"{case.id}:{system}", case_id=case.id, system=system, state=WorkState.DUE, due_at=now)
