"""The practice company's Active Directory: a real Samba domain controller on loopback, and direct reads from it.

Samba serves LDAP on fixed ports (389 and 636), so only one runs on a machine at a time, and only as root. A file
lock makes a second test run wait. Everything here calls the server directly, never through the connector.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ldap
from ldap.controls import SimplePagedResultsControl

from tests.sandbox.company import samba_conf as conf
from tests.sandbox.company.machine_lock import MachineLock
from tests.sandbox.company.samba_seed import ENVIRONMENT, SambaFailed
from tests.sandbox.company.samba_template import template, unpack
from tests.sandbox.company.slapd import MissingProgram
from tests.sandbox.company.tryton_install import CACHE

PACKAGES = ("samba-ad-dc", "samba-ad-provision", "python3-samba")
INSTALL = f"apt-get install -y --no-install-recommends {' '.join(PACKAGES)}"
READY_SECONDS = 90.0
LOCK_SECONDS = 200.0
"""Seconds to wait until another test run has released the ports."""

WRITE = re.compile(r'"dsdbChange".*"statusCode": 0,.*"userSid": "(?P<sid>[^"]+)", "dn": "(?P<dn>(?:[^"\\]|\\.)*)"')
"""A line of the server's log is JSON, but cut off after 4 kB where a change is large."""

Entry = Mapping[str, Sequence[bytes]]


