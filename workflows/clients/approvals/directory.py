"""The live directory as one act sees it: every answer is fresh, and none is fetched inside a transaction."""

from workflows.ports import DeliveryFailed, WorkspaceDirectory, WorkspaceMember
from workflows.refusals import Code, Refused

GROUP = "S"
"""What ids of user groups begin with; those of people begin with U or W."""


class NotLookedUp(Exception):
    """A transaction met somebody who was not looked up before it: look, and begin again."""

    def __init__(self, id: str) -> None:  # noqa: A002 - the workspace's own word
        super().__init__(id)
        self.id = id


class LiveDirectory:
    """Answers of the directory, each asked once, outside of transactions."""

    def __init__(self, members: WorkspaceDirectory, *, lenient: bool = False) -> None:
        """`lenient`: go on where the directory does not answer: the command line must work while Slack is down."""
        self._members = members
        self._lenient = lenient
        self._people: dict[str, WorkspaceMember | None] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self.silent: set[str] = set()
        """Whom the directory said nothing about."""

    def look(self, *ids: str) -> None:
        """Ask about people and groups. Raises `Refused(NOT_CHECKED)` where no answer comes, unless lenient."""
        for one in ids:
            if one and one not in self._people and one not in self._groups:
                try:
                    self._look(one)
                except DeliveryFailed as trouble:
                    if not self._lenient:
                        raise Refused(Code.NOT_CHECKED, why=str(trouble)) from trouble
                    self._take_unseen(one)

    def member(self, user: str) -> WorkspaceMember | None:
        """Return a person as they are now; None: the workspace does not know them. Raises `Unseen`."""
        if user not in self._people:
            raise NotLookedUp(user)
        return self._people[user]

    def ids(self, pool: tuple[str, ...]) -> tuple[str, ...]:
        """Return the ids of the people behind ids of people and groups, each once. Raises `Unseen`."""
        found: dict[str, None] = {}
        for one in pool:
            if one.startswith(GROUP) and one not in self._groups:
                raise NotLookedUp(one)
            found.update(dict.fromkeys(self._groups[one] if one.startswith(GROUP) else (one,)))
        return tuple(found)

    def _look(self, one: str) -> None:
        if one.startswith(GROUP):
            self._groups[one] = self._members.group(one)
        else:
            self._people[one] = self._members.find(one)

    def _take_unseen(self, one: str) -> None:
        self.silent.add(one)
        if one.startswith(GROUP):
            self._groups[one] = ()
        else:
            self._people[one] = WorkspaceMember(one, "", "")


class RecordedDirectory(LiveDirectory):
    """What the rows know in place of the directory: for edits, whose outcome is decided on afresh by everybody."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self._known = known

    def member(self, user: str) -> WorkspaceMember | None:
        """Return a person as nothing but an id."""
        return WorkspaceMember(user, "", "")

    def ids(self, pool: tuple[str, ...]) -> tuple[str, ...]:
        """Return who was in the pool when the clock looked last."""
        return (*(one for one in pool if not one.startswith(GROUP)), *self._known)
