"""One HTTP client for every connector: time limits, retries, rate limit, and answers as the six errors.

A request that never happened is repeated for a few seconds. One that may have happened is never repeated here.
"""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
import stamina

from config.text import _
from connectors.budgets import ENCODING, Budget, BudgetExceeded, LookupBudget, check_values
from connectors.connections import ConnectionPool
from connectors.contract import Limits, RateLimiter, Recorder
from connectors.errors import (
    BadCredential,
    Conflict,
    ConnectorError,
    Forbidden,
    Missing,
    OutcomeUnknown,
    Unavailable,
    Untrusted,
)
from connectors.names import Names

NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
UNTRUSTED = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's X509_V_ERR_ codes of a chain that ends at an unknown authority (openssl-verification-options(1))."""
BUSY = frozenset({429, 503})
TOO_MANY = 429
DEFAULT_HOLD = timedelta(seconds=1)
"""Pause after a 429 that gives no time."""
LONGEST_SLEEP = timedelta(seconds=15)
"""A longer wait that a vendor asked for is postponed: no thread sleeps for an hour."""
MAX_RETRY_AFTER = timedelta(days=1)
"""Upper bound for `Retry-After`: quotas end with the day, and a date in 2099 must not end all tries."""
REFUSALS: Mapping[int, type[ConnectorError]] = {
    401: BadCredential,
    403: Forbidden,
    404: Missing,
    409: Conflict,
    410: Missing,
    412: Conflict,
    423: Conflict,
}

Classify = Callable[[httpx.Response], ConnectorError | None]
"""A vendor's own reading of an answer, called before ours; None means that ours decides."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits of one call: each attempt's in seconds, and the bound over all attempts."""

    connect: float = 3.0
    read: float = 20.0
    attempts: int = 3
    total: float = 6.0
    whole: float = 1.5
    """Multiple of `read` that a whole answer may take, even if it arrives steadily in small pieces."""
    lookup: float = 2.0
    """Multiple of `read` that one lookup may take with all its requests."""


class _NotRepeated(Unavailable):
    """A read whose answer exceeds a budget, or whose host has no address: a repeat would only double the cost."""


class ServerFailed(Unavailable):
    """A read at which the server itself failed (5xx, except busy)."""


@dataclass(frozen=True, slots=True)
class _Connection:
    """A client of one connection, and the budget of the answer that it reads."""

    client: httpx.Client
    budget: Budget

    def close(self) -> None:
        self.client.close()


