"""`handover decide`: the decision on a split of clients, for approvers whom Slack does not reach."""

from typing import Annotated

import typer

from bot.cli.command_errors import CommandError
from bot.cli.confirmation import require_yes
from bot.cli.context import actor, find_case, open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose, Yes
from bot.cli.output import say, show_csv, show_json
from bot.cli.split import deciders, show_kept, show_requests, show_shares
from bot.text import N_, _
from workflows.cases.views import CaseView
from workflows.clients.views import ProposalView
from workflows.storage.rows.clients import ProposalState

HELP = N_(
    """Without --approve or --decline the command only shows the proposal.

For approvers without a Slack id. The decision goes on record with your name and the approver's name.

A decision binds to exactly the version that is shown. After a change in between, nothing is decided. One operator
counts as one person.
"""
)
EXAMPLES = (
    "handover decide dana@example.com",
    "handover decide dana@example.com --csv > split.csv",
    "handover decide dana@example.com --approve",
    'handover decide dana@example.com --decline --reason "not Bob" --for max@example.com',
    "handover decide dana@example.com --ask U0123EVE",
)
Approve = Annotated[
    bool | None, typer.Option("--approve/--decline", help=N_("The decision. Without it, only show the proposal."))
]
Why = Annotated[str, typer.Option("--reason", help=N_("The reason of the decision. Goes on record."))]
For = Annotated[
    str, typer.Option("--for", metavar="EMAIL", help=N_("The approver who decides, where several are asked."))
]
Ask = Annotated[str, typer.Option("--ask", metavar="ID", help=N_("Slack id of an additional approver to ask."))]
Role = Annotated[str, typer.Option("--as", metavar="ROLE", help=N_("With --ask: the approval rule's name."))]
Csv = Annotated[bool, typer.Option("--csv", help=N_("Print every record of the proposal as CSV. Decides nothing."))]


def decide(
    ctx: typer.Context,
    who: Whose,
    approve: Approve = None,
    reason: Why = "",
    whose: For = "",
    ask: Ask = "",
    role: Role = "manager",
    yes: Yes = False,
    csv: Csv = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the pending proposal of a case, and record a decision on it."""
    with open_services(ctx, config) as services:
        proposal = pending(find_case(services, who))
        if csv:
            show_csv(services.proposals.csv(proposal.id))
            return
        if not as_json:
            show(proposal)
        if ask:
            services.appointments.appoint(proposal.id, ask, actor(), role)
        elif approve is not None:
            if not yes:
                require_yes(_("Approve this split?") if approve else _("Decline this split?"))
            services.decisions.decide(proposal.id, proposal.digest, actor(), approve, reason, whose)
        proposal = services.proposals.view(proposal.id)
    if as_json:
        show_json(proposal)
    elif ask:
        say(_("{user} will be asked too, as soon as a bot runs.").format(user=ask))
    elif approve is not None:
        say(_("The proposal is {state}.").format(state=_(proposal.state.value)))
        if proposal.state is ProposalState.PENDING:
            show_requests(proposal)


def pending(case: CaseView) -> ProposalView:
    """Return the proposal that waits for a decision. Raises `CommandError` where none does."""
    proposal = case.clients.proposal if case.clients else None
    if proposal is None or proposal.state is not ProposalState.PENDING:
        raise CommandError(
            _("No proposal of case {id} waits for a decision.").format(id=case.id),
            _("`handover status {id}` shows the case.").format(id=case.id),
        )
    return proposal


def show(proposal: ProposalView) -> None:
    """Print the proposed split, and the approvals so far."""
    show_shares(
        proposal.shares,
        _("{name}: {records} records of {families} clients, version {version} ({why}); {approver} decides").format(
            name=proposal.leaver.name,
            records=proposal.records,
            families=proposal.families,
            version=proposal.version,
            why=proposal.why,
            approver=deciders(proposal),
        ),
    )
    show_kept(proposal)
    if len(proposal.requests) > 1 or any(request.decisions for request in proposal.requests):
        show_requests(proposal)
