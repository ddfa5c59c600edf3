"""What the middle needs from outside itself: the time, and someone who tells people."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time. Production uses `SystemClock`; the sandbox jumps ahead with its own."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class AssigneeDirectory(Protocol):
    """Who can be asked for something, as the workspace knows it at this moment."""

    def reach(self, assignee: str) -> tuple[str, ...]:
        """Return the ids of the active people behind a person's or a user group's id; none: nobody is there.

        Raises `Undelivered` where that cannot be known now.
        """


@dataclass(frozen=True, slots=True)
class WorkspaceMember:
    """A person as the workspace knows them at this moment."""

    id: str
    name: str
    email: str
    timezone: str = ""
    standing: str = ""
    """Why this person cannot decide: deactivated, a guest, a bot, of another workspace. Empty: they can."""


class WorkspaceDirectory(Protocol):
    """The workspace's live directory: asked afresh each time, never from memory."""

    def find(self, user: str) -> WorkspaceMember | None:
        """Return one person; None where the workspace does not know them. Raises `Undelivered` without an answer."""

    def group(self, group: str) -> tuple[str, ...]:
        """Return the ids of a user group's members; none where there is no such group. Raises `Undelivered`."""


class DeliveryFailed(Exception):
    """People could not be told now; the post stays due and is tried again. Nothing else is held up by it.

    `busy`: nothing else would get through to the same conversation just now, either.
    """

    def __init__(self, why: str, *, busy: bool = False) -> None:
        super().__init__(why)
        self.busy = busy
