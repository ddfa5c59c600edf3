"""The keys of OAuth 2.0 that the settings of a kind of system may take over."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import model_validator

from config.secrets import Secret
from config.text import _
from connectors.settings import SystemSettings, is_loopback

Grant = Literal["client_credentials", "jwt_bearer", "refresh_token"]
NEEDS = {
    "client_credentials": ("oauth_token_url", "oauth_client_id"),
    "jwt_bearer": ("oauth_token_url", "oauth_client_id", "oauth_key"),
    "refresh_token": ("oauth_token_url", "oauth_client_id", "oauth_refresh_token_file"),
}


class OAuthSettings(SystemSettings):
    """The bot's credential at the system's own authorization server."""

    oauth: Grant | None = None
    """Grant by which access tokens are fetched. `client_credentials`: RFC 6749, 4.4. `jwt_bearer`: RFC 7523.

    `refresh_token`: an administrator has given consent once. Default: the fixed `token`.
    """
    oauth_token_url: str = ""
    """Address of the token endpoint: `https://login.example.com/oauth2/token`."""
    oauth_client_id: str = ""
    """The client's id there."""
    oauth_client_secret: Secret | None = None
    """The client's secret."""
    oauth_client_auth: Literal["header", "body"] = "header"
    """Place of the client's secret in the request: `header` (HTTP Basic) or `body`."""
    oauth_scope: str = ""
    """Scopes, separated by spaces."""
    oauth_key: Secret | None = None
    """The client's private key, a PEM text. It signs what is sent in place of a secret (RFC 7523)."""
    oauth_key_id: str = ""
    """The key's id at the server, if it needs one (`kid`)."""
    oauth_algorithm: Literal["RS256", "ES256", "PS256"] = "RS256"
    """Algorithm of the signature."""
    oauth_audience: str = ""
    """Audience of what is signed. Default: `oauth_token_url`."""
    oauth_subject: str = ""
    """The account that `jwt_bearer` acts for. Default: `oauth_client_id`."""
    oauth_refresh_token_file: Path | None = None
    """File with the refresh token, mode 0600. If the server replaces the token, the new one is written there."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.oauth is None:
            self._require_none()
            return self
        for key in NEEDS[self.oauth]:
            if not getattr(self, key):
                raise ValueError(_('{key}: is missing; oauth = "{grant}" needs it').format(key=key, grant=self.oauth))
        if self.oauth == "client_credentials" and not (self.oauth_client_secret or self.oauth_key):
            raise ValueError(_("oauth_client_secret: is missing; or set oauth_key"))
        address = urlsplit(self.oauth_token_url)
        if address.scheme not in {"http", "https"} or not address.hostname or address.fragment:
            raise ValueError(_("oauth_token_url: {url!r} is no address").format(url=self.oauth_token_url))
        if address.scheme == "http" and not is_loopback(self.oauth_token_url):
            raise ValueError(
                _("oauth_token_url: {url} would send the secret unprotected; use https://").format(
                    url=self.oauth_token_url
                )
            )
        return self

    def _require_none(self) -> None:
        given = [name for name in self.model_fields_set if name.startswith("oauth_")]
        if given:
            raise ValueError(_("{key}: has no effect without oauth").format(key=min(given)))
