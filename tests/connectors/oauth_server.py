"""An authorization server on loopback: Authlib's own, over a real socket, with faults on demand."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.models import ClientMixin
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion, JWTBearerGrant
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, request
from joserfc.jwk import RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback without TLS
METHODS = ("client_secret_basic", "client_secret_post", JWTBearerClientAssertion.CLIENT_AUTH_METHOD)
"""Ways in which the client proves itself."""
CLIENT, SECRET = "handover", "s3cret/with:odd chars"


def new_key() -> tuple[str, str]:
    """Return a private key and its public half, as PEM texts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


class Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """The one client."""

    def __init__(self, public_key: str) -> None:
        self.public_key = public_key

    def get_client_id(self) -> str:
        return CLIENT

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(word for word in (scope or "").split() if word == "scim")

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "token" and method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return bool(grant_type)


@dataclass
class OAuthServer:
    """State of the server. A test reads and changes it."""

    public_key: str = ""
    life: int = 3600
    lives: int = 0
    """Life that the answers claim, if it is not the true one."""
    ahead: timedelta = timedelta(0)
    """Time by which the server's clock is ahead."""
    rotates: bool = False
    revoked: bool = False
    lose_answer: bool = False
    answer: Callable[[], Response] | None = None
    """An answer in place of the true one."""
    refresh_tokens: set[str] = field(default_factory=set)
    live: dict[str, float] = field(default_factory=dict)
    """Access tokens with the monotonic time of their end."""
    asked: list[Mapping[str, str]] = field(default_factory=list)
    url: str = ""

    def now(self) -> float:
        return datetime.now(UTC).timestamp() + self.ahead.total_seconds()

    def accepts(self, token: str) -> bool:
        """Return whether a token is valid now."""
        return self.live.get(token, 0) > time.monotonic()

    def end_tokens(self) -> None:
        """End every access token, as a restart of some servers does."""
        self.live.clear()

    def issue(self, token: Mapping[str, Any], _request: object) -> None:
        self.live[token["access_token"]] = time.monotonic() + self.life
        if "refresh_token" in token:
            self.refresh_tokens.add(token["refresh_token"])


def _grants(state: OAuthServer, server: Any) -> None:
    client = Client(state.public_key)

    class Assertion(JWTBearerGrant):  # type: ignore[misc]
        def resolve_issuer_client(self, issuer: str) -> Client | None:
            return client if issuer == CLIENT else None

        def resolve_client_public_key(self, client: Client) -> Any:
            return RSAKey.import_key(client.public_key)

        def get_audiences(self) -> list[str]:
            return [f"{state.url}/token"]

        def authenticate_user(self, subject: str) -> object | None:
            return subject or None

        def has_granted_permission(self, _client: Client, _user: object) -> bool:
            return not state.revoked

    class Refresh(grants.RefreshTokenGrant):  # type: ignore[misc]
        INCLUDE_NEW_REFRESH_TOKEN = state.rotates
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

        def authenticate_refresh_token(self, refresh_token: str) -> Any:
            return _Kept(refresh_token) if refresh_token in state.refresh_tokens and not state.revoked else None

        def authenticate_user(self, _token: Any) -> object:
            return "dana"

        def revoke_old_credential(self, token: Any) -> None:
            if state.rotates:
                state.refresh_tokens.discard(token.value)

    class Credentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    class ClientAssertion(JWTBearerClientAssertion):  # type: ignore[misc]
        def validate_jti(self, _claims: Any, _jti: str) -> bool:
            return True

        def get_audiences(self) -> list[str]:
            return [f"{state.url}/token"]

        def resolve_client_public_key(self, client: Client) -> Any:
            return RSAKey.import_key(client.public_key)

    server.register_client_auth_method(JWTBearerClientAssertion.CLIENT_AUTH_METHOD, ClientAssertion())
    for grant in (Assertion, Refresh, Credentials):
        server.register_grant(grant)


class _Kept:
    """A refresh token that the server knows."""

    def __init__(self, value: str) -> None:
        self.value = value

    def check_client(self, client: Client) -> bool:
        return client.get_client_id() == CLIENT

    def get_scope(self) -> str:
        return ""


class _Quiet(WSGIRequestHandler):
    def log(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing."""


def _serve(app: Flask, state: OAuthServer) -> None:
    client = Client(state.public_key)
    server = AuthorizationServer(
        app, query_client=lambda name: client if name == CLIENT else None, save_token=state.issue
    )

    def make(**_named: Any) -> dict[str, Any]:
        token = {"token_type": "Bearer", "access_token": uuid4().hex, "expires_in": state.lives or state.life}
        return token | ({"refresh_token": uuid4().hex} if _named.get("include_refresh_token") and state.rotates else {})

    server.register_token_generator("default", make)
    _grants(state, server)

    @app.post("/token")
    def token() -> Response:
        state.asked.append(request.form.to_dict())
        if state.answer:
            return state.answer()
        given: Response = server.create_token_response()
        given.headers["Date"] = format_datetime(datetime.now(UTC) + state.ahead, usegmt=True)
        if state.lose_answer:
            state.lose_answer = False
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return given


def said(body: object, status: int = 200, **headers: str) -> Callable[[], Response]:
    """Return an answer in place of the true one."""
    return lambda: Response(json.dumps(body), status, headers, content_type="application/json")


@contextmanager
def authorization_server(public_key: str = "", *, rotates: bool = False) -> Iterator[OAuthServer]:
    """Serve until the context ends."""
    state = OAuthServer(public_key, rotates=rotates)
    app = Flask("oauth")
    http = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    state.url = f"http://127.0.0.1:{http.server_port}"
    _serve(app, state)
    serving = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    serving.start()
    try:
        yield state
    finally:
        http.shutdown()
        serving.join()
        http.server_close()
