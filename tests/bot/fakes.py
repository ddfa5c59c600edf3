"""Services in memory that record the calls of the Slack listeners."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from config.text import gettext_lazy
from connectors.contract import AccountId, Verdict
from tests.bot import samples
from workflows.access.duty_decisions import DutyOrder
from workflows.access.duty_views import DutiesView, DutyItem
from workflows.access.manual_steps import Proof
from workflows.access.views import Candidate, DutyComparison, StepView
from workflows.cases.earlier_handover import EarlierOpening, EarlierRequest
from workflows.cases.views import (
    AuditView,
    CaseBrief,
    CaseView,
    EarlierFigure,
    FindingLine,
    FollowUpLine,
    OffboardingRequest,
    Plan,
)
from workflows.clients.earlier import EarlierOwner
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.clients.stayed.views import ClientStay, ClientToMark, Reminder, StayReport
from workflows.clients.views import (
    ClientLine,
    DelegationView,
    IntroductionLine,
    NoteView,
    Preview,
    ProposalView,
    PutBackLine,
    PutBackView,
    RecordLine,
)
from workflows.exports.views import ExportView
from workflows.people import Actor, Leaver, Successor, earlier_leavers
from workflows.refusals import Code, Refused
from workflows.stage_acts import ActResult
from workflows.stages.days import CasePlan
from workflows.stages.views import StageList
from workflows.storage.rows.case import CaseState, Strategy
from workflows.storage.rows.clients import AssignmentState, ClientWord, ProposalState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.watch.earlier_leavers import EarlierLeavers
from workflows.watch.figures import Figure


class FakeClockRecord:
    """Record of a clock that is right until `said` is set."""

    def __init__(self) -> None:
        self.said = ""
        self.accepted: list[str] = []

    def fault(self) -> str:
        return self.said

    def accept(self, by: Actor) -> None:
        self.accepted.append(by.id)
        self.said = ""


class FixedClock:
    def now(self) -> datetime:
        return samples.NOW


class FakeOffboarding:
    def __init__(self) -> None:
        self.requests: list[OffboardingRequest] = []
        self.known: dict[str, CaseView] = {}
        self.refusals: tuple[Refused, ...] = ()
        self.systems = 2
        self.done: list[tuple[str, str, str]] = []
        self.hold = ""
        self.reasons: list[str] = []
        self._lock = threading.Lock()

    def plan(self, leaver: Leaver, stages: object = None, effective_at: datetime | None = None) -> Plan:
        return replace(
            samples.plan(leaver, self.systems),
            refusals=self.refusals,
            leaver=replace(
                leaver, manager_email=samples.MAX.email, directory_id="entry-7", logins=("dana.oneill", "Dana O'Neill")
            ),
        )

    def open(self, request: OffboardingRequest) -> str:
        with self._lock:
            for case in self.known.values():
                if case.leaver.email == request.leaver.email:
                    raise Refused(Code.OPEN_CASE, case=case.id)
            self.requests.append(request)
            case_id = f"case-{len(self.requests)}"
            state = CaseState.SCHEDULED if request.effective_at else CaseState.RUNNING
            made = samples.case(state, Verdict.UNKNOWN, Verdict.UNKNOWN, name=request.leaver.name, case_id=case_id)
            self.known[case_id] = replace(made, leaver=request.leaver, opened_by=request.requested_by)
            if self.hold:
                self.known[case_id] = replace(self.known[case_id], state=CaseState.HELD, held=self.hold)
        return case_id

    def bundled(self, post_id: str) -> list[CaseBrief]:
        return list(self.known.values())

    def leaving(self, people: Iterable[Successor]) -> frozenset[str]:
        return frozenset()

    def undo(self, case_id: str, by: Actor, reason: str = "") -> None:
        self._note("undo", case_id, by)
        self.reasons.append(reason)
        restored = tuple(samples.restored(line.system) for line in self.known[case_id].systems)
        self.known[case_id] = replace(self.known[case_id], state=CaseState.UNDONE, restored=restored)

    def cancel(self, case_id: str, by: Actor, reason: str) -> None:
        self._note("cancel", case_id, by)
        self.reasons.append(reason)

    def retry(self, case_id: str, system: str, by: Actor) -> None:
        self._note("retry", f"{case_id} {system}", by)

    def release(self, case_id: str, by: Actor) -> None:
        if by.id == self.known[case_id].opened_by.id:
            raise Refused(Code.SECOND_PERSON, by=by.name)
        self._note("release", case_id, by)

    def reject(self, case_id: str, by: Actor) -> None:
        self._note("reject", case_id, by)

    def reschedule(self, case_id: str, at: datetime, by: Actor) -> None:
        self._note("reschedule", f"{case_id} {at.isoformat()}", by)

    def close(self, case_id: str, by: Actor) -> None:
        self._note("close", case_id, by)

    def _note(self, what: str, case: str, by: Actor) -> None:
        self.done.append((what, case, by.id))

    def case(self, case_id: str) -> CaseView:
        if case_id not in self.known:
            raise Refused(Code.UNKNOWN_CASE)
        return self.known[case_id]

    def held(self, case_id: str) -> bool:
        return bool(self.case(case_id).held)

    def count(self, still_open: bool | None = None) -> int:
        return len(self.known)

    def cases(self, open_only: bool = False, *, limit: int = 0, offset: int = 0) -> list[CaseView]:
        return list(self.known.values())[offset : offset + limit if limit else None]

    def briefs(self, limit: int, still_open: bool | None = None) -> list[CaseBrief]:
        newest: list[CaseBrief] = [*self.known.values()]
        return newest[:limit]

    def find_case(self, who: str) -> CaseView | None:
        return next(
            (case for case in self.known.values() if who in (case.id, case.leaver.slack_id, case.leaver.email)), None
        )

    def leaving_between(self, since: datetime, until: datetime, decided_by: str = "") -> list[CaseBrief]:
        return [case for case in self.known.values() if since <= case.effective_at < until]

    def decided_by(self, slack_id: str, limit: int) -> list[CaseBrief]:
        return [case for case in self.known.values() if case.approver.slack_id == slack_id]

    def waiting(self) -> list[CaseView]:
        return [case for case in self.known.values() if case.state is CaseState.HELD]

    def messages(self, kind: MessageKind, subjects: Iterable[str]) -> list[OutboxMessage]:
        return []


NEXT_VERSION = "proposal-2"


class FakeHandover:
    def __init__(self) -> None:
        self.proposal = samples.proposal()
        self.records = samples.lines(45)
        self.clients = samples.client_lines(45)
        self.kept: list[tuple[tuple[str, ...], str]] = []
        self.uploaded: list[bytes] = []
        self.added: list[Successor] = []
        self.unfit: InvalidAssignmentFile | None = None
        self.previewed: list[tuple[str, tuple[str, ...], Strategy, bytes]] = []
        self.seen = Preview(self.proposal.shares, 60, 20, 3, ("Zed gets nothing in crm: no account there",), ())
        self.heirs: tuple[Successor, ...] = (samples.BOB, samples.CAROL)
        self.decided: list[tuple[str, bool, str]] = []
        self.reassigned: list[tuple[tuple[str, ...], str]] = []
        self.appointed: list[tuple[str, str, str]] = []
        self._lock = threading.Lock()

    def view(self, proposal_id: str) -> ProposalView:
        return samples.proposal(version=2) if proposal_id == NEXT_VERSION else self.proposal

    def share_lines(self, proposal_id: str, key: str, offset: int = 0, limit: int = 20) -> tuple[list[RecordLine], int]:
        found = [line for line in self.records if line.successor.key == key]
        return found[offset : offset + limit], len(found)

    def decide(
        self, proposal_id: str, digest: str, by: Actor, approve: bool, reason: str = "", principal: str = ""
    ) -> None:
        with self._lock:
            if by.id != f"slack:{self.proposal.approver.slack_id}":
                raise Refused(Code.NOT_APPROVER, approver=self.proposal.approver.name)
            if self.proposal.state is ProposalState.SUPERSEDED:
                raise Refused(Code.STALE_PROPOSAL, by=self.proposal.settled_by, at=samples.NOW.isoformat())
            if self.proposal.state is not ProposalState.PENDING:
                raise Refused(Code.ALREADY_SETTLED, by=self.proposal.settled_by, at=samples.NOW.isoformat())
            if digest != self.proposal.digest:
                raise Refused(Code.STALE_PROPOSAL)
            self.decided.append((by.id, approve, reason))
            state = ProposalState.APPROVED if approve else ProposalState.DECLINED
            self.proposal = replace(self.proposal, state=state, settled_at=samples.NOW, settled_by=by.name, note=reason)

    def appoint(self, proposal_id: str, user: str, by: Actor, role: str = "manager") -> None:
        if user == self.proposal.leaver.slack_id:
            raise Refused(Code.BAD_DELEGATE, why="that person is leaving")
        self.appointed.append((user, role, by.id))

    def client_page(
        self, proposal_id: str, offset: int = 0, limit: int = 20, search: str = ""
    ) -> tuple[list[ClientLine], int]:
        if self.proposal.state is ProposalState.SUPERSEDED:
            raise Refused(Code.STALE_PROPOSAL)
        found = [one for one in self.clients if search.lower() in f"{one.name}\n{one.client_id}".lower()]
        return found[offset : offset + limit], len(found)

    def preview(
        self,
        leaver: Leaver,
        successors: Sequence[Successor],
        strategy: Strategy,
        content: bytes = b"",
        at: datetime | None = None,
    ) -> Preview:
        self.previewed.append((leaver.email, tuple(one.key for one in successors), strategy, content))
        return self.seen

    def clients_of(self, proposal_id: str, key: str) -> tuple[str, ...]:
        return tuple(one.id for one in self.clients if one.successor.key == key)

    def assign(
        self, proposal_id: str, digest: str, successors: Mapping[str, str], by: Actor, people: Sequence[Successor] = ()
    ) -> str:
        self.added += people
        self.reassigned.append((tuple(successors), next(iter(successors.values()))))
        return self._next()

    def exclude(self, proposal_id: str, digest: str, lines: Sequence[str], reason: str, by: Actor) -> str:
        self.kept.append((tuple(lines), reason))
        return self._next()

    def upload(self, proposal_id: str, digest: str, content: bytes, by: Actor, people: Sequence[Successor] = ()) -> str:
        if self.unfit:
            raise self.unfit
        self.added += people
        self.uploaded.append(content)
        return self._next()

    def _next(self) -> str:
        self.proposal = replace(self.proposal, state=ProposalState.SUPERSEDED, settled_at=samples.NOW)
        return NEXT_VERSION

    def successors(self, proposal_id: str) -> tuple[Successor, ...]:
        return self.heirs

    def csv(self, proposal_id: str) -> str:
        return "record\n" + "\n".join(line.name for line in self.records)

    def waiting_for(self, slack_id: str) -> list[ProposalView]:
        return [self.proposal] if slack_id == self.proposal.approver.slack_id else []

    def waiting(self) -> list[ProposalView]:
        return [self.proposal] if self.proposal.state is ProposalState.PENDING else []


class FakeDelegations:
    def __init__(self) -> None:
        self.known: list[DelegationView] = []

    def make(self, absent: str, delegate: str, since: datetime, until: datetime, by: Actor) -> DelegationView:
        if delegate == absent:
            raise Refused(Code.BAD_DELEGATE, why="nobody can stand in for themselves")
        away, stands = (Successor(f"{one}@x.example", one, f"{one}@x.example", one) for one in (absent, delegate))
        self.known.append(DelegationView(f"D-{len(self.known)}", away, stands, since, until))
        return self.known[-1]

    def end(self, delegation_id: str, by: Actor) -> DelegationView:
        found = next((one for one in self.known if one.id == delegation_id), None)
        if found is None:
            raise Refused(Code.UNKNOWN_DELEGATION)
        self.known.remove(found)
        return found

    def present(self, user: str = "") -> list[DelegationView]:
        return [one for one in self.known if not user or user in (one.principal.slack_id, one.delegate.slack_id)]


class FakeIntroductions:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def read(self, case_id: str) -> dict[str, str]:
        return {}

    def lines(self, case_id: str) -> tuple[IntroductionLine, ...]:
        return samples.introductions()

    def send(self, case_id: str, by: Actor, successor: str = "") -> dict[str, ActResult]:
        self.sent.append((case_id, by.id))
        return {"crm": ActResult(problem="not every introduction is done")}


class FakeHalts:
    def __init__(self) -> None:
        self.done: list[tuple[str, str, str]] = []

    def pause(self, case_id: str, by: Actor) -> None:
        if ("pause", case_id) in [one[:2] for one in self.done]:
            raise Refused(Code.ALREADY_HALTED, what="paused", by="Sam", at=samples.NOW.isoformat())
        self.done.append(("pause", case_id, by.id))

    def resume(self, case_id: str, by: Actor) -> None:
        self.done.append(("resume", case_id, by.id))

    def stop(self, case_id: str, by: Actor) -> int:
        self.done.append(("stop", case_id, by.id))
        return 7


class FakePutBacks:
    def __init__(self) -> None:
        self.done: list[tuple[str, str, str]] = []

    def plan(self, case_id: str, search: str = "") -> PutBackView:
        kept = self._kept(samples.NASTY, AssignmentState.MOVED)
        asked = 2 if search else 60
        givers = (("Zed", 20, asked - 1),)
        return PutBackView(case_id, samples.leaver(), search, asked, asked - 1, (kept,), givers=givers)

    def cancel(self, case_id: str, by: Actor) -> int:
        if ("cancel", case_id) in [one[:2] for one in self.done]:
            raise Refused(Code.NOTHING_WAITS)
        self.done.append(("cancel", case_id, by.id))
        return 59

    def begin(self, case_id: str, by: Actor, search: str = "") -> int:
        if self.done:
            raise Refused(Code.ALREADY_PUT_BACK)
        self.done.append((case_id, by.id, search))
        return 59

    def csv_lines(self, case_id: str) -> Iterator[PutBackLine]:
        yield self._kept("=1+1", AssignmentState.NOT_PUT_BACK)

    def _kept(self, name: str, state: AssignmentState) -> PutBackLine:
        return PutBackLine("crm", "opportunity:9", "opportunity", name, "Client", state, "Zed has it now")


class FakeLeaves:
    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []

    def stay(self, case_id: str, by: Actor) -> None:
        if self.done:
            raise Refused(Code.ALREADY_ANSWERED, by="Hanna", at=samples.NOW.isoformat())
        self.done.append(("stay", by.id))

    def move(self, case_id: str, at: datetime, by: Actor) -> None:
        self.done.append((at.isoformat(), by.id))


class FakeNotes:
    def view(self, note: str) -> NoteView:
        return samples.note()

    def csv(self, note: str) -> str:
        return "client\nNorthwind"

    def of_case(self, case_id: str) -> list[NoteView]:
        return [samples.note(), samples.note(samples.CAROL)]


class FakeClientAnswers:
    def __init__(self) -> None:
        self.given: list[tuple[str, str, str]] = []

    def find(self, case_id: str, text: str) -> list[ClientToMark]:
        return [one for one in samples.clients_to_mark() if text in one.name or text == one.id]

    def asked(self, case_id: str, system: str, client: str) -> list[str]:
        return [samples.BOB.slack_id]

    def give(self, case_id: str, system: str, client: str, word: ClientWord, by: Actor) -> bool:
        told = client, word.value, by.id
        self.given += [told] if told not in self.given else []
        return self.given.count(told) == 1 and len(self.given) == 1

    def may_mark(self, note: str, user: str) -> bool:
        return user == samples.BOB.slack_id

    def of_note(self, note: str, offset: int, limit: int, search: str = "") -> tuple[list[ClientToMark], int]:
        found = [one for one in samples.clients_to_mark() if search in one.name]
        return found[:limit], len(found)


class FakeStayChecks:
    def now(self, case_id: str) -> tuple[StayReport, list[ClientStay]]:
        return samples.stay_report(), samples.client_stays()

    def report(self, check_id: str) -> StayReport:
        return samples.stay_report()

    def reminder(self, note: str) -> Reminder:
        return samples.reminder()

    def may_read(self, check_id: str, user: str) -> bool:
        return user == samples.MAX.slack_id

    def page(self, check_id: str, offset: int, limit: int, search: str = "") -> tuple[list[ClientStay], int]:
        return samples.client_stays()[:limit], 60

    def csv(self, check_id: str) -> list[str]:
        return ["client\n"]


class FakeDuties:
    def of_case(self, case_id: str) -> tuple[DutyComparison, ...]:
        return (samples.duty_comparison(),)


class FakeDutyReviews:
    def refresh(self, case_id: str) -> tuple[DutyComparison, ...]:
        return (samples.duty_comparison(),)


class FakeDutyDecisions:
    """Decisions that only note what was asked."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, str, str]] = []
        self.known = DutiesView()

    def view(self, case_id: str) -> DutiesView:
        return self.known

    def require(self, case_id: str, by: Actor) -> Actor:
        return by

    def decide(self, case_id: str, orders: Sequence[DutyOrder], by: Actor, reason: str = "") -> tuple[DutyItem, ...]:
        self.orders += [(one.id, one.choice, one.to) for one in orders]
        return ()


