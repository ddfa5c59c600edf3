"""The workspace's live directory, an implementation of `workflows.ports.WorkspaceDirectory`."""

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import slack_error_code
from bot.slack.people import Profile, profile
from bot.slack.roster import NO_GROUP, UNKNOWN_USER_ERRORS
from bot.text import _
from workflows.ports import DeliveryFailed, WorkspaceMember


class SlackMembers:
    """Lookups of members in Slack without a cache. Only the id of the bot's own workspace is kept."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._team = ""

    def find(self, user: str) -> WorkspaceMember | None:
        """Return one person, or None. Raises `DeliveryFailed`."""
        try:
            person = profile(self._client.users_info(user=user)["user"])
            return WorkspaceMember(person.id, person.name, person.email, person.timezone, self._standing(person))
        except SlackApiError as error:
            if slack_error_code(error) in UNKNOWN_USER_ERRORS:
                return None
            raise DeliveryFailed(
                _("Slack does not say who {user} is: {code}").format(user=user, code=slack_error_code(error))
            ) from error
        except OSError as error:
            raise DeliveryFailed(_("Slack did not answer: {error}").format(error=error)) from error

    def group(self, group: str) -> tuple[str, ...]:
        """Return the ids of a group's members; empty if the group does not exist. Raises `DeliveryFailed`."""
        try:
            return tuple(self._client.usergroups_users_list(usergroup=group)["users"])
        except SlackApiError as error:
            if slack_error_code(error) in NO_GROUP:
                return ()
            raise DeliveryFailed(
                _("Slack does not say who is in {group}: {code}").format(group=group, code=slack_error_code(error))
            ) from error
        except OSError as error:
            raise DeliveryFailed(_("Slack did not answer: {error}").format(error=error)) from error

    def _standing(self, person: Profile) -> str:
        self._team = self._team or str(self._client.auth_test()["team_id"])
        reasons = (
            (person.deleted, _("is deactivated in Slack")),
            (person.bot, _("is a bot")),
            (person.guest, _("is a guest")),
            (person.stranger, _("belongs to another organisation")),
            (bool(person.team) and person.team != self._team, _("belongs to another workspace")),
        )
        return next((why for applies, why in reasons if applies), "")
