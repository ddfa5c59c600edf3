"""A leaver who joins a channel with case messages."""

import pytest

from tests.bot.workplace import Workplace, said
from tests.sandbox.company.people import BY_UID, HR
from tests.sandbox.slack import seed
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.records import Message
from workflows.cases.views import CaseView

WARNING = "has joined <#"


def warnings(workplace: Workplace, person: Person, channel: str) -> list[Message]:
    workplace.deliver()
    return [one for one in person.messages(channel) if WARNING in said(one)]


def leaver_joins(workplace: Workplace, channel: str) -> None:
    if not workplace.services.offboarding.count(still_open=True):
        workplace.open(channel=seed.ACCESS_AUDIT)
    delivery = workplace.leaver.join(channel, inviter=BY_UID["max.weber"].slack_id)
    assert delivery is not None
    assert delivery.acked


def test_the_opener_and_security_hear_of_it(workplace: Workplace) -> None:
    leaver_joins(workplace, seed.OFFBOARDING)
    told = workplace.hr.wait_for(lambda: warnings(workplace, workplace.hr, ""))
    told += workplace.security.wait_for(lambda: warnings(workplace, workplace.security, seed.SECURITY_ALERTS))
    assert all(f"<#{seed.OFFBOARDING}>" in said(one) and BY_UID["max.weber"].slack_id in said(one) for one in told)
    assert workplace.actors("leaver joined") == [f"slack:{workplace.leaver.id}"]


def test_in_securitys_own_channel_nothing_is_said_that_the_leaver_would_read(workplace: Workplace) -> None:
    leaver_joins(workplace, seed.SECURITY_ALERTS)
    workplace.hr.wait_for(lambda: warnings(workplace, workplace.hr, ""))
    assert not warnings(workplace, workplace.security, seed.SECURITY_ALERTS)


@pytest.mark.parametrize("uid", ["carol.diaz", HR.uid])
def test_somebody_without_a_case_joins_in_peace(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, uid: str
) -> None:
    heard: list[str] = []
    offboarding = workplace.services.offboarding
    find = offboarding.find_case

    def find_case(who: str) -> CaseView | None:
        found = find(who)
        heard.append(who)
        return found

    monkeypatch.setattr(offboarding, "find_case", find_case)
    delivery = workplace.person(BY_UID[uid].slack_id).join(seed.OFFBOARDING)
    assert delivery is not None
    assert delivery.acked
    leaver_joins(workplace, seed.OFFBOARDING)
    workplace.hr.wait_for(lambda: warnings(workplace, workplace.hr, ""))
    workplace.hr.wait_for(lambda: len(heard) == 2)
    assert len(warnings(workplace, workplace.hr, "")) == 1


def test_another_channel_is_nobodys_business(workplace: Workplace) -> None:
    leaver_joins(workplace, seed.GENERAL)
    leaver_joins(workplace, seed.OFFBOARDING)
    told = workplace.hr.wait_for(lambda: warnings(workplace, workplace.hr, ""))
    assert len(told) == 1


def test_an_event_that_comes_twice_warns_once(workplace: Workplace) -> None:
    workplace.slack.fault("events_api", "twice")
    leaver_joins(workplace, seed.OFFBOARDING)
    workplace.hr.wait_for(lambda: warnings(workplace, workplace.hr, ""))
    deliveries = workplace.slack.workspace.deliveries
    workplace.hr.wait_for(lambda: sum(one.kind == "events_api" and one.acked for one in deliveries) == 2)
    assert len(warnings(workplace, workplace.hr, "")) == 1
    assert len(warnings(workplace, workplace.security, seed.SECURITY_ALERTS)) == 1
    assert workplace.actors("leaver joined") == [f"slack:{workplace.leaver.id}"]


def test_security_is_warned_although_who_opened_the_case_is_gone(workplace: Workplace) -> None:
    case_id = workplace.open(channel=seed.ACCESS_AUDIT)
    workplace.slack.workspace.users[workplace.hr.id].deleted = True
    leaver_joins(workplace, seed.OFFBOARDING)
    assert workplace.security.wait_for(lambda: warnings(workplace, workplace.security, seed.SECURITY_ALERTS))
    assert case_id
