"""The practice company's directory: a real slapd on loopback in a folder of its own, and direct reads from it.

Everything here calls the server directly, as its administrator or as the person, never through the connector.
Tests and the demo read the true state from here.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ldap
from ldap.dn import explode_dn
from ldap.filter import filter_format

from tests.sandbox.company import ldif, slapd_conf
from tests.sandbox.company.authority import issue
from tests.sandbox.company.people import PEOPLE, Employee
from tests.sandbox.ports import free_port

READY_SECONDS = 60.0
ATTEMPTS = 3
LOCK = "pwdAccountLockedTime"

Entry = Mapping[str, Sequence[bytes]]


class MissingProgram(RuntimeError):
    """slapd is not installed; the message has the command that installs it."""


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MissingProgram(f"{name} is missing; install it with: apt-get install -y --no-install-recommends slapd")
    return found


class Slapd:
    """One server. A folder with data is used unchanged, so a stopped server starts again with the same data."""

    base_dn = ldif.SUFFIX
    bind_dn = ldif.SERVICE_DN
    bind_password = ldif.SERVICE_PASSWORD

    def __init__(self, folder: Path, people: Sequence[Employee] = PEOPLE) -> None:
        self.folder = folder
        self._people = people
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self.tls_port = free_port(), free_port()

    @property
    def url(self) -> str:
        """Return the address of plain LDAP (and StartTLS)."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """Return the address of LDAP over TLS."""
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def ca_file(self) -> Path:
        """The authority that signed the server's certificate."""
        return self.folder / "tls" / "ca.pem"

    # -- life

    def start(self) -> Self:
        """Seed on the first start, then serve. Raises `MissingProgram`, or RuntimeError with slapd's own words."""
        program = _program("slapd")
        if not (self.folder / "slapd.conf").exists():
            self._seed()
        for attempt in range(ATTEMPTS):
            with (self.folder / "slapd.out").open("wb") as out:
                self._process = subprocess.Popen(
                    [program, "-h", f"{self.url}/ {self.tls_url}/", "-f", self.folder / "slapd.conf", "-d", "0"],
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )
            if self._answers():
                return self
            self.stop()
            if attempt == 0:
                continue  # once more on the same ports: the old process may just be letting go of them
            self.port, self.tls_port = free_port(), free_port()
        raise RuntimeError(f"slapd does not start: {(self.folder / 'slapd.out').read_text(errors='replace')}")

    def stop(self) -> None:
        """End the process, paused or not; the data stays."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process = None

    @property
    def running(self) -> bool:
        """Return whether the process is running."""
        return self._process is not None and self._process.poll() is None

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
        """Be away for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _seed(self) -> None:
        for name in ("db", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        issue(self.folder / "tls")
        seed = self.folder / "seed.ldif"
        seed.write_text(ldif.seed(self._people), encoding="utf-8")
        conf = self.folder / "slapd.conf"
        conf.write_text(slapd_conf.render(self.folder), encoding="utf-8")
        done = subprocess.run(
            [_program("slapadd"), "-q", "-f", conf, "-b", ldif.SUFFIX, "-l", seed], capture_output=True, check=False
        )
        if done.returncode:
            conf.unlink()
            raise RuntimeError(f"slapadd: {done.stderr.decode(errors='replace')}")

    def _answers(self) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while self.running and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            time.sleep(0.01)
        return False

    # -- what is true, from outside the connector

    @contextmanager
    def bound(self, dn: str = slapd_conf.ROOT_DN, password: str = slapd_conf.ROOT_PASSWORD) -> Iterator[Any]:
        """Give a connection bound as `dn` (the administrator)."""
        connection = ldap.initialize(self.url)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 30)
        connection.set_option(ldap.OPT_TIMEOUT, 30)
        try:
            connection.simple_bind_s(dn, password)
            yield connection
        finally:
            connection.unbind_s()

    def can_bind(self, uid: str, password: str) -> bool:
        """Try to log in as the person."""
        try:
            with self.bound(ldif.person_dn(uid), password):
                return True
        except ldap.INVALID_CREDENTIALS:
            return False

    def entry(self, uid: str) -> Entry | None:
        """Read everything about one person, operational attributes included; None when there is no such entry."""
        return self.entries(filter_format("(uid=%s)", [uid])).get(uid)

    def entries(self, people: str = "(uid=*)") -> Mapping[str, Entry]:
        """Read everybody under ou=people, by uid."""
        with self.bound() as root:
            rows = root.search_s(ldif.PEOPLE_DN, ldap.SCOPE_ONELEVEL, people, ["*", "+"])
        return {row["uid"][0].decode(): row for _, row in rows}

    def members(self, group: str) -> frozenset[str]:
        """Read the uids of a group's members."""
        with self.bound() as root:
            rows = root.search_s(ldif.group_dn(group), ldap.SCOPE_BASE, attrlist=["member"])
        return frozenset(explode_dn(dn.decode(), notypes=True)[0] for dn in rows[0][1].get("member", []))

    def groups(self) -> Mapping[str, Entry]:
        """Read every group, by its cn."""
        with self.bound() as root:
            rows = root.search_s(ldif.GROUPS_DN, ldap.SCOPE_ONELEVEL, "(cn=*)", ["*", "+"])
        return {row["cn"][0].decode(): row for _, row in rows}

    def writes(self, by: str = ldif.SERVICE_DN) -> Counter[str]:
        """Count the successful writes by one account (the bot's) that the server's own log has, per DN written to."""
        asked = filter_format("(&(objectClass=auditWriteObject)(reqAuthzID=%s))", [by])
        with self.bound() as root:
            rows = root.search_s(slapd_conf.LOG_DN, ldap.SCOPE_ONELEVEL, asked, ["reqDN"])
        return Counter(row["reqDN"][0].decode() for _, row in rows)

    # -- changes behind the bot's back

    def modify(self, dn: str, changes: Sequence[tuple[int, str, Sequence[bytes] | None]]) -> None:
        """Change any entry as the administrator."""
        with self.bound() as root:
            root.modify_s(dn, list(changes))

    def add(self, dn: str, attributes: ldif.Attributes) -> None:
        """Add any entry as the administrator."""
        with self.bound() as root:
            root.add_s(dn, [(key, [value.encode() for value in values]) for key, values in attributes.items()])

    def delete(self, dn: str) -> None:
        """Delete any entry as the administrator."""
        with self.bound() as root:
            root.delete_s(dn)

    def reopen(self, uid: str) -> None:
        """Take the lock off a person, as a hurried administrator would."""
        self.modify(ldif.person_dn(uid), [(ldap.MOD_DELETE, LOCK, None)])
