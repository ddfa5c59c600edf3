"""Stages follow their case: moved, held, cancelled, closed; undone newest first, and what is not undone is said."""

import threading
from datetime import timedelta

import pytest

from connectors.errors import Unavailable
from tests.workflows.memory import Killed
from tests.workflows.office import HR, SECURITY
from tests.workflows.stages.conftest import Founded
from workflows.cases.holds import CasePolicy
from workflows.stage_acts import StageAct
from workflows.stages.days import day_later
from workflows.stages.views import StageState
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.work_state import WorkState


def test_stages_move_with_their_case(found: Founded) -> None:
    company = found()
    case_id = company.open()
    later = company.office.clock.now() + timedelta(days=40)
    company.office.offboarding.reschedule(case_id, later, HR)
    assert company.stage(case_id, "last_day").planned_at == later
    assert company.stage(case_id, "day_30").planned_at == day_later(later, 30, "Europe/Dublin")
    company.office.clock.pass_(days=39)
    company.office.work("stage")
    assert company.writes() == []


def test_a_closed_case_cancels_its_stages_and_undoes_nothing(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    company.office.offboarding.close(case_id, HR)
    company.to_day(31, case_id)
    assert company.state(case_id, "last_day") is StageState.DONE
    assert company.state(case_id, "day_30") is StageState.CANCELLED
    assert not any(one.startswith("undo") for one in company.writes())


def test_a_cancelled_case_undoes_what_was_done_at_notice(found: Founded) -> None:
    company = found({"at_notice": (StageAct.STOP_NEW_WORK,), "day_30": (StageAct.RECLAIM_LICENCES,)})
    case_id = company.open()
    company.office.work("stage")
    company.office.offboarding.cancel(case_id, HR, "stays")
    company.office.work("stage")
    assert sorted(company.writes()[2:]) == ["undo stop_new_work crm", "undo stop_new_work directory"]
    assert company.state(case_id, "at_notice") is StageState.UNDONE
    assert company.state(case_id, "day_30") is StageState.CANCELLED


def test_an_undone_case_undoes_its_stages_newest_first(found: Founded) -> None:
    company = found()
    case_id = company.open()
    for day in (0, 7):
        company.to_day(day, case_id)
    company.office.offboarding.undo(case_id, HR, "a mistake")
    company.office.work("stage")
    company.office.work("stage")
    undone = [one for one in company.writes() if one.startswith("undo") and one.endswith("crm")]
    assert undone == ["undo deactivate crm", "undo tell_clients crm", "undo stop_new_work crm"]
    assert company.state(case_id, "last_day") is company.state(case_id, "day_7") is StageState.UNDONE
    assert company.state(case_id, "day_30") is StageState.CANCELLED
    line = company.stage(case_id, "day_7").acts[1].systems[1]
    assert line.undone == ("deactivate undone in crm",)


def test_a_failed_undo_is_said_and_the_older_acts_wait_for_it(found: Founded) -> None:
    company = found()
    case_id = company.open()
    for day in (0, 7):
        company.to_day(day, case_id)
    company.acts[StageAct.DEACTIVATE].worlds["crm"].fail("undo:deactivate", Unavailable("down"), times=1)
    company.office.offboarding.undo(case_id, HR, "a mistake")
    company.office.work("stage")
    assert "undo stop_new_work directory" in company.writes()
    assert "undo stop_new_work crm" not in company.writes()
    assert company.state(case_id, "day_7") is StageState.NOT_UNDONE
    assert [(line.system, line.not_undone) for _act, line in company.stage(case_id, "day_7").open_parts] == [
        ("crm", "not reachable: down")
    ]
    company.office.offboarding.undo(case_id, HR)
    company.office.work("stage")
    assert company.state(case_id, "day_7") is company.state(case_id, "last_day") is StageState.UNDONE
    assert company.acts[StageAct.STOP_NEW_WORK].acted == set()


@pytest.mark.parametrize("done", [False, True])
def test_killed_in_the_undo_nothing_is_lost_or_undone_twice(found: Founded, done: bool) -> None:
    company = found()
    case_id = company.open()
    for day in (0, 7):
        company.to_day(day, case_id)
    company.acts[StageAct.TELL_CLIENTS].worlds["crm"].fail("undo:tell_clients", Killed(), done=done)
    company.office.offboarding.undo(case_id, HR, "a mistake")
    with pytest.raises(Killed):
        company.office.work("stage")
    company.office.work("stage")
    undone = [one for one in company.writes() if one.startswith("undo")]
    assert len(undone) == len(set(undone)) == 6
    assert company.state(case_id, "last_day") is StageState.UNDONE


def test_a_case_undone_in_the_middle_of_an_act_undoes_that_act_too(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    world = company.acts[StageAct.TELL_CLIENTS].worlds["crm"]
    runs, undone = threading.Event(), threading.Event()

    def slow() -> None:
        world.before_call.clear()
        runs.set()
        assert undone.wait(60)

    world.before_call["tell_clients"] = slow
    company.office.clock.pass_(days=8)
    run = threading.Thread(target=company.office.handlers["stage"], args=(f"{case_id}:day_7",))
    run.start()
    assert runs.wait(60)
    company.office.offboarding.undo(case_id, HR, "a mistake")
    company.office.work("stage")
    company.office.clock.pass_(minutes=1)
    company.office.work("stage")
    assert company.state(case_id, "day_7") is StageState.NOT_UNDONE, "it waits at every try"
    undone.set()
    run.join(60)
    assert "do deactivate crm" not in company.writes(), "nothing begins after the undo"
    company.office.clock.pass_(minutes=6)
    company.office.work("stage")
    assert all(act.acted == set() for act in company.acts.values())
    assert company.state(case_id, "day_7") is StageState.UNDONE


def test_an_act_that_ends_long_after_the_undo_is_undone_after_all(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    act = company.acts[StageAct.TELL_CLIENTS]

    def undone_meanwhile() -> None:
        act.worlds["crm"].before_call.clear()
        company.office.offboarding.undo(case_id, HR, "a mistake")
        company.office.clock.pass_(minutes=11)
        company.office.work("stage")
        assert company.state(case_id, "day_7") is StageState.UNDONE

    act.worlds["crm"].before_call["tell_clients"] = undone_meanwhile
    company.office.clock.pass_(days=8)
    company.office.handlers["stage"](f"{case_id}:day_7")
    assert (case_id, "crm") in act.acted
    assert company.state(case_id, "day_7") is not StageState.UNDONE
    company.office.work("stage")
    assert act.acted == set()
    assert company.state(case_id, "day_7") is StageState.UNDONE


def test_an_act_cut_by_a_kill_before_the_undo_is_undone(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    company.acts[StageAct.TELL_CLIENTS].worlds["crm"].fail("tell_clients", Killed(), done=True)
    with pytest.raises(Killed):
        company.to_day(7, case_id)
    company.office.offboarding.undo(case_id, HR, "a mistake")
    company.office.work("stage")
    assert company.state(case_id, "day_7") is StageState.NOT_UNDONE, "it may still run elsewhere"
    company.office.clock.pass_(minutes=11)
    company.office.work("stage")
    assert all(act.acted == set() for act in company.acts.values())
    assert company.state(case_id, "day_7") is StageState.UNDONE


def test_a_row_that_says_undone_undoes_nothing(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    row = company.row(case_id, "last_day")
    row.phase, row.state, row.due_at = "undo", WorkState.DUE, company.office.clock.now()
    with company.office.store.write() as session:
        session.merge(row)
    company.office.work("stage")
    assert not any(one.startswith("undo") for one in company.writes())


def test_a_held_case_does_no_stage_until_it_is_released(found: Founded) -> None:
    company = found({"at_notice": (StageAct.STOP_NEW_WORK,)}, rules=CasePolicy(mass_cases_per_hour=0))
    case_id = company.open()
    assert company.office.offboarding.case(case_id).state is CaseState.HELD
    company.office.work("stage")
    assert company.writes() == []
    company.office.offboarding.release(case_id, SECURITY)
    company.office.work("inventory")
    company.office.work("stage")
    assert len(company.writes()) == 2


def test_a_case_keeps_the_stages_that_it_was_opened_with(found: Founded) -> None:
    company = found()
    own = {"day_3": (StageAct.RECLAIM_LICENCES,)}
    case_id = company.open(stages=own)
    assert [one.name for one in company.office.services.stages.of_case(case_id).stages] == ["day_3"]
    company.to_day(0, case_id)
    company.to_day(3, case_id)
    assert company.state(case_id, "day_3") is StageState.DONE
