"""PostgreSQL on loopback in a temporary folder: the database of two replicas in tests, benches and the demo.

The cluster is for tests. It does not flush to the disk (`fsync=off`). So it shows the effects of a dead *Handover*,
not of a dead machine. Log-ins need no password, on loopback only.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from tests.sandbox.ports import free_port

READY_SECONDS = 90.0
ACCOUNT = "nobody"
"""User of the server if the tests run as root: PostgreSQL refuses to run as root."""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


class MissingProgram(RuntimeError):
    """PostgreSQL is not installed; the message has the command that installs it."""


class Postgres:
    """One cluster. `with` starts it and removes it; `stop` and `start` in between keep the data."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._account = _account()
        self.port = free_port()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.stop(signal.SIGQUIT)  # the data is thrown away: no need to write it down first
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Make the cluster at the first start, then serve. Raises `MissingProgram`, or RuntimeError with its words."""
        server = _program("postgres")
        folder = self._folder = self._folder or self._make()
        user, group = self._account or (None, None)
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (folder / "out.log").open("ab") as out:
            self._process = subprocess.Popen(
                [server, "-D", folder / "data", "-p", str(self.port), "-k", folder, *options],
                stdout=out,
                stderr=out,
                cwd=folder,
                user=user,
                group=group,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start: {(folder / 'out.log').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it and every session on it at once; the data stays."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        self._process = None

    def url(self, database: str = "postgres") -> str:
        """Return a database's address, as `[storage] url` wants it."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def database(self, name: str, template: str = "template1") -> str:
        """Make a new database, a copy of `template`; return its address."""
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the administrator; return its rows."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True, connect_timeout=30
        ) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def _make(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="handover-postgres-"))  # no test's own folder: those let no other user in
        if self._account:
            os.chown(folder, *self._account)
        user, group = self._account or (None, None)
        made = subprocess.run(
            [
                _program("initdb"),
                "-D",
                folder / "data",
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--no-instructions",
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=folder,
            user=user,
            group=group,
        )
        if made.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise RuntimeError(f"initdb: {made.stderr.strip()}")
        return folder

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self.run("SELECT 1")
            return True
        return False


def _program(name: str) -> str:
    # Debian keeps the server's programs of each version apart, outside the path.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, versions), os.environ.get("PATH", "")]))
    if found is None:
        command = "apt-get install -y --no-install-recommends postgresql"
        raise MissingProgram(f"{name} is missing; install it with: {command}")
    return found


def _account() -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam(ACCOUNT)
    return account.pw_uid, account.pw_gid
