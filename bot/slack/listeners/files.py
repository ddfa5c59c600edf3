"""Files sent to a user in a direct message, and files that a user uploads."""

from collections.abc import Iterable
from typing import Any

from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.slack.forms import notice
from bot.slack.links import send
from bot.slack.listeners.context import Call
from bot.slack.uploads import upload_csv
from bot.text import _
from workflows.clients.split.assignment_file import MOST_BYTES, InvalidAssignmentFile
from workflows.csv_cells import csv_lines

SECONDS = 20
"""Time limit for one file from Slack."""


def send_csv(call: Call, lines: Iterable[str], name: str) -> None:
    """Send lines as a file in a direct message. If the request came from another channel, answer there as well."""
    channel = call.client.conversations_open(users=call.user)["channel"]["id"]
    upload_csv(call.client, lines, name, channel)
    asked_in = (call.body.get("channel") or {}).get("id", "")
    if asked_in and asked_in != channel:
        call.tell(_("The file {name} is in Handover's direct message to you.").format(name=f"`{name}`"))


def tell_faults(call: Call, unfit: InvalidAssignmentFile) -> dict[str, Any]:
    """Return the view with a file's faults by line. If there are many, send all of them as a file."""
    if len(unfit.faults) > notice.SHOWN_FAULTS:
        faults = ((fault.line, fault.what) for fault in unfit.faults)
        send_csv(call, csv_lines([("line", "fault")], faults), "faults.csv")
    return notice.file_faults(_("This file has faults"), unfit.faults)


def fetch(client: WebClient, file: str) -> bytes:
    """Return the content of an uploaded file, from the address that Slack gives. Raises `UserFacingError`."""
    found = client.files_info(file=file)["file"]
    if int(found.get("size") or 0) > MOST_BYTES:
        raise UserFacingError(_("This file has more than {most} MB. Split it.").format(most=MOST_BYTES // 2**20))
    try:
        return send(
            client,
            "GET",
            str(found["url_private_download"]),
            headers={"Authorization": f"Bearer {client.token}"},
            most=MOST_BYTES,
            wait=SECONDS,
            total=SECONDS,
        )
    except (ConnectionError, KeyError) as error:  # a file that is kept elsewhere has no such address
        raise UserFacingError(_("Slack did not return the file. Upload it again in a moment.")) from error
