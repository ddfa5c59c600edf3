"""Whose word somebody's click can be: their own, or that of who delegated to them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workflows.clients.approvals.requests import Chair
from workflows.people import Successor

Ids = Callable[[tuple[str, ...]], tuple[str, ...]]
"""Gives the people behind ids of people and groups, as the directory has them now."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One place in one request that a person can fill."""

    chair: Chair
    whose: Successor

    @property
    def choice(self) -> int:
        """How many people could fill places of this request: the one with fewest is filled first."""
        return len(self.chair.asked.wanted) or len(self.chair.asked.pool)


def seats(user: str, chairs: Sequence[Chair], delegated: Mapping[str, str], ids: Ids) -> list[Seat]:
    """Return the places that a Slack user can fill, the most wanted first.

    `delegated`: user ids by the id of who stands in for them now. A delegate who is asked in their own right has one
    word, their own: nobody decides two parts.
    """
    named = {one.slack_id for chair in chairs for one in chair.asked.named}
    own = [Seat(chair, found) for chair in chairs if (found := _one(chair, user, named, ids))]
    others = (
        []
        if own
        else [
            Seat(chair, found)
            for chair in chairs
            for absent, delegate in delegated.items()
            if delegate == user and (found := _one(chair, absent, named, ids))
        ]
    )
    return sorted(own + others, key=lambda seat: (not seat.chair.waiting, seat.choice))


def by_name(who: str, chairs: Sequence[Chair]) -> list[Seat]:
    """Return the places of those whom an address or Slack id names; without one, every place there is."""
    wanted = who.strip().casefold()
    found = [
        Seat(chair, one)
        for chair in chairs
        for one in chair.asked.wanted
        if not wanted or wanted in (one.email.casefold(), one.slack_id.casefold(), one.key.casefold())
    ]
    return sorted(found, key=lambda seat: not seat.chair.waiting)


def _one(chair: Chair, user: str, named: set[str], ids: Ids) -> Successor | None:
    """Return the person with this id, where the request wants them: by name, or of a pool if they are named nowhere."""
    for one in chair.asked.named:
        if one.slack_id and one.slack_id == user:
            return one
    if user and user not in named and chair.asked.pool and user in ids(chair.asked.pool):
        known = (one for one in chair.asked.people if one.slack_id == user)
        return next(known, Successor(user, "", "", user))
    return None
