"""`orphaned`: 100,000 records of 300 inactive owners found in a Tryton in which every request takes a set time.

The floor is the fewest calls, sent by hand in the same run: the log-in, and the owner of every record in pages. Then
the users of the employees, their states, their keys of programs, and the proof that no key is hidden. We add the number
of records before, and the people's names.
"""

import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.tryton import MANIFEST
from connectors.tryton.book import OWNERS_PAGE
from connectors.tryton.connector import Tryton
from connectors.tryton.settings import TrytonSettings
from tests.bench.figures import Figure, Run
from tests.workflows.office import Office
from workflows.systems.registry import System, Systems

RECORDS, OWNERS, ACTIVE = 100_000, 300, 50
SECONDS = 0.25
"""Time of each request."""
GOAL_RATIO, GOAL_MB = 1.2, 20.0
BOT = 1
"""Id of the bot's own user. Employees have the ids of their users."""


class SlowTryton(BaseHTTPRequestHandler):
    """The part of Tryton's JSON-RPC that a look for earlier leavers asks."""

    protocol_version = "HTTP/1.1"
    calls = 0

    def do_POST(self) -> None:
        """Answer one call after its time."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["method"] == "calls":
            self._send(type(self).calls)
            return
        type(self).calls += 1
        time.sleep(SECONDS)
        self._send(answer(asked["method"], asked["params"]))

    def _send(self, result: object) -> None:
        body = json.dumps({"id": 1, "result": result}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


def answer(method: str, params: list[Any]) -> Any:
    """Return what Tryton would: records 1 to `RECORDS` in turn to the inactive owners, after the active ones."""
    model, _dot, verb = method.removeprefix("model.").rpartition(".")
    if verb == "login":
        return [BOT, "key"]
    if verb == "search_count":
        return RECORDS
    if model == "sale.opportunity":
        after, most = params[0][0][2], params[2]
        return [{"id": one, "employee": owner(one)} for one in range(after + 1, min(RECORDS, after + most) + 1)]
    return answer_of_users(verb, params) if model == "res.user" else []


def answer_of_users(verb: str, params: list[Any]) -> Any:
    """Return users by their ids, or by their employees; or the bot's own user."""
    if verb == "read":
        facts = {"id": BOT, "groups": [], "company": 1, "companies": [1], "company_filter": "all"}
        return [{**dict.fromkeys(params[1]), **facts, "administrator": False}]
    field, _operator, wanted = params[0][0]
    return [{"id": one, "employees": [one]} if field == "employees" else user(one) for one in wanted]


def owner(record: int) -> int:
    """Return the employee of a record: everybody has some, the inactive most."""
    return BOT + 1 + (record % (OWNERS + ACTIVE) if record < 10 * ACTIVE else ACTIVE + record % OWNERS)


def user(number: int) -> dict[str, Any]:
    """Return one user; the first are active."""
    facts = {"login": f"user{number}", "name": f"User {number}", "email": f"user{number}@x.example", "sessions": 0}
    active = number <= BOT + ACTIVE
    return {"id": number, **facts, "active": active, "employee": number, "employees": [number], "_timestamp": "1"}


def serve() -> None:
    """Serve until killed, on a free port, which is printed first."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowTryton)
    print(server.server_port, flush=True)
    server.serve_forever()


def run() -> Run:
    """Measure the look against its floor, and the memory that it takes."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.orphaned"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = f"http://127.0.0.1:{int(process.stdout.readline())}"
    try:
        floor = by_hand(url)
        before = calls(url)
        with tempfile.TemporaryDirectory() as folder:
            office = Office(Path(folder), systems=Systems([slow_system(url)], "crm"))
            started, processor = time.perf_counter(), time.process_time()
            found = office.services.earlier.read()
            seconds, processor = time.perf_counter() - started, time.process_time() - processor
            made = calls(url) - before
            tracemalloc.start()  # it makes the look slow, so that its time is not measured
            office.services.earlier.read()
            most = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
            office.store.close()
    finally:
        process.kill()
        process.wait()
    if (len(found.offered), found.active, found.not_looked) != (OWNERS, ACTIVE, ()):
        raise AssertionError(f"found {len(found.offered)} owners, {found.active} active, {found.not_looked}")
    return Run(
        "orphaned",
        {"records": RECORDS, "owners": OWNERS, "seconds a call": SECONDS, "page": OWNERS_PAGE},
        [
            Figure("every owner found", seconds, "s", goal=GOAL_RATIO, floor=floor, of="ratio"),
            Figure("calls", made, "calls", goal=GOAL_RATIO, floor=before, of="ratio"),
            Figure("memory", most, "MB", goal=GOAL_MB),
            Figure("processor", processor, "s"),
        ],
    )


def slow_system(url: str) -> System:
    """Return the slow Tryton with the connector of production."""
    settings = TrytonSettings(url=url, database="crm", login="handover", password=SecretStr("x"))
    return System("crm", MANIFEST, Tryton(settings))


def calls(url: str) -> int:
    """Return the number of calls that the server has answered."""
    return int(httpx.post(f"{url}/crm/rpc/", json={"method": "calls", "params": []}).json()["result"])


def by_hand(url: str) -> float:
    """Send the fewest calls that the answer needs, and return the seconds."""
    started = time.perf_counter()
    with httpx.Client(timeout=60) as client:

        def ask(method: str, *params: Any) -> Any:
            sent = {"id": 1, "method": method, "params": [*params, {}]}
            return client.post(f"{url}/crm/rpc/", json=sent).json()["result"]

        ask("common.db.login", "handover", {})
        last, owners = 0, set[int]()
        while last < RECORDS:
            page = ask(
                "model.sale.opportunity.search_read", [["id", ">", last]], 0, OWNERS_PAGE, [["id", "ASC"]], ["employee"]
            )
            owners |= {row["employee"] for row in page}
            last = page[-1]["id"]
        users = ask("model.res.user.search_read", [["employees", "in", sorted(owners)]], 0, None, None, ["employees"])
        ask("model.res.user.search_read", [["id", "in", [row["id"] for row in users]]], 0, None, None, ["active"])
        ask("model.res.user.application.search_read", [], 0, None, None, ["user"])
        ask("model.res.user.read", [BOT], ["groups"])
        ask("model.ir.rule.group.search_read", [], 0, None, None, ["rules"])
        ask("model.ir.rule.search_read", [], 0, None, None, ["domain"])
    return time.perf_counter() - started


if __name__ == "__main__":
    serve()
