"""The bot's credential for one HTTP interface: a fixed token here, or one that is fetched (`connectors.oauth`)."""

from typing import Protocol

from pydantic import SecretStr

from config.secrets import renewal


class Credential(Protocol):
    """A token for each request."""

    @property
    def known(self) -> str:
        """The token that was used last, so that no message shows it; empty if there is none yet."""

    def token(self) -> str:
        """Return the token for a request. Raises `BadCredential` or `Unavailable` if none can be had."""

    def renew(self) -> bool:
        """Return whether a request that was refused (401) may be sent once more, with another token."""

    def advice(self) -> str:
        """Return how a refused credential is renewed, as a sentence for the operator."""


class FixedToken(Credential):
    """A token from the settings."""

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret

    @property
    def known(self) -> str:
        """The token."""
        return self._secret.get_secret_value()

    def token(self) -> str:
        """Return the token."""
        return self._secret.get_secret_value()

    def renew(self) -> bool:
        """Return False: there is no other token."""
        return False

    def advice(self) -> str:
        """Return how the token is renewed where the settings point to."""
        return renewal(self._secret)
