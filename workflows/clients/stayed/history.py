"""Histories of clients, read from their systems: the last contact, deals that ended, and what nobody can tell.

Something that was not seen is never taken for something that is not there: each reading says why it is no proof.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from config.text import Sentence, gettext_lazy, stored
from connectors.contract import AccountId, Accounts, Activities, ClientActivity, RecordId
from connectors.errors import ConnectorError
from workflows.clients.context import CHUNK, ClientContext, chunks
from workflows.clients.stayed.book import BookClient, HandedOver
from workflows.clients.stayed.views import LostDeal, UsualLoss
from workflows.storage.work import say
from workflows.systems.registry import System

YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Reading:
    """A client's history since it was handed over. `unknown`: why no contact is no proof of silence, as stored."""

    contacted_at: datetime | None = None
    unknown: str = ""
    lost: tuple[LostDeal, ...] = ()
    ended: int = 0
    deals_known: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """Readings of all clients of a case, in their order; the usual losses; whether a system did not answer."""

    readings: Sequence[Reading]
    usual: tuple[UsualLoss, ...]
    failed: ConnectorError | None = None


def read(context: ClientContext, clients: Sequence[BookClient]) -> History:
    """Read the clients of a case, system by system, and the losses of the year before."""
    by_system: dict[str, list[BookClient]] = {}
    for client in clients:
        by_system.setdefault(client.system, []).append(client)
    found: dict[int, Reading] = {}
    usual: list[UsualLoss] = []
    failed: ConnectorError | None = None
    for name, own in by_system.items():
        readings: Sequence[Reading]
        try:
            readings, losses = _system(context, name, own)
            usual += losses
        except ConnectorError as error:
            failed = error
            readings = [Reading(unknown=stored(say(error)), deals_known=False)] * len(own)
        found |= {id(client): reading for client, reading in zip(own, readings, strict=True)}
    return History([found[id(client)] for client in clients], tuple(usual), failed)


def _system(
    context: ClientContext, name: str, clients: Sequence[BookClient]
) -> tuple[Sequence[Reading], Sequence[UsualLoss]]:
    system = context.systems.get(name)
    if system is None:
        gone = gettext_lazy("this system is no longer in the configuration")
        return [Reading(unknown=gone.stored, deals_known=False)] * len(clients), ()
    activities = system.having(Activities)
    if activities is None:
        text = gettext_lazy("{title} does not tell contacts or the ends of deals", title=system.manifest.title)
        return [Reading(unknown=text.stored, deals_known=False)] * len(clients), ()
    since = min(one.moved_at for client in clients for one in client.records)
    known: dict[RecordId, ClientActivity] = {}
    for chunk in chunks((one.record for client in clients for one in client.records), CHUNK):
        known |= activities.activities(chunk, since)
    ours = _own_accounts(system, known.values())
    return [_reading(client, known, ours) for client in clients], [_usual(system, activities, since, context)]


def _usual(system: System, activities: Activities, since: datetime, context: ClientContext) -> UsualLoss:
    """Return the losses of the same days a year before. They are only a comparison, so no error holds the report up."""
    try:
        rate = activities.loss_rate(since - YEAR, context.clock.now() - YEAR)
    except ConnectorError as error:
        return UsualLoss(system.manifest.title, unknown=stored(say(error)))
    return UsualLoss(system.manifest.title, rate.closed, rate.lost)


def _own_accounts(system: System, activities: Iterable[ClientActivity]) -> frozenset[AccountId]:
    """Return those authors of contacts that are the account of Handover itself: an introduction is no contact."""
    accounts = system.having(Accounts)
    own = accounts.own_account() if accounts else ""
    authors = sorted({one.contacted_by for one in activities if one.contacted_by})
    if accounts is None or not own or not authors:
        return frozenset()
    read = accounts.read(authors)
    return frozenset(key for key, one in read.items() if own.casefold() in {name.casefold() for name in one.names})


def _reading(client: BookClient, known: Mapping[RecordId, ClientActivity], ours: frozenset[AccountId]) -> Reading:
    """Join what is known of a client's records."""
    contacts, reasons, lost, ended = [], list[str](), [], 0
    for one in client.records:
        activity = known.get(one.record)
        if activity is None:
            reasons.append(gettext_lazy("a record is gone there").stored)
            continue
        at, why = _contact(activity, one, ours)
        contacts += [at] if at else []
        reasons += [why] if why else []
        if one.open and (activity.lost or activity.won):
            ended += 1
            lost += [LostDeal(one.name, activity.value, activity.currency)] if activity.lost else []
    reading = Reading(max(contacts, default=None), "", tuple(lost), ended)
    return reading if contacts else replace(reading, unknown=next(iter(reasons), ""))


def _contact(activity: ClientActivity, one: HandedOver, ours: frozenset[AccountId]) -> tuple[datetime | None, str]:
    """Return the time of a contact that counts, and why there may be others; the system tells only the last."""
    at, by, why = activity.contacted_at, activity.contacted_by, stored(activity.unseen)
    if at is None or at < one.moved_at:
        return None, why
    said: Sentence | None = None
    if by is None:
        said = gettext_lazy("the last contact there names nobody")
    elif by == one.leaver:
        said = gettext_lazy("the last contact there was by the leaver's account")
    elif by in ours:
        said = gettext_lazy("the last contact there was by Handover's own account")
    return (None, said.stored) if said else (at, "")