class FakeStages:
    def of_case(self, case_id: str) -> StageList:
        return StageList(case_id, samples.stages(), samples.hold(), (samples.hold(ended=True),))

    def offered(self, stages: CasePlan) -> CasePlan:
        return stages


class FakeStageControl:
    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []

    def move(self, case_id: str, name: str, day: date, by: Actor) -> None:
        if day < samples.NOW.date():
            raise Refused(Code.PAST_TIME, at=day.isoformat())
        self.done.append(("move", case_id, name, day.isoformat(), by.id))

    def run_now(self, case_id: str, name: str, by: Actor) -> None:
        self.done.append(("run", case_id, name, by.id))

    def skip(self, case_id: str, name: str, by: Actor, reason: str) -> None:
        if not reason:
            raise Refused(Code.NEEDS_REASON)
        self.done.append(("skip", case_id, name, reason, by.id))


class FakeLegalHolds:
    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []

    def set(self, case_id: str, by: Actor, reason: str) -> None:
        self.done.append(("set", case_id, reason, by.id))

    def end(self, case_id: str, by: Actor, reason: str) -> None:
        self.done.append(("end", case_id, reason, by.id))


class FakeLinking:
    def __init__(self) -> None:
        self.linked: list[tuple[str, str, str, str]] = []

    def candidates(self, case_id: str, system: str, search: str = "") -> tuple[Candidate, ...]:
        return samples.candidates() if not search or search == "d.oneill" else ()

    def link(self, case_id: str, system: str, by: Actor, *, account: str = "", login: str = "") -> str:
        if login == "nobody":
            raise Refused(Code.UNKNOWN_ACCOUNT, account=login)
        self.linked.append((case_id, system, account or login, by.id))
        return login or account

    def none(self, case_id: str, system: str, by: Actor, reason: str, last_day: date) -> None:
        if not reason:
            raise Refused(Code.NEEDS_REASON)
        self.linked.append((case_id, system, f"none until {last_day}: {reason}", by.id))


