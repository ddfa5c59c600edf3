"""Edits by client with several approvers: all are asked again, old messages show the changes, and tiers count."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows.memory import World
from tests.workflows.stage import BOB, CAROL, CASE, LEAVER, MAX, Stage, crm
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy
from workflows.people import Actor
from workflows.ports import WorkspaceMember
from workflows.refusals import Code, Refused
from workflows.storage.rows.clients import ProposalState

ADA = Actor("slack:U0ADA", "Ada")
SECRET = f"{CASE}:crm:deal:secret"
BOARD = AdditionalApproval("board", ("U0ADA", "U0BEA"), quorum=1, sensitivity=("High",))


@pytest.fixture
def world() -> World:
    made = crm(records=8)
    made.record("deal:secret", "dana", family="party:9", family_name="Secret", sensitivity="high", value=10)
    return made


@pytest.fixture
def stage(tmp_path: Path, world: World) -> Stage:
    made = Stage(tmp_path, world.system(), policy=ApprovalPolicy(rules=(BOARD,)))
    made.tick()
    made.look()
    return made


def refusal(act: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value


def roles(stage: Stage) -> list[str]:
    return [one.role for one in stage.proposal().requests]


def test_a_sensitive_client_of_the_book_asks_whom_the_rule_names(stage: Stage, tmp_path: Path) -> None:
    assert stage.proposal().sensitivities == {"high": 1}
    assert roles(stage) == ["manager", "board"]
    (tmp_path / "plain").mkdir()
    plain = Stage(tmp_path / "plain", crm(records=8).system(), policy=ApprovalPolicy(rules=(BOARD,)))
    plain.tick()
    assert roles(plain) == ["manager"]


def test_the_rule_asks_nobody_for_a_client_that_stays(stage: Stage) -> None:
    shown = stage.proposal()
    new = stage.exclude(shown.id, shown.digest, [SECRET], "a lawsuit", MAX)
    assert new.sensitivities == {}
    assert roles(stage) == ["manager"]
    assert stage.decide(new.id, new.digest, MAX, approve=True).state == ProposalState.APPROVED


def test_an_edit_takes_back_every_yes_and_an_old_message_names_what_changed(stage: Stage) -> None:
    first = stage.proposal()
    stage.decide(first.id, first.digest, ADA, approve=True)
    giver = next(line.successor for line in stage.lines() if line.id == SECRET)
    mine = next(line for line in stage.lines() if line.successor == CAROL and line.id != SECRET)
    second = stage.assign(first.id, first.digest, {mine.id: BOB.key}, MAX)
    third = stage.exclude(second.id, second.digest, [SECRET], "a lawsuit", ADA)
    assert [one.counted for one in third.requests] == [()]
    moved, stays = f"{mine.family_name}: Carol Díaz → Bob Ross", f"Secret: {giver.name} → {LEAVER.name}"
    for old, told in ((first, {moved, stays}), (second, {stays})):
        stale = refusal(lambda old=old: stage.decide(old.id, old.digest, MAX, True))  # type: ignore[misc]
        assert stale.code == Code.STALE_PROPOSAL
        assert told <= set(stale.facts["changed"].split("; "))


def test_nobody_edits_whom_the_directory_does_not_have_at_this_moment(stage: Stage) -> None:
    shown = stage.proposal()
    edits: list[Callable[[], object]] = [
        lambda: stage.assign(shown.id, shown.digest, {SECRET: BOB.key}, ADA),
        lambda: stage.exclude(shown.id, shown.digest, [SECRET], "no", ADA),
        lambda: stage.upload(shown.id, shown.digest, b"client,address\nSecret,bob@x.example\n", ADA),
    ]
    stage.members.people["U0ADA"] = WorkspaceMember("U0ADA", "Ada", "ada@x.example", standing="is deactivated")
    assert [refusal(edit).code for edit in edits] == [Code.CANNOT_DECIDE] * 3
    stage.members.people["U0ADA"] = WorkspaceMember("U0ADA", "Ada", LEAVER.email)
    assert [refusal(edit).code for edit in edits] == [Code.LEAVER_DECIDES] * 3
    assert stage.proposal() == shown
