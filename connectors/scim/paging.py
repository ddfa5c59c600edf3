"""Lists, page by page (RFC 7644, 3.4.2.4; cursors: RFC 9865): where the next page is, or that it is missing. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.text import _
from connectors.errors import Unavailable
from connectors.scim.wire import texts

CAPS = frozenset({10, 20, 25, 50, 100, 200, 250, 500, 1000})
"""The most that servers show in one page, whatever is asked for."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `total` is None where the server does not say."""

    records: Sequence[object]
    total: int | None
    cursor: str = ""


def read_page(answer: object) -> Page:
    """Read a ListResponse. Raises `Unavailable` for anything else: it is not an empty list."""
    if not isinstance(answer, Mapping):
        raise Unavailable(_("the answer is not a SCIM list"))
    records, total = answer.get("Resources"), answer.get("totalResults")
    whole = int(total) if isinstance(total, int | str) and str(total).isdecimal() else None
    if not isinstance(records, list):
        if records is not None or whole is None:
            raise Unavailable(_("the answer is not a SCIM list"))
        records = []
    return Page(records, whole, str(answer.get("nextCursor") or ""))


def following(page: Page, seen: int, *, by_cursor: bool) -> Mapping[str, str] | None:
    """Return what to ask for the next page, None at the end. Raises `Unavailable` where the list breaks off."""
    if page.cursor:
        return {"cursor": page.cursor}
    if by_cursor or (page.total is None and not page.records) or (page.total is not None and seen >= page.total):
        return None
    if not page.records:
        raise Unavailable(_("the list breaks off at {seen} of {total}").format(seen=seen, total=page.total))
    return {"startIndex": str(seen + 1)}


class Progress:
    """What has been read of one list: a record that an earlier page had already is not read twice."""

    def __init__(self) -> None:
        self.pages, self.seen, self.first = 0, 0, 0
        """Pages, and records; `first`: records of the first page."""
        self._said: int | None = None
        self._again = 0
        self._known: set[int] = set()

    def repeats(self, page: Page) -> bool:
        """Whether a page has records and brings nobody new. A record without an id is nobody new after page one."""
        keys = _keys(page)
        return bool(self.pages and page.records and not any(key and key not in self._known for key in keys))

    def add(self, page: Page) -> None:
        """Count a page in."""
        keys = _keys(page)
        self._again += sum(key in self._known for key in keys)
        self._known.update(key for key in keys if key)
        if not self.pages:
            self._said, self.first = page.total, len(page.records)
        self.pages, self.seen = self.pages + 1, self.seen + len(page.records)

    @property
    def alone(self) -> bool:
        """Whether the first page was all, by the server's total: some give as total what they show."""
        return self.pages == 1 and self.first > 0 and self._said is not None and self._said <= self.first

    def finish(self) -> None:
        """Raise `Unavailable` where pages overlapped, or the list shrank, so that somebody may not have been shown."""
        got = self.seen - self._again
        if self._said is not None and got < self._said:
            raise Unavailable(
                _("the list changed while it was read, or repeats itself: {got} of {total} shown").format(
                    got=got, total=self._said
                )
            )


def _keys(page: Page) -> list[int]:
    """Return a number for each record's id, 0 where it has none: a hundred thousand ids must not be kept."""
    ids = (next(texts(one.get("id")), "") if isinstance(one, Mapping) else "" for one in page.records)
    return [(hash(one) or 1) if one else 0 for one in ids]
