"""Systems over real sockets in which every request takes a set time: what the world's slowest vendors are to us.

They run in a process of their own, as the world does: what they cost is not the bot's time.
"""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import BaseModel

from connectors.contract import (
    Account,
    AccountId,
    Accounts,
    BeforeImage,
    Change,
    Connections,
    Limits,
    Locked,
    Login,
    Lookup,
    Manifest,
    Observation,
    Person,
    Verdict,
)
from connectors.errors import Missing
from connectors.http import Api
from workflows.systems.registry import System

CONNECTIONS = 10


class SlowWorld:
    """Some systems of so many seconds a request, in another process; `with` starts and ends it."""

    def __init__(self, systems: int, seconds: float) -> None:
        self._arguments = (str(systems), str(seconds))

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.slow_system", *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.urls: list[str] = json.loads(self._process.stdout.readline())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def truth(self) -> list[dict[str, Any]]:
        """Return what each system has: who is `locked`, `most` connections at a time, `twice` locked."""
        return [dict(httpx.get(f"{url}/-/truth").json()) for url in self.urls]


@dataclass
class _Slow:
    """One system: answers HTTP/1.1 on kept connections, each request after its time."""

    seconds: float
    locks: Counter[str] = field(default_factory=Counter)
    open: int = 0
    most: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        self.open += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.decode("latin-1").split(" ", 2)
                body = json.dumps(await self._answer(method, path.strip("/"))).encode()
                kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                writer.write(kind + str(len(body)).encode() + b"\r\n\r\n" + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.open -= 1
            writer.close()

    async def _answer(self, method: str, path: str) -> dict[str, Any]:
        if path == "-/truth":
            twice = sum(times > 1 for times in self.locks.values())
            return {"locked": sorted(self.locks), "most": self.most, "twice": twice}
        self.most = max(self.most, self.open)
        await asyncio.sleep(self.seconds)
        who = path.removesuffix("/lock")
        if method == "POST":
            self.locks[who] += 1
        return {"id": who, "locked": who in self.locks}


async def _serve(systems: int, seconds: float) -> None:
    servers = [await asyncio.start_server(_Slow(seconds).serve, "127.0.0.1", 0) for _ in range(systems)]
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    print(json.dumps(urls), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


class NoSettings(BaseModel):
    """The bench builds its connectors itself."""


class SlowAccounts(Accounts):
    """Read, write and read are one request each."""

    def __init__(self, url: str) -> None:
        self._api = Api(url, connections=CONNECTIONS)

    def connections(self) -> Connections:
        return self._api.pool

    def check(self) -> str:
        return self.find(Person("nobody", ("nobody@x.example",))).how

    def close(self) -> None:
        self._api.close()

    def find(self, person: Person) -> Lookup:
        who = person.emails[0]
        found = AccountId(who)
        verdict = self._read(who)
        before = BeforeImage(found, {"locked": str(verdict is Verdict.LOCKED)})
        return Lookup((Account(found, who, person.name, verdict, "mail", before=before),), "mail")

    def read(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        return {one: self.find(Person("", (one,))).accounts[0] for one in accounts}

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        return {account: Observation(self._read(account), "read") for account in accounts}

    def before(self, account: AccountId) -> BeforeImage:
        return BeforeImage(account, {"locked": str(self._read(account) is Verdict.LOCKED)})

    def lock(self, before: BeforeImage) -> Locked:
        self._api.write("POST", f"/{before.account}/lock")
        return Locked(Change.MADE, Login.NOT_TRIED)

    def unlock(self, before: BeforeImage) -> Change:
        raise Missing("the bench locks only")

    def _read(self, who: str) -> Verdict:
        return Verdict.LOCKED if self._api.read("GET", f"/{who}").json()["locked"] else Verdict.OPEN


def system(name: str, url: str) -> System:
    """Return the system for the program's registry."""
    limits = Limits(connections=CONNECTIONS)
    return System(name, Manifest("slow", name, SlowAccounts, NoSettings, limits), SlowAccounts(url))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
