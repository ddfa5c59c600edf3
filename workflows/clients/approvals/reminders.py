"""What the clock does with one request for approval at one moment. Pure: nothing here reads or writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workflows.business_days import business_days_later
from workflows.clients.approval_policy import ApprovalPolicy
from workflows.clients.approvals.requests import RequestData
from workflows.people import Successor
from workflows.storage.rows.clients import ApprovalRequest

LOOK = timedelta(hours=1)
"""How often who is asked is compared with who is still there."""
SOON = timedelta(minutes=1)
"""When to look again where the directory did not answer."""


@dataclass(frozen=True, slots=True)
class RequestActions:
    """What is to be done now."""

    ask: tuple[Successor, ...] = ()
    """Whom to ask for the first time."""
    remind: tuple[Successor, ...] = ()
    escalate: bool = False
    expire: bool = False
    expires_at: datetime | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApproverAvailability:
    """Who is there, who has answered already, and where they work."""

    people: tuple[Successor, ...]
    """Active, full members who can decide; those without Slack, who decide at the command line, too."""
    answered: frozenset[str] = frozenset()
    """Keys of those whose word counts."""
    zones: Mapping[str, str] | None = None
    """Time zones by key."""
    chain_left: bool = False
    """Whether there is anybody left to escalate to."""


def next_request_actions(
    row: ApprovalRequest, asked: RequestData, there: ApproverAvailability, policy: ApprovalPolicy, now: datetime
) -> RequestActions:
    """Decide what to do. Times are business days of each person's own calendar; the slowest counts for all."""
    silent = [one for one in there.people if one.key not in there.answered]
    fresh = tuple(one for one in silent if one.key not in asked.told)
    times = _Deadlines(asked, there, policy, now, row.asked_at)
    expires = max((times.after(one, policy.expire_days) for one in there.people), default=times.nobody)
    if now >= expires:
        return RequestActions(expire=True, expires_at=expires)
    enough = len(silent) + len(there.answered) >= row.quorum
    since = max(filter(None, (row.escalated_at, row.asked_at)))
    waited = max((times.after(one, policy.escalate_days, since) for one in silent), default=now)
    escalate = there.chain_left and (not enough or now >= waited)
    due = {one.key: times.reminder(one) for one in silent if one not in fresh}
    remind = tuple(one for one in silent if one not in fresh and now >= due[one.key])
    coming = [now + LOOK, expires, *(at for at in due.values() if at > now), *([waited] if waited > now else [])]
    return RequestActions(fresh, remind, escalate, False, expires, now if escalate else min(coming))


def record_actions(asked: RequestData, step: RequestActions, now: datetime) -> RequestData:
    """Return what the request knows once that was done."""
    first = {one.key: now.isoformat() for one in step.ask}
    again = {one.key: now.isoformat() for one in step.remind}
    return replace(
        asked, told={**asked.told, **first}, reminded={**asked.reminded, **again}, times=asked.times + bool(again)
    )


def missing(need: int, people: Sequence[Successor], answered: frozenset[str]) -> int:
    """Return how many more people are needed than there are."""
    return max(0, need - len({one.key for one in people} | answered))


@dataclass(frozen=True, slots=True)
class _Deadlines:
    asked: RequestData
    there: ApproverAvailability
    policy: ApprovalPolicy
    now: datetime
    began: datetime

    def after(self, one: Successor, days: int, since: datetime | None = None) -> datetime:
        """Return the end of so many business days of that person, from when they were asked or later."""
        first = _moment(self.asked.told, one) or self.now
        return self._later(max(first, since) if since else first, days, one)

    def reminder(self, one: Successor) -> datetime:
        """Return when that person is to be reminded next."""
        last = _moment(self.asked.reminded, one) or _moment(self.asked.told, one) or self.now
        return self._later(last, self.policy.remind_days, one)

    @property
    def nobody(self) -> datetime:
        """Return when a request ends that nobody can answer: by the company's own calendar."""
        return business_days_later(self.began, self.policy.expire_days, self.policy.zone, self.policy.country)

    def _later(self, start: datetime, days: int, one: Successor) -> datetime:
        zone = (self.there.zones or {}).get(one.key) or self.policy.zone
        return business_days_later(start, days, zone, self.policy.calendar(zone))


def _moment(known: Mapping[str, str], one: Successor) -> datetime | None:
    return datetime.fromisoformat(known[one.key]) if one.key in known else None
