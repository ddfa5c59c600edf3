"""The client track from list to balance, on systems in memory, whose truth is read from outside the connector."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import AccountId, Limits, Record
from connectors.errors import OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed, MemoryCrm, MemoryDirectory, World
from tests.workflows.proof import proven
from tests.workflows.stage import BOB, CAROL, DANA, MAX, Stage, crm
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import AssignmentState, ProposalState
from workflows.storage.rows.work_state import WorkState


def moved_once(world: World) -> bool:
    """Return whether no record was written twice."""
    return all(times == 1 for what, times in world.writes.items() if what.startswith("move:"))


@pytest.fixture
def world() -> World:
    return crm()


@pytest.fixture
def stage(tmp_path: Path, world: World) -> Stage:
    return Stage(tmp_path, world.system())


def test_from_list_to_balance(stage: Stage, world: World) -> None:
    stage.tick()
    proposal = stage.proposal()
    assert (proposal.version, proposal.state, proposal.records, proposal.families) == (1, ProposalState.PENDING, 12, 6)
    assert {share.successor.key: (share.records, share.families) for share in proposal.shares} == {
        BOB.key: (6, 3),
        CAROL.key: (6, 3),
    }
    assert sum(share.value["EUR"] for share in proposal.shares) == sum(range(1000, 1012))
    assert stage.posts()[f"proposal:{proposal.id}"].channel == "U0MAX"
    assert [view.id for view in stage.handover.proposals.waiting_for("U0MAX")] == [proposal.id]
    assert stage.handover.proposals.waiting_for("U0BOB") == stage.handover.proposals.waiting_for("") == []
    assert world.writes == {}

    approved = stage.approve()
    assert (approved.state, approved.settled_by) == (ProposalState.APPROVED, "Max Weber")
    stage.tick()
    assert world.owned("dana") == set()
    assert len(world.owned("bob")) == len(world.owned("carol")) == 6
    assert moved_once(world)
    clients = stage.clients()
    assert (clients.listed, clients.moved, clients.left, clients.complete, clients.problems) == (12, 12, 0, True, ())
    assert clients.balance == ("crm, opportunity: 12 before, 12 after",)
    assert [share.moved for share in stage.proposal().shares] == [6, 6]
    outcome = stage.posts()[f"outcome:{proposal.id}"]
    assert (outcome.channel, outcome.wanted_version) == ("U0HANNA", 2)  # decided, then carried out
    assert len(stage.journalled("clients.moved")) == 2  # batches of 10
    assert proven(stage.journal).ok


def test_what_is_shown_is_what_moves(stage: Stage, world: World) -> None:
    stage.tick()
    shown = {line.record_id: line.successor.email for line in stage.lines()}
    stage.approve()
    stage.tick()
    assert {str(r.id): world.users[r.owner].email for r in world.records.values()} == shown


def test_a_record_listed_twice_by_its_system_is_counted_once(tmp_path: Path) -> None:
    class Overlapping(MemoryCrm):
        def records(self, owner: AccountId) -> Iterator[Record]:
            yield from super().records(owner)
            yield from super().records(owner)

    stage = Stage(tmp_path, crm(records=600).system(Overlapping))
    stage.tick()
    assert (stage.proposal().records, len(stage.rows())) == (600, 600)


def test_only_open_records_have_a_value_to_share_and_currencies_stay_apart(tmp_path: Path) -> None:
    world = crm(records=0)
    world.record("opportunity:1", "dana", value=100)
    world.record("opportunity:2", "dana", value=7, currency="USD")
    world.record("opportunity:3", "dana", value=999, open=False)
    stage = Stage(tmp_path, world.system(), successors=(BOB,))
    stage.tick()
    assert [dict(share.value) for share in stage.proposal().shares] == [{"EUR": 100, "USD": 7}]
    assert stage.proposal().records == 3


def test_a_family_stays_together(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    stage.tick()
    homes = {(record.family, record.owner) for record in world.records.values()}
    assert len(homes) == 6


def test_nothing_moves_before_the_last_day_or_without_a_decision(stage: Stage, world: World) -> None:
    def later(case: Case) -> None:
        case.state, case.effective_at = CaseState.SCHEDULED, stage.time.now().replace(day=20)

    stage.change(later)
    stage.settle(30)
    assert len(world.owned("dana")) == 12
    stage.approve()
    stage.settle(30)
    assert len(world.owned("dana")) == 12
    stage.time.pass_(days=30)
    stage.tick()
    assert world.owned("dana") == set()


def test_someone_who_owns_nothing_is_done_and_nobody_is_asked(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm(records=0).system())
    stage.tick()
    assert (stage.book().state, stage.book().reason) == (WorkState.DONE, "owns nothing")
    assert stage.proposals() == []
    assert stage.clients().complete
    assert stage.clients().problems == ()


def test_a_dead_crm_holds_up_nobody_and_its_records_are_asked_when_it_is_back(tmp_path: Path) -> None:
    crm_world, shop = crm(), crm("shop", records=4)
    shop.down = True
    stage = Stage(tmp_path, crm_world.system(), shop.system())
    stage.tick()
    assert [proposal.records for proposal in stage.proposals()] == [12]
    assert stage.clients().problems == ("shop: not reachable: shop is down",)
    assert not stage.clients().complete
    stage.approve()
    stage.settle(10)
    assert crm_world.owned("dana") == set()
    assert not stage.clients().complete
    shop.down = False
    stage.settle(10)
    assert [proposal.records for proposal in stage.proposals()] == [12, 4]
    assert "could not be read" in stage.proposal().why
    stage.approve()
    stage.settle(10)
    assert shop.owned("dana") == set()
    assert stage.clients().complete


def test_a_system_that_dies_in_the_middle_of_its_list_does_not_leak_half_a_book(tmp_path: Path) -> None:
    shop = crm("shop", records=6)
    shop.fail("record", Unavailable("cut"), skip=3)
    stage = Stage(tmp_path, crm().system(), shop.system())
    stage.tick("shop")
    assert stage.proposals() == []  # the crm is still to come
    stage.tick("crm")
    assert {line.system for line in stage.lines()} == {"crm"}
    stage.settle(5)
    assert stage.proposal().records == 6


def test_two_systems_listed_side_by_side_make_one_proposal(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system(), crm("shop", records=4).system())
    stage.tick()
    assert [proposal.records for proposal in stage.proposals()] == [16]


def test_the_vendors_wait_is_obeyed(stage: Stage, world: World) -> None:
    world.fail("records", Unavailable("slow down", timedelta(hours=3)))
    stage.tick()
    assert stage.book().due_at == stage.time.now() + timedelta(hours=3)
    assert stage.book().attempt == 1


def test_a_successor_without_an_account_is_left_out_and_named(tmp_path: Path) -> None:
    world = crm()
    del world.users[next(user for user in world.users if user == "carol")]
    stage = Stage(tmp_path, world.system())
    stage.tick()
    proposal = stage.proposal()
    assert [share.successor.key for share in proposal.shares] == [BOB.key]
    assert proposal.note == "Carol Díaz gets nothing in crm: no account there"
    assert stage.handover.proposals.successors(proposal.id) == (BOB,)


def test_an_inactive_successor_gets_nothing(tmp_path: Path) -> None:
    world = crm()
    next(user for user in world.users.values() if user.id == "bob").active = False
    stage = Stage(tmp_path, world.system())
    stage.tick()
    assert [share.successor.key for share in stage.proposal().shares] == [CAROL.key]


def test_no_successor_at_all_is_said_and_tried_again(tmp_path: Path) -> None:
    world = crm()
    for user in world.users.values():
        user.active = user.id == "dana"
    stage = Stage(tmp_path, world.system())
    stage.tick()
    assert stage.clients().problems == ("crm: none of the successors has an active account here",)
    for user in world.users.values():
        user.active = True
    stage.settle(10)
    assert stage.proposal().records == 12


def test_the_leaver_never_receives_their_own_clients(tmp_path: Path) -> None:
    world = crm()
    stage = Stage(tmp_path, world.system(), successors=(BOB, type(BOB)("dana@x.example", "Dana", "dana@x.example")))
    stage.tick()
    assert [share.successor.key for share in stage.proposal().shares] == [BOB.key]


def test_two_accounts_of_the_leaver_are_for_a_person_to_judge(tmp_path: Path) -> None:
    world = crm()
    world.user("dana2", "dana@x.example", login="dana.old")
    stage = Stage(tmp_path, world.system())
    stage.tick()
    assert stage.proposals() == []
    assert "2 accounts match" in stage.clients().problems[0]


def test_drift_is_asked_again_and_the_rest_goes_on(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    family = next(row.family for row in stage.rows().values() if row.successor == stage.vault.blind(CAROL.key))
    world.record("opportunity:new", "dana", family=family, value=5)  # by itself it would go to the first, Bob
    stage.tick()
    assert world.owned("dana") == {"opportunity:new"}
    assert [line.record_id for line in stage.lines()] == ["opportunity:new"]
    proposal = stage.proposal()
    assert (proposal.version, proposal.state) == (2, ProposalState.PENDING)
    assert not stage.clients().complete
    assert stage.clients().balance == (
        "crm, opportunity: 13 before, 13 after; 1 still with the leaver (1 waiting for a decision)",
    )
    stage.approve()
    stage.tick()
    assert "opportunity:new" in world.owned("carol")
    assert stage.clients().complete
    assert stage.clients().balance == ("crm, opportunity: 13 before, 13 after",)
    assert moved_once(world)


def test_a_record_given_back_after_it_moved_is_asked_again(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    world.fail("count", Unavailable("gone for a moment"), skip=4)
    world.before_call["count"] = lambda: world.give("opportunity:001", "dana") if world.calls["count"] == 4 else None
    stage.settle(5)
    assert world.owned("dana") == {"opportunity:001"}
    assert [line.record_id for line in stage.lines()] == ["opportunity:001"]


def test_a_record_taken_by_another_or_gone_is_left_alone(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    calls = iter((True,))

    def meanwhile() -> None:
        if next(calls, False):
            world.give("opportunity:003", "zed")
            del world.records[next(record for record in world.records if record == "opportunity:004")]

    world.before_call["move"] = meanwhile
    stage.tick()
    assert world.owned("zed") == {"opportunity:003"}
    assert world.owned("dana") == set()
    rows = stage.rows()
    assert rows["opportunity:003"].state == AssignmentState.TAKEN
    assert rows["opportunity:004"].state == AssignmentState.GONE
    assert stage.clients().balance == ("crm, opportunity: 12 before, 10 after; 1 taken by another, 1 gone",)
    assert stage.clients().complete


def test_what_a_successor_took_by_hand_stays_in_the_balance(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    other = next(line for line in stage.lines() if line.successor == BOB)
    world.give(other.record_id, "carol")
    stage.tick()
    assert stage.rows()[other.record_id].state == AssignmentState.TAKEN
    assert stage.clients().balance == ("crm, opportunity: 12 before, 12 after",)


def test_refused_records_are_said_and_asked_again_on_retry(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    carol = next(user for user in world.users.values() if user.id == "carol")
    carol.can_own = False
    stage.tick()
    assert len(world.owned("bob")) == 6
    assert len(world.owned("dana")) == 6
    assert stage.clients().problems == (
        "crm: 6 records were refused: the successor cannot own records (6); retry for a new proposal",
    )
    assert stage.clients().complete  # all that could move has moved
    assert (stage.book().state, stage.case().state) == (WorkState.DONE, CaseState.WATCHED)
    assert (stage.clients().left, stage.clients().staying) == (6, 0)
    assert stage.clients().balance == ("crm, opportunity: 12 before, 12 after; 6 still with the leaver (6 refused)",)
    assert {line.note for line in stage.lines() if line.state == AssignmentState.REFUSED} == {
        "the successor cannot own records"
    }
    carol.active = False
    stage.retry()
    stage.tick()
    assert (stage.proposal().version, stage.proposal().records) == (2, 6)
    assert stage.proposal().why == "what was declined or refused before"
    assert (stage.clients().complete, stage.clients().problems) == (False, ())
    stage.approve()
    stage.tick()
    assert len(world.owned("bob")) == 12
    assert (stage.clients().complete, stage.clients().problems) == (True, ())


@pytest.mark.parametrize("step", ["move", "count", "records", "record", "find", "observe"])
@pytest.mark.parametrize("skip", [0, 1, 2, 5])
@pytest.mark.parametrize("done", [False, True])
def test_killed_anywhere_and_run_again_nothing_is_lost_or_done_twice(
    tmp_path: Path, step: str, skip: int, done: bool
) -> None:
    world = crm(records=25)
    world.fail(step, Killed(), skip=skip, done=done)
    stage = Stage(tmp_path, world.system(limits=Limits(move_batch=3)))
    for _ in range(8):
        try:
            stage.tick()
        except Killed:
            stage.handover = stage.start()
        if stage.proposals() and stage.proposal().state == ProposalState.PENDING:
            stage.approve()
    assert world.owned("dana") == set()
    assert sum(world.writes.values()) == 25
    assert moved_once(world)
    assert [proposal.version for proposal in stage.proposals()] == [1]
    assert stage.clients().balance == ("crm, opportunity: 25 before, 25 after",)
    assert stage.clients().complete


def test_a_doubled_delivery_does_nothing(stage: Stage, world: World) -> None:
    stage.handover.run("c1:crm")
    stage.handover.run("c1:crm")
    assert len(stage.proposals()) == 1
    stage.approve()
    stage.handover.run("c1:crm")
    calls = dict(world.calls)
    stage.handover.run("c1:crm")
    assert world.calls == calls


def test_a_lost_answer_is_read_back_before_anything_else(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    world.fail("move", OutcomeUnknown("no answer"), done=True)
    seen: list[int] = []
    world.before_call["owners"] = lambda: seen.append(world.calls["move"])
    stage.tick()
    assert seen == [1]
    assert stage.clients().moved == 10
    assert "read back" in stage.clients().problems[0]
    stage.settle(5)
    assert stage.clients().complete
    assert moved_once(world)


def test_an_unexpected_fault_is_said_in_words_raised_and_tried_again(stage: Stage, world: World) -> None:
    world.fail("records", ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError):
        stage.tick()
    assert "unexpected" in stage.book().reason
    assert stage.book().attempt == 1
    stage.settle(5)
    assert stage.proposal().records == 12


def test_progress_has_a_pace(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    rates: list[float | None] = []

    def slow() -> None:
        stage.time.pass_(seconds=5)
        rates.append(stage.clients().rate)

    world.before_call["move"] = slow
    world.fail("count", Unavailable("wait"), skip=3)
    stage.tick()
    assert rates[0] is None
    assert stage.clients().rate == pytest.approx(12 / 5)
    stage.settle(2)
    assert stage.clients().rate is None


def test_a_cancelled_case_moves_nothing(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    stage.change(lambda case: setattr(case, "state", CaseState.CANCELLED))
    stage.tick()
    assert world.writes == {}
    assert stage.book().state == WorkState.CANCELLED


def test_a_system_that_left_the_configuration_is_said(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system(), World("old").system(MemoryDirectory))
    stage.tick()
    assert "no longer has a client book" in stage.clients().problems[0]


def test_personal_data_stands_nowhere_in_clear(stage: Stage, tmp_path: Path) -> None:
    stage.tick()
    stage.approve(MAX)
    stage.tick()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("handover.sqlite*"))
    for secret in ("Deal opportunity", "Client party", "bob@x.example", "Carol", "Max Weber", DANA.name):
        assert secret.encode() not in raw, secret


def test_the_outcome_is_told_again_only_when_every_system_is_done(tmp_path: Path) -> None:
    shop = crm("shop", records=4)
    stage = Stage(tmp_path, crm().system(), shop.system())
    stage.tick()
    stage.approve()
    shop.down = True
    stage.settle(2)
    assert stage.posts()["outcome:c1-v1"].wanted_version == 1
    shop.down = False
    stage.settle(10)
    assert stage.posts()["outcome:c1-v1"].wanted_version == 2


def test_a_lost_answer_to_what_was_never_done_is_done_later(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    world.fail("move", OutcomeUnknown("no answer"))
    stage.settle(5)
    assert world.owned("dana") == set()
    assert stage.clients().moved == 12
