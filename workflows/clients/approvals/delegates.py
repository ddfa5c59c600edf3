"""Whose word somebody's click can be: their own, or that of who delegated to them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workflows.clients.approvals.requests import UnsealedRequest
from workflows.people import Successor

Ids = Callable[[tuple[str, ...]], tuple[str, ...]]
"""Gives the people behind ids of people and groups, as the directory has them now."""


@dataclass(frozen=True, slots=True)
class DecisionRight:
    """One place in one request that a person can fill."""

    approval_request: UnsealedRequest
    principal: Successor

    @property
    def choice(self) -> int:
        """How many people could fill places of this request: the one with fewest is filled first."""
        return len(self.approval_request.asked.approvers) or len(self.approval_request.asked.pool)


def decision_rights(
    user: str, approval_requests: Sequence[UnsealedRequest], delegated: Mapping[str, str], ids: Ids
) -> list[DecisionRight]:
    """Return the places that a Slack user can fill, the most wanted first.

    `delegated`: user ids by the id of who stands in for them now. A delegate who is asked in their own right has one
    word, their own: nobody decides two parts.
    """
    named = {one.slack_id for approval_request in approval_requests for one in approval_request.asked.named}
    own = [
        DecisionRight(approval_request, found)
        for approval_request in approval_requests
        if (found := _one(approval_request, user, named, ids))
    ]
    others = (
        []
        if own
        else [
            DecisionRight(approval_request, found)
            for approval_request in approval_requests
            for absent, delegate in delegated.items()
            if delegate == user and (found := _one(approval_request, absent, named, ids))
        ]
    )
    return sorted(own + others, key=lambda seat: (not seat.approval_request.waiting, seat.choice))


def decision_rights_by_name(who: str, approval_requests: Sequence[UnsealedRequest]) -> list[DecisionRight]:
    """Return the places of those whom an address or Slack id names; without one, every place there is."""
    wanted = who.strip().casefold()
    found = [
        DecisionRight(approval_request, one)
        for approval_request in approval_requests
        for one in approval_request.asked.approvers
        if not wanted or wanted in (one.email.casefold(), one.slack_id.casefold(), one.key.casefold())
    ]
    return sorted(found, key=lambda seat: not seat.approval_request.waiting)


def _one(approval_request: UnsealedRequest, user: str, named: set[str], ids: Ids) -> Successor | None:
    """Return the person with this id, where the request wants them: by name, or of a pool if they are named nowhere."""
    for one in approval_request.asked.named:
        if one.slack_id and one.slack_id == user:
            return one
    if user and user not in named and approval_request.asked.pool and user in ids(approval_request.asked.pool):
        known = (one for one in approval_request.asked.people if one.slack_id == user)
        return next(known, Successor(user, "", "", user))
    return None
