"""Licences of a leaver: kept before the lock-out, reclaimed by a stage, given back by an undo; killed at each step."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.cli.plan import show
from bot.cli.status import is_good, show_case
from bot.slack.messages import access, details, licences
from bot.slack.messages.plan import details as plan_details
from config.text import shown
from connectors.contract import AccountId, Act, LicenceId, Verdict
from connectors.errors import BadCredential, Forbidden, OthersTouched, OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed, MemoryTenant, World
from tests.workflows.office import DANA, HR, Office
from workflows.access.licence_stage import ReclaimLicences
from workflows.access.licences import foresee, look_again
from workflows.access.staged_account import SeatState, StagedAccounts, StagedData
from workflows.cases.views import CaseView
from workflows.stage_acts import ActResult, StageAct
from workflows.storage.rows.access import LeaverAccount, StagedAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import FindingKind

MINE, OTHER = AccountId("tenant-dana"), AccountId("tenant-max")
E3, VISIO, GROUP = LicenceId("E3"), LicenceId("Visio"), "Power BI"


@pytest.fixture
def tenant() -> World:
    world = World("tenant")
    world.licence_groups = {GROUP}
    for name in ("dana", "max"):
        seats = {E3: "E3", VISIO: "Visio"}
        world.user(f"tenant-{name}", f"{name}@x.example", groups={"all staff", GROUP}, licences=seats)
    return world


@pytest.fixture
def office(tmp_path: Path, tenant: World) -> Iterator[Office]:
    """An office whose cases have no stages."""
    made = Office(tmp_path, tenant.system(MemoryTenant), stages={})
    yield made
    made.store.close()


@pytest.fixture
def staged(tmp_path: Path, tenant: World) -> Iterator[Office]:
    """An office whose cases reclaim licences on day 30."""
    made = Office(tmp_path, tenant.system(MemoryTenant), stages={"day_30": (StageAct.RECLAIM_LICENCES,)})
    yield made
    made.store.close()


class Desk:
    """One case of Dana, and the act on its tenant."""

    def __init__(self, office: Office, case_id: str) -> None:
        self.office, self.case_id, self.system = office, case_id, office.systems["tenant"]

    @property
    def handler(self) -> ReclaimLicences:
        """Return the act as a fresh process builds it."""
        return ReclaimLicences(self.office.context)

    def run(self) -> ActResult:
        return self.handler.run(self.case_id, self.system)

    def undo(self) -> ActResult:
        return self.handler.undo(self.case_id, self.system)

    def data(self) -> StagedData:
        return StagedAccounts(self.office.context).of_system(self.case_id, "tenant").get(MINE, StagedData())

    def states(self) -> dict[str, str]:
        return {one.name: str(one.state) for one in self.data().seats}

    def view(self) -> CaseView:
        return self.office.offboarding.case(self.case_id)

    def end(self) -> None:
        """Undo the case, as HR does, and restore access."""
        self.office.offboarding.undo(self.case_id, HR, "a mistake")
        self.office.work("undo")


@pytest.fixture
def desk(office: Office) -> Desk:
    """A case that is locked out everywhere."""
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    return Desk(office, case_id)


def seats(world: World, account: AccountId = MINE) -> set[str]:
    user = world.users[account]
    return {*user.licences.values(), *(user.groups & world.licence_groups)}


def problem(result: ActResult) -> str:
    return shown(result.problem)


def done(result: ActResult) -> list[str]:
    return [shown(one) for one in result.done]


# -- before the lock-out


def test_the_plan_names_the_licences(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    plan = office.offboarding.plan(DANA)
    show(plan)
    assert "TENANT: 3 licences: E3 · Visio · Power BI" in capsys.readouterr().out
    assert "• 3 licences: E3 · Visio · Power BI" in str(plan_details(plan, []))
    [line] = [one.licences for one in plan.systems if one.licences]
    assert licences.planned(line) == "3 licences: E3 · Visio · Power BI"
    assert licences.planned(replace(line, stage="day 30")).endswith("; reclaimed at day 30")


def test_a_plan_with_a_stage_does_not_promise_to_leave_every_group(office: Office) -> None:
    plans = {one.system: one for one in office.offboarding.plan(DANA).systems}
    assert "leave all groups" in plans["tenant"].does
    staged = foresee(
        office.systems, plans, office.clock.now(), lambda _case, name: "day 30" if name == "tenant" else ""
    )
    assert "leave all groups" not in staged["tenant"].does
    assert "leave all groups except those that are licences" in staged["tenant"].does
    assert "leave all groups" in staged["crm"].does
    assert staged["tenant"].licences
    assert staged["tenant"].licences.stage == "day 30"


def test_a_plan_that_may_not_read_them_says_so_and_not_none(office: Office, tenant: World) -> None:
    tenant.fail("licences", Forbidden("svc may not read seats"), times=9)
    [line] = [one.licences for one in office.offboarding.plan(DANA).systems if one.licences]
    assert line.seats == ()
    assert "licences are not known: " in licences.planned(line)
    assert "svc may not read seats" in licences.planned(line)


def test_without_licences_the_plan_says_nothing(office: Office, tenant: World) -> None:
    tenant.users[MINE].licences, tenant.users[MINE].groups = {}, set()
    assert not any(one.licences for one in office.offboarding.plan(DANA).systems)


def test_licences_are_kept_at_notice_and_again_before_the_lock_out(office: Office, tenant: World) -> None:
    last = office.clock.now() + timedelta(days=3)
    desk = Desk(office, office.offboarding.open(office.request(effective_at=last)))
    office.work("inventory")
    noticed = office.clock.now()
    assert desk.states() == {"E3": "held", "Visio": "held", GROUP: "held"}
    assert desk.data().read_at == noticed.isoformat()
    del tenant.users[MINE].licences[VISIO]
    tenant.users[MINE].licences[LicenceId("F1")] = "F1"
    office.clock.pass_(days=3, minutes=1)
    office.work("revoke")
    assert desk.states() == {"E3": "held", "Visio": "gone", GROUP: "held", "F1": "held"}
    assert desk.data().read_at == office.clock.now().isoformat()
    assert tenant.calls["licences"] == 5  # twice here, and three times to see whether the lock hides them


@pytest.mark.parametrize("days", [0, 3])
def test_the_read_comes_before_the_lock_unless_that_is_urgent(office: Office, tenant: World, days: int) -> None:
    seen: list[bool] = []
    at = office.clock.now() + timedelta(days=days)
    office.offboarding.open(office.request(effective_at=at) if days else office.request())
    office.clock.pass_(days=days, minutes=1)
    tenant.before_call["licences"] = lambda: seen.append(tenant.users[MINE].active)
    office.work("revoke")
    assert seen[0] is bool(days)
    assert not tenant.users[MINE].active


@pytest.mark.parametrize("error", [Forbidden("may not"), Unavailable("down"), OutcomeUnknown("?"), TypeError("odd")])
def test_a_refused_read_holds_up_no_lock_and_is_unknown(office: Office, tenant: World, error: Exception) -> None:
    tenant.fail("licences", error, times=9)
    desk = Desk(office, office.offboarding.open(office.request()))
    office.work("revoke")
    assert not tenant.users[MINE].active
    assert desk.data().seats == ()
    assert desk.data().unknown
    [line] = desk.view().licences
    assert line.unknown
    assert line.read_at is None
    assert "licences are not known" in str(details.blocks(desk.view()))


def test_a_refused_read_keeps_the_seats_of_notice(office: Office, tenant: World) -> None:
    desk = Desk(office, office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=3))))
    office.work("inventory")
    tenant.fail("licences", Forbidden("may not"), times=9)
    office.clock.pass_(days=3, minutes=1)
    office.work("revoke")
    assert desk.states() == {"E3": "held", "Visio": "held", GROUP: "held"}
    [line] = desk.view().licences
    assert "3 licences: E3" in licences.words(line, str)
    assert "licences are not known: " in licences.words(line, str)


def test_an_account_without_licences_gets_no_row(office: Office, tenant: World) -> None:
    tenant.users[MINE].licences, tenant.users[MINE].groups = {}, set()
    desk = Desk(office, office.offboarding.open(office.request()))
    office.work("revoke")
    assert desk.data() == StagedData()
    assert desk.run() == ActResult()
    assert desk.view().licences == ()


def test_the_lock_out_leaves_every_group_unless_a_stage_reclaims_licences(desk: Desk, tenant: World) -> None:
    assert tenant.users[MINE].groups == set()


def test_the_lock_out_leaves_licences_to_their_stage_and_says_so(staged: Office, tenant: World) -> None:
    desk = Desk(staged, staged.offboarding.open(staged.request()))
    staged.work("revoke")
    assert tenant.users[MINE].groups == {GROUP}
    [line] = [one for one in desk.view().systems if one.system == "tenant"]
    assert line.verdict is Verdict.LOCKED
    assert "still in group Power BI: it is a licence, which is reclaimed at day 30" in line.accounts[0].done
    desk.run()
    assert tenant.users[MINE].groups == set()
    assert seats(tenant, OTHER) == {"E3", "Visio", GROUP}
    desk.end()
    assert tenant.users[MINE].groups == {"all staff"}, "the undo of access gives back what the lock-out took"
    desk.undo()
    assert tenant.users[MINE].groups == {"all staff", GROUP}
    assert tenant.writes[f"give_licence:{MINE}:{GROUP}"] == 1


# -- the stage


def test_a_stage_reclaims_them_once_and_reads_back(desk: Desk, tenant: World) -> None:
    result = desk.run()
    assert (result.problem, result.waits) == ("", False)
    assert "2 licences reclaimed" in licences.words(desk.view().licences[0], str)
    assert seats(tenant) == set()
    assert seats(tenant, OTHER) == {"E3", "Visio", GROUP}
    assert desk.states() == {"E3": "taken", "Visio": "taken", GROUP: "gone"}
    at = desk.office.clock.now()
    assert desk.view().licences[0].reclaimed_at == at
    desk.office.clock.pass_(days=1)
    again = desk.run()
    assert again.problem == ""
    assert desk.view().licences[0].reclaimed_at == at
    assert {key: number for key, number in tenant.writes.items() if key.startswith("reclaim")} == {
        f"reclaim:{MINE}:E3": 1,
        f"reclaim:{MINE}:Visio": 1,
    }


@pytest.mark.parametrize("method", ["licences", "observe", "reclaim"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("skip", range(3))
def test_a_kill_at_any_step_takes_no_seat_twice_and_loses_none(
    desk: Desk, tenant: World, method: str, after: bool, skip: int
) -> None:
    tenant.fail(method, Killed(), skip=skip, done=after)
    try:
        desk.run()
    except Killed:
        assert desk.run().problem == ""
    assert seats(tenant) == set()
    assert desk.states() == {"E3": "taken", "Visio": "taken", GROUP: "gone"}
    assert all(number == 1 for key, number in tenant.writes.items() if key.startswith("reclaim"))
    tenant._faults.clear()
    desk.end()
    tenant.fail("give_licence", Killed(), skip=skip, done=after)
    try:
        desk.undo()
    except Killed:
        assert desk.undo().problem == ""
    assert seats(tenant) == {"E3", "Visio"} | {GROUP}, "the group comes back with the access"
    assert all(number == 1 for key, number in tenant.writes.items() if key.startswith("give_licence"))


@pytest.mark.parametrize("place", range(12))
def test_a_kill_at_any_write_of_our_own_rows(
    desk: Desk, tenant: World, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    changed, count = StagedAccounts.change, [0]

    def killed(self: StagedAccounts, *arguments: object) -> StagedData:
        count[0] += 1
        if count[0] == place + 1:
            raise Killed
        return changed(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(StagedAccounts, "change", killed)
        with contextlib.suppress(Killed):
            desk.run()
    assert desk.run().problem == ""
    assert seats(tenant) == set()
    desk.end()
    assert desk.undo().problem == ""
    assert {"E3", "Visio"} <= seats(tenant)
    assert all(number == 1 for key, number in tenant.writes.items() if "licence" in key or "reclaim" in key)


def test_a_lost_answer_is_read_back(desk: Desk, tenant: World) -> None:
    tenant.fail("reclaim", OutcomeUnknown("?"), done=True)
    assert desk.run().problem == ""
    assert desk.states() == {"E3": "taken", "Visio": "taken", GROUP: "gone"}
    tenant.fail("give_licence", OutcomeUnknown("?"), done=True)
    desk.end()
    assert desk.undo().problem == ""
    assert {"E3", "Visio"} <= seats(tenant)


def test_a_lost_answer_that_did_nothing_is_still_to_do(desk: Desk, tenant: World) -> None:
    tenant.fail("reclaim", OutcomeUnknown("?"))
    result = desk.run()
    assert "E3 is still there, as a read shows" in problem(result)
    assert seats(tenant) == {"E3"}
    assert desk.view().licences[0].reclaimed_at is None
    assert desk.run().problem == ""


def test_a_lying_server_is_never_believed(desk: Desk, tenant: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryTenant, "reclaim", lambda *_: "made")
    result = desk.run()
    assert "still there" in problem(result)
    assert not any("reclaimed" in one for one in result.done)
    assert desk.view().licences[0].reclaimed_at is None


@pytest.mark.parametrize("error", [Unavailable("down"), BadCredential("renew")])
@pytest.mark.parametrize("method", ["licences", "observe", "reclaim"])
def test_a_dead_server_raises_and_nothing_is_lost(desk: Desk, tenant: World, error: Exception, method: str) -> None:
    tenant.fail(method, error)
    with pytest.raises(type(error)):
        desk.run()
    assert desk.view().licences[0].reclaimed_at is None
    assert desk.run().problem == ""
    assert seats(tenant) == set()


def test_one_that_is_refused_does_not_stop_the_others(desk: Desk, tenant: World) -> None:
    tenant.fail("reclaim", Forbidden("E3 is managed elsewhere"))
    result = desk.run()
    assert "E3 is not reclaimed" in problem(result)
    assert seats(tenant) == {"E3"}
    assert desk.states()["E3"] == "held"
    assert "E3 is managed elsewhere" in licences.words(desk.view().licences[0], str)
    desk.end()
    desk.undo()
    assert tenant.writes[f"give_licence:{MINE}:E3"] == 0, "it was never taken"


def test_what_somebody_else_took_meanwhile_is_not_given_back(desk: Desk, tenant: World) -> None:
    def take() -> None:
        tenant.users[MINE].licences.pop(E3, None)

    tenant.before_call["reclaim"] = take
    assert desk.run().problem == ""
    assert desk.states() == {"E3": "gone", "Visio": "taken", GROUP: "gone"}
    desk.end()
    assert desk.undo().problem == ""
    assert tenant.users[MINE].licences == {VISIO: "Visio"}


def test_an_open_account_keeps_its_licences(desk: Desk, tenant: World) -> None:
    tenant.users[MINE].active = True
    result = desk.run()
    assert result.waits
    assert "the account is open, so nothing is taken from it" in problem(result)
    assert seats(tenant) == {"E3", "Visio"}


def test_before_the_lock_out_nothing_is_taken(office: Office, tenant: World) -> None:
    desk = Desk(office, office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=3))))
    office.work("inventory")
    result = desk.run()
    assert result.waits
    assert "The lock-out comes first" in problem(result)
    assert tenant.writes.total() == 0


def test_what_must_come_first_comes_first(desk: Desk, tenant: World) -> None:
    asked: list[Act] = []

    def first(_context: object, _case: str, _system: object, act: Act) -> list[str]:
        asked.append(act)
        return ["hand the clients over first"]

    result = ReclaimLicences(desk.office.context, first).run(desk.case_id, desk.system)
    assert (problem(result), result.waits, asked) == ("hand the clients over first", True, [Act.RECLAIM_LICENCES])
    assert seats(tenant) == {"E3", "Visio"}


def test_an_ended_case_takes_nothing_and_one_that_goes_on_gives_nothing(desk: Desk, tenant: World) -> None:
    assert "nobody undid the case" in problem(desk.undo())
    desk.run()
    assert desk.undo().waits
    assert seats(tenant) == set()
    desk.end()
    desk.undo()
    before = tenant.writes.copy()
    assert "does not go on" in problem(desk.run())
    assert tenant.writes == before


def test_a_row_alone_undoes_nothing(desk: Desk, tenant: World) -> None:
    desk.run()
    with desk.office.store.write() as session:
        session.execute(sa.update(Case).values(state="undone"))
    assert desk.undo().waits
    assert seats(tenant) == set()


def test_an_account_that_is_gone_is_said_and_is_not_none(desk: Desk, tenant: World) -> None:
    del tenant.users[MINE]
    result = desk.run()
    assert problem(result) == "dana: the account is not there any more, so its licences were not read"
    assert result.waits, "its seats were never seen free, so the stage is not done"
    assert desk.states() == {"E3": "held", "Visio": "held", GROUP: "held"}


def test_other_members_who_are_lost_stop_the_stage(desk: Desk, tenant: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant.users[MINE].groups = {GROUP}
    lost = OthersTouched("2 other members are gone", stop=True, count=2)
    tenant.users[MINE].licences = {}
    tenant.fail("reclaim", lost, done=True)
    result = desk.run()
    assert "2 other members are gone" in problem(result)
    kinds = {one.kind for one in desk.view().findings}
    assert FindingKind.MEMBERS_LOST in kinds
    tenant.users[MINE].groups = {GROUP}
    again = desk.run()
    assert "no group is left or joined" in problem(again)
    assert tenant.writes[f"reclaim:{MINE}:{GROUP}"] == 1


# -- undo


def test_without_a_free_seat_it_says_which_is_not_back(
    desk: Desk, tenant: World, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.run()
    tenant.free_seats[E3] = 0
    desk.end()
    result = desk.undo()
    assert result.waits
    assert "E3 is not given back" in problem(result)
    assert "no seat of E3 is free" in problem(result)
    assert {"Visio"} <= seats(tenant)
    assert "E3" not in seats(tenant)
    [line] = licences.not_back(desk.view())
    assert "licences not back: E3" in line
    assert "no seat of E3 is free" in line
    assert line in str(access.restored(desk.view()))
    show_case(desk.view(), "UTC")
    said = " ".join(capsys.readouterr().out.split())
    assert "Licences in TENANT (dana): 1 licence: Power BI; read 2026-03-02 09:00 UTC; " in said, "back with the access"
    assert "1 licence reclaimed: E3; given back: Visio; E3: changed meanwhile, or refused: no seat of E3" in said
    assert not is_good(desk.view(), desk.office.clock.now())
    tenant.free_seats[E3] = 1
    assert desk.undo().problem == ""
    assert licences.not_back(desk.view()) == []
    assert is_good(desk.view(), desk.office.clock.now())
    assert tenant.free_seats[E3] == 0


def test_an_undo_gives_back_once_and_never_again(desk: Desk, tenant: World) -> None:
    desk.run()
    desk.end()
    assert any("2 licences are back: E3, Visio" in one for one in done(desk.undo()))
    tenant.users[MINE].licences.pop(E3)  # an administrator takes it again, for good
    desk.undo()
    assert tenant.writes[f"give_licence:{MINE}:E3"] == 1
    assert "E3" not in seats(tenant)


def test_what_somebody_gave_back_before_is_not_given_twice(desk: Desk, tenant: World) -> None:
    desk.run()
    tenant.users[MINE].licences[E3] = "E3"
    desk.end()
    assert desk.undo().problem == ""
    assert tenant.writes[f"give_licence:{MINE}:E3"] == 0
    assert desk.states()["E3"] == SeatState.GIVEN


def test_an_undo_of_a_gone_account_says_that_nothing_is_back(desk: Desk, tenant: World) -> None:
    desk.run()
    desk.office.offboarding.undo(desk.case_id, HR, "a mistake")
    del tenant.users[MINE]
    result = desk.undo()
    assert "cannot be given back: the account is not there any more" in problem(result)
    assert "licences not back: E3" in str(licences.not_back(desk.view()))


# -- rows that another hand changed, and afterwards


@pytest.mark.parametrize("statement", ["delete from staged_account", "update staged_account set sealed = x'00'"])
def test_a_changed_row_is_taken_from_the_journal_and_told(desk: Desk, tenant: World, statement: str) -> None:
    desk.run()
    with desk.office.store.write() as session:
        session.execute(sa.text(statement))
    desk.end()
    assert desk.undo().problem == ""
    assert {"E3", "Visio"} <= seats(tenant)
    assert FindingKind.TAMPERED in {one.kind for one in (*desk.view().findings, *desk.view().settled)}


def test_an_older_state_of_the_row_gives_nothing_back_twice(desk: Desk, tenant: World) -> None:
    desk.run()
    with desk.office.store.read() as session:
        old = session.get_one(StagedAccount, f"{desk.case_id}:tenant:{MINE}").sealed
    desk.end()
    desk.undo()
    tenant.users[MINE].licences.clear()
    with desk.office.store.write() as session:
        session.execute(sa.update(StagedAccount).values(sealed=old))
    desk.undo()
    assert tenant.users[MINE].licences == {}


def test_a_changed_account_row_takes_nothing(desk: Desk, tenant: World) -> None:
    with desk.office.store.write() as session:
        row = session.get_one(LeaverAccount, f"{desk.case_id}:tenant:{MINE}")
        row.account_id = OTHER
        session.add(row)
    assert "not as we stored it" in problem(desk.run())
    assert seats(tenant, OTHER) == {"E3", "Visio", GROUP}


def test_a_licence_that_is_held_again_is_a_finding_until_it_is_gone(desk: Desk, tenant: World) -> None:
    office = desk.office
    desk.run()
    office.clock.pass_(days=1, minutes=1)
    office.work("follow_up")
    assert not any(one.kind is FindingKind.LICENCE_HELD for one in desk.view().findings)
    tenant.users[MINE].licences[E3] = "E3"
    office.clock.pass_(days=6, minutes=1)
    office.work("follow_up")
    [found] = [one for one in desk.view().findings if one.kind is FindingKind.LICENCE_HELD]
    assert "1 licence is held, and all of them were reclaimed before: E3" in found.detail
    assert "1 licence is held" in desk.view().follow_ups[-1].summary
    desk.run()
    with office.store.read() as session:
        case = session.get_one(Case, desk.case_id)
    assert look_again(office.context, case, desk.system, "test") == ""
    assert not any(one.kind is FindingKind.LICENCE_HELD and one.closed_at is None for one in desk.view().findings)


def test_a_follow_up_that_may_not_read_them_says_so(desk: Desk, tenant: World) -> None:
    desk.run()
    tenant.fail("licences", Forbidden("may not read seats"), times=9)
    desk.office.clock.pass_(days=1, minutes=1)
    desk.office.work("follow_up")
    [done] = [one for one in desk.view().follow_ups if one.done_at]
    assert "licences unknown" in done.summary
    assert "may not read seats" in done.summary
