"""The workspace's live directory, an implementation of `WorkspaceDirectory` and `AssigneeDirectory`."""

from collections.abc import Iterator
from contextlib import contextmanager

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import slack_error_code
from bot.slack.people import UNKNOWN_USER_ERRORS, Profile, SlackUsers, standing
from bot.slack.readings import GROUPS_A_MINUTE, PEOPLE_A_MINUTE, Readings
from bot.text import N_, _
from workflows.ports import DeliveryFailed, WorkspaceMember

TOO_MANY = 429
NO_GROUP = frozenset({"no_such_subteam", "subteam_not_found", "plan_upgrade_required"})
NOT_SAID, NOT_SAID_OF_GROUP = (
    N_("Slack does not say who {id} is: {code}"),
    N_("Slack does not say who is in {id}: {code}"),
)


class SlackMembers:
    """Lookups of members in Slack. Many acts of a few seconds share an answer (`readings`)."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._users = SlackUsers(client)
        self._people = Readings(self._ask_person, PEOPLE_A_MINUTE)
        self._groups = Readings(self._ask_members, GROUPS_A_MINUTE)

    def find(self, user: str) -> WorkspaceMember | None:
        """Return one person, or None. Raises `DeliveryFailed`."""
        with _failures(NOT_SAID, user):
            person = self._people.get(user)
            if person is None:
                return None
            return WorkspaceMember(person.id, person.name, person.email, person.timezone, standing(person))

    def group(self, group: str) -> tuple[str, ...]:
        """Return the ids of a group's members; empty if the group does not exist. Raises `DeliveryFailed`."""
        with _failures(NOT_SAID_OF_GROUP, group):
            return self._groups.get(group)

    def reach(self, assignee: str) -> tuple[str, ...]:
        """Return the full, active members behind an id. Raises `DeliveryFailed`."""
        with _failures(NOT_SAID, assignee):
            asked = self._groups.get(assignee) if assignee.startswith("S") else (assignee,)
            people = [person for person in map(self._people.get, asked) if person]
        return tuple(person.id for person in people if not standing(person))

    def _ask_members(self, group: str) -> tuple[str, ...]:
        try:
            return tuple(self._client.usergroups_users_list(usergroup=group)["users"])
        except SlackApiError as error:
            if slack_error_code(error) in NO_GROUP:
                return ()
            raise

    def _ask_person(self, user: str) -> Profile | None:
        try:
            return self._users.by_id(user)
        except SlackApiError as error:
            if slack_error_code(error) in UNKNOWN_USER_ERRORS:
                return None
            raise


@contextmanager
def _failures(text: str, asked: str) -> Iterator[None]:
    """Raise `DeliveryFailed` for every error of Slack."""
    try:
        yield
    except SlackApiError as error:
        if error.response.status_code == TOO_MANY:
            said = _("Slack answers no more questions for {seconds} s, because there were too many")
            raise DeliveryFailed(said.format(seconds=error.response.headers.get("Retry-After", 1))) from error
        raise DeliveryFailed(_(text).format(id=asked, code=slack_error_code(error))) from error
    except OSError as error:
        raise DeliveryFailed(_("Slack did not answer: {error}").format(error=error)) from error
