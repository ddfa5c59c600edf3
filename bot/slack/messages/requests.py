"""Approval requests of a proposal: decisions, people still asked, deadlines."""

from functools import reduce

from bot.slack.messages.blocks import Block, button, pack, paragraphs, section
from bot.slack.messages.phrases import listing, short
from bot.text import _, moment, mrkdwn, ngettext, punctuated
from workflows.clients.views import DecisionView, ProposalView, RequestView
from workflows.storage.rows.clients import ProposalState, RequestState

ASK = "request_ask"


def happened(view: ProposalView) -> list[Block]:
    """Return a line for each request of which there is more to say than who is waited for.

    `needs` says that. A settled proposal has a line for each of several requests.
    """
    if view.state is not ProposalState.PENDING:
        return blocks(view)
    return paragraphs([line(request) for request in view.requests if _eventful(request)])


def needs(view: ProposalView) -> str:
    """Return who must still approve: `Max Weber, and 1 of Ada Lovelace · Bob Ross (director)`."""
    waiting = [request for request in view.requests if request.state is RequestState.WAITING]
    shares = sum(1 for request in waiting if request.share)
    parts = [_needed(request) for request in waiting if not request.share]
    if shares:
        text = ngettext("{count} receiving colleague", "each of {count} receiving colleagues", shares)
        parts.append(text.format(count=shares))
    if not parts:
        return listing([person.name or person.slack_id for person in view.awaited or (view.approver,)], 5)
    return reduce(lambda before, part: _("{before}, and {part}").format(before=before, part=part), parts)


def missing(view: ProposalView) -> int:
    """Return how many people must still approve."""
    waiting = [request for request in view.requests if request.state is RequestState.WAITING]
    return sum(_left(request) for request in waiting) or 1


def _left(request: RequestView) -> int:
    return max(request.need - len(request.counted), 1)


def _needed(request: RequestView) -> str:
    """Return whose approval one request needs: all of the people who are asked, or some of them."""
    names, left = [person.name or person.slack_id for person in request.awaited], _left(request)
    who = listing(names, 6) if names else _("somebody, and nobody can be asked now")
    if len(names) > left:
        who = ngettext("{count} of {names}", "{count} of {names}", left).format(count=left, names=who)
    return who if request.role == "manager" else _("{who} ({role})").format(who=who, role=mrkdwn(request.role, 60))


def blocks(view: ProposalView) -> list[Block]:
    """Return a line for each request; none if the only request is the approver's and nothing has happened."""
    settled = view.state is not ProposalState.PENDING
    if len(view.requests) < 2 and (settled or not any(map(_eventful, view.requests))):  # noqa: PLR2004 - said elsewhere
        return []
    return paragraphs([line(request, pending=view.state is ProposalState.PENDING) for request in view.requests])


def waiting(view: ProposalView | None) -> list[Block]:
    """Return the case message's lines on a waiting proposal, with a button to ask somebody else."""
    if view is None or view.state is not ProposalState.PENDING or not blocks(view):
        return []
    return [section(line(request), _ask(view, request)) for request in view.requests]


def ask_buttons(view: ProposalView | None) -> list[Block]:
    """Return the buttons to ask somebody else, for requests that have no line in the case message."""
    if view is None or view.state is not ProposalState.PENDING or blocks(view):
        return []
    return [found for request in view.requests if (found := _ask(view, request))]


def _ask(view: ProposalView, request: RequestView) -> Block | None:
    if request.share or request.state is not RequestState.WAITING:
        return None
    value = pack(proposal=view.id, role=request.id.partition("#")[2], case=view.case_id)
    return button(_("Ask Someone Else"), f"{ASK}:{request.role}", value)


def _eventful(request: RequestView) -> bool:
    """Return whether anything has happened to a request."""
    return bool(
        request.decisions or request.problem or request.delegates or request.escalated_at or request.reminded_at
    )


def line(request: RequestView, *, pending: bool = True) -> str:
    """Return one request: `*Approver*: ✓ approved by Max Weber, 5 May 10:00`."""
    parts = [_decision(decision) for decision in request.decisions]
    if pending and request.state is RequestState.WAITING:
        parts.append(_awaited(request))
    if not pending and request.state is RequestState.EXPIRED:
        parts.append(_("expired without an answer"))
    if not pending and request.state is RequestState.WITHDRAWN:
        parts.append(_("no longer needed"))
    if request.problem and pending:
        parts.append(_("problem: {problem}").format(problem=short(request.problem)))
    return punctuated("*{title}*: {parts}").format(title=title(request), parts=punctuated("; ").join(parts))


def title(request: RequestView) -> str:
    """Return the request's title, with the number of decisions that it needs."""
    if request.role == "manager":
        return _("Approver")
    if request.role == "receiver":
        return _("{name}, for their own share").format(name=mrkdwn(request.share.name if request.share else "?", 60))
    if request.need == 1:
        return mrkdwn(request.role, 60)
    return _("{role}, {count} of {need}").format(
        role=mrkdwn(request.role, 60), count=len(request.counted), need=request.need
    )


def of(view: ProposalView, viewer: str) -> RequestView | None:
    """Return the request for a person's message: one that awaits them, else one that they answered."""
    waiting = [request for request in view.requests if request.awaits(viewer)]
    answered = [
        request
        for request in view.requests
        if any(decision.person.slack_id == viewer for decision in request.decisions)
    ]
    asked = [request for request in view.requests if request.asks(viewer)]
    return next(iter([*waiting, *answered, *asked]), None)


def _decision(decision: DecisionView) -> str:
    text = _("✓ approved by {who} {at}") if decision.approve else _("✗ declined by {who} {at}")
    who = mrkdwn(decision.person.name, 60)
    if decision.principal.key != decision.person.key:
        who = _("{who} for {principal}").format(who=who, principal=mrkdwn(decision.principal.name, 60))
    line = text.format(who=who, at=moment(decision.at))
    if decision.reason:
        line = punctuated("{said} ({why})").format(said=line, why=short(decision.reason, 200))
    if decision.void:
        return _("{said}, which no longer counts: {why}").format(said=line, why=short(decision.void, 100))
    return line


def _awaited(request: RequestView) -> str:
    names = [
        _("{name} (away: {delegate})").format(name=person.name, delegate=request.delegates[person.slack_id].name)
        if person.slack_id in request.delegates
        else person.name or person.slack_id
        for person in request.awaited
    ]
    left = _left(request)
    text = _("waiting for {names}") if names else _("nobody can be asked")
    if left < len(names):
        text = ngettext("waiting for {count} of {names}", "waiting for {count} of {names}", left)
    text = text.format(count=left, names=listing(names, 6))
    if request.escalated_at:
        text += _(", escalated {at}").format(at=moment(request.escalated_at))
    return text + (_(", until {at}").format(at=moment(request.expires_at)) if request.expires_at else "")
