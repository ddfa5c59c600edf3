"""A workspace's directory in memory: everybody is there under their own name unless a test says otherwise."""

from dataclasses import replace

from pydantic import SecretStr

from config.actors import ActorSettings
from config.settings import Role, Roles
from workflows.authorization import Authorization
from workflows.ports import Clock, DeliveryFailed, WorkspaceMember
from workflows.storage.journal import Journal
from workflows.storage.store import Store
from workflows.storage.vault import Vault

ROLES = Roles(
    hr=Role(users=("U0HR", "U0HR2", "U0HANNA", "U0SAM")),
    security=Role(users=("U0SEC", "U0SAM", "U0HR2")),
    admin=Role(users=("U0ADA",)),
)
"""Roles of the people that tests act as."""
EVERYTHING = ActorSettings(email="somebody@x.example", roles=("hr", "approver", "security", "admin"))
ACTORS = dict.fromkeys(("root", "sam.o", "Sam.O", "dana", "max", "e2", "e3", "hr", "x", "bench"), EVERYTHING) | {
    "eva": EVERYTHING.model_copy(update={"slack": "U0EVA"}),
    "max-weber": EVERYTHING.model_copy(update={"slack": "U0MAX"}),
    "hanna": EVERYTHING.model_copy(update={"slack": "U0HANNA"}),
    "hris": EVERYTHING.model_copy(update={"secret": SecretStr("the secret of a script")}),
}
"""People and scripts at the terminal that tests act as."""


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


def authorization(
    store: Store, vault: Vault, journal: Journal, clock: Clock, members: MemoryMembers | None = None
) -> Authorization:
    """Return the check of acts on a test's rows, for a workspace in which everybody is a full member."""
    return Authorization(store, vault, journal, clock, members or MemoryMembers(), ROLES, ACTORS)
