"""Splits of clients in tables: previews, proposals and their approvals."""

from collections.abc import Sequence

from bot.cli.arguments import faulty
from bot.cli.output import money, say, show_table
from bot.text import _, listed, punctuated
from workflows.clients.views import DecisionView, Preview, ProposalView, RequestView, Share


def show(preview: Preview, *, quiet: bool = False) -> None:
    """Print a preview unless `quiet`. Raises `CommandError` where the file has faults."""
    if preview.faults:
        raise faulty(preview.faults)
    if quiet:
        return
    title = _("Clients: {families} with {records} records would go to").format(
        families=preview.families, records=preview.records
    )
    show_shares(preview.shares, title)
    if preview.staying:
        say(_("{count} records stay: the system does not allow a new owner.").format(count=preview.staying))
    not_read = _("NOT READ, so not in these figures: {why}")
    say(*preview.notes, *(not_read.format(why=why) for why in preview.problems))


def show_kept(proposal: ProposalView) -> None:
    """Print the clients that stay with the leaver, with reason and person, and what clients are told after the move."""
    said = _("{clients} clients ({records} records) stay with {name}: {reason} (decided by {by})")
    name = proposal.leaver.name
    for one in proposal.kept:
        say(said.format(clients=one.clients, records=one.records, name=name, reason=one.reason, by=one.by))
    say(*proposal.told)


def show_shares(shares: Sequence[Share], title: str) -> None:
    """Print the share of each successor."""
    columns = [_("Successor"), _("Clients"), _("Records"), _("Open deals"), _("Value")]
    show_table(
        columns,
        [
            (
                f"{share.successor.name}\n{share.successor.email}",
                str(share.families),
                str(share.records),
                str(share.deals),
                money(share.value),
            )
            for share in shares
        ],
        title,
    )


def deciders(proposal: ProposalView) -> str:
    """Return the names of the people whose decision is awaited."""
    return listed(one.name or one.slack_id for one in proposal.awaited) or proposal.approver.name


def show_requests(proposal: ProposalView) -> None:
    """Print the approval requests: needed and given approvals, awaited people, expiry."""
    show_table(
        [_("Asked"), _("Needed"), _("State"), _("Decisions"), _("Awaited"), _("Until")],
        [_request_row(request) for request in proposal.requests],
    )


def _request_row(request: RequestView) -> tuple[str, ...]:
    return (
        punctuated(": ").join((request.role, *([request.share.name] if request.share else []))),
        f"{len(request.counted)}/{request.need}",
        _(request.state.value),
        "\n".join(_decision(one) for one in request.decisions),
        "\n".join(one.name or one.slack_id for one in request.awaited) + f"\n{request.problem}".rstrip(),
        request.expires_at.isoformat(timespec="minutes") if request.expires_at else "",
    )


def _decision(one: DecisionView) -> str:
    answer = _("yes") if one.approve else _("no")
    given = "" if one.principal.key == one.person.key else _(" for {name}").format(name=one.principal.name)
    void = _(" (does not count: {why})").format(why=one.void) if one.void else ""
    return punctuated("{name}: {answer}").format(name=one.person.name + given, answer=answer + void)
