"""One lookup at each of several servers, in a process of its own: what it raises, its time, and its memory."""

import json
import sys
import time
from pathlib import Path
from typing import Any, cast

from connectors import registry
from connectors.contract import AccountId, Accounts, Person
from connectors.errors import ConnectorError
from tests.connectors.ldap.hostile import BASE
from tests.sandbox.hostile import PAUSE

LEAVER = Person("Dana", emails=("dana@x.example",), logins=("dana",))
SECONDS = 20 * PAUSE
"""The connector's limit for one request."""
SETTINGS: dict[str, dict[str, object]] = {
    "tryton": {"database": "crm", "login": "bot", "password": "env:S", "timeout_seconds": SECONDS},
    "scim": {"token": "env:S", "inactive_means": "suspended", "request_seconds": SECONDS, "connect_seconds": SECONDS},
    "ldap": {
        "bind_dn": f"cn=bot,{BASE}",
        "password": "env:S",
        "base_dn": BASE,
        "request_seconds": SECONDS,
        "connect_seconds": SECONDS,
    },
    "bottlecrm": {"login": "bot@x.example", "token": "env:S", "timeout_seconds": SECONDS},
}


ACCOUNTS = {"tryton": "7", "ldap": "317fe2ba-8153-1041-9bde-ed718ace5c04"}
"""Ids of the right form."""


def main(kind: str, urls: str, verb: str = "find") -> None:
    """Print one line of JSON for each address: error, message, seconds, and megabytes above the start.

    `verb`: `find`, or `duties`.
    """
    model = registry.settings_of(kind)
    named: dict[str, str] = json.loads(urls)
    for name, url in named.items():
        address = {"urls": [url]} if kind == "ldap" else {"url": url}
        settings = model.model_validate(SETTINGS[kind] | address, context={"env": {"S": "secret"}})
        connector = cast(Accounts, registry.build(kind, settings))
        before = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        started = time.monotonic()
        try:
            found = ask(connector, kind, verb)
            error, said = "", str(found)
        except ConnectorError as problem:
            error, said = type(problem).__name__, str(problem)
        seconds = time.monotonic() - started
        connector.close()
        held = _memory("VmHWM") - before
        print(json.dumps([name, error, said[:300], round(seconds, 2), round(held, 1)]), flush=True)


def ask(connector: Any, kind: str, verb: str) -> object:
    """Look the leaver up, or list their duties."""
    if verb == "find":
        return connector.find(LEAVER)
    account = AccountId(ACCOUNTS.get(kind, "leaver"))
    return [*connector.duties(account), *connector.unseen_duties(account)]


def _memory(key: str) -> float:
    """Return megabytes: `VmRSS` now, `VmHWM` at the peak. (getrusage's peak begins with that of the parent.)"""
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(key))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
