"""Slack profiles of colleagues. An offboarding continues without them while Slack does not answer."""

import logging
from collections.abc import Iterable

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot.slack.people import Profile, profile
from config.settings import Slack

SECONDS = 3
"""Short, since a person waits at the terminal, perhaps because Slack is down."""


def client(slack: Slack, seconds: int = SECONDS) -> WebClient:
    """Return a client for the configured workspace, with a time limit for each call."""
    silent = logging.getLogger(__name__)  # we print faults ourselves, not the library
    if not silent.handlers:
        silent.addHandler(logging.NullHandler())
        silent.propagate = False
    token = slack.bot_token.get_secret_value()
    return WebClient(token, base_url=slack.api_url, timeout=seconds, retry_handlers=[], logger=silent)


def profiles(slack: Slack, addresses: Iterable[str]) -> tuple[dict[str, Profile], str]:
    """Return profiles by exact address, and the reason why further ones are missing, or an empty text."""
    asking, found = client(slack), {}
    for address in dict.fromkeys(a.lower() for a in addresses if a):
        try:
            found[address] = profile(asking.users_lookupByEmail(email=address)["user"])
        except SlackClientError as error:
            answer = getattr(error, "response", {})
            if answer.get("error") != "users_not_found":
                return found, str(answer.get("error") or error)
        except OSError as error:
            return found, network_reason(error)
    return found, ""


def network_reason(error: OSError) -> str:
    """Return the network's own reason, without the library's wrapping."""
    return str(getattr(error, "reason", error))
