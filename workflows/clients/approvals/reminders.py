"""Reminder, escalation and expiry of one approval request at one moment. Pure: nothing here reads or writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from workflows.business_days import business_days_later
from workflows.clients.approval_policy import ApprovalPolicy
from workflows.clients.approvals.requests import RequestData
from workflows.people import Successor
from workflows.storage.rows.clients import ApprovalRequest

CHECK_EVERY = timedelta(hours=1)
"""Time between two checks of the approvers against the directory."""
RETRY_AFTER = timedelta(minutes=1)
"""Time until the next check where the directory did not answer."""


@dataclass(frozen=True, slots=True)
class RequestActions:
    """Actions that are due on one request."""

    ask: tuple[Successor, ...] = ()
    """Approvers who were not asked before."""
    remind: tuple[Successor, ...] = ()
    escalate: bool = False
    expire: bool = False
    expires_at: datetime | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApproverAvailability:
    """Available approvers, those who have decided, and time zones."""

    people: tuple[Successor, ...]
    """Active, full members; people without Slack, who decide at the command line, are included."""
    decided: frozenset[str] = frozenset()
    """Keys of those whose decision counts."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """Time zones by key."""
    can_escalate: bool = False
    """True while the escalation list has an entry left."""


def next_request_actions(
    row: ApprovalRequest, data: RequestData, available: ApproverAvailability, policy: ApprovalPolicy, now: datetime
) -> RequestActions:
    """Decide what is due. Times are business days of each approver's calendar; the latest deadline counts for all."""
    open_approvers = [one for one in available.people if one.key not in available.decided]
    ask = tuple(one for one in open_approvers if one.key not in data.asked_at)
    deadlines = _Deadlines(data, available, policy, now)
    nobody = business_days_later(row.asked_at, policy.expire_days, policy.zone, policy.country)
    expires = max((deadlines.after(one, policy.expire_days) for one in available.people), default=nobody)
    if now >= expires:
        return RequestActions(expire=True, expires_at=expires)
    enough = len(open_approvers) + len(available.decided) >= row.quorum
    since = max(filter(None, (row.escalated_at, row.asked_at)))
    patience = max((deadlines.after(one, policy.escalate_days, since) for one in open_approvers), default=now)
    escalate = available.can_escalate and (not enough or now >= patience)
    reminder_at = {one: deadlines.reminder(one) for one in open_approvers if one not in ask}
    remind = tuple(one for one, at in reminder_at.items() if now >= at)
    later = [at for at in (*reminder_at.values(), patience) if at > now]
    next_at = now if escalate else min(now + CHECK_EVERY, expires, *later)
    return RequestActions(ask, remind, escalate, False, expires, next_at)


def record_actions(data: RequestData, actions: RequestActions, now: datetime) -> RequestData:
    """Return the sealed part of a request after its actions."""
    asked = {one.key: now.isoformat() for one in actions.ask}
    reminded = {one.key: now.isoformat() for one in actions.remind}
    return replace(
        data,
        asked_at={**data.asked_at, **asked},
        reminded_at={**data.reminded_at, **reminded},
        reminders=data.reminders + bool(reminded),
    )


def missing(quorum: int, people: Sequence[Successor], decided: frozenset[str]) -> int:
    """Return how many more approvers are needed than are available."""
    return max(0, quorum - len({one.key for one in people} | decided))


@dataclass(frozen=True, slots=True)
class _Deadlines:
    data: RequestData
    available: ApproverAvailability
    policy: ApprovalPolicy
    now: datetime

    def after(self, one: Successor, days: int, since: datetime | None = None) -> datetime:
        """Return the end of so many business days of an approver, from when they were asked or later."""
        asked = self._time(self.data.asked_at, one)
        return self._later(max(asked, since) if since else asked, days, one)

    def reminder(self, one: Successor) -> datetime:
        """Return when an approver is to be reminded next."""
        last = self.data.reminded_at if one.key in self.data.reminded_at else self.data.asked_at
        return self._later(self._time(last, one), self.policy.remind_days, one)

    def _time(self, times: Mapping[str, str], one: Successor) -> datetime:
        return datetime.fromisoformat(times[one.key]) if one.key in times else self.now

    def _later(self, start: datetime, days: int, one: Successor) -> datetime:
        zone = self.available.zones.get(one.key) or self.policy.zone
        return business_days_later(start, days, zone, self.policy.calendar(zone))
