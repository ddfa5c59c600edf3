"""Receivers added to a proposal, and edits that the next proposal keeps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.contract import AccountId
from tests.workflows.memory import World
from tests.workflows.stage import BOB, CAROL, CASE, LEAVER, MAX, Stage, crm
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.rows.clients import ProposalState

ZED = Successor("zed@x.example", "Zed Ng", "zed@x.example", "U0ZED")
NORA = Successor("nora@x.example", "nora@x.example", "nora@x.example")
DANA = Successor(LEAVER.email, LEAVER.name, LEAVER.email, LEAVER.slack_id)
LINE = f"{CASE}:crm:opportunity:000"


@pytest.fixture
def world() -> World:
    return crm()


@pytest.fixture
def stage(tmp_path: Path, world: World) -> Stage:
    made = Stage(tmp_path, world.system())
    made.tick()
    return made


def refusal(act: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value


def goes_to(stage: Stage) -> dict[str, str]:
    return {line.record_id: line.successor.key for line in stage.lines()}


def test_somebody_new_receives_clients_and_the_moves_reach_them(stage: Stage, world: World) -> None:
    shown = stage.proposal()
    new = stage.assign(shown.id, shown.digest, {LINE: ZED.key}, MAX, [ZED])
    assert [one.successor.name for one in new.shares if one.successor.key == ZED.key] == ["Zed Ng"]
    assert ZED in stage.handover.proposals.successors(new.id)
    assert len(stage.journalled("case.receiver_added")) == 1
    assert stage.approve().state == ProposalState.APPROVED
    stage.tick()
    assert world.owned("zed") == {"opportunity:000", "opportunity:001"}, "a client goes whole"
    assert stage.clients().complete


def test_a_successor_of_the_case_receives_once_they_have_an_account(tmp_path: Path) -> None:
    world = crm()
    del world.users[AccountId("carol")]
    stage = Stage(tmp_path, world.system())
    stage.tick()
    shown = stage.proposal()
    known = refusal(lambda: stage.assign(shown.id, shown.digest, {LINE: CAROL.key}, MAX))
    assert (known.code, known.facts["successor"]) == (Code.CANNOT_RECEIVE, CAROL.name)
    world.user("carol", CAROL.email)
    stage.assign(shown.id, shown.digest, {LINE: CAROL.key}, MAX, [CAROL])
    assert stage.journalled("case.receiver_added") == [], "she was named when the case was opened"
    stage.approve()
    stage.tick()
    assert world.owned("carol") == {"opportunity:000", "opportunity:001"}


def test_a_name_that_nobody_gave_comes_from_the_account(stage: Stage, world: World) -> None:
    world.user("nora", NORA.email, name="Nora Quist")
    shown = stage.proposal()
    new = stage.assign(shown.id, shown.digest, {LINE: NORA.key}, MAX, [NORA])
    assert "Nora Quist" in {one.successor.name for one in new.shares}


def test_who_cannot_own_the_records_is_refused_with_the_reason_and_added_nowhere(stage: Stage, world: World) -> None:
    shown = stage.proposal()

    def give(person: Successor, by: Actor = MAX) -> Refused:
        return refusal(lambda: stage.assign(shown.id, shown.digest, {LINE: person.key}, by, [person]))

    assert (give(NORA).code, give(NORA).facts["why"]) == (Code.CANNOT_RECEIVE, "no account there")
    world.users[AccountId("zed")].active = False
    assert give(ZED).facts == {"successor": "Zed Ng", "why": "the account there is not active"}
    world.users[AccountId("zed")].active, world.users[AccountId("zed")].pools = True, frozenset({"nowhere"})
    assert give(ZED).code is Code.CANNOT_RECEIVE
    assert give(DANA).facts["why"] == "is leaving, too"
    assert give(ZED, Actor("slack:U0EVE", "Eve")).code is Code.NOT_APPROVER
    assert [proposal.version for proposal in stage.proposals()] == [1]
    assert {one.key for one in stage.handover.proposals.successors(shown.id)} == {BOB.key, CAROL.key}
    assert stage.journalled("case.receiver_added") == []


def test_a_file_adds_whom_it_names_and_refuses_others_by_line(stage: Stage, world: World) -> None:
    shown = stage.proposal()
    own = f"id,address\nopportunity:000,{DANA.key}\nopportunity:002,nora@x.example\n".encode()
    with pytest.raises(InvalidAssignmentFile) as caught:
        stage.upload(shown.id, shown.digest, own, MAX, [DANA, NORA])
    assert [(one.line, one.what) for one in caught.value.faults] == [
        (2, f"{DANA.key} cannot own this client's records: is leaving, too"),
        (3, "nora@x.example cannot own this client's records: no account there"),
    ]
    wrong = b"id,address\nopportunity:000,nora@x.example\n"
    with pytest.raises(InvalidAssignmentFile) as caught:
        stage.upload(shown.id, shown.digest, wrong, MAX, [NORA])
    assert [(one.line, one.what) for one in caught.value.faults] == [
        (2, "nora@x.example cannot own this client's records: no account there")
    ]
    right = b"id,address\nopportunity:000,zed@x.example\n"
    stage.upload(shown.id, shown.digest, right, MAX, [ZED])
    stage.approve()
    stage.tick()
    assert world.owned("zed") == {"opportunity:000", "opportunity:001"}


def test_a_new_proposal_keeps_edits_that_still_make_sense_and_names_the_others(stage: Stage, world: World) -> None:
    before = goes_to(stage)
    shown = stage.proposal()
    second = stage.assign(shown.id, shown.digest, {LINE: ZED.key}, MAX, [ZED])
    other = f"{CASE}:crm:opportunity:002"
    to = CAROL if before["opportunity:002"] == BOB.key else BOB
    third = stage.assign(second.id, second.digest, {other: to.key}, MAX)
    stage.decide(third.id, third.digest, MAX, approve=False, reason="wait")
    world.users[AccountId("zed")].active = False
    stage.retry()
    stage.tick()
    newest = stage.proposal()
    assert newest.version == 4
    now = goes_to(stage)
    assert (now["opportunity:002"], now["opportunity:003"]) == (to.key, to.key)
    assert now["opportunity:000"] != ZED.key
    told = newest.note
    assert "1 client goes where an edit of the earlier proposal put it" in told
    assert "does not go to Zed Ng as before: no account that can receive it" in told
    assert ZED.key not in now.values(), "who was added gets what people gave them, and no share of the split"
    world.users[AccountId("zed")].active = True
    stage.decide(newest.id, newest.digest, MAX, approve=False, reason="again")
    stage.retry()
    stage.tick()
    assert goes_to(stage)["opportunity:000"] == ZED.key
    assert "2 clients go where edits of the earlier proposal put them" in stage.proposal().note
    theirs = [record for record, key in goes_to(stage).items() if key == ZED.key]
    assert theirs == ["opportunity:000", "opportunity:001"], "one client, and no share of the split"


def test_who_was_added_and_taken_off_again_gets_nothing_in_the_next_proposal(stage: Stage) -> None:
    shown = stage.proposal()
    second = stage.assign(shown.id, shown.digest, {LINE: ZED.key}, MAX, [ZED])
    third = stage.assign(second.id, second.digest, {LINE: BOB.key}, MAX)
    stage.decide(third.id, third.digest, MAX, approve=False, reason="wait")
    stage.retry()
    stage.tick()
    assert stage.proposal().version == 4
    assert set(goes_to(stage).values()) == {BOB.key, CAROL.key}
    assert goes_to(stage)["opportunity:000"] == BOB.key
