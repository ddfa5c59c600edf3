"""Manual steps as work: asked, reminded, escalated, confirmed, retracted, and asked again.

One `ManualStep` row is one piece of work. The active people are read from the workspace first. Then one transaction
decides and writes the row, its messages and its journal entry, so that a kill leaves no half-done step.

Long because the scheduled step and the three answers share row, lock and refusals. Pure functions are in `manual_step`.
"""

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _
from connectors.contract import ManualWork
from workflows.access.account_state import UNCONFIGURED
from workflows.access.manual_step import (
    LOOK,
    NOBODY,
    StepActions,
    StepData,
    answered,
    deadline,
    next_step_actions,
    view,
    work_of,
)
from workflows.access.views import StepView
from workflows.authorization import Right
from workflows.context import Context
from workflows.people import Actor
from workflows.ports import AssigneeDirectory, DeliveryFailed
from workflows.refusals import Code, Refused
from workflows.storage.case import UNWATCHED, CaseData, advance_case, read_case, refresh_case_message
from workflows.storage.findings import FindingReport
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.access import ManualStep
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again

STANDS = timedelta(days=90)
"""Time until a confirmed step is asked again if it is no longer in the configuration."""
PEOPLE = ("U", "W", "S")
"""First letters of ids of people and user groups; every other id is a channel."""
KEEP_BYTES = 256 * 1024
"""Largest file that is stored, sealed. Of a larger file only the hash and the name are stored."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Proof beside the note: a file's name and content, or a link without content."""

    name: str
    content: bytes | None = None

    @property
    def sha256(self) -> str:
        """SHA-256 hash of the content, or empty."""
        return hashlib.sha256(self.content).hexdigest() if self.content is not None else ""


