"""A leaver who joins a channel in which leavers are spoken of, after the case message was posted there."""

import time

import pytest

from tests.bot import samples
from tests.bot.conftest import Office, said
from tests.sandbox.company.people import BY_UID, HR
from tests.sandbox.slack import seed
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.records import Message
from workflows.storage.rows.case import CaseState

WARNING = "has joined <#"


def warnings(person: Person, channel: str) -> list[Message]:
    return [one for one in person.messages(channel) if WARNING in said(one)]


def leaver_joins(office: Office, channel: str) -> None:
    case = samples.case(CaseState.RUNNING)
    office.offboarding.known[case.id] = case
    delivery = office.leaver.join(channel, inviter=BY_UID["max.weber"].slack_id)
    assert delivery is not None
    assert delivery.acked


def test_the_opener_and_security_hear_of_it(office: Office) -> None:
    leaver_joins(office, seed.OFFBOARDING)
    told = office.hr.wait_for(lambda: warnings(office.hr, ""))
    told += office.security.wait_for(lambda: warnings(office.security, seed.SECURITY_ALERTS))
    assert all(f"<#{seed.OFFBOARDING}>" in said(one) and BY_UID["max.weber"].slack_id in said(one) for one in told)
    assert [what for what, *_ in office.journal.notes] == ["leaver joined"]


def test_in_securitys_own_channel_nothing_is_said_that_the_leaver_would_read(office: Office) -> None:
    leaver_joins(office, seed.SECURITY_ALERTS)
    office.hr.wait_for(lambda: warnings(office.hr, ""))
    assert not warnings(office.security, seed.SECURITY_ALERTS)


@pytest.mark.parametrize("uid", ["carol.diaz", HR.uid])
def test_somebody_without_a_case_joins_in_peace(office: Office, uid: str) -> None:
    delivery = office.person(BY_UID[uid].slack_id).join(seed.OFFBOARDING)
    assert delivery is not None
    assert delivery.acked
    leaver_joins(office, seed.OFFBOARDING)
    office.hr.wait_for(lambda: warnings(office.hr, ""))
    time.sleep(0.1)
    assert len(warnings(office.hr, "")) == 1


def test_another_channel_is_nobodys_business(office: Office) -> None:
    leaver_joins(office, seed.GENERAL)
    leaver_joins(office, seed.OFFBOARDING)
    told = office.hr.wait_for(lambda: warnings(office.hr, ""))
    assert len(told) == 1
