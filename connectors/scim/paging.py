"""Lists, page by page (RFC 7644, 3.4.2.4; cursors: RFC 9865): where the next page is, or that it is missing. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.text import _
from connectors.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `total` is None where the server does not say."""

    records: Sequence[object]
    total: int | None
    cursor: str = ""

    @property
    def head(self) -> str:
        """What a server that knows no pages repeats: the first record's id, or the record itself."""
        first = next(iter(self.records), "")
        return str(first.get("id") or first) if isinstance(first, Mapping) else str(first)


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
