"""A real 389 Directory Server on loopback in a folder of its own. It is started directly, without `dscreate`.

Its own tool needs systemd. The server itself needs a filled template, its schema, and a place for its data. Everything
here calls the server directly, as its administrator or as the person, never through the connector.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ldap

from tests.sandbox.company.ldif import Attributes, hash_password
from tests.sandbox.company.slapd import MissingProgram
from tests.sandbox.ports import free_port

PACKAGE = "389-ds-base"
READY_SECONDS = 90.0
TEMPLATE = Path("/usr/share/dirsrv/data/template-dse.ldif")
COLLATIONS, OWN_SCHEMA = Path("/etc/dirsrv/config/slapd-collations.conf"), Path("/etc/dirsrv/schema/99user.ldif")
SUFFIX = "dc=practice,dc=example"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ROOT_DN, ROOT_PASSWORD = "cn=Directory Manager", "Practice-root-2026"
BOT_DN, BOT_PASSWORD = f"uid=svc-handover,{SUFFIX}", "Practice-service-2026"
ALL = "*"


def allow(rights: str, attributes: str, to: str = BOT_DN) -> str:
    """Return an access control instruction for one account."""
    name = f"{rights} {attributes}"
    return f'(targetattr="{attributes}")(version 3.0; acl "{name}"; allow ({rights})(userdn="ldap:///{to}");)'


RIGHTS = (allow("read,search,compare", "*"), allow("write", "userPassword || nsAccountLock || member"))
"""The rights that the bot's account needs."""


class Ns389:
    """One server."""

    base_dn = SUFFIX
    bind_dn = BOT_DN
    bind_password = BOT_PASSWORD

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the server's address."""
        return f"ldap://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Start and seed. Raises `MissingProgram`, or RuntimeError with the server's own words."""
        program = shutil.which("ns-slapd", path="/usr/sbin:/usr/bin")
        if program is None:
            raise MissingProgram(
                f"ns-slapd is missing; install it with: apt-get install -y --no-install-recommends {PACKAGE}"
            )
        self._configure()
        with (self.folder / "out").open("wb") as out:
            self._process = subprocess.Popen(  # it ends with us, even if we are killed
                ["setpriv", "--pdeathsig", "TERM", program, "-D", self.folder, "-i", self.folder / "pid", "-d", "0"],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            self._seed()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @contextmanager
    def bound(self, dn: str = ROOT_DN, password: str = ROOT_PASSWORD) -> Iterator[Any]:
        """Give a connection bound as `dn` (the administrator)."""
        connection = ldap.initialize(self.url)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 30)
        connection.set_option(ldap.OPT_TIMEOUT, 30)
        try:
            connection.simple_bind_s(dn, password)
            yield connection
        finally:
            connection.unbind_s()

    def can_bind(self, dn: str, password: str) -> bool:
        """Try to log in as the person."""
        try:
            with self.bound(dn, password):
                return True
        except (ldap.INVALID_CREDENTIALS, ldap.UNWILLING_TO_PERFORM):
            return False

    def add(self, dn: str, attributes: Attributes) -> None:
        """Add any entry as the administrator."""
        with self.bound() as root:
            root.add_s(dn, [(key, [value.encode() for value in values]) for key, values in attributes.items()])

    def modify(self, dn: str, changes: Sequence[tuple[int, str, Sequence[bytes] | None]]) -> None:
        """Change any entry as the administrator."""
        with self.bound() as root:
            root.modify_s(dn, list(changes))

    @contextmanager
    def rights(self, *given: str) -> Iterator[None]:
        """Give the bot's account other rights for a while."""
        self._allow(given)
        try:
            yield
        finally:
            self._allow(RIGHTS)

    def _allow(self, given: Sequence[str]) -> None:
        self.modify(SUFFIX, [(ldap.MOD_REPLACE, "aci", [one.encode() for one in given])])

    def _configure(self) -> None:
        folders = ("schema", "lock", "tmp", "ldif", "bak", "run", "inst", "log", "db")
        for name in folders:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(COLLATIONS, self.folder)
        shutil.copy(OWN_SCHEMA, self.folder / "schema")
        values = {f"{name}_dir": str(self.folder / name) for name in folders}
        values |= {"cert_dir": str(self.folder), "config_dir": str(self.folder), "db_home_dir": str(self.folder / "db")}
        values |= {"fqdn": "localhost", "ds_port": str(self.port), "ds_user": "root", "db_lib": "bdb"}
        values |= {"rootdn": ROOT_DN, "ds_passwd": hash_password(ROOT_PASSWORD), "ds_suffix": SUFFIX}
        values |= {"ldapi": str(self.folder / "run" / "ldapi"), "ldapi_enabled": "off", "ldapi_autobind": "off"}
        text = TEMPLATE.read_text(encoding="utf-8")
        for name, value in values.items():
            text = text.replace(f"%{name}%", value)
        (self.folder / "dse.ldif").write_text(text, encoding="utf-8")

    def _seed(self) -> None:
        self._wait()
        suffix = {"cn": ["userroot"], "nsslapd-suffix": [SUFFIX]}
        kind = ["top", "extensibleObject", "nsBackendInstance"]
        self.add("cn=userroot,cn=ldbm database,cn=plugins,cn=config", {"objectClass": kind, **suffix})
        tree = {"cn": [SUFFIX], "nsslapd-state": ["backend"], "nsslapd-backend": ["userroot"]}
        kind = ["top", "extensibleObject", "nsMappingTree"]
        self.add(f'cn="{SUFFIX}",cn=mapping tree,cn=config', {"objectClass": kind, **tree})
        self.add(SUFFIX, {"objectClass": ["domain"], "dc": ["practice"]})
        for dn in (PEOPLE, GROUPS):
            self.add(dn, {"objectClass": ["organizationalUnit"], "ou": [dn.split(",")[0][3:]]})
        program = {"objectClass": ["account", "simpleSecurityObject"], "uid": ["svc-handover"]}
        self.add(BOT_DN, {**program, "userPassword": [BOT_PASSWORD]})
        self._allow(RIGHTS)

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while self._process and self._process.poll() is None and time.monotonic() < deadline:
            with suppress(ldap.SERVER_DOWN), self.bound():
                return
            time.sleep(0.05)
        raise RuntimeError(f"ns-slapd does not start: {(self.folder / 'out').read_text(errors='replace')}")

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process = None
