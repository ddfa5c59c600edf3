"""One reader in a process of its own, so that its peak memory is its own.

`python -m tests.bench.audit_reader audit|plain URL FOLDER`: `audit` runs the production audit over rows and directory;
`plain` reads what the audit must read with nothing but python-ldap: the leavers with every attribute that may let them
in, and everybody's lock, for a second account. Prints one line of JSON.
"""

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import ldap
from ldap.controls import SimplePagedResultsControl
from pydantic import SecretStr

from bot.cli.run import THRESHOLDS
from connectors.ldap import MANIFEST
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings
from tests.bench.leavers import MASTER, OU, SYSTEM
from tests.sandbox.company import ldif
from tests.workflows.members import authorization
from tests.workflows.office import services_on
from workflows.context import Context
from workflows.people import Actor
from workflows.ports import SystemClock
from workflows.storage.journal import Journal
from workflows.storage.marks import Marks
from workflows.storage.store import Store, sqlite_url
from workflows.storage.vault import Vault
from workflows.systems.registry import System, Systems
from workflows.watch.audit import Audits

PAGE = 1000


def main(what: str, url: str, folder: Path) -> None:
    """Read once and print what it took. Garbage is collected as in a bot that runs."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    found = plain(url) if what == "plain" else audit(url, folder)
    print(json.dumps({**found, "peak_mb": peak_mb()}))


def plain(url: str) -> dict[str, Any]:
    """Read the leavers and list everybody, as fast as python-ldap does."""
    started = time.perf_counter()
    link = ldap.initialize(url)
    link.simple_bind_s(ldif.SERVICE_DN, ldif.SERVICE_PASSWORD)
    settings = _settings(url)
    ways_in = ["entryUUID", "pwdAccountLockedTime", "userPassword", *settings.ways_in]
    entries = _paged(link, OU, "(pwdAccountLockedTime=000001010000Z)", ways_in)
    _paged(link, ldif.SUFFIX, "(objectClass=person)", ["pwdAccountLockedTime"])
    taken = time.perf_counter() - started
    link.unbind_s()
    return {"seconds": taken, "entries": entries}


def _paged(link: Any, base: str, query: str, attributes: list[str]) -> int:
    page, entries = SimplePagedResultsControl(True, PAGE, ""), 0
    while True:
        sent = link.search_ext(base, ldap.SCOPE_SUBTREE, query, attributes, serverctrls=[page])
        _, rows, _, controls = link.result3(sent)
        entries += len(rows)
        page.cookie = controls[0].cookie
        if not page.cookie:
            return entries


def audit(url: str, folder: Path) -> dict[str, Any]:
    """Run the audit as the daily tick would, without its post."""
    audits = _audits(Ldap(_settings(url)), folder)
    audits.latest()  # a bot that runs has its rows' mappings made and its files open
    started = time.perf_counter()
    view = audits.run_now(Actor("cli:bench", "bench"))
    taken = time.perf_counter() - started
    return {
        "seconds": taken,
        "entries": view.accounts,
        "verdicts": dict(view.by_verdict),
        "findings": len(view.findings),
        "not_read": view.not_read,
    }


def _settings(url: str) -> LdapSettings:
    values = {"urls": (url,), "bind_dn": ldif.SERVICE_DN, "password": SecretStr(ldif.SERVICE_PASSWORD)}
    return LdapSettings.model_validate({**values, "base_dn": ldif.SUFFIX})


def _audits(directory: Ldap, folder: Path) -> Audits:
    vault, clock = Vault(MASTER), SystemClock()
    store = Store(sqlite_url(folder), vault)
    systems = Systems([System(SYSTEM, MANIFEST, directory)], SYSTEM)
    journal = Journal(store, clock, b"s" * 32, Marks(b"m" * 32))
    context = Context(store, vault, journal, systems, clock, authorization(store, vault, journal, clock))
    return services_on(context).services.audits


def peak_mb() -> float:
    """Return the most memory that this process ever held, in megabytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
