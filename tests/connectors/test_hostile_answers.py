"""Hostile answers over a real socket: a lookup ends in time and in little memory, with an error that says why."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import pytest

from connectors import registry
from connectors.bottlecrm import rest
from connectors.contract import AccountId
from connectors.errors import Unavailable
from connectors.scim import service
from tests.connectors.hostile_find import LEAVER, SECONDS, SETTINGS
from tests.connectors.ldap.hostile import ANSWERS as DIRECTORY
from tests.connectors.ldap.hostile import HostileDirectory
from tests.sandbox.hostile import ANSWERS, HostileServer, sized

MEMORY = 64.0
"""Megabytes that a lookup may hold besides what the process holds already."""
LATE = 1.0
"""Seconds for a slow machine."""
SIGNED_IN = sized(b'{"id": 1, "result": [1, "key"]}')
BEFORE: dict[str, tuple[bytes, ...]] = {"tryton": (SIGNED_IN,), "scim": (sized(b"{}"),), "bottlecrm": ()}
"""Whole answers before the hostile one: Tryton's log-in, and SCIM's announcement of features."""


class Outcome(NamedTuple):
    name: str
    error: str
    said: str
    seconds: float
    megabytes: float


def look_up(kind: str, names: Sequence[str], first: tuple[bytes, ...] = (), verb: str = "find") -> list[Outcome]:
    with ExitStack() as stack:

        def url(name: str) -> str:
            if kind == "ldap":
                return stack.enter_context(HostileDirectory(DIRECTORY[name])).url
            return stack.enter_context(HostileServer(ANSWERS[name], first)).url

        urls = {name: url(name) for name in names}
        command = [sys.executable, "-m", "tests.connectors.hostile_find", kind, json.dumps(urls), verb]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    return [Outcome(*json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("kind", "first"), [("tryton", False), ("tryton", True), ("scim", False), ("scim", True), ("bottlecrm", False)]
)
def test_a_lookup_ends_soon_in_little_memory_and_is_never_good(kind: str, first: bool) -> None:
    found = look_up(kind, list(ANSWERS), BEFORE[kind] if first else ())
    assert len(found) == len(ANSWERS)
    assert [one for one in found if not one.error] == []
    assert [one for one in found if one.seconds > 2 * SECONDS + LATE] == []
    assert [one for one in found if one.megabytes > MEMORY] == []


@pytest.mark.parametrize(("kind", "first"), [("tryton", True), ("scim", False), ("bottlecrm", False), ("ldap", False)])
def test_a_list_of_duties_ends_soon_in_little_memory_and_is_never_good(kind: str, first: bool) -> None:
    names = list(DIRECTORY if kind == "ldap" else ANSWERS)
    found = look_up(kind, names, BEFORE[kind] if first else (), "duties")
    assert len(found) == len(names)
    assert [one for one in found if not one.error] == []
    assert [one for one in found if one.seconds > 2 * SECONDS + LATE] == []
    assert [one for one in found if one.megabytes > MEMORY] == []


def test_a_lookup_in_a_hostile_directory_ends_soon() -> None:
    found = {one.name: one for one in look_up("ldap", list(DIRECTORY))}
    assert [one for one in found.values() if not one.error] == []
    assert [one for one in found.values() if one.seconds > 2 * SECONDS + LATE] == []
    assert [one for one in found.values() if one.megabytes > MEMORY] == []
    sentences = {
        "an entry byte by byte": "no answer in time",
        "entries without end": "more than the 500 entries asked for",
        "pages without end, and without entries": "empty pages and does not end",
        "pages without end": "more than",
        "ranges without end": "do not end",
    }
    assert [name for name, part in sentences.items() if part not in found[name].said] == []


def test_each_budget_has_its_sentence() -> None:
    names = {
        "headers byte by byte": "takes more than 1.5 s in all",
        "headers without end": "headers have more than 96 KB",
        "a bomb of gzip": "more than 4 MB",
        "gzip in gzip": "compressed in a form that was not asked for",
        "many empty lists": "more than 200000 values",
    }
    said = {one.name: one.said for one in look_up("bottlecrm", list(names))}
    assert [name for name, part in names.items() if part not in said[name]] == []


ALONE = {"tryton": {"keys_open_accounts": False}}
"""Settings with which a list of users is the only one that is read."""


def test_a_list_that_never_ends_is_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is a good one, and there is always one more."""
    monkeypatch.setattr(rest, "MOST_ROWS", 1000)
    monkeypatch.setattr(service, "MOST_RECORDS", 1000)
    numbers = count(1)

    def users() -> list[dict[str, Any]]:
        return [{"id": f"u{next(numbers)}", "userName": "x", "active": True} for _ in range(100)]

    def members(rows: list[dict[str, Any]]) -> dict[str, Any]:
        many = {"active_users": rows, "active_users_count": 10**9}
        return {"active_users": many, "inactive_users": {"inactive_users": [], "inactive_users_count": 0}}

    def member() -> dict[str, Any]:
        number = next(numbers)
        return {"id": f"m{number}", "is_active": True, "user_details": {"id": f"u{number}", "email": "x@x.example"}}

    answers: dict[tuple[str, str], Callable[[], object]] = {
        ("scim", "does not end"): lambda: {"Resources": users(), "nextCursor": f"c{next(numbers)}"},
        ("scim", "does not end|breaks off"): lambda: {"Resources": users(), "totalResults": 10**9},
        ("scim", "again and again|breaks off"): lambda: {
            "Resources": [{"id": "u1", "active": True}],
            "totalResults": 10**9,
        },
        ("bottlecrm", "does not end, or repeats"): lambda: members([member() for _ in range(200)]),
        ("bottlecrm", "repeats itself"): lambda: members([]),
        ("tryton", "again and again"): lambda: {"id": 1, "result": [{"id": 1}]},
    }
    for (kind, words), answer in answers.items():
        with HostileServer(partial(_one, answer), BEFORE[kind]) as server:
            settings = registry.settings_of(kind).model_validate(
                SETTINGS[kind] | {"url": server.url} | ALONE.get(kind, {}), context={"env": {"S": "secret"}}
            )
            system: Any = registry.build(kind, settings)
            with pytest.raises(Unavailable, match=words):
                system.observe([AccountId("x")]) if kind == "bottlecrm" else system.locked()
            system.close()


def _one(answer: Callable[[], object]) -> Iterator[bytes]:
    yield sized(json.dumps(answer()).encode())


def test_a_lookup_has_one_budget_for_all_its_requests() -> None:
    """Each answer comes in time and is small, and there is always one more."""

    def slow_page() -> Iterator[bytes]:
        time.sleep(SECONDS / 2)
        rows = [
            {"id": f"m{time.monotonic_ns()}", "is_active": True, "user_details": {"id": "u", "email": "dana@x.example"}}
        ]
        many = {"active_users": rows, "active_users_count": 10**9}
        yield sized(
            json.dumps(
                {"active_users": many, "inactive_users": {"inactive_users": [], "inactive_users_count": 0}}
            ).encode()
        )

    with HostileServer(slow_page) as server:
        model = registry.settings_of("bottlecrm")
        settings = model.model_validate(SETTINGS["bottlecrm"] | {"url": server.url}, context={"env": {"S": "secret"}})
        system: Any = registry.build("bottlecrm", settings)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="in all"):
            system.find(LEAVER)
        assert time.monotonic() - began < 2 * SECONDS + LATE
        system.close()
