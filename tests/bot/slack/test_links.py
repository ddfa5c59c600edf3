"""Addresses that Slack names: only Slack's hosts are asked, and the token goes nowhere else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.errors import UserFacingError
from bot.slack import client as clients
from bot.slack.client import web_client
from bot.slack.links import is_slacks, send
from bot.slack.listeners.context import Call
from bot.slack.listeners.files import fetch
from config.settings import Slack
from tests.bot.workplace import make_settings
from tests.sandbox.company.people import HR
from tests.sandbox.hostile import ANSWERS, HostileServer
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace

REAL, GOV, PRACTICE = "https://slack.com/api/", "https://slack-gov.com/api/", "http://127.0.0.1:8080/api/"


@pytest.mark.parametrize(
    ("url", "base", "is_own"),
    [
        ("https://hooks.slack.com/commands/T1/1/x", REAL, True),
        ("https://files.slack.com/files-pri/T1-F1/x.csv", REAL, True),
        ("https://northwind.slack.com/x", REAL, True),
        ("https://HOOKS.SLACK.COM/x", REAL, True),
        ("https://files.slack-gov.com/x", GOV, True),
        ("http://127.0.0.1:8080/response/x", PRACTICE, True),
        ("https://hooks.slack.com/x", PRACTICE, True),
        ("http://hooks.slack.com/x", REAL, False),
        ("https://hooks.slack.com:8443/x", REAL, False),
        ("https://slack.com@evil.example/x", REAL, False),
        ("https://evil.example/slack.com", REAL, False),
        ("https://evil.example#.slack.com", REAL, False),
        ("https://evil.example?.slack.com", REAL, False),
        ("https://evil.example\\.slack.com", REAL, False),
        ("https://notslack.com/x", REAL, False),
        ("https://slack.com.evil.example/x", REAL, False),
        ("https://files.slack-gov.com/x", REAL, False),
        ("https://u:p@hooks.slack.com/x", REAL, False),
        ("http://127.0.0.1:8081/x", PRACTICE, False),
        ("http://localhost:8080/x", PRACTICE, False),
        ("http://169.254.169.254/latest/meta-data", REAL, False),
        ("http://[::1]:3001/metrics", REAL, False),
        ("file:///etc/passwd", REAL, False),
        ("//hooks.slack.com/x", REAL, False),
        ("", REAL, False),
        ("https://", REAL, False),
        ("https://[", REAL, False),
        ("x" * 100_000, REAL, False),
    ],
)
def test_an_address_is_slacks_or_not(url: str, base: str, is_own: bool) -> None:
    assert is_slacks(url, base) is is_own


@contextmanager
def redirecting(to: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a redirect of every request; yield the address and the paths and tokens that were seen."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def do_GET(self) -> None:
            seen.append(f"{self.path} {self.headers.get('Authorization', '')}")
            self.send_response(302)
            self.send_header("Location", to)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings_at(url: str) -> Slack:
    return make_settings(url).slack


def test_no_redirect_is_followed_with_or_without_the_token() -> None:
    with redirecting("http://127.0.0.1:1/") as (evil, told), redirecting(evil) as (url, asked):
        client = web_client(settings_at(url))
        with pytest.raises(ConnectionError, match="302"):
            send(client, "POST", url + "x", json={})
        with pytest.raises(SlackApiError):
            client.auth_test()
        assert [one.split()[0] for one in asked] == ["/api/x", "/api/auth.test"]
        assert told == []


@pytest.mark.parametrize(
    "found",
    [
        {"url_private_download": "https://evil.example/x.csv", "size": 1},
        {"url_private_download": "http://127.0.0.1:1/x.csv", "is_external": True},
        {"url_private": "https://drive.example/x", "is_external": True},
    ],
)
def test_a_file_that_is_not_at_slack_is_not_fetched(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]) -> None:
    client = web_client(settings_at(REAL))
    monkeypatch.setattr(client, "files_info", lambda **_: {"file": found})
    monkeypatch.setattr(httpx, "Client", None)  # nothing is asked
    with pytest.raises(UserFacingError, match="did not return"):
        fetch(client, "F1")


@pytest.mark.parametrize(
    "name",
    [
        "a body byte by byte",
        "headers byte by byte",
        "chunks without end",
        "a bomb of gzip",
        "informational answers, fast",
    ],
)
def test_an_answer_of_slacks_address_has_a_budget(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST_BYTES", 2**20)
    with HostileServer(ANSWERS[name]) as server:
        client = web_client(settings_at(f"{server.url}/api/"), seconds=1)
        with pytest.raises(ConnectionError, match="more than"):
            send(client, "GET", f"{server.url}/api/x", wait=1.0, total=1.0)


@pytest.mark.parametrize(
    "name", ["a body byte by byte", "chunks without end", "a huge body", "a body without a length or an end"]
)
def test_an_answer_of_the_web_api_has_a_budget(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST_BYTES", 2**20)
    with HostileServer(ANSWERS[name]) as server:
        client = web_client(settings_at(f"{server.url}/api/"), seconds=1)
        with pytest.raises(SlackRequestError, match="does not end"):
            client.auth_test()


def test_an_answer_that_its_place_does_not_take_goes_by_direct_message() -> None:
    with SlackServer(Workspace()) as slack:
        client = web_client(settings_at(slack.api_url))
        for url in ("https://evil.example/x", f"{slack.url}/response/gone"):
            Call({"user": {"id": HR.slack_id}, "response_url": url}, client).tell("Told in private.")
        assert len(slack.as_user(HR.slack_id).messages()) == 2
