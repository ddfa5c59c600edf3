"""Listeners of buttons and forms, which all acknowledge, work and answer alike within Slack's time limit."""

import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from slack_bolt import Ack, App, BoltContext
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import UserFacingError
from bot.slack.forms import fields, notice
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.error_handler import explain
from bot.slack.messages.blocks import MENU, pack
from bot.text import _
from workflows.authorization import Right

log = logging.getLogger(__name__)
View = dict[str, Any]
ANSWER_WITHIN = 2.3
"""Seconds after which a submission is answered at the latest. Slack waits for three."""
SETTLE = 0.5
"""Seconds between the first answer and its replacement, so that Slack applies them in order."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A view to show above the submitted one, which stays as it is."""

    view: View


class Listeners:
    """Registration of a Bolt app's listeners, as decorators."""

    def __init__(self, app: App, ctx: ListenerContext) -> None:
        self.app, self.ctx = app, ctx
        self._acts: dict[str, Callable[[Call], None]] = {}
        self.after: Callable[[Call], None] = lambda _call: None
        """Called after a click, and after a submitted form."""
        app.action(MENU, middleware=[acknowledge])(self._choose)

    def _choose(self, body: dict[str, Any], client: WebClient) -> None:
        """Do what the chosen button of a menu does."""
        call = Call(body, client)
        chosen = self._acts.get(call.fact("act"))
        if chosen is None:
            raise UserFacingError(_("This menu is too old. Use the one in the newest message."))
        chosen(call)

    def button(
        self, action: str | re.Pattern[str] | dict[str, Any], right: Right | None = None
    ) -> Callable[[Callable[[Call], None]], None]:
        """Register a function for clicks, by people with the right. An error is told privately to the person."""

        def register(clicked: Callable[[Call], None]) -> None:
            def act(call: Call) -> None:
                if right:
                    self.ctx.allow(call, right)
                clicked(call)

            @self.app.action(action, middleware=[acknowledge])
            def listen(body: dict[str, Any], client: WebClient) -> None:
                call = Call(body, client)
                act(call)
                self.after(call)

            if isinstance(action, str):
                self._acts[action] = act

        return register

    def press(self, action: str, call: Call, **facts: str) -> None:
        """Do what a button does, with these facts as its value."""
        self._acts[action](Call({**call.body, "actions": [{"type": "button", "value": pack(**facts)}]}, call.client))

    def form(
        self, callback: str, meanwhile: Callable[[], View] = notice.starting
    ) -> Callable[[Callable[[Call, View], View | Pushed]], None]:
        """Register a function for a submitted form, which returns the next view or raises `InvalidForm` at once.

        `meanwhile`: the view until then, if that is late.
        """

        def register(submitted: Callable[[Call, View], View | Pushed]) -> None:
            @self.app.view(callback)
            def listen(ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext, view: View) -> None:
                call = Call(body, client, context.bot_user_id or "")
                answer(ack, call, meanwhile(), lambda: submitted(call, view))
                self.after(call)

        return register

    def load(self, call: Call, work: Callable[[], View], first: View | None = None, *, above: bool = False) -> str:
        """Open a modal at once, and show the view that the work returns there later. Return the modal's id."""
        view_id = call.open(first or notice.loading(), above=above)
        self.ctx.later.submit(fill, call, view_id, work)
        return view_id


def answer(ack: Ack, call: Call, meanwhile: View, work: Callable[[], View | Pushed]) -> None:
    """Do the work and show the view that it returns: at once if the work is quick, else after `meanwhile`.

    An update right after the acknowledgement would be a race, because Slack may apply the two in either order.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="submission")
    done = pool.submit(copy_context().run, _safely, work)
    pool.shutdown(wait=False)
    try:
        said, faults = done.result(timeout=max(0.1, call.came + ANSWER_WITHIN - time.monotonic()))
    except Late:
        ack(response_action="update", view=meanwhile)
        answered = time.monotonic()
        said, _faults = done.result()
        time.sleep(max(0.0, answered + SETTLE - time.monotonic()))
        call.show(str(call.body["view"]["id"]), _view(said), outcome=True)
    else:
        if faults:
            ack(response_action="errors", errors=faults)
        else:
            ack(response_action="push" if isinstance(said, Pushed) else "update", view=_view(said))


def fill(call: Call, view_id: str, work: Callable[[], View]) -> None:
    """Do the work and show the view that it returns in an open modal. Runs in the pool for slow work."""
    said, _faults = _safely(work)
    try:
        call.show(view_id, _view(said))
    except (SlackApiError, OSError) as error:
        log.warning("view %s could not be filled: %s", view_id, error)


def _view(said: View | Pushed) -> View:
    return said.view if isinstance(said, Pushed) else said


def _safely(work: Callable[[], View | Pushed]) -> tuple[View | Pushed, dict[str, str]]:
    """Return the view or that of the error, and the faults of an invalid form by field."""
    try:
        return work(), {}
    except Exception as error:  # noqa: BLE001 - in a pool thread nothing else reports the error
        return notice.failed(explain(error)), error.faults if isinstance(error, fields.InvalidForm) else {}