class ManualSteps:
    """Carries out `ManualStep` rows, and records people's answers."""

    def __init__(self, context: Context, roster: AssigneeDirectory, channel: str) -> None:
        """Take the directory of active people, and security's channel for steps that nobody else can take."""
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._systems, self._clock = context.systems, context.clock
        self._authorization = context.authorization
        self._findings, self._roster, self._channel = context.findings, roster, channel

    def run(self, step_id: str) -> None:
        """Ask, remind, escalate, or ask again. A row that is not due is left alone, so a doubled call does nothing."""
        now = self._clock.now()
        with self._store.read() as session:
            row = session.get_one(ManualStep, step_id)
            case, people = read_case(session, self._vault, row.case_id)
        if row.state != WorkState.DUE or row.due_at > now:
            return
        work = work_of(self._systems.get(row.system))
        data, ends, escalated_to = StepData.of(self._vault, case.wrapped_key, row), now, tuple[str, ...]()
        if work is None:  # without its instructions nobody can be asked
            next_ = StepActions(False, (), False, False, now + LOOK, problem=UNCONFIGURED)
        else:
            ends = deadline(row, case.effective_at, work, now)
            if row.asked_at is None or answered(row):
                data = replace(
                    data,
                    asked=(),
                    times=0,
                    asked_last="",
                    stuck=False,
                    problem=data.problem if row.asked_at is None else "",
                )
            next_ = next_step_actions(row, data, work, self._reach(work.assignee, people), ends, now)
            escalated_to = self._escalation(work, people) if next_.escalate else ()
        with self._store.write() as session:
            fresh = session.get_one(ManualStep, step_id, with_for_update=True)
            if (fresh.state, fresh.attempt) == (row.state, row.attempt):
                self._take(session, fresh, data, next_, escalated_to, ends, work)

    def confirm(self, step_id: str, by: Actor, note: str, proof: Proof | None = None) -> StepView:
        """Record a confirmation by somebody who was asked for it, or who has the right.

        Raises `Refused`: UNKNOWN_STEP, NOT_OPEN, ALREADY_CONFIRMED, NEEDS_REASON, NEEDS_PROOF, and as `allow`.
        """
        self.allow(step_id, by)
        now = self._clock.now()
        with self._store.write() as session:
            row, case, people, data = self._open(session, step_id)
            _unanswered(row, data)
            work = work_of(self._systems.get(row.system))
            _sufficient(note, proof, needs_file=bool(work and work.needs_file))
            data = replace(
                data,
                name=by.name,
                note=note.strip(),
                proof=proof.name if proof else "",
                proof_sha256=proof.sha256 if proof else "",
                stuck=False,
                problem="",
            )
            row.confirmed_at, row.confirmed_by, row.proof = now, by.id, self._sealed_proof(case, row, proof)
            step = self._answer(
                session,
                row,
                case,
                people,
                data,
                by,
                "manual.confirmed",
                now + (work.ask_again if work else STANDS),
                proof_sha256=data.proof_sha256,
            )
            self._findings.close_resolved(session, _unverified(row))
            advance_case(session, self._journal, case.id)
            return step

    def cannot(self, step_id: str, by: Actor, why: str) -> StepView:
        """Record that somebody cannot do the step, and escalate at once. Raises as `confirm`."""
        self.allow(step_id, by)
        with self._store.write() as session:
            row, case, people, data = self._open(session, step_id)
            _unanswered(row, data)
            _sufficient(why, None, needs_file=False)
            data = replace(
                data, stuck=True, problem=_("{name} cannot do it: {why}").format(name=by.name, why=why.strip())
            )
            return self._answer(session, row, case, people, data, by, "manual.cannot", self._clock.now())

    def retract(self, step_id: str, by: Actor, why: str) -> StepView:
        """Retract a confirmation: open a finding, and ask for the step again at once.

        Raises `Refused`: UNKNOWN_STEP, NOT_OPEN, NOT_CONFIRMED, NEEDS_REASON, and as `allow`.
        """
        self.allow(step_id, by)
        with self._store.write() as session:
            row, case, people, _data = self._open(session, step_id)
            if row.confirmed_at is None:
                raise Refused(Code.NOT_CONFIRMED)
            _sufficient(why, None, needs_file=False)
            problem = _("{name} took the confirmation back: {why}").format(name=by.name, why=why.strip())
            row.confirmed_at, row.confirmed_by, row.proof = None, "", b""
            row.round, row.asked_at, row.deadline, row.escalated_at = row.round + 1, None, None, None
            data, now = StepData(problem=problem), self._clock.now()
            step = self._answer(session, row, case, people, data, by, "manual.retracted", now)
            self._findings.report(session, _unverified(row, problem), row.id)
            return step

    def allow(self, step_id: str, by: Actor) -> StepView:
        """Return a step to somebody who may answer for it now. Raises `Refused`: UNKNOWN_STEP, and by authorization."""
        step = self.view(step_id)
        asked = [step.assignee, *([step.escalate_to] if step.escalated_at else [])]
        self._authorization.require(Right.CONFIRM, by, step.case_id, also=asked)
        return step

    def view(self, step_id: str) -> StepView:
        """Return a step. Raises `Refused(UNKNOWN_STEP)`."""
        with self._store.read() as session:
            return self._view(session, _row(session, step_id))

    def waiting_for(self, slack_id: str) -> list[StepView]:
        """Return the steps that this person was asked for and nobody has answered, earliest deadline first."""
        with self._store.read() as session:
            rows = session.exec(
                select(ManualStep)
                .where(ManualStep.state == WorkState.DUE, col(ManualStep.asked_at).is_not(None))
                .order_by(col(ManualStep.deadline))
            ).all()
            keys = {row.id: session.get_one(Case, row.case_id).wrapped_key for row in rows}
            return [
                self._view(session, row)
                for row in rows
                if not answered(row) and slack_id in StepData.of(self._vault, keys[row.id], row).asked
            ]

    def _open(self, session: Session, step_id: str) -> tuple[ManualStep, Case, CaseData, StepData]:
        row = _row(session, step_id, lock=True)
        case, people = read_case(session, self._vault, row.case_id)
        if row.state != WorkState.DUE or case.state == CaseState.CANCELLED or case.effective_at > self._clock.now():
            raise Refused(Code.NOT_OPEN, case=case.id, state=case.state)
        return row, case, people, StepData.of(self._vault, case.wrapped_key, row)

    def _answer(
        self,
        session: Session,
        row: ManualStep,
        case: Case,
        people: CaseData,
        data: StepData,
        by: Actor,
        action: str,
        next_at: datetime,
        **facts: object,
    ) -> StepView:
        """Store a person's answer with its journal entry and the time of the next check; return the step."""
        row.sealed = data.seal(self._vault, case.wrapped_key, row.id)
        again(session, row, next_at)
        self._record_change(session, row, by, action, **facts)
        return view(row, data, work_of(self._systems.get(row.system)), case.id, people.leaver)

    def _reach(self, assignee: str, people: CaseData) -> tuple[str, ...] | None:
        """Return the active people to ask, never the leaver. None: the workspace does not answer."""
        try:
            active = self._roster.reach(assignee)
        except DeliveryFailed:
            return None if assignee != people.leaver.slack_id else ()
        return tuple(slack_id for slack_id in active if slack_id != people.leaver.slack_id)

    def _escalation(self, work: ManualWork, people: CaseData) -> tuple[str, ...]:
        if work.escalate_to and not work.escalate_to.startswith(PEOPLE):
            return (work.escalate_to,)
        return (work.escalate_to and self._reach(work.escalate_to, people)) or (self._channel,)

    def _take(
        self,
        session: Session,
        row: ManualStep,
        data: StepData,
        step: StepActions,
        escalated_to: tuple[str, ...],
        ends: datetime,
        work: ManualWork | None,
    ) -> None:
        now = self._clock.now()
        case = session.get_one(Case, row.case_id)
        if _not_now(session, row, case, now):
            return
        if step.begins:
            row.round += answered(row)
            row.asked_at, row.deadline, row.escalated_at = now, ends, None
        if step.ask:
            data = replace(data, times=data.times + 1, asked_last=now.isoformat())
        asked = (*data.asked, *step.ask, *(recipient for recipient in escalated_to if recipient.startswith(PEOPLE)))
        data = replace(data, asked=tuple(dict.fromkeys(asked)), problem=step.problem)
        row.escalated_at = now if step.escalate else row.escalated_at
        row.sealed = data.seal(self._vault, case.wrapped_key, row.id)
        if work and step.reachable is not None:
            _drop_undelivered(session, row.id, (*step.reachable, *escalated_to, work.escalate_to))
        messages = [(recipient, str(data.times)) for recipient in step.ask]
        for recipient, which in (*messages, *((recipient, "escalated") for recipient in escalated_to)):
            enqueue(
                session,
                id=f"manual:{row.id}:{row.round}:{which}:{recipient}",
                kind=MessageKind.MANUAL,
                subject=row.id,
                channel=recipient,
                case_id=row.case_id,
            )
        if step.begins or step.ask or step.escalate:
            self._record_change(
                session,
                row,
                HANDOVER,
                "manual.escalated" if step.escalate else "manual.asked",
                round=row.round,
                times=data.times,
            )
        if work and step.overdue:
            self._findings.report(
                session, _unverified(row, _("nobody has confirmed by hand: {title}").format(title=work.title)), row.id
            )
        again(session, row, step.next_at)
        if case.state == CaseState.SCHEDULED:
            advance_case(session, self._journal, case.id)

    def _record_change(self, session: Session, row: ManualStep, by: Actor, action: str, **data: object) -> None:
        """Write the journal entry, and update every message that shows the step."""
        facts = {"system": row.system, **{name: value for name, value in data.items() if value}}
        self._journal.write(session, actor=by, action=action, case_id=row.case_id, data=facts, sealed=row.sealed)
        _update_messages(session, row.id)
        refresh_case_message(session, row.case_id)

    def _sealed_proof(self, case: Case, row: ManualStep, proof: Proof | None) -> bytes:
        if proof is None or proof.content is None or len(proof.content) > KEEP_BYTES:
            return b""
        return self._vault.seal(case.wrapped_key, base64.b64encode(proof.content).decode(), f"manual proof:{row.id}")

    def _view(self, session: Session, row: ManualStep) -> StepView:
        case, people = read_case(session, self._vault, row.case_id)
        data = StepData.of(self._vault, case.wrapped_key, row)
        return view(row, data, work_of(self._systems.get(row.system)), case.id, people.leaver)


