"""People move, run and skip stages, and hold what cannot be undone. Each act is on record, and done once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from connectors.errors import Unavailable
from tests.workflows.office import HR, SECURITY
from tests.workflows.stages.conftest import DESTROYS, Company, Founded
from workflows.people import Leaver
from workflows.refusals import Code, Refused
from workflows.stage_acts import ActResult, StageAct
from workflows.stages.days import day_later
from workflows.stages.views import StageState
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.stages import LegalHold
from workflows.storage.rows.watch import FindingKind
from workflows.systems.registry import System


def refused(act: Callable[[], object]) -> Code:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.code


def entries(company: Company, action: str) -> int:
    with company.office.store.read() as session:
        return len(session.exec(select(JournalEntry).where(JournalEntry.action == action)).all())


def test_a_moved_stage_comes_on_its_new_day_and_stays_there(found: Founded) -> None:
    company = found()
    case_id = company.open()
    for _click in range(2):
        company.office.services.stage_control.move(case_id, "day_7", date(2026, 3, 20), HR)
    assert entries(company, "stage.moved") == 1
    assert company.stage(case_id, "day_7").planned_at == datetime(2026, 3, 20, 9, tzinfo=UTC)
    company.office.offboarding.reschedule(case_id, datetime(2026, 3, 5, 17, tzinfo=UTC), HR)
    assert company.stage(case_id, "day_7").planned_at == datetime(2026, 3, 20, 9, tzinfo=UTC)
    assert company.stage(case_id, "day_30").planned_at == day_later(
        datetime(2026, 3, 5, 17, tzinfo=UTC), 30, "Europe/Dublin"
    )
    company.to_day(7, case_id)
    assert company.state(case_id, "day_7") is StageState.PLANNED
    company.to_day(16, case_id)
    assert company.state(case_id, "day_7") is StageState.DONE


def test_a_stage_is_not_moved_before_the_lock_out_or_into_the_past(found: Founded) -> None:
    company = found()
    case_id = company.open(effective_at=company.office.clock.now() + timedelta(days=9))
    move = company.office.services.stage_control.move
    assert refused(lambda: move(case_id, "day_7", date(2026, 3, 4), HR)) is Code.STAGE_TOO_EARLY
    assert refused(lambda: move(case_id, "day_7", date(2026, 2, 4), HR)) is Code.PAST_TIME
    assert refused(lambda: move(case_id, "day_8", date(2026, 3, 20), HR)) is Code.UNKNOWN_STAGE
    run = company.office.services.stage_control.run_now
    assert refused(lambda: run(case_id, "day_7", HR)) is Code.STAGE_TOO_EARLY


def test_a_day_keeps_its_local_time_over_a_change_of_the_clocks() -> None:
    evening = datetime(2026, 3, 20, 17, tzinfo=UTC)
    assert day_later(evening, 30, "Europe/Dublin") == datetime(2026, 4, 19, 16, tzinfo=UTC)
    assert day_later(evening, 30, "Mars/Olympus") == datetime(2026, 4, 19, 17, tzinfo=UTC)


def test_run_now_is_done_once_and_tells_who_asked(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    for _click in range(2):
        company.office.services.stage_control.run_now(case_id, "day_30", SECURITY)
    assert entries(company, "stage.run_now") == 1
    assert [work for work in company.office.started if work[0] == "stage"] == [("stage", f"{case_id}:day_30", 1)]
    company.office.work("stage")
    company.office.work("stage")
    assert company.state(case_id, "day_30") is StageState.DONE
    assert company.acts[StageAct.RECLAIM_LICENCES].writes == {"do:crm": 1, "do:directory": 1}
    told = [post.channel for post in company.office.posts().values() if post.kind == MessageKind.NEWS]
    assert "U0SEC" in told
    control = company.office.services.stage_control
    assert refused(lambda: control.run_now(case_id, "day_30", SECURITY)) is Code.STAGE_OVER


def test_a_skipped_stage_is_never_done_and_says_why(found: Founded) -> None:
    company = found()
    case_id = company.open()
    skip = company.office.services.stage_control.skip
    assert refused(lambda: skip(case_id, "day_7", HR, " ")) is Code.NEEDS_REASON
    skip(case_id, "day_7", HR, "the clients know")
    assert refused(lambda: skip(case_id, "day_7", HR, "again")) is Code.STAGE_OVER
    assert entries(company, "stage.skipped") == 1
    company.to_day(30, case_id)
    line = company.stage(case_id, "day_7")
    assert (line.state, line.skipped_by, line.skipped_why) == (StageState.SKIPPED, "Hanna", "the clients know")
    assert not any("tell_clients" in one for one in company.writes())


def test_a_system_that_stays_down_becomes_a_finding_and_who_asked_is_told(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    company.acts[StageAct.RECLAIM_LICENCES].worlds["crm"].fail("reclaim_licences", Unavailable("gone"), times=5)
    company.to_day(30, case_id)
    for _try in range(4):
        company.office.clock.pass_(minutes=6)
        company.office.work("stage")
    assert company.acts[StageAct.RECLAIM_LICENCES].writes == {"do:directory": 1}
    findings = company.office.offboarding.case(case_id).findings
    assert [(one.kind, one.system) for one in findings] == [(FindingKind.STAGE_NOT_DONE, "crm")]
    assert "gone" in findings[0].detail
    news = [post for post in company.office.posts().values() if post.kind == MessageKind.NEWS]
    assert [(post.channel, post.subject.rpartition("|")[2]) for post in news if "stage" in post.subject] == [
        ("U0HR", "day_30/open")
    ]
    company.office.clock.pass_(minutes=6)
    company.office.work("stage")
    assert company.state(case_id, "day_30") is StageState.DONE
    assert all(one.closed_at for one in company.office.offboarding.case(case_id).findings)
    assert any(post.subject.endswith("day_30/done") for post in company.office.posts().values())


def test_a_hold_set_in_the_middle_of_a_stage_stops_what_has_not_begun(found: Founded) -> None:
    company = found(effects=(DESTROYS,))
    case_id = company.open()
    company.to_day(0, case_id)
    holds = company.office.services.legal_holds
    world = company.acts[StageAct.TELL_CLIENTS].worlds["crm"]

    def set_hold() -> None:
        world.before_call.clear()
        holds.set(case_id, SECURITY, "a lawsuit")

    world.before_call["tell_clients"] = set_hold
    company.to_day(7, case_id)
    assert "do tell_clients crm" in company.writes()
    assert "do deactivate directory" in company.writes(), "nothing is destroyed there"
    assert "do deactivate crm" not in company.writes()
    [(act, line)] = company.stage(case_id, "day_7").open_parts
    assert (act, line.system, line.waits) == (StageAct.DEACTIVATE, "crm", True)
    assert "legal hold since" in line.problem
    assert "by Sam" in line.problem
    assert company.state(case_id, "day_7") is StageState.WAITS
    assert company.office.offboarding.case(case_id).findings == (), "a hold is no fault"
    assert refused(lambda: holds.set(case_id, SECURITY, "again")) is Code.ALREADY_HELD
    company.office.services.stage_control.run_now(case_id, "day_7", HR)
    company.office.work("stage")
    assert "do deactivate crm" not in company.writes(), "nobody runs past a hold"
    holds.end(case_id, SECURITY, "the lawsuit is over")
    company.office.work("stage")
    assert "do deactivate crm" in company.writes()
    assert company.state(case_id, "day_7") is StageState.DONE
    assert refused(lambda: holds.end(case_id, SECURITY, "again")) is Code.NOT_HELD
    [ended] = company.office.services.stages.of_case(case_id).ended_holds
    assert (ended.reason, ended.ended_by, ended.ended_why) == ("a lawsuit", "Sam", "the lawsuit is over")


def test_only_people_of_security_set_and_end_a_hold(found: Founded) -> None:
    company = found()
    case_id = company.open()
    holds = company.office.services.legal_holds
    assert refused(lambda: holds.set(case_id, HR, "a lawsuit")) is Code.NOT_ALLOWED
    holds.set(case_id, SECURITY, "a lawsuit")
    assert refused(lambda: holds.end(case_id, HR, "over")) is Code.NOT_ALLOWED


def test_a_hold_counts_for_a_new_case_of_the_person(found: Founded) -> None:
    company = found(effects=(DESTROYS,))
    case_id = company.open()
    company.office.services.legal_holds.set(case_id, SECURITY, "a lawsuit")
    company.office.offboarding.cancel(case_id, HR, "stays")
    leaver: Leaver = company.office.request().leaver
    assert any("Legal hold since" in one and case_id in one for one in company.office.offboarding.plan(leaver).warnings)
    second = company.open()
    company.to_day(0, second)
    company.to_day(7, second)
    assert "do deactivate crm" not in company.writes()
    hold = company.office.offboarding.case(second).hold
    assert hold is not None
    assert hold.case_id == case_id


def test_a_hold_whose_row_was_taken_out_still_holds(found: Founded) -> None:
    company = found(effects=(DESTROYS,))
    case_id = company.open()
    company.office.services.legal_holds.set(case_id, SECURITY, "a lawsuit")
    with company.office.store.write() as session:
        session.delete(session.exec(select(LegalHold)).one())
    company.to_day(0, case_id)
    company.to_day(7, case_id)
    assert "do deactivate crm" not in company.writes()


def test_what_is_not_as_the_case_was_opened_with_is_not_done(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)

    def forge(change: Callable[[Session], object]) -> None:
        with company.office.store.write() as session:
            change(session)

    row = company.row(case_id, "day_30")
    row.due_at = row.planned_at = company.office.clock.now()
    forge(lambda session: session.merge(row))
    company.office.work("stage")
    row = company.row(case_id, "day_7")
    row.acts, row.due_at = '["deactivate"]', company.office.clock.now()
    forge(lambda session: session.merge(row))
    company.office.work("stage")
    assert not [one for one in company.writes() if "reclaim" in one or "deactivate" in one]
    kinds = {one.kind for one in company.office.offboarding.case(case_id).findings}
    assert kinds == {FindingKind.TAMPERED}


def test_what_is_left_to_a_person_waits_and_is_told_from_the_second_try_on(found: Founded) -> None:
    company = found()
    case_id = company.open()
    company.acts[StageAct.STOP_NEW_WORK].left = "2 queues: choose a new owner"
    company.to_day(0, case_id)
    assert company.state(case_id, "last_day") is StageState.WAITS
    assert company.office.offboarding.case(case_id).findings == (), "a first try may meet the lock-out under way"
    company.office.clock.pass_(minutes=6)
    company.office.work("stage")
    assert [one.kind for one in company.office.offboarding.case(case_id).findings] == [FindingKind.STAGE_NOT_DONE] * 2
    company.acts[StageAct.STOP_NEW_WORK].left = ""
    company.office.clock.pass_(minutes=6)
    company.office.work("stage")
    assert company.state(case_id, "last_day") is StageState.DONE


def test_an_act_that_another_must_precede_waits_and_says_so(found: Founded, monkeypatch: pytest.MonkeyPatch) -> None:
    company = found()
    case_id = company.open()
    company.to_day(0, case_id)
    first = ["the client book is not handed over"]
    monkeypatch.setattr(
        "workflows.stages.preconditions.comes_first",
        lambda _context, _case, system, _act: first if system.name == "crm" else (),
    )
    company.to_day(30, case_id)
    assert company.acts[StageAct.RECLAIM_LICENCES].writes == {"do:directory": 1}
    [(_act, line)] = company.stage(case_id, "day_30").open_parts
    assert (line.problem, line.waits) == (first[0], True)
    first.clear()
    company.office.clock.pass_(minutes=6)
    company.office.work("stage")
    assert company.state(case_id, "day_30") is StageState.DONE


def test_a_fault_of_one_handler_loses_no_other_result(found: Founded, monkeypatch: pytest.MonkeyPatch) -> None:
    company = found()
    case_id = company.open()
    act, run = company.acts[StageAct.STOP_NEW_WORK], company.acts[StageAct.STOP_NEW_WORK].run

    def broken(case: str, system: System) -> ActResult:
        if system.name == "crm":
            raise ZeroDivisionError
        return run(case, system)

    monkeypatch.setattr(act, "run", broken)
    with pytest.raises(ZeroDivisionError):
        company.to_day(0, case_id)
    monkeypatch.undo()
    company.office.work("stage")
    assert act.writes == {"do:crm": 1, "do:directory": 1}
    assert company.state(case_id, "last_day") is StageState.DONE
