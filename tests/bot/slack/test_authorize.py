"""Roles: by id, by group, and unknown means no."""

import pytest

from bot.slack.authorize import Authorizer
from bot.slack.client import web_client
from config.settings import Role, Roles
from tests.bot.conftest import make_settings
from tests.sandbox.company.people import HR, LEAVER
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import User
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.authorization import HOLDERS, Right

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
        Right.RETRY: ["USEC", "UADM"],
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
        Right.APPOINT: ["UHR"],
        Right.RECORD: ["UADM"],
        Right.ENROL: ["USEC", "UADM"],
        Right.ACCEPT_CLOCK: ["USEC", "UADM"],
        Right.ROTATE_KEY: ["USEC", "UADM"],
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
