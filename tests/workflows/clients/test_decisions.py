"""Decisions: the right people, the exact digest, once; edits, which are asked again; and the cells of a spreadsheet."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows.memory import World
from tests.workflows.stage import BOB, CAROL, CASE, DANA, EVE, LEAVER, MAX, Stage, crm
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import AssignmentState, ProposalState

OPERATOR = Actor("cli:root", "root")


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


def decide(stage: Stage, by: Actor = MAX, *, approve: bool = True, digest: str = "", proposal: str = "") -> Refused:
    shown = stage.proposal()
    return refusal(lambda: stage.decide(proposal or shown.id, digest or shown.digest, by, approve=approve))


def test_only_the_approver_decides(stage: Stage, world: World) -> None:
    assert decide(stage, EVE).code == Code.NOT_APPROVER
    assert decide(stage, EVE).facts["approver"] == "Max Weber"
    assert decide(stage, Actor("slack:", "nobody")).code == Code.NOT_ALLOWED
    assert stage.decisions() == []
    assert [(entry.actor, json.loads(entry.data)["code"]) for entry in stage.journalled("proposal.refused")][:1] == [
        (EVE.id, Code.NOT_APPROVER)
    ]
    stage.tick()
    assert world.writes == {}


def test_the_leaver_never_decides_even_as_approver(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system(), approver=Successor("dana@x.example", LEAVER.name, LEAVER.email, "U0DANA"))
    stage.tick()
    assert decide(stage, DANA).code == Code.LEAVER_DECIDES
    shown = stage.proposal()
    edit = refusal(lambda: stage.assign(shown.id, shown.digest, {stage.lines()[0].id: BOB.key}, DANA))
    assert edit.code == Code.LEAVER_DECIDES


def test_an_operator_may_decide_and_it_is_on_record(stage: Stage) -> None:
    assert stage.approve(OPERATOR).settled_by == "root"
    assert [entry.actor for entry in stage.journalled("proposal.approved")] == ["cli:root"]


def test_an_approver_without_slack_is_not_matched_by_an_empty_id(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system(), approver=Successor("max@x.example", "Max", "max@x.example"))
    stage.tick()
    assert decide(stage, Actor("slack:", "")).code == Code.NOT_ALLOWED
    assert not any(post.startswith("proposal:") for post in stage.posts())
    assert stage.handover.proposals.waiting_for("") == []
    assert stage.approve(OPERATOR).state == ProposalState.APPROVED


def test_a_second_decision_hears_who_and_when(stage: Stage) -> None:
    stage.approve()
    for approve in (True, False):
        second = decide(stage, approve=approve)
        assert second.code == Code.ALREADY_SETTLED
        assert (second.facts["by"], second.facts["at"]) == ("Max Weber", stage.time.now().isoformat())
    assert len(stage.decisions()) == 1
    assert stage.proposal().state == ProposalState.APPROVED


def test_another_digest_is_refused(stage: Stage) -> None:
    assert decide(stage, digest="0" * 64).code == Code.STALE_PROPOSAL
    assert stage.proposal().state == ProposalState.PENDING


@pytest.mark.parametrize("unknown", ["nothing", f"{CASE}-draft-crm"])
def test_an_unknown_proposal_and_a_draft_are_refused(stage: Stage, unknown: str) -> None:
    assert decide(stage, proposal=unknown).code == Code.UNKNOWN_PROPOSAL
    reads = stage.handover.proposals
    for read in (reads.view, reads.csv, reads.successors, reads.lines):
        assert refusal(lambda read=read: read(unknown)).code == Code.UNKNOWN_PROPOSAL  # type: ignore[misc]


def test_a_cancelled_case_takes_no_decision(stage: Stage) -> None:
    stage.change(lambda case: setattr(case, "state", CaseState.CANCELLED))
    assert stage.handover.proposals.waiting_for("U0MAX") == []
    assert decide(stage).code == Code.NOT_OPEN


def test_an_edit_is_a_new_version_and_the_old_one_cannot_be_approved(stage: Stage, world: World) -> None:
    first = stage.proposal()
    mine = next(line for line in stage.lines() if line.successor == CAROL)
    client = [line for line in stage.lines() if line.family_name == mine.family_name]
    edited = stage.assign(first.id, first.digest, {mine.id: BOB.key}, MAX)
    assert (edited.version, edited.state, edited.records) == (2, ProposalState.PENDING, 12)
    assert edited.digest != first.digest
    assert edited.why == f"an edit of version 1 by Max Weber: {mine.family_name}: Carol Díaz → Bob Ross"
    assert {share.successor.key: share.records for share in edited.shares} == {BOB.key: 8, CAROL.key: 4}
    assert {share.successor.key: share.families for share in edited.shares} == {BOB.key: 4, CAROL.key: 2}
    by_key = {share.successor.key: share.value["EUR"] for share in first.shares}
    worth = sum(line.value for line in client)
    assert {share.successor.key: share.value["EUR"] for share in edited.shares} == {
        BOB.key: by_key[BOB.key] + worth,
        CAROL.key: by_key[CAROL.key] - worth,
    }
    old = stage.handover.proposals.view(first.id)
    assert (old.state, old.settled_by, old.records) == (ProposalState.SUPERSEDED, "Max Weber", 12)
    assert decide(stage, proposal=first.id, digest=first.digest).code == Code.STALE_PROPOSAL
    assert decide(stage, digest=first.digest).code == Code.STALE_PROPOSAL
    assert stage.handover.proposals.lines(first.id) == stage.handover.proposals.lines(first.id, search="a") == ([], 0)
    assert refusal(lambda: stage.handover.proposals.csv(first.id)).code == Code.STALE_PROPOSAL
    assert stage.posts()[f"proposal:{first.id}"].wanted_version == 2
    assert stage.posts()[f"proposal:{edited.id}"].channel == "U0MAX"
    assert [view.id for view in stage.handover.proposals.waiting_for("U0MAX")] == [edited.id]
    stage.approve()
    stage.tick()
    assert {line.record_id for line in client} <= set(world.owned("bob"))
    assert (len(world.owned("bob")), len(world.owned("carol"))) == (8, 4)


def test_an_edit_that_takes_everything_leaves_no_empty_share(stage: Stage) -> None:
    first = stage.proposal()
    theirs = [line.id for line in stage.lines() if line.successor == CAROL]
    edited = stage.assign(first.id, first.digest, dict.fromkeys(theirs, BOB.key), MAX)
    assert [(share.successor, share.records, share.families) for share in edited.shares] == [(BOB, 12, 6)]


def test_edits_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    world = crm()
    del world.users[next(user for user in world.users if user == "carol")]
    stage = Stage(tmp_path, world.system())
    stage.tick()
    shown, line = stage.proposal(), stage.lines()[0]

    def edit(*lines: str, key: str = BOB.key, digest: str = shown.digest, by: Actor = MAX) -> Code:
        return refusal(lambda: stage.assign(shown.id, digest, dict.fromkeys(lines, key), by)).code

    assert edit(line.id) == Code.NOTHING_CHANGED
    assert edit() == Code.NOTHING_CHANGED
    assert edit("c1:crm:other") == Code.UNKNOWN_RECORD
    assert edit(line.id, key="eve@x.example") == Code.UNKNOWN_SUCCESSOR
    assert edit(line.id, key=CAROL.key) == Code.CANNOT_RECEIVE  # no account there
    assert edit(line.id, digest="0") == Code.STALE_PROPOSAL
    assert edit(line.id, by=EVE) == Code.NOT_APPROVER
    assert [proposal.version for proposal in stage.proposals()] == [1]


def test_a_decline_moves_nothing_and_a_retry_asks_afresh(stage: Stage, world: World) -> None:
    shown = stage.proposal()
    declined = stage.decide(shown.id, shown.digest, MAX, approve=False, reason="not like this")
    assert (declined.state, declined.note) == (ProposalState.DECLINED, "not like this")
    assert stage.posts()[f"outcome:{shown.id}"].channel == "U0HANNA"
    stage.settle(10)
    assert world.writes == {}
    assert stage.clients().problems == ("crm: version 1 was declined; retry for a new proposal",)
    assert (stage.clients().complete, stage.clients().left) == (False, 12)
    world.give("opportunity:000", "zed")
    stage.retry()
    stage.tick()
    assert (stage.proposal().version, stage.proposal().records) == (2, 11)
    stage.approve()
    stage.tick()
    assert world.owned("dana") == set()
    assert stage.rows()["opportunity:000"].state == AssignmentState.TAKEN
    assert stage.clients().complete


def test_the_digest_depends_on_every_part_of_a_line(tmp_path: Path) -> None:
    def digest(folder: str, change: Callable[[World], object]) -> str:
        (tmp_path / folder).mkdir()
        world = crm(records=4)
        change(world)
        stage = Stage(tmp_path / folder, world.system(), strategy="single")
        stage.tick()
        return stage.proposal().digest

    def rename(world: World) -> None:
        bob = world.users.pop(next(user for user in world.users if user == "bob"))
        world.user("bob2", bob.email)

    same = digest("a", lambda _: None)
    assert same == digest("b", lambda world: setattr(world, "down", False))
    assert same != digest("c", lambda world: world.record("opportunity:x", "dana"))
    assert same != digest("d", rename)


def test_lines_are_paged_and_searched_without_loss(stage: Stage) -> None:
    number = stage.proposal().id
    pages = [stage.handover.proposals.lines(number, offset, 5) for offset in (0, 5, 10)]
    assert [total for _, total in pages] == [12, 12, 12]
    assert len({line.id for page, _ in pages for line in page}) == 12
    found, total = stage.handover.proposals.lines(number, search="PARTY:3")
    assert (total, {line.family_name for line in found}) == (2, {"Client party:3"})
    found, total = stage.handover.proposals.lines(number, 0, 2, search="díaz")
    assert (total, len(found)) == (6, 2)
    assert stage.handover.proposals.lines(number, search="nobody") == ([], 0)


NASTY = (
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\ufeff=1",
    "\u200b=1",
    "＝1",
    'O\'Neill, "Ltd"\nline two',
    "<!channel>",
    "Кошкин & Ко",
    "客户",
    "עסק",
)


def test_nasty_names_come_through_and_run_nowhere(tmp_path: Path) -> None:
    world = crm(records=0)
    for n, name in enumerate(NASTY):
        world.record(f"opportunity:{n:02}", "dana", family=f"party:{n}", name=name, value=1)
    stage = Stage(tmp_path, world.system())
    stage.tick()
    assert {line.name for line in stage.lines()} == set(NASTY)
    table = list(csv.DictReader(stage.handover.proposals.csv(stage.proposal().id)))
    assert {row["record"].removeprefix("'") for row in table} == set(NASTY)
    for row in table:
        for cell in row.values():
            assert not cell.lstrip(" \ufeff\u200b").startswith(("=", "+", "-", "@", "\t", "\r", "＝")), cell


def test_a_csv_has_every_line(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm(records=1203).system())
    stage.tick()
    table = list(csv.DictReader(stage.handover.proposals.csv(stage.proposal().id)))
    assert len({row["id"] for row in table}) == 1203
    assert {row["successor"] for row in table} == {BOB.name, CAROL.name}
