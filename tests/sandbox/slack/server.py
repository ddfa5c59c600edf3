"""A workspace over real sockets on loopback."""

import logging
import threading
from typing import Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests.sandbox.slack.acts import Acts
from tests.sandbox.slack.deliveries import RETRY_AFTER, Deliverer
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.page.routes import Page
from tests.sandbox.slack.panel import Panel
from tests.sandbox.slack.trail import Call, Delivery
from tests.sandbox.slack.waiting import PATIENCE, Check, T, wait_for
from tests.sandbox.slack.web import make_web
from tests.sandbox.slack.world import Workspace


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: a practice server has no access log."""


class SlackServer:
    """Serves a workspace: Web API at `.api_url`, Socket Mode through apps.connections.open, the page at `.url`."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        port: int = 0,
        retry_after: tuple[float, ...] = RETRY_AFTER,
        panel: Panel | None = None,
    ) -> None:
        self.workspace = workspace
        self._port = port
        self._deliverer = Deliverer(workspace, retry_after)
        self.acts = Acts(workspace, self._deliverer)
        self._web = make_web(workspace)
        self._page = Page(workspace, self.acts, panel or Panel())
        self._page.add_to(self._web)
        self._server: BaseWSGIServer | None = None

    def start(self) -> Self:
        """Listen; returns itself."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", self._port, self._web, threaded=True, request_handler=_Quiet)
        self.workspace.base = self.url
        self.workspace.sockets.start(self.workspace.app.id)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="slack-practice", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening and let go of every connection."""
        self._deliverer.close()
        self._page.open = False
        self.workspace.touch()
        self.workspace.sockets.stop()
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return the page's address."""
        if self._server is None:
            raise RuntimeError("not started")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api_url(self) -> str:
        """The `base_url` for a slack_sdk WebClient."""
        return f"{self.url}/api/"

    def as_user(self, user_id: str) -> Person:
        """A person at the keyboard."""
        return Person(self.workspace, self.acts, user_id)

    def fault(self, target: str, kind: str, times: int = 1, seconds: float = 1.0) -> None:
        """Plan a fault: see `faults` for targets and kinds."""
        self.workspace.faults.plan(target, kind, times, seconds)

    def redeliver(self, delivery: Delivery) -> Delivery:
        """Deliver the same payload once more."""
        return self.acts.redeliver(delivery)

    def wait_for(self, check: Check[T], seconds: float = PATIENCE) -> T:
        """Wait until `check` is truthy."""
        return wait_for(self.workspace, check, seconds)

    def calls(self, method: str = "") -> list[Call]:
        """The app's calls so far, of one method or all."""
        return [call for call in list(self.workspace.calls) if method in {"", call.method}]

    def refused(self) -> list[Call]:
        """The app's calls that Slack refused, `response_url` included; a healthy run has none."""
        return [call for call in list(self.workspace.calls) if call.error]
