"""Cases as people act on them: plan, open, reschedule, retry, cancel, undo.

Over 250 lines because every operation on a case as a whole is here, whichever of its tracks are touched.
"""

import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.identifiers import folded
from connectors.contract import AccountId, ClientBook
from workflows.access import duties, duty_schedule, licences, manual_step, restriction
from workflows.access.absence import AbsenceCheck
from workflows.access.inventory import create_inventory
from workflows.access.licences import StageOf, no_stage
from workflows.access.links import all_links
from workflows.access.protected import ProtectedAccounts
from workflows.authorization import Right
from workflows.cases import plan as planning
from workflows.cases.casefile import Casefile
from workflows.cases.holds import CANCELLED, CasePolicy, Holds, end_case, seal_end
from workflows.cases.schedule import Schedule, Start, refuse_far_day
from workflows.cases.views import CaseBrief, CaseView, OffboardingRequest, Plan
from workflows.clients import earlier
from workflows.clients.handover import ClientHandover
from workflows.clients.moves import leave
from workflows.clients.proposals import upload
from workflows.clients.split.assignment_file import AssignmentRow
from workflows.context import Context
from workflows.news import Event, tell_change, tell_line_manager
from workflows.people import Actor, Leaver, Successor
from workflows.refusals import Code, Refused
from workflows.stage_acts import ActHandler
from workflows.stages import days as stage_days
from workflows.stages import foresight, legal_holds
from workflows.stages.days import CasePlan
from workflows.storage.case import (
    LEAVING,
    UNWATCHED,
    CaseData,
    is_about,
    is_of,
    keep_names,
    leaver_keys,
    leaving,
    mail_key,
    open_case_data,
    read_case,
    refresh_case_message,
    slack_key,
)
from workflows.storage.rows.access import Access, ManualStep
from workflows.storage.rows.case import Case, CaseState, HoldReason, Reason
from workflows.storage.rows.clients import BookHandover, Leave
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import ExportSnapshot, FollowUp, SnapshotOccasion
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import WrongKey
from workflows.storage.work import Task, again
from workflows.systems.registry import System

OPEN = (CaseState.SCHEDULED, CaseState.RUNNING, CaseState.HELD)
CLIENTS_ONLY = (CaseState.ON_LEAVE, CaseState.EARLIER)
"""States of cases that lock nobody out: only clients are handed over."""
FRESH = timedelta(days=1)
RETRIES = {Task.REVOKE: "access.retry", Task.BOOK: "book.retry"}
"""Journal actions of a retry."""
VIEWS_TOGETHER = 50
R = TypeVar("R")


