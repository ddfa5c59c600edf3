"""Requests to addresses that Slack names: answers to one act, uploads, files. They go to Slack's hosts alone.

The addresses are secret or take the bot's token, so none of them is followed elsewhere, and none is in an error.
"""

import re
import ssl
from functools import cache
from typing import Any

import httpx
from slack_sdk import WebClient

from bot.text import _
from connectors.budgets import ENCODING, Budget, BudgetExceeded

HOSTS = ("slack.com",)
"""Slack's own, with all below: hooks.slack.com, files.slack.com. The configured base address counts as well."""
_HOST = re.compile(r"[a-z0-9.:-]+", re.ASCII)
"""Every other sign in a host is read in different ways by different libraries."""
SECONDS = 10.0
ANSWER_BYTES = 2**20


def is_slacks(url: str, base_url: str) -> bool:
    """Return whether an address is Slack's, or at the configured base address."""
    try:
        at, own = httpx.URL(url), httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        return False
    if at.userinfo or not _HOST.fullmatch(at.host):
        return False
    if (at.scheme, at.raw_host, at.port) == (own.scheme, own.raw_host, own.port):
        return True
    hosts = (*HOSTS, own.host) if own.scheme == "https" else HOSTS
    return at.scheme == "https" and at.port is None and any(f".{at.host}".endswith(f".{one}") for one in hosts)


def send(
    client: WebClient,
    method: str,
    url: str,
    *,
    most: int = ANSWER_BYTES,
    wait: float = SECONDS,
    total: float = SECONDS,
    **content: Any,
) -> bytes:
    """Send one request and return the answer, of at most `most` bytes.

    `wait`: seconds for each piece; `total`: for all. Raises `ConnectionError` for any other address and answer.
    """
    if not is_slacks(url, client.base_url):
        raise ConnectionError(_("the address is not Slack's"))
    budget = Budget(most=most)
    with httpx.Client(
        headers={"Accept-Encoding": ENCODING},
        verify=_trust(),
        timeout=wait,
        event_hooks={"response": [budget.bound]},
        proxy=client.proxy or None,  # the same as for Slack's other requests
        trust_env=False,
    ) as http:
        budget.install(http)
        budget.begin(total, float("inf"))
        try:
            answer = http.request(method, url, **content)
        except BudgetExceeded as error:
            raise ConnectionError(str(error)) from error
        except httpx.HTTPError as error:
            raise ConnectionError(_("no answer ({kind})").format(kind=type(error).__name__)) from None
    if not answer.is_success:
        raise ConnectionError(_("refused ({status})").format(status=answer.status_code))
    return answer.content


@cache
def _trust() -> ssl.SSLContext:
    """Return the system's authorities, as Slack's own library uses them. Reading them takes long."""
    return ssl.create_default_context()