def cancel(session: Session, case_id: str) -> None:
    """Cancel the steps of a case, and update the messages that asked for them."""
    rows = session.exec(select(ManualStep).where(ManualStep.case_id == case_id)).all()
    session.execute(
        sa.update(ManualStep)
        .where(col(ManualStep.case_id) == case_id, col(ManualStep.state) != WorkState.DONE)
        .values(state=WorkState.CANCELLED)
    )
    for row in rows:
        _update_messages(session, row.id)


def _not_now(session: Session, row: ManualStep, case: Case, now: datetime) -> bool:
    """Return whether the case was cancelled or postponed since the row was made due; update the row."""
    if case.state == CaseState.HELD:
        row.state = WorkState.PLANNED
        session.add(row)
    elif case.state in UNWATCHED:
        cancel(session, case.id)
    elif case.effective_at > now:
        again(session, row, case.effective_at)
    else:
        return False
    return True


def reschedule(session: Session, case: Case) -> None:
    """Move a step that nobody was asked for to the case's new effective time."""
    query = select(ManualStep).where(ManualStep.case_id == case.id, col(ManualStep.asked_at).is_(None))
    for row in session.exec(query).all():
        row.due_at = case.effective_at
        session.add(row)


def _update_messages(session: Session, step_id: str) -> None:
    """Update the delivered messages. An undelivered message shows the newest state when it is sent."""
    for post in _posts(session, step_id):
        if post.ts:
            request_update(session, post.id)


