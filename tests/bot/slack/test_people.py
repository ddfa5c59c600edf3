"""Membership in the bot's own workspace, proven by Slack's record of the person and by nothing else."""

from typing import Any

import pytest

from bot.slack.authorize import Authorizer
from bot.slack.client import web_client
from bot.slack.members import SlackMembers
from bot.slack.people import HomeTeam, SlackProfiles, profile
from config.settings import Role, Roles
from tests.bot.slack.test_offboard import clients_form
from tests.bot.workplace import Workplace, make_settings
from tests.sandbox.company.people import BY_UID, HR, MANAGER
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import TEAM
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.authorization import Right
from workflows.clients.views import ProposalView

BOB = BY_UID["bob.ross"]
ALONE, ON_GRID, ORG_WIDE = HomeTeam("T1"), HomeTeam("T1", "E1"), HomeTeam("E1", "E1", org_wide=True)


def user(team: str | None = "T1", **more: Any) -> dict[str, Any]:
    return {"id": "U1", **({} if team is None else {"team_id": team}), **more}


def on_grid(organisation: str, *teams: str) -> dict[str, Any]:
    return {"enterprise_user": {"id": "U1", "enterprise_id": organisation, "teams": list(teams)}}


@pytest.mark.parametrize(
    ("home", "person", "outside"),
    [
        (ALONE, user(), False),
        (ALONE, user(is_stranger=False), False),
        (ALONE, user(is_stranger=True), True),
        (ALONE, user("T2"), True),
        (ALONE, user("T2", is_stranger=False), True),
        (ALONE, user(None), True),
        (ALONE, user(""), True),
        (ALONE, user("T2", profile={"team": "T1"}), True),
        (ALONE, user("T2", **on_grid("E2", "T2", "T3")), True),
        (HomeTeam(""), user(""), True),
        (HomeTeam(""), user(), True),
        (ON_GRID, user("T1", **on_grid("E1", "T1")), False),
        (ON_GRID, user("T2", **on_grid("E1", "T2", "T1")), False),
        (ON_GRID, user("T2", **on_grid("E1", "T2")), True),
        (ON_GRID, user("T2", **on_grid("E2", "T2")), True),
        (ON_GRID, user("E1", **on_grid("E1")), True),
        (ORG_WIDE, user("T7", **on_grid("E1", "T7")), False),
        (ORG_WIDE, user("T7", **on_grid("E2", "T7")), True),
        (ORG_WIDE, user("T7"), True),
        (HomeTeam("T1", "", org_wide=True), user("T1"), True),
    ],
)
def test_only_a_proven_member_is_not_outside(home: HomeTeam, person: dict[str, Any], outside: bool) -> None:
    assert profile(person, home).outside is outside


def test_the_own_workspace_is_that_of_the_token() -> None:
    with SlackServer(Workspace()) as slack:
        slack.workspace.enterprise = "E1"
        slack.workspace.users[HR.slack_id].team = "T0OTHER"
        people = SlackProfiles(web_client(make_settings(slack.api_url).slack))
        assert people.find(HR.slack_id).outside
        slack.workspace.users[HR.slack_id].enterprise = "E1"
        slack.workspace.users[HR.slack_id].teams = ("T0OTHER", TEAM)
        assert not people.find(HR.slack_id, fresh=True).outside
        assert len(slack.calls("auth.test")) == 1


def test_nobody_is_a_member_while_the_own_workspace_is_not_known() -> None:
    with SlackServer(Workspace()) as slack:
        slack.fault("auth.test", "fatal_error", times=1)
        asked = Authorizer(Roles(hr=Role(users=(HR.slack_id,))), web_client(make_settings(slack.api_url).slack))
        assert not asked.may(HR.slack_id, Right.SEE)
        assert asked.may(HR.slack_id, Right.SEE)


@pytest.mark.parametrize("person", [seed.STRANGER, seed.GUEST, seed.DEACTIVATED, seed.OTHER_BOT])
def test_who_is_no_full_member_holds_no_role_and_does_no_step(person: str) -> None:
    with SlackServer(Workspace()) as slack:
        client = web_client(make_settings(slack.api_url).slack)
        slack.workspace.groups[seed.HR_GROUP].users.append(person)
        roles = Roles(hr=Role(users=(person,), groups=(seed.HR_GROUP,)))
        assert not Authorizer(roles, client).may(person, Right.SEE)
        assert SlackMembers(client).reach(person) == ()
        assert person not in SlackMembers(client).reach(seed.HR_GROUP)


def waiting(workplace: Workplace) -> ProposalView:
    [found] = workplace.services.proposals.waiting()
    return found


def test_somebody_of_another_company_decides_nothing_in_a_shared_conversation(workplace: Workplace) -> None:
    """Slack sends the clicking person's own team with the click, so it cannot be what theirs is compared with."""
    workplace.propose(3)
    shown = workplace.manager.messages()[-1]
    workplace.slack.workspace.users[MANAGER.slack_id].team = "T0PARTNER"
    workplace.manager.click(shown, "Approve 3 Records")
    workplace.private(workplace.manager, "full, active member of this workspace")
    assert workplace.actors("approval.yes") == []
    workplace.manager.click(shown, "Get CSV")
    workplace.manager.wait_for(
        lambda: sum("full, active member" in str(one.body) for one in workplace.manager.ephemerals) == 2
    )
    assert workplace.slack.calls("files.completeUploadExternal") == []


def test_somebody_of_another_company_is_no_approver_and_receives_no_clients(workplace: Workplace) -> None:
    workplace.slack.workspace.users[BOB.slack_id].team = "T0PARTNER"
    view = clients_form(workplace)
    view.fill("approver", BOB.slack_id).fill("successors", [BOB.slack_id]).submit()
    errors = workplace.hr.modal().errors
    assert "not known to belong" in errors["approver"]
    assert "not known to belong" in errors["successors"]
    assert workplace.cases() == []
