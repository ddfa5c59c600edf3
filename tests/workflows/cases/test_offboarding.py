"""Cases open once, for the right person, at the right time, and can be called off until anything may have been done."""

import threading
from dataclasses import fields, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.errors import Unavailable
from tests.workflows.office import BOB, DANA, HR, MAX, SECURITY, Office
from tests.workflows.proof import proven
from workflows.cases.views import CaseBrief
from workflows.clients.views import ClientsView
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import ProposalState


def _refused(office: Office, **change: object) -> Code:
    with pytest.raises(Refused) as caught:
        office.offboarding.open(office.request(**change))
    assert office.offboarding.cases(open_only=True) == []
    return caught.value.code


def test_a_protected_account_is_refused_by_address_and_by_log_in(office: Office) -> None:
    assert _refused(office, leaver=replace(DANA, email="ROOT@x.example")) is Code.PROTECTED
    assert _refused(office, leaver=replace(DANA, logins=("root@x.example",))) is Code.PROTECTED


def test_nobody_offboards_themselves(office: Office) -> None:
    assert _refused(office, requested_by=Actor("slack:U0DANA", "Dana")) is Code.ONESELF


def test_the_leaver_neither_decides_nor_receives(office: Office) -> None:
    leaver = Successor("dana@x.example", "Dana", "dana@x.example", "")
    assert _refused(office, approver=leaver) is Code.LEAVER_DECIDES
    assert _refused(office, successors=(BOB, leaver)) is Code.NO_SUCCESSOR


def test_a_time_that_has_passed_is_refused(office: Office) -> None:
    assert _refused(office, effective_at=office.clock.now() - timedelta(hours=1)) is Code.PAST_TIME


def test_a_slip_in_the_year_is_refused(office: Office) -> None:
    assert _refused(office, effective_at=office.clock.now() + timedelta(days=365 * 180)) is Code.FAR_TIME
    office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=700)))


def test_a_list_of_many_cases_asks_no_more_than_one_of_one(office: Office) -> None:
    for number in range(6):
        leaver = replace(DANA, name=f"P{number}", email=f"p{number}@x.example", logins=(), slack_id="", directory_id="")
        office.offboarding.open(office.request(leaver=leaver))
    asked: list[str] = []
    sa.event.listen(office.store._reader, "before_cursor_execute", lambda *said: asked.append(said[2]))
    questions = []
    for limit in (1, 6):
        asked.clear()
        assert len(office.offboarding.briefs(limit)) == limit
        questions.append(len(asked))
    assert questions[0] == questions[1]


