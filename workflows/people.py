"""People of a case: who acts, who leaves, who receives clients. Frozen values with personal data in clear."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from config.identifiers import address_or_nothing, distinct, visible
from config.text import ngettext

SLACK, TERMINAL, SERVICE = "slack:", "cli:", "service:"


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of an operation: `slack:U123`, `cli:root`, `service:hris`, or `handover` itself.

    A person has the same id in Slack and at the terminal, where their Slack id is known. `name` is for display.
    """

    id: str
    name: str
    email: str = ""
    """The address, where Slack or the command line gives one."""
    terminal: bool = False
    """True for an act at the terminal."""
    login: str = ""
    """The owner of the log-in session, such as `cli:root`, or the account: may be the same human."""
    enrolled_by: str = ""
    """The actor who saw the secret of this actor's one-time codes, if not the person alone."""
    further_email: str = ""
    """Another address of the person, where Slack has a different one."""

    @property
    def slack_id(self) -> str:
        """The Slack user id; empty for an operator at the command line."""
        return self.id.removeprefix(SLACK) if self.id.startswith(SLACK) else ""

    @property
    def service(self) -> bool:
        """Return whether this is a script, which is no second person."""
        return self.id.startswith(SERVICE)

    def colleague(self) -> "Successor":
        """Return the actor as somebody to ask about clients."""
        return Successor(self.email.lower() or self.id, self.name, self.email, self.slack_id)

    @property
    def known_as(self) -> frozenset[str]:
        """The ids of all who can be the same human."""
        return frozenset(filter(None, (self.id, self.login, self.enrolled_by)))

    @property
    def emails(self) -> tuple[str, ...]:
        """The addresses that are known."""
        return tuple(filter(None, (self.email, self.further_email)))

    def may_be(self, other: "Actor") -> bool:
        """Return whether both can be one human.

        One id or address is one human. So are an actor and the owner of their log-in session, or of their secret. So
        are two actors whose secrets the same person saw, and an operator named as in the other's address. Addresses
        that only look alike count as well: this comparison refuses, and links nothing.
        """
        return (
            self.id in other.known_as
            or other.id in self.known_as
            or bool(self.enrolled_by and self.enrolled_by == other.enrolled_by)
            or any(same_address(one, another) for one in self.emails for another in other.emails)
            or _operates(self, other)
            or _operates(other, self)
        )


def same_address(one: str, other: str) -> bool:
    """Return whether two addresses are one, or look alike."""
    return _folded(one) == _folded(other)


def _folded(address: str) -> str:
    return unicodedata.normalize("NFKC", address).casefold().strip()


def _operates(operator: Actor, other: Actor) -> bool:
    names = {f"{TERMINAL}{email.partition('@')[0]}".casefold() for email in other.emails}
    return not names.isdisjoint((operator.id.casefold(), operator.login.casefold()))


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
    addresses: tuple[str, ...] = ()
    """Further addresses, from the directory and from Slack."""
    employee_number: str = ""
    earlier: int = 0
    """Number of owners whose records a handover of earlier leavers covers: this is then no person. 0: one person."""

    @property
    def emails(self) -> tuple[str, ...]:
        """Every address, the case's own first."""
        return distinct((self.email, *self.addresses))

    @property
    def is_group(self) -> bool:
        """Return whether this stands for earlier leavers, and not for one person."""
        return self.earlier > 0

    def cleaned(self) -> "Leaver":
        """Return the person with identifiers as they are looked up. An address that is none is kept for the refusal."""
        return replace(self, email=address_or_nothing(self.email) or visible(self.email)).knowing()

    def knowing(self, emails: Iterable[str] = (), logins: Iterable[str] = (), employee_number: str = "") -> "Leaver":
        """Return the person with further identifiers, cleaned; no identifier is ever dropped."""
        every = distinct(map(address_or_nothing, (*self.emails, *emails)))
        return replace(
            self,
            addresses=tuple(one for one in every if one != self.email),
            logins=distinct(map(visible, (*self.logins, *logins))),
            employee_number=self.employee_number or employee_number.strip(),
        )


def earlier_leavers(number: int, key: str = "") -> Leaver:
    """Return what stands in a leaver's place in a handover of earlier leavers, named in the reader's language.

    `key`: unique for each handover. Nobody is found by it.
    """
    name = ngettext("{count:,} earlier leaver", "{count:,} earlier leavers", number).format(count=number)
    return Leaver(name, "", directory_id=key, earlier=number)


@dataclass(frozen=True, slots=True)
class Successor:
    """A colleague who receives clients. `key` is unique within the case: the address in lower case."""

    key: str
    name: str
    email: str
    slack_id: str = ""

    @property
    def reachable(self) -> "tuple[Successor, ...]":
        """The colleague alone, or nobody: without an address no system can be asked for an account."""
        return (self,) if self.email else ()
