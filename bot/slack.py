"""The Web API client, with time limits and bounded retries: a rate limit or a dead Slack must not hang a thread."""

from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler

from config.settings import Slack

SECONDS = 10
"""For one call; a post that is not delivered is tried again by the clock."""


def web_client(slack: Slack) -> WebClient:
    """Build a client for the workspace; nothing is called yet."""
    return WebClient(
        token=slack.bot_token.get_secret_value(),
        base_url=slack.api_url,
        timeout=SECONDS,
        retry_handlers=[ConnectionErrorRetryHandler(max_retry_count=1), RateLimitErrorRetryHandler(max_retry_count=1)],
    )
