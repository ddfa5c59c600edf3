"""Signed heads of the journal, read back from the audit channel in Slack."""

import json

from slack_sdk import WebClient

from workflows.storage import heads
from workflows.storage.heads import Head

PAGE = 200


def read(client: WebClient, channel: str) -> list[Head]:
    """Return every head in the bot's own messages of a channel. Raises `SlackApiError`, `OSError`."""
    own, cursor, texts = client.auth_test()["user_id"], "", []
    while True:
        page = client.conversations_history(channel=channel, limit=PAGE, cursor=cursor)
        texts += [json.dumps(one, ensure_ascii=False) for one in page["messages"] if one.get("user") == own]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return heads.read("\n".join(texts))
