"""Access tokens by OAuth 2.0: fetched, renewed before they end, and fetched once more after a refusal.

Three grants: client credentials (RFC 6749, 4.4), signed assertions (RFC 7523), and refresh tokens (RFC 6749, 6).
The life of a token is measured by this machine's monotonic clock from the moment before the request. So a wrong clock,
here or there, makes no token old or young. Only an assertion has times of day: they follow the server's `Date` once
the server has refused ours.
"""

import base64
import fcntl
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock, local
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import jwt

from config.secrets import resolve
from config.text import _
from connectors.credentials import Credential
from connectors.errors import BadCredential, ConnectorError, Missing, OutcomeUnknown, Unavailable
from connectors.http import Api, Timeouts
from connectors.http_connector import json_object
from connectors.oauth_settings import OAuthSettings

ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE = timedelta(minutes=3)
"""Life of an assertion. Salesforce accepts at most three minutes, Google an hour."""
MARGIN, MOST_MARGIN = 0.1, 60.0
"""Part of a token's life before its end at which it is renewed, and the most seconds of that."""
LONGEST = 24 * 3600.0
"""Seconds after which a token is renewed, whatever life the server gave it."""
REFUSED_SECONDS = 20.0
"""Seconds after a refusal in which the token server is not asked again."""
SKEW = timedelta(seconds=20)
"""Difference of clocks below which the server's refusal has another reason."""
WORD = re.compile(r"[a-z_]{1,40}")
TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
CONFIGURED = frozenset({"invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type"})


class AccessTokens(Credential):
    """Access tokens of one client. Threads share one token, and only one of them fetches the next."""

    def __init__(self, settings: OAuthSettings, patience: Timeouts, authority: Path | None, proxy: str | None) -> None:
        self._settings = settings
        address = urlsplit(settings.oauth_token_url)
        self._path = address.path + (f"?{address.query}" if address.query else "")
        self._api = Api(
            f"{address.scheme}://{address.netloc}",
            patience=patience,
            classify=self._refusal,
            headers={"Accept": "application/json"},
            authority=authority,
            proxy=proxy,
        )
        self._lock, self._used = Lock(), local()
        self._token, self._ends = "", 0.0
        self._ahead = timedelta(0)
        self._refused: tuple[float, BadCredential] | None = None

    @property
    def known(self) -> str:
        """The token of now, or an empty text before the first."""
        return self._token

    def token(self) -> str:
        """Return a token that is valid for a while. Raises `BadCredential` or `Unavailable`."""
        with self._lock:
            if not self._token or time.monotonic() >= self._ends:
                self._fetch_unless_refused()
            self._used.token = self._token
            return self._token

    def renew(self) -> bool:
        """Drop the token that this thread used last, unless another thread has done so. Always worth one more try."""
        with self._lock:
            if self._token and self._token == getattr(self._used, "token", ""):
                self._token = ""
        return True

    def advice(self) -> str:
        """Return what to do if fresh tokens are refused."""
        return _("a fresh access token was refused too: compare oauth_scope and oauth_audience with the application's")

    def close(self) -> None:
        """Close the connections to the token endpoint."""
        self._api.close()

    def _fetch_unless_refused(self) -> None:
        """Fetch a token. A refusal holds for a while: a server may shut out a client that asks a thousand times."""
        if self._refused and time.monotonic() < self._refused[0]:
            raise self._refused[1].with_traceback(None)
        try:
            self._fetch()
        except BadCredential as error:
            self._refused = time.monotonic() + REFUSED_SECONDS, error
            raise
        self._refused = None

    def _fetch(self) -> None:
        """Fetch a token, and once more with times by the server's clock if that may be the cause of a refusal."""
        self._token = ""
        if self._settings.oauth == "refresh_token" and self._settings.oauth_refresh_token_file:
            self._refresh(self._settings.oauth_refresh_token_file)
            return
        try:
            answer = self._ask(self._grant())
        except _ClockDiffers as differs:
            self._ahead = differs.ahead
            answer = self._ask(self._grant())
        self._keep(*answer)

    def _refresh(self, path: Path) -> None:
        """Use the refresh token. A new one is in its file before anything else happens."""
        with _alone(path):  # other processes share the file: two uses of one refresh token may revoke the consent
            used = _read(path)
            began, answer = self._ask({"grant_type": "refresh_token", "refresh_token": used})
            new = answer.get("refresh_token")
            if isinstance(new, str) and new not in {"", used}:
                _replace(path, new)
        self._keep(began, answer)

    def _grant(self) -> dict[str, str]:
        settings = self._settings
        scope = {"scope": settings.oauth_scope} if settings.oauth_scope else {}
        if settings.oauth == "jwt_bearer":
            return {"grant_type": ASSERTION, "assertion": self._signed(settings.oauth_subject)} | scope
        return {"grant_type": "client_credentials"} | scope

    def _ask(self, form: dict[str, str]) -> tuple[float, Mapping[str, Any]]:
        """Return the monotonic time before a request for a token, and the answer."""
        settings, headers = self._settings, dict[str, str]()
        if settings.oauth_client_secret is None and settings.oauth_key and settings.oauth != "jwt_bearer":
            form |= {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": self._signed("")}
        if settings.oauth_client_secret and settings.oauth_client_auth == "header":
            pair = (settings.oauth_client_id, settings.oauth_client_secret.get_secret_value())
            form |= {"client_id": settings.oauth_client_id} if settings.oauth == "jwt_bearer" else {}
            headers["Authorization"] = _basic(*pair)
        else:
            form |= {"client_id": settings.oauth_client_id}
            if settings.oauth_client_secret:
                form |= {"client_secret": settings.oauth_client_secret.get_secret_value()}
        began = time.monotonic()
        send = self._api.write if form["grant_type"] == "refresh_token" else self._api.read
        try:
            answer = json_object(send("POST", self._path, data=form, headers=headers))
        except OutcomeUnknown as error:
            # Nothing of the caller's own request has happened. The refresh token may be used up all the same.
            raise Unavailable(
                _("{error}; if the refresh token was replaced, an administrator must give consent again").format(
                    error=error
                )
            ) from error
        except Missing as error:
            raise BadCredential(_("{error}; is oauth_token_url right?").format(error=error)) from error
        return began, answer

    def _keep(self, began: float, answer: Mapping[str, Any]) -> None:
        token, kind, life = answer.get("access_token"), answer.get("token_type", "Bearer"), answer.get("expires_in")
        if not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise Unavailable(_("the token server's answer has no access token"))
        if str(kind).lower() != "bearer":
            raise BadCredential(_("the token server gives another kind of token than Bearer"))
        seconds = _seconds(life)
        self._token, self._ends = token, began + seconds - min(MOST_MARGIN, MARGIN * seconds)

    def _signed(self, subject: str) -> str:
        """Return a signed assertion (RFC 7523, 3). Raises `BadCredential` if the key cannot sign."""
        settings = self._settings
        now = datetime.now(UTC) + self._ahead
        claims = {
            "iss": settings.oauth_client_id,
            "sub": subject or settings.oauth_client_id,
            "aud": settings.oauth_audience or settings.oauth_token_url,
            "iat": now,
            "exp": now + ASSERTION_LIFE,
            "jti": uuid4().hex,
        }
        kept = {"kid": settings.oauth_key_id} if settings.oauth_key_id else None
        key = settings.oauth_key.get_secret_value() if settings.oauth_key else ""
        try:
            return jwt.encode(claims, key, settings.oauth_algorithm, headers=kept)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise BadCredential(
                _("oauth_key cannot sign with {algorithm}").format(algorithm=settings.oauth_algorithm)
            ) from error

    def _refusal(self, response: httpx.Response) -> ConnectorError | None:
        """Return the error of an answer of the token endpoint (RFC 6749, 5.2), also if it comes with status 200."""
        said = json_object(response).get("error")
        if not (isinstance(said, str) and WORD.fullmatch(said)):
            refused = response.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED}
            return BadCredential(self._sentence("")) if refused else None
        if said in {"temporarily_unavailable", "server_error", "slow_down"}:
            return Unavailable(_("the token server refused: {said}").format(said=said))
        ahead = _ahead(response) - self._ahead
        if self._settings.oauth_key and said in {"invalid_grant", "invalid_client"} and abs(ahead) > SKEW:
            return _ClockDiffers(self._sentence(said), _ahead(response))
        return BadCredential(self._sentence(said))

    def _sentence(self, said: str) -> str:
        if said == "invalid_grant" and self._settings.oauth == "refresh_token":
            return _(
                "the token server refused: invalid_grant. The consent was revoked or has ended: an administrator must "
                "give it again, and its new refresh token belongs in {path}"
            ).format(path=self._settings.oauth_refresh_token_file)
        if said in CONFIGURED or not said:
            return _("the token server refused: {said}. Compare the oauth keys with the application's page").format(
                said=said or "400"
            )
        return _("the token server refused: {said}. Consent, key or account at the server must be renewed").format(
            said=said
        )


