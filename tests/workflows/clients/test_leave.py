"""A handover for a time: nobody is locked out, somebody is asked on the day, and silence moves nothing."""

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import AccountId
from tests.workflows.office import HR, MAX, SECURITY, Office
from workflows.cases.views import CaseView
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState, Reason
from workflows.storage.rows.clients import LeaveAnswer

BY_MAX = Actor(f"slack:{MAX.slack_id}", "Max")


class Away:
    """Dana is on leave for thirty days."""

    def __init__(self, folder: Path, *, keep_access: bool = True) -> None:
        self.office = Office(folder)
        for n in range(6):
            self.office.crm.record(f"opportunity:{n}", "crm-dana", family=f"party:{n}")
        self.back = self.office.clock.now() + timedelta(days=30)
        self.case_id = self.office.offboarding.open(
            self.office.request(
                reason=Reason.LEAVE, effective_at=self.office.clock.now(), return_on=self.back, keep_access=keep_access
            )
        )
        self.office.work()
        [proposal] = self.office.handover.proposals.waiting_for(MAX.slack_id)
        self.office.handover.decisions.decide(proposal.id, proposal.digest, BY_MAX, approve=True)
        self.office.work()

    @property
    def view(self) -> CaseView:
        return self.office.offboarding.case(self.case_id)

    @property
    def owned(self) -> int:
        return len(self.office.crm.owned("crm-dana"))

    @property
    def asked(self) -> bool:
        return f"return:{self.case_id}" in self.office.posts()

    def pass_(self, days: int) -> None:
        """Let days go by, with the clock at work in each."""
        for _ in range(days):
            self.office.clock.pass_(days=1)
            self.office.work()


@pytest.fixture
def away(tmp_path: Path) -> Away:
    return Away(tmp_path)


def test_clients_are_handed_over_and_nobody_is_locked_out_or_watched(away: Away) -> None:
    office = away.office
    assert away.owned == 0
    assert away.view.state is CaseState.ON_LEAVE
    assert away.view.clients is not None
    assert away.view.clients.proposal is not None
    assert away.view.clients.proposal.until == away.back
    assert {note.until for note in office.handover.notes.of_case(away.case_id)} == {away.back}
    for world in (office.directory, office.crm):
        assert all(user.active for user in world.users.values())
        assert not [write for write in world.writes if not write.startswith("move:")]
    away.pass_(10)
    office.audits.call()
    office.work()
    assert office.audits.findings() == []
    assert office.audits.run_now(SECURITY).leavers == 0


def test_on_the_day_somebody_is_asked_and_silence_moves_nothing(away: Away) -> None:
    away.pass_(29)
    assert not away.asked
    away.pass_(1)
    assert away.asked
    away.pass_(20)
    assert away.owned == 0
    assert away.view.leave is not None
    assert away.view.leave.answer == ""
    assert away.office.posts()[f"return:{away.case_id}"].thread_parent_id == f"case:{away.case_id}"


def test_put_back_is_the_undo_and_what_changed_hands_since_stays(away: Away) -> None:
    away.pass_(31)
    taken = min(away.office.crm.records)
    away.office.crm.give(taken, "crm-max")
    away.office.handover.put_backs.begin(away.case_id, HR)
    away.office.work()
    assert away.owned == 5
    assert away.office.crm.owned("crm-max") == {taken}
    leave = away.view.leave
    assert leave is not None
    assert (leave.answer, leave.answered_by) == ("put back", "Hanna")
    with pytest.raises(Refused, match=Code.ALREADY_ANSWERED):
        away.office.handover.leaves.stay(away.case_id, HR)
    away.pass_(5)
    assert away.owned == 5


def test_they_may_stay_and_that_is_said_once(away: Away) -> None:
    away.pass_(31)
    away.office.handover.leaves.stay(away.case_id, HR)
    with pytest.raises(Refused) as caught:
        away.office.handover.leaves.stay(away.case_id, SECURITY)
    assert (caught.value.code, caught.value.facts["by"]) == (Code.ALREADY_ANSWERED, "Hanna")
    away.pass_(5)
    assert away.owned == 0


