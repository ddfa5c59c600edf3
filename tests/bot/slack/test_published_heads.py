"""Heads of the journal in Slack: shown by the audit's message, read back from the bot's own messages alone."""

import json
from datetime import UTC, date, datetime
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from slack_sdk import WebClient

from bot.slack import published_heads
from bot.slack.messages import audit
from workflows.cases.views import AuditView
from workflows.storage import heads

AT = datetime(2026, 11, 30, 6, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
ONE = heads.sign(KEY, None, 1, 3, "a" * 64, AT)
TWO = heads.sign(KEY, ONE, 2, 6, "b" * 64, AT)


def shown(head: heads.Head) -> dict[str, Any]:
    """Return the audit's message with a head, as Slack returns it."""
    view = AuditView(date(2026, 11, 30), AT, AT, 0, 0, {}, (), (), head=head.text)
    built = audit.build(view)
    return {"user": "U0BOT", "text": built.text, "blocks": json.loads(json.dumps(list(built.blocks)))}


class Slack:
    """A channel in two pages; somebody else posted a head as well."""

    def auth_test(self) -> dict[str, str]:
        return {"user_id": "U0BOT"}

    def conversations_history(self, *, channel: str, limit: int, cursor: str) -> dict[str, Any]:
        assert (channel, limit > 0) == ("C0AUDIT", True)
        if cursor:
            return {"messages": [shown(ONE)], "response_metadata": {"next_cursor": ""}}
        planted = {**shown(heads.sign(KEY, None, 9, 9, "c" * 64, AT)), "user": "U0MALLORY"}
        return {"messages": [planted, shown(TWO)], "response_metadata": {"next_cursor": "more"}}


def test_every_head_of_the_bots_own_messages_is_read() -> None:
    assert published_heads.read(cast("WebClient", Slack()), "C0AUDIT") == [ONE, TWO]
