"""Slack's address over real sockets: requests that Slack did not sign, and clients that are hostile."""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt import BoltRequest

from bot.slack import signature
from bot.slack.acknowledgement_gate import AcknowledgementGate
from bot.slack.app import make_app
from bot.slack.client import web_client
from bot.slack.metrics import Metrics
from bot.slack.serve import PATH, listening, make_web
from tests.bot.workplace import make_settings
from tests.sandbox.company.people import HR
from tests.sandbox.slack.deliveries import sign
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from tests.workflows.office import Office

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

    def post(self, body: bytes, *headers: tuple[str, str | bytes], path: str = PATH, kind: str = FORM) -> str:
        """Send one request byte by byte as given, and return the whole answer."""
        lines = [b"POST %s HTTP/1.1" % path.encode(), b"Host: x", b"Content-Length: %d" % len(body)]
        lines += [b"Content-Type: " + kind.encode(), b"Connection: close"]
        lines += [n.encode() + b": " + (v if isinstance(v, bytes) else v.encode()) for n, v in headers]
        return self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def send(self, data: bytes) -> str:
        with socket.create_connection(("127.0.0.1", self.port), 60) as line:
            line.sendall(data)
            return read(line)

    def signed(self, body: bytes, *headers: tuple[str, str], **more: Any) -> str:
        stamp = str(int(time.time()))
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
    with listening(make_web(app, Metrics(), gate, SECRET), "127.0.0.1", 0) as port:
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