def test_a_leave_is_listed_as_open_until_it_is_answered(away: Away) -> None:
    assert [one.id for one in away.office.offboarding.cases(open_only=True)] == [away.case_id]
    away.office.handover.leaves.stay(away.case_id, HR)
    assert away.office.offboarding.cases(open_only=True) == []


def test_another_day_is_asked_on_that_day(away: Away) -> None:
    away.pass_(31)
    away.office.handover.leaves.move(away.case_id, away.back + timedelta(days=20), HR)
    assert away.view.leave is not None
    assert away.view.leave.asked_at is None
    away.pass_(15)
    assert away.view.leave.asked_at is None
    away.pass_(5)
    assert away.view.leave.asked_at is not None
    with pytest.raises(Refused, match=Code.PAST_TIME):
        away.office.handover.leaves.move(away.case_id, away.back, HR)


def test_no_lock_out_is_begun_for_whoever_keeps_access(away: Away) -> None:
    assert away.office.started == []
    assert away.view.systems == ()


def test_a_second_leave_at_once_is_refused_and_a_real_leaving_is_not(away: Away) -> None:
    office = away.office
    with pytest.raises(Refused, match=Code.OPEN_CASE):
        office.offboarding.open(office.request(effective_at=office.clock.now(), return_on=away.back, keep_access=True))
    gone = office.offboarding.open(office.request())
    office.work()
    assert office.offboarding.case(gone).locked_out


def test_with_a_lock_out_the_records_wait_for_the_account(tmp_path: Path) -> None:
    away = Away(tmp_path, keep_access=False)
    assert not away.office.crm.users[AccountId("crm-dana")].active
    away.pass_(31)
    assert away.asked
    away.office.handover.put_backs.begin(away.case_id, HR)
    away.office.work()
    assert away.owned == 0
    assert away.view.leave is not None
    assert away.view.leave.answer == LeaveAnswer.PUT_BACK
    away.office.handover.put_backs.cancel(away.case_id, HR)
    again = away.view.leave
    assert again.answer == LeaveAnswer.NONE, "the question is open again"
    away.office.handover.put_backs.begin(away.case_id, HR)
    away.office.work()
    away.office.offboarding.undo(away.case_id, HR, "a mistake")
    away.pass_(1)
    assert away.owned == 6


@pytest.mark.parametrize("change", [{"keep_access": True}, {"keep_access": True, "return_on": "now"}])
def test_whoever_keeps_access_comes_back(tmp_path: Path, change: dict[str, object]) -> None:
    office = Office(tmp_path)
    if "return_on" in change:
        change = {**change, "return_on": office.clock.now()}
    with pytest.raises(Refused, match=Code.NEEDS_RETURN):
        office.offboarding.open(office.request(**change))


def test_a_leave_that_has_not_begun_can_be_called_off(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.crm.record("opportunity:1", "crm-dana")
    begins = office.clock.now() + timedelta(days=3)
    case_id = office.offboarding.open(
        office.request(effective_at=begins, return_on=begins + timedelta(days=9), keep_access=True)
    )
    office.work()
    office.offboarding.cancel(case_id, HR, "a mistake")
    for _ in range(15):
        office.clock.pass_(days=1)
        office.work()
    assert office.crm.owned("crm-dana") == {"opportunity:1"}
    assert f"return:{case_id}" not in office.posts()


def test_a_case_without_a_return_asks_nobody(tmp_path: Path) -> None:
    office = Office(tmp_path)
    case_id = office.offboarding.open(office.request())
    with pytest.raises(Refused, match=Code.NOBODY_RETURNS):
        office.handover.leaves.stay(case_id, HR)
    assert office.offboarding.case(case_id).leave is None
