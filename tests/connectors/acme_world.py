"""A small web service, and its world for the suite of Accounts. Copied into a new package by the tests."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from connectors.conformance.accounts import AccountsWorld, Newcomer
from connectors.contract import AccountId, Accounts

GOOD = "good-token-of-the-bot"


class AcmeServer:
    """The service: users by id. It can stop, and it can be silent."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.passwords: dict[str, str] = {}
        self.writes = 0
        self.answering = threading.Event()
        self.answering.set()
        self._start(0)

    def _start(self, port: int) -> None:
        system = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, list(system.users.values()))

            def do_PUT(self) -> None:
                wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                user = system.users.get(self.path.split("/")[2])
                if self._allowed() and user and user["active"] is wanted["expected"]:
                    user["active"] = wanted["active"]
                    system.writes += 1
                self._answer(200 if user else 404, {})

            def _allowed(self) -> bool:
                return self.headers["Authorization"] == f"Bearer {GOOD}"

            def _answer(self, status: int, value: object) -> None:
                system.answering.wait(60)
                body = json.dumps(value if self._allowed() else {}).encode()
                self.send_response(status if self._allowed() else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
                """Say nothing."""

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        port = self._server.server_port
        self.stop()
        try:
            yield
        finally:
            self._start(port)

    @contextmanager
    def silent(self) -> Iterator[None]:
        self.answering.clear()
        try:
            yield
        finally:
            self.answering.set()

    def add(self, login: str, name: str, email: str) -> str:
        user = uuid4().hex
        self.users[user] = {"id": user, "login": login, "name": name, "email": email, "active": True}
        return user


class AcmeAccountsWorld(AccountsWorld):
    """The service as its owner sees it."""

    patience = 20.0

    def __init__(self) -> None:
        self.server = AcmeServer()

    def connect(self, password: str = "good") -> Accounts:
        from handover_acme.connector import Acme  # type: ignore[import-not-found]  # noqa: PLC0415 - the package's own
        from handover_acme.settings import AcmeSettings  # type: ignore[import-not-found]  # noqa: PLC0415

        env = {"ACME": GOOD if password == "good" else password}
        given = {"url": self.server.url, "token": "env:ACME", "timeout_seconds": 1}
        connector: Accounts = Acme(AcmeSettings.model_validate(given, context={"env": env}))
        return connector

    def add(self, who: Newcomer) -> AccountId:
        user = self.server.add(who.login, who.name, who.email)
        self.server.passwords[user] = who.password
        return AccountId(user)

    def nobody(self) -> AccountId:
        return AccountId(uuid4().hex)

    def truth(self) -> Mapping[AccountId, object]:
        return {AccountId(user): dict(values) for user, values in self.server.users.items()}

    def writes(self) -> int:
        return self.server.writes

    def can_log_in(self, login: str, password: str) -> bool:
        [user] = (one for one in self.server.users.values() if one["login"] == login)
        return user["active"] is True and self.server.passwords[user["id"]] == password

    def reopen(self, account: AccountId) -> None:
        self.server.users[account]["active"] = True

    def stopped(self) -> Any:
        return self.server.stopped()

    def silent(self) -> Any:
        return self.server.silent()

    def secrets(self) -> Sequence[str]:
        return (GOOD,)
