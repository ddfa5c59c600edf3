"""The Bolt app, built from services; requests are always verified, and there is no switch to turn that off."""

import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryState
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler

from bot.authorize import Authorizer
from bot.listeners import register_listeners
from bot.listeners.desk import Desk
from bot.people import People
from bot.services import Services

THREADS = 48
LONGEST_WAIT = 3


class BriefRateLimitRetryHandler(RateLimitErrorRetryHandler):
    """Waits when Slack says so, but never long: who cannot wait (a notifier, a modal) gets the error instead."""

    def _can_retry(
        self, *, state: RetryState, request: HttpRequest, response: HttpResponse | None = None, error: Exception | None = None
    ) -> bool:
        limited = super()._can_retry(state=state, request=request, response=response, error=error)
        return limited and response is not None and _wait(response) <= LONGEST_WAIT

    def prepare_for_next_attempt(
        self, *, state: RetryState, request: HttpRequest, response: HttpResponse | None = None, error: Exception | None = None
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


def make_client(token: str, api_url: str = "https://slack.com/api/", seconds: int = 15) -> WebClient:
    """Return a Web API client that retries a broken connection and a short rate limit, once each, and never hangs."""
    handlers = [ConnectionErrorRetryHandler(max_retry_count=1), BriefRateLimitRetryHandler(max_retry_count=2)]
    return WebClient(token=token, base_url=api_url, timeout=seconds, retry_handlers=handlers)


def make_app(services: Services, client: WebClient, *, signing_secret: str = "", threads: int = THREADS) -> App:
    """Return the app with every listener. Without a secret (Socket Mode) no HTTP request can ever verify."""
    app = App(
        client=client,
        signing_secret=signing_secret or secrets.token_hex(32),
        listener_executor=ThreadPoolExecutor(max_workers=threads, thread_name_prefix="listener"),
        logger=logging.getLogger("bot.bolt"),
    )
    desk = Desk(services, Authorizer(services.settings.roles, client), People(client))
    register_listeners(app, desk)
    return app
