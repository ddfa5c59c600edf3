"""Answers as the six errors, and repeated requests."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import respx

from connectors.errors import (
    BadCredential,
    Conflict,
    ConnectorError,
    Forbidden,
    Missing,
    OutcomeUnknown,
    Unavailable,
    Untrusted,
)
from connectors.http import Api, Timeouts, TokenBucket, retry_after
from tests.sandbox.company.authority import issue

URL = "http://crm.example"


class Counting(BaseHTTPRequestHandler):
    """Answers after a moment, and counts concurrent requests."""

    protocol_version = "HTTP/1.1"
    inside = most = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        with Counting.lock:
            Counting.inside += 1
            Counting.most = max(Counting.most, Counting.inside)
        time.sleep(0.05)
        with Counting.lock:
            Counting.inside -= 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Log nothing."""


def test_no_more_requests_are_on_their_way_than_the_system_bears() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    api = Api(f"http://127.0.0.1:{server.server_port}", connections=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.read("GET", "/x").status_code, range(16)))
    api.close()
    server.shutdown()
    server.server_close()
    serving.join()
    assert (answers, Counting.most) == ([204] * 16, 2)


def test_a_private_authority_is_told_from_a_dead_server_and_its_file_mends_it(tmp_path: Path) -> None:
    issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    url, once = f"https://127.0.0.1:{server.server_port}", Timeouts(attempts=1)
    strange, known = Api(url, patience=once), Api(url, patience=once, authority=tmp_path / "ca.pem")
    try:
        with pytest.raises(Untrusted, match="authority that is not trusted"):
            strange.read("GET", "/x")
        assert known.read("GET", "/x").status_code == 204
    finally:
        known.close()
        server.shutdown()
        server.server_close()
        serving.join()
    with pytest.raises(Unavailable, match="cannot be reached") as dead:
        strange.read("GET", "/x")
    strange.close()
    assert not isinstance(dead.value, Untrusted)


@pytest.fixture
def net() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=URL) as router:
        yield router


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api(URL, patience=Timeouts(total=60.0))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, BadCredential),
        (403, Forbidden),
        (404, Missing),
        (410, Missing),
        (409, Conflict),
        (412, Conflict),
        (400, Conflict),
        (302, Conflict),
    ],
)
def test_a_refusal_is_its_error_and_is_not_sent_again(
    net: respx.MockRouter, api: Api, status: int, error: type[ConnectorError]
) -> None:
    route = net.post("/x").respond(status)
    for send in (api.read, api.write):
        with pytest.raises(error):
            send("POST", "/x")
    assert route.call_count == 2


def test_an_answer_is_given_back(net: respx.MockRouter, api: Api) -> None:
    net.get("/x").respond(json={"a": 1})
    assert api.read("GET", "/x").json() == {"a": 1}


@pytest.mark.parametrize("happening", [httpx.Response(503), httpx.Response(429), httpx.ConnectError("no")])
def test_what_never_happened_is_sent_again_even_a_write(
    net: respx.MockRouter, api: Api, happening: httpx.Response | Exception
) -> None:
    route = net.post("/x").mock(side_effect=[happening, happening, httpx.Response(200)])
    assert api.write("POST", "/x").status_code == 200
    assert route.call_count == 3


def test_patience_ends_soon(net: respx.MockRouter, api: Api) -> None:
    route, begun = net.post("/x").respond(503), time.monotonic()
    with pytest.raises(Unavailable):
        api.write("POST", "/x")
    assert route.call_count == 3
    assert time.monotonic() - begun < 10  # two short waits; a wait of the full length takes a minute


@pytest.mark.parametrize(
    "happening",
    [
        httpx.Response(500),
        httpx.Response(504),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("cut"),
        httpx.ReadTimeout("late"),
    ],
)
def test_a_write_without_an_answer_is_unknown_and_never_repeated(
    net: respx.MockRouter, api: Api, happening: httpx.Response | Exception
) -> None:
    route = net.post("/x").mock(side_effect=[happening, httpx.Response(200)])
    with pytest.raises(OutcomeUnknown):
        api.write("POST", "/x")
    assert route.call_count == 1


def test_a_read_without_an_answer_is_sent_again(net: respx.MockRouter, api: Api) -> None:
    route = net.get("/x").mock(side_effect=[httpx.ReadError("cut"), httpx.Response(500), httpx.Response(200)])
    assert api.read("GET", "/x").status_code == 200
    assert route.call_count == 3


def test_a_silent_server_is_asked_once(net: respx.MockRouter, api: Api) -> None:
    route = net.get("/x").mock(side_effect=httpx.ReadTimeout("late"))
    with pytest.raises(Unavailable):
        api.read("GET", "/x")
    assert route.call_count == 1