class FakeEnrolments:
    def find(self, who: str) -> None:
        return None


class FakeAuthorization:
    """Nobody is locked out."""

    def is_locked_out(self, by: Actor) -> bool:
        return False


class FakeLanguages:
    """Choices of languages, kept in this process."""

    def __init__(self) -> None:
        self.chosen: dict[str, str] = {}

    def get(self, user: str) -> str:
        return self.chosen.get(user, "")

    def set(self, user: str, language: str) -> None:
        self.chosen[user] = language


class FakeSignedRequests:
    def use(self, signature: str) -> bool:
        return True

    def give_back(self, signature: str) -> None:
        pass


class FakeExports:
    def view(self, snapshot_id: str) -> ExportView:
        return samples.exports()

    def snapshot_of(self, pseudonym: str) -> str:
        if pseudonym != samples.exports().pseudonym:
            raise Refused(Code.UNKNOWN_SNAPSHOT)
        return "snapshot"

    def reveal(self, snapshot_id: str, by: Actor, reason: str) -> ExportView:
        return replace(samples.exports(), leaver=samples.leaver())


class FakeAudits:
    def __init__(self) -> None:
        self.run = samples.audit(2)
        self.locked: list[str] = []
        self.taken: list[tuple[str, str]] = []
        self.waived: list[tuple[str, date, str, str]] = []

    def view(self, run_id: str) -> AuditView:
        return self.run

    def latest(self) -> AuditView | None:
        return self.run

    def told(self, told: str, place: str) -> tuple[FindingLine, ...]:
        return self.run.findings

    def run_now(self, by: Actor) -> AuditView:
        return self.run

    def lock_again(self, finding_id: str, by: Actor) -> str:
        self.locked.append(finding_id)
        return "case-1"

    def csv(self, run_id: str) -> str:
        return "account,verdict\ndana.oneill,open"

    def current_csv(self) -> Iterator[str]:
        yield self.csv("")

    def finding(self, finding_id: str) -> FindingLine:
        return self.run.findings[0]

    def findings(self, limit: int | None = None) -> list[FindingLine]:
        return list(self.run.findings)[:limit]

    def count_findings(self) -> int:
        return len(self.run.findings)

    def accepted(self) -> list[FindingLine]:
        return list(self.run.accepted)

    def take(self, finding_id: str, by: Actor) -> FindingLine:
        self.taken.append((finding_id, by.id))
        return samples.finding()

    def accept(self, finding_id: str, until: date, reason: str, by: Actor) -> FindingLine:
        self.waived.append((finding_id, until, reason, by.id))
        return samples.finding()


