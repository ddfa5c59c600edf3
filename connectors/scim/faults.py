"""SCIM's errors (RFC 7644, 3.12) as the six errors, and refusals after which another request form may work."""

from collections.abc import Mapping

import httpx

from connectors.credentials import Credential
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Unavailable
from connectors.http_connector import excerpt, json_object


class RequestRejected(Conflict):
    """The server rejects the form of the request: it does not understand or support it, and nothing happened."""


class Unsupported(RequestRejected):
    """The server lacks the method, whatever the content."""


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


FAULTS: Mapping[int, type[ConnectorError]] = {
    **dict.fromkeys((400, 413, 414, 415), RequestRejected),
    **dict.fromkeys((405, 501), Unsupported),
    401: BadCredential,
    403: Forbidden,
    409: Conflict,
    412: Stale,
    428: Unversioned,
}


def fault(credential: Credential, response: httpx.Response) -> ConnectorError | None:
    """Return the error of an answer, or None if the general reading applies."""
    status, body = response.status_code, json_object(response)
    detail = ": ".join(str(body[name]) for name in ("scimType", "detail") if body.get(name))
    message = f"{response.request.method} {response.request.url.path}: {status}"
    message += excerpt([detail], credential.known)
    if status == httpx.codes.UNAUTHORIZED:
        message += f"; {credential.advice()}"
    return FAULTS[status](message) if status in FAULTS else None
