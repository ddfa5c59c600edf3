"""Proxies: none for systems unless their settings name one, and for Slack the environment's or the settings' own."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import ValidationError
from slack_sdk.errors import SlackApiError

from bot.cli.checks import slack as slack_checks
from bot.slack.client import web_client
from bot.slack.links import send
from config.settings import Slack
from connectors.contract import Connector
from connectors.errors import ConnectorError
from connectors.registry import build, settings_of

DEAD = "http://127.0.0.1:9"
ENV = {"SECRET": "s" * 40}
KINDS: dict[str, dict[str, Any]] = {
    "tryton": {"database": "crm", "login": "bot", "password": "env:SECRET", "timeout_seconds": 2},
    "bottlecrm": {"login": "bot@x.example", "token": "env:SECRET", "timeout_seconds": 2},
    "scim": {"token": "env:SECRET", "request_seconds": 2, "inactive_means": "suspended"},
}


class Proxy(BaseHTTPRequestHandler):
    """Notes every address that it is asked for, and passes nothing on."""

    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(f"{self.command} {self.path}")
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a proxy, and what it was asked for."""
    Proxy.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}", Proxy.asked
    server.shutdown()
    server.server_close()
    serving.join()


@pytest.fixture
def around(proxy: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Set the variables of a machine behind the proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy[0])
    return proxy[1]


def connector(kind: str, **more: str) -> Connector:
    settings = settings_of(kind).model_validate({"url": DEAD, **KINDS[kind], **more}, context={"env": ENV})
    return build(kind, settings)


def ask(made: Connector) -> None:
    try:
        with pytest.raises(ConnectorError):
            made.check()
    finally:
        made.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_system_is_reached_past_the_machines_proxy(kind: str, around: list[str]) -> None:
    ask(connector(kind))
    assert around == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_system_is_reached_through_the_proxy_of_its_settings(kind: str, proxy: tuple[str, list[str]]) -> None:
    address, asked = proxy
    ask(connector(kind, proxy=address))
    assert asked
    assert all(f" {DEAD}/" in one for one in asked)


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_with_a_password_is_refused(kind: str) -> None:
    with pytest.raises(ValidationError, match="proxy"):
        connector(kind, proxy="http://me:secret@proxy.example:3128")


def slack(**more: Any) -> Slack:
    values = {
        "bot_token": "env:SECRET",
        "app_token": "env:SECRET",
        "case_channel": "C0CASES",
        "security_channel": "C0SECURITY",
        "audit_channel": "C0AUDIT",
        "api_url": "http://127.0.0.1:9/api/",
        **more,
    }
    return Slack.model_validate(values, context={"env": ENV})


CLIENTS: dict[str, Callable[[Slack], Any]] = {
    "bot": web_client,
    "doctor": lambda settings: slack_checks.client(settings, 2),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_slack_is_reached_through_the_proxy_of_its_settings(name: str, proxy: tuple[str, list[str]]) -> None:
    address, asked = proxy
    with pytest.raises((SlackApiError, OSError)):
        CLIENTS[name](slack(proxy=address)).auth_test()
    assert asked[0] == f"POST {DEAD}/api/auth.test"


def test_slack_goes_by_the_machines_proxy_too_and_so_do_its_files(around: list[str]) -> None:
    client = web_client(slack())
    with pytest.raises((SlackApiError, OSError)):
        client.auth_test()
    with pytest.raises(ConnectionError):
        send(client, "GET", f"{DEAD}/files/1")
    assert around[-2:] == [f"POST {DEAD}/api/auth.test", f"GET {DEAD}/files/1"]
