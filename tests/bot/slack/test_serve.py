"""Serving the bot: both transports, health, metrics, signatures, and a prompt end."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.signature import SignatureVerifier
from waitress.trigger import trigger

from bot.slack import serve as serving
from bot.slack.metrics import CALLS, HELP, Metrics
from bot.slack.serve import PATH, Ports, make_health_web, serve
from bot.slack.web_server import listening
from config.settings import Health
from tests.bot.workplace import make_settings
from tests.sandbox.company.people import HR
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from tests.workflows.office import Office


@contextmanager
def served(
    slack: SlackServer, mode: str, health_port: int = 0, slack_port: int = 0, host: str = "127.0.0.1"
) -> Iterator[Ports]:
    settings = make_settings(slack.api_url, mode)
    slack_table = settings.slack.model_copy(update={"port": slack_port, "host": host})
    settings = settings.model_copy(update={"health": Health(port=health_port), "slack": slack_table})
    stop, ports = threading.Event(), Future[Ports]()
    with ThreadPoolExecutor() as pool, TemporaryDirectory() as folder:
        office = Office(Path(folder), settings=settings)
        done = pool.submit(serve, office.services, settings, stop=stop, ready=ports.set_result)
        try:
            yield ports.result(60)
        finally:
            began = time.monotonic()
            stop.set()
            done.result(60)
            office.store.close()
            assert time.monotonic() - began < 15


def health(ports: Ports, path: str) -> str:
    return f"http://127.0.0.1:{ports.health}/{path}"


def door(ports: Ports) -> str:
    return f"http://127.0.0.1:{ports.slack}{PATH}"


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(Workspace()) as server:
        yield server


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_a_command_is_answered_over_both_transports(slack: SlackServer, mode: str) -> None:
    with served(slack, mode) as ports:
        if mode == "http":
            slack.workspace.app.use_url(door(ports))
        hr = slack.as_user(HR.slack_id)
        assert hr.command("/offboard", "help").acked
        hr.wait_for(lambda: hr.ephemerals)
        figures = httpx.get(health(ports, "metrics"), timeout=60).text
        assert 'handover_slack_requests_total{kind="command"} 1' in figures
        assert "handover_open_cases 0" in figures
        counters = {f"{name}_total" for name in CALLS}
        named = {line.split()[2] for line in figures.splitlines() if line.startswith("# TYPE")}
        assert named == {"handover_slack_requests_total", "handover_slack_ack_seconds", *counters, *HELP} - {
            "handover_last_audit_timestamp_seconds",
            "handover_system_read_timestamp_seconds",
        }
        assert "handover_figures_read 1.0" in figures
        assert httpx.get(health(ports, "healthz"), timeout=60).text == "ok\n"


def test_health_answers_503_with_every_fault_until_it_is_over() -> None:
    faults = ["the clock is wrong", "work cannot be begun: disk I/O error"]
    with listening(make_health_web(Metrics(), lambda: faults), "127.0.0.1", 0, 1) as port:
        found = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=60)
        assert (found.status_code, found.text.splitlines()) == (503, faults)
        faults.clear()
        found = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=60)
        assert (found.status_code, found.text) == (200, "ok\n")


def test_a_server_closes_while_its_trigger_is_still_written_to(
    slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop may close everything between the moment a callback is left and the write that wakes the loop."""
    pull = trigger._physical_pull

    def wake_twice(waker: trigger) -> None:
        pull(waker)
        for thread in threading.enumerate():
            if thread.name == "http" and waker.thunks:
                thread.join(5)
        pull(waker)

    monkeypatch.setattr(trigger, "_physical_pull", wake_twice)
    with served(slack, "http") as ports:
        assert httpx.get(health(ports, "healthz"), timeout=60).text == "ok\n"


