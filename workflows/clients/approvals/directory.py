"""Workspace directory lookups: every answer is fresh, and none is fetched inside a transaction."""

from collections.abc import Iterable

from workflows.ports import DeliveryFailed, WorkspaceDirectory, WorkspaceMember
from workflows.refusals import Code, Refused

GROUP = "S"
"""First letter of a user group's id; the id of a person begins with U or W."""


class LiveDirectory:
    """Members and groups as one operation fetched them, each once."""

    def __init__(self, members: WorkspaceDirectory, *, lenient: bool = False) -> None:
        """`lenient`: accept missing answers, because the command line must work while Slack is down."""
        self._members = members
        self._lenient = lenient
        self._people: dict[str, WorkspaceMember | None] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self.unanswered: set[str] = set()
        """Ids for which no answer came."""

    def missing(self, ids: Iterable[str]) -> set[str]:
        """Return the ids that are still to be fetched."""
        return {one for one in ids if one and one not in self._people}

    def fetch(self, ids: Iterable[str]) -> None:
        """Fetch members and groups. Raises `Refused(NOT_CHECKED)` where no answer comes, unless lenient."""
        for one in sorted(self.missing(ids)):
            try:
                self._fetch(one)
            except DeliveryFailed as error:
                if not self._lenient:
                    raise Refused(Code.NOT_CHECKED, why=str(error)) from error
                self.unanswered.add(one)
                self._groups[one], self._people[one] = (), WorkspaceMember(one, "", "")

    def member(self, user: str) -> WorkspaceMember | None:
        """Return a fetched member; None where the workspace has no such member."""
        return self._people[user]

    def users(self, pool: Iterable[str]) -> tuple[str, ...]:
        """Return the ids of all users in a pool of users and fetched groups, each once."""
        users = (self._groups[one] if one.startswith(GROUP) else (one,) for one in pool)
        return tuple(dict.fromkeys(user for some in users for user in some))

    def _fetch(self, one: str) -> None:
        group = one.startswith(GROUP)
        self._groups[one] = self._members.group(one) if group else ()
        self._people[one] = None if group else self._members.find(one)
