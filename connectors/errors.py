"""The six errors of outside systems; each class says what the caller does next."""

from datetime import timedelta


class ConnectorError(Exception):
    """A system did not do what was asked. Always one of the six below, never raised by itself."""


class Unavailable(ConnectorError):
    """Nothing happened and nothing is wrong with the request: wait, then ask again."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Untrusted(Unavailable):
    """The system's certificate is from an authority that is not trusted: a setting must name its file."""


class OutcomeUnknown(ConnectorError):
    """The request left and no answer came: read the state back before anything else, never repeat blindly."""


class BadCredential(ConnectorError):
    """The system refused our own credential: an administrator must renew it."""


class SessionEnded(BadCredential):
    """Our session at the system ended. A new one is opened at once, so that nobody needs to renew anything."""


class Forbidden(ConnectorError):
    """The credential is good and lacks a permission, which the message names: an administrator must grant it."""


class Missing(ConnectorError):
    """The object named in the request does not exist: a finding for a person, never a success."""


class Conflict(ConnectorError):
    """The object is not in the state that the caller said it was in: plan again, ask again."""


class OthersTouched(Conflict):
    """After a write, others have changed too, and the message names them. `stop`: the system itself did it."""

    def __init__(self, message: str, *, stop: bool, count: int) -> None:
        super().__init__(message)
        self.stop, self.count = stop, count


class UnusableKind(LookupError):
    """A kind of system from another package cannot be used. The message names the package and the reason."""