def test_a_second_case_for_one_person_is_refused_with_the_first_ones_id(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    for again in (
        DANA,
        replace(DANA, email="DANA@X.example", directory_id=""),
        replace(DANA, name="Someone Else", directory_id="d-1"),
    ):
        with pytest.raises(Refused) as caught:
            office.offboarding.open(office.request(leaver=again))
        assert (caught.value.code, caught.value.facts["case"]) == (Code.OPEN_CASE, case_id)


def test_a_renamed_person_is_the_same_person(office: Office) -> None:
    office.offboarding.open(office.request(leaver=replace(DANA, directory_id="entry-7")))
    renamed = replace(DANA, name="Dana Smith", email="dana.smith@x.example", directory_id="entry-7")
    with pytest.raises(Refused) as caught:
        office.offboarding.open(office.request(leaver=renamed))
    assert caught.value.code is Code.OPEN_CASE


def test_ten_submits_at_once_open_one_case(office: Office) -> None:
    opened: list[str] = []
    refused: list[Code] = []

    def submit() -> None:
        try:
            opened.append(office.offboarding.open(office.request()))
        except Refused as error:
            refused.append(error.code)

    threads = [threading.Thread(target=submit) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert refused == [Code.OPEN_CASE] * 9


def test_a_scheduled_case_touches_nothing_before_its_time(office: Office) -> None:
    at = office.clock.now() + timedelta(days=3)
    case_id = office.offboarding.open(office.request(effective_at=at))
    assert office.started == []
    office.work("revoke")
    assert office.offboarding.case(case_id).state is CaseState.SCHEDULED
    assert all(user.active for user in office.directory.users.values())
    office.clock.at = at
    office.work("revoke")
    assert office.offboarding.case(case_id).locked_out


def test_a_scheduled_case_can_be_cancelled_and_then_nothing_is_ever_done(office: Office) -> None:
    at = office.clock.now() + timedelta(days=3)
    case_id = office.offboarding.open(office.request(effective_at=at))
    office.offboarding.cancel(case_id, HR, "a mistake")
    office.clock.at = at + timedelta(days=100)
    assert office.work() == 0
    assert office.offboarding.case(case_id).state is CaseState.CANCELLED
    assert all(user.active for user in office.directory.users.values())
    office.offboarding.open(office.request())


def test_a_running_case_cannot_be_cancelled(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    with pytest.raises(Refused) as caught:
        office.offboarding.cancel(case_id, HR, "a mistake")
    assert caught.value.code is Code.NOT_OPEN


def test_a_plan_shows_what_would_be_done_and_writes_nothing(office: Office) -> None:
    office.crm.record("opportunity:1", "crm-dana", value=1000)
    plan = office.offboarding.plan(DANA)
    crm = next(one for one in plan.systems if one.system == "crm")
    assert crm.book is not None
    assert crm.book.counts == {"opportunity": 1}
    assert [account.login for account in crm.accounts] == ["dana"]
    assert plan.leaver.directory_id == "directory-dana"
    assert not plan.refusals
    assert not any(office.crm.writes.values())
    assert office.offboarding.cases() == []


def test_a_plan_goes_on_without_a_dead_system_and_says_so(office: Office) -> None:
    office.crm.down = True
    plan = office.offboarding.plan(DANA)
    problems = {one.system: one.problem for one in plan.systems}
    assert "not reachable" in problems["crm"]
    assert problems["directory"] == ""
    assert any("unknown" in warning for warning in plan.warnings)


def test_a_plan_names_the_open_case_and_the_protected(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    [refused] = office.offboarding.plan(DANA).refusals
    assert (refused.code, refused.facts["case"]) == (Code.OPEN_CASE, case_id)
    [refused] = office.offboarding.plan(replace(DANA, email="root@x.example", directory_id="")).refusals
    assert refused.code is Code.PROTECTED


def test_cases_are_found_by_id_address_and_slack_id(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    for who in (case_id, "Dana@x.example", "U0DANA"):
        found = office.offboarding.find_case(who)
        assert found is not None
        assert found.id == case_id
    assert office.offboarding.find_case("nobody@x.example") is None
    assert office.offboarding.find_case("") is None
    with pytest.raises(Refused):
        office.offboarding.case("HO-none")


def test_a_brief_says_the_same_as_the_case(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    eve = replace(DANA, email="eve@x.example", slack_id="U0EVE", directory_id="", logins=())
    later = office.offboarding.open(office.request(leaver=eve, effective_at=office.clock.now() + timedelta(days=1)))
    for act in (lambda: None, office.work, lambda: office.offboarding.undo(case_id, HR, "a mistake"), office.work):
        act()
        briefs = office.offboarding.briefs(5)
        assert {brief.id for brief in briefs} == {case_id, later}
        for brief in briefs:
            view = office.offboarding.case(brief.id)
            assert brief == CaseBrief(**{one.name: getattr(view, one.name) for one in fields(CaseBrief)})
    assert [office.offboarding.count(still_open) for still_open in (None, True, False)] == [2, 1, 1]
    assert [[one.id for one in office.offboarding.briefs(1, still_open)] for still_open in (True, False)] == [
        [later],
        [case_id],
    ]


def test_a_whole_case_ends_watched_with_its_clients_moved(office: Office) -> None:
    for number in range(6):
        office.crm.record(f"opportunity:{number}", "crm-dana", value=number * 100)
    case_id = office.offboarding.open(office.request())
    for _ in range(6):
        office.work()
        for proposal in office.handover.proposals.waiting_for(MAX.slack_id):
            office.handover.decisions.decide(
                proposal.id, proposal.digest, Actor(f"slack:{MAX.slack_id}", "Max"), approve=True
            )
        office.clock.pass_(minutes=1)
    case = office.offboarding.case(case_id)
    assert case.state is CaseState.WATCHED
    assert case.clients is not None
    assert (case.clients.moved, case.clients.left) == (6, 0)
    assert office.crm.owned("crm-dana") == set()
    assert proven(office.journal).ok


@pytest.mark.parametrize("left", ["one system", "book", "exports"])
def test_a_case_is_open_for_as_long_as_one_of_its_tracks_is_not_at_its_end(office: Office, left: str) -> None:
    if left == "one system":
        office.directory.fail("lock", Unavailable("down"), times=1)
    case_id = office.offboarding.open(office.request())
    for _step in range(3):
        office.work(*({"revoke", "book", "exports"} - {left}))
    assert office.offboarding.case(case_id).state is CaseState.RUNNING
    office.clock.pass_(minutes=5)
    for _step in range(3):
        office.work()
    assert office.offboarding.case(case_id).state is CaseState.WATCHED


MAX_HIMSELF = Actor(f"slack:{MAX.slack_id}", "Max")


def _with_clients(office: Office, **change: object) -> str:
    for number in range(4):
        office.crm.record(f"opportunity:{number}", "crm-dana", value=number * 100)
    case_id = office.offboarding.open(office.request(**change))
    office.work("book")
    return case_id


def _decide(office: Office, *, approve: bool) -> None:
    for proposal in office.handover.proposals.waiting_for(MAX.slack_id):
        office.handover.decisions.decide(proposal.id, proposal.digest, MAX_HIMSELF, approve=approve)


def _clients(office: Office, case_id: str) -> ClientsView:
    clients = office.offboarding.case(case_id).clients
    assert clients is not None
    return clients


def test_a_retry_asks_again_about_declined_clients(office: Office) -> None:
    case_id = _with_clients(office)
    _decide(office, approve=False)
    office.started.clear()
    office.offboarding.retry(case_id, "crm", SECURITY)
    assert [(task, row) for task, row, _ in office.started] == [
        ("revoke", f"{case_id}:crm"),
        ("book", f"{case_id}:crm"),
    ]
    office.work("book")
    assert [proposal.version for proposal in office.handover.proposals.waiting_for(MAX.slack_id)] == [2]
    _decide(office, approve=True)
    office.work()
    assert _clients(office, case_id).complete


def test_a_retry_leaves_clients_alone_that_wait_for_a_decision_or_are_done(office: Office) -> None:
    case_id = _with_clients(office)
    for approve in (None, True):
        if approve:
            _decide(office, approve=True)
            office.work("book")
        office.started.clear()
        office.offboarding.retry(case_id, "crm", SECURITY)
        assert [task for task, _, _ in office.started] == ["revoke"]
    assert _clients(office, case_id).moved == 4


def test_clients_of_a_scheduled_case_can_be_retried_and_nothing_else(office: Office) -> None:
    case_id = _with_clients(office, effective_at=office.clock.now() + timedelta(days=3))
    with pytest.raises(Refused) as caught:
        office.offboarding.retry(case_id, "crm", SECURITY)
    assert caught.value.code is Code.NOT_OPEN
    _decide(office, approve=False)
    office.offboarding.retry(case_id, "crm", SECURITY)
    assert [task for task, _, _ in office.started] == ["book"]
    office.work()
    assert [proposal.version for proposal in office.handover.proposals.waiting_for(MAX.slack_id)] == [2]
    assert all(user.active for user in office.crm.users.values())


def test_a_retry_after_a_failure_does_not_wait(office: Office) -> None:
    office.crm.down = True
    case_id = _with_clients(office)
    assert "not reachable" in _clients(office, case_id).problems[0]
    office.crm.down = False
    assert office.work("book") == 0
    office.offboarding.retry(case_id, "crm", SECURITY)
    assert office.work("book") == 1
    assert len(office.handover.proposals.waiting_for(MAX.slack_id)) == 1


def test_a_cancel_settles_what_waits_and_its_buttons_go(office: Office) -> None:
    case_id = _with_clients(office, effective_at=office.clock.now() + timedelta(days=3))
    (shown,) = office.handover.proposals.waiting_for(MAX.slack_id)
    office.offboarding.cancel(case_id, HR, "a mistake")
    settled = office.handover.proposals.view(shown.id)
    assert (settled.state, settled.settled_by, settled.settled_at) == (
        ProposalState.CANCELLED,
        HR.name,
        office.clock.now(),
    )
    assert office.posts()[f"proposal:{shown.id}"].wanted_version == 2
    with pytest.raises(Refused) as caught:
        office.handover.decisions.decide(shown.id, shown.digest, MAX_HIMSELF, approve=True)
    assert caught.value.code is Code.NOT_OPEN
    with pytest.raises(Refused):
        office.offboarding.retry(case_id, "crm", SECURITY)


def test_records_that_stay_are_no_finding(office: Office) -> None:
    office.crm.record("opportunity:won", "crm-dana", fixed="won: the vendor lets nobody change it")
    case_id = _with_clients(office)
    office.work("revoke")
    _decide(office, approve=True)
    office.work()
    assert office.offboarding.case(case_id).state is CaseState.WATCHED
    office.clock.pass_(days=1)
    office.work("follow_up")
    case = office.offboarding.case(case_id)
    assert [finding.kind for finding in case.findings] == []
    assert "1 record stays, as" in case.follow_ups[0].summary


def test_records_that_wait_for_a_decision_are_no_finding_until_it_is_a_decline(office: Office) -> None:
    case_id = _with_clients(office)
    office.work("revoke")
    office.clock.pass_(days=1)
    office.work("follow_up")
    case = office.offboarding.case(case_id)
    assert case.findings == ()
    assert "still owns 4 records" in case.follow_ups[0].summary
    _decide(office, approve=False)
    office.clock.pass_(days=6)
    office.work("follow_up")
    assert [finding.kind for finding in office.offboarding.case(case_id).findings] == ["owns records"]


def test_declined_records_are_still_owned(office: Office) -> None:
    case_id = _with_clients(office)
    office.work("revoke")
    _decide(office, approve=False)
    office.clock.pass_(days=1)
    office.work("follow_up")
    case = office.offboarding.case(case_id)
    assert [(finding.kind, finding.detail) for finding in case.findings] == [
        ("owns records", "4 records are still owned by the leaver")
    ]


def test_a_second_submit_after_a_quick_end_opens_no_second_case(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    for _ in range(4):
        office.work()
    assert office.offboarding.case(case_id).state is CaseState.WATCHED
    with pytest.raises(Refused) as caught:
        office.offboarding.open(office.request())
    assert caught.value.facts["case"] == case_id
    office.clock.pass_(days=2)
    assert office.offboarding.open(office.request()) != case_id


def test_cases_come_in_pages_newest_first_and_miss_nobody(office: Office) -> None:
    opened = []
    for number in range(5):
        office.clock.pass_(hours=2)
        leaver = replace(DANA, email=f"leaver{number}@x.example", slack_id="", directory_id="")
        opened.append(office.offboarding.open(office.request(leaver=leaver)))
    newest = opened[::-1]
    pages = [office.offboarding.cases(limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [[case.id for case in page] for page in pages] == [newest[:2], newest[2:4], newest[4:], []]
    assert [case.id for case in office.offboarding.cases()] == newest
    assert [office.offboarding.case(case.id) for case in pages[0]] == pages[0], "a page shows what the case itself does"
