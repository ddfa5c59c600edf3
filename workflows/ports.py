"""Interfaces to the outside: the time, the people in the workspace, and failed deliveries."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Clock. Production uses `SystemClock`; the sandbox jumps ahead with its own."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""


class SystemClock:
    """Clock of the machine."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class AssigneeDirectory(Protocol):
    """Directory of the people who can be asked, live from the workspace."""

    def reach(self, assignee: str) -> tuple[str, ...]:
        """Return the ids of the active people behind a person's or a user group's id, or none.

        Raises `DeliveryFailed` if the workspace does not answer.
        """


@dataclass(frozen=True, slots=True)
class WorkspaceMember:
    """Person in the workspace, as read at this moment."""

    id: str
    name: str
    email: str
    timezone: str = ""
    standing: str = ""
    """Reason why this person cannot decide: deactivated, a guest, a bot, of another workspace. Empty: they can."""


class WorkspaceDirectory(Protocol):
    """Directory of the workspace, read live each time, never from memory."""

    def find(self, user: str) -> WorkspaceMember | None:
        """Return one person, or None if the workspace has no such person. Raises `DeliveryFailed` without an answer."""

    def group(self, group: str) -> tuple[str, ...]:
        """Return the ids of a user group's members; none if there is no such group. Raises `DeliveryFailed`."""


class DeliveryFailed(Exception):
    """People could not be reached now. The message stays due and is tried again; nothing else waits for it.

    `busy`: no other message would get through to the same conversation now.
    """

    def __init__(self, why: str, *, busy: bool = False) -> None:
        super().__init__(why)
        self.why, self.busy = why, busy
