"""The Web API client, with time limits and bounded retries: a rate limit or a dead Slack must not hang a thread."""

import time

from slack_sdk import WebClient
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryState
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler

from config.settings import Slack

SECONDS = 10
"""For one call; a post that is not delivered is tried again by the clock."""
NOT_REPEATED = ("chat.postMessage", "files.completeUploadExternal")
"""It may have arrived although no answer came: the notifier looks before it posts again."""
LONGEST_WAIT = 3
"""Seconds of Retry-After that are waited out here; who is told to wait longer gets the error, and tries again later."""


class SafeConnectionRetryHandler(ConnectionErrorRetryHandler):
    """Repeats a call after a broken connection, unless repeating could show people the same thing twice."""

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if request.url.endswith(NOT_REPEATED):
            return False
        return super()._can_retry(state=state, request=request, response=response, error=error)


class BriefRateLimitRetryHandler(RateLimitErrorRetryHandler):
    """Waits when Slack says so, but never long."""

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        limited = super()._can_retry(state=state, request=request, response=response, error=error)
        return limited and response is not None and _wait(response) <= LONGEST_WAIT

    def prepare_for_next_attempt(
        self,
        *,
        state: RetryState,
        request: HttpRequest,  # noqa: ARG002 - Slack's own signature
        response: HttpResponse | None = None,
        error: Exception | None = None,  # noqa: ARG002
    ) -> None:
        """Wait as long as the answer says."""
        state.next_attempt_requested = True
        time.sleep(_wait(response) if response else LONGEST_WAIT)
        state.increment_current_attempt()


def _wait(response: HttpResponse) -> float:
    """Return the seconds of Retry-After; one where it is missing."""
    for name, values in response.headers.items():
        if name.lower() == "retry-after" and values and values[0].isdigit():
            return float(values[0])
    return 1.0


def web_client(slack: Slack, seconds: int = SECONDS) -> WebClient:
    """Build a client for the workspace; nothing is called yet."""
    return WebClient(
        token=slack.bot_token.get_secret_value(),
        base_url=slack.api_url,
        timeout=seconds,
        retry_handlers=[SafeConnectionRetryHandler(max_retry_count=1), BriefRateLimitRetryHandler(max_retry_count=2)],
    )
