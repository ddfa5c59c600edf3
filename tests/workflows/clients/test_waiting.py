"""Moves that a system accepts and does later, and clients who say no: nothing is moved before a read shows it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col

from bot.cli.moves import progress
from connectors.contract import AccountId, Moved, MoveOrder, MoveOutcome, RecordId
from connectors.errors import OutcomeUnknown, Unavailable
from tests.workflows.clients.test_moves import SLOW, approved, at, states
from tests.workflows.memory import Killed, MemoryCrm, World
from tests.workflows.office import HR
from tests.workflows.stage import CASE, HANNA, Stage, crm
from workflows.cases.holds import end_case
from workflows.clients.moves.waiting import PATIENCE
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Assignment, AssignmentState, BookPhase, ProposalState
from workflows.storage.rows.work_state import WorkState

WAITING, MOVED, LAPSED = AssignmentState.WAITING, AssignmentState.MOVED, AssignmentState.LAPSED


def accepted(folder: Path, records: int = 12, kind: type[MemoryCrm] = MemoryCrm) -> tuple[World, Stage]:
    """Return a case whose moves were all accepted, and none of them done."""
    world = crm(records=records)
    world.slow = True
    stage = approved(folder, world, kind=kind)
    stage.tick()
    return world, stage


def later(stage: Stage, hours: float = 1) -> None:
    """Let the time of the next read come, and read."""
    stage.time.pass_(minutes=60 * hours)
    stage.tick()


def orders(world: World) -> Counter[str]:
    return Counter({name: number for name, number in world.writes.items() if name.startswith("order:")})


def test_what_is_accepted_is_not_moved_until_a_read_shows_it(tmp_path: Path) -> None:
    world, stage = accepted(tmp_path)
    assert states(stage) == {WAITING: 12}
    clients = stage.clients()
    assert (clients.moved, clients.accepted, clients.left, clients.complete, clients.moving) == (
        0,
        12,
        12,
        False,
        False,
    )
    assert clients.read_again_at == stage.book().due_at > stage.time.now()
    assert not stage.proposal().ended
    assert not [post for post in stage.posts() if post.startswith("note:")]
    assert "12 still with the leaver (12 accepted and not done yet)" in clients.balance[0]
    world.carry_out("opportunity:000", "opportunity:001", "opportunity:002")
    later(stage)
    assert states(stage) == {MOVED: 3, WAITING: 9}
    assert not stage.clients().complete
    world.carry_out()
    later(stage)
    clients = stage.clients()
    assert (clients.moved, clients.accepted, clients.complete) == (12, 0, True)
    assert clients.balance == ("crm, opportunity: 12 before, 12 after",)
    assert stage.proposal().ended
    assert set(orders(world).values()) == {1}, "nothing is ordered twice"


def test_the_note_has_what_is_moved_and_no_more(tmp_path: Path) -> None:
    world = crm()
    stage = approved(tmp_path, world)
    world.slow = True
    slow = {f"opportunity:{n:03}" for n in range(4)}
    move = MemoryCrm._move

    class Mixed(MemoryCrm):
        def _move(self, one: MoveOrder) -> Moved:
            world.slow = one.record in slow
            return move(self, one)

    stage.systems._systems["crm"] = world.system(Mixed, SLOW)
    stage.tick()
    assert states(stage) == {MOVED: 8, WAITING: 4}
    assert sum(note.records for note in stage.handover.notes.of_case(CASE)) == 8
    notes = {post for post in stage.posts() if post.startswith("note:")}
    assert notes, "those who have clients are told at once"
    wanted = {post: stage.posts()[post].wanted_version for post in notes}
    later(stage)
    assert {post: stage.posts()[post].wanted_version for post in notes} == wanted, "no news, no update"
    world.carry_out()
    later(stage)
    assert sum(note.records for note in stage.handover.notes.of_case(CASE)) == 12
    assert all(stage.posts()[post].wanted_version > number for post, number in wanted.items())


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("error", [Killed(), OutcomeUnknown("no answer")])
def test_a_death_or_a_lost_answer_at_the_order_orders_nothing_twice(
    tmp_path: Path, error: BaseException, done: bool
) -> None:
    world = crm()
    world.slow = True
    stage = approved(tmp_path, world)
    world.fail("move", error, done=done, skip=1)
    try:
        stage.tick()
    except Killed:
        stage.handover = stage.start()
    stage.settle(3)
    assert states(stage) == {WAITING: 12}
    world.carry_out()
    stage.settle(120)
    assert set(orders(world).values()) == {1}
    assert states(stage) == {MOVED: 12}


def test_a_death_while_waiting_loses_nothing(tmp_path: Path) -> None:
    world, stage = accepted(tmp_path)
    world.carry_out("opportunity:000")
    world.fail("owners", Killed())
    with pytest.raises(Killed):
        later(stage)
    stage.handover = stage.start()
    later(stage)
    assert states(stage) == {MOVED: 1, WAITING: 11}
    world.fail("count", Killed())
    world.carry_out()
    with pytest.raises(Killed):
        later(stage)
    stage.handover = stage.start()
    later(stage)
    assert stage.clients().complete
    assert set(orders(world).values()) == {1}


def test_a_dead_server_moves_nothing_and_is_read_later(tmp_path: Path) -> None:
    world, stage = accepted(tmp_path)
    world.carry_out()
    world.fail("owners", Unavailable("down"), times=2)
    later(stage)
    assert states(stage) == {WAITING: 12}
    assert stage.clients().problems
    stage.settle(180)
    assert states(stage) == {MOVED: 12}
    assert not stage.clients().problems


def test_somebody_else_took_it_or_it_is_gone_meanwhile(tmp_path: Path) -> None:
    world, stage = accepted(tmp_path, records=3)
    world.give("opportunity:000", "zed")
    del world.records[RecordId("opportunity:001")]
    world.carry_out("opportunity:002")
    later(stage)
    assert states(stage) == {AssignmentState.TAKEN: 1, AssignmentState.GONE: 1, MOVED: 1}
    assert stage.clients().balance == ("crm, opportunity: 3 before, 1 after; 1 taken by another, 1 gone",)


@pytest.mark.parametrize(("owner", "state"), [("bob", MOVED), ("zed", AssignmentState.TAKEN)])
def test_accepted_with_another_owner_than_the_old_is_what_the_read_shows(
    tmp_path: Path, owner: str, state: AssignmentState
) -> None:
    world = crm(records=1)

    class Hasty(MemoryCrm):
        def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
            to = AccountId(owner if owner == "zed" else batch[0].successor)
            return [Moved(one.record, MoveOutcome.WAITING, to) for one in batch]

    stage = approved(tmp_path, world, kind=Hasty)
    stage.tick()
    assert states(stage) == {state: 1}


def test_accepted_and_left_without_an_owner_is_refused(tmp_path: Path) -> None:
    world = crm(records=1)

    class Dropping(MemoryCrm):
        def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
            return [Moved(one.record, MoveOutcome.WAITING, None) for one in batch]

    stage = approved(tmp_path, world, kind=Dropping)
    stage.tick()
    assert states(stage) == {AssignmentState.REFUSED: 1}
    assert any("nobody has it" in problem for problem in stage.clients().problems)


def test_what_is_never_done_is_given_up_said_and_proposed_again(tmp_path: Path) -> None:
    world, stage = accepted(tmp_path)
    world.carry_out(*(f"opportunity:{n:03}" for n in range(10)))
    later(stage)
    later(stage, PATIENCE / timedelta(hours=1))
    assert states(stage) == {MOVED: 10, AssignmentState.PROPOSED: 2}
    assert [post for post in stage.posts() if post.startswith("clients:c1:crm:")], "people are told"
    again = stage.proposal()
    assert (again.version, again.state, again.records) == (2, ProposalState.PENDING, 2)
    assert "2 records were accepted by the system and not moved within 3 days" in again.note
    assert not stage.clients().complete
    world.carry_out()  # the vendor does it after all
    stage.approve()
    stage.tick()
    assert states(stage) == {MOVED: 12}
    assert set(orders(world).values()) == {1}


def test_retry_reads_at_once_and_proposes_what_was_refused_beside_it(tmp_path: Path) -> None:
    world = crm()
    world.slow = True
    world.objects["opportunity:003"] = "Nordwind wants nobody else"
    stage = approved(tmp_path, world)
    stage.tick()
    assert states(stage) == {WAITING: 11, AssignmentState.OBJECTED: 1}
    [problem] = stage.clients().problems
    assert problem == (
        "crm: the client, or who was asked there, said no for 1 record: "
        "Client party:1 (Nordwind wants nobody else); retry for a new proposal"
    )
    lines = progress_of(stage)
    assert lines[0] == "0 of 12 records moved, 12 left."
    assert any("11 accepted and not done yet" in line for line in lines)
    world.carry_out()
    stage.retry()
    stage.settle(1)
    assert (stage.proposal().version, stage.proposal().records) == (2, 1)
    assert "opportunity:003" in world.owned("dana")
    world.objects.clear()
    world.slow = False
    stage.approve()
    stage.settle(2)
    stage.settle(120)
    assert states(stage) == {MOVED: 12}
    assert stage.clients().complete


def progress_of(stage: Stage) -> list[str]:
    """Return the lines of `handover moves`."""

    class Seen:
        id = CASE
        clients = stage.clients()

    return progress(Seen())  # type: ignore[arg-type]


def test_what_waits_can_be_neither_paused_nor_stopped(tmp_path: Path) -> None:
    _world, stage = accepted(tmp_path)
    for act in (stage.handover.halts.pause, stage.handover.halts.stop):
        with pytest.raises(Refused, match=Code.NOTHING_MOVES):
            act(CASE, HANNA)


def test_a_stop_beside_it_leaves_it_to_be_read(tmp_path: Path) -> None:
    world = crm(records=40)
    world.slow = True
    stage = approved(tmp_path, world)
    at(world, 3, lambda: stage.handover.halts.stop(CASE, HANNA))
    stage.settle(2)
    assert states(stage) == {WAITING: 15, AssignmentState.STOPPED: 25}
    assert not stage.clients().complete
    world.carry_out()
    stage.settle(120)
    assert states(stage) == {MOVED: 15, AssignmentState.STOPPED: 25}
    assert stage.clients().complete


def test_an_undone_case_sends_nothing_more_and_still_reads(tmp_path: Path) -> None:
    world, stage = accepted(tmp_path)
    with stage.store.write() as session:
        session.execute(
            sa.update(Assignment)
            .where(col(Assignment.record_id) == "opportunity:000")
            .values(state=AssignmentState.APPROVED)
        )
        end_case(session, stage.handover.decisions, session.get_one(Case, CASE), CaseState.UNDONE, HR)
    later(stage)
    assert world.calls["move"] == 3, "nothing was sent after the end"
    assert stage.book().state == WorkState.DUE
    world.carry_out(*(f"opportunity:{n:03}" for n in range(1, 12)))
    later(stage)
    assert states(stage) == {MOVED: 11, AssignmentState.STOPPED: 1}
    assert stage.book().state == WorkState.CANCELLED


def test_what_moves_only_after_the_clients_were_put_back_is_said_and_can_go_back(tmp_path: Path) -> None:
    world, stage = accepted(tmp_path)
    world.carry_out("opportunity:000", "opportunity:001")
    later(stage)
    world.slow = False
    plan = stage.handover.put_backs.plan(CASE)
    assert (plan.asked, plan.back, plan.accepted) == (2, 2, 10)
    assert stage.handover.put_backs.begin(CASE, HANNA) == 2
    put_back(stage)
    assert len(world.owned("dana")) == 12
    stage.time.pass_(minutes=1)
    world.carry_out()
    later(stage)
    assert states(stage) == {AssignmentState.PUT_BACK: 2, MOVED: 10}
    assert any("10 records were moved by the system only after the clients were put back" in p for p in problems(stage))
    assert stage.handover.put_backs.begin(CASE, HANNA) == 10
    put_back(stage)
    assert len(world.owned("dana")) == 12
    assert not problems(stage)


def test_a_put_back_that_is_accepted_is_not_put_back_and_cannot_be_called_off(tmp_path: Path) -> None:
    world = crm()
    stage = approved(tmp_path, world)
    stage.tick()
    world.slow = True
    stage.handover.put_backs.begin(CASE, HANNA)
    put_back(stage)
    clients = stage.clients()
    assert (clients.put_back, clients.putting_back) == (0, 12)
    assert "12 records were accepted to go back and are not back yet" in clients.put_back_problems[0]
    with pytest.raises(Refused, match=Code.NOTHING_WAITS):
        stage.handover.put_backs.cancel(CASE, HANNA)
    world.carry_out()
    stage.time.pass_(minutes=60)
    put_back(stage)
    assert (stage.clients().put_back, len(world.owned("dana"))) == (12, 12)
    assert set(orders(world).values()) == {1}


def put_back(stage: Stage) -> None:
    stage.handover.put_backs.run(f"{CASE}:crm")


def problems(stage: Stage) -> Sequence[str]:
    return stage.clients().problems


def test_a_row_set_to_waiting_by_another_hand_moves_and_journals_nothing(tmp_path: Path) -> None:
    world = crm()
    stage = approved(tmp_path, world)
    with stage.store.write() as session:
        session.execute(
            sa.update(Assignment).where(col(Assignment.record_id) == "opportunity:000").values(state=WAITING)
        )
    stage.tick()
    assert world.calls["move"] == 0
    assert "was never ordered to move" in stage.book().reason
    assert not stage.journalled("clients.moved")


def test_the_journal_says_accepted_and_moved_apart(tmp_path: Path) -> None:
    world, stage = accepted(tmp_path, records=2)
    world.carry_out()
    later(stage)
    facts = [json.loads(entry.data) for entry in stage.journalled("clients.moved")]
    assert [(fact.get("waiting"), fact.get("moved")) for fact in facts] == [(2, None), (None, 2)]


def test_a_lying_read_that_never_changes_ends_in_a_new_question(tmp_path: Path) -> None:
    class Stuck(MemoryCrm):
        def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
            return dict.fromkeys(records, AccountId("dana"))

    world, stage = accepted(tmp_path, kind=Stuck)
    world.carry_out()
    later(stage)
    assert states(stage) == {WAITING: 12}, "an order is no proof"
    later(stage, PATIENCE / timedelta(hours=1) + 1)
    assert states(stage) == {LAPSED: 12}
    assert "12 records were accepted by the system and not moved within 3 days" in problems(stage)[-1]
    assert stage.book().phase == BookPhase.DONE
