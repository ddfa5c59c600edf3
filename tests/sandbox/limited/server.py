"""A CRM with a published limit, over a real socket: it counts requests and answers 429 above the limit.

    python -m tests.sandbox.limited.server RECORDS [LEAVERS]      prints its address, then serves until it is stopped

190 requests within any 10 seconds, 100 records a request. `/stats`, `/set` and `/give` are for tests, not counted.
"""

import json
import math
import sys
import threading
import time
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REQUESTS, WINDOW, PAGE = 190, 10.0, 100
PEOPLE = ("bob", "carol", "zed")


class Crm:
    """The truth: who owns what, and what was asked of it."""

    def __init__(self, records: int, leavers: int = 1, requests: int = REQUESTS, window: float = WINDOW) -> None:
        self.requests, self.window = requests, window
        self.ids = [f"deal:{n:07}" for n in range(records)]
        self.owner = {record: f"dana{n % leavers}" for n, record in enumerate(self.ids)}
        self.active = dict.fromkeys((*PEOPLE, *(f"dana{n}" for n in range(leavers))), True)
        self.lock = threading.Lock()
        self.writes: Counter[str] = Counter()
        self.accepted: deque[float] = deque()
        self.stats: dict[str, Any] = {"asked": 0, "refused": 0, "most": 0, "times": [], "moves": [], "refusals": []}
        self.settings: dict[str, Any] = {
            "limit": True,
            "retry_after": True,
            "refuse": 0,
            "down": False,
            "down_after_moves": 0,
        }

    def admit(self, path: str) -> int | None:
        """Count a request; return None where it may go on, else how many seconds to wait."""
        with self.lock:
            now = time.monotonic()
            while self.accepted and now - self.accepted[0] >= self.window:
                self.accepted.popleft()
            if not self.settings["limit"]:
                return None
            self.stats["asked"] += 1
            if self.settings["refuse"] or len(self.accepted) >= self.requests:
                self.settings["refuse"] = max(0, self.settings["refuse"] - 1)
                self.stats["refused"] += 1
                self.stats["refusals"].append(now)
                return max(1, math.ceil(self.window - (now - self.accepted[0]))) if self.accepted else 1
            self.accepted.append(now)
            self.stats["most"] = max(self.stats["most"], len(self.accepted))
            self.stats["times"].append(now)
            if path == "/move":
                self.stats["moves"].append(now)
            return None

    def answer(self, path: str, asked: dict[str, Any]) -> Any:
        """Do what is asked."""
        known: dict[str, Callable[[dict[str, Any]], Any]] = {
            "/find": self.find,
            "/observe": self.observe,
            "/count": self.count,
            "/records": self.records,
            "/owners": self.owners,
            "/move": self.move,
            "/stats": self.told,
            "/set": self.set,
            "/give": self.give,
        }
        with self.lock:
            return known[path](asked)

    def find(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        names = {address.partition("@")[0] for address in asked["emails"]}
        return [{"id": name, "active": on} for name, on in self.active.items() if name in names]

    def observe(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {name: self.active.get(name) for name in asked["ids"]}

    def count(self, asked: dict[str, Any]) -> int:
        return sum(owner == asked["owner"] for owner in self.owner.values())

    def records(self, asked: dict[str, Any]) -> list[str]:
        found: list[str] = []
        for n in range(bisect_right(self.ids, asked["after"]), len(self.ids)):
            if self.owner[self.ids[n]] == asked["owner"]:
                found.append(self.ids[n])
                if len(found) == PAGE:
                    break
        return found

    def owners(self, asked: dict[str, Any]) -> dict[str, str]:
        return {record: self.owner[record] for record in asked["ids"][:PAGE]}

    def move(self, asked: dict[str, Any]) -> list[str]:
        """Give each record to its successor where the expected owner has it; return who has it then."""
        for one in asked["orders"][:PAGE]:
            if self.owner[one["id"]] == one["owner"] and self.active[one["to"]]:
                self.owner[one["id"]] = one["to"]
                self.writes[one["id"]] += 1
        if self.settings["down_after_moves"]:
            self.settings["down_after_moves"] -= 1
            if not self.settings["down_after_moves"]:
                self.settings["down"] = True
                raise ConnectionAbortedError
        return [self.owner[one["id"]] for one in asked["orders"][:PAGE]]

    def told(self, _: dict[str, Any]) -> dict[str, Any]:
        twice = sum(number > 1 for number in self.writes.values())
        return {**self.stats, "owned": Counter(self.owner.values()), "written": len(self.writes), "twice": twice}

    def set(self, asked: dict[str, Any]) -> None:
        self.settings.update(asked)
        if asked.get("limit"):
            self.stats.update({"asked": 0, "refused": 0, "most": 0, "times": [], "moves": [], "refusals": []})

    def give(self, asked: dict[str, Any]) -> None:
        self.owner.update(dict.fromkeys(asked["ids"], asked["to"]))


def serve(crm: Crm, port: int = 0) -> ThreadingHTTPServer:
    """Return the server, bound to loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # who asked was killed in the middle of it
                self.close_connection = True
                return
            asked = json.loads(body)
            judge = self.path in ("/stats", "/set", "/give")
            if crm.settings["down"] and not judge:
                self.close_connection = True
                return
            wait = None if judge else crm.admit(self.path)
            if wait is not None:
                self._send(429, b"{}", {"Retry-After": str(wait)} if crm.settings["retry_after"] else {})
                return
            try:
                found = crm.answer(self.path, asked)
            except ConnectionAbortedError:  # it was written, and nobody hears of it
                self.close_connection = True
                return
            self._send(200, json.dumps(found).encode(), {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    return server


if __name__ == "__main__":
    made = serve(Crm(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
    print(f"http://127.0.0.1:{made.server_port}", flush=True)
    made.serve_forever()
