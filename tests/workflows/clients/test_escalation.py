"""Reminders, escalation and expiry in business days of the person who is asked; silence is never an approval."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.workflows.clients.test_approvals import ADA, BEA, CLEO, OPERATOR, refusal, request, say
from tests.workflows.memory import World
from tests.workflows.stage import APPROVER, MAX, Stage, crm
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy
from workflows.people import Actor, Successor
from workflows.refusals import Code
from workflows.storage.rows.clients import AssignmentState, ProposalState, RequestState

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The moment at which a stage begins."""


def make(folder: Path, world: World, policy: ApprovalPolicy | None = None, approver: Successor = APPROVER) -> Stage:
    stage = Stage(folder, world.system(), policy=policy or ApprovalPolicy(), approver=approver)
    stage.tick()
    stage.look()
    return stage


def until(stage: Stage, moment: str) -> None:
    """Let the clock look every eight hours until that moment of the same month, and then twice."""
    end = datetime.fromisoformat(f"2026-03-{moment}").replace(tzinfo=UTC)
    while stage.time.now() < end:
        stage.time.at = min(end, stage.time.now() + timedelta(hours=8))
        stage.look()
    stage.look()


def sent(stage: Stage, to: str) -> int:
    return sum(post.channel == to and post.kind == "proposal" for post in stage.posts().values())


@pytest.fixture
def world() -> World:
    return crm()


def test_who_does_not_answer_is_reminded_on_business_days_only(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world)
    seen = {}
    for day in ("03T08:59", "03T09:00", "06T09:00", "08T23:59", "09T09:00"):
        until(stage, day)
        seen[day] = sent(stage, "U0MAX")
    assert seen == {"03T08:59": 1, "03T09:00": 2, "06T09:00": 5, "08T23:59": 5, "09T09:00": 6}
    assert len(stage.journalled("approval.reminded")) == 5


def test_a_looking_clock_reminds_once_however_often_it_looks(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world)
    stage.time.pass_(days=1)
    for _ in range(3):
        [row] = stage.requests()
        stage.handover.escalation.run(row.id)
    assert sent(stage, "U0MAX") == 2


def test_nobody_is_reminded_after_answering(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, ApprovalPolicy(rules=(AdditionalApproval("board", ("U0ADA", "U0BEA"), quorum=2),)))
    say(stage, ADA)
    until(stage, "04T10:00")
    assert (sent(stage, "U0ADA"), sent(stage, "U0BEA")) == (1, 3)


def test_silence_is_escalated_and_the_next_one_decides(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, ApprovalPolicy(escalate_to=("U0ADA", "S0BOSSES")))
    stage.members.groups["S0BOSSES"] = ("U0BEA", "U0DANA")
    until(stage, "05T08:00")
    assert (sent(stage, "U0ADA"), sent(stage, "U0BEA")) == (0, 0)
    assert refusal(lambda: say(stage, ADA)).code == Code.NOT_APPROVER
    until(stage, "05T10:00")
    assert (sent(stage, "U0ADA"), sent(stage, "U0BEA")) == (1, 0)
    until(stage, "10T11:00")  # three business days more
    assert (sent(stage, "U0BEA"), sent(stage, "U0DANA")) == (1, 0)
    assert len(stage.journalled("approval.escalated")) == 2
    assert say(stage, BEA).settled_by == "Bea"


@pytest.mark.parametrize("why", ["is deactivated", "unknown", "left"])
def test_an_approver_who_is_gone_is_escalated_at_once(tmp_path: Path, world: World, why: str) -> None:
    stage = Stage(tmp_path, world.system(), policy=ApprovalPolicy(escalate_to=("U0ADA",)))
    if why == "unknown":
        stage.members.unknown.add("U0MAX")
    elif why == "left":
        stage.change(lambda case: setattr(case, "mail_key", stage.vault.blind("mail:max@x.example")))
    else:
        stage.members.change("U0MAX", standing=why)
    stage.tick()
    stage.look()
    stage.look()
    assert sent(stage, "U0ADA") == 1
    assert "Max Weber: " in request(stage, "manager").problem
    assert request(stage, "manager").approvers == (Successor("ada@x.example", "Ada", "ada@x.example", "U0ADA"),)
    assert say(stage, ADA).state == ProposalState.APPROVED


def test_an_approver_deactivated_between_message_and_click_is_escalated(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, ApprovalPolicy(escalate_to=("U0ADA",)))
    stage.members.change("U0MAX", standing="is deactivated")
    assert refusal(lambda: say(stage, MAX)).code == Code.CANNOT_DECIDE
    until(stage, "02T11:00")
    assert sent(stage, "U0ADA") == 1
    assert say(stage, ADA).settled_by == "Ada"


def test_nobody_left_to_ask_is_said_and_never_a_yes(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, ApprovalPolicy(rules=(AdditionalApproval("board", ("U0ADA", "U0BEA"), quorum=2),)))
    stage.members.change("U0BEA", standing="is deactivated")
    until(stage, "02T11:00")
    shown = request(stage)
    assert "Bea: is deactivated; 1 more who may decide are needed" in shown.problem
    say(stage, MAX)
    assert say(stage, ADA).state == ProposalState.PENDING


