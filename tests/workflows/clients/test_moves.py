"""Moves under way: who may receive, what a vendor says and does not do, pause, resume, stop, batches side by side."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import AccountId, Limits, Moved, MoveOrder, MoveOutcome, Observation, Verdict
from connectors.errors import OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed, MemoryCrm, World
from tests.workflows.stage import HANNA, MAX, Stage, crm
from workflows.refusals import Code, Refused
from workflows.storage.case import refresh_case_message
from workflows.storage.rows.clients import AssignmentState, ProposalState
from workflows.storage.rows.work_state import WorkState

SLOW = Limits(move_batch=5)
AT_ONCE = Limits(move_batch=5, move_at_once=4)


def approved(folder: Path, world: World, limits: Limits = SLOW, kind: type[MemoryCrm] = MemoryCrm) -> Stage:
    """Return a case whose split is approved, and whose moves have not begun."""
    stage = Stage(folder, world.system(kind, limits))
    with stage.store.write() as session:
        refresh_case_message(session, "c1", "C0CASES")
    stage.tick()
    stage.approve()
    return stage


def at(world: World, call: int, act: object) -> None:
    """Do something right before the given call of `move`."""
    world.before_call["move"] = lambda: act() if world.calls["move"] == call else None  # type: ignore[operator]


def states(stage: Stage) -> Counter[str]:
    return Counter(row.state for row in stage.rows().values())


def test_batches_side_by_side_move_everything_once(tmp_path: Path) -> None:
    world = crm(records=60)
    seen: set[int] = set()
    gate = threading.Barrier(4)

    def together() -> None:
        seen.add(threading.get_ident())
        if world.calls["move"] <= 4:
            gate.wait(30)  # the first four only go on once all four are there

    stage = approved(tmp_path, world, AT_ONCE)
    world.before_call["move"] = together
    stage.tick()
    assert len(seen) == 4
    assert world.owned("dana") == set()
    assert set(world.writes.values()) == {1}
    assert stage.clients().balance == ("crm, opportunity: 60 before, 60 after",)
    moved = [json.loads(entry.data)["records"] for entry in stage.journalled("clients.moved")]
    assert sum(map(len, moved)) == len({record for batch in moved for record in batch}) == 60


def test_the_first_trouble_stops_the_batches_beside_it_and_what_was_done_is_written_down(tmp_path: Path) -> None:
    world = crm(records=60)
    stage = approved(tmp_path, world, AT_ONCE)
    world.fail("move", Unavailable("down"), skip=2, times=99)
    stage.tick()
    assert states(stage)[AssignmentState.MOVED] == len(world.writes) == 10
    assert world.calls["move"] < 12
    world._faults.clear()
    stage.settle(3)
    assert set(world.writes.values()) == {1}
    assert stage.clients().complete


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("error", [Killed(), OutcomeUnknown("no answer")])
def test_a_death_or_a_lost_answer_among_batches_side_by_side(tmp_path: Path, error: BaseException, done: bool) -> None:
    world = crm(records=60)
    stage = approved(tmp_path, world, AT_ONCE)
    world.fail("move", error, skip=5, done=done)
    try:
        stage.tick()
    except Killed:
        stage.handover = stage.start()
    stage.settle(3)
    assert world.owned("dana") == set()
    assert set(world.writes.values()) == {1}
    assert stage.clients().complete


def test_a_system_that_counts_none_of_the_moved_records_ends_no_book(tmp_path: Path) -> None:
    world = crm()

    class Counting(MemoryCrm):
        def count(self, owner: AccountId) -> dict[str, int]:
            return dict.fromkeys(super().count(owner), 0)

    stage = approved(tmp_path, world, kind=Counting)
    stage.settle(2)
    assert world.owned("dana") == set()
    clients = stage.clients()
    assert not clients.complete
    assert "crm: the system counts none of the 12 records that were moved, so its counts prove nothing" in (
        str(problem) for problem in clients.problems
    )


def test_a_successor_who_is_not_active_any_more_gets_nothing_and_nothing_is_sent(tmp_path: Path) -> None:
    world = crm()
    stage = approved(tmp_path, world)
    world.users[AccountId("bob")].active = False
    asked: list[str] = []
    move = MemoryCrm.move

    class Watched(MemoryCrm):
        def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
            asked.extend(one.successor for one in batch)
            return move(self, batch)

    stage.systems._systems["crm"] = world.system(Watched, SLOW)
    stage.tick()
    assert set(asked) == {"carol"}
    assert len(world.owned("dana")) == 6
    assert "6 records were refused: the successor's account there is locked" in stage.clients().problems[0]
    stage.retry()
    stage.settle(1)
    assert {line.successor.name for line in stage.lines()} == {"Carol Díaz"}


def test_a_successor_who_is_deactivated_while_moves_run_gets_nothing_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.clients.moves.moves.FRESH", 0.0)
    world = crm(records=40)
    stage = approved(tmp_path, world)

    def leave() -> None:
        world.users[AccountId("bob")].active = False

    at(world, 3, leave)
    stage.tick()
    assert not {str(r.id) for r in world.records.values() if r.owner == ""}
    assert states(stage)[AssignmentState.REFUSED] == len(world.owned("dana")) > 0
    assert stage.clients().complete


def test_where_it_is_not_known_whether_a_successor_is_active_nothing_moves(tmp_path: Path) -> None:
    world = crm()
    stage = approved(tmp_path, world)

    class Blind(MemoryCrm):
        def observe(self, accounts: Sequence[AccountId]) -> dict[AccountId, Observation]:
            return {one: Observation(Verdict.UNKNOWN, "asked", "no permission") for one in accounts}

    stage.systems._systems["crm"] = world.system(Blind, SLOW)
    stage.tick()
    assert (world.calls["move"], stage.book().state) == (0, WorkState.DUE)
    assert "no permission" in stage.book().reason


@pytest.mark.parametrize(("owner", "words"), [("", "nobody has it"), ("dana", "dana has it")])
def test_a_yes_that_its_own_read_does_not_bear_out_is_no_move(tmp_path: Path, owner: str, words: str) -> None:
    world = crm()

    class Believer(MemoryCrm):
        def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
            for one in batch:
                world.records[one.record] = replace(world.records[one.record], owner=AccountId(owner))
            return [Moved(one.record, MoveOutcome.MOVED, AccountId(owner) if owner else None) for one in batch]

    stage = approved(tmp_path, world, kind=Believer)
    stage.tick()
    assert states(stage) == {AssignmentState.REFUSED: 12}
    assert stage.clients().moved == 0
    assert any(words in problem for problem in stage.clients().problems)


def test_paused_nothing_is_sent_until_somebody_resumes(tmp_path: Path) -> None:
    world = crm(records=40)
    stage = approved(tmp_path, world)
    at(world, 3, lambda: stage.handover.halts.pause("c1", HANNA))
    stage.tick()
    assert len(world.writes) == states(stage)[AssignmentState.MOVED] == 15  # what was on its way is written down
    stage.settle(10)
    stage.retry()
    stage.settle(10)
    clients = stage.clients()
    assert (len(world.writes), clients.halted, clients.halted_by, clients.moving) == (15, "paused", "Hanna", True)
    assert not clients.complete
    stage.handover.halts.resume("c1", HANNA)
    stage.settle(1)
    assert world.owned("dana") == set()
    assert set(world.writes.values()) == {1}
    assert (stage.clients().complete, stage.clients().halted) == (True, "")
    assert stage.clients().balance == ("crm, opportunity: 40 before, 40 after",)


def test_stopped_what_is_moved_stays_and_the_rest_is_told_and_proposed_again_on_retry(tmp_path: Path) -> None:
    world = crm(records=40)
    world.fix("opportunity:039", "won: nobody can change the owner")
    stage = approved(tmp_path, world)
    at(world, 3, lambda: stage.handover.halts.stop("c1", HANNA))
    stage.settle(2)
    assert len(world.writes) == 15
    clients = stage.clients()
    assert (clients.moved, clients.stopped, clients.left, clients.halted) == (15, 24, 24, "stopped")
    assert clients.complete
    assert clients.differing == clients.balance, "some are still with the leaver"
    assert clients.balance[0] == (
        "crm, opportunity: 40 before, 40 after; 1 stays with the leaver: won: nobody can change the owner (1); "
        "24 still with the leaver (24 left when the moves were stopped)"
    )
    assert len(stage.proposals()) == 1
    stage.retry()
    stage.settle(1)
    assert (stage.proposal().version, stage.proposal().records) == (2, 24)
    stage.approve()
    stage.settle(1)
    assert world.owned("dana") == {"opportunity:039"}
    assert set(world.writes.values()) == {1}


def test_what_was_paused_can_be_stopped(tmp_path: Path) -> None:
    world = crm(records=40)
    stage = approved(tmp_path, world)
    at(world, 2, lambda: stage.handover.halts.pause("c1", HANNA))
    stage.tick()
    assert stage.handover.halts.stop("c1", HANNA) == 30
    stage.settle(2)
    assert (stage.clients().complete, len(world.writes)) == (True, 10)


def partly(folder: Path) -> tuple[World, Stage]:
    """Return a case with two moved records, two refused ones, and one that came since and waits for a decision."""
    world = crm(records=4)
    stage = approved(folder, world)
    world.users[AccountId("bob")].can_own = False
    world.record("opportunity:900", "dana")
    stage.tick()
    world.users[AccountId("bob")].can_own = True
    assert states(stage) == {AssignmentState.MOVED: 2, AssignmentState.REFUSED: 2, AssignmentState.PROPOSED: 1}
    return world, stage


def approve_oldest(stage: Stage) -> None:
    waits = next(one for one in stage.proposals() if one.state is ProposalState.PENDING)
    stage.decide(waits.id, waits.digest, MAX, approve=True)


def test_the_approval_of_another_proposal_is_no_resume(tmp_path: Path) -> None:
    world, stage = partly(tmp_path)
    stage.retry()
    stage.tick()  # the refused ones are proposed again, beside what came since
    approve_oldest(stage)
    stage.handover.halts.pause("c1", HANNA)
    approve_oldest(stage)
    stage.settle(3)
    assert len(world.owned("dana")) == 3
    stage.handover.halts.resume("c1", HANNA)
    stage.settle(1)
    assert world.owned("dana") == set()


def test_retry_is_no_resume(tmp_path: Path) -> None:
    world, stage = partly(tmp_path)
    approve_oldest(stage)
    stage.handover.halts.pause("c1", HANNA)
    stage.retry()
    stage.settle(3)
    assert len(world.owned("dana")) == 3


def test_after_a_pause_no_batch_that_was_waiting_its_turn_is_sent(tmp_path: Path) -> None:
    world = crm(records=60)
    stage = approved(tmp_path, world, Limits(move_batch=5, move_at_once=2))
    at(world, 1, lambda: stage.handover.halts.pause("c1", HANNA))
    stage.tick()
    assert world.calls["move"] <= 2


@pytest.mark.parametrize("verb", ["pause", "stop"])
def test_a_double_click_counts_once(tmp_path: Path, verb: str) -> None:
    stage = approved(tmp_path, crm())

    def click(_: int) -> str:
        try:
            getattr(stage.handover.halts, verb)("c1", HANNA)
        except Refused as refused:
            return f"{refused.code} by {refused.facts['by']}"
        return "done"

    with ThreadPoolExecutor(4) as pool:
        answers = Counter(pool.map(click, range(8)))
    assert answers == {"done": 1, f"{Code.ALREADY_HALTED} by Hanna": 7}
    assert len(stage.journalled("clients.paused") + stage.journalled("clients.stopped")) == 1


@pytest.mark.parametrize("verb", ["pause", "resume", "stop"])
def test_where_nothing_moves_there_is_nothing_to_halt(tmp_path: Path, verb: str) -> None:
    stage = Stage(tmp_path, crm().system())
    for prepare in (lambda: None, stage.tick, stage.approve, stage.tick):
        prepare()
        if not (stage.book().phase == "move" and verb != "resume"):
            with pytest.raises(Refused, match=Code.NOTHING_MOVES):
                getattr(stage.handover.halts, verb)("c1", HANNA)
    with pytest.raises(Refused, match=Code.UNKNOWN_CASE):
        getattr(stage.handover.halts, verb)("c9", HANNA)


def test_records_that_change_hands_during_the_run_are_not_overwritten(tmp_path: Path) -> None:
    world = crm(records=40)
    stage = approved(tmp_path, world)

    def others() -> None:
        for record in ("opportunity:020", "opportunity:030"):
            world.give(record, "zed")
        del world.records[next(r for r in world.records if r == "opportunity:035")]

    at(world, 3, others)
    stage.tick()
    assert world.owned("zed") == {"opportunity:020", "opportunity:030"}
    assert states(stage) == {AssignmentState.MOVED: 37, AssignmentState.TAKEN: 2, AssignmentState.GONE: 1}
    assert stage.clients().balance == ("crm, opportunity: 40 before, 37 after; 2 taken by another, 1 gone",)
    assert stage.clients().differing == stage.clients().balance


def test_the_case_message_is_not_brought_up_to_date_for_every_batch(tmp_path: Path) -> None:
    world = crm(records=100)
    stage = approved(tmp_path, world)
    before = stage.posts()["case:c1"].wanted_version
    stage.tick()
    assert world.calls["move"] == 20
    assert stage.posts()["case:c1"].wanted_version - before <= 3


def test_a_long_run_brings_the_case_message_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.clients.moves.moves.SHOWN_EVERY", 0.0)
    stage = approved(tmp_path, crm(records=100))
    before = stage.posts()["case:c1"].wanted_version
    stage.tick()
    assert stage.posts()["case:c1"].wanted_version - before >= 20
