"""Activity on records in BottleCRM: calls, meetings and messages that people logged, and deals that ended.

A timeline belongs to one record, and no call reads several (`interactions/views.py`). The list of all activities is
no help: it has at most the newest 50 (`common/views/dashboard_views.py`, ActivityListView). Tasks and projects have no
timeline of their own, so that of the record they hang on is read. So is that of every record's company.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.book import Book
from connectors.bottlecrm.rest import PAGE, Rest, read_pages
from connectors.bottlecrm.wire import BY_NAME, Json, Kind, Page, Unreadable
from connectors.contract import AccountId, ClientActivity, LossRate, RecordId
from connectors.errors import Missing

TIMELINES = frozenset({"lead", "contact", "account", "opportunity", "case"})
"""Kinds of records with a timeline (`interactions/models.py` HOME_CHOICES)."""
CONTACTS = frozenset({"call", "meeting", "email", "whatsapp", "sms"})
"""Kinds of interactions that are contacts. An enquiry is what a lead came with."""
NOT_REACHED = frozenset({"no_answer", "voicemail", "busy", "wrong_number"})
"""Outcomes of calls in which nobody spoke."""
DEAL = BY_NAME["opportunity"]


@dataclass(frozen=True, slots=True)
class _Contact:
    at: datetime
    by: AccountId | None


class ActivityLog:
    """Reads what became of records. It writes nothing."""

    def __init__(self, rest: Rest, book: Book) -> None:
        self._rest, self._book = rest, book

    def of(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        """Read records, from the list or one by one, whichever is cheaper; then each timeline once."""
        wanted: dict[str, set[str]] = {}
        for record in records:
            if place := wire.record_place(record):
                wanted.setdefault(place[0].name, set()).add(place[1])
        read: dict[RecordId, _Contact | None] = {}
        return {
            wire.record_id(BY_NAME[name], number): self._activity(BY_NAME[name], row, since, read)
            for name, numbers in wanted.items()
            for number, row in self._book.rows(BY_NAME[name], numbers)
        }

    def loss_rate(self, since: datetime, until: datetime) -> LossRate:
        """Count won and lost deals by their closing date."""
        asked = {"closed_on__gte": since.date().isoformat(), "limit": str(PAGE)}

        def page(offset: int) -> Page:
            return wire.page(self._rest.get(DEAL.address(), asked | {"offset": str(offset)}), DEAL.halves)

        ends = [
            str(row.get("stage_kind"))
            for row in read_pages(page, _("the list of {path}").format(path=DEAL.path))
            if wire.is_ended(row) and (_closing_day(row) or until.date()) < until.date()
        ]
        return LossRate(len(ends), ends.count("lost"))

    def _activity(
        self, kind: Kind, row: Json, since: datetime, read: dict[RecordId, _Contact | None]
    ) -> ClientActivity:
        own = wire.record_id(kind, wire.identity(row))
        company = RecordId(wire.family(kind, row, {})[0])
        places = [one for one in dict.fromkeys((own, company)) if one.partition(":")[0] in TIMELINES]
        for place in places:
            if place not in read:
                read[place] = self._last(place, since)
        last = max(filter(None, (read[one] for one in places)), key=lambda one: one.at, default=None)
        ended = kind is DEAL and wire.is_ended(row) and _ended_since(row, since)
        return ClientActivity(
            own,
            last.at if last else None,
            last.by if last else None,
            won=ended and row["stage_kind"] == "won",
            lost=ended and row["stage_kind"] == "lost",
            value=wire.amount(kind, row),
            currency=str(row.get("currency") or ""),
            lost_at=_stage_changed(row) if ended and row["stage_kind"] == "lost" else None,
            unseen="" if places else _("BottleCRM logs no contacts on this record"),
        )

    def _last(self, record: RecordId, since: datetime) -> _Contact | None:
        """Return the last contact of one timeline, which is read from the newest on until it is older than `since`.

        A company that a record names and nobody sees any more has no timeline.
        """
        home, _colon, number = record.partition(":")
        try:
            for row in self._timeline({home: number}):
                found = _contact(row)
                if found is not None and found.at < since:
                    return None
                if found is not None and _spoke(row) and found.at <= datetime.now(UTC):
                    return found
        except Missing:
            return None
        return None

    def _timeline(self, place: Mapping[str, str]) -> Iterator[Json]:
        """Stream a timeline, newest first. Rows that are added meanwhile are newer, so they only repeat some.

        Raises `Unreadable` for a page that only repeats earlier ones.
        """
        offset, seen = 0, set[str]()
        while True:
            query = {**place, "limit": str(PAGE), "offset": str(offset)}
            page = wire.page(self._rest.get("/api/interactions/", query), ((("interactions",), ("count",)),))
            yield from page.rows
            known, offset = len(seen), offset + PAGE
            seen |= {wire.identity(row) for row in page.rows}
            if offset >= page.total:
                return
            if len(seen) == known:
                raise Unreadable(_("{what} does not end, or repeats itself").format(what="/api/interactions/"))


def _contact(row: Json) -> _Contact | None:
    """Return an interaction's time and author; None for one that is no contact at all."""
    if row.get("kind") not in CONTACTS:
        return None
    by = wire.at(row, ("logged_by",))
    return _Contact(_moment(wire.at(row, ("occurred_at",))), AccountId(str(by)) if by else None)


def _spoke(row: Json) -> bool:
    return row.get("outcome") not in NOT_REACHED


def _ended_since(row: Json, since: datetime) -> bool:
    """Return whether a won or lost deal ended since then: by its change of stage, else by its closing date."""
    changed, closed = _stage_changed(row), _closing_day(row)
    return changed >= since if changed else closed is not None and closed > since.date()


def _stage_changed(row: Json) -> datetime | None:
    return _moment(row["stage_changed_at"]) if row.get("stage_changed_at") else None


def _closing_day(row: Json) -> date | None:
    try:
        return date.fromisoformat(row["closed_on"]) if row.get("closed_on") else None
    except (TypeError, ValueError) as error:
        raise Unreadable(_("a closing date is no date")) from error


def _moment(text: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise Unreadable(_("a time is no time")) from error
    if found.tzinfo is None:
        raise Unreadable(_("a time has no zone"))
    return found.astimezone(UTC)
