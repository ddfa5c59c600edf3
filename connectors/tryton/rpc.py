"""Calls to Tryton over JSON-RPC: log-in, one repeated log-in, and answers as values or one of the six errors.

Tryton 8 has one address, `/DATABASE/rpc/`, and takes `Session base64(login:user:key)` as authorisation.
"""

import base64
import time
from collections.abc import Mapping
from datetime import timedelta
from threading import Lock
from types import MappingProxyType
from typing import Any

import httpx

from config.secrets import renewal
from config.text import _
from connectors.errors import BadCredential, ConnectorError, Forbidden, OutcomeUnknown, SessionEnded, Unavailable
from connectors.http import Api, Timeouts
from connectors.tryton import wire
from connectors.tryton.settings import TrytonSettings

LOCKED_OUT = timedelta(minutes=5)
"""Time for which too many wrong passwords count: `[session] timeout`, 300 s unless configured otherwise."""

LOGIN = "common.db.login"
REFUSED_FOR = 60.0
"""Seconds for which a refused log-in is not tried again: each wrong try makes Tryton slower for that log-in."""


def _classify(response: httpx.Response) -> ConnectorError | None:
    """Return a long wait after too many wrong passwords: each further try lengthens the wait.

    A session that ended is told from a refused log-in, which has none.
    """
    sent = response.request
    if response.status_code == httpx.codes.UNAUTHORIZED and "Authorization" in sent.headers:
        where = f"{sent.method} {sent.url.path}"
        return SessionEnded(_("{where}: refused ({status})").format(where=where, status=response.status_code))
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return Unavailable(_("Tryton refuses our log-in for a while, after too many wrong passwords"), LOCKED_OUT)
    return None


class Rpc:
    """One service user's session, opened at the first call and shared by all threads."""

    def __init__(self, settings: TrytonSettings) -> None:
        self._settings = settings
        self._path = f"/{settings.database}/rpc/"
        self.api = Api(
            settings.url,
            patience=Timeouts(connect=min(3, settings.timeout_seconds), read=settings.timeout_seconds),
            classify=_classify,
            authority=settings.authority,
            proxy=settings.proxy,
        )
        self._token, self._user, self._lock = "", 0, Lock()
        self._refused: tuple[float, str, str] | None = None

    @property
    def user(self) -> int:
        """Return our own user's id."""
        self._session("")
        return self._user

    def read(self, method: str, *arguments: Any, context: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Call a method that changes nothing. A refusal concerns our rights and is `Forbidden`.

        Raises `Unavailable` for an answer that is no result, and for rows without what was asked for: an absent value
        is never taken for a value.
        """
        try:
            found = self._call(method, arguments, dict(context), writes=False)
            return (
                wire.rows(method, found, arguments[4])
                if method.endswith(".search_read")
                else wire.result(method, found)
            )
        except wire.ValidationRefused as refusal:
            raise Forbidden(
                _("{login} may not do {method}: {refusal}").format(
                    login=self._settings.login, method=method, refusal=refusal
                )
            ) from refusal

    def write(self, method: str, *arguments: Any, context: dict[str, Any]) -> None:
        """Call a method that changes something. `wire.ValidationRefused` has Tryton's own sentence."""
        try:
            self._call(method, arguments, context, writes=True)
        except wire.ValidationRefused as refusal:
            model = method.rpartition(".")[0]
            if not self.rights(model)[model]["write"]:
                raise Forbidden(
                    _("{login} has no write access to {model}").format(login=self._settings.login, model=model)
                ) from refusal
            raise

    def rights(self, *models: str) -> dict[str, dict[str, int]]:
        """Return our rights on models: `read`, `write`, `create`, `delete` as 0 or 1."""
        found: dict[str, dict[str, int]] = self.read("ir.model.access.get_access", list(models))
        return found

    def _call(self, method: str, arguments: tuple[Any, ...], context: dict[str, Any], *, writes: bool) -> Any:
        params, token = [*arguments, context], self._session("")
        try:
            return self._post(f"model.{method}", params, token, writes=writes)
        except SessionEnded:
            return self._post(f"model.{method}", params, self._session(token), writes=writes)

    def _session(self, refused: str) -> str:
        """Return the session's token. Sign in if there is none, or if `refused` is the present one."""
        with self._lock:
            if self._token in ("", refused):
                self._token = ""
                self._token = self._sign_in()
            return self._token

    def _sign_in(self) -> str:
        login, password = self._settings.login, self._settings.password.get_secret_value()
        if self._refused and password == self._refused[2] and time.monotonic() < self._refused[0]:
            raise BadCredential(self._refused[1])
        try:
            answer = self._post(LOGIN, [login, {"password": password}], "", writes=False)
        except (BadCredential, wire.ValidationRefused) as error:
            message = _("Tryton refuses the log-in {login}: wrong password, or inactive; {renewal}").format(
                login=login, renewal=renewal(self._settings.password)
            )
            self._refused = (time.monotonic() + REFUSED_FOR, message, password)
            raise BadCredential(message) from error
        self._user = int(answer[0])
        return base64.b64encode(f"{login}:{answer[0]}:{answer[1]}".encode()).decode()

    def _post(self, method: str, params: list[Any], token: str, *, writes: bool) -> Any:
        headers = {"Authorization": f"Session {token}"} if token else {}
        send = self.api.write if writes else self.api.read
        response = send("POST", self._path, json={"id": 1, "method": method, "params": params}, headers=headers)
        try:
            answer = response.json()
            error, result = answer.get("error"), answer.get("result")
        except (ValueError, AttributeError, RecursionError) as broken:
            raise (OutcomeUnknown if writes else Unavailable)(
                _("{method}: the answer is not Tryton's").format(method=method)
            ) from broken
        if error:
            fault = wire.fault(method, error)
            refused = BadCredential if method == LOGIN else Forbidden if isinstance(fault, wire.RightsRefused) else None
            self.api.pool.calls.refused(refused or type(fault))
            raise fault
        return result
