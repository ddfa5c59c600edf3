"""Approval requests of a proposal: decisions, people still asked, deadlines."""

from bot.slack.messages.blocks import Block, button, pack, paragraphs, section
from bot.slack.messages.phrases import listing, short
from bot.text import _, moment, mrkdwn, ngettext
from workflows.clients.views import DecisionView, ProposalView, RequestView
from workflows.storage.rows.clients import ProposalState, RequestState

ASK = "request_ask"


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
    said = [_word(word) for word in request.decisions]
    if pending and request.state is RequestState.WAITING:
        said.append(_awaited(request))
    if not pending and request.state in (RequestState.EXPIRED, RequestState.WITHDRAWN):
        said.append(_("expired without an answer") if request.state is RequestState.EXPIRED else _("no longer needed"))
    if request.problem and pending:
        said.append(_("problem: {problem}").format(problem=short(request.problem)))
    return f"*{title(request)}*: {'; '.join(said)}"


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


def waits_for(view: ProposalView) -> str:
    """Return the names of all people who are still asked."""
    return listing([one.name or one.slack_id for one in view.awaited or (view.approver,)], 5)


def of(view: ProposalView, viewer: str) -> RequestView | None:
    """Return the request for a person's message: one that awaits them, else one that they answered."""
    asked = [one for one in view.requests if one.awaits(viewer)]
    said = [one for one in view.requests if any(word.person.slack_id == viewer for word in one.decisions)]
    seen = [one for one in view.requests if one.asks(viewer)]
    return next(iter([*asked, *said, *seen]), None)


def _word(word: DecisionView) -> str:
    text = _("✓ approved by {who} {at}") if word.approve else _("✗ declined by {who} {at}")
    who = mrkdwn(word.person.name, 60)
    if word.principal.key != word.person.key:
        who = _("{who} for {principal}").format(who=who, principal=mrkdwn(word.principal.name, 60))
    said = text.format(who=who, at=moment(word.at))
    if word.reason:
        said += f" ({short(word.reason, 200)})"
    if word.void:
        return _("{said}, which no longer counts: {why}").format(said=said, why=short(word.void, 100))
    return said


def _awaited(request: RequestView) -> str:
    names = [
        _("{name} (away: {delegate})").format(name=one.name, delegate=request.delegates[one.slack_id].name)
        if one.slack_id in request.delegates
        else one.name or one.slack_id
        for one in request.awaited
    ]
    left = max(request.need - len(request.counted), 1)
    if not names:
        said = _("nobody can be asked")
    elif left < len(names):
        said = ngettext("waiting for {count} of {names}", "waiting for {count} of {names}", left).format(
            count=left, names=listing(names, 6)
        )
    else:
        said = _("waiting for {names}").format(names=listing(names, 6))
    if request.escalated_at:
        said += _(", escalated {at}").format(at=moment(request.escalated_at))
    return said + (_(", until {at}").format(at=moment(request.expires_at)) if request.expires_at else "")
