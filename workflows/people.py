"""What people are shown: frozen values, read from rows, with personal data in clear.

Bot and command line render these, and know no rows. The module is long because it is the one list of all of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: `slack:U123`, `cli:root`, or `handover` itself; `name` is for display."""

    id: str
    name: str
    email: str = ""
    """Their address, where the door by which they came knows it."""

    def may_be(self, other: "Actor") -> bool:
        """Whether both can be one human: the same id, or an operator named as what stands before the other's @."""
        return self.id == other.id or _operates(self, other) or _operates(other, self)


def _operates(one: Actor, other: Actor) -> bool:
    name = other.email.partition("@")[0]
    return bool(name) and one.id.casefold() == f"cli:{name}".casefold()


@dataclass(frozen=True, slots=True)
class Leaver:
    """The person who leaves. `slack_id` is empty where the case came from the command line without Slack."""

    name: str
    email: str
    slack_id: str = ""
    timezone: str = "UTC"
    title: str = ""
    manager_email: str = ""
    logins: tuple[str, ...] = ()
    directory_id: str = ""
    """Stable id in the company's directory, where it knows exactly one such person: what a case is keyed by."""


@dataclass(frozen=True, slots=True)
class Successor:
    """A colleague who receives clients. `key` names them within the case (their address, lower case)."""

    key: str
    name: str
    email: str
    slack_id: str = ""
