"""Undo of a handover: unchanged records go back, the rest is listed; with kills, double clicks and dead systems."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlmodel import select

from connectors.contract import AccountId, Limits
from connectors.errors import ConnectorError, OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed, World
from tests.workflows.stage import CASE, HANNA, Stage, crm
from workflows.clients.views import PutBackView
from workflows.refusals import Code, Refused
from workflows.storage.rows.clients import AssignmentState, PutBack
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.work_state import WorkState


class Back:
    """A handover that is done, and hands to undo it."""

    def __init__(self, folder: Path, world: World, *more: World) -> None:
        self.world = world
        self.stage = Stage(folder, *(one.system(limits=Limits(move_batch=3)) for one in (world, *more)))
        self.stage.settle(1)
        self.stage.approve()
        self.stage.settle(1)
        assert world.owned("dana") == set()
        world.writes.clear()

    def plan(self, search: str = "") -> PutBackView:
        return self.stage.handover.put_backs.plan(CASE, search)

    def begin(self, search: str = "") -> int:
        return self.stage.handover.put_backs.begin(CASE, HANNA, search)

    def work(self, minutes: int = 1) -> None:
        """Let the clock tick."""
        for _ in range(minutes):
            for row in self.rows():
                if row.state == WorkState.DUE and row.due_at <= self.stage.time.now():
                    self.stage.handover.put_backs.run(row.id)
            self.stage.time.pass_(minutes=1)

    def rows(self) -> list[PutBack]:
        with self.stage.store.read() as session:
            return list(session.exec(select(PutBack).order_by(PutBack.id)).all())

    def states(self) -> Counter[str]:
        return Counter(row.state for row in self.stage.rows().values())


@pytest.fixture
def back(tmp_path: Path) -> Back:
    return Back(tmp_path, crm())


def test_the_whole_handover_goes_back(back: Back) -> None:
    plan = back.plan()
    assert (plan.asked, plan.back, plan.rest, plan.kept) == (12, 12, 0, ())
    assert (back.world.writes, back.rows()) == ({}, [])  # a dry run writes nothing
    assert back.begin() == 12
    back.work()
    assert back.world.owned("dana") == {f"opportunity:{n:03}" for n in range(12)}
    assert set(back.world.writes.values()) == {1}
    clients = back.stage.clients()
    assert (clients.put_back, clients.putting_back, clients.not_put_back) == (12, 0, 0)
    assert clients.put_back_by == "Hanna"
    assert [entry.actor for entry in back.stage.journalled("clients.put_back_asked")] == [HANNA.id]
    assert len(back.stage.journalled("clients.put_back_done")) == 1


def test_the_plan_says_of_whom_and_how_many(back: Back) -> None:
    givers = back.plan().givers
    assert {name for name, _clients, _records in givers} == {"Bob Ross", "Carol Díaz"}
    assert (sum(one[1] for one in givers), sum(one[2] for one in givers)) == (6, 12)
    assert back.plan("opportunity:000").givers[0][1:] == (1, 1)


def test_a_request_is_called_off_until_it_begins(back: Back) -> None:
    user = back.world.users[AccountId("dana")]
    user.active = False
    back.begin()
    with pytest.raises(Refused) as caught:
        back.stage.handover.put_backs.cancel(CASE, HANNA)
    assert caught.value.code is Code.NOTHING_WAITS, "it may be going on at this moment"
    back.stage.handover.put_backs.run(back.rows()[0].id)
    assert back.stage.clients().put_back_waits
    assert back.stage.handover.put_backs.cancel(CASE, HANNA) == 12
    user.active = True
    back.work(90)
    assert (back.world.writes, back.states()) == ({}, {AssignmentState.MOVED: 12})
    clients = back.stage.clients()
    assert (clients.moved, clients.putting_back, clients.put_back_problems, clients.put_back_waits) == (
        12,
        0,
        (),
        False,
    )
    assert len(back.stage.journalled("clients.put_back_cancelled")) == 1
    assert back.begin() == 12
    back.work()
    assert len(back.world.owned("dana")) == 12


def test_what_went_back_before_it_was_called_off_is_told(back: Back) -> None:
    back.begin()
    back.world.fail("move", Unavailable("down"), times=9, skip=1)
    back.stage.handover.put_backs.run(back.rows()[0].id)
    assert back.states() == {AssignmentState.PUT_BACK: 3, AssignmentState.PUTTING_BACK: 9}
    lost = {row.successor for row in back.stage.rows().values() if row.state == AssignmentState.PUT_BACK}
    assert back.stage.handover.put_backs.cancel(CASE, HANNA) == 9
    told = [post for post in back.stage.posts().values() if ":taken_back:" in post.id]
    assert len(told) == len(lost), "each colleague who lost clients is told, though the request was called off"


def test_what_went_back_already_is_not_called_off(back: Back) -> None:
    user = back.world.users[AccountId("dana")]
    user.active = False
    back.begin()
    back.stage.handover.put_backs.run(back.rows()[0].id)
    back.world.give("opportunity:000", "dana")  # a write whose answer never came
    with pytest.raises(Refused) as caught:
        back.stage.handover.put_backs.cancel(CASE, HANNA)
    assert caught.value.code is Code.NOTHING_WAITS
    assert back.states() == {AssignmentState.PUTTING_BACK: 12}


def test_what_somebody_changed_since_stays_and_is_listed_with_who_has_it(back: Back) -> None:
    bobs = sorted(back.world.owned("bob"))
    back.world.give(bobs[0], "zed")
    back.world.give(bobs[1], "carol")
    del back.world.records[next(r for r in back.world.records if r == bobs[2])]
    plan = back.plan()
    assert (plan.asked, plan.back) == (12, 9)
    told = {line.record_id: line.note for line in plan.kept}
    assert told == {
        bobs[0]: "somebody else has it now (account zed)",
        bobs[1]: "Carol Díaz has it now",
        bobs[2]: "it is gone",
    }
    back.begin()
    back.work()
    assert len(back.world.owned("dana")) == 9
    assert back.world.owned("zed") == {bobs[0]}
    assert bobs[1] in back.world.owned("carol")
    assert back.states() == {AssignmentState.PUT_BACK: 9, AssignmentState.NOT_PUT_BACK: 2, AssignmentState.GONE: 1}
    assert {line.note for line in back.stage.handover.put_backs.csv_lines(CASE) if line.note} == {
        "somebody else has it now (account zed)",
        "Carol Díaz has it now",
    }
    assert len(back.stage.clients().unreturned) == 2


def test_what_changes_hands_while_it_is_put_back_is_not_taken(back: Back) -> None:
    back.begin()
    last = max(back.world.records)
    back.world.before_call["move"] = lambda: back.world.give(last, "zed")
    back.work()
    assert back.world.owned("zed") == {last}
    assert back.states() == {AssignmentState.PUT_BACK: 11, AssignmentState.NOT_PUT_BACK: 1}


def test_some_clients_alone(back: Back) -> None:
    plan = back.plan("client PARTY:3")
    assert (plan.asked, plan.back) == (2, 2)
    assert back.begin("client PARTY:3") == 2
    back.work()
    assert back.world.owned("dana") == {"opportunity:006", "opportunity:007"}
    assert back.begin() == 10  # the rest can follow
    back.work()
    assert len(back.world.owned("dana")) == 12
    assert set(back.world.writes.values()) == {1}


def test_done_twice_it_is_already_done(back: Back) -> None:
    def click(_: int) -> str:
        try:
            return str(back.begin())
        except Refused as refused:
            return refused.code

    with ThreadPoolExecutor(4) as pool:
        answers = Counter(pool.map(click, range(6)))
    assert answers == {"12": 1, Code.ALREADY_PUT_BACK: 5}
    back.work()
    assert click(0) == Code.ALREADY_PUT_BACK
    for row in back.rows():
        back.stage.handover.put_backs.run(row.id)
    assert set(back.world.writes.values()) == {1}
    with pytest.raises(Refused, match=Code.NOTHING_TO_PUT_BACK):
        back.plan("no such client")


@pytest.mark.parametrize("call", range(4))
@pytest.mark.parametrize(
    ("error", "done"),
    [
        (Killed(), False),
        (Killed(), True),
        (OutcomeUnknown("?"), False),
        (OutcomeUnknown("?"), True),
        (Unavailable("down"), False),
    ],
)
def test_killed_or_cut_off_in_the_middle(back: Back, error: BaseException, call: int, done: bool) -> None:
    back.world.fail("move", error, skip=call, done=done)
    back.begin()
    try:
        back.work()
    except Killed:
        back.stage.handover = back.stage.start()
    back.work(3)
    assert len(back.world.owned("dana")) == 12
    assert set(back.world.writes.values()) == {1}
    assert back.states() == {AssignmentState.PUT_BACK: 12}
    assert [row.state for row in back.rows()] == [WorkState.DONE]


def test_a_dead_system_is_said_and_tried_again(back: Back) -> None:
    back.begin()
    back.world.down = True
    back.work()
    assert "not reachable" in back.stage.clients().put_back_problems[0]
    back.world.down = False
    back.work(5)
    assert back.stage.clients().put_back_problems == ()
    assert len(back.world.owned("dana")) == 12
    back.world.down = True
    with pytest.raises((ConnectorError, Refused)):
        back.plan()


def test_nothing_goes_to_a_leaver_who_is_locked_out(back: Back) -> None:
    back.world.users[AccountId("dana")].active = False
    plan = back.plan()
    assert (plan.back, plan.rest, plan.waiting, plan.kept) == (0, 0, 12, ())
    back.begin()
    back.work()
    assert back.world.owned("dana") == set()
    assert "give access back first" in back.stage.clients().put_back_problems[0]
    back.world.users[AccountId("dana")].active = True
    back.work(10)
    assert len(back.world.owned("dana")) == 12


def test_what_the_system_refused_stays_a_problem_and_can_be_asked_for_again(back: Back) -> None:
    """A second undo neither says that all is done, nor forgets what was refused or is somebody else's."""
    bobs = sorted(back.world.owned("bob"))
    back.world.give(bobs[0], "zed")
    for record in bobs[1:3]:
        back.world.fix(record, "locked by a workflow")
    back.begin()
    back.work()
    assert back.states() == {AssignmentState.PUT_BACK: 9, AssignmentState.NOT_PUT_BACK: 3}
    told = "\n".join(back.stage.clients().unreturned)
    assert (told.count("locked by a workflow"), told.count("somebody else has it now")) == (2, 1)
    assert back.plan().asked == 2
    assert back.begin() == 2
    back.work()
    assert back.states() == {AssignmentState.PUT_BACK: 9, AssignmentState.NOT_PUT_BACK: 3}
    assert "\n".join(back.stage.clients().unreturned) == told
    for record in bobs[1:3]:
        back.world.fix(record, "")
    assert back.begin("client PARTY:") == 2
    back.work()
    assert back.states() == {AssignmentState.PUT_BACK: 11, AssignmentState.NOT_PUT_BACK: 1}
    notes = [line.note for line in back.stage.handover.put_backs.csv_lines(CASE)]
    assert (notes.count(""), notes.count("somebody else has it now (account zed)")) == (11, 1)
    with pytest.raises(Refused, match=Code.NOTHING_TO_PUT_BACK):
        back.begin()
    assert set(back.world.writes.values()) == {1}