def _drop_undelivered(session: Session, step_id: str, active: tuple[str, ...]) -> None:
    """Drop undelivered messages to people who are no longer active: Slack would refuse them forever."""
    for post in _posts(session, step_id):
        if not post.ts and post.channel.startswith(PEOPLE) and post.channel not in active:
            post.shown_version, post.problem = post.wanted_version, NOBODY
            session.add(post)


def _posts(session: Session, step_id: str) -> list[OutboxMessage]:
    return list(
        session.exec(
            select(OutboxMessage).where(OutboxMessage.kind == MessageKind.MANUAL, OutboxMessage.subject == step_id)
        ).all()
    )


def _row(session: Session, step_id: str, *, lock: bool = False) -> ManualStep:
    row = session.get(ManualStep, step_id, with_for_update=lock)
    if row is None:
        raise Refused(Code.UNKNOWN_STEP)
    return row


def _unanswered(row: ManualStep, data: StepData) -> None:
    if answered(row):
        raise Refused(Code.ALREADY_CONFIRMED, by=data.name, at=row.confirmed_at.isoformat() if row.confirmed_at else "")


def _sufficient(words: str, proof: Proof | None, *, needs_file: bool) -> None:
    if not words.strip():
        raise Refused(Code.NEEDS_REASON)
    if (needs_file and proof is None) or (proof is not None and proof.content == b""):
        raise Refused(Code.NEEDS_PROOF)


def _unverified(row: ManualStep, detail: str = "") -> FindingReport:
    return FindingReport(FindingKind.NOT_VERIFIED, row.case_id, row.system, detail=detail)
