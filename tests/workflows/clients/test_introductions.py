"""Clients who are told through their system: only by a setting, only what was approved, only after the move, once."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from bot.policies import Policies
from config.text import shown
from connectors.contract import AccountId, Introduction, IntroductionWay, RecordId
from connectors.errors import Forbidden, OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed, MemoryTelling, World
from tests.workflows.office import services_on
from tests.workflows.stage import BOB, CASE, DANA, EVE, HANNA, LEAVER, MAX, Stage, crm
from workflows.clients.handover import ClientHandover
from workflows.clients.introduction_policy import IntroductionPolicy
from workflows.clients.moves.introductions import CLAIM
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.stage_acts import ActHandler, ActResult
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import Assignment, AssignmentState, IntroductionState, Leave
from workflows.storage.rows.clients import Introduction as Row
from workflows.storage.store import Store

POLICY = IntroductionPolicy({"crm": IntroductionWay.TASK}, company="Northwind")
SENT, UNKNOWN = IntroductionState.SENT, IntroductionState.UNKNOWN


class Telling(Stage):
    """A stage whose company tells clients."""

    rules = POLICY

    def start(self, store: Store | None = None) -> ClientHandover:
        context = self.context if store is None else replace(self.context, store=store)
        return services_on(context, self.members, Policies(approvals=self.policy, introductions=self.rules)).handover

    def tell(self) -> ActResult:
        return self.handover.introductions.run(CASE, self.systems["crm"])

    def told(self) -> Counter[str]:
        return Counter(line.state for line in self.handover.introductions.lines(CASE))


def moved(folder: Path, records: int = 12, rules: IntroductionPolicy = POLICY) -> tuple[World, Telling]:
    """Return a case whose clients have moved, and were not told yet."""
    world = crm(records=records)

    class Ruled(Telling):
        pass

    Ruled.rules = rules
    stage = Ruled(folder, world.system(MemoryTelling))
    stage.tick()
    stage.approve()
    stage.tick()
    assert world.owned("dana") == set()
    return world, stage


def tells(world: World) -> Counter[str]:
    return Counter({name: number for name, number in world.writes.items() if name.startswith("tell:")})


def test_every_moved_client_is_told_once_by_its_new_contact(tmp_path: Path) -> None:
    world, stage = moved(tmp_path)
    assert not world.letters, "nothing is sent by the move itself"
    result = stage.tell()
    assert result == ActResult(result.done)
    assert len(world.letters) == 6
    for letter in world.letters.values():
        owner = world.records[letter.client].owner
        assert letter.successor == owner
        name = {"bob": "Bob Ross", "carol": "Carol Díaz"}[owner]
        assert letter.text == (
            f"Hello,\n\nyour contact at Northwind is now {name}, in place of Dana O'Neill.\n\nBest regards\n{name}"
        )
        assert letter.way is IntroductionWay.TASK
        assert "resign" not in letter.text
    assert stage.tell().problem == ""
    assert set(tells(world).values()) == {1}
    assert stage.told() == {SENT: 6}
    assert stage.clients().told == ("crm: for 6 clients the new contact has a task to introduce themselves",)


def test_it_is_a_handler_of_stages(tmp_path: Path) -> None:
    world, stage = moved(tmp_path)
    handler: ActHandler = stage.handover.introductions
    system = stage.systems["crm"]
    assert handler.applies(system)
    assert handler.act == "tell_clients"
    world.give("opportunity:000", "dana")
    assert [str(one) for one in handler.foresee(system, [AccountId("dana")])] == [
        "after the move the new contact gets a task for the client of up to 1 record"
    ]
    assert not world.letters
    handler.run(CASE, system)
    [said] = stage.handover.introductions.undo(CASE, system).done
    assert shown(said) == "5 introductions were sent; they cannot be taken back"


@pytest.mark.parametrize("rules", [IntroductionPolicy(), IntroductionPolicy({"other": IntroductionWay.TASK})])
def test_without_the_setting_nobody_is_told(tmp_path: Path, rules: IntroductionPolicy) -> None:
    world, stage = moved(tmp_path, rules=rules)
    assert stage.proposal().told == ()
    assert not stage.handover.introductions.applies(stage.systems["crm"])
    stage.tell()
    with pytest.raises(Refused, match=Code.NOTHING_TO_TELL):
        stage.handover.introductions.send(CASE, MAX)
    assert not world.letters


def test_a_setting_that_came_after_the_approval_tells_nobody(tmp_path: Path) -> None:
    world, stage = moved(tmp_path, rules=IntroductionPolicy())
    type(stage).rules = POLICY
    stage.handover = stage.start()
    assert stage.tell() == ActResult()
    assert not world.letters


def test_the_text_of_the_approval_is_sent_whatever_the_setting_is_later(tmp_path: Path) -> None:
    world, stage = moved(tmp_path)
    type(stage).rules = replace(POLICY, text="{successor} says something else")
    stage.handover = stage.start()
    stage.tell()
    assert all(letter.text.startswith("Hello") for letter in world.letters.values())


def test_who_approves_is_shown_the_way_and_the_whole_text(tmp_path: Path) -> None:
    long = "x" * 1400
    _world, stage = moved(tmp_path, rules=replace(POLICY, text=f"{{client}}: {{successor}} for {{leaver}} {long}"))
    [said] = stage.proposal().told
    assert said == (
        "each new contact gets a task in crm to introduce themselves to each client: "
        f"(client): (new contact) for Dana O'Neill {long}"
    )


def test_the_text_is_part_of_what_is_approved(tmp_path: Path) -> None:
    digests = []
    for number, text in enumerate(("", "{successor} one", "{successor} two")):
        world = crm()

        class Ruled(Telling):
            rules = replace(POLICY, text=text)

        (folder := tmp_path / str(number)).mkdir()
        stage = Ruled(folder, world.system(MemoryTelling))
        stage.tick()
        digests.append(stage.proposal().digest)
    assert len(set(digests)) == 3


def test_names_are_put_in_as_they_are(tmp_path: Path) -> None:
    world = crm(records=1)
    world.records[RecordId("opportunity:000")] = replace(
        world.records[RecordId("opportunity:000")], family_name="{leaver} {0} %s <!channel>"
    )

    class Ruled(Telling):
        rules = replace(POLICY, text="{client} / {successor}")

    stage = Ruled(tmp_path, world.system(MemoryTelling), successors=(BOB,))
    stage.tick()
    stage.approve()
    stage.tick()
    stage.tell()
    assert [letter.text for letter in world.letters.values()] == ["{leaver} {0} %s <!channel> / Bob Ross"]


def test_a_way_that_the_system_does_not_offer_tells_nobody(tmp_path: Path) -> None:
    world = crm()
    world.ways = (IntroductionWay.TASK,)

    class Ruled(Telling):
        rules = IntroductionPolicy({"crm": IntroductionWay.MESSAGE})

    stage = Ruled(tmp_path, world.system(MemoryTelling))
    stage.tick()
    assert stage.proposal().told == ()
    stage.approve()
    stage.tick()
    stage.tell()
    assert not world.letters


def test_a_handover_for_a_time_tells_nobody(tmp_path: Path) -> None:
    world = crm()
    stage = Telling(tmp_path, world.system(MemoryTelling))
    with stage.store.write() as session:
        day = stage.time.now() + timedelta(days=30)
        session.add(Leave(id=CASE, case_id=CASE, due_at=day, return_on=day, keeps_access=True))
    stage.tick()
    assert stage.proposal().told == ()


def test_clients_that_wait_or_said_no_are_not_told(tmp_path: Path) -> None:
    world = crm(records=6)
    world.objects["opportunity:001"] = "no"
    stage = Telling(tmp_path, world.system(MemoryTelling))
    stage.tick()
    stage.approve()
    world.before_call["move"] = lambda: None
    stage.tick()
    assert stage.rows()["opportunity:001"].state == AssignmentState.OBJECTED
    stage.tell()
    assert {letter.client for letter in world.letters.values()} == {"opportunity:002", "opportunity:004"}


def test_while_moves_are_accepted_only_the_act_waits(tmp_path: Path) -> None:
    world = crm(records=2)
    world.slow = True
    stage = Telling(tmp_path, world.system(MemoryTelling))
    stage.tick()
    stage.approve()
    stage.tick()
    result = stage.tell()
    assert (result.waits, bool(result.problem), world.letters) == (True, True, {})
    world.carry_out()
    stage.time.pass_(minutes=60)
    stage.tick()
    assert stage.tell().problem == ""
    assert len(world.letters) == 1


def test_who_has_another_owner_by_now_or_is_gone_is_not_told(tmp_path: Path) -> None:
    world, stage = moved(tmp_path, records=6)
    world.give("opportunity:000", "zed")
    del world.records[RecordId("opportunity:002")]
    stage.tell()
    assert {letter.client for letter in world.letters.values()} == {"opportunity:004"}
    reasons = {line.client_id: line.reason for line in stage.handover.introductions.lines(CASE) if line.state != SENT}
    assert reasons == {
        "opportunity:000": "somebody else has the client now",
        "opportunity:002": "the client's record is gone",
    }
    world.give("opportunity:000", str(stage.rows()["opportunity:000"].owner_after))
    stage.tell()
    assert len(world.letters) == 2


@pytest.mark.parametrize("done", [False, True])
def test_a_death_between_sending_and_record_sends_nothing_twice(tmp_path: Path, done: bool) -> None:
    world, stage = moved(tmp_path)
    world.fail("introduce", Killed(), skip=2, done=done)
    with pytest.raises(Killed):
        stage.tell()
    stage.handover = stage.start()
    result = stage.tell()
    assert result.problem, "one is still claimed by the run that died"
    assert stage.told()[IntroductionState.SENDING] == 1
    stage.time.pass_(minutes=CLAIM / timedelta(minutes=1) + 1)
    assert stage.tell().problem == ""
    assert len(world.letters) == 6
    assert set(tells(world).values()) == {1}


def test_a_death_where_the_system_cannot_be_asked_is_said_and_never_repeated(tmp_path: Path) -> None:
    world, stage = moved(tmp_path)
    world.mute = True
    world.fail("introduce", Killed(), skip=2, done=True)
    with pytest.raises(Killed):
        stage.tell()
    stage.handover = stage.start()
    for _ in range(5):
        stage.time.pass_(minutes=60)
        result = stage.tell()
        assert result.problem
    assert stage.told() == {SENT: 5, UNKNOWN: 1}
    assert set(tells(world).values()) == {1}
    assert "1 not known: Client party:" in stage.clients().told[0]
    assert "there is no search" in stage.clients().told[0]


@pytest.mark.parametrize("done", [False, True])
def test_a_lost_answer_is_looked_up(tmp_path: Path, done: bool) -> None:
    world, stage = moved(tmp_path)
    world.fail("introduce", OutcomeUnknown("no answer"), done=done)
    result = stage.tell()
    assert bool(result.problem) is not done
    assert stage.told() == ({SENT: 6} if done else {SENT: 5, UNKNOWN: 1})
    stage.time.pass_(minutes=60)
    assert stage.tell().problem == ""
    assert len(world.letters) == 6


@pytest.mark.parametrize("error", [Unavailable("down"), Forbidden("scope tasks:write is missing")])
def test_a_system_that_does_nothing_is_tried_again(tmp_path: Path, error: Exception) -> None:
    world, stage = moved(tmp_path)
    world.fail("introduce", error, skip=2)
    with pytest.raises(type(error)):
        stage.tell()
    assert len(world.letters) == 2
    assert stage.tell().problem == ""
    assert len(world.letters) == 6
    assert set(tells(world).values()) == {1}


def test_two_runs_at_once_tell_each_client_once(tmp_path: Path) -> None:
    world, stage = moved(tmp_path)
    other = stage.start()

    def both() -> None:
        if world.calls["introduce"] == 2:
            other.introductions.run(CASE, stage.systems["crm"])

    world.before_call["introduce"] = both
    stage.tell()
    assert len(world.letters) == 6
    assert set(tells(world).values()) == {1}


def test_bounced_and_refused_are_shown_by_name_to_successor_and_manager(tmp_path: Path) -> None:
    world, stage = moved(tmp_path, records=4)
    stage.tell()
    first = next(iter(world.letters.values()))
    first.state, first.reason = Introduction.BOUNCED, "no such address"
    assert stage.handover.introductions.read(CASE) == {}
    assert stage.told() == {SENT: 1, IntroductionState.BOUNCED: 1}
    client = world.records[first.client].family_name
    assert f"1 bounced: {client} (no such address)" in stage.clients().told[0]
    notes = {note.successor.slack_id: note for note in stage.handover.notes.of_case(CASE)}
    mine = notes[{"bob": "U0BOB", "carol": "U0CAROL"}[first.successor]]
    assert mine.told[IntroductionState.BOUNCED] == 1
    assert [line.client for line in mine.not_told] == [client]


def test_a_task_that_was_deleted_is_no_longer_said_to_be_there(tmp_path: Path) -> None:
    world, stage = moved(tmp_path, records=2)
    stage.tell()
    world.letters.clear()
    stage.handover.introductions.read(CASE)
    assert stage.told() == {IntroductionState.BOUNCED: 1}


def test_a_read_that_fails_leaves_the_last_state_with_its_age_and_says_so(tmp_path: Path) -> None:
    world, stage = moved(tmp_path, records=2)
    stage.tell()
    [before] = stage.handover.introductions.lines(CASE)
    stage.time.pass_(minutes=60)
    world.down = True
    assert "crm is down" in stage.handover.introductions.read(CASE)["crm"]
    assert stage.handover.introductions.lines(CASE) == (before,)


def test_put_back_clients_are_not_told_afterwards(tmp_path: Path) -> None:
    world, stage = moved(tmp_path)
    stage.handover.put_backs.begin(CASE, HANNA)
    stage.tell()
    stage.handover.put_backs.run(f"{CASE}:crm")
    stage.tell()
    assert not world.letters


@pytest.mark.parametrize("state", [CaseState.CANCELLED, CaseState.UNDONE, CaseState.CLOSED])
def test_an_ended_case_tells_nobody(tmp_path: Path, state: CaseState) -> None:
    world, stage = moved(tmp_path)
    stage.change(lambda case: setattr(case, "state", state))
    assert stage.tell() == ActResult()
    assert not world.letters


def test_who_may_tell(tmp_path: Path) -> None:
    world, stage = moved(tmp_path)
    for stranger in (EVE, DANA):
        with pytest.raises(Refused):
            stage.handover.introductions.send(CASE, stranger)
    assert not world.letters
    stage.handover.introductions.send(CASE, MAX)
    assert len(world.letters) == 6


def test_a_successor_may_introduce_themselves_and_nobody_else(tmp_path: Path) -> None:
    world, stage = moved(tmp_path)
    bob = Actor("slack:U0BOB", "Bob Ross")
    for other in ("", "carol@x.example", "nobody"):
        with pytest.raises(Refused):
            stage.handover.introductions.send(CASE, bob, other)
    notes = {note.successor.key: note.to_tell for note in stage.handover.notes.of_case(CASE)}
    assert notes == {"bob@x.example": 3, "carol@x.example": 3}
    stage.handover.introductions.send(CASE, bob, BOB.key)
    assert {letter.successor for letter in world.letters.values()} == {"bob"}
    notes = {note.successor.key: note.to_tell for note in stage.handover.notes.of_case(CASE)}
    assert notes == {"bob@x.example": 0, "carol@x.example": 3}
    stage.handover.introductions.send(CASE, bob, BOB.key)
    assert len(world.letters) == 3


def test_rows_alone_tell_nobody(tmp_path: Path) -> None:
    world = crm()
    stage = Telling(tmp_path, world.system(MemoryTelling))
    stage.tick()
    stage.approve()
    with stage.store.write() as session:  # another hand: as if it had moved
        session.execute(sa.update(Assignment).values(state=AssignmentState.MOVED, owner_after="bob"))
    for record in list(world.records):
        world.give(record, "bob")
    result = stage.tell()
    assert "was not moved" in result.problem
    assert not world.letters


def test_rows_hold_no_name_in_clear_and_the_journal_tells_each(tmp_path: Path) -> None:
    _world, stage = moved(tmp_path, records=2)
    stage.tell()
    with stage.store.read() as session:
        [row] = session.exec(select(Row)).all()
        raw = session.connection().execute(sa.text("SELECT * FROM introduction")).one()
    assert row.account == stage.rows()["opportunity:000"].owner_after
    assert LEAVER.name not in str(raw)
    assert "Client party" not in str(raw)
    assert "Hello" not in str(raw)
    [entry] = stage.journalled("clients.introduced")
    assert json.loads(entry.data) == {"system": "crm", "state": "sent", "client": "opportunity:000"}