class FakeFigures:
    """Figures of an installation in which work waits, and one system cannot be read."""

    def __init__(self) -> None:
        self.broken: Exception | None = None
        self.values: list[Figure] = [
            Figure("handover_open_cases", 1),
            Figure("handover_last_audit_timestamp_seconds", samples.NOW.timestamp() - 7200),
            Figure("handover_open_findings", 2, {"kind": "open_again"}),
            Figure("handover_open_findings", 0, {"kind": "orphan"}),
            Figure("handover_system_unreadable", 1, {"system": "crm"}),
            Figure("handover_system_unreadable", 0, {"system": "directory"}),
            Figure("handover_system_read_timestamp_seconds", samples.NOW.timestamp(), {"system": "directory"}),
            Figure("handover_due_work", 3, {"task": "revoke"}),
            Figure("handover_due_work", 0, {"task": "book"}),
            Figure("handover_overdue_work", 1, {"task": "revoke"}),
            Figure("handover_overdue_work", 0, {"task": "book"}),
            Figure("handover_messages_waiting", 4),
            Figure("handover_messages_failing", 1),
        ]

    def read(self) -> list[Figure]:
        if self.broken:
            raise self.broken
        return self.values


class FakeFollowUps:
    def view(self, follow_up_id: str) -> tuple[CaseView, FollowUpLine]:
        return samples.case(CaseState.WATCHED, Verdict.LOCKED), samples.follow_up(1, done=True)


