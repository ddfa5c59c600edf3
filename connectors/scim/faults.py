"""SCIM's errors (RFC 7644, 3.12) as the six errors, and refusals after which another request form may work."""

from collections.abc import Mapping

import httpx
from pydantic import SecretStr

from config.secrets import renewal
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Unavailable
from connectors.http_connector import excerpt, json_object

NOT_DONE = frozenset({400, 405, 413, 414, 415, 501})
"""Statuses of a request that the server does not understand or support: nothing happened."""
UNSUPPORTED = frozenset({405, 501})


class RequestRejected(Conflict):
    """The server rejects the form of the request."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def unsupported(self) -> bool:
        """Return whether the server lacks the method; false if it rejects the content."""
        return self.status in UNSUPPORTED


class Stale(Conflict):
    """The resource has another version than the one named in If-Match."""


class Unversioned(Conflict):
    """The server accepts a write only with If-Match, whatever it announces (RFC 6585, 3)."""


class WrongResource(Conflict):
    """The answer is about another account than requested: nothing of it is believed or written."""


class NotJson(Unavailable):
    """A page for people, such as a log-in page or a notice. It is no answer, and no empty list."""


class NoList(Unavailable):
    """The list is missing: a wrong address, a failing server or, for groups, an application without groups."""


def fault(token: SecretStr, response: httpx.Response) -> ConnectorError | None:
    """Return the error of an answer, or None if the general reading applies."""
    status, body = response.status_code, json_object(response)
    detail = ": ".join(str(body[name]) for name in ("scimType", "detail") if body.get(name))
    message = f"{response.request.method} {response.request.url.path}: {status}"
    message += excerpt([detail], token.get_secret_value())
    if status == httpx.codes.UNAUTHORIZED:
        message += f"; {renewal(token)}"
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
