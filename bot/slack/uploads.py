"""Uploads of CSV files to Slack. The text stays compressed in memory, because client data must not reach the disk."""

import zlib
from collections.abc import Iterable, Iterator

from slack_sdk import WebClient

from bot.slack.links import send
from bot.text import _

SECONDS, LONGEST = 60.0, 600.0
"""Time limits for the upload of one file: for each piece, and for all."""
FASTEST = 1
"""Compression level: about ten times smaller in little time."""
PIECE = 2**16


def upload_csv(client: WebClient, lines: Iterable[str], name: str, channel: str, thread: str = "") -> str:
    """Post the lines as one file; return its id.

    Raises `SlackApiError`, or `ConnectionError` if the bytes do not arrive.
    """
    content = CompressedText(lines)
    ticket = client.files_getUploadURLExternal(filename=name, length=content.length)
    try:
        send(
            client,
            "POST",
            str(ticket["upload_url"]),
            content=iter(content),
            headers={"Content-Length": str(content.length), "Content-Type": "application/octet-stream"},
            wait=SECONDS,
            total=LONGEST,
        )
    except ConnectionError as error:
        raise ConnectionError(_("Slack did not take the file: {why}").format(why=error)) from error
    client.files_completeUploadExternal(
        files=[{"id": str(ticket["file_id"]), "title": name}], channel_id=channel, thread_ts=thread or None
    )
    return str(ticket["file_id"])


class CompressedText:
    """UTF-8 text as compressed pieces; `length` is in bytes, uncompressed. Iterating yields the bytes again."""

    def __init__(self, lines: Iterable[str]) -> None:
        packer = zlib.compressobj(FASTEST)
        self.length = 0
        self._pieces: list[bytes] = []
        for line in lines:
            data = line.encode(errors="replace")
            self.length += len(data)
            if piece := packer.compress(data):
                self._pieces.append(piece)
        self._pieces.append(packer.flush())

    def __iter__(self) -> Iterator[bytes]:
        """Yield the text in pieces of bounded size."""
        unpacker = zlib.decompressobj()
        for piece in self._pieces:
            data = unpacker.decompress(piece, PIECE)
            while data:
                yield data
                data = unpacker.decompress(unpacker.unconsumed_tail, PIECE)