class FakeManualSteps:
    def __init__(self) -> None:
        self.step = samples.step()
        self.said: list[tuple[str, str, str, str]] = []
        self._lock = threading.Lock()

    def view(self, step_id: str) -> StepView:
        if not step_id:
            raise Refused(Code.UNKNOWN_STEP)
        return self.step

    def confirm(self, step_id: str, by: Actor, note: str, proof: Proof | None = None) -> StepView:
        with self._lock:
            if self.step.confirmed:
                raise Refused(Code.ALREADY_CONFIRMED, by=self.step.confirmed_by, at=samples.NOW.isoformat())
            if self.step.needs_file and proof is None:
                raise Refused(Code.NEEDS_PROOF)
            self.said.append(("confirm", by.id, note, proof.name if proof else ""))
            self.step = samples.step(by=by.name, note=note, proof=proof.name if proof else "")
            return self.step

    def cannot(self, step_id: str, by: Actor, why: str) -> StepView:
        self.said.append(("cannot", by.id, why, ""))
        return self.step

    def retract(self, step_id: str, by: Actor, why: str) -> StepView:
        self.said.append(("retract", by.id, why, ""))
        self.step = samples.step()
        return self.step

    def waiting_for(self, slack_id: str) -> list[StepView]:
        return [self.step] if self.step.waiting and slack_id == self.step.assignee else []


