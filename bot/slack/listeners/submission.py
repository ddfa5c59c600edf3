"""Answering a submitted form in time, however long the work takes, and never in silence."""

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
"""Seconds after which a submission is answered at the latest; Slack waits for three."""
SETTLE = 0.5
"""Seconds that Slack is given to take in the first answer, before another one replaces it."""


def answer(ack: Ack, call: Call, meanwhile: dict[str, Any], work: Callable[[], dict[str, Any]]) -> None:
    """Do the work and show the view that it returns: at once where it is quick, else after `meanwhile`.

    Acknowledging first and updating right after would race: Slack may take in the two in either order.
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
    """Do the work and put the view that it returns into an open modal; for the pool that no answer waits for."""
    try:
        call.show(view_id, _safely(work))
    except (SlackApiError, OSError) as error:
        log.warning("view %s could not be filled: %s", view_id, error)


def _safely(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - the last stop: the person gets a sentence, the log gets the rest
        return failed(explain(error))
