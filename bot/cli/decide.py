"""`handover decide`: the decision on a split of clients, for approvers whom Slack does not reach."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, Yes, open_case, require_yes
from bot.cli.output import CommandError, finish, say, show_csv
from bot.cli.split import deciders, show_kept, show_requests, show_shares
from bot.text import N_, _
from workflows.authorization import Right
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


def decide(
    ctx: typer.Context,
    who: Whose,
    approve: Annotated[
        bool | None, typer.Option("--approve/--decline", help=N_("The decision. Without it, only show the proposal."))
    ] = None,
    reason: Annotated[str, typer.Option(help=N_("The reason of the decision. Goes on record."))] = "",
    whose: Annotated[
        str, typer.Option("--for", metavar="EMAIL", help=N_("The approver who decides, where several are asked."))
    ] = "",
    ask: Annotated[str, typer.Option(metavar="ID", help=N_("Slack id of an additional approver to ask."))] = "",
    role: Annotated[
        str, typer.Option("--rule", metavar="RULE", help=N_("With --ask: the approval rule's name."))
    ] = "manager",
    yes: Yes = False,
    csv: Annotated[
        bool, typer.Option("--csv", help=N_("Print every record of the proposal as CSV. Decides nothing."))
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the pending proposal of a case, and record a decision on it."""
    with open_case(ctx, config, who) as (services, case):
        proposal = pending(case)
        if csv:
            show_csv(services.proposals.csv(proposal.id))
            return
        if not as_json:
            _show(proposal)
        if ask:
            services.appointments.appoint(proposal.id, ask, author(ctx, services, Right.APPOINT), role)
        elif approve is not None:
            require_yes(_("Approve this split?") if approve else _("Decline this split?"), yes)
            asked = [] if whose else [one.slack_id for one in proposal.awaited]
            by = author(ctx, services, Right.RECORD, *asked)
            whose = by.slack_id if by.slack_id in asked else whose
            services.decisions.decide(proposal.id, proposal.digest, by, approve, reason, whose)
        proposal = services.proposals.view(proposal.id)
    finish(proposal, lambda: _show_outcome(proposal, ask, decided=approve is not None), as_json=as_json)


def pending(case: CaseView) -> ProposalView:
    """Return the proposal that waits for a decision. Raises `CommandError` where none does."""
    proposal = case.clients.proposal if case.clients else None
    if proposal is None or proposal.state is not ProposalState.PENDING:
        raise CommandError(
            _("No proposal of case {id} waits for a decision.").format(id=case.id),
            _("`handover status {id}` shows the case.").format(id=case.id),
        )
    return proposal


def _show_outcome(proposal: ProposalView, asked: str, *, decided: bool) -> None:
    if asked:
        say(_("{user} will be asked too, as soon as a bot runs.").format(user=asked))
    elif decided:
        say(_("The proposal is {state}.").format(state=_(proposal.state.value)))
        if proposal.state is ProposalState.PENDING:
            show_requests(proposal)


def _show(proposal: ProposalView) -> None:
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
