"""Cases that wait for a second person: held as they are opened, released or rejected once.

A held case has all its rows, none of them due: whoever forgets to look here does nothing by it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.access import restriction
from workflows.cases.ending import cancel_open_work
from workflows.clients.approvals.decisions import DecisionRegister
from workflows.context import Context
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, is_about, read_case, refresh_case_message
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.access import Access, ManualStep, Restriction
from workflows.storage.rows.case import Case, CaseState, HoldReason
from workflows.storage.rows.clients import BookHandover
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.watch import ExportSnapshot, FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """Limits that fail closed."""

    undo_days: int = 30
    mass_cases_per_hour: int = 10
    immediate_needs_second: bool = False
    mass_share: float = 1
    """Share of the directory's people that may have cases within a day; 1: no such limit."""
    hold_channel: str = ""
    """Channel that is told of a held case; empty: only the command line shows it."""


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FEW = 2
"""So many cases a day are nobody's share of a company: a small one could not let two people go on one day."""
ONE_AT_A_TIME = 7_205_759
"""Key of the lock that makes PostgreSQL open one case after the other, so that two cannot both be the tenth."""
RELEASED, REJECTED = "case.released", "case.rejected"
WORK = (Access, BookHandover, ExportSnapshot, FollowUp, ManualStep, Restriction)