class _ClockDiffers(BadCredential):
    """An assertion was refused by a server whose clock differs from ours by `ahead`."""

    def __init__(self, message: str, ahead: timedelta) -> None:
        super().__init__(message)
        self.ahead = ahead


def _ahead(response: httpx.Response) -> timedelta:
    """Return how far the server's clock is ahead of ours, or nothing if it does not tell."""
    try:
        moment = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return timedelta(0)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)


def _seconds(life: object) -> float:
    """Return a token's life. Without one it is used until it is refused, and a day at most."""
    if isinstance(life, str) and life.isascii() and life.isdecimal():
        life = int(life[:9])
    if isinstance(life, bool) or not isinstance(life, int | float) or not 0 < life < LONGEST:
        return LONGEST
    return float(life)


def _basic(client: str, secret: str) -> str:
    """Return the header of a client's id and secret, each encoded first (RFC 6749, 2.3.1)."""
    pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _read(path: Path) -> str:
    """Return the refresh token. Raises `BadCredential`."""
    try:
        return resolve(f"file:{path}", {}).get_secret_value()
    except ValueError as error:
        raise BadCredential(str(error)) from error


def _replace(path: Path, token: str) -> None:
    """Replace the refresh token in one step, readable by its owner alone. Raises `BadCredential`."""
    try:
        with NamedTemporaryFile("w", encoding="ascii", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
            new.write(token + "\n")
            new.flush()
            os.fsync(new.fileno())
        Path(new.name).replace(path)
    except (OSError, UnicodeEncodeError) as error:
        raise BadCredential(
            _("the new refresh token could not be written to {path}: an administrator must give consent again").format(
                path=path
            )
        ) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from a refresh token until the context ends. Raises `BadCredential`."""
    try:
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadCredential(
            _("no file can be made beside {path}: {why}").format(path=path, why=error.strerror)
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