@pytest.mark.parametrize(
    ("secret", "age", "status"),
    [("practice-signing-secret", 0, 200), ("practice-signing-secret", 400, 401), ("wrong", 0, 401), ("", 0, 401)],
)
def test_only_signed_and_fresh_requests_are_heard(slack: SlackServer, secret: str, age: int, status: int) -> None:
    body = f"command=%2Foffboard&text=help&user_id={HR.slack_id}&team_id=T0PRACTICE&channel_id=C0GENERAL&trigger_id=1.2"
    stamp = str(int(time.time()) - age)
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body) if secret else ""
    headers = {
        "X-Slack-Signature": signature or "",
        "X-Slack-Request-Timestamp": stamp,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    with served(slack, "http") as ports:
        assert httpx.post(door(ports), content=body, headers=headers, timeout=60).status_code == status


def test_in_socket_mode_no_address_takes_requests(slack: SlackServer) -> None:
    with served(slack, "socket") as ports:
        assert ports.slack is None
        assert httpx.post(health(ports, PATH[1:]), content="{}", timeout=60).status_code == 404


def test_health_and_metrics_have_their_own_address_and_nothing_else(slack: SlackServer) -> None:
    with served(slack, "http") as ports:
        assert ports.health != ports.slack
        for path in ("/healthz", "/metrics", "/", "/slack", "/static/x"):
            assert httpx.get(door(ports).replace(PATH, path), timeout=60).status_code == 404
        assert httpx.get(door(ports), timeout=60).status_code == 405
        assert httpx.post(health(ports, PATH[1:]), content="{}", timeout=60).status_code == 404


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_a_taken_port_of_health_keeps_no_bot_from_starting(
    slack: SlackServer, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, served(slack, mode, taken.getsockname()[1]) as ports:
        assert ports.health == 0
        assert "health and metrics are not served" in caplog.text
        if mode == "http":
            slack.workspace.app.use_url(door(ports))
        else:
            slack.wait_for(lambda: slack.workspace.sockets.connected or None)
        assert slack.as_user(HR.slack_id).command("/offboard", "help").acked


def test_a_taken_port_of_slack_keeps_no_lock_out_waiting_and_is_opened_once_free(
    slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(serving, "SELDOM_SECONDS", 0.05)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with served(slack, "http", slack_port=port) as ports:
        assert ports.slack is None
        answer = httpx.get(health(ports, "healthz"), timeout=60)
        assert answer.status_code == 503
        assert f"port {port}" in answer.text
        taken.close()
        slack.wait_for(lambda: httpx.get(health(ports, "healthz"), timeout=60).status_code == 200 or None)
        slack.workspace.app.use_url(f"http://127.0.0.1:{port}{PATH}")
        assert slack.as_user(HR.slack_id).command("/offboard", "help").acked


def test_addresses_may_be_of_ipv6() -> None:
    with listening(make_health_web(Metrics()), "::1", 0, 1) as port:
        assert httpx.get(f"http://[::1]:{port}/healthz", timeout=60).text == "ok\n"


def test_slacks_address_may_be_of_ipv6(slack: SlackServer) -> None:
    with served(slack, "http", host="::1") as ports:
        slack.workspace.app.use_url(f"http://[::1]:{ports.slack}{PATH}")
        assert slack.as_user(HR.slack_id).command("/offboard", "help").acked


@pytest.mark.parametrize("fault", ["500", "reset", "invalid_auth"])
def test_a_slack_that_is_down_keeps_no_bot_from_starting(
    slack: SlackServer, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(serving, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(serving, "SELDOM_SECONDS", 0.05)
    slack.fault("auth.test", fault, times=3)
    slack.fault("apps.connections.open", "500", times=2)
    with served(slack, "socket") as ports:
        assert httpx.get(health(ports, "healthz"), timeout=60).text == "ok\n"
        slack.wait_for(lambda: slack.workspace.sockets.connected or None)
        hr = slack.as_user(HR.slack_id)
        assert hr.command("/offboard", "help").acked
        hr.wait_for(lambda: hr.ephemerals)


def test_a_bot_that_never_came_to_slack_ends_at_once(slack: SlackServer) -> None:
    slack.fault("*", "500", times=1000)
    with served(slack, "socket") as ports:
        assert httpx.get(health(ports, "healthz"), timeout=60).text == "ok\n"


def test_a_socket_that_cannot_be_closed_holds_up_no_end(slack: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CLOSE_SECONDS", 0.1)
    released, close = threading.Event(), SocketModeHandler.close

    def stuck(handler: SocketModeHandler) -> None:
        released.wait(60)
        close(handler)  # type: ignore[no-untyped-call] # Bolt gives no types here

    monkeypatch.setattr(SocketModeHandler, "close", stuck)
    with served(slack, "socket"):
        pass
    released.set()