class Offboarding:
    """Opens cases, acts on them, and finds them."""

    def __init__(
        self,
        context: Context,
        casefile: Casefile,
        handover: ClientHandover,
        start: Start,
        *,
        guards: ProtectedAccounts,
        absence: AbsenceCheck,
        follow_up_days: Sequence[int],
        stages: CasePlan,
        handlers: Sequence[ActHandler] = (),
        rules: CasePolicy = CasePolicy(),  # noqa: B008 - a frozen value
        stage: StageOf = no_stage,
    ) -> None:
        """`guards`: accounts that no case may name. `stages`: those of a case that asks for no others.

        `stage`: returns the stage of a case that reclaims licences in a system.
        """
        self._context = context
        self._store, self._vault, self._journal = context.store, context.vault, context.journal
        self._systems, self._clock = context.systems, context.clock
        self._authorization = context.authorization
        self._casefile, self._handover, self._start = casefile, handover, start
        self._guards, self._absence, self._days = guards, absence, tuple(follow_up_days)
        self._stage = stage
        self._stages, self._handlers = stages, tuple(handlers)
        self._holds = Holds(context, handover.decisions, rules)
        self._schedule = Schedule(context, handover.decisions, self._holds, start, undo_days=rules.undo_days)

    def plan(self, leaver: Leaver, stages: CasePlan | None = None, effective_at: datetime | None = None) -> Plan:
        """Look up what a case would do; writes nothing. Takes seconds at most, even if a system does not answer.

        `stages`: those of the case's profile; None: those of the settings. `effective_at`: gives them their days.
        """
        leaver, surveys = planning.survey(self._systems, leaver.cleaned())
        refusals: list[Refused] = []
        if self._is_protected(leaver):
            refusals.append(Refused(Code.PROTECTED, name=leaver.name))
        if open_case := self.open_case(leaver):
            refusals.append(Refused(Code.OPEN_CASE, case=open_case))
        with self._store.read() as session:
            links = all_links(session, self._vault, self._key(leaver))
            hold = legal_holds.of_person(session, self._vault, self._key(leaver))
        surveys = planning.prove(self._systems, surveys, self._absence, leaver, links)
        now = self._clock.now()
        plans = duties.foresee(self._systems, {name: one.plan for name, one in surveys.items()}, now)
        plans = licences.foresee(self._systems, plans, now, self._stage)
        linked = [system for system, of_system in links.items() if of_system.accounts or of_system.nobody(now)]
        warnings = (  # worst first
            *planning.held(hold),
            *planning.unread(surveys),
            *planning.protected(self._systems, surveys, self._guards),
            *planning.unlinked(self._systems, surveys, linked),
            *planning.unmatched(leaver, linked, self._systems.directory),
        )
        accounts = {name: [AccountId(line.account_id) for line in one.plan.accounts] for name, one in surveys.items()}
        asked = self._stages if stages is None else stages
        coming = foresight.foresee(self._systems, self._handlers, asked, accounts)
        return Plan(
            leaver,
            tuple(plans.values()),
            (*warnings, *planning.warnings(surveys)),
            tuple(refusals),
            self._clock.now(),
            owns_nothing=planning.owns_nothing(
                self._systems, leaver, surveys, {name: of_system.accounts for name, of_system in links.items()}
            ),
            stages=foresight.dated(coming, effective_at, now, leaver.timezone) if effective_at else coming,
        )

    def open(self, request: OffboardingRequest) -> str:
        """Open a case and return its id. An immediate lock-out begins before this returns.

        Raises `Refused`: PROTECTED, ONESELF, OPEN_CASE, PAST_TIME, FAR_TIME, LEAVER_DECIDES, NO_SUCCESSOR,
        NEEDS_RETURN, CONTRADICTION, and by authorization; or `InvalidAssignmentFile`, if the assignment file has
        faults.
        """
        now, request = self._clock.now(), replace(request, leaver=request.leaver.cleaned())
        request = replace(request, requested_by=self._checked(request, now))
        rows = upload.named(request.assignment_file, request.successors)
        effective = request.effective_at or now
        people = self._holds.people(effective)
        case = self._new_case(request, effective, now)
        try:
            with self._store.write() as session:
                if other := self._open_case(session, request.leaver):  # opened since, under another address
                    raise Refused(Code.OPEN_CASE, case=other)
                why = self._holds.judge(session, now, effective, people)
                self._write(session, case, request, rows, now)
                held = None if request.keep_access else why  # without a lock-out, nothing is held
                if held:
                    self._holds.hold(session, case, held)
                else:
                    data = open_case_data(self._vault, case)
                    tell_line_manager(self._context, session, case.id, data, clientless=request.clientless)
        except sa.exc.IntegrityError as error:
            raise Refused(Code.OPEN_CASE, case=self.open_case(request.leaver) or "") from error
        if case.immediate and not held and not request.keep_access:
            self._begin(case.id)
        return case.id

    def _new_case(self, request: OffboardingRequest, effective: datetime, now: datetime) -> Case:
        case_id, approver = f"HO-{now:%y%m%d}-{secrets.token_hex(3)}", request.approver
        wrapped = self._vault.new_key()
        data = CaseData(
            request.leaver,
            request.approver,
            request.successors,
            request.requested_by,
            request.channel,
            request.note,
            request.line_manager,
        )
        return Case(
            id=case_id,
            leaver_key=self._key(request.leaver),
            mail_key=mail_key(self._vault, request.leaver.email),
            slack_key=slack_key(self._vault, request.leaver.slack_id),
            state=CaseState.ON_LEAVE if request.keep_access else CaseState.SCHEDULED,
            immediate=request.effective_at is None,
            effective_at=effective,
            opened_at=now,
            opened_by=request.requested_by.id,
            approver=f"slack:{approver.slack_id}" if approver.slack_id else f"mail:{approver.key}",
            strategy=request.strategy,
            reason=request.reason,
            wrapped_key=wrapped,
            sealed=self._vault.seal(wrapped, data.dump(), f"case:{case_id}"),
        )

    def _write(
        self, session: Session, case: Case, request: OffboardingRequest, rows: tuple[AssignmentRow, ...], now: datetime
    ) -> None:
        """Write the case with all its work, in the caller's transaction."""
        stages = self._stages if request.stages is None else request.stages
        session.add(case)
        session.flush()
        keep_names(session, self._vault, case.id, request.leaver)
        if request.keep_access:
            leave.create_leave_work(
                session, case, [system.name for system, _ in self._systems.with_capability(ClientBook)], now
            )
        else:
            self._create_work(session, case, now, request.follow_up_days or self._days)
            stage_days.create(session, case, stages, request.leaver.timezone)
        leave.create_return(session, case, request.return_on, keeps_access=request.keep_access)
        if rows:
            upload.keep(self._vault, session, case, rows)
        refresh_case_message(session, case.id, request.channel)
        self._journal.write(
            session,
            actor=request.requested_by,
            action="case.opened",
            case_id=case.id,
            data={
                "effective_at": case.effective_at.isoformat(),
                "reason": request.reason,
                "strategy": request.strategy,
                "immediate": case.immediate,
                "keep_access": request.keep_access,
                "systems": [] if request.keep_access else list(self._systems),
                "follow_ups": [] if request.keep_access else list(self._days),
                "stages": {} if request.keep_access else {name: [*acts] for name, acts in stages.items()},
            },
            sealed=case.sealed,
        )

    def release(self, case_id: str, by: Actor) -> None:
        """Release a held case, by a second person. Raises `Refused`: NOT_OPEN, SECOND_PERSON."""
        with self._store.read() as session:
            held = read_case(session, self._vault, case_id)[0].hold_reason
        right = Right.RELEASE_IMMEDIATE if held == HoldReason.IMMEDIATE else Right.RELEASE
        by = self._authorization.require(right, by, case_id)
        if self._holds.release(case_id, by):
            self._begin(case_id)

    def reject(self, case_id: str, by: Actor) -> None:
        """Cancel a held case. Raises `Refused(NOT_OPEN)`."""
        self._authorization.require(Right.REJECT, by, case_id)
        self._holds.reject(case_id, by)

    def reschedule(self, case_id: str, at: datetime, by: Actor) -> None:
        """Reschedule a case that has not begun. Raises `Refused`: NOT_OPEN, PAST_TIME, FAR_TIME, SAME_TIME."""
        by = self._authorization.require(Right.RESCHEDULE, by, case_id)
        self._schedule.move(case_id, at, by)

    def close(self, case_id: str, by: Actor) -> None:
        """End the checks of a person who was hired again; nothing is unlocked. Raises `Refused(NOT_OPEN)`."""
        self._authorization.require(Right.CLOSE, by, case_id)
        self._schedule.close(case_id, by)

    def undo(self, case_id: str, by: Actor, reason: str = "") -> None:
        """Restore access to its former state. `reason`: not needed to try again what an undo has left to do.

        Raises `Refused`: NOT_OPEN, NEEDS_REASON, NOTHING_LOCKED, TOO_LATE, LATER_CASE.
        """
        self._authorization.require(Right.UNDO, by, case_id)
        self._schedule.undo(case_id, by, reason.strip())

    def cancel(self, case_id: str, by: Actor, reason: str) -> None:
        """Cancel a case that has not begun, with its pending proposals.

        Raises `Refused`: NEEDS_REASON; NOT_OPEN once anything may have been locked.
        """
        self._authorization.require(Right.CANCEL, by, case_id)
        if not reason.strip():
            raise Refused(Code.NEEDS_REASON)
        with self._store.write() as session:
            case, data = read_case(session, self._vault, case_id)
            ahead = case.state in (CaseState.SCHEDULED, CaseState.ON_LEAVE) and case.effective_at > self._clock.now()
            if not ahead and not earlier.has_not_begun(session, case):
                raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
            restriction.lift(session, case_id, self._clock.now())
            duty_schedule.lift(session, case, self._clock.now())
            end_case(session, self._handover.decisions, case, CaseState.CANCELLED, by)
            sealed = seal_end(self._vault, case, by, reason.strip())
            self._journal.write(session, actor=by, action=CANCELLED, case_id=case_id, sealed=sealed)
            tell_change(self._context, session, case_id, data, Event.ENDED, by)
            refresh_case_message(session, case_id)

    def retry(self, case_id: str, system: str, by: Actor) -> None:
        """Retry one system now: its lock-out once the case has begun, and its clients where something is left.

        A system that is locked already is locked and read back again. Raises `Refused(NOT_OPEN)`.
        """
        self._authorization.require(Right.RETRY, by, case_id)
        attempts: dict[Task, int] = {}
        with self._store.write() as session:
            case, _ = read_case(session, self._vault, case_id)
            if case.state not in UNWATCHED or case.state in CLIENTS_ONLY:
                attempts = self._make_due(session, case, system)
            if not attempts:
                raise Refused(Code.NOT_OPEN, case=case_id, state=case.state)
            for task in attempts:
                self._journal.write(session, actor=by, action=RETRIES[task], case_id=case_id, data={"system": system})
            refresh_case_message(session, case_id)
        for task, attempt in attempts.items():
            self._start(task, f"{case_id}:{system}", attempt)

    def _make_due(self, session: Session, case: Case, system: str) -> dict[Task, int]:
        """Make due what can be retried in one system; return the attempts by task."""
        attempts: dict[Task, int] = {}
        access = session.get(Access, f"{case.id}:{system}")
        if case.state in CLIENTS_ONLY:
            book = self._handover.retry(session, case.id, system)
            return attempts if book is None else {Task.BOOK: book}
        if access is None and system in self._systems and not manual_step.work_of(self._systems[system]):
            access = Access(  # the system was added after the case was opened
                id=f"{case.id}:{system}", case_id=case.id, system=system, due_at=case.effective_at
            )
        if access is not None and case.effective_at <= self._clock.now():
            again(session, access, self._clock.now())
            attempts[Task.REVOKE] = access.attempt
        book = self._handover.retry(session, case.id, system)
        return attempts if book is None else {**attempts, Task.BOOK: book}

    def case(self, case_id: str) -> CaseView:
        """Return a case. Raises `Refused(UNKNOWN_CASE)`."""
        with self._store.read() as session:
            return self._casefile.view(session, case_id)

    def held(self, case_id: str) -> bool:
        """Return whether a case waits for a second person."""
        with self._store.read() as session:
            return session.exec(select(Case.hold_reason).where(Case.id == case_id)).first() not in (None, "")

    def count(self, still_open: bool | None = None) -> int:
        """Return the number of cases: open or ended ones, or all."""
        with self._store.read() as session:
            return session.exec(_filtered(select(sa.func.count()).select_from(Case), still_open)).one()

    def cases(self, open_only: bool = False, *, limit: int = 0, offset: int = 0) -> list[CaseView]:
        """Return cases, newest first: `limit` of them after the first `offset`, or with no limit all."""
        with self._store.read() as session:
            newest = _newest(session, True if open_only else None, limit or None, offset)
        views: list[CaseView] = []
        for start in range(0, len(newest), VIEWS_TOGETHER):
            with self._store.read() as session:
                views += self._casefile.views(session, newest[start : start + VIEWS_TOGETHER])
        return views

    def briefs(self, limit: int, still_open: bool | None = None) -> list[CaseBrief]:
        """Return the newest cases for a list: open or ended ones, or all."""
        with self._store.read() as session:
            return self._casefile.briefs(session, _newest(session, still_open, limit))

    def bundled(self, post_id: str) -> list[CaseBrief]:
        """Return the cases that one message tells about."""
        parts = select(OutboxMessage.case_id).where(OutboxMessage.thread_parent_id == post_id)
        with self._store.read() as session:
            return self._casefile.briefs(session, session.exec(parts.order_by(OutboxMessage.id)).all())

    def find_case(self, who: str) -> CaseView | None:
        """Return the newest case by its id, or by the leaver's address or Slack id."""
        with self._store.read() as session:
            found = self._casefile.find(session, who)[:1]
            return next(iter(self._casefile.views(session, found)), None)

    def cases_of(self, *names: str) -> list[CaseView]:
        """Return a person's cases, newest first, by the id of one, or by the leaver's addresses or Slack id."""
        with self._store.read() as session:
            return self._casefile.views(session, self._casefile.find(session, *names))

    def leaving_between(self, since: datetime, until: datetime, decided_by: str = "") -> list[CaseBrief]:
        """Return the cases, held ones too, that lock or have locked somebody out in that time, in its order.

        `decided_by`: Slack id of the only person whose decisions on clients count. They are shown no held case.
        """
        due = sa.and_(col(Case.effective_at) >= since, col(Case.effective_at) < until)
        query = select(Case.id).where(due, col(Case.state).in_((*LEAVING, CaseState.HELD)))
        query = query.where(_decided_by(decided_by)) if decided_by else query
        with self._store.read() as session:
            ids = session.exec(query.order_by(col(Case.effective_at), col(Case.id))).all()
            return self._casefile.briefs(session, ids)

    def decided_by(self, slack_id: str, limit: int) -> list[CaseBrief]:
        """Return the newest cases, begun or to begin, whose clients this person decides on."""
        shown = col(Case.state).in_((*LEAVING, *CLIENTS_ONLY))
        query = select(Case.id).where(_decided_by(slack_id), shown).order_by(col(Case.opened_at).desc(), col(Case.id))
        with self._store.read() as session:
            return self._casefile.briefs(session, session.exec(query.limit(limit)).all())

    def waiting(self) -> list[CaseView]:
        """Return the cases that wait for a second person, and those whose person is due back, oldest first."""
        asked = select(Leave.id).where(Leave.case_id == Case.id, Leave.state == WorkState.DUE)
        due_back = asked.where(col(Leave.asked_at).is_not(None)).exists()
        query = select(Case.id).where(sa.or_(col(Case.state) == CaseState.HELD, due_back))
        with self._store.read() as session:
            ids = session.exec(query.order_by(col(Case.opened_at), col(Case.id))).all()
            return self._casefile.views(session, ids)

    def search(self, words: str, limit: int) -> tuple[list[CaseBrief], int]:
        """Return open cases, newest first, by a part of a name, an address or a case id; and how many there are."""
        wanted, found = folded(words), []
        with self._store.read() as session:
            query = _filtered(select(Case), still_open=True).order_by(col(Case.opened_at).desc(), col(Case.id))
            for case in session.exec(query):
                with suppress(WrongKey):  # such a case has no name to find
                    leaver = open_case_data(self._vault, case).leaver
                    known = (leaver.name, case.id, *leaver.emails)
                    found += [case.id] if any(wanted in folded(one) for one in known) else []
            return self._casefile.briefs(session, found[:limit]), len(found)

    def messages(self, kind: MessageKind, subjects: Iterable[str]) -> list[OutboxMessage]:
        """Return the delivered messages about these rows, newest first."""
        query = select(OutboxMessage).where(OutboxMessage.kind == kind, col(OutboxMessage.subject).in_(list(subjects)))
        with self._store.read() as session:
            sent = [post for post in session.exec(query) if post.ts]
        return sorted(sent, key=lambda post: float(post.ts), reverse=True)

    def leaving(self, people: Iterable[Successor]) -> frozenset[str]:
        """Return the keys of those who leave, too, or have left: no approvers, and no receivers of clients."""
        with self._store.read() as session:
            return leaving(session, self._vault, people)

    def open_case(self, leaver: Leaver) -> str | None:
        """Return the id of the person's open case, if any.

        A case opened within the day counts even if it has ended: a second submission is no rehire.
        """
        with self._store.read() as session:
            return self._open_case(session, leaver)

    def _open_case(self, session: Session, leaver: Leaver) -> str | None:
        fresh = sa.and_(col(Case.state) == CaseState.WATCHED, col(Case.opened_at) > self._clock.now() - FRESH)
        same = sa.or_(col(Case.leaver_key) == self._key(leaver), is_of(self._vault, leaver.emails))
        found = session.exec(select(Case).where(same, sa.or_(col(Case.state).in_(OPEN), fresh))).all()
        return next((case.id for case in found if self._is_same_person(case, leaver)), None)

    def _is_same_person(self, case: Case, leaver: Leaver) -> bool:
        """Return whether a case with one of the leaver's addresses is theirs: two people may share a further one."""
        if case.leaver_key == self._key(leaver) or case.mail_key == mail_key(self._vault, leaver.email):
            return True
        try:
            other = open_case_data(self._vault, case).leaver.directory_id
        except WrongKey:  # an unreadable case stops no lock-out
            return False
        return not (other and leaver.directory_id and other != leaver.directory_id)

    def _checked(self, request: OffboardingRequest, now: datetime) -> Actor:
        """Return who asks, as the gate knows them. Raises `Refused`."""
        leaver = request.leaver
        if self._is_protected(leaver):
            raise Refused(Code.PROTECTED, name=leaver.name)
        if is_about(leaver, request.requested_by):
            raise Refused(Code.ONESELF)
        by = self._authorization.require(Right.OPEN, request.requested_by, leaver=leaver)
        if open_case := self.open_case(leaver):
            raise Refused(Code.OPEN_CASE, case=open_case)
        if request.effective_at is not None and request.effective_at < now - timedelta(minutes=1):
            raise Refused(Code.PAST_TIME, at=request.effective_at.isoformat())
        refuse_far_day(request.effective_at or now, now)
        if (request.keep_access and request.return_on is None) or (
            request.return_on is not None and request.return_on <= (request.effective_at or now)
        ):
            raise Refused(Code.NEEDS_RETURN)
        if request.keep_access and (request.effective_at is None or request.reason == Reason.SUSPECTED_THEFT):
            raise Refused(Code.CONTRADICTION)
        if _same(leaver, request.approver.email, request.approver.slack_id):
            raise Refused(Code.LEAVER_DECIDES, name=leaver.name)
        if any(_same(leaver, one.email, one.slack_id) for one in request.successors):
            raise Refused(Code.NO_SUCCESSOR, name=leaver.name)
        if not request.successors and not request.clientless and self._systems.with_capability(ClientBook):
            raise Refused(Code.NO_SUCCESSOR, name="")
        return by

    def _create_work(self, session: Session, case: Case, now: datetime, days: Sequence[int]) -> None:
        """Create the work of all three tracks."""
        duty_schedule.create_review(session, self._systems, case, now)
        for name, system in self._systems.items():
            create_access_work(session, case, system, case.effective_at, now)
            if system.has(ClientBook) and not manual_step.work_of(system):
                session.add(
                    BookHandover(id=f"{case.id}:{name}", case_id=case.id, system=name, state=WorkState.DUE, due_at=now)
                )
        snapshots: dict[str, datetime] = {SnapshotOccasion.LOCK: case.effective_at}
        if not case.immediate:
            snapshots[SnapshotOccasion.NOTICE] = now
        for day in days:
            due = case.effective_at + timedelta(days=day)
            session.add(FollowUp(id=f"{case.id}:day-{day}", case_id=case.id, day=day, state=WorkState.DUE, due_at=due))
            snapshots[SnapshotOccasion.day(day)] = due
        for occasion, due in snapshots.items():
            session.add(
                ExportSnapshot(
                    id=f"{case.id}:{occasion.replace(' ', '-')}",
                    case_id=case.id,
                    occasion=occasion,
                    due_at=due,
                    state=WorkState.DUE,
                    pseudonym=self._vault.pseudonym(case.id),
                )
            )

    def _begin(self, case_id: str) -> None:
        # Straight to the engine: a dismissal does not wait for the reconciler. If this process is killed here, the rows
        # are due, and the reconciler starts them under the same ids.
        self._start(Task.LOCKOUT, case_id, 0)
        for name, system in self._systems.items():
            if manual_step.work_of(system):
                self._start(Task.MANUAL, f"{case_id}:{name}", 0)

    def _is_protected(self, leaver: Leaver) -> bool:
        return self._guards.is_protected((*leaver.emails, leaver.slack_id, leaver.directory_id, *leaver.logins))

    def _key(self, leaver: Leaver) -> str:
        return leaver_keys(self._vault, leaver)[0]


