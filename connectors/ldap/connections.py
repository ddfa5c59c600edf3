"""A bounded pool of logged-in connections: python-ldap's objects serve one thread at a time."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import ldap

from config.secrets import renewal
from config.text import _
from connectors.connections import ConnectionPool, Slot
from connectors.contract import Recorder
from connectors.errors import BadCredential, ConnectorError, OutcomeUnknown, Unavailable, Untrusted
from connectors.ldap.connection import BudgetExceeded, LdapConnection
from connectors.ldap.dialect import Dialect
from connectors.ldap.faults import (
    NO_ANSWER,
    NOT_NOW,
    explain,
    handshake_error,
    is_untrusted,
    refusal_words,
    server_words,
    translate,
)
from connectors.ldap.recorded_line import RecordedLine
from connectors.ldap.settings import LdapSettings

T = TypeVar("T")
IDLE_SECONDS = 60.0
"""Firewalls and servers drop quiet connections silently; older ones are not used again."""
REFUSED_SECONDS = 300.0
"""Time for which a refused password is not tried again: directories lock an account out after a handful of tries."""
ASIDE_SECONDS = 60.0
"""Time for which an address that failed is tried last."""


class LdapConnections:
    """Up to `settings.connections` links, opened when needed."""

    def __init__(self, settings: LdapSettings, dialect: Dialect) -> None:
        self._settings = settings
        self._dialect = dialect
        self._failed: dict[str, float] = {}
        self.pool: ConnectionPool[LdapConnection] = ConnectionPool(settings.connections, LdapConnection.close)
        self._refused_at, self._refused = -REFUSED_SECONDS, ""
        self._stuck: dict[str, Future[Any]] = {}
        self._recorder: Recorder | None = None

    def run(self, work: Callable[[LdapConnection], T], doing: str, needs: str = "", *, lookup: bool = False) -> T:
        """Run reads, and at most one write after them, on one link. `lookup`: within twice `request_seconds`.

        A link that fails during a read is replaced once. A link that does not answer is replaced by one to another
        address.
        """
        with self.pool.calls.counted():
            return self._run(work, doing, needs, lookup)

    def _run(self, work: Callable[[LdapConnection], T], doing: str, needs: str, lookup: bool) -> T:
        end = time.monotonic() + 2 * self._settings.request_seconds if lookup else float("inf")
        try:
            try:
                return self._once(work, end)
            except (ldap.SERVER_DOWN, ldap.TIMEOUT, *NOT_NOW) as error:
                if not isinstance(error, ldap.SERVER_DOWN) and len(self._settings.urls) == 1:
                    raise
                self.close()
                return self._once(work, end)
        except ldap.LDAPError as error:
            raise translate(error, doing, needs) from error

    def stream(self, work: Callable[[LdapConnection], Iterator[T]], doing: str) -> Iterator[T]:
        """Stream the entries of a read on one link; a link that fails meanwhile raises an error."""
        with self.pool.calls.counted(), self._slot() as slot:
            if slot.connection is not None:
                slot.connection.close()
                slot.connection = None
            try:
                with contextlib.closing(self._reach(self._bind)) as link:  # it may stop in the middle of an answer
                    yield from work(link)
            except ldap.LDAPError as error:
                raise translate(error, doing) from error

    def use_recorder(self, recorder: Recorder) -> None:
        """Give each search to `recorder` from now on, and send nothing that would change something."""
        self._recorder = recorder
        self.close()

    def try_login(self, dn: str, secret: str, controls: Sequence[Any]) -> Mapping[str, Any] | None:
        """Log in with the given DN and password on a separate connection.

        Return the server's refusal; None if it accepted.
        """
        with self.pool.calls.counted():
            return self._try_login(dn, secret, controls)

    def _try_login(self, dn: str, secret: str, controls: Sequence[Any]) -> Mapping[str, Any] | None:
        raw = self._reach(lambda fresh: fresh)
        try:
            self._in_time("", lambda: raw.simple_bind_s(dn, secret, serverctrls=list(controls)))
        except self._dialect.refusals as error:
            return dict(error.args[0])
        except TimeoutError as error:
            raise Unavailable(_("log-in after the lock: no answer in time")) from error
        except ldap.LDAPError as error:
            raise translate(error, _("log-in after the lock")) from error
        finally:
            with contextlib.suppress(ldap.LDAPError):
                raw.unbind_ext()
        return None

    def close(self) -> None:
        """Close idle links at once, and links in use when they are returned. Never raises."""
        self.pool.close_idle()

    @contextlib.contextmanager
    def _slot(self) -> Iterator[Slot[LdapConnection]]:
        with contextlib.ExitStack() as stack:
            try:
                slot = stack.enter_context(self.pool.slot(self._settings.request_seconds))
            except TimeoutError as error:
                raise Unavailable(_("all connections to the directory are in use")) from error
            yield slot

    def _once(self, work: Callable[[LdapConnection], T], end: float) -> T:
        with self._slot() as slot:
            link, slot.connection = slot.connection, None
            if link and time.monotonic() - link.used_at >= IDLE_SECONDS:
                link.close()
                link = None
            link, usable = link or self._reach(self._bind), False
            link.end, link.taken = end, 0
            try:
                result = work(link)
                usable = True
            except (ldap.LDAPError, ConnectorError) as error:
                if isinstance(error, (*NO_ANSWER, *NOT_NOW)):
                    self._failed[link.url] = time.monotonic()
                usable = not isinstance(error, (*NO_ANSWER, OutcomeUnknown, BudgetExceeded))
                raise
            finally:
                if usable:
                    link.used_at, slot.connection = time.monotonic(), link
                else:
                    link.close()
            return result

    def _bind(self, raw: Any) -> LdapConnection:
        password = self._settings.password.get_secret_value()
        if password == self._refused and time.monotonic() - self._refused_at < REFUSED_SECONDS:
            raise BadCredential(
                _(
                    "the directory refused the log-in of {bind_dn} a moment ago. It is not tried "
                    "again for five minutes, so that the directory does not lock the account"
                ).format(bind_dn=self._settings.bind_dn)
            )
        try:
            raw.simple_bind_s(self._settings.bind_dn, password)
        except (ldap.INVALID_CREDENTIALS, ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX) as error:
            self._refused_at, self._refused = time.monotonic(), password
            why = refusal_words(error.args[0]) if error.args else ""
            refused = _("the directory refuses the log-in of {bind_dn}").format(bind_dn=self._settings.bind_dn)
            raise BadCredential(
                _("{refused}; bind_dn is wrong, or the password is: {renewal}").format(
                    refused=f"{refused}: {why}" if why else refused, renewal=renewal(self._settings.password)
                )
            ) from error
        line = RecordedLine(raw, self._recorder) if self._recorder else raw
        return LdapConnection(line, self._settings.request_seconds, self._dialect.referrals_are_normal)

    def _reach(self, use: Callable[[Any], T]) -> T:
        """Open a connection to the first address that answers; report why each other address failed."""
        reasons, untrusted = [], False
        for url in self._order():
            try:
                result = self._in_time(url, partial(self._begin, url, use))
            except TimeoutError as error:
                reasons.append(explain(url, error))
            except ldap.TIMEOUT:
                reasons.append(explain(url, handshake_error(url, self._settings) or TimeoutError()))
            except NO_ANSWER as error:
                fault = handshake_error(url, self._settings)
                untrusted |= is_untrusted(fault)
                reasons.append(explain(url, fault, server_words(error)))
            except NOT_NOW as error:
                reasons.append(_("{url} accepts no log-in now ({why})").format(url=url, why=server_words(error)))
            except ldap.LDAPError as error:
                raise translate(error, _("log-in at {url}").format(url=url)) from error
            else:
                self._failed.pop(url, None)
                if isinstance(result, LdapConnection):
                    result.url = url
                return result
            self._failed[url] = time.monotonic()
        raise (Untrusted if untrusted else Unavailable)("; ".join(reasons))

    def _order(self) -> Sequence[str]:
        """Return all addresses in the order of the settings; those that failed within the last minute come last."""
        recent = time.monotonic() - ASIDE_SECONDS
        return sorted(self._settings.urls, key=lambda url: self._failed.get(url, -ASIDE_SECONDS) > recent)

    def _begin(self, url: str, use: Callable[[Any], T]) -> T:
        return use(self._open(url))

    def _in_time(self, place: str, begin: Callable[[], T]) -> T:
        """Begin a connection in a thread of its own. Raises `TimeoutError`.

        In the GnuTLS build of libldap no option ends a handshake with a server that becomes silent in it. Such a
        thread is left behind, and no other one begins at this place until it ends.
        """
        stuck = self._stuck.get(place)
        if stuck is not None and not stuck.done():
            raise TimeoutError
        future = Future[T]()

        def work() -> None:
            try:
                future.set_result(begin())
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                future.set_exception(error)

        threading.Thread(target=work, name="ldap", daemon=True).start()
        try:
            return future.result(self._settings.connect_seconds + self._settings.request_seconds)
        except TimeoutError:
            if not future.done():
                self._stuck[place] = future
            raise

    def _open(self, url: str) -> Any:
        s = self._settings
        error = handshake_error(url, s)
        if isinstance(error, TimeoutError):
            raise error  # libldap would wait for ever; it judges every other fault better
        raw = ldap.initialize(url)
        raw.set_option(ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3)
        raw.set_option(ldap.OPT_REFERRALS, 0)
        raw.set_option(ldap.OPT_NETWORK_TIMEOUT, s.connect_seconds)
        raw.set_option(ldap.OPT_TIMEOUT, s.request_seconds)
        raw.timeout = s.request_seconds
        raw.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        if s.ca_file:
            raw.set_option(ldap.OPT_X_TLS_CACERTFILE, str(s.ca_file))
        raw.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # last: only a new context applies the options above
        if s.start_tls:
            raw.start_tls_s()
        return raw
