"""Held cases, which wait for a second person, who releases or rejects them once; and the end of a case.

A held case has all its rows, but none is due, so no other module needs to check for a hold.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from connectors.contract import Accounts
from connectors.errors import ConnectorError
from workflows.access import duty_schedule, manual_steps, restriction
from workflows.access.lockout_messages import refresh_failures
from workflows.authorization import Right, holders
from workflows.cases.views import Ended
from workflows.clients.approvals.decisions import DecisionRegister
from workflows.clients.moves.halts import end_moves
from workflows.context import Context
from workflows.news import Event, tell, tell_line_manager, told
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.stages import days as stage_days
from workflows.storage.case import CaseData, is_about, read_case, refresh_case_message
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.access import Access, Inventory, ManualStep, Restriction, RestrictionPhase
from workflows.storage.rows.case import Case, CaseState, Headcount, HoldReason
from workflows.storage.rows.clients import BookHandover
from workflows.storage.rows.duties import DutyDecision, DutyReview
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.stages import Stage
from workflows.storage.rows.watch import ExportSnapshot, FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault
from workflows.tampering import acts, last


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """The company's limits on cases; they fail closed."""

    undo_days: int = 30
    mass_cases_per_hour: int = 10
    immediate_needs_second: bool = False
    mass_share: float = 1
    """Share of the directory that may have cases within a day; 1: no such limit."""
    hold_channel: str = ""
    """Channel for messages about held cases; empty: only the command line shows them."""


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FEW = 2
"""So many cases a day are below any share: else a small company could not let two people go on one day."""
ONE_AT_A_TIME = 7_205_759
"""Key of the PostgreSQL lock under which cases are opened one after the other, so that each is counted."""
COUNTED = "directory.counted"
RELEASED, REJECTED, MOVED = "case.released", "case.rejected", "case.rescheduled"
CANCELLED, UNDONE, CLOSED = "case.cancelled", "case.undone", "case.closed"
WORK = (
    *(Access, Inventory, BookHandover, ExportSnapshot, FollowUp, ManualStep, Restriction, Stage),
    *(DutyDecision, DutyReview),
)


