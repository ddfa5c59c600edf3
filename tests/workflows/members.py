"""A workspace's directory in memory: everybody is there under their own name unless a test says otherwise."""

from dataclasses import replace

from workflows.ports import DeliveryFailed, WorkspaceMember


class MemoryMembers:
    """A directory in which any id is a full member `name@x.example`; `down`: it does not answer."""

    def __init__(self) -> None:
        self.people: dict[str, WorkspaceMember] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.unknown: set[str] = set()
        self.down = False
        self.asked: list[str] = []

    def find(self, user: str) -> WorkspaceMember | None:
        """Return a person."""
        self._answer(user)
        return None if user in self.unknown else self.people.get(user) or _member(user)

    def group(self, group: str) -> tuple[str, ...]:
        """Return a group's members."""
        self._answer(group)
        return self.groups.get(group, ())

    def change(self, user: str, standing: str = "", email: str = "", timezone: str = "") -> None:
        """Deactivate somebody, say, or give them another address."""
        known = self.people.get(user) or _member(user)
        self.people[user] = replace(
            known, standing=standing, email=email or known.email, timezone=timezone or known.timezone
        )

    def _answer(self, who: str) -> None:
        self.asked.append(who)
        if self.down:
            raise DeliveryFailed("Slack does not answer")


def _member(user: str) -> WorkspaceMember:
    name = user.removeprefix("U0").capitalize()
    return WorkspaceMember(user, name, f"{name.lower()}@x.example", "UTC")