class FakeJournal:
    def __init__(self) -> None:
        self.notes: list[tuple[str, str, Mapping[str, str]]] = []

    def note(self, action: str, actor: Actor, data: Mapping[str, str]) -> None:
        self.notes.append((action, actor.id, data))


class FakeEarlier:
    """Two earlier leavers, one owner of whom nothing is known, and one on leave."""

    def read(self, system: str = "", **_how: object) -> EarlierLeavers:
        return samples.earlier()

    def look(self, by: Actor, system: str = "", **_how: object) -> EarlierLeavers:
        return samples.earlier()

    def recent(self, by: Actor) -> EarlierLeavers:
        return samples.earlier()

    def forget(self) -> None:
        """Nothing is kept."""

    def figure(self) -> EarlierFigure | None:
        found = samples.earlier()
        return EarlierFigure(len(found.offered), found.records, len(found.unknown), samples.NOW)


class FakeEarlierHandovers:
    """Opens a case for the chosen owners, and keeps the requests."""

    def __init__(self, offboarding: FakeOffboarding) -> None:
        self.requests: list[EarlierRequest] = []
        self._offboarding = offboarding

    def plan(self, request: EarlierRequest) -> EarlierOpening:
        return EarlierOpening(
            {name: tuple(map(EarlierOwner, chosen)) for name, chosen in request.owners.items()},
            {
                name: {AccountId("back"): gettext_lazy("the owner's account there is open again")}
                for name in request.owners
            },
        )

    def open(self, request: EarlierRequest) -> str:
        self.requests.append(request)
        number = self.plan(request).number
        made = samples.case(CaseState.EARLIER, case_id=f"earlier-{len(self.requests)}")
        case = replace(made, leaver=earlier_leavers(number), opened_by=request.requested_by, systems=())
        self._offboarding.known[case.id] = case
        return case.id
