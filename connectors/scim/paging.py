"""Lists, page by page (RFC 7644, 3.4.2.4; cursors: RFC 9865): the next page, or its absence. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.text import _
from connectors.errors import Unavailable
from connectors.scim.wire import texts

CAPS = frozenset({10, 20, 25, 50, 100, 200, 250, 500, 1000})
"""Most records that servers show in one page, whatever size is requested."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `total` is None if the server sends none."""

    records: Sequence[object]
    total: int | None
    cursor: str = ""


def read_page(answer: object) -> Page:
    """Read a ListResponse. Raises `Unavailable` for any other answer: it is not an empty list."""
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
    """Return the request for the next page, None at the end. Raises `Unavailable` if the list breaks off."""
    if page.cursor:
        return {"cursor": page.cursor}
    if by_cursor or (page.total is None and not page.records) or (page.total is not None and seen >= page.total):
        return None
    if not page.records:
        raise Unavailable(_("the list breaks off at {seen} of {total}").format(seen=seen, total=page.total))
    return {"startIndex": str(seen + 1)}


class Progress:
    """Records read of one list: a record of an earlier page is not counted again."""

    def __init__(self) -> None:
        self.pages, self.seen, self.first = 0, 0, 0
        """Pages, and records; `first`: records of the first page."""
        self._said: int | None = None
        self._again = 0
        self._known: set[int] = set()

    def repeats(self, page: Page) -> bool:
        """Return whether a page has records, none of them new. After page one, a record without an id is not new."""
        keys = _keys(page)
        return bool(self.pages and page.records and not any(key and key not in self._known for key in keys))

    def add(self, page: Page) -> None:
        """Count a page."""
        keys = _keys(page)
        self._again += sum(key in self._known for key in keys)
        self._known.update(key for key in keys if key)
        if not self.pages:
            self._said, self.first = page.total, len(page.records)
        self.pages, self.seen = self.pages + 1, self.seen + len(page.records)

    @property
    def alone(self) -> bool:
        """Return whether the first page was all by the server's total: some send as total the number that they show."""
        return self.pages == 1 and self.first > 0 and self._said is not None and self._said <= self.first

    def finish(self) -> None:
        """Raise `Unavailable` if pages overlapped or the list shrank, so that an account may be missing."""
        got = self.seen - self._again
        if self._said is not None and got < self._said:
            raise Unavailable(
                _("the list changed while it was read, or repeats itself: {got} of {total} shown").format(
                    got=got, total=self._said
                )
            )


def _keys(page: Page) -> list[int]:
    """Return a number for each record's id, 0 if it has none: a hundred thousand ids must not be stored."""
    ids = (next(texts(one.get("id")), "") if isinstance(one, Mapping) else "" for one in page.records)
    return [(hash(one) or 1) if one else 0 for one in ids]
