"""The state of each client from words and histories, and the sums for a report. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from config.text import _, shown
from workflows.clients.stayed.history import Reading
from workflows.clients.stayed.views import ClientAnswerView, ClientStay, Fate, StayReport, UsualLoss
from workflows.storage.rows.clients import ClientWord

WITHOUT_CONTACT = (Fate.SILENT, Fate.UNKNOWN)
"""States of clients with whom no contact is known."""


def fate(reading: Reading, answer: ClientAnswerView | None) -> Fate:
    """Return a client's state. A word and the system's history are both sources; neither is proof against the other.

    Objecting counts most. A contact counts more than an earlier word that the client was not reached.
    """
    if answer and answer.word is ClientWord.OBJECTS:
        return Fate.OBJECTS
    if (answer and answer.word is ClientWord.CONTACTED) or reading.contacted_at:
        return Fate.CONTACTED
    if answer:
        return Fate.NOT_REACHED
    return Fate.UNKNOWN if reading.unknown else Fate.SILENT


def in_order(clients: Iterable[ClientStay]) -> list[ClientStay]:
    """Return clients with the worst first, then by name."""
    order = list(Fate)
    return sorted(clients, key=lambda one: (order.index(one.fate), one.name.casefold(), one.system, one.id))


def report(head: StayReport, clients: Sequence[ClientStay], usual: Sequence[UsualLoss]) -> StayReport:
    """Return the report with its sums. Currencies are not added up."""
    value: dict[str, Decimal] = defaultdict(Decimal)
    for deal in (deal for one in clients for deal in one.lost):
        value[deal.currency] += deal.value
    unknown = Counter((one.title, one.unknown) for one in clients if one.fate is Fate.UNKNOWN)
    return StayReport(
        head.id,
        head.case_id,
        head.leaver,
        head.read_at,
        head.day,
        len(clients),
        Counter(one.fate for one in clients),
        sum(len(one.lost) for one in clients),
        sum(one.ended for one in clients),
        {currency: amount for currency, amount in sorted(value.items()) if amount},
        tuple(_("{title}: {why}").format(title=title, why=why) for title, why in sorted(unknown)),
        tuple(sorted({one.title for one in clients if not one.deals_known})),
        tuple(usual),
        left(clients),
        tuple(one.name for one in in_order(clients) if one.fate is Fate.OBJECTS),
    )


def left(clients: Iterable[ClientStay]) -> Mapping[str, int]:
    """Return the number of clients by the name of each successor who has left."""
    return Counter(one.successor.name for one in clients if one.successor_left)


def said(loss: UsualLoss) -> UsualLoss:
    """Return a kept loss rate with its reason in the language of the moment."""
    return UsualLoss(loss.title, loss.ended, loss.lost, shown(loss.unknown))
