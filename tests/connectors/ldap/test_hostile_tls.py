"""A directory that stops in the middle of TLS: nobody waits for it for ever, and no threads pile up."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from connectors.contract import Person
from connectors.errors import Unavailable
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings
from tests.connectors.ldap.certificates import issue
from tests.connectors.ldap.hostile import BASE, done

DANA = Person("Dana", ("dana@x.example",), ("dana",))
HELLO = b"\x16\x03\x03\x3f\xff"
"""The head of a TLS record of 16 KB that never comes whole."""


class StoppingDirectory:
    """Agrees on TLS with the first `good` connections, takes their log-in, and then sends half a record."""

    def __init__(self, folder: Path, good: int) -> None:
        issue(folder, x509.IPAddress(ip_address("127.0.0.1")), timedelta(days=-1), timedelta(days=1))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._good, self._held = good, list[socket.socket]()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.url = f"ldaps://127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(60)
        for line in self._held:
            line.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _address = self._listener.accept()
                self._held.append(line)
                line.settimeout(5)
                with suppress(OSError):
                    self._stop_in_the_middle(line)

    def _stop_in_the_middle(self, line: socket.socket) -> None:
        if len(self._held) > self._good:
            line.sendall(HELLO)
            return
        secured = self._context.wrap_socket(line, server_side=True)
        self._held.append(secured)
        if secured.recv(65536):
            secured.sendall(done(1, kind=0x61))
            secured.recv(65536)
            raw = socket.socket(fileno=secured.detach())
            self._held.append(raw)
            raw.sendall(b"\x17" + HELLO[1:])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    before = threading.active_count()
    yield tmp_path
    deadline = time.monotonic() + 60
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


@pytest.mark.parametrize("good", [0, 1, 9])
def test_a_directory_that_stops_in_tls_is_unavailable(folder: Path, good: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`good`: it stops in our own handshake, in libldap's, or in the answer."""
    server = StoppingDirectory(folder, good)
    monkeypatch.setenv("SECRET", "x")
    settings = LdapSettings.model_validate(
        {
            "urls": [server.url],
            "ca_file": folder / "ca.pem",
            "bind_dn": f"cn=bot,{BASE}",
            "password": "env:SECRET",
            "base_dn": BASE,
            "request_seconds": 1,
            "connect_seconds": 1,
        },
        context={"env": {"SECRET": "x"}},
    )
    directory = Ldap(settings)
    try:
        threads = []
        for _ in range(5):
            began = time.monotonic()
            with pytest.raises(Unavailable):
                directory.find(DANA)
            assert time.monotonic() - began < 5
            threads.append(threading.active_count())
        ends = time.monotonic() + 60
        while threading.active_count() > threads[0] and time.monotonic() < ends:
            time.sleep(0.05)  # a thread that has given its answer takes a moment to end
        assert threading.active_count() <= threads[0]
    finally:
        directory.close()
        server.stop()
