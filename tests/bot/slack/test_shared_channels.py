"""Channels that people outside the company can read: they get nothing about a leaver, also if shared later."""

from datetime import timedelta
from typing import Any

import pytest

from bot.slack import shared_channels
from bot.slack.people import HomeTeam
from bot.slack.shared_channels import objection
from tests.bot.slack.test_offboard import filled
from tests.bot.workplace import Workplace, said
from tests.sandbox.company.people import ADMIN, LEAVER
from tests.sandbox.slack import seed
from workflows.people import Actor

ALONE, ON_GRID, ORG_WIDE = HomeTeam("T1"), HomeTeam("T1", "E1"), HomeTeam("E1", "E1", org_wide=True)
FIT = {"id": "C1", "is_private": True, "is_ext_shared": False, "is_org_shared": False, "is_pending_ext_shared": False}
REASON = "gets no message about leavers"


@pytest.mark.parametrize(
    ("home", "change", "fit"),
    [
        (ALONE, {}, True),
        (ALONE, {"is_ext_shared": True}, False),
        (ALONE, {"is_ext_shared": None}, False),
        (ALONE, {"is_pending_ext_shared": True}, False),
        (ALONE, {"pending_shared": ["T9"]}, False),
        (ALONE, {"pending_connected_team_ids": ["T9"]}, False),
        (ALONE, {"connected_team_ids": ["T9"]}, False),
        (ALONE, {"connected_team_ids": ["T1"], "shared_team_ids": ["T1"]}, True),
        (ALONE, {"shared_team_ids": ["T1", "T9"]}, False),
        (ON_GRID, {"is_org_shared": True}, False),
        (ON_GRID, {"is_org_shared": True, "shared_team_ids": ["T1", "T2"]}, False),
        (ON_GRID, {"is_org_shared": True, "shared_team_ids": ["T1"]}, True),
        (ORG_WIDE, {"is_org_shared": True, "shared_team_ids": ["T1", "T2"]}, True),
        (ORG_WIDE, {"is_org_shared": True, "connected_team_ids": ["T9"], "internal_team_ids": ["T1"]}, False),
        (ALONE, {"is_private": False}, False),
    ],
)
def test_a_channel_gets_messages_only_if_nobody_outside_reads_there(
    home: HomeTeam, change: dict[str, Any], fit: bool
) -> None:
    assert (objection({**FIT, **change}, home, secret=True) == "") is fit


def shared(workplace: Workplace, channel: str, **how: Any) -> None:
    """Share a channel, and let the bot look again at once."""
    for name, value in (how or {"partners": ("T0PARTNER",)}).items():
        setattr(workplace.slack.workspace.channels[channel], name, value)
    workplace.notifier._channels._kept.clear()


def in_channel(workplace: Workplace, channel: str) -> list[str]:
    return [said(one) for one in workplace.slack.workspace.messages(channel)]


@pytest.mark.parametrize("how", [{"partners": ("T0PARTNER",)}, {"invited": ("T0PARTNER",)}, {"siblings": ("T0OTHER",)}])
def test_a_channel_that_is_shared_after_set_up_gets_nothing_more(workplace: Workplace, how: dict[str, Any]) -> None:
    workplace.open()
    before = in_channel(workplace, seed.OFFBOARDING)
    assert before
    shared(workplace, seed.OFFBOARDING, **how)
    workplace.run()
    assert in_channel(workplace, seed.OFFBOARDING) == before
    [told] = [one for one in workplace.hr.messages() if REASON in said(one)]
    assert "is locked out" in said(told)
    assert workplace.actors("channel refused") == ["handover"]


def test_a_message_in_person_is_updated_in_place(workplace: Workplace) -> None:
    shared(workplace, seed.OFFBOARDING)
    case_id = workplace.open()
    workplace.run()
    told = [one for one in workplace.hr.messages() if REASON in said(one) and "O'Neill" in said(one)]
    assert len(told) == 1
    assert in_channel(workplace, seed.OFFBOARDING) == []
    shared(workplace, seed.OFFBOARDING, partners=())
    workplace.services.offboarding.retry(case_id, "crm", Actor(f"slack:{ADMIN.slack_id}", ADMIN.name))
    workplace.run()
    assert "is locked out" in in_channel(workplace, seed.OFFBOARDING)[0]


def test_security_is_told_in_person_while_its_channel_is_public(workplace: Workplace) -> None:
    workplace.slack.workspace.channels[seed.SECURITY_ALERTS].private = False
    workplace.slack.workspace.channels[seed.ACCESS_AUDIT].private = False
    workplace.open(effective_at=None)
    workplace.run()
    workplace.office.clock.at += timedelta(days=1)
    workplace.services.audits.call()
    workplace.run()
    assert in_channel(workplace, seed.ACCESS_AUDIT) == []
    for one in (workplace.security, workplace.person(ADMIN.slack_id)):
        assert any(REASON in said(message) for message in one.messages())
    assert not any(REASON in said(message) for message in workplace.hr.messages())


def test_the_leaver_is_never_among_those_who_are_told_instead(workplace: Workplace) -> None:
    people = workplace.slack.workspace.groups[seed.HR_GROUP].users
    people.append(LEAVER.slack_id)
    shared(workplace, seed.OFFBOARDING)
    workplace.open(requested_by=Actor("cli:root", "root"))
    workplace.run()
    assert any(REASON in said(one) for one in workplace.hr.messages())
    assert not workplace.leaver.messages()


def test_the_form_names_a_shared_channel_as_the_reason_for_a_direct_message(workplace: Workplace) -> None:
    shared(workplace, seed.OFFBOARDING)
    filled(workplace).submit()
    assert "shared with another organisation" in workplace.hr.modal("Case opened").text
    workplace.run()
    assert in_channel(workplace, seed.OFFBOARDING) == []


def test_nothing_is_sent_to_somebody_of_another_company(workplace: Workplace) -> None:
    workplace.slack.workspace.users[workplace.manager.id].team = "T0PARTNER"
    workplace.propose(3)
    assert not workplace.manager.messages()


def test_a_check_is_kept_for_minutes_only() -> None:
    assert shared_channels.KEEP_SECONDS <= 300
