"""Activity on records in Tryton: e-mails that people sent from it, and opportunities that were won or lost.

Tryton records no calls and no meetings, so no e-mail is no proof that nobody was in touch. An opportunity's earlier
state is in its history, which a read with `_datetime` in its context shows (trytond 8.2 `ModelSQL.read`; tried). The
day of the end is set by the act that ends it (`sale_opportunity/opportunity.py`, `lost`), and has no time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from config.text import _
from connectors.contract import AccountId, ClientActivity, LossRate, RecordId
from connectors.errors import Unavailable
from connectors.tryton import records, wire
from connectors.tryton.owners import OPPORTUNITY
from connectors.tryton.rpc import Rpc

PAGE = 200
"""Records in one read."""
EMAIL = "ir.email"
MODEL = "sale.opportunity"
ENDED = ("won", "lost")
TIME = ("year", "month", "day", "hour", "minute", "second", "microsecond")


@dataclass(frozen=True, slots=True)
class _Email:
    """One e-mail: the record that it was sent from, its time and its sender."""

    resource: str
    at: datetime
    by: int


class ActivityLog:
    """Reads what became of records. It writes nothing."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def of(self, ids: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        """Read records by their ids, 200 at a time and field by field."""
        wanted: dict[str, dict[int, RecordId]] = {}
        for one in ids:
            if found := records.place(one):
                wanted.setdefault(found[0], {})[found[1]] = one
        known: dict[RecordId, ClientActivity] = {}
        for field, numbers in wanted.items():
            for page in _pages(list(numbers)):
                known |= self._page(field, {number: numbers[number] for number in page}, since)
        return known

    def loss_rate(self, since: datetime, until: datetime) -> LossRate:
        """Count the opportunities whose end lies on these days."""
        span = [["end_date", ">=", _date(since.date())], ["end_date", "<", _date(until.date())]]
        counts = [
            int(self._rpc.read(f"{MODEL}.search_count", [["state", "in", states], *span]))
            for states in (list(ENDED), ["lost"])
        ]
        return LossRate(*counts)

    def _page(self, field: str, numbers: Mapping[int, RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        model = field.partition(":")[0]
        own = OPPORTUNITY.text == field
        rows = self._rows(model, list(numbers), since=None, own=own)
        earlier = self._rows(model, list(rows), since=since, own=True) if own and rows else {}
        sent = self._emails(model, rows, since)
        return {
            numbers[number]: _activity(numbers[number], row, earlier.get(number), sent.get(number), since, own=own)
            for number, row in rows.items()
        }

    def _rows(
        self, model: str, numbers: Sequence[int], *, since: datetime | None, own: bool
    ) -> dict[int, Mapping[str, Any]]:
        """Read records as they are, or as they were at a time. A further field's model may have no party."""
        fields = ["state", "amount", "currency.code", "end_date", "party"] if own else ["rec_name"]
        context = {"_datetime": _datetime(since)} if since else dict(wire.ALL)
        domain, order = [["id", "in", list(numbers)]], [["id", "ASC"]]
        found = self._rpc.read(f"{model}.search_read", domain, 0, None, order, fields, context=context)
        return {row["id"]: row for row in found}

    def _emails(self, model: str, rows: Mapping[int, Mapping[str, Any]], since: datetime) -> Mapping[int, _Email]:
        """Return the last e-mail by record: sent from the record, or from its party."""
        about: dict[str, list[int]] = {}
        for number, row in rows.items():
            about.setdefault(f"{model},{number}", []).append(number)
            if row.get("party"):
                about.setdefault(f"party.party,{row['party']}", []).append(number)
        last: dict[int, _Email] = {}
        for email in self._sent(list(about), since):
            for number in about.get(email.resource, ()):
                if number not in last or last[number].at < email.at:
                    last[number] = email
        return last

    def _sent(self, resources: Sequence[str], since: datetime) -> Iterator[_Email]:
        """Stream e-mails of people, in the order of their ids. Those of notifications, and of user 0, are nobody's."""
        if not resources:
            return
        wanted, after = [["resource", "in", list(resources)], ["create_date", ">=", _datetime(since)]], 0
        wanted += [["notification_email", "=", None]] if self._notifies() else []
        fields, order = ["create_date", "create_uid", "resource"], [["id", "ASC"]]
        while rows := self._rpc.read(f"{EMAIL}.search_read", [["id", ">", after], *wanted], 0, PAGE, order, fields):
            for row in rows:
                if row["create_uid"]:
                    yield _Email(row["resource"], _moment(row["create_date"]), row["create_uid"])
            before, after = after, rows[-1]["id"]
            if after <= before:
                raise Unavailable(_("the server gives the same page again and again"))

    def _notifies(self) -> bool:
        asked = [["model", "=", EMAIL], ["name", "=", "notification_email"]]
        return bool(self._rpc.read("ir.model.field.search_count", asked))


def _activity(
    record: RecordId,
    row: Mapping[str, Any],
    earlier: Mapping[str, Any] | None,
    email: _Email | None,
    since: datetime,
    *,
    own: bool,
) -> ClientActivity:
    state = row["state"] if own and _ended_since(row, earlier, since) else ""
    return ClientActivity(
        record,
        email.at if email else None,
        AccountId(str(email.by)) if email else None,
        won=state == "won",
        lost=state == "lost",
        value=Decimal(row["amount"]["decimal"]) if own and row["amount"] else Decimal(0),
        currency=row["currency."]["code"] if own else "",
        unseen=_("Tryton records no calls and no meetings, only e-mails sent from it"),
    )


def _ended_since(row: Mapping[str, Any], earlier: Mapping[str, Any] | None, since: datetime) -> bool:
    """Return whether a won or lost opportunity ended since then, by its history or by a later day of its end."""
    if row["state"] not in ENDED:
        return False
    ended = wire.day(row["end_date"])
    return earlier is None or earlier["state"] != row["state"] or (ended is not None and ended > since.date())


def _pages(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def _date(day: date) -> Mapping[str, object]:
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


def _datetime(at: datetime) -> Mapping[str, object]:
    """Return a time as Tryton reads it in JSON: without a zone, in UTC."""
    utc = at.astimezone(UTC)
    clock = {name: getattr(utc, name) for name in TIME[3:]}
    return {**_date(utc.date()), "__class__": "datetime", **clock}


def _moment(value: Mapping[str, Any]) -> datetime:
    """Return a time that Tryton wrote. Raises `Unavailable` if it is none."""
    try:
        year, month, date_, hour, minute, second, micro = (int(value[name]) for name in TIME)
        return datetime(year, month, date_, hour, minute, second, micro, tzinfo=UTC)
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(_("{method}: the answer is not Tryton's").format(method=f"{EMAIL}.search_read")) from error
