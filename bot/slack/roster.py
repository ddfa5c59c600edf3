"""People behind an assignee's id, an implementation of `workflows.ports.AssigneeDirectory`."""

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import slack_error_code
from bot.slack.people import profile
from bot.text import _
from workflows.ports import DeliveryFailed

UNKNOWN_USER_ERRORS = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
NO_GROUP = frozenset({"no_such_subteam", "subteam_not_found", "plan_upgrade_required"})


class SlackRoster:
    """Lookups of assignees in Slack, without a cache."""

    def __init__(self, client: WebClient) -> None:
        self._client = client

    def reach(self, assignee: str) -> tuple[str, ...]:
        """Return the active people behind an id. Raises `DeliveryFailed` if Slack does not answer."""
        try:
            members = self._members(assignee) if assignee.startswith("S") else (assignee,)
            return tuple(one for one in members if self._active(one))
        except SlackApiError as error:
            raise DeliveryFailed(
                _("Slack does not say who {assignee} is: {code}").format(
                    assignee=assignee, code=slack_error_code(error)
                )
            ) from error
        except OSError as error:
            raise DeliveryFailed(_("Slack did not answer: {error}").format(error=error)) from error

    def _members(self, group: str) -> tuple[str, ...]:
        try:
            return tuple(self._client.usergroups_users_list(usergroup=group)["users"])
        except SlackApiError as error:
            if slack_error_code(error) in NO_GROUP:
                return ()
            raise

    def _active(self, user: str) -> bool:
        try:
            person = profile(self._client.users_info(user=user)["user"])
        except SlackApiError as error:
            if slack_error_code(error) in UNKNOWN_USER_ERRORS:
                return False
            raise
        return not (person.deleted or person.bot)
