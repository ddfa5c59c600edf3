"""An account that no address leads to is found by a person, once; without one nothing is called good."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from connectors.contract import AccountId, Verdict
from tests.workflows.memory import Killed, World
from tests.workflows.office import DANA, HR, NONE, SECURITY, Office
from workflows.access.views import SystemLine
from workflows.refusals import Code, Refused
from workflows.storage.rows.access import AccountLink
from workflows.storage.rows.operations import JournalEntry
from workflows.systems.registry import Systems


def _line(office: Office, case_id: str) -> SystemLine:
    return next(line for line in office.offboarding.case(case_id).systems if line.system == "crm")


def _links(office: Office) -> list[str]:
    with office.store.read() as session:
        return [row.account_id for row in session.exec(select(AccountLink))]


def _expecting(office: Office) -> None:
    """Let the settings say that everybody should have an account in the CRM."""
    systems: Systems = office.systems
    systems._systems["crm"] = replace(systems["crm"], expects_account=True)


@pytest.fixture
def twice(office: Office) -> str:
    """Return a case whose leaver's address is on two accounts of the CRM."""
    office.crm.user("crm-other", "dana@x.example", login="dana.other")
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    return case_id


@pytest.fixture
def elsewhere(office: Office) -> str:
    """Return a case whose leaver has another log-in in the CRM, where everybody should have an account."""
    _expecting(office)
    user = office.crm.users[AccountId("crm-dana")]
    user.login, user.email = "d.oneill", "dana@private.example"
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    return case_id


def test_several_matches_wait_for_a_person_who_chooses_one(office: Office, twice: str) -> None:
    line = _line(office, twice)
    assert (line.verdict, line.choose) == (Verdict.UNKNOWN, True)
    assert not any(key.startswith("lock") for key in office.crm.writes)
    found = office.linking.candidates(twice, "crm")
    assert {(one.login, one.email, one.verdict) for one in found} == {
        ("dana", "dana@x.example", Verdict.OPEN),
        ("dana.other", "dana@x.example", Verdict.OPEN),
    }
    assert office.linking.link(twice, "crm", SECURITY, account="crm-dana") == "dana"
    assert office.started[-1][:2] == ("revoke", f"{twice}:crm")
    office.work("revoke")
    assert office.crm.users[AccountId("crm-other")].active
    assert not office.crm.users[AccountId("crm-dana")].active


def test_an_open_account_that_nobody_chose_stays_in_the_verdict(office: Office, twice: str) -> None:
    office.linking.link(twice, "crm", SECURITY, account="crm-dana")
    office.work("revoke")
    line, case = _line(office, twice), office.offboarding.case(twice)
    assert (line.verdict, line.choose, case.locked_out) == (Verdict.OPEN, True, False)
    assert "dana.other matches too (mail)" in line.reason
    assert [(one.kind, one.login) for one in case.findings] == [("new account", "dana.other")]
    office.crm.users[AccountId("crm-other")].email = "renamed@x.example"
    office.crm.users[AccountId("crm-other")].login = "renamed"
    office.audits.run_now(SECURITY)
    office.offboarding.retry(twice, "crm", SECURITY)
    office.work("revoke")
    office.audits.run_now(SECURITY)
    assert not office.offboarding.case(twice).locked_out, "renamed, it is still known, and open"
    assert [one.login for one in office.audits.findings()] == ["dana.other"]


