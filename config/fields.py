"""Types of tables and of single values in the file. The fault of a value says what would be right.

No fault repeats the value of an id or a secret: a token pasted into the wrong line must not end up in a log.
"""

import re
from base64 import b64decode
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationInfo

from config.languages import LANGUAGES
from config.secrets import Secret, environment, resolve
from config.text import N_, _

KEY_BYTES = 32
LOOPBACK = ("127.0.0.1", "localhost", "::1")
UNITS = {"d": "days", "h": "hours"}


class SettingsTable(BaseModel):
    """A frozen table of the file. An unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            _("{name!r} is not a time zone; use a name such as Europe/Berlin").format(name=name)
        ) from error
    return name


Zone = Annotated[str, AfterValidator(_zone)]


def _language(name: str) -> str:
    if name not in LANGUAGES:
        codes = ", ".join(LANGUAGES)
        raise ValueError(_("{name!r} is not a language of Handover; use one of {codes}").format(name=name, codes=codes))
    return name


LanguageCode = Annotated[str, AfterValidator(_language)]


def _time(value: Any) -> Any:
    """Refuse a bare number, which would be read as seconds after midnight, and an offset, which nothing would obey."""
    if isinstance(value, int | float) or (isinstance(value, str) and not re.fullmatch(r"\d\d:\d\d(:\d\d)?", value)):
        raise ValueError(_('must be a time of day such as "17:00"'))
    return value


TimeOfDay = Annotated[time, BeforeValidator(_time)]


def _span(value: Any) -> Any:
    """Accept `7d` and `36h`. The unit is never guessed."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d{1,4})([dh])", value) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise ValueError(_('must be days or hours such as "7d" or "36h"'))
    return timedelta(**{UNITS[found[2]]: int(found[1])})


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """Number of requests that a system accepts within any window of time."""

    requests: int
    window: timedelta


def _limit(value: Any) -> Any:
    """Accept `190/10s`. The time is never guessed."""
    if isinstance(value, RequestLimit):
        return value
    found = re.fullmatch(r"(\d{1,6})/(\d{1,5})s", value, re.ASCII) if isinstance(value, str) else None
    if found is None or not int(found[1]) or not int(found[2]):
        raise ValueError(_('must be requests and seconds such as "190/10s"'))
    return RequestLimit(int(found[1]), timedelta(seconds=int(found[2])))


Limit = Annotated[RequestLimit, BeforeValidator(_limit)]
Span = Annotated[timedelta, BeforeValidator(_span)]


def _country(code: str) -> str:
    import holidays  # noqa: PLC0415 - a large library; a file without the key is read without it

    country, _dash, part = code.partition("-")
    known = holidays.list_supported_countries(include_aliases=False)
    if code and (country not in known or (part and part not in known[country])):
        raise ValueError(_("must be a country's two letters such as DE, or a part of one such as DE-BY"))
    return code


Country = Annotated[str, AfterValidator(_country)]


def _id(pattern: str, fault: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(_(fault))
        return value

    return AfterValidator(check)


ChannelId = Annotated[
    str, _id("[CGD][A-Z0-9]+", N_("must be a channel's id such as C0123456789 (in its details), no name"))
]
UserId = Annotated[
    str, _id("[UW][A-Z0-9]+", N_("must be a member id such as U0123456789 (profile, Copy member ID), no name"))
]
PersonId = Annotated[
    str, _id("[UWS][A-Z0-9]+", N_("must be the id of a member (U0123456789) or of a user group (S0123456789)"))
]
GroupId = Annotated[str, _id("S[A-Z0-9]+", N_("must be a user group's id such as S0123456789, not its handle"))]


def is_key(text: str) -> bool:
    """Return whether a text is 32 bytes in base64."""
    try:
        return len(b64decode(text, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def _key(secret: SecretStr) -> SecretStr:
    if not is_key(secret.get_secret_value()):
        raise ValueError(_("must be 32 bytes in base64; `openssl rand -base64 32` makes one"))
    return secret


Key = Annotated[Secret, AfterValidator(_key)]
"""32 secret bytes in base64."""


def _public_key(text: str) -> str:
    if not is_key(text):
        raise ValueError(_("must be 32 bytes in base64; `handover verify --print-public-key` prints the present one"))
    return text


PublicKey = Annotated[str, AfterValidator(_public_key)]


def _syslog(address: str) -> str:
    if address and not re.fullmatch(r"/.+|[^/\s]+:\d{1,5}", address):
        raise ValueError(_("must be host:port such as logs.example.com:514, or a socket such as /dev/log"))
    return address


SyslogAddress = Annotated[str, AfterValidator(_syslog)]


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(_("must be an address such as https://slack.com/api/"))
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError(_("must be https://, since the token travels there; http:// is for this machine alone"))
    return url if url.endswith("/") else url + "/"


ApiUrl = Annotated[str, AfterValidator(_address)]


def _database(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str) or not value:
        return value
    referred = value.startswith(("env:", "file:"))
    url = resolve(value, environment(info)).get_secret_value() if referred else value
    if not url.startswith(("postgresql://", "postgresql+psycopg://")):
        raise ValueError(_("must be empty (SQLite files in storage.path) or a postgresql:// address"))
    if not referred and urlsplit(url).password:
        raise ValueError(_("has a password in it; put the address into the environment and write env:NAME here"))
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


DatabaseUrl = Annotated[str, BeforeValidator(_database)]
"""Empty, or a PostgreSQL address, which names its driver; by reference where it has a password in it."""
