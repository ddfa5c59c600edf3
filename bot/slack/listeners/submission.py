"""Answers to submitted forms within Slack's time limit."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import Any

from slack_bolt import Ack
from slack_sdk.errors import SlackApiError

from bot.slack.forms.notice import failed
from bot.slack.listeners.context import Call
from bot.slack.listeners.error_handler import explain

log = logging.getLogger(__name__)
ANSWER_WITHIN = 2.3
"""Seconds after which a submission is answered at the latest. Slack waits for three."""
SETTLE = 0.5
"""Seconds between the first answer and its replacement, so that Slack applies them in order."""


def answer(ack: Ack, call: Call, meanwhile: dict[str, Any], work: Callable[[], dict[str, Any]]) -> None:
    """Do the work and show the view that it returns: at once if the work is quick, else after `meanwhile`.

    An update right after the acknowledgement would be a race, because Slack may apply the two in either order.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="submission")
    done = pool.submit(_safely, work)
    pool.shutdown(wait=False)
    try:
        view = done.result(timeout=max(0.1, call.came + ANSWER_WITHIN - time.monotonic()))
    except Late:
        ack(response_action="update", view=meanwhile)
        answered = time.monotonic()
        view = done.result()
        time.sleep(max(0.0, answered + SETTLE - time.monotonic()))
        call.show(str(call.body["view"]["id"]), view)
    else:
        ack(response_action="update", view=view)


def fill(call: Call, view_id: str, work: Callable[[], dict[str, Any]]) -> None:
    """Do the work and show the view that it returns in an open modal. Runs in the pool for slow work."""
    try:
        call.show(view_id, _safely(work))
    except (SlackApiError, OSError) as error:
        log.warning("view %s could not be filled: %s", view_id, error)


def _safely(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - in a pool thread nothing else reports the error
        return failed(explain(error))