def test_retry_after_is_obeyed_where_it_is_short(net: respx.MockRouter, api: Api) -> None:
    net.get("/x").mock(side_effect=[httpx.Response(429, headers={"Retry-After": "1"}), httpx.Response(200)])
    begun = time.monotonic()
    api.read("GET", "/x")
    assert time.monotonic() - begun >= 1


def test_retry_after_is_handed_on_where_it_is_long(net: respx.MockRouter, api: Api) -> None:
    route = net.get("/x").respond(429, headers={"Retry-After": "3600"})
    with pytest.raises(Unavailable) as caught:
        api.read("GET", "/x")
    assert caught.value.retry_after == timedelta(hours=1)
    assert route.call_count == 1


def test_retry_after_is_seconds_or_a_date() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert retry_after("7") == timedelta(seconds=7)
    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == timedelta(seconds=90)
    assert retry_after(format_datetime(now - timedelta(seconds=90), usegmt=True), now) == timedelta(0)
    for nonsense in ("", "soon", "-5", "1.5"):
        assert retry_after(nonsense, now) is None


@pytest.mark.parametrize("value", ["99999999", "9" * 5000, "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_nobody_is_left_alone_for_longer_than_a_day(value: str) -> None:
    assert retry_after(value) == timedelta(days=1)


def test_where_a_redirect_leads_is_said_and_not_followed(net: respx.MockRouter, api: Api) -> None:
    net.get("/x").respond(302, headers={"Location": "https://login.example/?ticket=hush"})
    with pytest.raises(Conflict, match=r"login\.example") as caught:
        api.read("GET", "/x")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("path", ["/" + "x" * 70_000, "/?\ud800"])
def test_text_that_no_address_can_hold_is_a_conflict(api: Api, path: str) -> None:
    with pytest.raises(Conflict, match="no address"):
        api.read("GET", path)


def test_an_answer_that_trickles_without_end_is_no_answer() -> None:
    """Each piece comes in time; the whole never ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        pool.submit(_trickle, listener)
        dripping = Api(f"http://127.0.0.1:{listener.getsockname()[1]}", patience=Timeouts(read=20.0, whole=0.02))
        for send, error in ((dripping.read, Unavailable), (dripping.write, OutcomeUnknown)):
            with pytest.raises(error, match="in all"):
                send("POST", "/x")
        dripping.close()


def _trickle(listener: socket.socket) -> None:
    for _ in range(2):
        client, _address = listener.accept()
        with client, suppress(OSError):
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while True:
                client.sendall(b" ")
                time.sleep(0.02)


def test_a_vendor_may_read_an_answer_differently(net: respx.MockRouter) -> None:
    net.get("/x").respond(403, json={"error": "rate"})
    vendor = Api(URL, classify=lambda r: Unavailable("slow down", timedelta(hours=1)) if r.status_code == 403 else None)
    with pytest.raises(Unavailable, match="slow down"):
        vendor.read("GET", "/x")
    vendor.close()


def test_secrets_in_headers_and_bodies_are_in_no_error(net: respx.MockRouter) -> None:
    net.post("/x").mock(side_effect=httpx.ConnectError("no"))
    secret = Api(URL, headers={"Authorization": "Bearer hush"}, patience=Timeouts(attempts=1))
    with pytest.raises(Unavailable) as caught:
        secret.write("POST", "/x", json={"password": "hush"})
    assert "hush" not in f"{caught.value!r} {caught.value.__cause__!r} {secret!r}"
    secret.close()


def test_a_refused_connection_is_unavailable_on_a_real_socket() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        unreachable = Api(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Unavailable, match="cannot be reached"):
            unreachable.write("POST", "/x")
        unreachable.close()


def test_the_rate_is_kept_after_a_burst() -> None:
    now = [0.0]
    bucket = TokenBucket(rate=10, burst=3, clock=lambda: now[0])
    assert [bucket.take() for _ in range(3)] == [0, 0, 0]
    assert [round(bucket.take(), 6) for _ in range(3)] == [0.1, 0.2, 0.3]
    now[0] = 10.0
    assert [bucket.take() for _ in range(3)] == [0, 0, 0]
    assert bucket.take() > 0


def test_nobody_sleeps_through_the_hour_that_a_vendor_asked_for(net: respx.MockRouter) -> None:
    route = net.get("/x").respond(429, headers={"Retry-After": "3600"})
    limited = Api(URL, limit=TokenBucket(rate=2, burst=2))
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            limited.read("GET", "/x")
        assert caught.value.retry_after is not None
        assert caught.value.retry_after > timedelta(minutes=59)
    assert route.call_count == 1
    limited.close()


def test_a_client_waits_for_its_rate(net: respx.MockRouter) -> None:
    net.get("/x").respond(200)
    slow = Api(URL, limit=TokenBucket(rate=20, burst=1))
    begun = time.monotonic()
    for _ in range(5):
        slow.read("GET", "/x")
    assert time.monotonic() - begun >= 0.19
    slow.close()
