"""`handover waiting`: which proposals wait for whom, since when and until when."""

from typing import Annotated

import typer

from bot.cli.context import open_services
from bot.cli.decide import show_requests
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import say, show_json
from bot.text import _
from workflows.clients.views import ProposalView

Approver = Annotated[str, typer.Option("--for", metavar="EMAIL", help="Only what waits for this person.")]


def waiting(ctx: typer.Context, whose: Approver = "", as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Show every proposal that waits for somebody: who has agreed, who is awaited, and until when.

    For example:
      handover waiting
      handover waiting --for max@example.com
    """
    with open_services(ctx, config) as services:
        found = [view for view in services.handover.waiting() if not whose or _waits(view, whose)]
    if as_json:
        show_json(found)
        return
    if not found:
        say(_("No proposal waits for anybody."))
    for view in found:
        say(
            _("{case}, version {version}: {records} records of {name}").format(
                case=view.case_id, version=view.version, records=view.records, name=view.leaver.name
            )
        )
        show_requests(view)


def _waits(view: ProposalView, whose: str) -> bool:
    wanted = whose.casefold()
    return any(wanted in (one.email.casefold(), one.slack_id.casefold()) for one in view.awaited)
