"""Slack's address over real sockets: requests that Slack did not sign, and clients that are hostile."""

import json
import logging
import select
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from slack_bolt import App, BoltRequest, BoltResponse

from bot.slack import signature, web_server
from bot.slack.acknowledgement_gate import AcknowledgementGate
from bot.slack.app import make_app
from bot.slack.client import web_client
from bot.slack.serve import PATH, THREADS, make_web
from bot.slack.web_server import listening
from tests.bot.workplace import make_settings
from tests.sandbox.company.people import HR
from tests.sandbox.slack.deliveries import sign
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from tests.workflows.office import Office
from tests.workflows.tables import lay_out
from workflows.storage.rows.operations import SignedRequest
from workflows.storage.signed_requests import KEPT, SignedRequests
from workflows.storage.store import Store, sqlite_url

SECRET = "practice-signing-secret"
FORM = "application/x-www-form-urlencoded"


class Listener:
    """A server that a forged `response_url` names; it keeps all that it is told."""

    def __init__(self) -> None:
        told: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.told = told
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@contextmanager
def listener() -> Iterator[Listener]:
    made = Listener()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()


class Door:
    """The bot's address for Slack, and the workspace behind it."""

    def __init__(self, slack: SlackServer, port: int) -> None:
        self.slack, self.port = slack, port
        self.stamp = int(time.time())

    def post(self, body: bytes, *headers: tuple[str, str | bytes], path: str = PATH, kind: str = FORM) -> str:
        """Send one request byte by byte as given, and return the whole answer."""
        lines = [b"POST %s HTTP/1.1" % path.encode(), b"Host: x", b"Content-Length: %d" % len(body)]
        lines += [b"Content-Type: " + kind.encode(), b"Connection: close"]
        lines += [n.encode() + b": " + (v if isinstance(v, bytes) else v.encode()) for n, v in headers]
        return self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def send(self, data: bytes) -> str:
        with self.connect() as line:
            line.sendall(data)
            return read(line)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 60)

    def signed(self, body: bytes, *headers: tuple[str, str], **more: Any) -> str:
        self.stamp = min(self.stamp, int(time.time())) - 1  # each is another, so that none is a replay
        stamp = str(self.stamp)
        return self.post(body, *stamped(stamp, sign(SECRET, stamp, body.decode())), *headers, **more)


def stamped(stamp: str | bytes, mark: str | bytes) -> tuple[tuple[str, str | bytes], ...]:
    return (("X-Slack-Request-Timestamp", stamp), ("X-Slack-Signature", mark))


def read(line: socket.socket) -> str:
    """Read to the end of the connection."""
    found = b""
    while piece := line.recv(65536):
        found += piece
    return found.decode()


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(Workspace()) as server:
        yield server


@pytest.fixture
def door(slack: SlackServer, tmp_path: Path) -> Iterator[Door]:
    settings = make_settings(slack.api_url)
    office, gate = Office(tmp_path, settings=settings), AcknowledgementGate(calm=0)
    app = make_app(office.services, web_client(settings.slack), signing_secret=SECRET, gate=gate)
    with listening(make_web(app, gate, SECRET, office.services.signed_requests), "127.0.0.1", 0, THREADS) as port:
        yield Door(slack, port)
    office.store.close()


def click(url: str) -> dict[str, Any]:
    """Return a click on a button of a message, with the given `response_url`."""
    person = {"id": HR.slack_id, "name": "x", "team_id": "T0PRACTICE"}
    return {
        "type": "block_actions",
        "team": {"id": "T0PRACTICE"},
        "user": person,
        "response_url": url,
        "actions": [{"type": "button", "action_id": "no such button", "block_id": "b", "value": "x"}],
    }