@pytest.mark.parametrize("first", ["audit", "lock-out"])
def test_it_leaves_the_verdict_by_a_persons_word_with_a_reason(office: Office, twice: str, first: str) -> None:
    office.linking.link(twice, "crm", SECURITY, account="crm-dana")
    office.work("revoke")
    with pytest.raises(Refused, match=Code.NEEDS_REASON):
        office.linking.deny(twice, "crm", SECURITY, account="crm-other", reason=" ")
    with pytest.raises(Refused, match=Code.IN_CASE):
        office.linking.deny(twice, "crm", SECURITY, account="crm-dana", reason="a namesake")
    for _again in range(2):
        assert office.linking.deny(twice, "crm", SECURITY, account="crm-other", reason="a namesake") == "dana.other"
    if first == "audit":
        office.audits.run_now(SECURITY)
    office.work("revoke")
    office.audits.run_now(SECURITY)
    case = office.offboarding.case(twice)
    assert (case.locked_out, case.findings) == (True, ())
    assert "a person said that they are not the leaver's" in _line(office, twice).reason
    assert office.crm.users[AccountId("crm-other")].active
    with office.store.read() as session:
        entries = session.exec(select(JournalEntry).where(JournalEntry.action == "account.denied")).all()
    assert len(entries) == 1


def test_a_denied_account_can_be_linked_after_all(office: Office, twice: str) -> None:
    office.linking.deny(twice, "crm", SECURITY, account="crm-other", reason="a namesake")
    office.work("revoke")
    assert office.offboarding.case(twice).locked_out, "the one that is left is the leaver's"
    office.linking.link(twice, "crm", SECURITY, account="crm-other")
    office.work("revoke")
    assert not office.crm.users[AccountId("crm-other")].active
    assert office.offboarding.case(twice).locked_out


