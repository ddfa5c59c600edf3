"""Two bots on one PostgreSQL: if either dies or pauses, nothing is lost or done twice, and each message comes once."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.journeys.people_at_work import Office
from tests.sandbox.company import ldif
from tests.sandbox.company.people import BY_UID, LEAVER, SECURITY, Employee
from tests.sandbox.postgres import Postgres
from tests.sandbox.practice import Practice
from tests.sandbox.story import DAY, text_of

T = TypeVar("T")
DEAD_AFTER = 5.0
ROWS = "replicas"
SUCCESSOR = BY_UID["carol.diaz"]
AT_WORK = "SELECT executor_id FROM dbos.workflow_status WHERE status = 'PENDING' AND workflow_uuid LIKE 'lockout:%'"


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Practice]:
    """Serve the practice company with two bots in it."""
    folder, url = tmp_path_factory.mktemp("replicas"), postgres.database(ROWS)
    with Practice(folder, database_url=url, dead_after=DEAD_AFTER) as practice:
        practice.start_replica()
        yield practice


@pytest.fixture
def office(practice: Practice) -> Office:
    """Return the people in front of it, and two bots at work."""
    while sum(one.poll() is None for one in practice.processes.values()) < 2:
        practice.start_replica()
    return Office(practice)


def _in_the_middle(office: Office, postgres: Postgres, leaver: Employee, do: Callable[[int], None]) -> int:
    """Do something to the bot that is locking the leaver out of a silent directory; return its process."""
    form = office.filled(leaver, [SUCCESSOR])
    with office.practice.directory.paused():
        form.submit()
        executors = _wait(lambda: postgres.run(AT_WORK, ROWS), 60)
        pid = int(str(executors[0][0]).split("-")[-2])
        do(pid)
    return pid


def _wait(look: Callable[[], list[T]], seconds: float) -> list[T]:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def _once(practice: Practice, office: Office, leaver: Employee) -> None:
    """Check that one write per system locks the leaver out, one message reports it, and the journal is complete."""
    assert practice.is_open(leaver) == {"directory": False, "crm": False}
    assert practice.directory.writes()[ldif.person_dn(leaver.uid)] == 1
    assert practice.crm.writes(practice.crm.user_id(leaver.uid), "res.user") == 1
    posted = [one for one in office.hr.messages("offboarding") if leaver.name in text_of(one)]
    assert len(posted) == 1
    assert practice.handover("verify").returncode == 0


def test_killed_in_the_middle_of_a_lock_the_other_finishes(
    office: Office, practice: Practice, postgres: Postgres
) -> None:
    leaver = BY_UID["bob.ross"]
    killed = _in_the_middle(office, postgres, leaver, lambda pid: os.kill(pid, signal.SIGKILL))
    assert practice.processes[killed].wait(60) == -signal.SIGKILL
    office.locked_out(leaver)
    _once(practice, office, leaver)


def test_one_that_was_paused_too_long_does_no_harm_when_it_wakes(
    office: Office, practice: Practice, postgres: Postgres
) -> None:
    leaver = BY_UID["li.wei"]
    paused = _in_the_middle(office, postgres, leaver, lambda pid: os.kill(pid, signal.SIGSTOP))
    office.locked_out(leaver)
    os.kill(paused, signal.SIGCONT)
    assert practice.processes[paused].wait(60) == -signal.SIGALRM
    _once(practice, office, leaver)


def test_one_audit_post_a_day_from_two_bots(office: Office, practice: Practice) -> None:
    office.offboard(LEAVER, [SUCCESSOR])
    office.locked_out(LEAVER)
    security = practice.slack.as_user(SECURITY.slack_id)
    for day in (1, 2):
        practice.jump(DAY)
        _wait(lambda: security.messages("access-audit")[day - 1 :], 90)  # noqa: B023 - called at once
        time.sleep(1.5)
        assert len(security.messages("access-audit")) == day
    assert practice.handover("verify").returncode == 0