class TokenBucket:
    """A tenant's rate: `rate` requests a second on average, `burst` at once. Shared by the threads of one process."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._at, self._lock = float(burst), clock(), Lock()
        self._held = self._at

    def take(self) -> float:
        """Take a token and return the seconds to wait before its use. Raises `Unavailable` during a long `hold`."""
        with self._lock:
            now = self._clock()
            held = timedelta(seconds=self._held - now)
            if held > LONGEST_SLEEP:
                raise Unavailable(_("the limit on requests is reached"), held)
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1
            self._at = now
            return max(0.0, -self._tokens / self._rate)

    def hold(self, wait: timedelta | None) -> None:
        """Stop all requests for that time; None if the vendor gave no time."""
        with self._lock:
            seconds = (wait or DEFAULT_HOLD).total_seconds()
            self._at, self._tokens = self._clock(), min(self._tokens, -seconds * self._rate)
            self._held = max(self._held, self._at + seconds)


class Api:
    """Client of one HTTP interface.

    `read` may be repeated freely; `write` is repeated only while nothing has happened.
    """

    def __init__(
        self,
        base_url: str,
        *,
        patience: Timeouts = Timeouts(),
        classify: Classify = lambda _: None,
        limit: RateLimiter | None = None,
        headers: Mapping[str, str] | None = None,
        authority: Path | None = None,
        proxy: str | None = None,
        sign: Callable[[httpx.Request], httpx.Request] | None = None,
        renew: Callable[[], bool] = bool,
        connections: int = Limits().connections,
    ) -> None:
        """Take the settings. `sign` adds the current credential to each request.

        `renew` is called after a 401, and returns whether the request is sent once more, with another credential.

        At most `connections` requests run at a time; a later one waits until one ends.
        """
        self.timeout = httpx.Timeout(patience.read, connect=patience.connect)
        names = Names()
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts no authority, and is not used for plain http
        if base_url.startswith("https:"):
            trust = ssl.create_default_context(cafile=authority)

        def connect() -> _Connection:
            budget = Budget(names=names)
            client = httpx.Client(
                base_url=base_url,
                headers={"Accept-Encoding": ENCODING, **(headers or {})},
                verify=trust,
                auth=sign,
                proxy=proxy,
                trust_env=False,  # neither a proxy nor a .netrc of this machine concerns a system
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
                event_hooks={"response": [budget.bound]},
            )
            budget.install(client)
            return _Connection(client, budget)

        # One client for each connection: a client of several can neither be made smaller nor close idle ones.
        self._connect = connect
        self.pool: ConnectionPool[_Connection] = ConnectionPool(connections, _Connection.close)
        self._patience, self._classify, self._limit, self._renew = patience, classify, limit, renew
        self._lookup = LookupBudget()
        self._recorder: Recorder | None = None

    def read(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request that changes nothing; no answer is `Unavailable`. `content` is as for `httpx.request`."""
        return self._patiently(lambda: self._send(method, path, Unavailable, content))

    def write(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request that changes something; no answer is `OutcomeUnknown`, and is not repeated."""
        if self._recorder:
            raise Forbidden(_("{where}: a recording changes nothing").format(where=f"{method} {path}"))
        return self._patiently(lambda: self._send(method, path, OutcomeUnknown, content))

    def lookup(self) -> AbstractContextManager[None]:
        """Bound one lookup: all requests of this thread inside count against it."""
        return self._lookup.within(self._patience.read * self._patience.lookup)

    def lift_lookup(self) -> None:
        """Bound the present lookup no longer, because it reads a whole list."""
        self._lookup.lift()

    def use_rate_limiter(self, pace: RateLimiter) -> None:
        """Ask `pace` before every request from now on."""
        self._limit = pace

    def use_recorder(self, recorder: Recorder) -> None:
        """Give each exchange to `recorder` from now on, and send nothing that would change something."""
        self._recorder = recorder

    def close(self) -> None:
        """Close the connections."""
        self.pool.close()

    def _patiently(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        began, tried = time.monotonic(), list[ConnectorError]()
        try:
            return send()  # mostly this is all: a schedule of tries would cost a fifth of a request
        except ConnectorError as error:
            if self._worth_waiting(error) is False or self._patience.attempts == 1:
                raise
            tried.append(error)
        waiting = stamina.retry_context(
            on=self._worth_waiting,
            attempts=self._patience.attempts,
            timeout=max(0.0, self._patience.total - (time.monotonic() - began)),
            wait_initial=0.1,
            wait_max=2.0,
            wait_jitter=0.1,
        )
        for attempt in waiting:
            with attempt:
                if tried:  # the first try's error
                    raise tried.pop()
                return send()
        raise AssertionError("stamina gives back the last error")

    def _worth_waiting(self, error: Exception) -> bool | float:
        if not isinstance(error, Unavailable) or isinstance(error, _NotRepeated):
            return False
        if error.retry_after is None:
            return True
        seconds = error.retry_after.total_seconds()
        return seconds <= self._patience.total and max(seconds, 0.01)

    def _send(
        self, method: str, path: str, no_answer: type[ConnectorError], content: Mapping[str, Any]
    ) -> httpx.Response:
        began = time.monotonic()
        if self._limit:
            time.sleep(self._limit.take())
        try:
            with self.pool.calls.counted():
                return self._answer(method, path, no_answer, content, began)
        except BadCredential:
            if not self._renew():  # nothing has happened, so that a write may be sent again as well
                raise
        with self.pool.calls.counted():
            return self._answer(method, path, no_answer, content, time.monotonic())

    def _answer(
        self, method: str, path: str, no_answer: type[ConnectorError], content: Mapping[str, Any], began: float
    ) -> httpx.Response:
        where = f"{method} {path}"
        try:
            with self.pool.slot(self._patience.read) as slot:
                self._lookup.lengthen(time.monotonic() - began)
                link = slot.connection = slot.connection or self._connect()
                link.budget.begin(self._patience.read * self._patience.whole, self._lookup.end)
                response = link.client.request(method, path, timeout=self.timeout, **content)
                self._lookup.take(len(response.content))
                check_values(response.content)
        except BudgetExceeded as error:
            raise (_NotRepeated if no_answer is Unavailable else no_answer)(f"{where}: {error}") from error
        except TimeoutError as error:
            raise Unavailable(_("{where}: every connection is in use").format(where=where)) from error
        except (httpx.InvalidURL, UnicodeEncodeError) as error:  # an id too long, or with half a surrogate pair
            raise Conflict(_("{where}: holds text that no address can hold").format(where=method)) from error
        except NEVER_LEFT as error:
            raise _unsent(where, error, link.budget.unresolved) from error
        except httpx.TimeoutException as error:
            raise (_NotRepeated if no_answer is Unavailable else no_answer)(
                _("{where}: no answer in time").format(where=where)
            ) from error
        except httpx.HTTPError as error:
            raise no_answer(_("{where}: no answer ({kind})").format(where=where, kind=type(error).__name__)) from error
        if self._recorder:
            _record(self._recorder, response)
        if self._limit and response.status_code == TOO_MANY:
            self._limit.hold(retry_after(response.headers.get("Retry-After", "")))
        fault = self._classify(response) or _fault(where, response, no_answer)
        if fault:
            raise fault
        return response


def _record(recorder: Recorder, response: httpx.Response) -> None:
    """Give one exchange to a recorder: bodies as values where they are JSON, headers of an answer beside its body."""
    request = response.request
    place = request.url.raw_path.decode("ascii", "replace")
    answer = {"headers": dict(response.headers), "body": _value(response.content)}
    recorder.exchange(request.method, place, _value(request.content), response.status_code, answer)


def _value(content: bytes) -> object:
    try:
        value: object = json.loads(content)
    except (ValueError, RecursionError):
        return content
    return value


def _unsent(where: str, error: Exception, unresolved: str) -> Unavailable:
    if unresolved:
        return _NotRepeated(f"{where}: {unresolved}")
    if _untrusted(error):
        return Untrusted(_("{where}: the certificate is from an authority that is not trusted").format(where=where))
    return Unavailable(_("{where}: cannot be reached ({kind})").format(where=where, kind=type(error).__name__))


def _untrusted(error: BaseException | None) -> bool:
    """Return whether a private or unknown authority, and nothing else, is the cause of an error."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_code in UNTRUSTED
        error = error.__cause__ or error.__context__
    return False


def _fault(where: str, response: httpx.Response, no_answer: type[ConnectorError]) -> ConnectorError | None:
    status = response.status_code
    if status in BUSY:
        return Unavailable(
            _("{where}: busy ({status})").format(where=where, status=status),
            retry_after(response.headers.get("Retry-After", "")),
        )
    if response.is_server_error:
        kind = ServerFailed if no_answer is Unavailable else no_answer
        return kind(_("{where}: the server failed ({status})").format(where=where, status=status))
    if response.is_success:
        return None
    if response.has_redirect_location:
        return Conflict(
            _(
                "{where}: the server redirects to {host} ({status}), where our credential is not "
                "sent; is the url right?"
            ).format(where=where, status=status, host=_host(response))
        )
    return REFUSALS.get(status, Conflict)(_("{where}: refused ({status})").format(where=where, status=status))


def retry_after(value: str, now: datetime | None = None) -> timedelta | None:
    """Read a `Retry-After` header: seconds or an HTTP date (RFC 9110, 10.2.3), at most a day; None for other text."""
    seconds = value.strip()
    if seconds.isdecimal():
        return (
            min(MAX_RETRY_AFTER, timedelta(seconds=int(seconds)))
            if len(seconds) <= len("999999999")
            else MAX_RETRY_AFTER
        )
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(MAX_RETRY_AFTER, max(timedelta(0), zoned - (now or datetime.now(UTC))))


def _host(response: httpx.Response) -> str:
    """Return the host of a redirect, without its path: a path may hold a ticket."""
    try:
        return response.request.url.join(response.headers["Location"]).host
    except (httpx.InvalidURL, ValueError):
        return _("an address that cannot be read")
