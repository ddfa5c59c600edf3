"""Bad days with real servers: a dead server comes back, `unknown` is shown, and no failure is reported as a success."""

import time

import pytest

from tests.journeys.people_at_work import Office
from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER, Employee
from tests.sandbox.company.slapd import LOCK
from tests.sandbox.practice import Practice
from tests.sandbox.slack.seed import OFFBOARDING
from tests.sandbox.story import text_of

BOB, CAROL, LI = BY_UID["bob.ross"], BY_UID["carol.diaz"], BY_UID["li.wei"]


def test_a_crm_that_is_down_is_unknown_until_it_is_back(office: Office, practice: Practice) -> None:
    leaver = BY_UID["yulia.petrova"]
    form = office.filled(leaver, [BOB])
    practice.crm.stop()
    form.submit()
    message = office.message(office.hr, "offboarding", lambda text: leaver.name in text and "not reachable" in text)
    assert "unknown in Tryton" in text_of(message)
    assert "Retry" in text_of(message)
    assert office.verdicts(leaver) == {"directory": "locked", "crm": "unknown"}
    practice.crm.start()
    office.hr.click(message, "case_retry")
    office.locked_out(leaver)
    assert practice.is_open(leaver) == {"directory": False, "crm": False}


def test_a_directory_that_accepts_and_says_nothing_does_not_hold_up_the_crm(office: Office, practice: Practice) -> None:
    leaver = BY_UID["omar.haddad"]
    form = office.filled(leaver, [BOB])
    with practice.directory.paused():
        form.submit()
        deadline = time.monotonic() + 10
        while practice.crm.user_active(leaver.uid):
            assert time.monotonic() < deadline, "the CRM waited for the directory"
            time.sleep(0.05)
        assert office.verdicts(leaver)["directory"] == "unknown"
    office.locked_out(leaver)


def locked_by_data(practice: Practice, leaver: Employee) -> bool:
    """Return whether the servers' own data show every account of the leaver locked."""
    return LOCK in (practice.directory.entry(leaver.uid) or {}) and not practice.crm.user_active(leaver.uid)


def test_slack_down_during_a_lock_out_changes_nothing_but_the_message(office: Office, practice: Practice) -> None:
    leaver = BY_UID["zoe.dagostino"]
    form = office.filled(leaver, [BOB])
    practice.slack.fault("chat.postMessage", "500", times=4)
    form.submit()
    deadline = time.monotonic() + 90
    while not locked_by_data(practice, leaver):  # a log-in of our own, at this moment, would leave an open session
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not any(practice.is_open(leaver).values())
    office.locked_out(leaver)
    posted = [one for one in office.hr.messages("offboarding") if leaver.name in one.text]
    assert len(posted) == 1, [text_of(one) for one in posted]


def test_an_answer_that_slack_lost_does_not_post_the_case_twice(office: Office, practice: Practice) -> None:
    leaver = BY_UID["noa.levi"]
    practice.slack.fault("chat.postMessage", "lost", times=1)
    office.offboard(leaver, [BOB])
    office.locked_out(leaver)
    posted = [one for one in office.hr.messages("offboarding") if leaver.name in one.text]
    assert len(posted) == 1


def test_a_leaver_in_the_channel_never_sees_the_case(office: Office, practice: Practice) -> None:
    leaver = BY_UID["pat.star"]
    practice.slack.workspace.channels[OFFBOARDING].members.add(leaver.slack_id)
    office.offboard(leaver, [BOB])
    office.message(office.hr, "", lambda text: f"{leaver.name} is locked out" in text)
    assert not [one for one in office.hr.messages("offboarding") if leaver.name in text_of(one)]
    assert not [
        one for one in practice.slack.as_user(leaver.slack_id).messages("offboarding") if leaver.name in text_of(one)
    ]
    practice.slack.workspace.channels[OFFBOARDING].members.discard(leaver.slack_id)


def test_a_second_bot_on_the_same_data_is_told_what_to_do(practice: Practice) -> None:
    ended = practice.handover("run")
    assert ended.returncode == 2
    assert "another Handover" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_command_line_works_beside_the_bot_and_without_slack(office: Office, practice: Practice) -> None:
    beside = BY_UID["anh.nguyen"]
    ended = practice.handover("offboard", beside.email, "--yes", "--successor", BOB.email, by=HR)
    assert "open connections may work until" in ended.stdout, ended.stderr
    assert practice.is_open(beside) == {"directory": False, "crm": False}
    alone = BY_UID["ben.ford"]
    practice.stop_bot()
    practice.slack.fault("*", "500", times=10_000)
    ended = practice.handover(
        "offboard", alone.email, "--yes", "--successor", BOB.email, "--approver", MANAGER.email, by=HR
    )
    practice.slack.workspace.faults.clear()
    assert "open connections may work until" in ended.stdout, ended.stdout + ended.stderr
    assert practice.is_open(alone) == {"directory": False, "crm": False}
    practice.start_bot()
    office.message(office.hr, "offboarding", lambda text: alone.name in text or "Ford" in text)


def test_a_wrong_password_for_one_system_leaves_the_others_working(office: Office, practice: Practice) -> None:
    leaver = BY_UID["carol.diaz"]
    practice.stop_bot()
    text = practice.config.read_text(encoding="utf-8")
    practice.config.write_text(text.replace("env:CRM_PASSWORD", "env:SLACK_APP_TOKEN"), encoding="utf-8")
    practice.start_bot()
    office.offboard(leaver, [BOB])
    words = f"{leaver.name}: unknown in Tryton (locked out of 1 of 2 systems)"
    message = office.message(office.hr, "offboarding", lambda said: words in said)
    assert "administrator" in text_of(message)
    assert not practice.is_open(leaver)["directory"]
    assert practice.is_open(leaver)["crm"]
    practice.stop_bot()
    practice.config.write_text(text, encoding="utf-8")
    practice.crm.forget_attempts()
    practice.start_bot()
    office.locked_out(leaver)


@pytest.mark.parametrize("secret", ["LDAP_PASSWORD", "CRM_PASSWORD", "SLACK_BOT_TOKEN", "HANDOVER_MASTER_KEY"])
def test_no_secret_was_ever_printed(practice: Practice, secret: str) -> None:
    assert practice.environment[secret] not in practice.bot_log.read_text(encoding="utf-8")


def test_rows_hold_no_name_in_clear(practice: Practice) -> None:
    rows = b"".join(file.read_bytes() for file in practice.data.glob("*.sqlite*"))
    assert LEAVER.name.encode() not in rows
    assert BY_UID["yulia.petrova"].name.encode() not in rows
