"""Somebody decides for somebody who is away: recorded, shown, once, and never the leaver or who decides already."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.workflows.clients.test_approvals import ADA, BEA, CLEO, refusal, request, say
from tests.workflows.memory import World
from tests.workflows.stage import DANA, MAX, Stage, crm
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy
from workflows.clients.views import DelegationView
from workflows.people import Actor
from workflows.refusals import Code
from workflows.storage.rows.clients import ProposalState

ZOE = Actor("slack:U0ZOE", "Zoe")


@pytest.fixture
def world() -> World:
    return crm()


@pytest.fixture
def stage(tmp_path: Path, world: World) -> Stage:
    stage = Stage(
        tmp_path,
        world.system(),
        policy=ApprovalPolicy(rules=(AdditionalApproval("board", ("U0ADA", "U0BEA"), quorum=2),)),
    )
    stage.tick()
    stage.look()
    return stage


def stand_in(
    stage: Stage, away: str, delegate: str, days: float = 3, by: Actor = MAX, after: float = 0
) -> DelegationView:
    since = stage.time.now() + timedelta(days=after)
    made = stage.handover.delegations.make(away, delegate, since, since + timedelta(days=days), by)
    stage.look()
    return made


def test_a_delegate_is_told_at_once_and_decides_for_who_is_away(stage: Stage) -> None:
    stand_in(stage, "U0MAX", "U0ZOE")
    number = stage.proposal().id
    assert stage.posts()[f"proposal:{number}:U0ZOE"].channel == "U0ZOE"
    assert [view.id for view in stage.handover.proposals.waiting_for("U0ZOE")] == [number]
    assert request(stage, "manager").delegates["U0MAX"].name == "Zoe"
    say(stage, ZOE)
    [word] = request(stage, "manager").counted
    assert (word.person.name, word.principal.name) == ("Zoe", "Max Weber")
    assert refusal(lambda: say(stage, MAX)).code == Code.ALREADY_DECIDED
    assert refusal(lambda: say(stage, ZOE)).code == Code.ALREADY_DECIDED
    assert len(stage.journalled("delegation.made")) == 1


def test_one_delegate_of_two_has_one_word(stage: Stage) -> None:
    stand_in(stage, "U0ADA", "U0ZOE", by=ADA)
    stand_in(stage, "U0BEA", "U0ZOE", by=BEA)
    say(stage, ZOE)
    assert refusal(lambda: say(stage, ZOE)).code == Code.ALREADY_DECIDED
    say(stage, MAX)
    assert stage.proposal().state == ProposalState.PENDING


def test_who_decides_in_their_own_right_cannot_stand_in(stage: Stage) -> None:
    assert refusal(lambda: stand_in(stage, "U0MAX", "U0ADA")).code == Code.BAD_DELEGATE
    assert refusal(lambda: stand_in(stage, "U0ADA", "U0BEA", by=ADA)).code == Code.BAD_DELEGATE
    assert refusal(lambda: stand_in(stage, "U0MAX", "U0MAX")).code == Code.BAD_DELEGATE


def test_who_is_asked_later_in_their_own_right_has_one_word_all_the_same(tmp_path: Path, world: World) -> None:
    stage = Stage(tmp_path, world.system(), policy=ApprovalPolicy(rules=(AdditionalApproval("board", ("U0ADA",)),)))
    stand_in(stage, "U0MAX", "U0ADA")  # before any proposal: nothing speaks against it yet
    stage.tick()
    stage.look()
    say(stage, ADA)
    [word] = request(stage).counted
    assert word.principal.name == "Ada"
    assert refusal(lambda: say(stage, ADA)).code == Code.ALREADY_DECIDED
    assert stage.proposal().state == ProposalState.PENDING


def test_the_leaver_never_stands_in(stage: Stage) -> None:
    assert refusal(lambda: stand_in(stage, "U0MAX", "U0DANA")).code == Code.BAD_DELEGATE
    stage.members.change("U0DANA2", email="dana@x.example")
    assert refusal(lambda: stand_in(stage, "U0MAX", "U0DANA2")).code == Code.BAD_DELEGATE


def test_a_delegate_who_turns_out_to_be_the_leaver_decides_nothing(tmp_path: Path, world: World) -> None:
    stage = Stage(tmp_path, world.system())
    stage.members.change("U0DANA", email="other@x.example")
    stage.change(lambda case: setattr(case, "state", "watched"))
    stand_in(stage, "U0MAX", "U0DANA")
    stage.change(lambda case: setattr(case, "state", "running"))
    stage.tick()
    stage.look()
    assert f"proposal:{stage.proposal().id}:U0DANA" not in stage.posts()
    assert refusal(lambda: say(stage, DANA)).code == Code.LEAVER_DECIDES


def test_a_delegation_is_not_passed_on(stage: Stage) -> None:
    stand_in(stage, "U0MAX", "U0ZOE")
    stand_in(stage, "U0ZOE", "U0CLEO", by=ZOE)
    assert refusal(lambda: say(stage, CLEO)).code == Code.NOT_APPROVER


def test_it_begins_and_ends_in_its_time(stage: Stage) -> None:
    stand_in(stage, "U0MAX", "U0ZOE", days=2, after=1)
    assert refusal(lambda: say(stage, ZOE)).code == Code.NOT_APPROVER
    stage.time.pass_(days=1)
    stage.look()
    assert f"proposal:{stage.proposal().id}:U0ZOE" in stage.posts()
    stage.time.pass_(days=2)
    assert refusal(lambda: say(stage, ZOE)).code == Code.NOT_APPROVER
    assert stage.handover.delegations.present() == []


def test_it_can_be_ended_by_who_made_it_alone(stage: Stage) -> None:
    made = stand_in(stage, "U0MAX", "U0ZOE")
    assert refusal(lambda: stage.handover.delegations.end(made.id, ZOE)).code == Code.NOT_ALLOWED
    stage.handover.delegations.end(made.id, MAX)
    assert refusal(lambda: stage.handover.delegations.end(made.id, MAX)).code == Code.UNKNOWN_DELEGATION
    assert refusal(lambda: say(stage, ZOE)).code == Code.NOT_APPROVER
    assert len(stage.journalled("delegation.ended")) == 1


@pytest.mark.parametrize("why", ["is deactivated", "is a guest", "is a bot", "belongs to another workspace"])
def test_only_full_active_members_stand_in_when_named_and_when_they_click(stage: Stage, why: str) -> None:
    stage.members.change("U0ZOE", standing=why)
    assert refusal(lambda: stand_in(stage, "U0MAX", "U0ZOE")).facts["why"] == why
    stage.members.change("U0ZOE")
    stand_in(stage, "U0MAX", "U0ZOE")
    stage.members.change("U0ZOE", standing=why)
    assert refusal(lambda: say(stage, ZOE)).code == Code.CANNOT_DECIDE


def test_a_delegates_word_falls_with_who_was_away(stage: Stage) -> None:
    stand_in(stage, "U0MAX", "U0ZOE")
    say(stage, ZOE)
    say(stage, ADA)
    stage.members.change("U0MAX", standing="is deactivated")
    assert say(stage, BEA).state == ProposalState.PENDING
    assert request(stage, "manager").counted == ()


def test_periods_that_make_no_sense_are_refused(stage: Stage) -> None:
    assert refusal(lambda: stand_in(stage, "U0MAX", "U0ZOE", days=-1)).code == Code.BAD_PERIOD
    assert refusal(lambda: stand_in(stage, "U0MAX", "U0ZOE", days=1, after=-2)).code == Code.BAD_PERIOD
    stand_in(stage, "U0MAX", "U0ZOE")
    assert refusal(lambda: stand_in(stage, "U0MAX", "U0CLEO")).code == Code.BAD_DELEGATE
    stage.members.down = True
    assert refusal(lambda: stand_in(stage, "U0ADA", "U0CLEO")).code == Code.NOT_CHECKED


def test_who_is_asked_in_their_own_right_stands_in_for_nobody_even_when_their_part_is_settled(
    tmp_path: Path, world: World
) -> None:
    stage = Stage(
        tmp_path, world.system(), policy=ApprovalPolicy(rules=(AdditionalApproval("board", ("U0ADA", "U0BEA")),))
    )
    stand_in(stage, "U0MAX", "U0ADA")
    stage.tick()
    stage.look()
    say(stage, BEA)
    assert refusal(lambda: say(stage, ADA)).code == Code.ALREADY_SETTLED
    assert say(stage, MAX).state == ProposalState.APPROVED
