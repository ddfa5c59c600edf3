"""Outcomes that somebody waits for are told by a new message: an edited one notifies nobody."""

from pathlib import Path

import pytest

from bot.slack.messages import outcome
from connectors.contract import AccountId
from tests.bot.test_wording import said
from tests.workflows.clients.test_owners import NORTH, two_companies
from tests.workflows.stage import CASE, Stage, crm
from workflows.storage.rows.outbox import MessageKind, OutboxMessage

ASKED = "U0HANNA"


def told(stage: Stage) -> list[OutboxMessage]:
    """Return the messages to who opened the case."""
    mine = (post for post in stage.posts().values() if post.channel in (ASKED, "C0CASES"))
    return [post for post in mine if post.kind in (MessageKind.OUTCOME, MessageKind.CLIENTS)]


def deliver(stage: Stage) -> set[str]:
    """Let Slack have every message; return those that are new, and so notify somebody."""
    new = set()
    with stage.store.write() as session:
        for post in stage.posts().values():
            new |= set() if post.ts else {post.id}
            session.merge(post.sqlmodel_update({"ts": post.ts or "1", "shown_version": post.wanted_version}))
    return new


def test_the_end_of_the_moves_is_told_beside_the_decision(tmp_path: Path) -> None:
    world = crm()
    stage = Stage(tmp_path, world.system())
    stage.tick()
    world.fix("opportunity:003", "won meanwhile")
    world.give("opportunity:004", "zed")
    stage.approve()
    assert "outcome:c1-v1" in deliver(stage)
    assert "being moved now" in said(outcome.build(stage.proposal()))
    stage.settle(1)
    assert "moved:c1-v1" in deliver(stage)
    assert stage.posts()["moved:c1-v1"].channel == ASKED
    text = said(outcome.build(stage.proposals()[0]))
    assert "10 of 12 records moved" in text
    assert "not moved: refused (1) · taken by another (1)" in text
    assert "being moved now" not in text
    assert "so far" not in text


def test_a_decision_that_is_not_told_yet_and_its_end_are_one_message(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system())
    stage.tick()
    stage.approve()
    stage.settle(1)
    assert [post.id for post in told(stage)] == ["outcome:c1-v1"]


def test_what_no_successor_can_own_is_told_though_no_proposal_names_it(tmp_path: Path) -> None:
    world = two_companies(carol=NORTH)
    for record in [record for record in world.records if world.records[record].owner_pool == "north"]:
        del world.records[record]
    world.record("opportunity:900", "dana", family="both", owner_pool="north")
    world.record("opportunity:901", "dana", family="both", owner_pool="south")
    stage = Stage(tmp_path, world.system())
    stage.tick()
    assert stage.proposals() == []
    assert [post.channel for post in told(stage)] == [ASKED]
    stage.retry()
    stage.tick()
    assert len(told(stage)) == 2  # who pressed Retry waits for an answer


@pytest.mark.parametrize("away", [True, False])
def test_a_book_that_waits_for_somebody_is_told_once(tmp_path: Path, away: bool) -> None:
    """A fault that time alone does not mend is told at once; a system that does not answer, at the third try."""
    world = crm()
    for user in ("bob", "carol"):
        world.users[AccountId(user)].active = away
    world.down = away
    stage = Stage(tmp_path, world.system())
    stage.tick()
    assert len(told(stage)) == (0 if away else 1)
    stage.settle(60)
    [post] = told(stage)
    assert (post.channel, post.case_id, post.wanted_version > 1) == (ASKED, CASE, True)
