"""Uploads of CSV files to Slack: the same bytes arrive, and a file that does not arrive is an error."""

import random

import pytest
from slack_sdk import WebClient

from bot.slack.uploads import PIECE, CompressedText, upload_csv
from tests.sandbox.company.people import MANAGER
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace

LINES = ["client,stage\r\n", "Ünal,株式会社\r\n", "x" * (3 * PIECE) + "\r\n", *(f"{n},open\r\n" for n in range(20_000))]


def test_compressed_text_comes_back_in_bounded_pieces() -> None:
    noise = random.Random(1)
    lines = [*LINES, *(f"{noise.random()}\r\n" for _ in range(20_000))]
    text = CompressedText(iter(lines))
    pieces = list(text)
    assert b"".join(pieces) == "".join(lines).encode()
    assert text.length == sum(map(len, pieces))
    assert max(map(len, pieces)) <= PIECE


def test_a_file_arrives_whole_in_its_thread() -> None:
    with SlackServer(Workspace()) as slack:
        client = WebClient(token=slack.workspace.app.bot_token, base_url=slack.api_url)
        channel = client.conversations_open(users=MANAGER.slack_id)["channel"]["id"]
        first = client.chat_postMessage(channel=channel, text="Your clients")
        upload_csv(client, LINES, "clients.csv", channel, first["ts"])
        [file] = slack.workspace.files.values()
        assert file.data == "".join(LINES).encode()
        replies = client.conversations_replies(channel=channel, ts=first["ts"])["messages"]
        assert [one["name"] for message in replies for one in message.get("files", [])] == ["clients.csv"]


def test_a_file_that_slack_does_not_take_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with SlackServer(Workspace()) as slack:
        client = WebClient(token=slack.workspace.app.bot_token, base_url=slack.api_url)
        channel = client.conversations_open(users=MANAGER.slack_id)["channel"]["id"]
        ticket = client.files_getUploadURLExternal(filename="x.csv", length=1)
        gone = {"file_id": ticket["file_id"], "upload_url": f"{ticket['upload_url']}-gone"}
        monkeypatch.setattr(client, "files_getUploadURLExternal", lambda **_: gone)
        with pytest.raises(ConnectionError, match="404"):
            upload_csv(client, LINES, "clients.csv", channel)
