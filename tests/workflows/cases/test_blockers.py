"""Refusals that lie ahead: first in the plan, each with its remedy, and again where the lock is then refused."""

import json
from pathlib import Path

import pytest

from bot.cli.output import plain
from bot.cli.plan import show
from bot.slack.messages.plan import details, summary
from connectors.contract import AccountId, Act, Blocker, Effect, Subject
from connectors.errors import Forbidden, Unavailable
from tests.workflows.memory import MemoryRefusing, World
from tests.workflows.office import DANA, Office
from workflows.cases.views import Plan

DANAS = AccountId("vendor-dana")
LOCK = Blocker(Act.LOCK, "svc may not write users.", "Let svc write users <here>.")
MOVE = Blocker(Act.MOVE_RECORDS, "svc may not write deals.", "Let svc write deals.")
HIDES = Effect(Act.LOCK, Subject.ACTIVITIES, "An archived user is in no list.")
ENDS = Effect(Act.DEACTIVATE, Subject.TOKENS, "Tokens are deleted.", destroys=True)


@pytest.fixture
def vendor() -> World:
    world = World("vendor")
    world.user(DANAS, "dana@x.example")
    world.blockers = {DANAS: [MOVE, LOCK]}
    return world


@pytest.fixture
def office(tmp_path: Path, vendor: World) -> Office:
    return Office(tmp_path, vendor.system(MemoryRefusing, effects=(HIDES, ENDS)))


def planned(office: Office) -> Plan:
    return office.offboarding.plan(DANA)


def test_refusals_come_first_each_with_its_remedy(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(office)
    [system] = [one for one in plan.systems if one.blockers]
    assert [(one.act, one.login) for one in system.blockers] == [(Act.LOCK, "dana"), (Act.MOVE_RECORDS, "dana")]
    first = [line for line in summary(plan, ["somebody is away"]).splitlines() if "Careful" in line]
    assert "VENDOR, dana: svc may not write users. Let svc write users &lt;here&gt;." in first[0]
    assert "svc may not write deals." in first[1]
    assert "svc may not write users." in str(details(plan, []))
    show(plan)
    told = capsys.readouterr().out
    assert told.index("Will be refused:") < told.index("Order of acts:")
    assert plan.refusals == (), "a case can be opened all the same"
    [found] = [one for one in json.loads(json.dumps(plan, default=plain))["systems"] if one["blockers"]]
    assert found["blockers"][0]["remedy"] == LOCK.remedy
    assert found["effects"][0]["destroys"] is True


def test_the_plan_has_a_line_a_system_on_lists_that_acts_end(office: Office) -> None:
    text = summary(planned(office), [])
    assert "VENDOR: later gone for good: personal tokens; later unreadable: activities with clients" in text
    assert "An archived user is in no list." in str(details(planned(office), []))


@pytest.mark.parametrize("error", [Unavailable("down"), KeyError("x")])
def test_a_read_that_fails_is_no_good_news(office: Office, vendor: World, error: Exception) -> None:
    vendor.fail("blockers", error, times=9)
    plan = planned(office)
    assert any("what the system will refuse cannot be told" in one for one in plan.warnings)


def test_a_protection_and_a_refusal_are_said_once(office: Office, vendor: World) -> None:
    vendor.users[DANAS].protected = "svc may not write users."
    plan = planned(office)
    assert not any("svc may not write users" in one for one in plan.warnings)
    vendor.blockers = {}
    assert any("svc may not write users" in one for one in planned(office).warnings)


def test_a_refused_lock_names_the_remedy(office: Office, vendor: World) -> None:
    case_id = office.offboarding.open(office.request())
    vendor.fail("lock", Forbidden("403"), times=9)
    office.work("revoke")
    [line] = [one for one in office.offboarding.case(case_id).systems if one.system == "vendor"]
    assert line.verdict == "open"
    assert LOCK.remedy in line.reason
    assert MOVE.remedy not in line.reason


def test_a_refused_lock_is_told_though_the_remedy_is_not_known(office: Office, vendor: World) -> None:
    case_id = office.offboarding.open(office.request())
    vendor.fail("lock", Forbidden("403"), times=9)
    vendor.fail("blockers", Unavailable("down"), times=9)
    office.work("revoke")
    [line] = [one for one in office.offboarding.case(case_id).systems if one.system == "vendor"]
    assert (line.verdict, line.reason) == ("open", "our credential lacks a permission: 403")
