"""People of a case: who acts, who leaves, who receives clients. Frozen values with personal data in clear."""

import unicodedata
from dataclasses import dataclass

SLACK = "slack:"


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of an operation: `slack:U123`, `cli:root`, or `handover` itself; `name` is for display."""

    id: str
    name: str
    email: str = ""
    """The address, where Slack or the command line gives one."""

    @property
    def slack_id(self) -> str:
        """The Slack user id; empty for an operator at the command line."""
        return self.id.removeprefix(SLACK) if self.id.startswith(SLACK) else ""

    def may_be(self, other: "Actor") -> bool:
        """Return whether both can be one human: one id, one address, or an operator named as in the other's address.

        Addresses that only look alike count as well: this comparison refuses, and links nothing.
        """
        same = bool(self.email) and _folded(self.email) == _folded(other.email)
        return same or self.id == other.id or _operates(self, other) or _operates(other, self)


def _folded(address: str) -> str:
    return unicodedata.normalize("NFKC", address).casefold().strip()


def _operates(operator: Actor, other: Actor) -> bool:
    name = other.email.partition("@")[0]
    return bool(name) and operator.id.casefold() == f"cli:{name}".casefold()


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
    """Stable id in the company's directory, where it has exactly one such person. A case is keyed by it."""


@dataclass(frozen=True, slots=True)
class Successor:
    """A colleague who receives clients. `key` is unique within the case: the address in lower case."""

    key: str
    name: str
    email: str
    slack_id: str = ""
