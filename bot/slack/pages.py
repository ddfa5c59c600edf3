"""A proposal as the services have it now, one page of it as a message."""

from bot.slack.messages import proposal, requests, share
from bot.slack.messages.blocks import Message
from workflows.clients.reading import ClientTrackQueries
from workflows.storage.rows.clients import ProposalState

AT = "@"
"""Between a proposal's id and the person whose message shows it, in the subject of a post."""


def proposal_page(
    proposals: ClientTrackQueries, subject: str, page: int = 0, viewer: str = "", *, chart: bool = True
) -> Message:
    """Return a page, for the case's approver unless the subject names another.

    A replaced version has handed its lines on to the newer one, so it shows none; who receives sees their own share.
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
    return proposal.build(view, clients, total, page, viewer, chart=chart)
