"""Killed at every commit, and driven by several hands at once: nothing lost, nothing done twice, one decision."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlmodel import Session

from connectors.contract import Limits
from tests.workflows.memory import Killed
from tests.workflows.stage import MAX, Stage, crm
from workflows.model import ProposalState
from workflows.refusals import Code, Refused
from workflows.store import Store

COMMITS = 18


def kill_at_commit(store: Store, number: int, *, kept: bool) -> list[int]:
    """Let the process die right before or right after one commit; return a list that grows with every transaction."""
    write, seen = store.write, list[int]()

    @contextmanager
    def dying() -> Iterator[Session]:
        seen.append(len(seen))
        here = len(seen) - 1 == number
        with write() as session:
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
def test_killed_at_any_commit(tmp_path: Path, number: int, kept: bool) -> None:
    world = crm(records=7)
    stage = Stage(tmp_path, world.system(limits=Limits(move_batch=3)))
    seen = kill_at_commit(stage.store, number, kept=kept)
    deaths = play(stage)
    assert deaths == (number < len(seen))
    assert world.owned("dana") == set()
    assert world.writes == Counter({f"move:opportunity:{n:03}": 1 for n in range(7)})
    assert [proposal.version for proposal in stage.proposals()] == [1]
    assert len(stage.decisions()) == 1
    assert stage.clients().balance == ("crm, opportunity: 7 before, 7 after",)
    assert stage.clients().complete
    assert sum(post.startswith("outcome:") for post in stage.posts()) == 1


def test_the_kills_reach_every_commit(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm(records=7).system(limits=Limits(move_batch=3)))
    seen = kill_at_commit(stage.store, -1, kept=True)
    assert play(stage) == 0
    assert 10 < len(seen) <= COMMITS + 1


def test_of_many_clicks_at_once_one_counts(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system())
    stage.tick()
    shown = stage.proposal()

    def click(approve: bool) -> str:
        try:
            return stage.handover.decide(shown.id, shown.digest, MAX, approve=approve).state
        except Refused as refused:
            return refused.code

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(click, [True, False] * 4))
    assert answers[Code.ALREADY_SETTLED] == 7
    assert len(stage.decisions()) == 1


def test_one_book_in_several_hands_at_once_moves_everything_once(tmp_path: Path) -> None:
    world = crm(records=60)
    stage = Stage(tmp_path, world.system(limits=Limits(move_batch=5)))
    stage.tick()
    stage.approve()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stage.handover.run, ["c1:crm"] * 4))
    stage.settle(20)
    assert world.owned("dana") == set()
    assert all(times == 1 for times in world.writes.values())
    assert stage.clients().balance == ("crm, opportunity: 60 before, 60 after",)
    assert stage.clients().complete


def test_one_book_listed_by_several_hands_at_once_is_proposed_whole(tmp_path: Path) -> None:
    world = crm(records=1500)
    stage = Stage(tmp_path, world.system())

    def run(_: int) -> None:
        with suppress(KeyError):  # said on the row as unexpected, and tried again
            stage.handover.run("c1:crm")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))
    stage.settle(10)
    total = sum(proposal.records for proposal in stage.proposals())
    lines = [line for p in stage.proposals() for line in stage.handover.lines(p.id, 0, 2000)[0]]
    assert (total, len({line.record_id for line in lines})) == (1500, 1500)
    assert all(line.successor.key for line in lines)
