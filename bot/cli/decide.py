"""`handover decide`: approve or decline a split of clients from the terminal, for those whom Slack does not reach."""

from typing import Annotated

import typer

from bot.cli.ending import NOT_GOOD, Stop
from bot.cli.house import actor, visit
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import say, show_json
from bot.cli.split import show_kept, show_shares
from bot.cli.status import find
from bot.text import _
from workflows.model import ProposalState
from workflows.views import CaseView, ProposalView

Whose = Annotated[str, typer.Argument(metavar="CASE|EMAIL", help="A case's id or its leaver's address.")]
Approve = Annotated[bool | None, typer.Option("--approve/--decline", help="The decision; without it: only look.")]
Why = Annotated[str, typer.Option("--reason", help="Why; goes on record.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print every record of the proposal as CSV, and decide nothing.")]


def decide(
    ctx: typer.Context,
    who: Whose,
    approve: Approve = None,
    reason: Why = "",
    yes: Yes = False,
    csv: Csv = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show how a leaver's clients would be split, and approve or decline it.

    For approvers without a Slack id; on record as decided at the command line, by whom. The decision binds to exactly
    what is shown: if it changes meanwhile, nothing is decided.

    For example:
      handover decide dana@example.com
      handover decide dana@example.com --csv > split.csv
      handover decide dana@example.com --approve
    """
    with visit(ctx, config) as services:
        case = find(services.offboarding.find_case(who), who)
        proposal = waiting(case)
        if csv:
            typer.echo(services.handover.csv(proposal.id), nl=False)
            return
        if not as_json:
            show(proposal)
        if approve is not None:
            _confirm(approve=approve, yes=yes)
            proposal = services.handover.decide(proposal.id, proposal.digest, actor(), approve, reason)
    if as_json:
        show_json(proposal)
    elif approve is not None:
        say(_("The proposal is {state}.").format(state=proposal.state.value))


def waiting(case: CaseView) -> ProposalView:
    """Return the proposal that waits for a decision, or stop with what to do."""
    proposal = case.clients.proposal if case.clients else None
    if proposal is None or proposal.state is not ProposalState.PENDING:
        raise Stop(
            _("Nothing of case {id} waits for a decision.").format(id=case.id),
            _("`handover status {id}` shows where it stands.").format(id=case.id),
        )
    return proposal


def show(proposal: ProposalView) -> None:
    """Print who would get what."""
    show_shares(
        proposal.shares,
        _("{name}: {records} records of {families} clients, version {version} ({why}); {approver} decides").format(
            name=proposal.leaver.name,
            records=proposal.records,
            families=proposal.families,
            version=proposal.version,
            why=proposal.why,
            approver=proposal.approver.name,
        ),
    )
    show_kept(proposal)


def _confirm(*, approve: bool, yes: bool) -> None:
    if yes:
        return
    try:
        agreed = typer.confirm(_("Approve this split?") if approve else _("Decline this split?"), err=True)
    except typer.Abort:
        raise Stop(_("Nobody confirmed, so nothing was decided."), _("Add --yes where nobody can be asked.")) from None
    if not agreed:
        raise Stop(_("Nothing was decided."), code=NOT_GOOD)
