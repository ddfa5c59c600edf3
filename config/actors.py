"""Settings of actors: the people and the scripts who act at the terminal."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config.fields import SettingsTable, UserId
from config.secrets import Secret
from config.text import _

SECRET_CHARACTERS = 24
RoleName = Literal["hr", "approver", "security", "admin"]
Command = Literal[
    "offboard", "undo", "reschedule", "close", "moves", "putback", "returning", "audit", "findings"
]  # fmt: skip
"""A command that a script may run. What needs a person's word or a second person is for people alone."""


def _long(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SECRET_CHARACTERS:
        raise ValueError(
            _("must have at least {count} characters; `openssl rand -base64 32` makes one").format(
                count=SECRET_CHARACTERS
            )
        )
    return secret


class ActorSettings(SettingsTable):
    """A person or a script at the terminal. A table with `secret` is a script, a service actor; all others are people.

    Each person has one table. Log-ins that one human uses belong into the same table: they count as one person.
    """

    logins: tuple[str, ...] = ()
    """Accounts of this machine that the person logs in with. Empty: the table's name."""
    slack: UserId | Literal[""] = ""
    """The person's Slack user id. Acts at the terminal and in Slack then count as one person's. A person needs `slack`
    or `email`: a log-in alone does not tell whether a case is about them."""
    email: str = ""
    """The person's address, as Slack has it."""
    roles: tuple[RoleName, ...] = ()
    """Roles at the terminal, besides those that `[roles]` gives to `slack`. They hold while Slack is down, too."""
    secret: Annotated[Secret, AfterValidator(_long)] | None = None
    """Service actor: the secret that its script gives in `HANDOVER_CODE`."""
    commands: tuple[Command, ...] = ()
    """Service actor: the commands that it may run, besides those of its roles."""

    @property
    def service(self) -> bool:
        """Return whether this is a script."""
        return self.secret is not None

    @model_validator(mode="after")
    def _one_kind(self) -> "ActorSettings":
        if self.service and (self.logins or self.slack or self.email):
            raise ValueError(_("has a secret, so it is a script; a script has no logins, slack or email"))
        if self.service and not (self.roles or self.commands):
            raise ValueError(_("may do nothing; give it roles or commands"))
        if self.commands and not self.service:
            raise ValueError(_("has commands and no secret; people have roles"))
        if not (self.service or self.slack or "@" in self.email):
            raise ValueError(_("needs slack or email; a log-in alone does not tell whether a case is about the person"))
        return self


NO_TABLE = ActorSettings.model_construct()
"""Table of an actor who has none, and no rights by it."""


def _one_human_each(actors: dict[str, ActorSettings]) -> dict[str, ActorSettings]:
    """Refuse a log-in, Slack id or address in two tables: one human would count as two."""
    seen: dict[str, str] = {}
    for name, actor in actors.items():
        keys = () if actor.service else (*logins(name, actor), actor.slack, actor.email.casefold())
        for key in filter(None, keys):
            if seen.setdefault(key, name) != name:
                raise ValueError(
                    _("{first} and {second} share a log-in, a Slack id or an address; one human has one table").format(
                        first=seen[key], second=name
                    )
                )
    return actors


def owner_of(actors: Mapping[str, ActorSettings], account: str) -> str:
    """Return the name of the person whose log-in this account is, or an empty text."""
    return next((name for name, one in actors.items() if not one.service and account in logins(name, one)), "")


def logins(name: str, actor: ActorSettings) -> tuple[str, ...]:
    """Return the accounts of this machine that a person logs in with."""
    return actor.logins or (name,)


def actor_id(name: str, actor: ActorSettings) -> str:
    """Return the id under which an actor is on record."""
    if actor.service:
        return f"service:{name}"
    return f"slack:{actor.slack}" if actor.slack else f"cli:{name}"


def table_of(actors: Mapping[str, ActorSettings], wanted: str) -> ActorSettings:
    """Return the table of an actor's id, or an empty one."""
    return next((one for name, one in actors.items() if actor_id(name, one) == wanted), NO_TABLE)


ActorName = Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")]
Actors = Annotated[dict[ActorName, ActorSettings], AfterValidator(_one_human_each)]
