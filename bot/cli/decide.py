"""`handover decide`: approve or decline a split of clients from the terminal, for those whom Slack does not reach."""

from typing import Annotated

import typer

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.context import actor, open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import say, show_json, show_table
from bot.cli.split import show_kept, show_shares
from bot.cli.status import find
from bot.text import _
from workflows.cases.views import CaseView
from workflows.clients.views import DecisionView, ProposalView
from workflows.storage.rows.clients import ProposalState

Whose = Annotated[str, typer.Argument(metavar="CASE|EMAIL", help="A case's id or its leaver's address.")]
Approve = Annotated[bool | None, typer.Option("--approve/--decline", help="The decision; without it: only look.")]
Why = Annotated[str, typer.Option("--reason", help="Why; goes on record.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
For = Annotated[str, typer.Option("--for", metavar="EMAIL", help="Whose answer it is, where several people are asked.")]
Ask = Annotated[str, typer.Option("--ask", metavar="ID", help="Slack id of somebody who is to be asked as well.")]
Role = Annotated[str, typer.Option("--as", metavar="ROLE", help="With --ask: for which part, a rule's name.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print every record of the proposal as CSV, and decide nothing.")]


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
    """Show how a leaver's clients would be split, and approve or decline it.

    For approvers without a Slack id; on record as decided at the command line, by whom, for which approver. The
    decision binds to exactly what is shown: if it changes meanwhile, nothing is decided. One operator has one word.

    For example:
      handover decide dana@example.com
      handover decide dana@example.com --csv > split.csv
      handover decide dana@example.com --approve
      handover decide dana@example.com --decline --reason "not Bob" --for max@example.com
      handover decide dana@example.com --ask U0123EVE
    """
    with open_services(ctx, config) as services:
        case = find(services.offboarding.find_case(who), who)
        proposal = waiting(case)
        if csv:
            typer.echo(services.handover.csv(proposal.id), nl=False)
            return
        if not as_json:
            show(proposal)
        if ask:
            proposal = services.handover.appoint(proposal.id, ask, actor(), role)
        elif approve is not None:
            _confirm(approve=approve, yes=yes)
            proposal = services.handover.decide(proposal.id, proposal.digest, actor(), approve, reason, whose)
    if as_json:
        show_json(proposal)
    elif ask:
        say(_("{user} is asked as well, as soon as a bot runs.").format(user=ask))
    elif approve is not None:
        say(_("The proposal is {state}.").format(state=proposal.state.value))
        if proposal.state is ProposalState.PENDING:
            show_requests(proposal)


def waiting(case: CaseView) -> ProposalView:
    """Return the proposal that waits for a decision, or stop with what to do."""
    proposal = case.clients.proposal if case.clients else None
    if proposal is None or proposal.state is not ProposalState.PENDING:
        raise CommandError(
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
            approver=", ".join(one.name or one.slack_id for one in proposal.awaited) or proposal.approver.name,
        ),
    )
    show_kept(proposal)
    if len(proposal.requests) > 1 or any(request.decisions for request in proposal.requests):
        show_requests(proposal)


def show_requests(proposal: ProposalView) -> None:
    """Print who must agree, who has, and who is awaited until when."""
    show_table(
        [_("Asked"), _("Needed"), _("State"), _("Said"), _("Awaited"), _("Until")],
        [
            (
                request.role if request.share is None else f"{request.role}: {request.share.name}",
                f"{len(request.counted)}/{request.need}",
                request.state.value,
                "\n".join(_said(word) for word in request.decisions),
                "\n".join(one.name or one.slack_id for one in request.awaited) + f"\n{request.problem}".rstrip(),
                request.expires_at.isoformat(timespec="minutes") if request.expires_at else "",
            )
            for request in proposal.requests
        ],
    )


def _said(word: DecisionView) -> str:
    verdict = _("yes") if word.approve else _("no")
    given = "" if word.principal.key == word.person.key else _(" for {name}").format(name=word.principal.name)
    void = _(" (does not count: {why})").format(why=word.void) if word.void else ""
    return f"{word.person.name}{given}: {verdict}{void}"


def _confirm(*, approve: bool, yes: bool) -> None:
    if yes:
        return
    try:
        agreed = typer.confirm(_("Approve this split?") if approve else _("Decline this split?"), err=True)
    except typer.Abort:
        raise CommandError(
            _("Nobody confirmed, so nothing was decided."), _("Add --yes where nobody can be asked.")
        ) from None
    if not agreed:
        raise CommandError(_("Nothing was decided."), code=EXIT_FAILURE)
