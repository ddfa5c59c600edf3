"""A name server that does not answer: each connector says so within its own time."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.slack.client import web_client
from connectors.http import Api, Timeouts
from connectors.names import Names, NoNameServer
from tests.bot.workplace import make_settings
from tests.connectors.hostile_find import SECONDS

SILENT = """
import socket, sys, threading
socket.getaddrinfo = lambda *asked, **more: threading.Event().wait(60)
from tests.connectors.hostile_find import main
main(*sys.argv[1:])
"""
URLS = {"scim": "https://crm.example", "tryton": "https://crm.example", "ldap": "ldaps://directory.example"}


@pytest.mark.parametrize("kind", URLS)
def test_a_lookup_ends_in_its_own_time_without_a_name_server(kind: str) -> None:
    command = [sys.executable, "-c", SILENT, kind, json.dumps({"x": URLS[kind]})]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    _name, error, said, seconds, _memory = json.loads(done.stdout)
    assert error
    assert "no name server answers about crm.example" in said or kind == "ldap"
    assert seconds <= 2 * SECONDS + 1


@contextmanager
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    asked, over = list[str](), threading.Event()

    def look_up(host: str, *_more: object, **_options: object) -> list[object]:
        asked.append(host)
        over.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield asked
    over.set()


def test_a_name_is_looked_up_once_at_a_time_and_threads_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent(monkeypatch) as asked:
        known = Names()
        for _ in range(3):
            with pytest.raises(NoNameServer, match=r"about crm\.example"):
                known.addresses("crm.example", 0.05)
        assert asked == ["crm.example"]
        assert known.addresses("127.0.0.1", 0.05) == ["127.0.0.1"], "an address needs no name server"


def test_a_write_whose_host_has_no_address_never_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent(monkeypatch):
        api = Api("http://crm.example", patience=Timeouts(connect=0.1, read=0.2))
        with pytest.raises(Exception, match="no name server answers") as caught:
            api.write("POST", "/lock")
        assert type(caught.value).__name__ == "_NotRepeated"
        api.close()


def test_slack_is_not_waited_for_without_a_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with silent(monkeypatch):
        client = web_client(make_settings("https://slack.example/api/").slack, seconds=1)
        began = time.monotonic()
        with pytest.raises(OSError, match=r"no name server answers about slack\.example"):
            client.auth_test()
        assert time.monotonic() - began < 5


def test_a_name_that_does_not_exist_and_one_with_an_address_are_as_ever() -> None:
    assert {"127.0.0.1", "::1"} & set(Names().addresses("localhost", 5))
    with pytest.raises(OSError, match=r"[Nn]ame|service"):
        Names().addresses("no-such-host.invalid", 20)
