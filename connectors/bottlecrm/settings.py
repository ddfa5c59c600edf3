"""The table `[systems.NAME]` of a BottleCRM."""

from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from config.secrets import Secret
from config.text import _


class BottleCrmSettings(BaseModel):
    """Address of the server and the bot's credentials there."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(pattern=r"^https?://[^/\s]+/?$")
    """The server's address without a path: `https://crm.example.com`."""
    login: str = Field(min_length=3, pattern=r"^[^@\s]+@[^@\s]+$")
    """The address of Handover's own user there; it is never locked."""
    token: Secret
    """A personal access token of that user, who is an administrator of the organization."""
    session_file: Path | None = None
    """A file with a refresh token of that user, which Handover renews; without it, people's tokens are not revoked."""
    authority: Path | None = None
    """A file with the company's own certificate authority (PEM), if it has one."""
    timeout_seconds: float = Field(default=30, gt=0)
    """Time limit of one call."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.url.startswith("http:") and not _is_loopback(self.url):
            raise ValueError(_("url: {url} would send the token unprotected; use https://").format(url=self.url))
        return self


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