def create_access_work(
    session: Session, case: Case, system: System, due: datetime, now: datetime, state: WorkState = WorkState.DUE
) -> None:
    """Create a case's lock-out, inventory and restriction in one system, or its manual step."""
    by_hand = manual_step.work_of(system)
    model = ManualStep if by_hand else Access
    session.add(model(id=f"{case.id}:{system.name}", case_id=case.id, system=system.name, state=state, due_at=due))
    if not by_hand:
        create_inventory(session, system, case, now, state)
    if state == WorkState.DUE and not by_hand:
        restriction.create_restriction(session, system, case, now)


def _newest(session: Session, still_open: bool | None, limit: int | None = None, offset: int = 0) -> Sequence[str]:
    newest = select(Case.id).order_by(col(Case.opened_at).desc(), col(Case.id)).limit(limit).offset(offset)
    return session.exec(_filtered(newest, still_open)).all()


def _decided_by(slack_id: str) -> sa.ColumnElement[bool]:
    """Return the condition that a person decides on a case's clients. A held case is security's alone."""
    return sa.and_(col(Case.approver) == f"slack:{slack_id}", col(Case.state) != CaseState.HELD)


def _filtered(query: SelectOfScalar[R], still_open: bool | None) -> SelectOfScalar[R]:
    if still_open is None:
        return query
    going_on = sa.or_(col(Case.state).in_(OPEN), leave.going_on(), earlier.going_on())
    return query.where(going_on if still_open else sa.not_(going_on))


def _same(leaver: Leaver, email: str, slack_id: str) -> bool:
    looks_the_same = folded(email) in map(folded, leaver.emails)  # it refuses, and links nothing
    return looks_the_same or bool(slack_id and slack_id == leaver.slack_id)
