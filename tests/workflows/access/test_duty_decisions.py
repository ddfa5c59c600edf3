"""Decisions on duties: who may, what they change, when, and what an undo, a kill or another hand makes of them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from connectors.contract import AccountId, Duty, DutyId, DutyKind
from connectors.errors import Conflict, ConnectorError, Forbidden, OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed, MemoryDuties, MemoryFlows, World
from tests.workflows.office import HR, MAX, SECURITY, Office
from workflows.access.duty_decisions import DutyOrder
from workflows.access.duty_views import DutyItem
from workflows.access.duty_work import DutyWork
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.duties import DutyChoice, DutyDecision
from workflows.storage.rows.work_state import WorkState

DANAS, BOBS, CAROLS = AccountId("flows-dana"), AccountId("flows-bob"), AccountId("flows-carol")
THE_MANAGER = Actor("slack:U0MAX", "Max")
GIVE, KEEP, STOP = DutyChoice.GIVE, DutyChoice.KEEP, DutyChoice.STOP


def duty(title: str, kind: DutyKind = DutyKind.RUNS, **more: object) -> Duty:
    return Duty(DutyId(f"{kind}:{title}"), kind, "flow", title, "EMEA", **more)  # type: ignore[arg-type]


NIGHTLY = duty("Nightly sync")
LEADS = duty("Leads", DutyKind.ROUTES)
SALES = duty("Sales", DutyKind.OWNED)
FIXED = duty("Personal key", fixed="a key is personal")


@pytest.fixture
def flows() -> World:
    world = World("flows")
    for name in ("dana", "max", "bob", "carol"):
        world.user(f"flows-{name}", f"{name}@x.example", name=name.title())
    world.duties = {DANAS: [NIGHTLY, LEADS, SALES, FIXED]}
    return world


@pytest.fixture
def office(tmp_path: Path, flows: World) -> Iterator[Office]:
    made = Office(tmp_path, flows.system(MemoryDuties))
    yield made
    made.store.close()


def later(office: Office, **more: object) -> str:
    """Open a case for the last day in a month, and have its lists read."""
    case_id = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=30), **more))
    office.clock.pass_(minutes=20)
    office.work()
    return case_id


def item(office: Office, case_id: str, one: Duty) -> DutyItem:
    [found] = [item for item in office.services.duty_decisions.view(case_id).items if item.duty.id == one.id]
    return found


def decide(
    office: Office, case_id: str, one: Duty, choice: DutyChoice, to: str = "", by: Actor = THE_MANAGER, **more: object
) -> DutyItem:
    order = DutyOrder(item(office, case_id, one).id, choice, to, **more)  # type: ignore[arg-type]
    [found] = office.services.duty_decisions.decide(case_id, [order], by, "so that it goes on")
    return found


def last_day(office: Office) -> None:
    office.clock.pass_(days=30)
    office.work("duty")


def titles(flows: World, account: AccountId) -> list[str]:
    return sorted(one.title for one in flows.duties.get(account, ()) if one.active)


def test_a_decision_is_carried_out_on_the_last_day_and_read_back(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    decide(office, case_id, NIGHTLY, STOP)
    decide(office, case_id, SALES, KEEP)
    office.work("duty")
    assert titles(flows, DANAS) == ["Leads", "Nightly sync", "Personal key", "Sales"], "nothing before the last day"
    last_day(office)
    assert titles(flows, DANAS) == ["Personal key", "Sales"]
    assert titles(flows, BOBS) == ["Leads"]
    given = item(office, case_id, LEADS)
    assert (given.done, given.to, given.by, given.result) == (True, "Bob", "Max", "Bob has taken it over")
    assert item(office, case_id, NIGHTLY).result == "it is switched off"
    assert flows.writes == {"give:routes:Leads": 1, "stop:runs:Nightly sync": 1}
    office.work()
    assert flows.writes.total() == 3, "the two and the lock: nothing is done twice"


def test_what_the_system_keeps_is_said_at_once_and_done_by_hand(office: Office, flows: World) -> None:
    case_id = later(office)
    told = decide(office, case_id, FIXED, GIVE, "bob@x.example")
    assert (told.by_hand, told.problem) == (True, "do it there by hand")
    last_day(office)
    waits = item(office, case_id, FIXED)
    assert (waits.done, waits.by_hand) == (False, True)
    assert waits.problem == "a key is personal: do it there by hand"
    flows.duties[DANAS].remove(FIXED)
    office.clock.pass_(days=1)
    office.work("duty")
    done = item(office, case_id, FIXED)
    assert (done.done, done.result, done.problem) == (True, "it is no longer in the leaver's name", "")


def test_a_system_that_changes_none_is_read_each_day_until_somebody_did_it(tmp_path: Path, flows: World) -> None:
    office = Office(tmp_path, flows.system(MemoryFlows))
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    last_day(office)
    assert not item(office, case_id, LEADS).done
    office.clock.pass_(days=2)
    office.work("duty")
    assert not item(office, case_id, LEADS).done
    flows.duties[DANAS].remove(LEADS)
    office.clock.pass_(days=1)
    office.work("duty")
    assert item(office, case_id, LEADS).done
    office.store.close()


@pytest.mark.parametrize("by", [THE_MANAGER, HR, SECURITY])
def test_the_approver_hr_and_security_decide(office: Office, by: Actor) -> None:
    assert decide(office, later(office), SALES, KEEP, by=by).choice == "keep"


@pytest.mark.parametrize(
    ("by", "code"), [(Actor("slack:U0DANA", "Dana"), Code.OWN_CASE), (Actor("slack:U0BOB", "Bob"), Code.NOT_ALLOWED)]
)
def test_nobody_else_decides(office: Office, flows: World, by: Actor, code: Code) -> None:
    case_id = later(office)
    with pytest.raises(Refused) as refused:
        decide(office, case_id, SALES, STOP, by=by)
    assert refused.value.code == code
    last_day(office)
    assert SALES in flows.duties[DANAS]


def closed(flows: World) -> None:
    flows.users[BOBS].active = False


def twice(flows: World) -> None:
    flows.user("flows-bob2", "bob@x.example", login="bob2")


@pytest.mark.parametrize(
    ("change", "why"),
    [(closed, "not open"), (twice, "several"), (lambda flows: flows.users.pop(BOBS), "no account there")],
)
def test_a_receiver_needs_exactly_one_open_account_there(
    office: Office, flows: World, change: Callable[[World], object], why: str
) -> None:
    case_id = later(office)
    change(flows)
    with pytest.raises(Refused) as refused:
        decide(office, case_id, LEADS, GIVE, "bob@x.example")
    assert refused.value.code == Code.CANNOT_TAKE
    assert why in refused.value.facts["why"]


def test_neither_the_leaver_nor_another_leaver_receives(office: Office) -> None:
    case_id = later(office)
    with pytest.raises(Refused, match="leaving"):
        decide(office, case_id, LEADS, GIVE, "dana@x.example")
    from workflows.people import Leaver  # noqa: PLC0415 - one other leaver

    bob = Leaver("Bob", "bob@x.example", "U0BOB", directory_id="directory-bob")
    office.offboarding.open(
        office.request(leaver=bob, successors=(MAX,), effective_at=office.clock.now() + timedelta(1))
    )
    with pytest.raises(Refused, match="leaving"):
        decide(office, case_id, LEADS, GIVE, "bob@x.example")


def test_a_receiver_who_left_meanwhile_gets_nothing(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    flows.users[BOBS].active = False
    last_day(office)
    waits = item(office, case_id, LEADS)
    assert not waits.done
    assert "choose another colleague" in waits.problem
    assert titles(flows, BOBS) == []
    decide(office, case_id, LEADS, GIVE, "carol@x.example")
    office.work("duty")
    assert titles(flows, CAROLS) == ["Leads"]


def test_a_double_click_is_one_decision(office: Office) -> None:
    case_id = later(office)
    first = decide(office, case_id, LEADS, GIVE, "bob@x.example", seen="")
    office.clock.pass_(minutes=1)
    second = decide(office, case_id, LEADS, GIVE, "bob@x.example", seen="")
    assert second.decided_at == first.decided_at
    assert decisions(office, case_id) == 1


def decisions(office: Office, case_id: str) -> int:
    with office.store.read() as session:
        return sum(1 for _ in office.journal.entries(session, case_id, "duty.decided"))


def test_the_second_of_two_deciders_is_told_of_the_first(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example", seen="")
    with pytest.raises(Refused) as refused:
        decide(office, case_id, LEADS, STOP, by=HR, seen="")
    assert (refused.value.code, refused.value.facts["by"]) == (Code.DUTY_CHANGED, "Max")
    last_day(office)
    assert titles(flows, BOBS) == ["Leads"]


@pytest.mark.parametrize(
    ("at", "skip"), [("duties", 0), ("duties", 1), ("duties", 2), ("duty_image", 0), ("observe", 0), ("give", 0)]
)
@pytest.mark.parametrize("done", [False, True])
def test_a_kill_at_any_step_loses_nothing_and_does_nothing_twice(
    office: Office, flows: World, at: str, done: bool, skip: int
) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    flows.fail(at, Killed(), done=done, skip=skip)
    office.clock.pass_(days=30)
    with pytest.raises(Killed):
        office.work("duty")
    office.work("duty")
    assert titles(flows, BOBS) == ["Leads"]
    assert flows.writes["give:routes:Leads"] == 1
    assert item(office, case_id, LEADS).done
    undo(office, case_id)
    assert "Leads" in titles(flows, DANAS)


def undo(office: Office, case_id: str) -> None:
    office.work("revoke")
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work()
    office.clock.pass_(hours=1)
    office.work()


@pytest.mark.parametrize("error", [OutcomeUnknown("?"), Unavailable("down"), Forbidden("no"), Conflict("changed")])
@pytest.mark.parametrize("done", [False, True])
def test_an_answer_that_is_lost_or_refused_is_read_and_tried_again(
    office: Office, flows: World, error: ConnectorError, done: bool
) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    flows.fail("give", error, done=done)
    last_day(office)
    office.clock.pass_(days=1)
    office.work("duty")
    assert titles(flows, BOBS) == ["Leads"]
    assert item(office, case_id, LEADS).done
    assert flows.writes["give:routes:Leads"] == 1


def test_a_system_that_lies_is_not_believed(office: Office, flows: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    from connectors.contract import Change  # noqa: PLC0415 - for the lie

    monkeypatch.setattr(MemoryDuties, "give", lambda *_asked: Change.MADE)
    last_day(office)
    told = item(office, case_id, LEADS)
    assert (told.done, told.problem) == (False, "it is still in the leaver's name")


def test_a_dead_system_delays_no_lock_out(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    flows.fail("duties", Unavailable("down"), times=99)
    office.clock.pass_(days=30)
    office.work("duty")
    office.work("revoke")
    assert not flows.users[DANAS].active
    assert "down" in item(office, case_id, LEADS).problem


def test_a_duty_that_is_gone_meanwhile_is_said(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, STOP)
    flows.duties[DANAS].remove(LEADS)
    last_day(office)
    told = item(office, case_id, LEADS)
    assert (told.done, told.result) == (True, "it is no longer in the leaver's name")
    assert flows.writes["stop:routes:Leads"] == 0


def test_gone_from_a_list_that_does_not_show_all_is_not_known(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, STOP)
    flows.duties[DANAS].remove(LEADS)
    flows.unseen_duties = ["svc may not read queues"]
    last_day(office)
    told = item(office, case_id, LEADS)
    assert not told.done
    assert "svc may not read queues" in told.problem


def test_an_undo_puts_everything_back(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    decide(office, case_id, NIGHTLY, STOP)
    last_day(office)
    undo(office, case_id)
    assert titles(flows, DANAS) == ["Leads", "Nightly sync", "Personal key", "Sales"]
    assert titles(flows, BOBS) == []
    assert item(office, case_id, LEADS).result == "it is back in the leaver's name"


def test_an_undo_leaves_what_somebody_changed_since_and_says_so(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    last_day(office)
    flows.duties[BOBS], flows.duties[CAROLS] = [], [LEADS]
    undo(office, case_id)
    assert titles(flows, CAROLS) == ["Leads"]
    assert "somebody changed it since" in item(office, case_id, LEADS).result


@pytest.mark.parametrize("done", [False, True])
def test_an_undo_that_is_killed_is_finished_later(office: Office, flows: World, done: bool) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    last_day(office)
    office.work("revoke")
    office.offboarding.undo(case_id, HR, "a mistake")
    flows.fail("put_back", Killed(), done=done)
    with pytest.raises(Killed):
        office.work("duty")
    office.work("duty")
    assert titles(flows, DANAS).count("Leads") == 1
    assert flows.writes["put_back:routes:Leads"] == 1


def test_a_cancelled_case_changes_nothing(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    office.offboarding.cancel(case_id, HR, "stays")
    last_day(office)
    assert "Leads" in titles(flows, DANAS)
    assert flows.writes.total() == 0


def test_a_rescheduled_case_takes_its_decisions_along(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    office.offboarding.reschedule(case_id, office.clock.now() + timedelta(days=60), HR)
    last_day(office)
    assert "Leads" in titles(flows, DANAS)
    last_day(office)
    assert titles(flows, BOBS) == ["Leads"]


def test_a_person_decides_anew_after_it_was_carried_out(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    last_day(office)
    decide(office, case_id, LEADS, GIVE, "carol@x.example")
    office.work("duty")
    assert (titles(flows, BOBS), titles(flows, CAROLS)) == ([], ["Leads"])
    decide(office, case_id, LEADS, KEEP)
    office.work("duty")
    assert "Leads" in titles(flows, DANAS)


def row_of(office: Office) -> DutyDecision:
    with office.store.read() as session:
        return session.exec(select(DutyDecision)).one()


def change(office: Office, **values: object) -> None:
    with office.store.write() as session:
        row = session.exec(select(DutyDecision)).one()
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)


def alarmed(office: Office) -> bool:
    return any(finding.kind == "changed in the database" for finding in office.audits.findings())


def test_an_older_decision_that_is_put_back_into_the_row_moves_nothing(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    old = row_of(office).sealed
    decide(office, case_id, LEADS, KEEP)
    change(office, sealed=old, state=WorkState.DUE, due_at=office.clock.now())
    last_day(office)
    assert "Leads" in titles(flows, DANAS)
    assert alarmed(office)


def test_a_row_without_a_decision_of_anybody_moves_nothing(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, STOP)
    with office.store.write() as session:
        row = session.exec(select(DutyDecision)).one()
        copy = DutyDecision(**{**row.model_dump(), "id": row.id[:-4] + "0000"})
        session.delete(row)
        session.flush()
        session.add(copy)
    last_day(office)
    assert "Leads" in titles(flows, DANAS)
    assert alarmed(office)


def test_a_day_that_was_changed_in_the_row_changes_nothing_early(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    change(office, due_at=office.clock.now())
    office.work("duty")
    assert "Leads" in titles(flows, DANAS)
    last_day(office)
    assert titles(flows, BOBS) == ["Leads"]
    assert not alarmed(office)


def test_an_older_image_puts_nothing_back(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    last_day(office)
    old = row_of(office).sealed
    decide(office, case_id, LEADS, KEEP)
    office.work("duty")
    flows.duties[DANAS].remove(LEADS)
    flows.duties[BOBS].append(LEADS)
    change(office, sealed=old, state=WorkState.DUE, due_at=office.clock.now())
    office.work("duty")
    assert titles(flows, BOBS) == ["Leads"]
    assert alarmed(office)


def test_nothing_personal_stands_in_a_row_in_clear(office: Office) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    text = str(row_of(office).model_dump())
    assert not any(word in text for word in ("bob", "Leads", "routes", "so that it goes on"))


@pytest.mark.parametrize("at", ["duties", "duty_image", "observe", "give"])
@pytest.mark.parametrize("killed", [False, True])
def test_two_processes_on_one_duty_lose_no_image(office: Office, flows: World, at: str, killed: bool) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    office.clock.pass_(days=30)
    row = row_of(office)

    def other() -> None:
        flows.before_call.pop(at)
        if killed:
            flows.fail("give", Killed(), done=True)
        with suppress(Killed):
            DutyWork(office.context).run(row.id)

    flows.before_call[at] = other
    office.work("duty")
    office.clock.pass_(days=1)
    office.work("duty")
    assert titles(flows, BOBS) == ["Leads"]
    assert item(office, case_id, LEADS).done
    assert flows.writes["give:routes:Leads"] == 1
    undo(office, case_id)
    assert "Leads" in titles(flows, DANAS)
    assert titles(flows, BOBS) == []


def test_a_decision_that_comes_while_another_is_carried_out_wins(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    office.clock.pass_(days=30)

    def again() -> None:
        flows.before_call.pop("give")
        decide(office, case_id, LEADS, GIVE, "carol@x.example")

    flows.before_call["give"] = again
    office.work("duty")
    office.work("duty")
    assert (titles(flows, BOBS), titles(flows, CAROLS)) == ([], ["Leads"])


def test_an_undo_that_comes_while_a_duty_is_given_puts_it_back(office: Office, flows: World) -> None:
    case_id = later(office)
    decide(office, case_id, LEADS, GIVE, "bob@x.example")
    office.clock.pass_(days=30)
    office.work("revoke")

    def meanwhile() -> None:
        flows.before_call.pop("give")
        office.offboarding.undo(case_id, HR, "a mistake")

    flows.before_call["give"] = meanwhile
    office.work("duty")
    office.work("duty")
    assert "Leads" in titles(flows, DANAS)
    assert titles(flows, BOBS) == []
