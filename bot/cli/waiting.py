"""`handover waiting`: the proposals that wait for a decision."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bot.cli.context import DEFAULT, AsJson, ConfigPath, open_services
from bot.cli.output import finish, say
from bot.cli.split import show_requests
from bot.text import N_, _
from workflows.clients.views import ProposalView

HELP = N_("Shows the approvals so far, the awaited people, and the expiry of each request.")
EXAMPLES = ("handover waiting", "handover waiting --for max@example.com")


def waiting(
    ctx: typer.Context,
    whose: Annotated[
        str, typer.Option("--for", metavar="EMAIL", help=N_("Only proposals that wait for this person."))
    ] = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the pending proposals."""
    with open_services(ctx, config) as services:
        found = [
            view
            for view in services.proposals.waiting()
            if not whose
            or any(whose.casefold() in (one.email.casefold(), one.slack_id.casefold()) for one in view.awaited)
        ]
    finish(found, lambda: _show(found), as_json=as_json)


def _show(found: Sequence[ProposalView]) -> None:
    if not found:
        say(_("No proposal waits for a decision."))
    for view in found:
        say(
            _("{case}, version {version}: {records} records of {name}").format(
                case=view.case_id, version=view.version, records=view.records, name=view.leaver.name
            )
        )
        show_requests(view)