class Holds:
    """Decides which cases wait, and lets them go."""

    def __init__(
        self,
        context: Context,
        decisions: DecisionRegister,
        rules: CasePolicy,
        people: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`people`: how many the directory has, None where nobody knows."""
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._clock, self._decisions, self._rules, self._people = context.clock, decisions, rules, people

    def count(self, session: Session, now: datetime) -> int:
        """Return how many cases were opened in the last hour, whatever became of them; others wait meanwhile."""
        if self._store.postgres:
            session.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        query = select(sa.func.count()).select_from(Case).where(col(Case.opened_at) > now - HOUR)
        return session.exec(query).one()

    def cases_within_a_day(self, session: Session, now: datetime, effective: datetime, but: str = "") -> int:
        """Return how many people have a case opened within a day, or taking effect within a day of `effective`.

        Whatever became of those opened today; of the others only what is still to take effect, or has. Without `but`.
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
        """Return how many people the directory has, before any transaction; None: unknown, or of no account here.

        The directory is asked only where a share could be exceeded: the first cases of a day do not wait for it.
        """
        if self._rules.mass_share >= 1:
            return None
        with self._store.read() as session:
            crowd = self.cases_within_a_day(session, self._clock.now(), effective)
        return self._people() if crowd >= FEW else None

    def judge(self, opened: int, *, soon: bool, crowd: int = 0, people: int | None = None) -> HoldReason | None:
        """Return why one more case must wait, or None. Pure.

        `soon`: it takes effect at once, or so soon that nobody could stop it. `opened`: cases of the last hour without
        it; `crowd`: people of the day without it; `people`: the directory's.
        """
        if opened >= self._rules.mass_cases_per_hour:
            return HoldReason.MASS
        if self.too_many(crowd, people):
            return HoldReason.SHARE
        return HoldReason.IMMEDIATE if soon and self._rules.immediate_needs_second else None

    def soon(self, effective: datetime) -> bool:
        """Whether a case that takes effect then is as good as immediate: who writes "in two minutes" means now."""
        return effective < self._clock.now() + HOUR

    def too_many(self, crowd: int, people: int | None) -> bool:
        """Whether one more than `crowd` is more than the policy's share; from the third on, no figure is too many."""
        if self._rules.mass_share >= 1 or crowd < FEW:
            return False
        return people is None or crowd + 1 > self._rules.mass_share * people

    def rejudge(self, session: Session, case: Case, people: int | None) -> HoldReason | None:
        """Return why a case that is given another day must wait: neither many on one day nor "soon" is a way round.

        A case that is held already is held on, by whichever rule asks for more; nothing is released here.
        """
        self.count(session, self._clock.now())  # one after the other
        crowd = self.cases_within_a_day(session, self._clock.now(), case.effective_at, case.id)
        if self.too_many(crowd, people):
            return HoldReason.SHARE if case.hold_reason in ("", HoldReason.IMMEDIATE) else None
        if case.hold_reason or not self._rules.immediate_needs_second:
            return None
        return HoldReason.IMMEDIATE if self.soon(case.effective_at) else None

    def hold(self, session: Session, case: Case, why: HoldReason) -> None:
        """Hold a case that was just laid out or moved, in the caller's transaction, and tell security."""
        case.state, case.hold_reason = CaseState.HELD, why
        session.add(case)
        self._turn(session, case.id, WorkState.DUE, WorkState.PLANNED)
        self._journal.write(session, actor=HANDOVER, action="case.hold_reason", case_id=case.id, data={"why": why})
        enqueue(
            session,
            id=f"held:{case.id}",
            kind=MessageKind.HELD,
            subject=case.id,
            case_id=case.id,
            channel=self._rules.hold_channel,
        )

    def release(self, case_id: str, by: Actor) -> bool:
        """Let a held case go on; return whether its time has come. Raises NOT_OPEN, SECOND_PERSON, PAST_TIME."""
        now = self._clock.now()
        with self._store.write() as session:
            case, data = self._held(session, case_id, by, "release")
            self._refuse_first(session, case, data, by)
            begins = case.immediate or case.effective_at <= now
            if begins:
                case.effective_at = now
            case.state, case.hold_reason = CaseState.SCHEDULED, ""
            session.add(case)
            self._turn(session, case_id, WorkState.PLANNED, WorkState.DUE)
            if begins:  # late because it was held, not because of a downtime
                session.execute(sa.update(Access).where(col(Access.case_id) == case_id).values(due_at=now))
            self._settled(session, by, RELEASED, case)
        return begins

    def reject(self, case_id: str, by: Actor) -> None:
        """Call a held case off; whoever opened it may do that, too. Raises NOT_OPEN."""
        with self._store.write() as session:
            case, _ = self._held(session, case_id, by, "reject")
            case.state = CaseState.CANCELLED
            session.add(case)
            restriction.lift(session, case_id, self._clock.now())
            cancel_open_work(session, self._decisions, case_id, by)
            self._settled(session, by, REJECTED, case)

    def _held(self, session: Session, case_id: str, by: Actor, what: str) -> tuple[Case, CaseData]:
        case, data = read_case(session, self._vault, case_id)
        session.refresh(case, with_for_update=True)
        if case.state != CaseState.HELD:
            raise Refused(Code.NOT_OPEN, case=case_id, state=case.state, by=by.name, what=what)
        return case, data

    def _refuse_first(self, session: Session, case: Case, data: CaseData, by: Actor) -> None:
        """Two people means two: neither whoever opened the case, or gave it another day, nor whom it is about.

        By whichever door they come: an operator may be the same human as somebody in Slack.
        """
        moved = select(JournalEntry.actor).where(
            JournalEntry.case_id == case.id, JournalEntry.action == "case.rescheduled"
        )
        movers = session.exec(moved).all()
        if by.may_be(data.opened_by) or is_about(data.leaver, by) or by.id in movers:
            raise Refused(Code.SECOND_PERSON, case=case.id, by=data.opened_by.name)

    def _turn(self, session: Session, case_id: str, old: WorkState, new: WorkState) -> None:
        for model in WORK:
            session.execute(
                sa.update(model).where(col(model.case_id) == case_id, col(model.state) == old).values(state=new)
            )

    def _settled(self, session: Session, by: Actor, action: str, case: Case) -> None:
        name = self._vault.seal(case.wrapped_key, by.name, f"settled:{case.id}")
        self._journal.write(session, actor=by, action=action, case_id=case.id, sealed=name)
        request_update(session, f"held:{case.id}")
        refresh_case_message(session, case.id)


def settled(session: Session, vault: Vault, case: Case) -> tuple[str, datetime | None]:
    """Return who released or rejected a case last, and when; empty where nobody has."""
    answers = select(JournalEntry).where(
        JournalEntry.case_id == case.id, col(JournalEntry.action).in_((RELEASED, REJECTED))
    )
    row = session.exec(answers.order_by(col(JournalEntry.at).desc()).limit(1)).first()
    if row is None:
        return "", None
    name = vault.open(case.wrapped_key, row.sealed, f"settled:{case.id}") if row.sealed else row.actor
    return str(name), row.at
