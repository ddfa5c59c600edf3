"""SCIM's errors (RFC 7644, 3.12) as the six: what is refused before anything happened can be asked in another way."""

from collections.abc import Mapping

import httpx
from pydantic import SecretStr

from config.secrets import renewal
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Unavailable

NOT_DONE = frozenset({400, 405, 413, 414, 415, 501})
"""The server did not understand or does not do this: nothing happened."""
UNSUPPORTED = frozenset({405, 501})
SHOWN = 200
"""Characters of the server's own sentence that are shown."""


class RequestRejected(Conflict):
    """The server does not take the request as it was put."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def unsupported(self) -> bool:
        """Whether the server lacks the method, as against disliking the content."""
        return self.status in UNSUPPORTED


class Stale(Conflict):
    """The resource has another version than the one named in If-Match."""


class Unversioned(Conflict):
    """The server takes a write only with If-Match, whatever it says of itself (RFC 6585, 3)."""


class WrongResource(Conflict):
    """The server answers about somebody else than was asked for: nothing of it is believed or written."""


class NotJson(Unavailable):
    """A page for people, say: a log-in, or a notice. It is no answer, and no empty one."""


class NoList(Unavailable):
    """The server has no such list: a wrong address, a server in trouble, or, of groups, an application without."""


class Faults:
    """Reads a server's errors; the token is never shown, even where a server repeats it."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def __call__(self, response: httpx.Response) -> ConnectorError | None:
        """Return the error of an answer, or None where the general reading will do."""
        status = response.status_code
        message = f"{response.request.method} {response.request.url.path}: {status}{self._detail(response)}"
        if status == httpx.codes.UNAUTHORIZED:
            message += f"; {renewal(self._token)}"
        if status in NOT_DONE:
            return RequestRejected(message, status)
        kinds: Mapping[int, type[ConnectorError]] = {
            401: BadCredential,
            403: Forbidden,
            409: Conflict,
            412: Stale,
            428: Unversioned,
        }
        return kinds[status](message) if status in kinds else None

    def _detail(self, response: httpx.Response) -> str:
        try:
            body = response.json()
        except (ValueError, RecursionError):
            return ""
        if not isinstance(body, Mapping):
            return ""
        parts = [str(body[name]) for name in ("scimType", "detail") if body.get(name)]
        said = " ".join(": ".join(parts).replace(self._token.get_secret_value(), "***").split())
        return f", {said[:SHOWN]}" if said else ""
