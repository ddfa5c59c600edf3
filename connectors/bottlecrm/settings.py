"""The table `[systems.NAME]` of a BottleCRM."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from config.secrets import ProxyUrl, Secret
from config.text import _
from connectors.settings import ReadableFile, SystemSettings, is_loopback


class BottleCrmSettings(SystemSettings):
    """Address of the server and the bot's credentials there."""

    url: str = Field(pattern=r"^https?://[^/\s]+/?$")
    """The server's address without a path: `https://crm.example.com`."""
    login: str = Field(min_length=3, pattern=r"^[^@\s]+@[^@\s]+$")
    """The address of Handover's own user there; it is never locked."""
    token: Secret
    """A personal access token of that user, who is an administrator of the organization."""
    accounts_at_least: int | None = Field(default=None, ge=1)
    """The number of members that the organization's page shows, inactive ones included. Seeing fewer is a fault."""
    session_file: Path | None = None
    """A file with a refresh token of that user, which Handover renews; without it, people's tokens are not revoked."""
    authority: ReadableFile | None = None
    """A file with the company's own certificate authority (PEM), if it has one."""
    proxy: ProxyUrl | None = None
    """An HTTP proxy on the way to the server. Default: none; variables such as HTTPS_PROXY do not count."""
    timeout_seconds: float = Field(default=30, gt=0)
    """Time limit of one call."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.url.startswith("http:") and not is_loopback(self.url):
            raise ValueError(_("url: {url} would send the token unprotected; use https://").format(url=self.url))
        return self
