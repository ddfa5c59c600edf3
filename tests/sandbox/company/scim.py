"""The practice company's application: a real scim2-server over a real socket, with its storage open to the tests."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import Any, Self
from urllib.parse import parse_qsl

from scim2_models import Pagination, ScimProvider, ServiceProviderConfig
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import load_default_resource_types, load_default_schemas, load_default_service_provider_config
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests.sandbox.company.people import PEOPLE, Employee, Team

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the server got it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def filter(self) -> str:
        return self.query.get("filter", "")


Refuse = Callable[[Call], int]
"""A status to refuse a call with, or 0."""
Rewrite = Callable[[Call, Any], Any]
"""Changes a body that the server sends."""


@dataclass(slots=True)
class Manners:
    """Deviations of this server from the standard."""

    refuse: Refuse = lambda _: 0
    rewrite: Rewrite = lambda _, body: body
    ignores_filters: bool = False
    removes: bool = False
    """Takes users away who are made inactive."""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        return


@cache
def _provider(patch: bool, filters: bool, etag: bool, cursor: bool) -> ScimProvider:
    return ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=_config(patch, filters, etag, cursor),
    )


def _config(patch: bool, filters: bool, etag: bool, cursor: bool) -> ServiceProviderConfig:
    config = load_default_service_provider_config()
    assert config.patch
    assert config.filter
    assert config.etag
    config.patch.supported, config.filter.supported, config.etag.supported = patch, filters, etag
    if cursor:
        config.pagination = Pagination(cursor=True, index=False)
    return config


class Scim:
    """One server. What it holds is read from its storage, past its own protocol."""

    def __init__(
        self,
        *,
        patch: bool = True,
        filters: bool = True,
        etag: bool = True,
        cursor: bool = False,
        token: str = "practice-scim-token",
        second_token: str = "practice-second-token",
        people: Iterable[Employee] = PEOPLE,
    ) -> None:
        self.token, self.second_token, self.manners, self.calls = token, second_token, Manners(), list[Call]()
        provider = _provider(patch, filters, etag, cursor)
        self._service = ScimService(provider, secret="practice" * 8)
        self.storage = InMemoryStorage()
        self._application = BearerTokenApplication(self.storage, provider, self._service, [token, second_token])
        self._server: BaseWSGIServer | None = None
        self._seed(list(people))

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    @property
    def port(self) -> int:
        assert self._server
        return self._server.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"

    # -- what the owner of the application does and sees

    def add_user(self, login: str, **attributes: Any) -> str:
        """Create a user, active by default. Return the id."""
        return self._create("User", {"userName": login, "active": True} | attributes)

    def add_group(self, name: str, members: Iterable[str]) -> str:
        """Create a group; return the id."""
        return self._create("Group", {"displayName": name, "members": [{"value": member} for member in members]})

    def users(self) -> dict[str, Json]:
        """Return every user by id, as stored."""
        return self._stored("User")

    def groups(self) -> dict[str, Json]:
        """Return every group by id, as stored."""
        return self._stored("Group")

    def members(self, group: str) -> frozenset[str]:
        """Return the ids of a group's members."""
        stored = self.storage.get(self._service.get_resource_type("Group"), group).model_dump()
        return frozenset(member["value"] for member in stored.get("members") or [])

    def user_id(self, login: str) -> str:
        """Return the id of a log-in."""
        return next(key for key, user in self.users().items() if user["userName"] == login)

    def change(self, account: str, **attributes: Any) -> None:
        """Change a user in the storage, behind everybody's back."""
        kind = self._service.get_resource_type("User")
        user = self.storage.get(kind, account)
        self.storage.update(kind, type(user).model_validate(user.model_dump() | attributes))

    def delete(self, account: str) -> None:
        """Take a user away."""
        self.storage.delete(self._service.get_resource_type("User"), account)

    def writes(self) -> int:
        """Return how many requests to change something have come in."""
        return sum(call.method in WRITES for call in self.calls)

    def asked(self, method: str, path: str = "") -> list[Call]:
        """Return the requests with this method whose path begins so."""
        return [call for call in self.calls if call.method == method and call.path.startswith(path)]

    # -- inside

    def _seed(self, people: Sequence[Employee]) -> None:
        ids = {
            who.uid: self.add_user(
                who.uid,
                externalId=f"hr-{who.uid}",
                displayName=who.name,
                title=who.title,
                emails=[{"value": who.email, "primary": True}],
            )
            for who in people
        }
        for team in Team:
            self.add_group(team.value, [ids[who.uid] for who in people if who.team is team])

    def _create(self, kind: str, attributes: Json) -> str:
        resource_type = self._service.get_resource_type(kind)
        model = self._service.get_model(resource_type)
        return str(self.storage.create(resource_type, model.model_validate(attributes)).id)

    def _stored(self, kind: str) -> dict[str, Json]:
        with self.storage.lock:
            found = [one.model_dump() for one in self.storage.resources if one.meta and one.meta.resource_type == kind]
        return {one["id"]: one for one in found}

    def _serve(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
        path = environ["PATH_INFO"].removeprefix("/v2")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        call = Call(environ["REQUEST_METHOD"], path, dict(parse_qsl(environ["QUERY_STRING"])), headers, body)
        self.calls.append(call)
        if status := self.manners.refuse(call):
            start_response(f"{status} Refused", [("Content-Type", "application/scim+json")])
            return [json.dumps({"schemas": [ERROR], "status": str(status), "detail": f"no {call.filter}"}).encode()]
        if self.manners.ignores_filters:
            environ["QUERY_STRING"] = "&".join(
                part for part in environ["QUERY_STRING"].split("&") if not part.startswith("filter=")
            )
        return self._answer(call, environ, start_response)

    def _answer(self, call: Call, environ: Any, start_response: Any) -> Iterable[bytes]:
        begun: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
            begun.extend((status, headers))
            return lambda _: None

        body = b"".join(self._application(environ, start))
        if self.manners.removes and call.method in {"PATCH", "PUT"} and begun[0][:1] == "2":
            account = call.path.rpartition("/")[2]
            if self.users().get(account, {}).get("active") is False:
                self.delete(account)
        if body and begun[0][:1] == "2":
            body = json.dumps(self.manners.rewrite(call, json.loads(body))).encode()
        kept = [(name, value) for name, value in begun[1] if name.lower() != "content-length"]
        start_response(begun[0], [*kept, ("Content-Length", str(len(body)))] if body else kept)
        return [body]
