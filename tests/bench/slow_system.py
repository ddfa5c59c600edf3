"""A system over a real socket in which every request takes a set time: what the world's slowest vendor is to us."""

import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import httpx
from flask import Flask, Response, jsonify
from pydantic import BaseModel
from waitress.server import create_server

from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    Before,
    Change,
    Locked,
    Login,
    Lookup,
    Manifest,
    Observation,
    Person,
    Verdict,
)
from connectors.errors import Missing
from workflows.systems import System


class SlowServer:
    """Holds accounts by e-mail; every request waits `seconds` before it is answered."""

    def __init__(self, seconds: float) -> None:
        self.locked: set[str] = set()
        web = Flask("slow")

        def look(who: str) -> Response:
            time.sleep(seconds)
            return jsonify(id=who, locked=who in self.locked)

        def lock(who: str) -> Response:
            time.sleep(seconds)
            self.locked.add(who)
            return jsonify(ok=True)

        web.add_url_rule("/<who>", "look", look, methods=["GET"])
        web.add_url_rule("/<who>/lock", "lock", lock, methods=["POST"])
        self._server = create_server(web, host="127.0.0.1", port=0, threads=32)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.run, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.effective_port}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._server.close()


class NoSettings(BaseModel):
    """The bench builds its connectors itself."""


class SlowAccounts(Accounts):
    """Read, write and read are one request each."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10)

    def check(self) -> str:
        return self.find(Person("nobody", ("nobody@x.example",))).how

    def close(self) -> None:
        self._http.close()

    def find(self, person: Person) -> Lookup:
        who = person.emails[0]
        found = AccountId(who)
        verdict = self._read(who)
        before = Before(found, {"locked": str(verdict is Verdict.LOCKED)})
        return Lookup((Account(found, who, person.name, verdict, "mail", before=before),), "mail")

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        return {account: Observation(self._read(account), "read") for account in accounts}

    def before(self, account: AccountId) -> Before:
        return Before(account, {"locked": str(self._read(account) is Verdict.LOCKED)})

    def lock(self, before: Before) -> Locked:
        self._http.post(f"/{before.account}/lock").raise_for_status()
        return Locked(Change.MADE, Login.NOT_TRIED)

    def unlock(self, before: Before) -> Change:
        raise Missing("the bench locks only")

    def _read(self, who: str) -> Verdict:
        return Verdict.LOCKED if self._http.get(f"/{who}").raise_for_status().json()["locked"] else Verdict.OPEN


def system(name: str, url: str) -> System:
    """Return the system as the program sees it."""
    return System(name, Manifest("slow", name, SlowAccounts, NoSettings), SlowAccounts(url))
