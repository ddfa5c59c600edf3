"""Reminder, escalation and expiry of one approval request at one moment. Pure: nothing here reads or writes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    """Available approvers of a request as the directory has them now, and those who have decided."""

    people: tuple[Successor, ...]
    """Active, full members; people without Slack, who decide at the command line, are included."""
    zones: Mapping[str, str]
    """Time zones by key."""
    ineligible: tuple[str, ...]
    """Names of approvers who cannot decide, each with the reason."""
    decided: frozenset[str]
    """Keys of those whose decision counts."""

    def lacking(self, quorum: int) -> int:
        """Return how many more approvers are needed than are available."""
        return max(0, quorum - len({person.key for person in self.people} | self.decided))


def next_request_actions(
    row: ApprovalRequest, data: RequestData, available: ApproverAvailability, policy: ApprovalPolicy, now: datetime
) -> RequestActions:
    """Decide what is due. Times are business days of each approver's calendar; the latest deadline counts for all."""
    asked_at = {key: datetime.fromisoformat(at) for key, at in data.asked_at.items()}
    reminded_at = asked_at | {key: datetime.fromisoformat(at) for key, at in data.reminded_at.items()}

    def days_later(start: datetime, days: int, approver: Successor) -> datetime:
        zone = available.zones.get(approver.key) or policy.zone
        return business_days_later(start, days, zone, policy.calendars.get(zone, policy.country))

    nobody = business_days_later(row.asked_at, policy.expire_days, policy.zone, policy.country)
    deadlines = (days_later(asked_at.get(person.key, now), policy.expire_days, person) for person in available.people)
    expires = max(deadlines, default=nobody)
    if now >= expires:
        return RequestActions(expire=True, expires_at=expires)
    undecided = [person for person in available.people if person.key not in available.decided]
    ask = tuple(person for person in undecided if person.key not in data.asked_at)
    since = max(filter(None, (row.escalated_at, row.asked_at)))
    patience = max(
        (days_later(max(asked_at.get(person.key, now), since), policy.escalate_days, person) for person in undecided),
        default=now,
    )
    enough = len(undecided) + len(available.decided) >= row.quorum
    can_escalate = data.escalations < len(policy.chain(row.role))
    escalate = can_escalate and (not enough or now >= patience)
    reminder_at = {
        person: days_later(reminded_at.get(person.key, now), policy.remind_days, person)
        for person in undecided
        if person not in ask
    }
    remind = tuple(person for person, at in reminder_at.items() if now >= at)
    later = [at for at in (*reminder_at.values(), patience) if at > now]
    next_at = now if escalate else min(now + CHECK_EVERY, expires, *later)
    return RequestActions(ask, remind, escalate, False, expires, next_at)


def record_actions(data: RequestData, actions: RequestActions, now: datetime) -> RequestData:
    """Return the sealed part of a request after its actions."""
    return replace(
        data,
        asked_at={**data.asked_at, **{person.key: now.isoformat() for person in actions.ask}},
        reminded_at={**data.reminded_at, **{person.key: now.isoformat() for person in actions.remind}},
        reminders=data.reminders + bool(actions.remind),
    )
