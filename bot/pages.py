"""A proposal as the services have it now, one page of it as a message."""

from bot.messages import proposal
from bot.messages.blocks import Message
from bot.services import Handover
from workflows.model import ProposalState


def proposal_page(handover: Handover, proposal_id: str, page: int = 0, *, chart: bool = True) -> Message:
    """Return a page. A replaced version has handed its lines on to the newer one, so it shows none."""
    view = handover.view(proposal_id)
    if view.state is ProposalState.SUPERSEDED:
        return proposal.build(view, [], 0)
    clients, total = handover.client_page(proposal_id, page * proposal.PER_PAGE, proposal.PER_PAGE)
    return proposal.build(view, clients, total, page, chart=chart)