def bodies(url: str) -> dict[str, tuple[bytes, str]]:
    view = {"type": "view_submission", "user": {"id": HR.slack_id}, "view": {"id": "V1", "callback_id": "x"}}
    command = {"command": "/offboard", "text": "help", "user_id": HR.slack_id, "response_url": url, "team_id": "T"}
    return {
        "click": (urlencode({"payload": json.dumps(click(url))}).encode(), FORM),
        "command": (urlencode(command).encode(), FORM),
        "submission": (urlencode({"payload": json.dumps(view)}).encode(), FORM),
        "json": (json.dumps(click(url)).encode(), "application/json"),
        "broken json": (b'{"user": {"id": "U1"}, "response_url": ', "application/json"),
        "list": (b"[1, 2]", "application/json"),
        "deep": (b"[" * 200_000, "application/json"),
        "broken payload": (b"payload=%7Bno", FORM),
        "not utf-8": (b"payload=\xff\xfe\x00", FORM),
        "empty": (b"", FORM),
        "challenge": (b'{"type": "url_verification", "challenge": "secret word"}', "application/json"),
        "ssl check": (b"ssl_check=1&token=x", FORM),
        "multipart": (
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nz\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
    }


NOW = str(int(time.time()))
MARK = "v0=" + "0" * 64
PROOFS: dict[str, tuple[tuple[str, str | bytes], ...]] = {
    "none": (),
    "no stamp": (("X-Slack-Signature", MARK),),
    "no signature": (("X-Slack-Request-Timestamp", NOW),),
    "stamp is a word": stamped("soon", MARK),
    "stamp is empty": stamped("", MARK),
    "stamp is a float": stamped("1e9", MARK),
    "stamp is huge": stamped("9" * 5000, MARK),
    "stamp is negative": stamped("-1", MARK),
    "stamp has other digits": stamped("١٢٣".encode(), MARK),
    "stamp is bytes": stamped(b"\xff\xfe", MARK),
    "signature is bytes": stamped(NOW, b"v0=\xff\xfe"),
    "signature has accents": stamped(NOW, "v0=é".encode()),
    "signature is huge": stamped(NOW, "v0=" + "0" * 10_000),
    "signature is wrong": stamped(NOW, MARK),
    "two stamps": (("X-Slack-Request-Timestamp", NOW), *stamped(NOW, MARK)),
    "two signatures": (*stamped(NOW, MARK), ("X-Slack-Signature", MARK)),
    "a retry": (*stamped("soon", MARK), ("X-Slack-Retry-Num", "1")),
    "lazy": (*stamped("soon", MARK), ("X-Slack-Bolt-Lazy-Only", "1"), ("X-Slack-Bolt-Lazy-Function-Name", "x")),
}


@pytest.mark.parametrize("proof", PROOFS)
def test_nothing_of_an_unsigned_request_is_used(door: Door, proof: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with listener() as forged:
        for name, (body, kind) in bodies(forged.url).items():
            answer = door.post(body, *PROOFS[proof], kind=kind)
            assert status(answer) == 401, name
            assert "secret word" not in answer
        time.sleep(0.2)  # whatever was begun in another thread
        assert forged.told == []
    assert door.slack.calls() == []
    assert HR.slack_id not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_signature_is_for_one_body_and_one_time(door: Door) -> None:
    body, stamp = b"command=%2Foffboard&text=help", str(int(time.time()))
    mark = sign(SECRET, stamp, body.decode())
    assert status(door.post(body + b"&user_id=U1", *stamped(stamp, mark))) == 401
    assert status(door.post(body, *stamped(str(int(stamp) + 1), mark))) == 401
    assert door.slack.calls() == []


class Heard:
    """A Bolt app that keeps what reaches it."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.status = 200

    def dispatch(self, request: BoltRequest) -> BoltResponse:
        self.bodies.append(request.raw_body)
        return BoltResponse(status=self.status, body="taken")


@contextmanager
def replica(slack: SlackServer, store: Store, heard: Heard) -> Iterator[Door]:
    web = make_web(cast("App", heard), AcknowledgementGate(calm=0), SECRET, SignedRequests(store))
    with listening(web, "127.0.0.1", 0, THREADS) as port:
        yield Door(slack, port)


def every_type() -> dict[str, tuple[bytes, str]]:
    """Return a request of every type that Slack sends."""
    types = ("block_actions", "view_submission", "view_closed", "block_suggestion", "shortcut", "message_action")
    forms = {
        one: (urlencode({"payload": json.dumps({"type": one, "user": {"id": "U1"}})}).encode(), FORM) for one in types
    }
    event = json.dumps({"type": "event_callback", "event": {"type": "member_joined_channel"}}).encode()
    return {**forms, "command": bodies("")["command"], "event": (event, "application/json")}


@pytest.mark.parametrize("kind", every_type())
def test_a_request_that_is_sent_again_acts_once_in_all_replicas(slack: SlackServer, tmp_path: Path, kind: str) -> None:
    body, content_type = every_type()[kind]
    stamp = str(int(time.time()))
    proof = stamped(stamp, sign(SECRET, stamp, body.decode()))
    url, heard = sqlite_url(tmp_path), Heard()
    with closing(Store(url)) as one, closing(Store(url)) as two:
        lay_out(one)
        with replica(slack, one, heard) as first, replica(slack, two, heard) as second:
            assert "taken" in first.post(body, *proof, kind=content_type)
            for door in (first, second, second):
                again = door.post(body, *proof, ("X-Slack-Retry-Num", "1"), kind=content_type)
                assert (status(again), "taken" in again) == (200, False)
            assert len(heard.bodies) == 1
            later = str(int(stamp) - 1)
            assert "taken" in second.post(body, *stamped(later, sign(SECRET, later, body.decode())), kind=content_type)


def test_an_event_that_was_not_taken_may_come_again_as_it_was(slack: SlackServer, tmp_path: Path) -> None:
    body, kind = every_type()["event"]
    stamp = str(int(time.time()))
    proof, heard = stamped(stamp, sign(SECRET, stamp, body.decode())), Heard()
    with closing(Store(sqlite_url(tmp_path))) as store:
        lay_out(store)
        with replica(slack, store, heard) as door:
            heard.status = 500
            assert status(door.post(body, *proof, kind=kind)) == 500
            heard.status = 200
            assert "taken" in door.post(body, *proof, kind=kind)
            assert "taken" not in door.post(body, *proof, kind=kind)


def test_requests_are_taken_while_the_rows_cannot_be_written(slack: SlackServer, tmp_path: Path) -> None:
    body, kind = every_type()["command"]
    heard = Heard()
    without_tables = Store(sqlite_url(tmp_path))
    with closing(without_tables), replica(slack, without_tables, heard) as door:
        assert "taken" in door.signed(body, kind=kind)


def test_signatures_are_forgotten_once_they_are_stale(tmp_path: Path) -> None:
    with closing(Store(sqlite_url(tmp_path))) as store:
        lay_out(store)
        requests = SignedRequests(store)
        assert [requests.use(one) for one in ("v0=1", "v0=2", "v0=1")] == [True, True, False]
        with store.write() as session:
            session.execute(sa.update(SignedRequest).values(at=datetime.now(UTC) - KEPT - timedelta(seconds=1)))
        assert requests.use("v0=3")
        with store.read() as session:
            assert session.execute(sa.select(sa.func.count()).select_from(SignedRequest)).scalar_one() == 1
    assert timedelta(seconds=2 * signature.FRESH_SECONDS) < KEPT


def test_a_signed_request_is_heard_and_what_the_signature_does_not_cover_changes_nothing(door: Door) -> None:
    assert "secret word" in door.signed(bodies("")["challenge"][0], kind="application/json")
    lazy = (("X-Slack-Bolt-Lazy-Only", "1"), ("X-Slack-Bolt-Lazy-Function-Name", "x"))
    assert "secret word" in door.signed(bodies("")["challenge"][0], *lazy, kind="application/json")


@pytest.mark.parametrize("name", ["broken json", "list", "deep", "broken payload"])
def test_a_signed_body_that_cannot_be_read_is_refused_in_one_line(
    door: Door, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, kind = bodies("")[name]
    assert status(door.signed(body, kind=kind)) == 400
    assert "Traceback" not in caplog.text


def test_refusals_do_not_fill_the_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        door.post(b"x", *PROOFS["none"])
    assert len([one for one in caplog.records if one.name == signature.__name__]) == 1


@pytest.mark.parametrize("stamp", ["soon", "", "9" * 5000])
def test_bolt_alone_tells_nobody_of_an_unsigned_request(slack: SlackServer, tmp_path: Path, stamp: str) -> None:
    """The check in the web server is not the only one."""
    settings = make_settings(slack.api_url)
    office = Office(tmp_path, settings=settings)
    app = make_app(office.services, web_client(settings.slack), signing_secret=SECRET)
    with listener() as forged:
        body = bodies(forged.url)["click"][0].decode()
        headers: dict[str, Any] = dict(stamped(stamp, MARK)) | {"content-type": FORM}
        assert app.dispatch(BoltRequest(body=body, headers=headers)).status == 401
        assert forged.told == []
    assert slack.calls() == []
    office.store.close()


def test_a_body_of_a_megabyte_is_the_largest(door: Door) -> None:
    assert status(door.signed(b"payload=" + b"x" * (web_server.BODY_BYTES - 8))) == 400
    for size in (web_server.BODY_BYTES + 1, 10**12):  # not waited for
        assert status(door.send(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())) == 413


def test_chunks_count_as_a_body(door: Door) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with door.connect() as line:
        line.sendall(head)
        sent, answer = 0, ""
        with suppress(ConnectionError):  # closed while more is on its way: the answer may get lost
            while sent < 64 * web_server.BODY_BYTES and not select.select([line], [], [], 0)[0]:
                sent += line.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            answer = read(line)
        assert sent < 64 * web_server.BODY_BYTES
        assert not answer or status(answer) == 413


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000, {431}),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000, {431}),
        (b"GET /" + b"y" * 40_000, {431}),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", {0, 400, 413}),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", {400}),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxxx", {400}),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"z\r\n", {400}),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", {501}),
        (bytes(range(256)) * 200, {400, 431}),
    ],
)
def test_what_cannot_be_a_request_is_refused_without_a_trace(
    door: Door, data: bytes, codes: set[int], caplog: pytest.LogCaptureFixture
) -> None:
    with door.connect() as line:
        line.sendall(data)
        with suppress(ConnectionResetError):
            answer = read(line)
            assert (status(answer) if answer else 0) in codes
    assert status(door.signed(bodies("")["challenge"][0], kind="application/json")) == 200
    assert "Traceback" not in caplog.text
    assert "uncaptured" not in caplog.text


HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n"
SLOW = {
    "headers": HEAD + "X: " + "y" * 10_000,
    "a body": HEAD + "Content-Length: 10000\r\n\r\n" + "x" * 9999,
    "chunks": HEAD + "Transfer-Encoding: chunked\r\n\r\n" + "1\r\nx\r\n" * 10_000,
    "a chunk's mark": HEAD + "Transfer-Encoding: chunked\r\n\r\n" + "0" * 10_000,
    "empty lines": "\r\n" * 10_000,
    "nothing": "",
}


def drip(line: socket.socket, text: str, seconds: float) -> float:
    """Send byte by byte until the other side closes; return after how long, at most a minute."""
    began = time.monotonic()
    line.settimeout(seconds)
    with suppress(ConnectionError):
        for place in count():
            if place < len(text):
                line.sendall(text[place].encode())
            with suppress(TimeoutError):
                if not line.recv(65536):
                    break
            if time.monotonic() - began > 60:
                break
    return time.monotonic() - began


@pytest.mark.parametrize("what", SLOW)
def test_a_slow_request_is_not_waited_for(door: Door, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "REQUEST_SECONDS", 1.0)
    with door.connect() as line:
        assert drip(line, SLOW[what], 0.05) < 20


def test_answers_that_nobody_takes_are_not_kept(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """waitress would wait for ever for room in the client's window."""
    monkeypatch.setattr(web_server, "REQUEST_SECONDS", 1.0)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        line.connect(("127.0.0.1", door.port))
        line.settimeout(0.2)
        with pytest.raises(ConnectionError):
            flood(line)


def flood(line: socket.socket) -> None:
    """Ask, and read no answer, for a minute."""
    began = time.monotonic()
    while time.monotonic() - began < 60:
        with suppress(TimeoutError):
            line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 200)


@pytest.mark.parametrize("what", ["headers", "a body", "nothing"])
def test_a_full_set_of_slow_connections_keeps_no_signed_request_waiting(
    door: Door, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "REQUEST_SECONDS", 3600.0)
    text, challenge = SLOW[what][:200], bodies("")["challenge"][0]
    with ExitStack() as stack:
        for _ in range(3 * web_server.CONNECTIONS):
            stack.enter_context(door.connect()).sendall(text.encode())
        for _ in range(5):
            began = time.monotonic()
            assert "secret word" in door.signed(challenge, kind="application/json")
            assert time.monotonic() - began < 3  # Slack's own limit
            stack.enter_context(door.connect()).sendall(text.encode())


def test_bodies_that_are_still_arriving_fill_no_memory_and_no_disk(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "BUFFERED_BYTES", 3 * 2**20)
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", None)
    half = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode() + b"x" * 900_000
    with ExitStack() as stack:
        lines = [stack.enter_context(door.connect()) for _ in range(10)]
        for line in lines:
            with suppress(ConnectionError):
                line.sendall(half)
        assert "secret word" in door.signed(bodies("")["challenge"][0], kind="application/json")
        assert sum(closed(line) for line in lines) >= 6


def closed(line: socket.socket) -> bool:
    line.settimeout(0.2)
    try:
        return line.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_connection_may_be_used_again(door: Door) -> None:
    body = bodies("")["challenge"][0]
    with door.connect() as line:
        for age in range(3):
            stamp = str(int(time.time()) - age)
            proof = f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: {sign(SECRET, stamp, body.decode())}\r\n"
            head = f"{HEAD}{proof}Content-Length: {len(body)}\r\nContent-Type: application/json\r\n\r\n"
            line.sendall(head.encode() + body)
            answer = b""
            while b"secret word" not in answer:
                piece = line.recv(65536)
                assert piece, answer
                answer += piece


def test_a_signed_request_with_a_foreign_address_is_answered_at_slack(door: Door) -> None:
    with listener() as forged:
        assert status(door.signed(bodies(forged.url)["command"][0])) == 200
        hr = door.slack.as_user(HR.slack_id)
        hr.wait_for(hr.messages)
        assert forged.told == []
