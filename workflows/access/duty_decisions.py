"""Decisions on a leaver's duties: new owner, keep or stop, by those who may decide, each on record with its author."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlmodel import Session

from config.text import _, stored
from connectors.contract import Account, Accounts, Duty, DutyChanges, Person, Verdict
from connectors.errors import ConnectorError
from workflows.access import duty_list, duty_messages
from workflows.access.duty_carrier import HAND
from workflows.access.duty_list import GOING_ON
from workflows.access.duty_rows import DECIDED, RULED, DecisionData, Receiver, as_data, row_id, write_entry
from workflows.access.duty_views import DutiesView, DutyItem
from workflows.access.duty_work import lead
from workflows.authorization import Right
from workflows.context import Context
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, leaving, read_case, refresh_case_message
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import Case
from workflows.storage.rows.duties import DutyChoice, DutyDecision
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, say
from workflows.systems.registry import System, Systems

SHORTEST = 4
"""Characters of a key that are enough to name a duty, if no other key begins so."""


@dataclass(frozen=True, slots=True)
class DutyOrder:
    """A person's decision on one duty. `id`: a `DutyItem`'s, or the beginning of its key."""

    id: str
    choice: DutyChoice
    to: str = ""
    """Address of the colleague who gets it."""
    seen: str | None = None
    """The `version` that the person saw; None: whatever it is now."""


class DutyDecisions:
    """Reads and records decisions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def view(self, case_id: str) -> DutiesView:
        """Return the duties of a case with their decisions, without a read. Raises `Refused(UNKNOWN_CASE)`."""
        with self._context.store.read() as session:
            case, _data = read_case(session, self._context.vault, case_id)
            return duty_list.view(session, self._context.vault, self._context.systems, case)

    def require(self, case_id: str, by: Actor) -> Actor:
        """Return who may decide, as the gate knows them: the case's approver, HR, security. Raises `Refused`."""
        with self._context.store.read() as session:
            approver = read_case(session, self._context.vault, case_id)[1].approver
        also = [approver.slack_id] if approver.slack_id else []
        return self._context.authorization.require(Right.DUTIES, by, case_id, also=also)

    def decide(self, case_id: str, orders: Sequence[DutyOrder], by: Actor, reason: str = "") -> tuple[DutyItem, ...]:
        """Record decisions, all or none; return the duties as decided. The same decision again changes nothing.

        Raises `Refused`: NOT_OPEN, UNKNOWN_DUTY, DUTY_CHANGED, CANNOT_TAKE, and by authorization.
        """
        by = self.require(case_id, by)
        items = self.view(case_id).items
        chosen = [(_named(items, order.id), order) for order in orders]
        receivers = self._receivers(case_id, chosen)
        context = self._context
        with context.store.write() as session:
            case, _data = read_case(session, context.vault, case_id)
            session.refresh(case, with_for_update=True)
            if case.state not in GOING_ON:
                raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
            for item, order in chosen:
                self._record(session, case, item, order, receivers.get(item.id, Receiver()), by, reason.strip())
            session.flush()
            found = duty_list.view(session, context.vault, context.systems, case)
            duty_messages.settle_undecided(context, session, case, found)
            duty_messages.refresh(session, case_id)
            refresh_case_message(session, case_id)
        ids = {item.id for item, _order in chosen}
        return tuple(item for item in found.items if item.id in ids)

    def _receivers(self, case_id: str, chosen: Sequence[tuple[DutyItem, DutyOrder]]) -> Mapping[str, Receiver]:
        """Return the account of each receiver, from a read now. Each is looked up once. Raises `Refused`."""
        with self._context.store.read() as session:
            data = read_case(session, self._context.vault, case_id)[1]
        known: dict[tuple[str, str], Receiver] = {}
        found = {}
        for item, order in chosen:
            if order.choice is not DutyChoice.GIVE:
                continue
            asked = (item.system, order.to.strip().casefold())
            if asked not in known:
                known[asked] = self._receiver(data, item, order.to.strip())
            found[item.id] = known[asked]
        return found

    def _receiver(self, data: CaseData, item: DutyItem, address: str) -> Receiver:
        person = Successor(address.casefold(), address, address)
        with self._context.store.read() as session:
            leaves = leaving(session, self._context.vault, [person])
        if leaves or address.casefold() in map(str.casefold, data.leaver.emails):
            raise _refused(item, address, _("that person is leaving"))
        account = open_account(self._context.systems, item, address)
        if set(map(str.casefold, account.names)) & set(map(str.casefold, data.leaver.emails)):
            raise _refused(item, address, _("that is the leaver's own account"))
        return Receiver(account.id, account.login, account.name or account.login, address)

    def _record(
        self, session: Session, case: Case, item: DutyItem, order: DutyOrder, to: Receiver, by: Actor, reason: str
    ) -> None:
        context = self._context
        row = session.get(DutyDecision, item.id, with_for_update=True)
        before = DecisionData.of(context.vault, case.wrapped_key, row) if row else DecisionData()
        data = replace(
            before,
            duty=as_data(item.duty),
            choice=order.choice.value,
            receiver=asdict(to) if to.account else {},
            by=by.name or by.id,
            by_id=by.id,
            reason=reason,
            result="",
            problem="",
            by_hand=False,
        )
        if row is not None and before.choice and data.order == before.order:
            return  # a second click
        decided_at = row.decided_at.isoformat() if row and row.decided_at else ""
        if order.seen is not None and order.seen != decided_at:
            told = {"by": before.by, "at": decided_at, "duty": item.duty.title}
            raise Refused(Code.DUTY_CHANGED, case=case.id, **told)
        system = context.systems.get(item.system)
        if _by_hand(system, item.duty, data):
            data = replace(data, by_hand=True, problem=stored(_(HAND)))
        row = row or DutyDecision(id=item.id, case_id=case.id, system=item.system, due_at=case.effective_at)
        put(session, row, case, data, system, context.clock.now())
        write_entry(context, session, row, data, DECIDED, by)


