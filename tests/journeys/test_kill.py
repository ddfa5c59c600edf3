"""kill -9 at random moments of lock and moves: nothing lost, nothing done twice, counted from the servers' own logs."""

import random
import time

import pytest

from tests.journeys.people_at_work import Office
from tests.sandbox.company import ldif
from tests.sandbox.company.people import BY_UID, LEAVER, Employee
from tests.sandbox.practice import Practice

KILLS_IN_LOCK = ("bob.ross", "li.wei", "noa.levi", "zoe.dagostino", "omar.haddad", "yulia.petrova")


@pytest.mark.parametrize("uid", KILLS_IN_LOCK)
def test_killed_during_a_lock_out(office: Office, practice: Practice, uid: str) -> None:
    leaver = BY_UID[uid]
    form = office.filled(leaver, [BY_UID["carol.diaz"]])
    form.submit()
    time.sleep(random.Random(uid).uniform(0.0, 0.5))
    practice.kill_bot()
    practice.start_bot()
    office.locked_out(leaver)
    assert practice.is_open(leaver) == {"directory": False, "crm": False}
    assert practice.directory.writes()[ldif.person_dn(uid)] == 1
    assert practice.handover("verify").returncode == 0


def test_killed_again_and_again_while_clients_move(office: Office, practice: Practice) -> None:
    """Dana's sixty deals: each is written once after any kill."""
    before = practice.crm.counts()
    deals = [record for record, owner in practice.crm.owners().items() if owner == LEAVER.uid]
    moving = [record for record in deals if practice.crm.states()[record] in ("lead", "opportunity")]
    writes = {record: practice.crm.writes(record) for record in moving}
    office.offboard(LEAVER, [BY_UID["carol.diaz"], BY_UID["max.weber"]])
    office.locked_out(LEAVER)
    office.approve(LEAVER)
    dice = random.Random(7)
    for _ in range(4):
        time.sleep(dice.uniform(0.0, 0.6))
        practice.kill_bot()
        practice.start_bot()
    _wait_until_moved(practice, LEAVER, len(deals) - len(moving))
    again = {record: practice.crm.writes(record) - writes[record] for record in moving}
    assert set(again.values()) == {1}
    assert sum(practice.crm.counts().values()) == sum(before.values())
    assert practice.handover("verify").returncode == 0


def _wait_until_moved(practice: Practice, leaver: Employee, stay: int) -> None:
    deadline = time.monotonic() + 90
    while practice.owned(leaver) > stay:
        assert time.monotonic() < deadline, f"{practice.owned(leaver)} deals are still the leaver's"
        time.sleep(0.2)
