"""People: actors, leavers and successors, as frozen values with personal data in clear."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Person or service that acts: `slack:U123`, `cli:root`, or `handover`; `name` is for display."""

    id: str
    name: str
    email: str = ""
    """Address of the actor, or empty if Slack or the terminal does not give one."""

    def may_be(self, other: "Actor") -> bool:
        """Return whether both can be one human: the same id, or an operator named as the other's mail name."""
        return self.id == other.id or _operates(self, other) or _operates(other, self)


def _operates(one: Actor, other: Actor) -> bool:
    name = other.email.partition("@")[0]
    return bool(name) and one.id.casefold() == f"cli:{name}".casefold()


@dataclass(frozen=True, slots=True)
class Leaver:
    """Person who leaves. `slack_id` is empty if the case came from the command line without Slack."""

    name: str
    email: str
    slack_id: str = ""
    timezone: str = "UTC"
    title: str = ""
    manager_email: str = ""
    logins: tuple[str, ...] = ()
    directory_id: str = ""
    """Stable id in the company's directory if exactly one person matches there. A case is keyed by this id."""


@dataclass(frozen=True, slots=True)
class Successor:
    """Colleague who receives clients. `key` is their address in lower case, unique within the case."""

    key: str
    name: str
    email: str
    slack_id: str = ""
