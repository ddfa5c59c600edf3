"""Who a colleague is in Slack, where Slack answers; an offboarding goes on without it where not."""

import logging
from collections.abc import Iterable

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot.slack.people import Profile, profile
from config.settings import Slack

SECONDS = 3
"""Somebody waits at the terminal, perhaps because Slack is down."""


def client(slack: Slack, seconds: int = SECONDS) -> WebClient:
    """Return a client for the configured workspace that gives up after so many seconds."""
    silent = logging.getLogger(__name__)  # what goes wrong is said in our own words, not by the library on the terminal
    if not silent.handlers:
        silent.addHandler(logging.NullHandler())
        silent.propagate = False
    token = slack.bot_token.get_secret_value()
    return WebClient(token, base_url=slack.api_url, timeout=seconds, retry_handlers=[], logger=silent)


def profiles(slack: Slack, addresses: Iterable[str]) -> tuple[dict[str, Profile], str]:
    """Return whom Slack knows by exact address, and why nobody more could be asked for, or an empty text."""
    asking, found = client(slack), {}
    for address in dict.fromkeys(a.lower() for a in addresses if a):
        try:
            found[address] = profile(asking.users_lookupByEmail(email=address)["user"])
        except SlackClientError as error:
            answer = getattr(error, "response", {})
            if answer.get("error") != "users_not_found":
                return found, str(answer.get("error") or error)
        except OSError as error:
            return found, plainly(error)
    return found, ""


def plainly(error: OSError) -> str:
    """Return what the network said, without the library's wrapping."""
    return str(getattr(error, "reason", error))
