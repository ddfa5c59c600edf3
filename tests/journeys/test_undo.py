"""HR was wrong: on the real servers the person's own password opens everything again, whatever dies meanwhile."""

import time

from tests.journeys.people_at_work import Office
from tests.sandbox.company.people import BY_UID, HR, Employee
from tests.sandbox.practice import Practice

BOB = BY_UID["bob.ross"]
SHUT, BACK = {"directory": False, "crm": False}, {"directory": True, "crm": True}


def _offboard(practice: Practice, leaver: Employee) -> None:
    ended = practice.handover("offboard", leaver.email, "--yes", "--successor", BOB.email, by=HR)
    assert (ended.returncode, "open connections may work until" in ended.stdout) == (1, True), ended.stderr
    assert practice.is_open(leaver) == SHUT


def test_account_and_password_come_back(office: Office, practice: Practice) -> None:
    leaver = BY_UID["anh.nguyen"]
    assert practice.can_log_in(leaver) == BACK
    _offboard(practice, leaver)
    ended = practice.handover("undo", leaver.email, "--reason", "a mistake", "--yes", by=HR)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert practice.can_log_in(leaver) == BACK
    assert "the account is open again" in ended.stdout
    message = office.message(office.hr, "offboarding", lambda text: leaver.name in text and "has access back" in text)
    assert "undone" in str(message.blocks)
    assert practice.handover("status", leaver.email).returncode == 0


def test_killed_in_the_middle_it_still_comes_back(practice: Practice) -> None:
    leaver = BY_UID["ben.ford"]
    _offboard(practice, leaver)
    practice.handover("undo", leaver.email, "--reason", "a mistake", "--yes", "--wait", "0", by=HR)
    practice.kill_bot()
    practice.start_bot()
    ends = time.monotonic() + 90
    while practice.can_log_in(leaver) != BACK and time.monotonic() < ends:
        time.sleep(0.2)
    assert practice.can_log_in(leaver) == BACK
    assert practice.handover("undo", leaver.email, "--reason", "a mistake", "--yes", by=HR).returncode == 0
    assert practice.handover("verify").returncode == 0