class Holds:
    """Holds, releases and rejects cases."""

    def __init__(self, context: Context, decisions: DecisionRegister, rules: CasePolicy) -> None:
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._systems, self._clock = context.systems, context.clock
        self._decisions, self._rules, self._context = decisions, rules, context

    def _count(self, session: Session, now: datetime) -> int:
        """Return the number of cases opened in the last hour, in any state; other openings wait meanwhile."""
        if self._store.postgres:
            session.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        query = select(sa.func.count()).select_from(Case).where(col(Case.opened_at) > now - HOUR)
        return session.exec(query).one()

    def _cases_within_a_day(self, session: Session, now: datetime, effective: datetime, but: str = "") -> int:
        """Return the number of people with a case opened within a day, or effective within a day of `effective`.

        Cancelled cases count if they were opened today. `but`: a case that is not counted.
        """
        today = col(Case.opened_at) > now - DAY
        together = sa.and_(
            col(Case.effective_at) > effective - DAY,
            col(Case.effective_at) < effective + DAY,
            col(Case.state) != CaseState.CANCELLED,
        )
        query = select(sa.func.count(sa.distinct(col(Case.leaver_key)))).where(sa.or_(today, together), Case.id != but)
        return session.exec(query).one()

    def people(self, effective: datetime) -> int | None:
        """Return the number of people in the directory, before any transaction; None: unknown, or not needed.

        The directory is read only where a share could be exceeded: the first cases of a day do not wait.
        """
        if self._rules.mass_share >= 1:
            return None
        with self._store.read() as session:
            crowd = self._cases_within_a_day(session, self._clock.now(), effective)
        return self._headcount() if crowd >= FEW else None

    def _headcount(self) -> int | None:
        """Return how many people the directory has, as of today or as of the last answer; None: never told.

        The directory is read once a day at most, so that opening a case does not wait.
        """
        name, now, number = self._systems.directory, self._clock.now(), None
        with self._store.read() as session:
            known = session.get(Headcount, name)
            told = last(acts(self._context, session, "", COUNTED, strict=False), COUNTED)
        if known and (told is None or told.data != {"system": name, "number": known.number}):
            known = None  # a higher number would lift the limit
        if known and now - known.read_at < DAY:
            return known.number
        system = self._systems.get(name)
        accounts = system.having(Accounts) if system else None
        with suppress(ConnectorError):
            number = accounts.headcount() if accounts else None
        if not number:  # no answer, or nobody at all, which is not believed
            return known.number if known else None
        with self._store.write() as session:
            session.merge(Headcount(system=name, number=number, read_at=now))
            said = {"system": name, "number": number}
            self._journal.write(session, actor=HANDOVER, action=COUNTED, data=said)
        return number

    def judge(self, session: Session, now: datetime, effective: datetime, people: int | None) -> HoldReason | None:
        """Return why one more case must wait, or None. Other openings wait until the caller has added the case.

        `people`: number of people in the directory. A case that is effective within the hour is too soon to be stopped.
        """
        if self._count(session, now) >= self._rules.mass_cases_per_hour:
            return HoldReason.MASS
        if self._too_many(self._cases_within_a_day(session, now, effective), people):
            return HoldReason.SHARE
        return HoldReason.IMMEDIATE if self._rules.immediate_needs_second and effective < now + HOUR else None

    def _too_many(self, crowd: int, people: int | None) -> bool:
        """Return whether one more than `crowd` exceeds the policy's share. From the third on, an unknown total does."""
        if self._rules.mass_share >= 1 or crowd < FEW:
            return False
        return people is None or crowd + 1 > self._rules.mass_share * people

    def rejudge(self, session: Session, case: Case, people: int | None) -> HoldReason | None:
        """Return why a rescheduled case must wait, so that rescheduling does not evade a limit.

        A held case stays held, by the stricter rule; nothing is released here.
        """
        now = self._clock.now()
        self._count(session, now)  # takes the lock
        if self._too_many(self._cases_within_a_day(session, now, case.effective_at, case.id), people):
            return HoldReason.SHARE if case.hold_reason in ("", HoldReason.IMMEDIATE) else None
        if case.hold_reason or not self._rules.immediate_needs_second:
            return None
        return HoldReason.IMMEDIATE if case.effective_at < now + HOUR else None

    def hold(self, session: Session, case: Case, why: HoldReason) -> None:
        """Hold a case just opened or rescheduled, in the caller's transaction, and notify security."""
        case.state, case.hold_reason = CaseState.HELD, why
        session.add(case)
        self._set_state(session, case.id, WorkState.DUE, WorkState.PLANNED)
        self._journal.write(session, actor=HANDOVER, action="case.held", case_id=case.id, data={"why": why})
        enqueue(
            session,
            id=f"held:{case.id}",
            kind=MessageKind.HELD,
            subject=case.id,
            case_id=case.id,
            channel=self._rules.hold_channel,
        )

    def release(self, case_id: str, by: Actor) -> bool:
        """Release a held case; return whether it begins now. Raises `Refused`: NOT_OPEN, SECOND_PERSON."""
        now = self._clock.now()
        with self._store.write() as session:
            case, data = self._held(session, case_id, by, "release")
            moved = select(JournalEntry).where(JournalEntry.case_id == case_id, JournalEntry.action == MOVED)
            movers = [self._mover(session, case, entry) for entry in session.exec(moved)]
            # Neither who opened or rescheduled the case, nor the leaver, through Slack or the command line.
            same = any(by.may_be(one) for one in (data.opened_by, *movers))
            if same or by.service or is_about(data.leaver, by):
                right = Right.RELEASE_IMMEDIATE if case.hold_reason == HoldReason.IMMEDIATE else Right.RELEASE
                raise Refused(Code.SECOND_PERSON, case=case_id, by=data.opened_by.name, roles=holders(right))
            begins = case.immediate or case.effective_at <= now
            if begins:
                case.effective_at = now
            case.state, case.hold_reason = CaseState.SCHEDULED, ""
            session.add(case)
            self._set_state(session, case_id, WorkState.PLANNED, WorkState.DUE)
            if begins:  # so that the hold is not reported as a late start
                session.execute(sa.update(Access).where(col(Access.case_id) == case_id).values(due_at=now))
                stage_days.reschedule(session, case, data.leaver.timezone)
            self._journal_answer(session, by, RELEASED, case, data)
            tell_line_manager(self._context, session, case_id, data)
        return begins

    def _mover(self, session: Session, case: Case, entry: JournalEntry) -> Actor:
        """Return who rescheduled a case. Without the sealed part (before 0.3.0) it is known by its ids alone."""
        if entry.sealed:
            return Actor(**self._vault.open(case.wrapped_key, entry.sealed, f"{MOVED}:{case.id}"))
        mover, data = self._journal.opener(session, case.id)(entry)
        return Actor(mover, "", login=data.get("login", ""))

    def reject(self, case_id: str, by: Actor) -> None:
        """Cancel a held case; the person who opened it may do that, too. Raises `Refused(NOT_OPEN)`."""
        with self._store.write() as session:
            case, data = self._held(session, case_id, by, "reject")
            restriction.lift(session, case_id, self._clock.now())
            duty_schedule.lift(session, case, self._clock.now())
            end_case(session, self._decisions, case, CaseState.CANCELLED, by)
            self._journal_answer(session, by, REJECTED, case, data)
            others = [user for user in told(session, case_id, data) if user != data.opened_by.slack_id]
            tell(self._context, session, case_id, data, Event.ENDED, others, but=[by.slack_id])

    def _held(self, session: Session, case_id: str, by: Actor, what: str) -> tuple[Case, CaseData]:
        case, data = read_case(session, self._vault, case_id)
        session.refresh(case, with_for_update=True)
        if case.state != CaseState.HELD:
            raise Refused(Code.NOT_OPEN, case=case_id, state=case.state, by=by.name, what=what)
        return case, data

    def _set_state(self, session: Session, case_id: str, old: WorkState, new: WorkState) -> None:
        for model in WORK:
            session.execute(
                sa.update(model).where(col(model.case_id) == case_id, col(model.state) == old).values(state=new)
            )

    def _journal_answer(self, session: Session, by: Actor, action: str, case: Case, data: CaseData) -> None:
        name = self._vault.seal(case.wrapped_key, by.name, f"settled:{case.id}")
        at = {"effective_at": case.effective_at.isoformat()}
        self._journal.write(session, actor=by, action=action, case_id=case.id, data=at, sealed=name)
        request_update(session, f"held:{case.id}")
        if not by.may_be(data.opened_by):  # an edited message notifies nobody
            enqueue(
                session,
                id=f"answered:{case.id}:{self._clock.now():%Y%m%dT%H%M%S}",
                kind=MessageKind.HELD,
                subject=case.id,
                case_id=case.id,
                channel=data.opened_by.slack_id,
            )
        refresh_case_message(session, case.id)


