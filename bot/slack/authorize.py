"""Roles of a Slack user for what a view offers. Every act is checked again, live, by `workflows.authorization`."""

import logging
from collections.abc import Callable

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import UserFacingError, slack_error_code
from bot.slack.members import NO_GROUP
from bot.slack.people import SlackProfiles, standing
from bot.slack.readings import GROUPS_A_MINUTE, Readings
from config.settings import Role, Roles
from workflows.authorization import HOLDERS, Right
from workflows.people import SLACK, Actor

log = logging.getLogger(__name__)


class Authorizer:
    """Checks of rights and roles. Group members are kept for a minute, and read again if `fresh`."""

    def __init__(
        self, roles: Roles, client: WebClient, locked_out: Callable[[Actor], bool] = lambda _person: False
    ) -> None:
        """Take `locked_out`, which returns whether a case has locked a person out."""
        self._roles, self._locked_out = roles, locked_out
        self._client = client
        self._people = SlackProfiles(client)
        self._members = Readings(self._ask, GROUPS_A_MINUTE)

    def may(self, user: str, right: Right, *, fresh: bool = False) -> bool:
        """Return whether a full, active member has one of the roles that grant the right. No answer means no."""
        return any(self.holds(user, role, fresh=fresh) for role in HOLDERS[right]) and self.stands(user, fresh=fresh)

    def holds(self, user: str, role: str, *, fresh: bool = False) -> bool:
        """Return whether a person has a role, named as in `[roles]`."""
        given: Role = getattr(self._roles, role)
        return user in given.users or any(user in self._group(group, fresh=fresh) for group in given.groups)

    def stands(self, user: str, *, fresh: bool = False) -> bool:
        """Return whether a person is a full, active member of the bot's own workspace whom no case has locked out."""
        try:
            person = self._people.find(user, fresh=fresh)
        except (UserFacingError, OSError) as error:
            log.warning("the standing of %s is not known: they get no role (%s)", user, error)
            return False
        return not standing(person) and not self._locked_out(Actor(f"{SLACK}{user}", person.name, person.email))

    def _group(self, group: str, *, fresh: bool) -> frozenset[str]:
        try:
            return self._members.get(group, fresh=fresh)
        except (SlackApiError, OSError) as error:
            why = slack_error_code(error) if isinstance(error, SlackApiError) else f"no answer: {error}"
            known = self._members.last(group) or frozenset()
            log.warning("the members of user group %s are not known (%s): %d get a role by it", group, why, len(known))
            return known

    def _ask(self, group: str) -> frozenset[str]:
        # A plan without groups, a deleted group: nobody is a member.
        try:
            return frozenset(self._client.usergroups_users_list(usergroup=group)["users"])
        except SlackApiError as error:
            if slack_error_code(error) in NO_GROUP:
                return frozenset()
            raise
