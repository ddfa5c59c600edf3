"""The Web API client, with time limits and bounded retries, so that no thread hangs."""

import time
from typing import Any
from urllib.parse import urlsplit
from urllib.request import BaseHandler, HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from slack_sdk import WebClient
from slack_sdk.errors import SlackRequestError
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryState
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler

from bot.text import _
from config.settings import Slack
from connectors.names import Names

SECONDS = 10
"""Time limit for one call. The outbox tries undelivered messages again."""
MOST_BYTES, MOST_TIMES, PIECE = 2**24, 2, 2**16
"""Largest answer in bytes, and the multiple of the time limit that it may take with all its pieces."""
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


class BoundedWebClient(WebClient):
    """Slack's client, which neither follows a redirect with the token nor waits without end."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._names = Names()

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        handlers: list[BaseHandler] = [HTTPSHandler(context=self.ssl), _NoRedirects()]
        if self.proxy:
            handlers.append(ProxyHandler({"http": self.proxy, "https": self.proxy}))
        end = time.monotonic() + MOST_TIMES * self.timeout
        if not self.proxy:  # a proxy looks the name up itself
            self._names.addresses(urlsplit(url).hostname or "", self.timeout)
        with build_opener(*handlers).open(req, timeout=self.timeout) as answer:
            body = bytearray()
            while piece := answer.read1(PIECE):
                body += piece
                if len(body) > MOST_BYTES or time.monotonic() > end:
                    raise SlackRequestError(_("the answer takes too long, or does not end"))
            charset = answer.headers.get_content_charset() or "utf-8"
            return {"status": answer.status, "headers": answer.headers, "body": body.decode(charset)}


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_redirect: Any) -> None:
        """Follow none: the token is in the request's headers."""


def web_client(slack: Slack, seconds: int = SECONDS) -> WebClient:
    """Return a client for the workspace. No request is made."""
    return BoundedWebClient(
        token=slack.bot_token.get_secret_value(),
        base_url=slack.api_url,
        proxy=slack.proxy,
        timeout=seconds,
        retry_handlers=[SafeConnectionRetryHandler(max_retry_count=1), BriefRateLimitRetryHandler(max_retry_count=2)],
    )
