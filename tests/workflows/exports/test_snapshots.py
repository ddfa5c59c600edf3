"""The export track: figures from the systems' own logs, no guesses, no name without a reason."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from config.text import language
from connectors.contract import ExportEvent
from connectors.errors import Unavailable
from tests.workflows.memory import Killed, MemoryBook, MemoryDirectory, World
from tests.workflows.stage import CASE, LEAVER, Stage, crm
from workflows.exports.views import ExportLine
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case
from workflows.storage.rows.access import Access
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.watch import ExportSnapshot
from workflows.storage.rows.work_state import WorkState
from workflows.systems.registry import System

SAM = Actor("slack:U0SAM", "Sam Okafor")
MOMENTS = {"notice": 0, "lock": 10, "day 1": 11}


class Room:
    """A stage with snapshots, and a directory beside the systems."""

    def __init__(self, folder: Path, *systems: System) -> None:
        self.stage = Stage(folder, *systems, World("ldap").system(MemoryDirectory), books=False)
        self.time = self.stage.time
        with self.stage.store.write() as session:
            for moment, day in MOMENTS.items():
                session.add(
                    ExportSnapshot(
                        id=f"c1:{moment}",
                        case_id=CASE,
                        occasion=moment,
                        state=WorkState.DUE,
                        due_at=self.time.now() + timedelta(days=day),
                        pseudonym="Leaver K7F2QX",
                    )
                )
        self.exports = self.stage.build().services.exports

    def row(self, moment: str = "notice") -> ExportSnapshot:
        with self.stage.store.read() as session:
            return session.get_one(ExportSnapshot, f"c1:{moment}")

    def line(self) -> str:
        with self.stage.store.read() as session:
            return self.exports.line(session, CASE)

    def figures(self, moment: str = "notice") -> dict[str, ExportLine]:
        return {line.system: line for line in self.exports.view(f"c1:{moment}").lines}

    def lock(self) -> None:
        with self.stage.store.write() as session:
            session.add(
                Access(
                    id="c1:crm",
                    case_id=CASE,
                    system="crm",
                    due_at=self.time.now(),
                    state=WorkState.DONE,
                    locked_at=self.time.now(),
                )
            )


@pytest.fixture
def world() -> World:
    world = crm(records=10)
    start = datetime(2026, 2, 20, 12, 0, tzinfo=UTC)  # a Friday
    world.export("dana", start, "opportunity:000", "opportunity:001")
    world.export("dana", start + timedelta(minutes=5), "opportunity:001", "opportunity:002")
    world.export("bob", start, "opportunity:009")
    world.export("dana", start - timedelta(days=90), "opportunity:008")
    return world


@pytest.fixture
def room(tmp_path: Path, world: World) -> Room:
    return Room(tmp_path, world.system())


def test_a_snapshot_counts_the_leavers_exports_within_the_window(room: Room) -> None:
    room.exports.take("c1:notice")
    line = room.figures()["crm"]
    assert (line.events, line.records, line.distinct, line.client_base, line.problem) == (2, 4, 3, 10, "")
    assert line.share == pytest.approx(0.3)
    assert set(room.figures()) == {"crm"}  # the directory holds no clients
    assert room.row().state == WorkState.DONE
    post = room.stage.posts()["exports:c1:notice"]
    assert (post.channel, post.thread_parent_id) == ("C0SEC", "")


def test_weeks_begin_on_mondays_and_none_is_left_out(room: Room, world: World) -> None:
    world.export("dana", datetime(2026, 2, 22, 23, 30, tzinfo=UTC), "opportunity:003")  # Monday in Berlin already
    room.exports.take("c1:notice")
    weeks = room.figures()["crm"].weeks
    assert [day.weekday() for day, _, _ in weeks] == [0] * len(weeks)
    assert (weeks[0][0], weeks[-1][0], len(weeks)) == (date(2025, 12, 29), date(2026, 3, 2), 10)
    assert {day: (events, records) for day, events, records in weeks if events} == {
        date(2026, 2, 16): (2, 4),
        date(2026, 2, 23): (1, 1),
    }


def test_what_a_log_does_not_count_is_said_beside_what_it_does(room: Room, world: World) -> None:
    world.export("dana", datetime(2026, 2, 21, tzinfo=UTC), known=False)
    world.events.append(ExportEvent(datetime(2026, 2, 24, tzinfo=UTC), "dana", "opportunity", 40))
    room.exports.take("c1:notice")
    line = room.figures()["crm"]
    assert (line.events, line.records, line.uncounted) == (4, 44, 1)
    assert (line.distinct, line.unnamed) == (3, 2)
    assert line.share == pytest.approx(0.3)
    assert {day: (events, records) for day, events, records in line.weeks if events} == {
        date(2026, 2, 16): (3, 4),
        date(2026, 2, 23): (1, 40),
    }


def test_a_log_that_names_no_record_claims_no_share(room: Room, world: World) -> None:
    world.events = [ExportEvent(datetime(2026, 2, 24, tzinfo=UTC), "dana", "opportunity", n) for n in (40, None)]
    room.exports.take("c1:notice")
    line = room.figures()["crm"]
    assert (line.events, line.records, line.uncounted) == (2, 40, 1)
    assert (line.distinct, line.unnamed, line.share) == (None, 2, None)


def test_nothing_exported_is_none_of_the_client_base(room: Room, world: World) -> None:
    world.events = []
    room.exports.take("c1:notice")
    line = room.figures()["crm"]
    assert (line.events, line.records, line.distinct, line.uncounted, line.unnamed, line.share) == (0, 0, 0, 0, 0, 0.0)


def test_no_log_is_a_result_and_shown(tmp_path: Path, world: World) -> None:
    room = Room(tmp_path, world.system(), crm("shop").system(MemoryBook))
    room.exports.take("c1:notice")
    assert room.figures()["shop"].problem == "keeps no export log"
    assert room.row().state == WorkState.DONE
    assert room.line() == "recorded at notice; shop keeps no export log"


def test_a_dead_log_is_unknown_and_read_later_and_the_other_is_kept(tmp_path: Path, world: World) -> None:
    shop = crm("shop")
    shop.export("dana", datetime(2026, 2, 27, tzinfo=UTC), "opportunity:001")
    shop.down = True
    room = Room(tmp_path, world.system(), shop.system())
    room.exports.take("c1:notice")
    assert room.figures()["crm"].events == 2
    assert room.figures()["shop"].problem == "not reachable: shop is down"
    assert room.line() == "recorded at notice; shop is not known (not reachable: shop is down)"
    assert (room.figures()["shop"].records, room.figures()["shop"].share) == (None, None)
    row = room.row()
    assert (row.state, row.attempt) == (WorkState.DUE, 1)
    assert row.due_at > room.time.now()
    reads = world.calls["exports"]
    until = room.exports.view("c1:notice").until
    room.exports.take("c1:notice")  # not due yet
    assert world.calls["exports"] == reads
    shop.down = False
    room.time.pass_(hours=1)
    shop.export("dana", room.time.now(), "opportunity:002")
    room.exports.take("c1:notice")
    assert (room.figures()["shop"].events, room.figures()["shop"].problem) == (1, "")
    assert world.calls["exports"] == reads
    assert room.exports.view("c1:notice").until == until
    assert room.row().state == WorkState.DONE
    assert room.stage.posts()["exports:c1:notice"].wanted_version == 2


def test_killed_and_run_again_it_is_taken_once(room: Room, world: World) -> None:
    world.fail("exports", Killed())
    with pytest.raises(Killed):
        room.exports.take("c1:notice")
    with pytest.raises(Refused):
        room.exports.view("c1:notice")
    room.exports.take("c1:notice")
    room.exports.take("c1:notice")
    assert len(room.stage.journalled("exports.taken")) == 1


def test_nobody_is_named_until_a_reason_is_given(room: Room) -> None:
    room.exports.take("c1:notice")
    assert room.exports.view("c1:notice").leaver is None
    assert LEAVER.name not in repr(room.exports.view("c1:notice"))
    for empty in ("", "  \n"):
        with pytest.raises(Refused) as caught:
            room.exports.reveal("c1:notice", SAM, empty)
        assert caught.value.code == Code.NEEDS_REASON
    assert room.stage.journalled("exports.revealed") == []
    seen = room.exports.reveal("c1:notice", SAM, "case 17 of the works council")
    assert seen.leaver == LEAVER
    entry = room.stage.journalled("exports.revealed")[0]
    assert (entry.actor, "works council" in entry.data) == (SAM.id, False)
    with room.stage.store.read() as session:
        case, _ = read_case(session, room.stage.vault, CASE)
    assert room.stage.vault.open(case.wrapped_key, entry.sealed, "reveal:c1:notice") == {
        "reason": "case 17 of the works council"
    }


def test_the_case_line_has_no_figures(room: Room) -> None:
    assert room.line() == "not recorded yet"
    room.exports.take("c1:notice")
    assert room.line() == "recorded at notice"


def test_later_moments_are_held_against_the_earlier_and_the_lock(room: Room, world: World) -> None:
    room.exports.take("c1:notice")
    room.time.pass_(days=10)
    world.export("dana", room.time.now() - timedelta(hours=1), "opportunity:004")
    room.exports.take("c1:lock")
    view = room.exports.view("c1:lock")
    assert (view.changes, view.after_leaving) == (("crm: 1 export since the snapshot at notice",), 0)
    room.lock()
    locked = room.time.now()
    room.time.pass_(days=1)
    world.export("dana", room.time.now() - timedelta(hours=2), "opportunity:005")
    room.exports.take("c1:day 1")
    view = room.exports.view("c1:day 1")
    assert (view.changes, view.after_leaving) == (("crm: 1 export since the snapshot at lock",), 1)
    assert [(system, event.record_ids) for system, event in room.exports.after(CASE, locked)] == [
        ("crm", frozenset({"opportunity:005"}))
    ]
    assert room.stage.posts()["exports:c1:day 1"].thread_parent_id == "exports:c1:notice"
    assert room.line() == "recorded at notice, lock, day 1"
    with language("pl"):
        assert room.line() == "zapisano: otwarcie sprawy, odebranie dostępu, dzień 1"


def test_after_says_when_a_log_cannot_be_read(room: Room, world: World) -> None:
    world.down = True
    with pytest.raises(Unavailable):
        room.exports.after(CASE, room.time.now())


def test_an_unknown_snapshot_is_refused(room: Room) -> None:
    for snapshot in ("nothing", "c1:notice"):
        with pytest.raises(Refused) as caught:
            room.exports.view(snapshot)
        assert caught.value.code == Code.UNKNOWN_SNAPSHOT


def test_a_cancelled_case_takes_no_snapshot(room: Room, world: World) -> None:
    room.stage.change(lambda case: setattr(case, "state", CaseState.CANCELLED))
    room.exports.take("c1:notice")
    assert (room.row().state, world.calls["exports"]) == (WorkState.CANCELLED, 0)


def test_figures_stand_nowhere_in_clear(room: Room, tmp_path: Path) -> None:
    room.exports.take("c1:notice")
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("handover.sqlite*"))
    assert b"client_base" not in raw
    assert b"opportunity:00" not in raw


def test_an_overtaken_attempt_writes_nothing(room: Room, world: World) -> None:
    once = iter([True])

    def overtake() -> None:
        if next(once, False):
            world.down = True
            room.exports.take("c1:notice")  # another hand, which fails and puts the row off
            world.down = False

    world.before_call["find"] = overtake
    room.exports.take("c1:notice")
    assert (room.row().state, room.row().attempt) == (WorkState.DUE, 1)
    assert room.figures()["crm"].problem == "not reachable: crm is down"
