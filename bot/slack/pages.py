"""Messages with one page of a proposal."""

from collections.abc import Callable

from bot.slack.messages import proposal, requests, share
from bot.slack.messages.blocks import Block, Message
from bot.slack.messages.duties import in_proposal
from workflows.access.duty_views import DutiesView
from workflows.clients.reading import ClientTrackQueries
from workflows.storage.rows.clients import ProposalState

AT = "@"
"""Separator between a proposal's id and the reader's id in the subject of an outbox message."""


def proposal_page(
    proposals: ClientTrackQueries,
    subject: str,
    page: int = 0,
    viewer: str = "",
    *,
    chart: bool = True,
    duties: Callable[[str], DutiesView] | None = None,
) -> Message:
    """Return one page, for the case's approver unless the subject names another reader.

    A replaced version shows no lines, because the newer version has them. A successor sees only their own share.
    `duties`: reads a case's duties, which its approver decides on in this message.
    """
    proposal_id, _at, named = subject.partition(AT)
    view = proposals.view(proposal_id)
    viewer = viewer or named or view.approver.slack_id
    if view.state is ProposalState.SUPERSEDED:
        return proposal.build(view, [], 0, viewer=viewer, chart=chart)
    asked = requests.of(view, viewer)
    at, most = page * proposal.PER_PAGE, proposal.PER_PAGE
    if asked and asked.share:
        own, total = proposals.share_lines(proposal_id, asked.share.key, at, most)
        return share.build(view, asked, own, total, page, viewer)
    clients, total = proposals.client_page(proposal_id, at, most)
    parts: list[Block] = []
    if duties and viewer == view.approver.slack_id and not view.until:
        known = duties(view.case_id)
        if view.state is ProposalState.PENDING or known.undecided:  # a settled proposal still asks about the rest
            parts = in_proposal(view.case_id, known, view.leaver.name)
    return proposal.build(view, clients, total, page, viewer, chart=chart, duties=parts)