def test_another_undo_does_not_hide_that_the_first_waits(back: Back) -> None:
    back.begin("client PARTY:3")
    back.world.down = True
    back.work()
    assert "not reachable" in back.stage.clients().put_back_problems[0]
    back.begin()
    assert "not reachable" in back.stage.clients().put_back_problems[0]


def test_who_asked_is_told_by_a_new_message_that_it_waits_and_that_it_is_done(back: Back) -> None:
    """An edited message notifies nobody, so that each answer is a message of its own."""
    back.world.down = True
    back.stage.handover.put_backs.begin(CASE, HANNA)
    back.work(3)
    told = [post for post in back.stage.posts().values() if post.kind == MessageKind.CLIENTS]
    assert [(post.id, post.channel) for post in told] == [("clients:c1:1:trouble", "U0HANNA")]
    back.world.down = False
    back.work(10)
    assert back.stage.posts()["clients:c1:1:done"].channel == "U0HANNA"
    assert len([post for post in back.stage.posts() if post.startswith("clients:")]) == 2


def test_while_clients_move_nothing_is_put_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system(limits=Limits(move_batch=3)))
    stage.tick()
    with pytest.raises(Refused, match=Code.NOTHING_TO_PUT_BACK):
        stage.handover.put_backs.plan(CASE)
    stage.approve()
    with pytest.raises(Refused, match=Code.STILL_MOVING):
        stage.handover.put_backs.begin(CASE, HANNA)


def test_two_systems_go_back_each_by_itself(tmp_path: Path) -> None:
    shop = crm("shop", records=4)
    back = Back(tmp_path, crm(), shop)
    assert back.plan().asked == 16
    back.begin()
    shop.down = True
    back.work()
    assert (len(back.world.owned("dana")), len(shop.owned("dana"))) == (12, 0)
    shop.down = False
    back.work(5)
    assert len(shop.owned("dana")) == 4
