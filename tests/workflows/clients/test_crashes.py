"""Killed at every commit, and driven by several hands at once: nothing lost, nothing done twice, one decision."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlmodel import Session

from connectors.contract import Limits
from connectors.errors import Unavailable
from tests.workflows.conftest import Staged
from tests.workflows.memory import Killed
from tests.workflows.stage import BOB, MAX, Stage, crm
from workflows.refusals import Code, Refused
from workflows.storage.rows.clients import Assignment, BookHandover, ProposalState
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store

COMMITS = 18


def kill_at_commit(store: Store, number: int, *, kept: bool) -> list[int]:
    """Let the process die right before or right after one commit; return a list that grows with every transaction."""
    write, seen = store.write, list[int]()

    @contextmanager
    def dying(name: str = "") -> Iterator[Session]:
        seen.append(len(seen))
        here = len(seen) - 1 == number
        with write(name) as session:
            yield session
            if here and not kept:
                raise Killed
        if here:
            raise Killed

    store.write = dying  # type: ignore[method-assign]
    return seen


def play(stage: Stage) -> int:
    """Tick and approve until nothing is left, through every death; return how many there were."""
    deaths = 0
    for _ in range(9):
        try:
            stage.tick()
            if stage.proposals() and stage.proposal().state == ProposalState.PENDING:
                stage.approve()
        except Killed:
            deaths += 1
            stage.handover = stage.start()
    return deaths


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("number", range(COMMITS))
def test_killed_at_any_commit(staged: Staged, number: int, kept: bool) -> None:
    world = crm(records=7)
    stage = staged(world.system(limits=Limits(move_batch=3)))
    seen = kill_at_commit(stage.store, number, kept=kept)
    deaths = play(stage)
    assert deaths == (number < len(seen))
    assert world.owned("dana") == set()
    assert world.writes == Counter({f"move:opportunity:{n:03}": 1 for n in range(7)})
    assert [proposal.version for proposal in stage.proposals()] == [1]
    assert len(stage.decisions()) == 1
    assert json.loads(stage.book().counts_before)["dana"] == {"opportunity": 7}
    assert stage.clients().balance == ("crm, opportunity: 7 before, 7 after",)
    assert stage.clients().complete
    assert sum(post.startswith("outcome:") for post in stage.posts()) == 1


def test_the_kills_reach_every_commit(staged: Staged) -> None:
    stage = staged(crm(records=7).system(limits=Limits(move_batch=3)))
    seen = kill_at_commit(stage.store, -1, kept=True)
    assert play(stage) == 0
    assert 10 < len(seen) <= COMMITS + 1


def test_of_many_clicks_at_once_one_counts(staged: Staged) -> None:
    stage = staged(crm().system())
    stage.tick()
    shown = stage.proposal()

    def click(approve: bool) -> str:
        try:
            return stage.decide(shown.id, shown.digest, MAX, approve=approve).state
        except Refused as refused:
            return refused.code

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(click, [True, False] * 4))
    assert answers[Code.ALREADY_SETTLED] == 7
    assert len(stage.decisions()) == 1


def test_one_book_in_several_hands_at_once_moves_everything_once(staged: Staged) -> None:
    world = crm(records=60)
    stage = staged(world.system(limits=Limits(move_batch=5)))
    stage.tick()
    stage.approve()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stage.handover.run, ["c1:crm"] * 4))
    stage.settle(1)
    assert [proposal.version for proposal in stage.proposals()] == [1]
    assert world.owned("dana") == set()
    assert all(times == 1 for times in world.writes.values())
    assert stage.clients().balance == ("crm, opportunity: 60 before, 60 after",)
    assert stage.clients().complete


def test_one_book_listed_by_several_hands_at_once_is_proposed_whole(staged: Staged) -> None:
    world = crm(records=1500)
    stage = staged(world.system())

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(stage.handover.run, ["c1:crm"] * 3))
    lines, total = stage.handover.proposals.lines(stage.proposal().id, 0, 2000)
    assert (len(stage.proposals()), total, len({line.record_id for line in lines})) == (1, 1500, 1500)
    assert all(line.successor.key for line in lines)


@pytest.mark.parametrize("step", ["record", "find", "count", "move"])
def test_an_overtaken_attempt_stops_and_the_newer_one_finishes(staged: Staged, step: str) -> None:
    world = crm(records=30)
    stage = staged(world.system(limits=Limits(move_batch=4)))
    if step == "record":
        world.before_call[step] = lambda: stage.overtake() if world.calls[step] == 3 else None
        stage.tick()
        assert stage.rows() == {}  # what it read after it was overtaken was not written
    stage.settle(1)
    stage.approve()
    once = iter([True])
    world.before_call[step] = lambda: stage.overtake() if next(once, False) else None
    batches = world.calls["move"]
    stage.tick()
    assert world.calls["move"] - batches <= 1
    assert not stage.clients().complete
    stage.settle(2)
    assert world.owned("dana") == set()
    assert all(times == 1 for times in world.writes.values())
    assert stage.clients().balance == ("crm, opportunity: 30 before, 30 after",)
    assert stage.clients().complete


def test_a_cancel_in_the_middle_stops_the_moves(staged: Staged) -> None:
    world = crm(records=30)
    stage = staged(world.system(limits=Limits(move_batch=4)))
    stage.tick()
    stage.approve()

    def cancel() -> None:
        with stage.store.write() as session:
            book = session.get_one(BookHandover, "c1:crm")
            book.state = WorkState.CANCELLED

    world.before_call["move"] = cancel
    stage.settle(2)
    assert world.calls["move"] == 1
    assert stage.book().state == WorkState.CANCELLED


def test_a_draft_that_lost_a_line_is_never_shown(staged: Staged) -> None:
    world = crm()
    stage = staged(world.system())

    def meddle() -> None:
        with stage.store.write() as session:
            session.delete(session.get_one(Assignment, "c1:crm:opportunity:003"))

    world.before_call["observe"] = meddle  # after the book is read, before its draft is complete
    stage.tick()
    assert stage.proposals() == []
    assert "listed again" in stage.book().reason
    del world.before_call["observe"]
    stage.settle(2)
    assert stage.proposal().records == 12


def test_retry_leaves_what_is_under_way_alone(staged: Staged) -> None:
    world = crm(records=30)
    stage = staged(world.system(limits=Limits(move_batch=4)))
    stage.tick()
    stage.approve()
    attempt = stage.book().attempt
    world.before_call["move"] = stage.retry
    stage.tick()
    assert (stage.book().attempt, stage.clients().complete, world.calls["move"]) == (attempt, True, 8)


def test_retry_brings_what_waits_forward_and_leaves_the_rest(staged: Staged) -> None:
    world = crm()
    world.fail("records", Unavailable("down", timedelta(hours=9)))
    stage = staged(world.system())
    stage.tick()
    assert stage.proposals() == []
    stage.retry()
    stage.tick()
    assert stage.proposal().records == 12
    stage.approve()
    stage.tick()
    done = stage.book()
    stage.retry()
    stage.retry("no such system")
    assert (stage.book().state, stage.book().attempt) == (done.state, done.attempt)


@pytest.mark.parametrize("step", ["find", "observe"])
def test_another_replica_that_overtakes_keeps_its_draft(staged: Staged, step: str) -> None:
    world, shop = crm(), crm("shop", records=2)
    stage = staged(world.system(), shop.system())
    other, once = stage.start(), iter([True])
    carol = next(user for user in world.users.values() if user.id == "carol")

    def overtake() -> None:
        if next(once, False):
            stage.overtake()
            carol.active = False
            other.run("c1:crm")  # its draft is complete now, and waits for the shop
            carol.active = True

    world.before_call[step] = overtake
    stage.tick("crm")
    stage.tick("shop")
    lines = stage.lines()
    assert {line.system for line in lines} == {"crm", "shop"}
    assert [line.successor.key for line in lines if line.system == "crm"] == [BOB.key] * 12
