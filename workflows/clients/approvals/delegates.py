"""Decision rights: the places in approval requests that one person can fill, in their own right or as a delegate.

Pure: nothing here reads or writes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workflows.clients.approvals.requests import UnsealedRequest
from workflows.people import Successor

PoolUsers = Callable[[Sequence[str]], Sequence[str]]
"""Returns the users in a pool of users and groups, as the directory has them now."""


@dataclass(frozen=True, slots=True)
class DecisionRight:
    """One place in one request that a person can fill."""

    request: UnsealedRequest
    principal: Successor

    @property
    def alternatives(self) -> int:
        """Number of people who could fill places of this request: the one with fewest is filled first."""
        return len(self.request.data.approvers) or len(self.request.data.pool)


def decision_rights(
    user: str, requests: Sequence[UnsealedRequest], delegated: Mapping[str, str], pool_users: PoolUsers
) -> list[DecisionRight]:
    """Return the places that a Slack user can fill, those that wait first, then those with fewest alternatives.

    `delegated`: delegates by the user who is away. A delegate who is asked in their own right has only that decision.
    """
    named = {person.slack_id for request in requests for person in request.data.named}

    def held_by(holder: str) -> list[DecisionRight]:
        return [
            DecisionRight(request, found)
            for request in requests
            if (found := _approver(request, holder, named, pool_users))
        ]

    rights = held_by(user) or [
        right for absent, delegate in delegated.items() if delegate == user for right in held_by(absent)
    ]
    return sorted(rights, key=lambda right: (not right.request.waiting, right.alternatives))


def decision_rights_by_name(who: str, requests: Sequence[UnsealedRequest]) -> list[DecisionRight]:
    """Return the places of the people with this address or Slack id; without one, all places."""
    wanted = who.strip().casefold()
    rights = [
        DecisionRight(request, person)
        for request in requests
        for person in request.data.approvers
        if not wanted or wanted in (person.email.casefold(), person.slack_id.casefold(), person.key.casefold())
    ]
    return sorted(rights, key=lambda right: not right.request.waiting)


def _approver(request: UnsealedRequest, user: str, named: set[str], pool_users: PoolUsers) -> Successor | None:
    """Return the user as an approver of the request: by name, or from its pool if no request names the user."""
    if not user:
        return None
    if user in named:
        return next((person for person in request.data.named if person.slack_id == user), None)
    if user not in pool_users(request.data.pool):
        return None
    known = (person for person in request.data.people if person.slack_id == user)
    return next(known, Successor(user, "", "", user))
