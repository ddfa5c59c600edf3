"""Notes to successors: their own clients, open records in their present state, and nothing to other people."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.contract import Limits
from tests.workflows.stage import BOB, CAROL, CASE, HANNA, Stage, crm
from workflows.clients.views import NoteView
from workflows.people import Successor
from workflows.refusals import Code, Refused


def handed_over(folder: Path, records: int = 40, **more: object) -> Stage:
    world = crm(records=records)
    world.record("task:1", "dana", family="party:0", name="=call()", **more)  # type: ignore[arg-type]
    world.record("opportunity:900", "dana", family="party:0", value=5_000_000, open=False)
    stage = Stage(folder, world.system(limits=Limits(move_batch=10)))
    stage.settle(1)
    stage.approve()
    stage.settle(1)
    return stage


def note(stage: Stage, who: Successor) -> NoteView:
    return next(one for one in stage.handover.notes.of_case(CASE) if one.successor == who)


def test_each_successor_is_told_of_theirs_and_nobody_before_it_is_done(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system())
    stage.tick()
    stage.approve()
    assert stage.handover.notes.of_case(CASE) == []
    assert not [post for post in stage.posts() if post.startswith("note:")]
    stage.tick()
    notes = {post.channel: post for post in stage.posts().values() if post.id.startswith("note:")}
    assert set(notes) == {"U0BOB", "U0CAROL"}
    view = stage.handover.notes.view(notes["U0BOB"].subject)
    assert (view.successor.key, view.records, view.clients) == (BOB.key, 6, 3)
    assert view.leaver.name == "Dana O'Neill"


def test_the_open_ones_worth_most_come_first_and_closed_ones_are_no_step(tmp_path: Path) -> None:
    stage = handed_over(tmp_path)
    both = [note(stage, BOB), note(stage, CAROL)]
    assert sum(one.records for one in both) == 42
    assert sum(one.clients for one in both) == 20
    assert sum(one.open for one in both) == 41
    assert sum(one.value["EUR"] for one in both) == Decimal(sum(range(1000, 1040)))
    for one in both:
        worth = [line.value for line in one.next]
        assert worth == sorted(worth, reverse=True)
        assert len(worth) == 10
        assert max(worth) < 5_000_000


def test_the_file_has_every_record_once_and_runs_no_formula(tmp_path: Path) -> None:
    stage = handed_over(tmp_path)
    rows = [row for who in (BOB, CAROL) for row in csv.DictReader(stage.handover.notes.csv(note(stage, who).id))]
    assert len({row["id"] for row in rows}) == len(rows) == 42
    assert {row["record"] for row in rows if row["kind"] == "task"} == {"'=call()"}


def test_what_somebody_else_got_first_is_in_no_note(tmp_path: Path) -> None:
    world = crm()
    stage = Stage(tmp_path, world.system())
    stage.tick()
    stage.approve()
    taken = stage.lines()[0]
    world.give(taken.record_id, "zed")
    stage.tick()
    files = ["".join(stage.handover.notes.csv(one.id)) for one in stage.handover.notes.of_case(CASE)]
    assert not any(taken.record_id in text for text in files)


def test_a_note_is_brought_up_to_date_when_clients_go_back(tmp_path: Path) -> None:
    stage = handed_over(tmp_path)
    bobs = note(stage, BOB).id
    before = stage.posts()[f"note:{bobs}"].wanted_version
    stage.handover.put_backs.begin(CASE, HANNA)
    stage.handover.put_backs.run(f"{CASE}:crm")
    assert stage.posts()[f"note:{bobs}"].wanted_version == before + 1
    assert stage.handover.notes.view(bobs).records == 0


def test_a_note_of_nobody_is_refused(tmp_path: Path) -> None:
    stage = handed_over(tmp_path, 2)
    with pytest.raises(Refused, match=Code.NOTHING_HANDED_OVER):
        stage.handover.notes.view(f"{CASE}:nobody")
    with pytest.raises(Refused, match=Code.UNKNOWN_CASE):
        stage.handover.notes.view("c9:nobody")
