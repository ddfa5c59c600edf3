"""Files for one person, which come in the direct message with the bot, and files that a person hands in."""

from collections.abc import Iterable
from typing import Any

import httpx
from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.slack.forms import notice, upload
from bot.slack.listeners.context import Call
from bot.slack.uploads import upload_csv
from bot.text import _
from workflows.clients.split.assignment_file import MOST_BYTES, InvalidAssignmentFile
from workflows.csv_cells import csv_lines

SECONDS = 20
"""For one file from Slack."""


def send_csv(call: Call, lines: Iterable[str], name: str) -> None:
    """Send a list as a file to the person who asked, and say so where they asked, unless the file itself is there."""
    channel = call.client.conversations_open(users=call.user)["channel"]["id"]
    upload_csv(call.client, lines, name, channel)
    asked_in = (call.body.get("channel") or {}).get("id", "")
    if asked_in and asked_in != channel:
        call.tell(_("The file {name} is in your direct messages with me.").format(name=f"`{name}`"))


def tell_faults(call: Call, unfit: InvalidAssignmentFile) -> dict[str, Any]:
    """Return the view that says what is wrong with a file, line by line; all of it as a file where it is much."""
    if len(unfit.faults) > upload.SHOWN:
        faults = ((one.line, one.what) for one in unfit.faults)
        send_csv(call, csv_lines([("line", "fault")], faults), "faults.csv")
    return notice.notice(_("This file has faults"), upload.faults(unfit.faults))


def fetch(client: WebClient, file: str) -> bytes:
    """Return the content of an uploaded file; Slack itself is asked where it is. Raises `Told`."""
    found = client.files_info(file=file)["file"]
    if int(found.get("size") or 0) > MOST_BYTES:
        raise UserFacingError(_("This file has more than {most} MB. Split it.").format(most=MOST_BYTES // 2**20))
    try:
        answer = httpx.get(
            str(found["url_private_download"]), headers={"Authorization": f"Bearer {client.token}"}, timeout=SECONDS
        ).raise_for_status()
    except httpx.HTTPError as error:
        raise UserFacingError(_("Slack did not hand the file over. Upload it again in a moment.")) from error
    return answer.content
