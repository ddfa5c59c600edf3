"""Records with a fixed owner: never proposed, but counted and explained, and no case waits for them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.contract import AccountId, Record
from connectors.errors import Unavailable
from tests.workflows.clients.test_crashes import kill_at_commit
from tests.workflows.memory import Killed, MemoryCrm, World
from tests.workflows.stage import BOB, MAX, Stage, crm
from workflows.clients.split.sealed import unseal_line
from workflows.clients.split.unmoved import MOST, count, words
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import AssignmentState, ProposalState
from workflows.storage.rows.work_state import WorkState

WON, LOST = "won: the vendor lets nobody change it", "lost: the vendor lets nobody change it"
WHY = "won, lost: the vendor lets nobody change it (5)"


@pytest.fixture
def world() -> World:
    return settled(crm())


def settled(world: World) -> World:
    """Add three won and two lost deals, in families of their own and of others."""
    for n in range(5):
        world.record(f"opportunity:old-{n}", "dana", family=f"party:{n}", value=9, fixed=WON if n < 3 else LOST)
    return world


@pytest.fixture
def stage(tmp_path: Path, world: World) -> Stage:
    return Stage(tmp_path, world.system())


def staying(stage: Stage) -> dict[str, str | None]:
    return {key: row.proposal_id for key, row in stage.rows().items() if row.state == AssignmentState.EXCLUDED}


def test_what_stays_is_never_proposed_and_is_explained(stage: Stage, world: World) -> None:
    stage.tick()
    shown = stage.proposal()
    assert (shown.records, shown.staying, sum(share.records for share in shown.shares)) == (12, 5, 12)
    assert not any("old" in line.record_id for line in stage.lines())
    assert "old" not in "".join(stage.handover.proposals.csv(shown.id))
    assert staying(stage) == dict.fromkeys((f"opportunity:old-{n}" for n in range(5)), None)
    assert {unseal_line(stage.vault, stage.case(), row).note for row in stage.rows().values()} == {"", WON, LOST}
    assert (stage.clients().listed, stage.clients().left, stage.clients().staying) == (12, 12, 5)
    stage.approve()
    stage.tick()
    assert len(world.owned("dana")) == 5
    clients = stage.clients()
    assert (clients.listed, clients.moved, clients.left, clients.staying) == (12, 12, 0, 5)
    assert (clients.complete, clients.problems) == (True, ())
    assert clients.balance == (f"crm, opportunity: 17 before, 17 after; 5 stay with the leaver: {WHY}",)
    assert (stage.book().state, stage.case().state) == (WorkState.DONE, CaseState.WATCHED)
    assert len(stage.journalled("clients.staying")) == 1


def test_what_stays_changes_no_digest(tmp_path: Path) -> None:
    digests = []
    for folder, world in (("a", crm()), ("b", settled(crm()))):
        (tmp_path / folder).mkdir()
        stage = Stage(tmp_path / folder, world.system())
        stage.tick()
        digests.append(stage.proposal().digest)
    assert digests[0] == digests[1]


def test_where_all_stays_nobody_is_asked_and_the_case_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, settled(crm(records=0)).system(), successors=())
    stage.tick()
    assert stage.proposals() == []
    clients = stage.clients()
    assert (clients.complete, clients.staying, clients.listed, clients.problems) == (True, 5, 0, ())
    assert clients.balance == (f"crm, opportunity: 5 stay with the leaver: {WHY}",)
    assert (stage.book().reason, stage.case().state) == ("", CaseState.WATCHED)


def test_an_edit_takes_nothing_along_that_stays(stage: Stage) -> None:
    stage.tick()
    first = stage.proposal()
    everything = dict.fromkeys((one.id for one in stage.lines()), BOB.key)
    edited = stage.assign(first.id, first.digest, everything, MAX)
    assert (edited.records, edited.staying) == (12, 5)
    with pytest.raises(Refused) as caught:
        stage.assign(edited.id, edited.digest, dict.fromkeys(["c1:crm:opportunity:old-1"], BOB.key), MAX)
    assert caught.value.code == Code.UNKNOWN_RECORD


def test_what_can_be_moved_by_the_time_of_the_move_is_proposed(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    world.fix("opportunity:old-1", "")
    stage.tick()
    assert (stage.proposal().version, [line.record_id for line in stage.lines()]) == (2, ["opportunity:old-1"])
    assert (stage.clients().staying, stage.clients().complete) == (4, False)
    stage.approve()
    stage.tick()
    assert len(world.owned("dana")) == 4
    assert stage.clients().balance[0].endswith(f"4 stay with the leaver: {WHY.replace('5', '4')}")
    assert stage.clients().complete


def test_what_can_be_moved_by_the_time_of_a_retry_is_proposed(stage: Stage, world: World) -> None:
    stage.tick()
    shown = stage.proposal()
    stage.decide(shown.id, shown.digest, MAX, approve=False)
    world.fix("opportunity:old-1", "")
    world.fix("opportunity:003", WON)
    stage.retry()
    stage.tick()
    named = {line.record_id for line in stage.lines()}
    assert ("opportunity:old-1" in named, "opportunity:003" in named) == (True, False)
    assert (stage.proposal().records, stage.proposal().staying) == (12, 5)


def test_what_is_fixed_after_the_proposal_is_refused_said_and_stays_on_retry(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    world.fix("opportunity:003", WON)
    stage.tick()
    assert stage.rows()["opportunity:003"].state == AssignmentState.REFUSED
    assert stage.clients().problems == (f"crm: 1 record was refused: {WON} (1); retry for a new proposal",)
    assert (stage.clients().complete, stage.clients().left, stage.clients().staying) == (True, 1, 5)
    assert stage.case().state == CaseState.WATCHED
    stage.retry()
    assert not stage.clients().complete
    stage.tick()
    assert len(stage.proposals()) == 1  # nothing left to propose
    assert (stage.clients().complete, stage.clients().left, stage.clients().staying) == (True, 0, 6)
    assert stage.clients().problems == ()
    assert len(world.owned("dana")) == 6


def test_what_is_not_listed_any_more_does_not_stay(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    world.give("opportunity:old-0", "zed")
    stage.tick()
    assert "opportunity:old-0" not in stage.rows()
    assert (stage.clients().staying, stage.clients().complete) == (4, True)
    assert stage.clients().balance[0].startswith("crm, opportunity: 16 before, 16 after; 4 stay")


def test_an_attempt_that_breaks_off_forgets_nothing_that_stays(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    world.fail("count", Unavailable("cut"))  # the list is read and marked, nothing is moved
    stage.tick()
    seen: list[int] = []
    world.before_call["records"] = lambda: seen.append(stage.clients().staying)
    stage.settle(5)
    assert seen == [5]
    assert set(staying(stage).values()) == {None}
    assert (stage.clients().staying, stage.clients().complete) == (5, True)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("number", range(11))
def test_killed_at_any_commit_what_stays_is_counted_once(tmp_path: Path, number: int, kept: bool) -> None:
    world = settled(crm(records=4))
    stage = Stage(tmp_path, world.system())
    kill_at_commit(stage.store, number, kept=kept)
    for _ in range(9):
        try:
            stage.tick()
            if stage.proposals() and stage.proposal().state == ProposalState.PENDING:
                stage.approve()
        except Killed:
            stage.handover = stage.start()
    assert len(world.owned("dana")) == 5
    assert set(staying(stage).values()) == {None}
    assert stage.clients().balance == (f"crm, opportunity: 9 before, 9 after; 5 stay with the leaver: {WHY}",)
    assert (stage.clients().complete, [one.records for one in stage.proposals()]) == (True, [4])


def test_what_is_listed_twice_by_its_system_stays_once(tmp_path: Path) -> None:
    class Overlapping(MemoryCrm):
        def records(self, owner: AccountId) -> Iterator[Record]:
            yield from super().records(owner)
            yield from super().records(owner)

    stage = Stage(tmp_path, settled(crm(records=600)).system(Overlapping))
    stage.tick()
    stage.approve()
    stage.tick()
    assert stage.clients().balance[0].endswith(f"5 stay with the leaver: {WHY}")


def test_the_vendors_words_stand_nowhere_in_clear(stage: Stage, world: World, tmp_path: Path) -> None:
    world.fix("opportunity:old-0", "Erika Mustermann keeps it")
    stage.tick()
    stage.approve()
    world.fix("opportunity:003", "Erika Mustermann keeps it")
    stage.tick()
    assert "Erika" in stage.clients().problems[0]
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("handover.sqlite*"))
    assert b"Erika" not in raw


def test_a_book_listed_again_while_another_is_awaited_is_not_published_half(tmp_path: Path) -> None:
    world, shop = crm(), crm("shop", records=2)
    stage = Stage(tmp_path, world.system(), shop.system())
    stage.tick("crm")  # its draft is complete, and waits for the shop
    stage.overtake()
    world.before_call["record"] = lambda: stage.tick("shop") if stage.proposals() == [] else None
    stage.tick("crm")
    for proposal in stage.proposals():
        assert proposal.records == stage.handover.proposals.lines(proposal.id)[1]
    assert sum(proposal.records for proposal in stage.proposals()) == 14


def test_a_decline_is_said_even_after_another_version_has_moved(stage: Stage, world: World) -> None:
    stage.tick()
    stage.approve()
    world.before_call["move"] = lambda: world.fix("opportunity:003", WON)
    world.record("opportunity:new", "dana")
    stage.tick()
    drift = stage.proposal()
    world.fix("opportunity:003", "")
    del world.before_call["move"]
    stage.retry()
    stage.tick()
    assert [proposal.records for proposal in stage.proposals()] == [12, 1, 1]
    stage.approve()
    stage.decide(drift.id, drift.digest, MAX, approve=False)
    stage.tick()
    assert stage.clients().problems == ("crm: version 2 was declined; retry for a new proposal",)
    assert not stage.clients().complete


def test_reasons_are_joined_counted_and_bounded() -> None:
    assert words({"won: fixed": 3, "lost: fixed": 2, "in use": 1}) == "won, lost: fixed (5), in use (1)"
    assert words({"a": 4}, {"a": 1, "b": 2, "c": 1, "d": 1}) == "a (5), b (2), c (1), other reasons (1)"
    assert words({}) == ""
    counted: dict[str, Counter[str]] = {}
    for n in range(100):
        count(counted, "deal", f"reason {n}")
    assert (len(counted["deal"]), counted["deal"].total()) == (MOST + 1, 100)
