"""The stage act that stops new work: what it stops, what it leaves, and what an undo or a kill makes of it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import DutyKind
from connectors.errors import Unavailable
from tests.workflows.access.test_duty_decisions import (
    CAROLS,
    DANAS,
    GIVE,
    KEEP,
    LEADS,
    NIGHTLY,
    decide,
    duty,
    flows,
    item,
    later,
    titles,
)
from tests.workflows.memory import Killed, MemoryDuties, MemoryFlows, World
from tests.workflows.office import HR, Office
from workflows.access.duty_work import DutyWork
from workflows.access.new_work import StopNewWork
from workflows.stage_acts import ActResult

__all__ = ["flows"]
CASES = duty("Cases", DutyKind.ROUTES)


@pytest.fixture
def office(tmp_path: Path, flows: World) -> Iterator[Office]:
    flows.duties[DANAS].append(CASES)
    made = Office(tmp_path, flows.system(MemoryDuties))
    yield made
    made.store.close()


def stop(office: Office, case_id: str, *, undo: bool = False) -> ActResult:
    act = StopNewWork(office.context, DutyWork(office.context))
    return (act.undo if undo else act.run)(case_id, office.systems["flows"])


def test_routes_stop_before_the_last_day_and_nothing_else(office: Office, flows: World) -> None:
    case_id = later(office)
    act = StopNewWork(office.context, DutyWork(office.context))
    assert act.applies(office.systems["flows"])
    assert not act.applies(office.systems["crm"])
    assert list(act.foresee(office.systems["flows"], [DANAS])) == [
        "Cases stops sending work to them",
        "Leads stops sending work to them",
    ]
    assert flows.writes.total() == 0
    result = stop(office, case_id)
    assert (result.problem, len(result.done)) == ("", 2)
    assert titles(flows, DANAS) == ["Nightly sync", "Personal key", "Sales"]
    assert item(office, case_id, LEADS).result == "the leaver was taken out"
    assert stop(office, case_id) == ActResult(), "there was nothing to do"


def test_what_somebody_keeps_stays_and_what_is_given_goes_to_the_colleague(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, KEEP)
    decide(office, case_id, CASES, GIVE, "carol@x.example")
    assert len(stop(office, case_id).done) == 1
    assert "Leads" in titles(flows, DANAS)
    assert titles(flows, CAROLS) == ["Cases"]


def test_a_person_gives_what_a_stage_stopped(office: Office, flows: World) -> None:
    case_id = later(office)
    stop(office, case_id)
    decide(office, case_id, LEADS, GIVE, "carol@x.example")
    office.work("duty")
    assert titles(flows, CAROLS) == ["Leads"]


@pytest.mark.parametrize("cancel", [True, False])
def test_the_end_of_the_case_puts_it_back(office: Office, flows: World, cancel: bool) -> None:
    case_id = later(office)
    stop(office, case_id)
    assert stop(office, case_id, undo=True) == ActResult(), "the case goes on"
    if cancel:
        office.offboarding.cancel(case_id, HR, "stays")
    else:
        office.clock.pass_(days=30)
        office.work("revoke")
        office.offboarding.undo(case_id, HR, "a mistake")
    result = stop(office, case_id, undo=True)
    assert (result.problem, len(result.done)) == ("", 2)
    assert {"Leads", "Cases"} <= set(titles(flows, DANAS))


@pytest.mark.parametrize("at", ["duties", "duty_image", "stop"])
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_kill_at_any_step_is_made_good(office: Office, flows: World, at: str, done: bool, skip: int) -> None:
    case_id = later(office)
    flows.fail(at, Killed(), done=done, skip=skip)
    with pytest.raises(Killed):
        stop(office, case_id)
    result = stop(office, case_id)
    assert result.problem == ""
    assert titles(flows, DANAS) == ["Nightly sync", "Personal key", "Sales"]
    assert all(flows.writes[f"stop:{one.id}"] == 1 for one in (LEADS, CASES))
    office.offboarding.cancel(case_id, HR, "stays")
    stop(office, case_id, undo=True)
    office.work("duty")
    assert {"Leads", "Cases"} <= set(titles(flows, DANAS))


def test_a_list_that_cannot_be_read_is_an_error_and_a_system_that_changes_none_needs_a_person(
    tmp_path: Path, flows: World
) -> None:
    office = Office(tmp_path, flows.system(MemoryFlows))
    case_id = later(office)
    flows.fail("duties", Unavailable("down"))
    with pytest.raises(Unavailable):
        stop(office, case_id)
    result = stop(office, case_id)
    assert result.waits
    assert "by hand" in result.problem
    assert "Leads" in titles(flows, DANAS)
    office.store.close()


def test_what_routes_again_is_a_finding_and_is_stopped_again(office: Office, flows: World) -> None:
    case_id = later(office)
    stop(office, case_id)
    office.clock.pass_(days=30)
    office.work()
    flows.duties[DANAS].append(LEADS)
    office.clock.pass_(days=1)
    office.work("follow_up")
    [left] = [one for one in office.audits.findings() if one.kind == "duty left"]
    assert (left.system, left.detail) == ("flows", "1 duty: Leads")
    [told] = [one for one in office.offboarding.case(case_id).follow_ups if one.done_at]
    assert "1 duty is still in their name" in told.summary
    office.work("duty")
    assert "Leads" not in titles(flows, DANAS)
    office.clock.pass_(days=6)
    office.work("follow_up")
    assert not [one for one in office.audits.findings() if one.kind == "duty left"]


def test_a_list_that_is_not_known_at_a_follow_up_is_said(office: Office, flows: World) -> None:
    case_id = later(office)
    office.clock.pass_(days=30)
    office.work()
    flows.fail("duties", Unavailable("401 after the lock"), times=99)
    office.clock.pass_(days=1)
    office.work("follow_up")
    [told] = [one for one in office.offboarding.case(case_id).follow_ups if one.done_at]
    assert "401 after the lock" in told.summary
    assert NIGHTLY.title not in told.summary
    assert office.clock.now() > office.offboarding.case(case_id).effective_at + timedelta(days=1)