def settled(session: Session, vault: Vault, case: Case) -> tuple[str, datetime | None]:
    """Return the name of the last person who released or rejected a case, and when; empty where nobody did."""
    answers = select(JournalEntry).where(
        JournalEntry.case_id == case.id, col(JournalEntry.action).in_((RELEASED, REJECTED))
    )
    row = session.exec(answers.order_by(col(JournalEntry.at).desc()).limit(1)).first()
    if row is None:
        return "", None
    return str(vault.open(case.wrapped_key, row.sealed, f"settled:{case.id}") if row.sealed else row.actor), row.at


def seal_end(vault: Vault, case: Case, by: Actor, reason: str = "") -> bytes:
    """Seal who ended a case, and why, for its entry in the journal."""
    return vault.seal(case.wrapped_key, {"by": by.name or by.id, "reason": reason}, f"ended:{case.id}")


def ended(session: Session, vault: Vault, case: Case) -> Ended | None:
    """Return who cancelled, undid or closed a case last, when and why; None where nobody did."""
    ends = select(JournalEntry).where(
        JournalEntry.case_id == case.id, col(JournalEntry.action).in_((CANCELLED, UNDONE, CLOSED))
    )
    row = session.exec(ends.order_by(col(JournalEntry.at).desc()).limit(1)).first()
    if row is None:
        by, at = settled(session, vault, case)
        return Ended(by, at) if at and case.state == CaseState.CANCELLED else None
    told = (
        vault.open(case.wrapped_key, row.sealed, f"ended:{case.id}") if row.sealed else {"by": row.actor, "reason": ""}
    )
    return Ended(told["by"], row.at, told["reason"])


def end_case(session: Session, decisions: DecisionRegister, case: Case, state: CaseState, by: Actor) -> None:
    """End a case: cancel all its open work, such as lock-outs, moves, snapshots, follow-ups, and pending proposals.

    Records whose move a system accepted are read on, because it may still move them.
    """
    case.state = state
    session.add(case)
    read_on = end_moves(session, case.id)
    for model in (Access, Inventory, BookHandover, ExportSnapshot, FollowUp):
        session.execute(
            sa.update(model)
            .where(col(model.case_id) == case.id, col(model.state) != WorkState.DONE, col(model.id).not_in(read_on))
            .values(state=WorkState.CANCELLED)
        )
    session.execute(  # a restriction that is being lifted goes on
        sa.update(Restriction)
        .where(
            col(Restriction.case_id) == case.id,
            col(Restriction.state) != WorkState.DONE,
            col(Restriction.phase) == RestrictionPhase.RESTRICT,
        )
        .values(state=WorkState.CANCELLED)
    )
    stage_days.end(session, case.id, state)
    manual_steps.cancel(session, case.id)
    duty_schedule.end(session, case)
    refresh_failures(session, case.id)
    decisions.cancel(session, case.id, by)
