"""N of M distinct people: each counts once under any role, delegation or account, and not after they left."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workflows.memory import World
from tests.workflows.stage import BOB, CAROL, DANA, EVE, LEAVER, MAX, Stage, crm
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy
from workflows.clients.views import ProposalView, RequestView
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import ProposalState, RequestState

ADA, BEA, CLEO = (Actor(f"slack:U0{name.upper()}", name) for name in ("Ada", "Bea", "Cleo"))
OPERATOR = Actor("cli:root", "root")
BOARD = AdditionalApproval("board", ("U0ADA", "U0BEA", "U0CLEO"), quorum=2)


@pytest.fixture
def world() -> World:
    return crm()


@pytest.fixture
def stage(tmp_path: Path, world: World) -> Stage:
    return make(tmp_path, world)


def make(folder: Path, world: World, *rules: AdditionalApproval, receivers: bool = False) -> Stage:
    """Return a stage with the board of three, two of whom must agree, unless other rules are given."""
    stage = Stage(folder, world.system(), policy=ApprovalPolicy(receivers, rules=rules or (BOARD,)))
    stage.tick()
    stage.look()
    return stage


def say(stage: Stage, by: Actor, *, approve: bool = True, reason: str = "", whose: str = "") -> ProposalView:
    shown = stage.proposal()
    return stage.decide(shown.id, shown.digest, by, approve, reason, whose)


def refusal(act: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value


def request(stage: Stage, role: str = "board") -> RequestView:
    return next(one for one in stage.proposal().requests if one.role == role)


def test_everybody_who_must_agree_is_asked_at_once(stage: Stage) -> None:
    number = stage.proposal().id
    assert {post.channel: post.subject for post in stage.posts().values() if post.kind == "proposal"} == {
        "U0MAX": number,
        "U0ADA": f"{number}@U0ADA",
        "U0BEA": f"{number}@U0BEA",
        "U0CLEO": f"{number}@U0CLEO",
    }
    assert [one.role for one in stage.proposal().requests] == ["manager", "board"]
    assert len(stage.journalled("approval.asked")) == 2


def test_nothing_moves_before_enough_different_people_agreed(stage: Stage, world: World) -> None:
    for by in (ADA, MAX):
        assert say(stage, by).state == ProposalState.PENDING
        stage.tick()
        assert world.writes == {}
    shown = request(stage)
    assert ([word.person.name for word in shown.counted], [one.name for one in shown.awaited]) == (
        ["Ada"],
        ["Bea", "Cleo"],
    )
    assert stage.posts()[f"proposal:{stage.proposal().id}:U0BEA"].wanted_version > 1
    done = say(stage, CLEO)
    assert (done.state, done.settled_by) == (ProposalState.APPROVED, "Ada, Max, Cleo")
    assert [one.state for one in done.requests] == [RequestState.APPROVED] * 2
    stage.tick()
    assert world.owned("dana") == set()
    assert refusal(lambda: say(stage, BEA)).code == Code.ALREADY_SETTLED


def test_nobody_says_yes_twice(stage: Stage) -> None:
    say(stage, ADA)
    assert refusal(lambda: say(stage, ADA)).code == Code.ALREADY_DECIDED
    assert refusal(lambda: say(stage, ADA, approve=False)).code == Code.ALREADY_DECIDED
    assert len(stage.decisions()) == 1


def test_two_accounts_of_one_address_are_one_person(stage: Stage) -> None:
    stage.members.change("U0CLEO", email="ADA@x.example")
    say(stage, ADA)
    assert refusal(lambda: say(stage, CLEO)).code == Code.ALREADY_DECIDED
    say(stage, MAX)
    assert stage.proposal().state == ProposalState.PENDING


def test_two_roles_are_one_word(tmp_path: Path, world: World) -> None:
    board = AdditionalApproval("board", ("U0MAX", "U0ADA"))
    stage = make(tmp_path, world, board)
    assert [one.name for one in request(stage).approvers] == ["Ada"]  # Max is asked by name already
    say(stage, MAX)
    assert refusal(lambda: say(stage, MAX)).code == Code.ALREADY_DECIDED
    assert stage.proposal().state == ProposalState.PENDING
    assert say(stage, ADA).state == ProposalState.APPROVED


def test_a_person_in_two_pools_fills_one_place(tmp_path: Path, world: World) -> None:
    stage = make(
        tmp_path,
        world,
        AdditionalApproval("board", ("U0ADA", "U0BEA")),
        AdditionalApproval("council", ("U0ADA", "U0CLEO")),
    )
    say(stage, MAX)
    say(stage, ADA)
    assert refusal(lambda: say(stage, ADA)).code == Code.ALREADY_DECIDED
    assert stage.proposal().state == ProposalState.PENDING


def test_an_operator_answers_for_one_approver_and_no_second_one(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world)
    which = refusal(lambda: say(stage, OPERATOR))
    assert (which.code, which.facts["known"]) == (Code.WHICH_APPROVER, "Max Weber, Ada, Bea, Cleo")
    assert refusal(lambda: say(stage, OPERATOR, whose="eve@x.example")).code == Code.NOT_APPROVER
    say(stage, OPERATOR, whose="max@x.example")
    assert refusal(lambda: say(stage, OPERATOR, whose="ada@x.example")).code == Code.ALREADY_DECIDED
    assert refusal(lambda: say(stage, MAX)).code == Code.ALREADY_DECIDED  # it was his word already


def test_one_human_decides_once_in_slack_and_at_the_terminal(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world)
    max_here = Actor("slack:U0MAX", "max", terminal=True, login="cli:root")
    say(stage, max_here, whose="U0MAX")
    eve = Actor("cli:e2", "e2", terminal=True, enrolled_by="cli:root")
    for again in (max_here, OPERATOR, replace(eve, enrolled_by="slack:U0MAX")):
        assert refusal(lambda by=again: say(stage, by, whose="ada@x.example")).code == Code.ALREADY_DECIDED  # type: ignore[misc]
    assert stage.proposal().state == ProposalState.PENDING


def test_who_opened_the_case_records_nobody_elses_answer(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world)
    hanna = Actor("slack:U0HANNA", "hanna", terminal=True)
    for same in (hanna, Actor("cli:e2", "e2", terminal=True, login=hanna.id)):
        refused = refusal(lambda by=same: say(stage, by, whose="max@x.example"))  # type: ignore[misc]
        assert refused.code == Code.SECOND_PERSON
    assert stage.decisions() == []
    say(stage, OPERATOR, whose="max@x.example")


def test_an_operator_decides_while_slack_is_down_and_that_is_on_record(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, AdditionalApproval("board", ("U0ADA",)))
    stage.members.down = True
    assert refusal(lambda: say(stage, MAX)).code == Code.NOT_CHECKED
    say(stage, OPERATOR, whose="max@x.example")
    assert json.loads(stage.journalled("approval.yes")[0].data)["unchecked"] == ["U0MAX"]


def test_a_no_settles_everything_and_its_words_are_shown(stage: Stage, world: World) -> None:
    say(stage, MAX)
    declined = say(stage, BEA, approve=False, reason="not the key accounts")
    assert (declined.state, declined.note, declined.settled_by) == (
        ProposalState.DECLINED,
        "not the key accounts",
        "Bea",
    )
    assert [one.state for one in declined.requests] == [RequestState.APPROVED, RequestState.DECLINED]
    assert {row.state for row in stage.requests()} == {"done"}
    assert refusal(lambda: say(stage, ADA)).code == Code.ALREADY_SETTLED
    stage.settle(5)
    assert world.writes == {}


@pytest.mark.parametrize("why", ["is deactivated", "is a guest", "is a bot", "belongs to another workspace"])
def test_who_is_no_full_active_member_at_the_click_cannot_decide(stage: Stage, why: str) -> None:
    stage.members.change("U0MAX", standing=why)
    refused = refusal(lambda: say(stage, MAX))
    assert (refused.code, refused.facts["why"]) == (Code.CANNOT_DECIDE, why)
    shown = stage.proposal()
    edit = refusal(lambda: stage.assign(shown.id, shown.digest, {stage.lines()[0].id: BOB.key}, MAX))
    assert edit.code == Code.CANNOT_DECIDE
    assert stage.decisions() == []


def test_a_silent_directory_lets_nobody_decide(stage: Stage) -> None:
    stage.members.down = True
    assert refusal(lambda: say(stage, MAX)).code == Code.NOT_CHECKED
    stage.members.unknown.add("U0MAX")
    stage.members.down = False
    assert refusal(lambda: say(stage, MAX)).code == Code.CANNOT_DECIDE


def test_who_was_taken_out_of_the_group_cannot_decide(tmp_path: Path, world: World) -> None:
    stage = Stage(tmp_path, world.system(), policy=ApprovalPolicy(rules=(AdditionalApproval("board", ("S0BOARD",)),)))
    stage.members.groups["S0BOARD"] = ("U0ADA", "U0BEA")
    stage.tick()
    stage.look()
    stage.members.groups["S0BOARD"] = ("U0BEA", "U0CLEO")
    assert refusal(lambda: say(stage, ADA)).code == Code.NOT_APPROVER
    assert say(stage, CLEO).state == ProposalState.PENDING  # in it now, though nobody asked her yet


def test_the_leaver_never_decides_in_a_pool_or_under_another_account(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, AdditionalApproval("board", ("U0DANA", "U0DANA2", "U0ADA"), quorum=1))
    stage.members.change("U0DANA2", email=LEAVER.email.upper())
    stage.time.pass_(hours=2)
    stage.look()
    assert [one.name for one in request(stage).approvers] == ["Ada"]
    for by in (DANA, Actor("slack:U0DANA2", "Dana again")):
        assert refusal(lambda by=by: say(stage, by)).code == Code.LEAVER_DECIDES  # type: ignore[misc]
    assert stage.decisions() == []


def test_an_earlier_yes_does_not_count_once_its_person_has_gone(stage: Stage, world: World) -> None:
    say(stage, ADA)
    say(stage, MAX)
    stage.members.change("U0ADA", standing="is deactivated")
    assert say(stage, BEA).state == ProposalState.PENDING
    [word] = [one for one in request(stage).decisions if one.void]
    assert (word.person.name, word.void) == ("Ada", "is deactivated")
    assert len(stage.journalled("approval.void")) == 1
    stage.tick()
    assert world.writes == {}
    assert say(stage, CLEO).state == ProposalState.APPROVED


def test_a_settled_part_opens_again_when_its_person_goes_before_the_rest(stage: Stage) -> None:
    say(stage, MAX)
    stage.members.change("U0MAX", standing="is deactivated")
    stage.time.pass_(hours=2)
    stage.look()  # the clock sees it, before anybody clicks
    assert request(stage, "manager").state is RequestState.WAITING
    say(stage, ADA)
    assert say(stage, BEA).state == ProposalState.PENDING
    stage.members.change("U0MAX")
    assert say(stage, MAX).state == ProposalState.APPROVED  # back, and says it anew


def test_going_after_the_last_yes_changes_nothing(stage: Stage, world: World) -> None:
    for by in (ADA, MAX, BEA):
        say(stage, by)
    stage.members.change("U0ADA", standing="is deactivated")
    stage.tick()
    assert world.owned("dana") == set()


def test_an_approver_with_a_case_of_their_own_has_left(stage: Stage) -> None:
    stage.change(lambda case: setattr(case, "mail_key", stage.vault.blind("mail:ada@x.example")))
    assert stage.case().state == CaseState.RUNNING
    refused = refusal(lambda: say(stage, ADA))
    assert (refused.code, "has left" in refused.facts["why"]) == (Code.CANNOT_DECIDE, True)


def test_receivers_agree_to_their_own_share(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, AdditionalApproval("board", ("U0ADA",), above_clients=10_000), receivers=True)
    shown = stage.proposal()
    assert [(one.role, one.share) for one in shown.requests] == [
        ("manager", None),
        *sorted((("receiver", one) for one in (BOB, CAROL)), key=lambda pair: stage.vault.blind(pair[1].key)[:12]),
    ]
    lines, total = stage.handover.proposals.share_lines(shown.id, BOB.key)
    assert (total, {line.successor for line in lines}) == (6, {BOB})
    bob, carol = Actor("slack:U0BOB", "Bob Ross"), Actor("slack:U0CAROL", "Carol Díaz")
    edit = refusal(lambda: stage.assign(shown.id, shown.digest, dict.fromkeys([lines[0].id], CAROL.key), bob))
    assert edit.code == Code.NOT_APPROVER
    say(stage, bob)
    say(stage, MAX)
    assert [view.id for view in stage.handover.proposals.waiting_for("U0CAROL")] == [shown.id]
    assert stage.handover.proposals.waiting_for("U0BOB") == stage.handover.proposals.waiting_for("U0MAX") == []
    assert say(stage, carol).state == ProposalState.APPROVED


def test_an_edit_asks_everybody_again_and_says_what_changed(stage: Stage) -> None:
    say(stage, ADA)
    first = stage.proposal()
    mine = [line for line in stage.lines() if line.successor == CAROL]
    stage.assign(first.id, first.digest, dict.fromkeys([mine[0].id], BOB.key), MAX)
    second = stage.proposal()
    stage.assign(second.id, second.digest, dict.fromkeys([one.id for one in mine[1:]], BOB.key), BEA)
    for old in (first, second):
        stale = refusal(lambda old=old: stage.decide(old.id, old.digest, BEA, True))  # type: ignore[misc]
        assert stale.code == Code.STALE_PROPOSAL
        assert f"{mine[-1].family_name}: Carol Díaz → Bob Ross" in stale.facts["changed"]
    stale = refusal(lambda: stage.decide(stage.proposal().id, first.digest, BEA, True))
    assert f"{mine[0].family_name}: Carol Díaz → Bob Ross" in stale.facts["changed"]
    assert "6 records in all" in stale.facts["changed"]
    assert [one.counted for one in stage.proposal().requests] == [(), ()]
    assert refusal(lambda: stage.decide(first.id, first.digest, EVE, True)).code == Code.NOT_APPROVER


def test_what_came_later_is_asked_of_everybody_while_the_rest_goes_on(stage: Stage, world: World) -> None:
    for by in (ADA, MAX, BEA):
        say(stage, by)
    world.record("opportunity:new", "dana", family="party:new", value=5)
    stage.tick()
    assert world.owned("dana") == {"opportunity:new"}
    stage.look()
    again = stage.proposal()
    assert (again.records, again.state, [one.role for one in again.requests]) == (
        1,
        ProposalState.PENDING,
        ["manager", "board"],
    )
    for by in (CLEO, MAX, ADA):
        say(stage, by)
    stage.tick()
    assert world.owned("dana") == set()


def test_killed_between_the_last_yes_and_its_effect_a_fresh_process_moves(stage: Stage, world: World) -> None:
    for by in (ADA, MAX, BEA):
        say(stage, by)
    stage.handover = stage.start()
    stage.tick()
    assert world.owned("dana") == set()
    assert stage.handover.proposals.view(stage.proposal().id).state == ProposalState.APPROVED


def test_a_cancelled_case_asks_nobody_any_more(stage: Stage) -> None:
    with stage.store.write() as session:
        stage.handover.decisions.cancel(session, "c1", MAX)
    assert {row.result for row in stage.requests()} == {RequestState.WITHDRAWN}
    posts = len(stage.posts())
    for _ in range(20):
        stage.time.pass_(days=1)
        stage.look()
    assert len(stage.posts()) == posts
    assert stage.handover.proposals.waiting() == []


def test_who_is_named_fills_no_place_of_a_pool_even_when_their_own_is_taken(tmp_path: Path, world: World) -> None:
    stage = make(tmp_path, world, AdditionalApproval("board", ("U0MAX", "U0ADA")))
    stage.handover.appointments.appoint(stage.proposal().id, "U0EVE", OPERATOR)
    stage.look()
    say(stage, EVE)
    assert refusal(lambda: say(stage, MAX)).code == Code.ALREADY_SETTLED
    assert say(stage, ADA).state == ProposalState.APPROVED
