"""Duties of a leaver: in the plan, kept at notice, and read again beside that; a lock-out never waits for them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli.plan import show
from bot.slack.messages.plan import details, summary
from connectors.contract import AccountId, Duty, DutyId, DutyKind
from connectors.errors import Forbidden, Unavailable
from tests.workflows.memory import MemoryFlows, World
from tests.workflows.office import DANA, Office
from workflows.access import duties
from workflows.access.inventory import Inventories
from workflows.access.views import DutyComparison, DutyLine
from workflows.storage.rows.access import Inventory
from workflows.storage.rows.case import Case
from workflows.storage.rows.work_state import WorkState
from workflows.systems.accounts import kept_accounts

DANAS, MAXS = AccountId("flows-dana"), AccountId("flows-max")


def duty(title: str, kind: DutyKind = DutyKind.RUNS, **more: object) -> Duty:
    return Duty(DutyId(f"{kind}:{title}"), kind, "flow", title, "EMEA", **more)  # type: ignore[arg-type]


NIGHTLY = duty("Nightly sync", stops=False, fixed="a key is personal")
LEADS = duty("Leads of the south", DutyKind.ROUTES, stops=None)
SALES = duty("Sales", DutyKind.OWNED)
TOM = duty("Tom", DutyKind.NAMED)
OLD = duty("Old sync", active=False)


@pytest.fixture
def flows() -> World:
    world = World("flows")
    for name in ("dana", "max"):
        world.user(f"flows-{name}", f"{name}@x.example")
    world.duties = {DANAS: [TOM, OLD, SALES, LEADS, NIGHTLY], MAXS: [duty("Another's")]}
    return world


@pytest.fixture
def office(tmp_path: Path, flows: World) -> Iterator[Office]:
    made = Office(tmp_path, flows.system(MemoryFlows))
    yield made
    made.store.close()


def planned(office: Office) -> DutyLine:
    [line] = [one.duties for one in office.offboarding.plan(DANA).systems if one.duties]
    return line


def compared(office: Office, case_id: str) -> DutyComparison:
    [one] = duties.DutyLists(office.context).of_case(case_id)
    return one


def later(office: Office) -> str:
    """Open a case for the last day in a month."""
    return office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=30)))


def test_the_worst_comes_first() -> None:
    stops = duty("Weekly report", stops=True)
    assert duties.worst_first([OLD, TOM, SALES, LEADS, stops, NIGHTLY]) == (NIGHTLY, stops, LEADS, SALES, TOM, OLD)


def test_the_plan_names_the_leavers_duties_and_nobody_elses(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    line = planned(office)
    assert line.duties == (NIGHTLY, LEADS, SALES, TOM, OLD)
    assert (line.unknown, line.read_at) == ((), office.clock.now())
    plan = office.offboarding.plan(DANA)
    text = summary(plan, [])
    assert "5 things run in their name or point to them: Nightly sync · Leads of the south · Sales and 2 more" in text
    assert "not fully known" not in text
    shown = str(details(plan, []))
    for words in (
        "Nightly sync (flow): runs with their rights; goes on after the lock; a key is personal",
        "Leads of the south (flow): sends work to them; whether the lock stops it is not known",
        "Sales (flow): is owned by them",
        "Tom (flow): names them",
        "Old sync (flow): runs with their rights; switched off now",
    ):
        assert words in shown
    assert "Another" not in shown
    show(plan)
    assert "FLOWS: Nightly sync (flow): runs with their rights; goes on" in capsys.readouterr().out


@pytest.mark.parametrize("method", ["duties", "unseen_duties"])
def test_a_read_that_failed_is_said_and_is_not_none(office: Office, flows: World, method: str) -> None:
    flows.fail(method, Forbidden("svc may not read flows"), times=9)
    line = planned(office)
    assert line.duties == ()
    assert line.read_at is None
    assert "svc may not read flows" in line.unknown[0]
    plan = office.offboarding.plan(DANA)
    assert "What runs in their name is not fully known: FLOWS" in summary(plan, [])
    assert "svc may not read flows" in str(details(plan, []))


def test_what_may_not_be_seen_is_said_beside_what_was_found(office: Office, flows: World) -> None:
    flows.unseen_duties = ["svc may not read queues"]
    plan = office.offboarding.plan(DANA)
    text = summary(plan, [])
    assert "5 things run" in text
    assert "not fully known: FLOWS" in text
    assert "svc may not read queues" in str(details(plan, []))


def test_without_duties_the_plan_says_nothing(office: Office, flows: World) -> None:
    flows.duties = {}
    plan = office.offboarding.plan(DANA)
    assert planned(office).duties == ()
    assert "name" not in summary(plan, [])


def test_a_choice_among_accounts_comes_first(office: Office, flows: World) -> None:
    flows.user("flows-other", "dana@x.example", login="dana2")
    line = planned(office)
    assert line.duties == ()
    assert "a person must choose" in line.unknown[0]
    assert flows.calls["duties"] == 0


def test_an_answer_without_end_is_cut_and_said(office: Office, flows: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duties, "MOST", 3)
    flows.duties[DANAS] = [duty(f"Flow {number}") for number in range(50)]
    line = planned(office)
    assert len(line.duties) == 3
    assert "more than 3" in line.unknown[0]


def test_the_list_of_the_notice_stays_beside_what_is_there_now(office: Office, flows: World) -> None:
    case_id, noticed = later(office), office.clock.now()
    office.work("inventory")
    flows.duties[DANAS] = [SALES, duty("New one")]
    office.clock.pass_(days=2)
    one = compared(office, case_id)
    assert one.at_notice is not None
    assert one.at_notice.duties == (NIGHTLY, LEADS, SALES, TOM, OLD)
    assert one.at_notice.read_at == noticed
    assert [found.title for found in one.now.duties] == ["New one", "Sales"]
    assert one.now.read_at == office.clock.now()


def test_after_the_lock_a_list_that_cannot_be_read_is_not_known(office: Office, flows: World) -> None:
    case_id = later(office)
    office.work("inventory")
    flows.fail("duties", Unavailable("lists answer 401 after the lock"), times=9)
    one = compared(office, case_id)
    assert one.at_notice is not None
    assert len(one.at_notice.duties) == 5
    assert (one.now.duties, one.now.read_at) == ((), None)
    assert "401" in one.now.unknown[0]


def test_a_list_that_was_kept_is_not_lost_by_a_read_that_fails(office: Office, flows: World) -> None:
    case_id = later(office)
    office.work("inventory")
    with office.store.write() as session:
        row = session.get_one(Inventory, f"{case_id}:flows")
        row.state, row.due_at = WorkState.DUE, office.clock.now()
    flows.fail("duties", Unavailable("down"), times=1)
    office.work("inventory")
    one = compared(office, case_id)
    assert one.at_notice is not None
    assert len(one.at_notice.duties) == 5


def test_a_list_that_failed_at_notice_is_read_again_before_the_lock(office: Office, flows: World) -> None:
    flows.fail("duties", Unavailable("down"), times=1)
    case_id = later(office)
    office.work("inventory")
    assert compared(office, case_id).at_notice is None
    office.clock.pass_(hours=1)
    office.work("inventory")
    one = compared(office, case_id)
    assert one.at_notice is not None
    assert len(one.at_notice.duties) == 5


@pytest.mark.parametrize("fault", [KeyError("id"), ValueError("7"), AttributeError("get")])
def test_a_malformed_list_costs_no_account_that_was_found_at_notice(
    office: Office, flows: World, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def malformed(_flows: MemoryFlows, _account: AccountId) -> Iterator[Duty]:
        raise fault

    monkeypatch.setattr(MemoryFlows, "duties", malformed)
    [unknown] = planned(office).unknown
    assert "malformed" in unknown
    case_id = later(office)
    office.work()
    with office.store.read() as session:
        row, case = session.get_one(Inventory, f"{case_id}:flows"), session.get_one(Case, case_id)
    assert [*kept_accounts(office.context.vault, case.wrapped_key, row.id, row.sealed).logins] == [DANAS]
    assert row.state == WorkState.DUE, "the list is read again"


def test_a_kill_while_duties_are_read_keeps_the_accounts_and_accuses_nobody(
    office: Office, flows: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """A process that ends in the middle."""

    def killed(*_asked: object) -> None:
        raise Killed

    case_id = later(office)
    with monkeypatch.context() as patch:
        patch.setattr(duties, "read", killed)
        with pytest.raises(Killed):
            Inventories(office.context).run(f"{case_id}:flows")
    with office.store.read() as session:
        row, case = session.get_one(Inventory, f"{case_id}:flows"), session.get_one(Case, case_id)
        [(entry, _marked)] = office.journal.entries(session, case_id, "access.inventoried")
    assert [*kept_accounts(office.context.vault, case.wrapped_key, row.id, row.sealed).logins] == [DANAS]
    assert entry.sealed == row.sealed, "a lock-out compares both"
    assert row.state == WorkState.DUE


def test_duties_hold_up_no_lock_out(office: Office, flows: World) -> None:
    flows.fail("duties", Unavailable("down"), times=99)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert not flows.users[DANAS].active
    one = compared(office, case_id)
    assert one.at_notice is None
    assert "down" in one.now.unknown[0]