def test_a_request_expires_in_business_days_and_nothing_moves(tmp_path: Path, world: World) -> None:
    stage = make(
        tmp_path, world, ApprovalPolicy(rules=(AdditionalApproval("board", ("U0ADA", "U0BEA")),), remind_days=100)
    )
    say(stage, MAX)
    assert request(stage).expires_at == MONDAY + timedelta(days=14)
    until(stage, "16T08:59")
    assert stage.proposal().state == ProposalState.PENDING
    until(stage, "16T09:00")
    expired = stage.proposal()
    assert (expired.state, [one.state for one in expired.requests]) == (
        ProposalState.EXPIRED,
        [RequestState.APPROVED, RequestState.EXPIRED],
    )
    assert refusal(lambda: say(stage, ADA)).code == Code.ALREADY_SETTLED
    assert stage.posts()[f"outcome:{expired.id}"].channel == "U0HANNA"
    stage.settle(5)
    assert world.writes == {}
    assert stage.clients().problems == ("crm: version 1 expired without an answer; retry for a new proposal",)
    stage.retry()
    stage.tick()
    stage.look()
    assert stage.proposal().version == 2
    say(stage, MAX)
    say(stage, BEA)
    stage.tick()
    assert world.owned("dana") == set()
    assert {row.state for row in stage.rows().values()} == {AssignmentState.MOVED}


def test_each_calendar_is_the_persons_own(tmp_path: Path, world: World) -> None:
    stage = Stage(tmp_path, world.system(), policy=ApprovalPolicy(calendars={"Asia/Jerusalem": "IL"}, remind_days=4))
    stage.members.change("U0MAX", timezone="Asia/Jerusalem")
    stage.tick()
    stage.look()
    until(stage, "08T08:59")  # Friday and Saturday are no working days there, Sunday is one
    early = sent(stage, "U0MAX")
    until(stage, "08T09:00")
    assert (early, sent(stage, "U0MAX")) == (1, 2)


def test_an_approver_without_slack_is_waited_for_and_the_time_runs(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, approver=Successor("max@x.example", "Max", "max@x.example"))
    stage.members.down = True
    until(stage, "13T09:00")
    assert stage.proposal().state == ProposalState.PENDING
    assert say(stage, OPERATOR).state == ProposalState.APPROVED


def test_a_silent_directory_puts_the_look_off_and_guesses_nothing(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, ApprovalPolicy(escalate_to=("U0ADA",)))
    stage.members.down = True
    until(stage, "20T09:00")
    assert (sent(stage, "U0ADA"), sent(stage, "U0MAX"), stage.proposal().state) == (0, 1, ProposalState.PENDING)
    stage.members.down = False
    stage.time.pass_(minutes=1)
    stage.look()
    assert stage.proposal().state == ProposalState.EXPIRED


def test_a_message_that_never_reached_somebody_gone_is_given_up(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, ApprovalPolicy(escalate_to=("U0ADA",)))
    stage.members.change("U0MAX", standing="is deactivated")
    until(stage, "02T11:00")
    assert f"proposal:{stage.proposal().id}" not in stage.posts()
    other = stage.posts()[f"proposal:{stage.proposal().id}:U0ADA"]
    assert other.shown_version < other.wanted_version


def test_cleo_is_asked_only_where_the_chain_reaches_her(tmp_path: Path, world: World) -> None:
    rule = AdditionalApproval("board", ("U0ADA",), escalate_to=("U0CLEO",))
    stage = make(tmp_path, world, ApprovalPolicy(rules=(rule,), escalate_to=("U0BEA",)))
    until(stage, "05T11:00")
    assert (sent(stage, "U0CLEO"), sent(stage, "U0BEA")) == (1, 1)
    assert (
        refusal(lambda: stage.decide(stage.proposal().id, "0", CLEO, True)).code == Code.STALE_PROPOSAL
    )  # wanted, on what was shown


def test_hr_asks_somebody_else_where_nobody_is_left(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world)
    hanna, number = Actor("slack:U0HANNA", "Hanna"), stage.proposal().id
    stage.members.change("U0MAX", standing="is deactivated")
    until(stage, "02T11:00")
    for nobody in ("U0DANA", "U0MAX", "S0BOARD"):  # the leaver, somebody deactivated, a group
        refused = refusal(lambda who=nobody: stage.handover.appointments.appoint(number, who, hanna))  # type: ignore[misc]
        assert refused.code == Code.BAD_DELEGATE
    stage.members.change("U0ZOE", standing="is a guest")
    assert refusal(lambda: stage.handover.appointments.appoint(number, "U0ZOE", hanna)).facts["why"] == "is a guest"
    stage.handover.appointments.appoint(number, "U0ADA", hanna)
    stage.look()
    assert sent(stage, "U0ADA") == 1
    assert [entry.actor for entry in stage.journalled("approval.appointed")] == [hanna.id]
    assert say(stage, ADA).state == ProposalState.APPROVED
    assert refusal(lambda: stage.handover.appointments.appoint(number, "U0BEA", hanna)).code == Code.ALREADY_SETTLED


def test_one_too_few_of_several_is_escalated_at_once(tmp_path: Path, world: World) -> None:
    board = AdditionalApproval("board", ("U0ADA", "U0BEA"), quorum=2, escalate_to=("U0CLEO",))
    stage = make(tmp_path, world, ApprovalPolicy(rules=(board,)))
    stage.members.change("U0BEA", standing="is deactivated")
    stage.time.pass_(hours=2)
    stage.look()
    stage.look()
    assert sent(stage, "U0CLEO") == 1
    for by in (MAX, ADA, CLEO):
        say(stage, by)
    assert stage.proposal().state == ProposalState.APPROVED
