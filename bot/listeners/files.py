"""Files for one person: they come in the direct message with the bot."""

from bot.listeners.desk import Call
from bot.text import _


def send_csv(call: Call, csv: str, name: str) -> None:
    """Send a list as a file to the person who asked, and say so where they asked."""
    channel = call.client.conversations_open(users=call.user)["channel"]["id"]
    call.client.files_upload_v2(channel=channel, content=csv, filename=name, title=name)
    call.tell(_("The file {name} is in your direct messages with me.").format(name=f"`{name}`"))