def put(
    session: Session, row: DutyDecision, case: Case, data: DecisionData, system: System | None, now: datetime
) -> None:
    """Make the row's work due in its time, in the caller's transaction. What was changed already is due now."""
    row.decided_at, row.done_at = now, None
    keep = data.choice == DutyChoice.KEEP and not data.image
    again(session, row, now if data.image or keep else max(now, case.effective_at - lead(system, case)))
    if keep:
        row.state, row.done_at = WorkState.DONE, now


def _by_hand(system: System | None, duty: Duty, data: DecisionData) -> bool:
    """Return whether it is known already that a person must do it in the system itself."""
    if data.choice == DutyChoice.KEEP:
        return False
    offered = system is not None and system.has(DutyChanges)
    return not offered or (data.choice == DutyChoice.GIVE and bool(duty.fixed))


def rule(context: Context, session: Session, case: Case, system: System, duty: Duty) -> DutyDecision | None:
    """Have one duty stopped by a stage, or given early as decided; None if a person decided to keep it."""
    key = row_id(context.vault, case.id, system.name, duty.id)
    row = session.get(DutyDecision, key, with_for_update=True)
    data = DecisionData.of(context.vault, case.wrapped_key, row) if row else DecisionData()
    if data.choice == DutyChoice.KEEP:
        return None
    now = context.clock.now()
    data = replace(data, duty=data.duty or as_data(duty), choice=data.choice or DutyChoice.STOP.value)
    row = row or DutyDecision(id=key, case_id=case.id, system=system.name, due_at=now, decided_at=now)
    again(session, row, now)
    write_entry(context, session, row, data, RULED, HANDOVER)
    return row


def open_account(systems: Systems, item: DutyItem, address: str) -> Account:
    """Return the one open account with this address in the duty's system. Raises `Refused(CANNOT_TAKE)`."""
    system = systems.get(item.system)
    accounts = system.having(Accounts) if system else None
    if accounts is None or not address:
        raise _refused(item, address, _("people cannot be looked up there"))
    try:
        found = accounts.find(Person("", (address,))).accounts
    except ConnectorError as error:
        raise _refused(item, address, say(error)) from error
    if not found:
        raise _refused(item, address, _("no account there has this address"))
    if len(found) > 1:
        raise _refused(item, address, _("several accounts there have this address"))
    [account] = found
    if account.verdict is not Verdict.OPEN or account.unusable:
        raise _refused(item, address, account.unusable or _("the account there is not open"))
    return account


def _refused(item: DutyItem, who: str, why: str) -> Refused:
    return Refused(Code.CANNOT_TAKE, successor=who, system=item.title, why=why)


def _named(items: Sequence[DutyItem], wanted: str) -> DutyItem:
    """Return the duty with this id, or the only one whose key begins so. Raises `Refused(UNKNOWN_DUTY)`."""
    text = wanted.strip()
    exact = [one for one in items if text in (one.id, one.duty.id)]
    short = [one for one in items if len(text) >= SHORTEST and one.id.rpartition(":")[2].startswith(text)]
    found = exact or short
    if len(found) != 1:
        raise Refused(Code.UNKNOWN_DUTY, duty=text)
    return found[0]
