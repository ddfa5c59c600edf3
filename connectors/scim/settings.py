"""The keys of a `[systems.NAME]` table of kind `scim`."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from config.secrets import ProxyUrl, Secret
from config.text import _
from connectors.oauth_settings import OAuthSettings
from connectors.settings import ReadableFile, is_loopback


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(_("{url!r} is not an address such as https://app.example.com/scim/v2").format(url=url))
    return url.rstrip("/")


class ScimSettings(OAuthSettings):
    """Address of the service, the bot's credential, and the meaning of inactive there."""

    title: str = Field(default="", max_length=80)
    """The application's name in messages: `Slack`; empty: "SCIM 2.0 application"."""
    url: Annotated[str, AfterValidator(_address)]
    """The address that `/Users` is appended to, with its version: `https://app.example.com/scim/v2`."""
    token: Secret | None = Field(default=None, json_schema_extra={"asked": True})
    """The token that the application's administrator page issues for SCIM. Either this or `oauth`."""
    inactive_means: Literal["suspended", "removed"]
    """`suspended`: the account stays and can be made active again. `removed`: the application removes the user."""
    auth_header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]+$")
    auth_scheme: str = Field(default="Bearer", pattern=r"^[A-Za-z0-9-]*$")
    """The word before the token; empty if the header holds only the token."""
    headers: Mapping[str, str] = Field(default_factory=dict)
    """More headers for every request; they must not be secret."""
    own_account: str = ""
    """The bot's own log-in or id there, which is never locked; empty: the server's `/Me`, if it has one."""
    user_filter: str = ""
    """A SCIM filter that narrows lookups, such as `userType eq "Employee"`."""
    accounts_at_least: int | None = Field(default=None, ge=1)
    """The number of accounts that the application's own page shows. Seeing fewer is a fault."""
    compare_token: Secret | None = None
    """A second token, which may read every account. What it sees and the bot's does not is a fault."""
    page_size: int = Field(default=100, ge=1, le=1000)
    """Accounts per requested page; the server may send fewer."""
    paging: Literal["announced", "cursor"] = "announced"
    """`announced`: by cursor if the server announces it, else by index.

    `cursor`: the server supports it without announcing.
    """
    read_groups: bool = True
    """False if the application shows no members of any group: groups are then neither read nor left."""
    licence_entitlements: tuple[str, ...] = ()
    """Values, types or displayed names of entitlements that are paid licences."""
    licence_groups: tuple[str, ...] = ()
    """Names or ids of groups whose membership is a paid licence."""
    requests_per_second: float = Field(default=0, ge=0)
    """The tenant's rate limit; 0: only the limits in the server's answers."""
    connections: int = Field(default=4, ge=1, le=32)
    """Requests that one sweep sends at a time."""
    connect_seconds: float = Field(default=5, gt=0, le=60)
    request_seconds: float = Field(default=20, gt=0, le=300)
    ca_file: ReadableFile | None = None
    """PEM file of the authorities to trust; the system's own if left out."""
    proxy: ProxyUrl | None = None
    """An HTTP proxy on the way to the server. Default: none; variables such as HTTPS_PROXY do not count."""

    def compared(self) -> Self | None:
        """Return the same settings for the second token, if there is one."""
        changes = {"token": self.compare_token, "compare_token": None, "accounts_at_least": None, "oauth": None}
        return self.model_copy(update=changes) if self.compare_token else None

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if (self.token is None) == (self.oauth is None):
            raise ValueError(_("token: either a token or oauth is needed, and not both"))
        if self.token is not None and not self.token.get_secret_value():
            raise ValueError(_("token: is empty"))
        if self.licence_groups and not self.read_groups:
            raise ValueError(_("licence_groups: needs read_groups = true"))
        if self.compare_token and self.token and self.compare_token.get_secret_value() == self.token.get_secret_value():
            raise ValueError(_("compare_token: must be another token than token"))
        if self.url.startswith("http:") and not is_loopback(self.url):
            raise ValueError(_("url: {url} would send the token unprotected; use https://").format(url=self.url))
        if self.auth_header.lower() in {name.lower() for name in self.headers}:
            raise ValueError(
                _("headers: {auth_header} is sent with the token already").format(auth_header=self.auth_header)
            )
        return self
