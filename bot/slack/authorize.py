"""Authorization by the roles of the settings, read from Slack at every click. Unknown means no."""

import logging
import threading
import time
from enum import StrEnum

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import slack_error_code
from config.settings import Role, Roles

log = logging.getLogger(__name__)
KEEP_SECONDS = 60


class Right(StrEnum):
    """An action that needs a role."""

    OPEN = "open a case"
    SEE = "see cases"
    CANCEL = "cancel a case"
    RETRY = "retry a system"
    LOCK_AGAIN = "lock again"
    REVEAL = "reveal a name"
    AUDIT = "run an audit"
    CONFIRM = "answer for a manual step"
    UNDO = "undo a case"
    CLOSE = "close a case"
    RESCHEDULE = "reschedule a case"
    RELEASE = "release a held case"
    RELEASE_IMMEDIATE = "release an immediate case"
    REJECT = "reject a held case"
    LINK = "link an account"
    TAKE = "take a finding"
    ACCEPT = "accept a finding"
    HALT = "pause or stop moves"
    PUT_BACK = "undo a handover"


HOLDERS: dict[Right, tuple[str, ...]] = {
    Right.OPEN: ("hr",),
    Right.SEE: ("hr", "security", "admin"),
    Right.CANCEL: ("hr",),
    Right.RETRY: ("security", "admin"),
    Right.LOCK_AGAIN: ("security", "admin"),
    Right.REVEAL: ("security",),
    Right.AUDIT: ("security", "admin"),
    Right.CONFIRM: ("security", "admin"),
    Right.UNDO: ("hr", "security"),
    Right.CLOSE: ("hr",),
    Right.RESCHEDULE: ("hr",),
    Right.RELEASE: ("security",),
    Right.RELEASE_IMMEDIATE: ("security", "hr"),
    Right.REJECT: ("security", "hr"),
    Right.LINK: ("security", "admin"),
    Right.TAKE: ("security", "admin"),
    Right.ACCEPT: ("security",),
    Right.HALT: ("hr", "security", "admin"),
    Right.PUT_BACK: ("hr", "security"),
}


class Authorizer:
    """Checks of rights and roles. Group members are cached for a minute, and read again if `fresh`."""

    def __init__(self, roles: Roles, client: WebClient) -> None:
        self._roles = roles
        self._client = client
        self._members: dict[str, tuple[float, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def may(self, user: str, right: Right, *, fresh: bool = False) -> bool:
        """Return whether a person has one of the roles that grant the right."""
        return any(self.holds(user, role, fresh=fresh) for role in HOLDERS[right])

    def holds(self, user: str, role: str, *, fresh: bool = False) -> bool:
        """Return whether a person has a role, named as in `[roles]`."""
        given: Role = getattr(self._roles, role)
        return user in given.users or any(user in self._group(group, fresh=fresh) for group in given.groups)

    def among(self, user: str, slack_id: str) -> bool:
        """Return whether an id is the person's own, or of a user group that has the person now."""
        return user == slack_id or (slack_id.startswith("S") and user in self._group(slack_id, fresh=True))

    def _group(self, group: str, *, fresh: bool) -> frozenset[str]:
        with self._lock:
            kept = self._members.get(group)
        if kept and not fresh and time.monotonic() - kept[0] < KEEP_SECONDS:
            return kept[1]
        members = self._ask(group)
        with self._lock:
            self._members[group] = (time.monotonic(), members)
        return members

    def _ask(self, group: str) -> frozenset[str]:
        # A plan without groups (plan_upgrade_required), a deleted group or no answer: nobody is a member.
        try:
            return frozenset(self._client.usergroups_users_list(usergroup=group)["users"])
        except SlackApiError as error:
            log.warning(
                "the members of user group %s are not known (%s): nobody gets a role by it",
                group,
                slack_error_code(error),
            )
            return frozenset()
        except OSError as error:
            log.warning("Slack did not answer about user group %s (%s): nobody gets a role by it", group, error)
            return frozenset()