def test_lock_again_locks_the_known_account_beside_a_second_one(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.crm.users[AccountId("crm-dana")].active = True
    office.crm.user("crm-new", "dana@x.example", login="dana.new")
    found = office.audits.run_now(SECURITY).findings
    office.audits.lock_again(next(one.id for one in found if one.login == "dana"), SECURITY)
    office.work("revoke")
    assert not office.crm.users[AccountId("crm-dana")].active
    assert office.crm.users[AccountId("crm-new")].active
    assert _line(office, case_id).verdict is Verdict.OPEN


def test_no_account_where_everybody_has_one_is_a_finding_and_never_good(office: Office, elsewhere: str) -> None:
    line = _line(office, elsewhere)
    assert (line.verdict, line.choose) == (Verdict.UNKNOWN, True)
    case = office.offboarding.case(elsewhere)
    assert [(one.kind, one.system) for one in case.findings] == [("not linked", "crm")]
    assert not case.locked_out
    office.clock.pass_(minutes=10)
    office.work("revoke")
    assert len(office.offboarding.case(elsewhere).findings) == 1


def test_a_system_without_that_setting_says_absent(office: Office) -> None:
    del office.crm.users[AccountId("crm-dana")]
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert _line(office, case_id).verdict is Verdict.ABSENT


def test_the_account_is_found_by_its_log_in_locked_and_audited(office: Office, elsewhere: str) -> None:
    assert office.linking.candidates(elsewhere, "crm") == ()
    [found] = office.linking.candidates(elsewhere, "crm", "d.oneill")
    assert found.account_id == "crm-dana"
    office.linking.link(elsewhere, "crm", SECURITY, login="d.oneill")
    office.work("revoke")
    case = office.offboarding.case(elsewhere)
    assert case.locked_out
    assert case.findings == ()
    assert [account.matched_by for account in _line(office, elsewhere).accounts] == ["linked by a person"]
    office.crm.users[AccountId("crm-dana")].active = True
    found_again = office.audits.run_now(SECURITY).findings
    assert [(one.kind, one.login) for one in found_again] == [("open again", "d.oneill")]


def test_later_cases_of_the_same_person_know_the_account(office: Office, elsewhere: str) -> None:
    office.linking.link(elsewhere, "crm", SECURITY, login="d.oneill")
    office.work("revoke")
    office.offboarding.undo(elsewhere, HR, "a mistake")
    office.work("undo")
    assert office.crm.users[AccountId("crm-dana")].active
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert office.offboarding.case(case_id).locked_out
    assert not office.crm.users[AccountId("crm-dana")].active


def test_a_person_may_know_that_there_is_none(office: Office, elsewhere: str) -> None:
    office.linking.none(elsewhere, "crm", SECURITY, *NONE)
    office.work("revoke")
    line = _line(office, elsewhere)
    assert line.verdict is Verdict.ABSENT
    assert "the word of Sam, until 2026-12-01: never had one" in line.how
    assert office.offboarding.case(elsewhere).findings == ()
    office.linking.link(elsewhere, "crm", SECURITY, login="d.oneill")
    assert _links(office) == ["crm-dana"]
    office.work("revoke")
    assert _line(office, elsewhere).verdict is Verdict.LOCKED


def test_clicked_twice_it_is_one_link_and_one_entry(office: Office, twice: str) -> None:
    for _ in range(2):
        office.linking.link(twice, "crm", SECURITY, account="crm-dana")
    assert _links(office) == ["crm-dana"]
    with office.store.read() as session:
        assert len(session.exec(select(JournalEntry).where(JournalEntry.action == "account.linked")).all()) == 1


@pytest.mark.parametrize("bad", ["", "nobody", "*", "max)(uid=*"])
def test_what_is_not_exactly_one_account_is_not_linked(office: Office, elsewhere: str, bad: str) -> None:
    for named in ({"login": bad}, {"account": bad}):
        with pytest.raises(Refused) as caught:
            office.linking.link(elsewhere, "crm", SECURITY, **named)
        assert caught.value.code is Code.UNKNOWN_ACCOUNT
    with pytest.raises(Refused) as caught:
        office.linking.link(elsewhere, "nowhere", SECURITY, login="d.oneill")
    assert caught.value.code is Code.UNKNOWN_SYSTEM
    assert _links(office) == []


def test_a_protected_account_cannot_be_linked(office: Office, elsewhere: str) -> None:
    office.crm.user("crm-boss", "boss@x.example", login="boss")
    with pytest.raises(Refused) as caught:
        office.linking.link(elsewhere, "crm", SECURITY, login="boss")
    with pytest.raises(Refused):
        office.linking.link(elsewhere, "crm", SECURITY, account="crm-boss")
    assert caught.value.code is Code.PROTECTED
    assert _links(office) == []


def test_before_the_day_it_is_only_remembered(office: Office) -> None:
    office.crm.user("crm-other", "dana@x.example", login="dana.other")
    at = office.clock.now() + timedelta(days=1)
    case_id = office.offboarding.open(office.request(effective_at=at))
    office.linking.link(case_id, "crm", SECURITY, account="crm-dana")
    assert office.started == []
    office.linking.deny(case_id, "crm", SECURITY, account="crm-other", reason="a namesake")
    office.clock.at = at
    office.work("revoke")
    assert _line(office, case_id).verdict is Verdict.LOCKED


def test_killed_before_the_lock_the_link_is_still_known(office: Office, twice: str) -> None:
    office.linking.link(twice, "crm", SECURITY, account="crm-dana")
    office.crm.fail("lock", Killed())
    with pytest.raises(Killed):
        office.dispatch.row(f"{twice}:crm")
    office.work("revoke")
    assert not office.crm.users[AccountId("crm-dana")].active


def test_log_ins_stand_nowhere_in_clear(office: Office, elsewhere: str) -> None:
    office.linking.link(elsewhere, "crm", SECURITY, login="d.oneill")
    with office.store.read() as session:
        [link] = session.exec(select(AccountLink)).all()
    assert b"oneill" not in link.sealed
    assert "dana" not in link.person_key
    assert isinstance(office.crm, World)


def test_the_plan_warns_before_anyone_confirms(office: Office) -> None:
    _expecting(office)
    del office.crm.users[AccountId("crm-dana")]
    assert any("must link it" in warning for warning in office.offboarding.plan(DANA).warnings)
    case_id = office.offboarding.open(office.request(leaver=replace(DANA, directory_id="directory-dana")))
    office.linking.none(case_id, "crm", SECURITY, *NONE)
    assert not any("must link it" in warning for warning in office.offboarding.plan(DANA).warnings)
