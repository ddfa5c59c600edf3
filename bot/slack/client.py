"""The Web API client, with time limits and bounded retries, so that no thread hangs."""

import time

from slack_sdk import WebClient
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryState
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler

from config.settings import Slack

SECONDS = 10
"""Time limit for one call. The outbox tries undelivered messages again."""
NOT_REPEATED = ("chat.postMessage", "files.completeUploadExternal")
"""Methods that are not repeated after a lost answer. The notifier searches for the message before it posts again."""
LONGEST_WAIT = 3
"""Longest Retry-After in seconds that the client waits. After a longer one the caller gets the error."""


class SafeConnectionRetryHandler(ConnectionErrorRetryHandler):
    """Retry after a broken connection, except for calls that could post a message twice."""

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
    """Retry after a rate limit, if the wait is short."""

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
        """Wait for the response's Retry-After."""
        state.next_attempt_requested = True
        time.sleep(_wait(response) if response else LONGEST_WAIT)
        state.increment_current_attempt()


def _wait(response: HttpResponse) -> float:
    """Return the seconds of Retry-After, or 1 if the header is missing."""
    values = next((values for name, values in response.headers.items() if name.lower() == "retry-after"), [])
    return float(values[0]) if values and values[0].isdigit() else 1.0


def web_client(slack: Slack, seconds: int = SECONDS) -> WebClient:
    """Return a client for the workspace. No request is made."""
    return WebClient(
        token=slack.bot_token.get_secret_value(),
        base_url=slack.api_url,
        timeout=seconds,
        retry_handlers=[SafeConnectionRetryHandler(max_retry_count=1), BriefRateLimitRetryHandler(max_retry_count=2)],
    )
