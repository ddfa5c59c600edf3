"""Stages of a case: done on their day, once, in every system, and never shown as done otherwise."""

from datetime import UTC, datetime

import pytest

from connectors.errors import OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed
from tests.workflows.office import SECURITY
from tests.workflows.stages.conftest import Founded
from workflows.stage_acts import StageAct
from workflows.stages.reading import state_of
from workflows.stages.views import ActLine, ActSystemLine, StageState
from workflows.storage.rows.stages import Stage
from workflows.storage.rows.watch import FindingKind
from workflows.storage.rows.work_state import WorkState

ALL_DAY_7 = ["do tell_clients directory", "do tell_clients crm", "do deactivate directory", "do deactivate crm"]


def test_a_part_that_was_never_done_is_not_done_though_its_system_left_the_settings() -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    row = Stage(id="c:day_7", case_id="c", name="day_7", acts="[]", planned_at=at, due_at=at, state=WorkState.DONE)
    done = ActSystemLine("directory", "LDAP", complete=True)
    left = ActSystemLine("gone", "gone", complete=False, problem="down")
    assert state_of(row, [ActLine(StageAct.DEACTIVATE, (done,))], at) is StageState.DONE
    assert state_of(row, [ActLine(StageAct.DEACTIVATE, (done, left))], at) is StageState.NOT_DONE
    assert state_of(row, [ActLine(StageAct.DEACTIVATE, ())], at) is StageState.NOTHING


def test_each_stage_is_done_on_its_day_in_every_system_once(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.office.work("stage")
    assert company.writes() == [], "nothing before its day"
    assert [company.state(case_id, name) for name in ("last_day", "day_7", "day_30")] == [StageState.PLANNED] * 3
    company.to_day(0, case_id)
    assert sorted(company.writes()) == ["do stop_new_work crm", "do stop_new_work directory"]
    company.to_day(7, case_id)
    company.to_day(30, case_id)
    for _again in range(2):
        company.office.work("stage")
    assert len(company.writes()) == len(set(company.writes())) == 8
    assert company.state(case_id, "day_30") is StageState.DONE
    crm = company.stage(case_id, "day_30").acts[0].systems[1]
    assert (crm.title, crm.done) == ("CRM", ("reclaim_licences in crm",))


def test_an_act_waits_for_the_one_before_it_in_its_system_alone(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    company.acts[StageAct.TELL_CLIENTS].worlds["crm"].fail("tell_clients", Unavailable("down"), times=1)
    company.to_day(7, case_id)
    done = company.writes()[2:]
    assert "do deactivate directory" in done
    assert "do deactivate crm" not in done
    assert company.state(case_id, "day_7") is StageState.NOT_DONE
    told = {line.system: line.problem for _act, line in company.stage(case_id, "day_7").open_parts}
    assert told == {"crm": "tell the clients comes first there"}
    company.office.clock.pass_(minutes=6)
    company.office.work("stage")
    assert sorted(company.writes()[2:]) == sorted(ALL_DAY_7)
    assert company.state(case_id, "day_7") is StageState.DONE
    asked = company.acts[StageAct.TELL_CLIENTS].worlds["directory"].calls
    assert asked["tell_clients"] == 1, "what is complete is not asked again"


def test_nothing_begins_before_the_lock_out_of_its_system(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.office.clock.pass_(days=1, hours=1)
    company.office.work("stage")
    assert company.writes() == []
    assert company.state(case_id, "last_day") is StageState.WAITS
    company.office.work("revoke")
    company.office.clock.pass_(minutes=6)
    company.office.work("stage")
    assert len(company.writes()) == 2


def test_at_notice_waits_for_the_inventory(found: Founded) -> None:
    company = found({"at_notice": (StageAct.STOP_NEW_WORK,)})
    soon = company.office.clock.now().replace(day=20)
    case_id = company.office.offboarding.open(company.office.request(effective_at=soon))
    company.office.work("stage")
    assert company.writes() == []
    company.office.work("inventory")
    company.office.clock.pass_(minutes=6)
    company.office.work("stage")
    assert sorted(company.writes()) == ["do stop_new_work crm", "do stop_new_work directory"]
    assert company.state(case_id, "at_notice") is StageState.DONE


def test_an_act_that_no_system_offers_is_not_done(found: Founded) -> None:
    company = found(acts=(StageAct.STOP_NEW_WORK,))
    case_id = company.open()
    company.to_day(0, case_id)
    company.to_day(7, case_id)
    assert company.state(case_id, "last_day") is StageState.DONE
    assert company.state(case_id, "day_7") is StageState.NOTHING
    assert all(one.systems == () for one in company.stage(case_id, "day_7").acts)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("act", ["tell_clients", "deactivate"])
@pytest.mark.parametrize("system", ["crm", "directory"])
def test_killed_at_an_act_nothing_is_lost_or_done_twice(found: Founded, act: str, system: str, done: bool) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    company.acts[StageAct(act)].worlds[system].fail(act, Killed(), done=done)
    with pytest.raises(Killed):
        company.to_day(7, case_id)
    assert company.state(case_id, "day_7") is not StageState.DONE
    company.office.work("stage")
    assert sorted(company.writes()[2:]) == sorted(ALL_DAY_7)
    assert company.state(case_id, "day_7") is StageState.DONE


def test_an_answer_that_was_lost_is_read_back(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.acts[StageAct.STOP_NEW_WORK].worlds["crm"].fail("stop_new_work", OutcomeUnknown("?"), done=True)
    company.to_day(0, case_id)
    assert company.state(case_id, "last_day") is StageState.NOT_DONE
    company.office.clock.pass_(minutes=1)
    company.office.work("stage")
    assert company.acts[StageAct.STOP_NEW_WORK].writes == {"do:crm": 1, "do:directory": 1}
    assert company.state(case_id, "last_day") is StageState.DONE


def test_an_audit_finds_a_stage_that_never_began(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    company.office.clock.pass_(days=9)
    company.office.audits.run_now(SECURITY)
    findings = company.office.offboarding.case(case_id).findings
    assert [(one.kind, one.system) for one in findings if one.kind is FindingKind.STAGE_NOT_DONE] == [
        (FindingKind.STAGE_NOT_DONE, "")
    ]
    company.office.work("stage")
    assert company.state(case_id, "day_7") is StageState.DONE
    left = [one for one in company.office.offboarding.case(case_id).findings if one.closed_at is None]
    assert FindingKind.STAGE_NOT_DONE not in {one.kind for one in left}
