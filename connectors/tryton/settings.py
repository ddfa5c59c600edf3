"""The table `[systems.NAME]` of a Tryton server."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.secrets import Secret


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not a time zone; use a name such as Europe/Berlin") from error
    return name


class TrytonSettings(BaseModel):
    """Where the server is, who we are there, and where its log can be read."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(pattern=r"^https?://[^/\s]+/?$")
    """The server's address without the database: `https://tryton.example.com`."""
    database: str = Field(min_length=1, pattern=r"^[^/\s]+$")
    login: str = Field(min_length=1)
    password: Secret
    authority: Path | None = None
    """A file with the certificate authority (PEM), where the company has its own."""
    timeout_seconds: float = Field(default=20, gt=0)
    """How long one call may take."""
    server_log: Path | None = None
    """The server's log file as this machine sees it; rotated ones beside it are read, too. Without it: no exports."""
    log_timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """The zone that the server writes its log's times in."""
