"""The table `[systems.NAME]` of a Tryton server."""

import re
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from config.secrets import ProxyUrl, Secret
from config.text import _
from connectors.settings import ReadableFile, SystemSettings


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(
            _("{name!r} is not a time zone; use a name such as Europe/Berlin").format(name=name)
        ) from error
    return name


ALWAYS = "sale.opportunity:employee"
"""The field that is part of every book."""
_FORM = re.compile(r"([a-z][\w-]*(?:\.[\w-]+)*):([a-z]\w*)", re.ASCII)
_SYSTEM = ("res.", "ir.")
_HISTORY = ("create_uid", "write_uid")


def _owner_field(text: str) -> str:
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(_('must be MODEL:FIELD in Tryton\'s own names, such as "party.party:account_manager"'))
    if text == ALWAYS:
        raise ValueError(_("{text} is part of every book; leave it out").format(text=text))
    if found[1].startswith(_SYSTEM):
        raise ValueError(
            _("{text}: models of Tryton itself (res., ir.) hold rights, keys and views, and never clients").format(
                text=text
            )
        )
    if found[2] in _HISTORY:
        raise ValueError(_("{text} says who made or wrote a record: that is history, and stays").format(text=text))
    return text


def _once(fields: tuple[str, ...]) -> tuple[str, ...]:
    if twice := sorted({field for field in fields if fields.count(field) > 1}):
        raise ValueError(_("named twice: {known}").format(known=", ".join(twice)))
    return fields


class TrytonSettings(SystemSettings):
    """Address of the server, the bot's credentials there, and the place of the server's log."""

    url: str = Field(pattern=r"^https?://[^/\s]+/?$")
    """The server's address without the database: `https://tryton.example.com`."""
    database: str = Field(min_length=1, pattern=r"^[^/\s]+$")
    login: str = Field(min_length=1)
    password: Secret
    authority: ReadableFile | None = None
    """A file with the company's own certificate authority (PEM), if it has one."""
    proxy: ProxyUrl | None = None
    """An HTTP proxy on the way to the server. Default: none; variables such as HTTPS_PROXY do not count."""
    timeout_seconds: float = Field(default=20, gt=0)
    """Time limit of one call."""
    owner_fields: Annotated[tuple[Annotated[str, AfterValidator(_owner_field)], ...], AfterValidator(_once)] = ()
    """Further fields that name an employee or a user: their records are handed over too. Each is `MODEL:FIELD`."""
    opportunities_at_least: int | None = Field(default=None, ge=0)
    """The number of opportunities that Tryton's administrator sees. Seeing fewer is a fault."""
    accounts_at_least: int | None = Field(default=None, ge=1)
    """The number of users that Tryton's administrator sees, inactive ones included. Seeing fewer is a fault."""
    keys_open_accounts: bool = True
    """False if no program signs in by key. Else nobody is locked while the bot may not see everybody's keys."""
    compare_login: str = ""
    """A second user, who may read everything. What they see and the bot does not is a fault."""
    compare_password: Secret | None = None
    """The password of `compare_login`."""
    server_log: Path | None = None
    """The server's log file as this machine sees it; rotated ones beside it are read too. Without it: no exports."""
    log_timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """The time zone of the log's times."""

    def compared(self) -> Self | None:
        """Return the same settings for the second user, if there is one."""
        if self.compare_password is None:
            return None
        alone = {"compare_login": "", "compare_password": None, "accounts_at_least": None}
        return self.model_copy(update={"login": self.compare_login, "password": self.compare_password, **alone})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.compare_login) is (self.compare_password is None):
            raise ValueError(_("compare_login, compare_password: each needs the other"))
        if self.compare_login == self.login:
            raise ValueError(_("compare_login: must be another user than login"))
        return self
