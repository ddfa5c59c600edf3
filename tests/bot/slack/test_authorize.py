"""Roles: by id, by group, and unknown means no."""

import time

import pytest

from bot.slack.authorize import Authorizer
from bot.slack.client import web_client
from bot.slack.members import SlackMembers
from bot.slack.readings import GROUPS_A_MINUTE, PEOPLE_A_MINUTE, SHARE_SECONDS, Readings
from config.settings import Role, Roles
from tests.bot.conftest import make_settings
from tests.sandbox.company.people import HR, LEAVER
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import User
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.authorization import HOLDERS, Right
from workflows.ports import DeliveryFailed

ROLES = Roles(
    hr=Role(users=("UHR",), groups=(seed.HR_GROUP,)), security=Role(users=("USEC",)), admin=Role(users=("UADM",))
)


def authorizer(slack: SlackServer, roles: Roles = ROLES) -> Authorizer:
    for user in ("UHR", "USEC", "UADM", "UNOBODY"):
        slack.workspace.users[user] = User(user, user.lower(), user)
    return Authorizer(roles, web_client(make_settings(slack.api_url).slack))


def test_every_right_has_holders_and_nobody_else_has_it() -> None:
    assert set(HOLDERS) == set(Right)
    with SlackServer(Workspace()) as slack:
        asked = authorizer(slack)
        granted = {
            right: [user for user in ("UHR", "USEC", "UADM", "UNOBODY") if asked.may(user, right)] for right in Right
        }
    assert granted == {
        Right.OPEN: ["UHR"],
        Right.SEE: ["UHR", "USEC", "UADM"],
        Right.CANCEL: ["UHR"],
        Right.RETRY: ["UHR", "USEC", "UADM"],
        Right.LOCK_AGAIN: ["USEC", "UADM"],
        Right.REVEAL: ["USEC"],
        Right.AUDIT: ["USEC", "UADM"],
        Right.CONFIRM: ["USEC", "UADM"],
        Right.UNDO: ["UHR", "USEC"],
        Right.CLOSE: ["UHR"],
        Right.RESCHEDULE: ["UHR"],
        Right.RELEASE: ["USEC"],
        Right.RELEASE_IMMEDIATE: ["UHR", "USEC"],
        Right.REJECT: ["UHR", "USEC"],
        Right.LINK: ["USEC", "UADM"],
        Right.TAKE: ["USEC", "UADM"],
        Right.ACCEPT: ["USEC"],
        Right.HALT: ["UHR", "USEC", "UADM"],
        Right.PUT_BACK: ["UHR", "USEC"],
        Right.DUTIES: ["UHR", "USEC"],
        Right.APPOINT: ["UHR"],
        Right.RECORD: ["UADM"],
        Right.ENROL: ["USEC", "UADM"],
        Right.ACCEPT_CLOCK: ["USEC", "UADM"],
        Right.ROTATE_KEY: ["USEC", "UADM"],
        Right.TELL: ["UHR"],
        Right.ANSWER: ["UHR", "USEC"],
        Right.STAGE: ["UHR", "USEC", "UADM"],
        Right.HOLD: ["USEC"],
        Right.END_HOLD: ["USEC"],
    }


def test_groups_are_kept_for_a_minute_and_asked_anew_where_it_counts() -> None:
    with SlackServer(Workspace()) as slack:
        asked = authorizer(slack)
        assert asked.may(HR.slack_id, Right.OPEN)
        assert not asked.may(LEAVER.slack_id, Right.OPEN)
        assert len(slack.calls("usergroups.users.list")) == 1
        slack.workspace.groups[seed.HR_GROUP].users.clear()
        assert asked.may(HR.slack_id, Right.OPEN)
        assert not asked.may(HR.slack_id, Right.OPEN, fresh=True)


def test_a_reading_is_live_while_slack_has_answers_and_shared_for_five_seconds_then() -> None:
    now, state, asked = 0.0, "a right", list[str]()

    def ask(one: str) -> str:
        asked.append(one)
        if state == "down":
            raise OSError(state)
        return state

    readings = Readings(ask, 3, lambda: now)
    for at, state in ((1.0, "one"), (2.0, "two"), (3.0, "three")):
        now = at
        assert readings.get("U0SAM") == state, "each is live"
    now, state = 7.9, "the right is lost"
    assert readings.get("U0SAM") == "three", "the minute's questions are used up"
    now = 8.0
    assert readings.get("U0SAM") == "the right is lost", "five seconds, counted from the question"
    now, state = 12.0, "down"
    assert readings.get("U0SAM") == "the right is lost"
    now = 13.0
    for _ in range(2):
        with pytest.raises(OSError, match="down"):
            readings.get("U0SAM")
    now = 61.5
    assert readings.last("U0SAM") == "the right is lost", "for views alone"
    now = 68.0
    assert readings.last("U0SAM") is None
    assert len(asked) == 6


def test_three_hundred_acts_of_one_person_meet_no_limit_of_slack() -> None:
    with SlackServer(Workspace()) as slack:
        workspace = web_client(make_settings(slack.api_url).slack)
        members, asked = SlackMembers(workspace), authorizer(slack)
        began = time.monotonic()
        for _ in range(300):
            assert asked.may(HR.slack_id, Right.OPEN, fresh=True)
            person = members.find(HR.slack_id)
            assert person is not None
            assert not person.standing
            assert HR.slack_id in members.group(seed.HR_GROUP)
        seconds = time.monotonic() - began
        questions = len(slack.calls("usergroups.users.list")), len(slack.calls("users.info"))
        most = 2 * (seconds // SHARE_SECONDS + 1)
        assert questions[0] <= 2 * GROUPS_A_MINUTE + most
        assert questions[1] <= 2 * PEOPLE_A_MINUTE + most


def test_a_gate_that_slack_keeps_waiting_says_how_long() -> None:
    with SlackServer(Workspace()) as slack:
        members = SlackMembers(web_client(make_settings(slack.api_url).slack))
        slack.fault("users.info", "429", times=5, seconds=30)
        with pytest.raises(DeliveryFailed, match="no more questions for 30 s"):
            members.find(HR.slack_id)


@pytest.mark.parametrize("trouble", ["plan", "gone", "error"])
def test_a_group_that_cannot_be_read_gives_no_role_and_ids_still_count(trouble: str) -> None:
    with SlackServer(Workspace(groups_in_plan=trouble != "plan")) as slack:
        if trouble == "gone":
            slack.workspace.groups.clear()
        if trouble == "error":
            slack.fault("usergroups.users.list", "internal_error", times=5)
        asked = authorizer(slack)
        assert not asked.may(HR.slack_id, Right.OPEN)
        assert asked.may("UHR", Right.OPEN)


def test_an_empty_role_is_held_by_nobody() -> None:
    with SlackServer(Workspace()) as slack:
        assert not any(authorizer(slack, Roles()).may(HR.slack_id, right) for right in Right)