class Samba:
    """One server. It starts from the template and keeps its data while it is stopped."""

    url = "ldap://127.0.0.1"
    tls_url = "ldaps://127.0.0.1"
    base_dn = conf.SUFFIX
    bind_dn = conf.SERVICE
    bind_password = conf.SERVICE_PASSWORD

    def __init__(self, folder: Path, cache: Path = CACHE) -> None:
        self.folder = folder
        self._cache = cache
        self._process: subprocess.Popen[bytes] | None = None
        self._machine_lock = MachineLock("samba", LOCK_SECONDS)
        self._admin: ExitStack | None = None
        self._connection: Any = None
        self._mutex = threading.RLock()

    @property
    def ca_file(self) -> Path:
        """The authority that signed the server's certificate."""
        return self.folder / "tls" / "ca.pem"

    # -- life

    def start(self) -> Self:
        """Unpack at the first start, then serve. Raises `MissingProgram`, `MachineLockTimeout`, `SambaFailed`."""
        require()
        self._machine_lock.acquire()
        try:
            if not (self.folder / "smb.conf").exists():
                unpack(self.template(), self.folder)
            self._serve()
        except BaseException:
            self.stop()
            raise
        return self

    def template(self) -> Path:
        """Return the finished domain, and make it first if it is missing (half a minute, once)."""
        return template(self._cache, self._seeding)

    def stop(self) -> None:
        """End the process, paused or not, and let others have the ports; the data stays."""
        self._halt()
        self._machine_lock.release()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Accept connections and answer nothing for a while."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # the signal is on its way until the kernel says so
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop for a while, and keep the lock."""
        self._halt()
        try:
            yield
        finally:
            self._serve()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def _seeding(self, folder: Path) -> Iterator[Any]:
        """Serve another folder for as long as the template is made of it."""
        mine, self.folder = self.folder, folder
        try:
            self._serve()
            with self.bound() as admin:
                yield admin
        finally:
            self._halt()
            self.folder = mine

    def _serve(self) -> None:
        with (self.folder / "samba.out").open("wb") as out:
            self._process = subprocess.Popen(  # it ends with us, even if we are killed: the ports are the machine's
                [
                    "setpriv",
                    "--pdeathsig",
                    "TERM",
                    "samba",
                    "--foreground",
                    "--no-process-group",
                    "--model=single",
                    "-s",
                    str(self.folder / "smb.conf"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
            )
        deadline = time.monotonic() + READY_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", 636), 1):
                return
            time.sleep(0.02)
        said = "".join(path.read_text(errors="replace") for path in self.folder.glob("*.out"))
        self._halt()
        raise SambaFailed(f"samba does not serve (is something else on ports 389 and 636?): {said[-2000:]}")

    def _halt(self) -> None:
        process, self._process = self._process, None
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)

    # -- what is true, from outside the connector

    @contextmanager
    def bound(self, who: str = conf.ADMIN, password: str = conf.ADMIN_PASSWORD) -> Iterator[Any]:
        """Give a connection bound as `who` (the administrator)."""
        connection = ldap.initialize(self.tls_url)
        for option, value in (
            (ldap.OPT_REFERRALS, 0),
            (ldap.OPT_NETWORK_TIMEOUT, 30),
            (ldap.OPT_TIMEOUT, 30),
            (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND),
            (ldap.OPT_X_TLS_CACERTFILE, str(self.ca_file)),
            (ldap.OPT_X_TLS_NEWCTX, 0),
        ):
            connection.set_option(option, value)
        try:
            connection.simple_bind_s(who, password)
            yield connection
        finally:
            connection.unbind_s()

    @contextmanager
    def administrator(self) -> Iterator[Any]:
        """Give one connection bound as the administrator that is kept: TLS and a log-in take longer than most reads."""
        with self._mutex:
            if self._admin is None:
                self._admin = ExitStack()
                self._connection = self._admin.enter_context(self.bound())
            yield self._connection

    def can_bind(self, who: str, password: str) -> bool:
        """Try to log in, by DN or principal name."""
        try:
            with self.bound(who, password):
                return True
        except ldap.INVALID_CREDENTIALS:
            return False

    def search(self, query: str, attributes: Sequence[str] = ("*",), base: str = conf.SUFFIX) -> Mapping[str, Entry]:
        """Read whatever matches, by DN."""
        found: dict[str, Entry] = {}
        page = SimplePagedResultsControl(True, 500, "")
        with self.administrator() as admin:
            while True:
                sent = admin.search_ext(base, ldap.SCOPE_SUBTREE, query, list(attributes), serverctrls=[page])
                _, rows, _, controls = admin.result3(sent)
                found |= {dn: row for dn, row in rows if dn is not None}
                page.cookie = next((c.cookie for c in controls if c.controlType == page.controlType), "")
                if not page.cookie:
                    return found

    def writes(self, by: str = "svc-handover") -> Counter[str]:
        """Count the successful writes by one account (the bot's) that the server's own log has, per DN written to."""
        [me] = self.search(f"(sAMAccountName={by})", ["objectSid"]).values()
        sid = _text_of(me["objectSid"][0])
        log = self.folder / "audit.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        return Counter(found["dn"] for found in map(WRITE.search, lines) if found and found["sid"] == sid)

    # -- changes behind the bot's back

    def modify(self, dn: str, changes: Sequence[tuple[int, str, Sequence[bytes] | None]]) -> None:
        """Change any entry as the administrator."""
        with self.administrator() as admin:
            admin.modify_s(dn, list(changes))

    def add(self, dn: str, attributes: Sequence[tuple[str, Sequence[bytes]]]) -> None:
        """Add any entry as the administrator."""
        with self.administrator() as admin:
            admin.add_s(dn, list(attributes))


def require() -> None:
    """Say what is missing before anything fails for the want of it. Raises `MissingProgram` with the command to run."""
    path = ENVIRONMENT["PATH"]
    gone = [name for name in ("samba", "samba-tool", "setpriv") if shutil.which(name, path=path) is None]
    if gone or not Path("/usr/share/samba/setup").is_dir():
        raise MissingProgram(f"{', '.join(gone) or 'samba-ad-provision'} is missing; install it with: {INSTALL}")
    if os.geteuid() != 0:
        raise MissingProgram("the practice domain controller serves ports 389 and 636, which takes root: run as root")


def _text_of(sid: bytes) -> str:
    numbers = [int.from_bytes(sid[at : at + 4], "little") for at in range(8, len(sid), 4)]
    return "-".join(["S", str(sid[0]), str(int.from_bytes(sid[2:8], "big")), *map(str, numbers)])


def prepare(cache: Path = CACHE) -> None:
    """Make the template ahead of the first test. Raises as `start` does."""
    require()
    lock = MachineLock("samba", LOCK_SECONDS)
    lock.acquire()
    try:
        Samba(cache / "samba-prepare", cache).template()
    finally:
        lock.release()
