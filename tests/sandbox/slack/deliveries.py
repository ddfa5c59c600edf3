"""Payloads to the app: signed HTTP or Socket Mode, three seconds, retries for events, planned faults."""

import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from urllib.parse import urlencode

import httpx

from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.trail import Delivery
from tests.sandbox.slack.world import Workspace

ACK_SECONDS = 3.0
TWIN_AGE = 1
"""Seconds by which the time of a second delivery differs. An equal one would have an equal signature: a replay."""
RETRY_AFTER = (0.0, 60.0, 300.0)
"""Waits before the three retries of an event: at once, after a minute, after five."""


def sign(secret: str, stamp: str, body: str) -> str:
    """Slack's v0 signature."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()


class Deliverer:
    """Sends payloads and writes down how it went."""

    def __init__(self, workspace: Workspace, retry_after: tuple[float, ...] = RETRY_AFTER) -> None:
        self._workspace = workspace
        self._retry_after = retry_after
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # plain http asks nobody, and reading a list takes long
        self._http = httpx.Client(timeout=ACK_SECONDS, trust_env=False, verify=nobody)
        self._timers: list[threading.Timer] = []

    def close(self) -> None:
        """No more retries."""
        for timer in self._timers:
            timer.cancel()
        self._http.close()

    def send(self, kind: str, payload: JSON, *, attempt: int = 0, reason: str = "") -> Delivery:
        """Deliver once (twice where planned) and wait for the acknowledgement, three seconds at most."""
        fault = self._workspace.faults.due(kind)
        delivery = Delivery(kind, payload, attempt=attempt, reason=reason)
        if fault and fault.kind == "never":
            delivery.problem = "operation_timeout"
            self._keep(delivery)
            return delivery
        if fault and fault.kind == "late":
            time.sleep(fault.seconds)
        if fault and fault.kind == "twice":
            twin = threading.Thread(
                target=self._once, args=(Delivery(kind, payload, attempt=attempt, reason=reason), TWIN_AGE)
            )
            twin.start()
            self._once(delivery)
            twin.join()
        else:
            self._once(delivery)
        return delivery

    def event(self, payload: JSON) -> Delivery:
        """Deliver an event; without an acknowledgement it comes again, up to three times."""
        delivery = self.send("events_api", payload)
        self._retry_later(delivery, 0)
        return delivery

    def _retry_later(self, delivery: Delivery, number: int) -> None:
        if delivery.acked or number >= len(self._retry_after):
            return
        reason = "http_timeout" if delivery.problem == "operation_timeout" else "http_error"

        def again() -> None:
            following = self.send("events_api", delivery.payload, attempt=number + 1, reason=reason)
            self._retry_later(following, number + 1)

        timer = threading.Timer(self._retry_after[number], again)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _once(self, delivery: Delivery, age: int = 0) -> None:
        url = self._workspace.app.url(delivery.kind)
        send: Callable[[], JSON] = (lambda: self._post(url, delivery, age)) if url else (lambda: self._socket(delivery))
        delivery.via = "http" if url else "socket"
        started = time.monotonic()
        try:
            delivery.body = send()
            delivery.acked = True
        except (httpx.TimeoutException, FutureTimeout, TimeoutError):
            delivery.problem = "operation_timeout"
        except (httpx.HTTPError, ConnectionError, ValueError) as error:
            delivery.problem = f"dispatch_failed: {error}"
        delivery.ms = round((time.monotonic() - started) * 1000)
        if (
            delivery.ms > ACK_SECONDS * 990
        ):  # whatever came then came too late: Bolt itself answers 404 after three seconds
            delivery.acked, delivery.problem, delivery.body = False, "operation_timeout", {}
        self._keep(delivery)

    def _keep(self, delivery: Delivery) -> None:
        with self._workspace.lock:
            self._workspace.deliveries.append(delivery)
            self._workspace.touch()

    def _socket(self, delivery: Delivery) -> JSON:
        kind = "interactive" if delivery.kind == "options" else delivery.kind
        return self._workspace.sockets.send(kind, delivery.payload, ACK_SECONDS, delivery.attempt, delivery.reason)

    def _post(self, url: str, delivery: Delivery, age: int) -> JSON:
        body, content_type = _encode(delivery)
        stamp = str(int(time.time()) - age)
        headers = {
            "content-type": content_type,
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": sign(self._workspace.app.signing_secret, stamp, body),
        }
        if delivery.attempt:
            headers |= {"x-slack-retry-num": str(delivery.attempt), "x-slack-retry-reason": delivery.reason}
        answer = self._http.post(url, content=body.encode(), headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise ConnectionError(f"HTTP {answer.status_code} {answer.text[:80]}")
        if answer.text.startswith("{"):
            return dict(answer.json())
        return {"text": answer.text} if answer.text else {}


def _encode(delivery: Delivery) -> tuple[str, str]:
    form = "application/x-www-form-urlencoded"
    if delivery.kind == "slash_commands":
        return urlencode(delivery.payload), form
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload), "application/json"
    return urlencode({"payload": json.dumps(delivery.payload)}), form
