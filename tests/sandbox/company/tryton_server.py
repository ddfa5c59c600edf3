"""The Tryton program itself: started on a folder's data, paused, stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.sandbox.leftovers import MARK
from tests.sandbox.ports import free_port

DATABASE = "crm"
_CONF = """[database]
uri = sqlite://
path = {folder}
[web]
listen = 127.0.0.1:{port}
[session]
max_attempt = 50
max_attempt_ip_network = 10000
"""
# The dispatcher's logger at DEBUG writes arguments in full; the handler at INFO keeps the results of calls out.
_LOGCONF = """[formatters]
keys: line
[handlers]
keys: file
[loggers]
keys: root, dispatcher
[formatter_line]
format: %(asctime)s %(levelname)s %(name)s %(message)s
[handler_file]
class: FileHandler
args: ({log!r}, "a", "utf-8")
formatter: line
level: INFO
[logger_root]
level: INFO
handlers: file
[logger_dispatcher]
level: {level}
handlers:
qualname: trytond.protocols.dispatcher
"""


class NotStarted(Exception):
    """The server did not come up; the message has the end of what it printed."""


class Server:
    """One process on loopback; its database, log and files are in `folder`. The port stays the same over restarts.

    `full_arguments` makes the log name every exported record; without it Tryton elides after five.
    """

    database = DATABASE

    def __init__(self, folder: Path, *, full_arguments: bool = True) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self._full = full_arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The server's address, without the database."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def rpc_url(self) -> str:
        """Return the address for calls on the database."""
        return f"{self.url}/{DATABASE}/rpc/"

    def serve(self, programs: Path) -> None:
        """Start the program itself on the data that is there."""
        self._port = self._port or free_port()
        conf, logconf = self.folder / "trytond.conf", self.folder / "logging.conf"
        conf.write_text(configuration(self.folder, self._port))
        logconf.write_text(_LOGCONF.format(log=str(self.log), level="DEBUG" if self._full else "INFO"))
        # By its Python, not by its first line: that has the place in which the environment was made, and folders move.
        started = [str(programs / "python"), str(programs / "trytond")]
        command = [*started, "-c", str(conf), "-d", DATABASE, "--logconf", str(logconf)]
        with (self.folder / "server.out").open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out, env=environment())
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        self.stop()
        raise NotStarted((self.folder / "server.out").read_text(encoding="utf-8", errors="replace")[-2000:])

    def stop(self) -> None:
        """End the server and wait for its end; the data stays."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def running(self) -> bool:
        """Return whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def pause(self) -> None:
        """Make the server accept connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        if self._process is None:
            raise NotStarted("the server is not running")
        self._process.send_signal(what)


def configuration(folder: Path, port: int) -> str:
    """Return a `trytond.conf` for a database file in `folder`."""
    return _CONF.format(folder=folder, port=port)


def environment() -> Mapping[str, str]:
    """Return the environment variables of the server; its log is in UTC."""
    marked = {MARK: os.environ[MARK]} if MARK in os.environ else {}
    return {**marked, "PATH": os.environ.get("PATH", ""), "TZ": "UTC", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
