"""One connection that is logged in as the bot: paged reads, and writes with a known or an unknown outcome."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import ldap
from ldap.controls import SimplePagedResultsControl

from config.text import _
from connectors.errors import Forbidden, OutcomeUnknown, Unavailable
from connectors.ldap.faults import NO_ANSWER, server_words
from connectors.ldap.line import received
from connectors.ldap.wire import Entry, Modification, Values, holds_no_people, whole

MOST_BYTES, ENTRY_BYTES = 16 * 2**20, 1024
"""Bytes of one answer, and of all answers to one lookup; besides its values, an entry counts as so many."""
LINE_BYTES = 2 * MOST_BYTES
"""Bytes on the line of one answer, which has more than its values."""
LOOK_SECONDS = 0.05
"""Time between two looks at the line. A network of 10 Gbit/s brings 60 MB meanwhile."""
MOST_REFERRALS = 1000
"""Referrals in one answer."""
STREAMED = (ldap.RES_SEARCH_ENTRY, ldap.RES_SEARCH_REFERENCE)
EMPTY_PAGES = 100
"""Pages without an entry, one after the other, that say that there is another page."""
PAGE, BIG_PAGE = 500, 1000
SMALLEST = 20


class BudgetExceeded(Unavailable):
    """An answer takes more than one may. The connection is not used again: more of it may come."""


def part_only(places: Iterable[str]) -> str:
    """Return the sentence for an answer of which some parts are on other servers."""
    return _("the answer is only a part: the rest is at {places}").format(places=", ".join(dict.fromkeys(places)))


class LdapConnection:
    """One connection that is logged in as the bot."""

    def __init__(self, raw: Any, seconds: float, referrals_are_normal: bool = False) -> None:
        self._raw = raw
        self._seconds = seconds
        self._referrals_are_normal = referrals_are_normal
        self._sizes = {False: PAGE, True: BIG_PAGE}
        self.url = ""
        self.used_at = time.monotonic()
        self.end = float("inf")
        """The monotonic time at which the present lookup ends."""
        self.taken = 0
        """Bytes of its answers so far."""

    def search(
        self,
        base: str,
        query: str,
        attributes: Sequence[str],
        elsewhere: list[str] | None = None,
        controls: Sequence[Any] = (),
    ) -> Iterator[Entry]:
        """Stream every entry, page by page.

        A part of the tree on another server is added to `elsewhere`. Without that list it is an error. It is never a
        silent gap, and it is never followed.
        """
        for rows in self._pages(base, query, attributes, controls):
            yield from (self._entry(dn, values) for dn, values in self._present(rows, elsewhere))

    def rows(
        self, base: str, query: str, attributes: Sequence[str], elsewhere: list[str] | None = None
    ) -> Iterator[tuple[str, Mapping[str, list[bytes]]]]:
        """Stream raw rows for very large reads. The next page is requested before this one is processed."""
        for rows in self._pages(base, query, attributes, ahead=True):
            yield from self._present(rows, elsewhere)

    def read(self, dn: str, attributes: Sequence[str], query: str = "(objectClass=*)") -> Entry | None:
        """Read one entry by its DN; None if there is none, or if it does not match `query`."""
        try:
            rows, _controls = self._receive(self._raw.search_ext(dn, ldap.SCOPE_BASE, query, list(attributes)), 1)
        except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
            return None
        return next((self._entry(name, values) for name, values in rows if name is not None), None)

    def read_below(self, base: str, attributes: Sequence[str], most: int) -> Sequence[Entry]:
        """Read all entries, at most so many, below a base whose database knows no pages."""
        rows, _controls = self._receive(self._send(base, "(objectClass=*)", attributes), most)
        return [self._entry(dn, values) for dn, values in self._present(rows)]

    def read_if_visible(self, dn: str, attributes: Sequence[str]) -> Entry | None:
        """Read one optional entry. None also if it is on another server, or if we may not read it."""
        try:
            return self.read(dn, attributes)
        except (ldap.REFERRAL, ldap.INSUFFICIENT_ACCESS):
            return None

    def refuses(self, dn: str) -> bool:
        """Return whether the server refuses to read an entry, or has it elsewhere: then it is there."""
        try:
            self.read(dn, ["1.1"])
        except (ldap.REFERRAL, ldap.INSUFFICIENT_ACCESS):
            return True
        return False

    def has_child(self, dn: str) -> bool:
        """Return whether an entry right below another can be seen, referrals included."""
        sent = self._raw.search_ext(dn, ldap.SCOPE_ONELEVEL, attrlist=["1.1"], sizelimit=1)
        try:
            rows, _controls = self._receive(sent, 1)
        except ldap.SIZELIMIT_EXCEEDED:
            return True
        except (ldap.NO_SUCH_OBJECT, ldap.INSUFFICIENT_ACCESS):
            return False
        return bool(rows)

    def first_person(self, base: str, people: str, attributes: Sequence[str]) -> Entry | None:
        """Read one person, the first that the server returns; None if the bot's account can see nobody."""
        sent = self._send(base, people, attributes, SimplePagedResultsControl(True, 1, ""))
        rows, _more = self._page(base, sent, 1)
        return next((Entry.read(dn, values) for dn, values in rows if dn is not None), None)

    def modify(self, dn: str, changes: Sequence[Modification], controls: Sequence[Any] = ()) -> None:
        """Write once.

        Raises `OutcomeUnknown` if no answer came; the server's refusals are raised as libldap's errors.
        """
        try:
            self._raw.modify_ext_s(dn, list(changes), serverctrls=list(controls))
        except NO_ANSWER as error:
            raise OutcomeUnknown(_("the change of {dn} was sent and no answer came").format(dn=dn)) from error

    def rename(self, dn: str, rdn: str, parent: str) -> str:
        """Move once; return the new DN. Raises as `modify` does."""
        try:
            self._raw.rename_s(dn, rdn, parent)
        except NO_ANSWER as error:
            raise OutcomeUnknown(_("the move of {dn} was sent and no answer came").format(dn=dn)) from error
        return f"{rdn},{parent}"

    def close(self) -> None:
        """Close the connection. Never raises."""
        with contextlib.suppress(ldap.LDAPError):
            self._raw.unbind_ext()

    def _present(
        self, rows: Any, elsewhere: list[str] | None = None
    ) -> Iterator[tuple[str, Mapping[str, list[bytes]]]]:
        for dn, values in rows:
            if dn is not None:
                yield dn, values
            elif elsewhere is not None:
                elsewhere += [place for place in map(str, values) if not holds_no_people(place)]
            elif not self._referrals_are_normal:
                raise Unavailable(part_only(map(str, values)))

    def _pages(
        self, base: str, query: str, attributes: Sequence[str], controls: Sequence[Any] = (), *, ahead: bool = False
    ) -> Iterator[Any]:
        page, empty = SimplePagedResultsControl(True, self._sizes[ahead], ""), 0
        sent = self._send(base, query, attributes, page, *controls)
        while sent is not None:
            try:
                rows, told = self._page(base, sent, page.size)
            except ldap.ADMINLIMIT_EXCEEDED:
                if page.cookie or page.size <= SMALLEST:
                    raise
                # The server refuses pages of that size (slapd's size.pr): ask for smaller ones.
                page.size = self._sizes[ahead] = page.size // 5
                sent = self._send(base, query, attributes, page, *controls)
                continue
            empty = 0 if rows else empty + 1
            self._check_pages(empty)
            page.cookie = next((c.cookie for c in told if c.controlType == page.controlType), "")
            sent = self._send(base, query, attributes, page, *controls) if page.cookie and ahead else None
            yield rows
            if page.cookie and not ahead:
                sent = self._send(base, query, attributes, page, *controls)

    def _send(self, base: str, query: str, attributes: Sequence[str], *controls: Any) -> Any:
        return self._raw.search_ext(base, ldap.SCOPE_SUBTREE, query, list(attributes), serverctrls=list(controls))

    def _receive(self, sent: int, most: int) -> tuple[list[tuple[Any, Any]], Any]:
        """Return the rows and the controls of one answer, which may have `most` entries.

        libldap would collect an answer without end until its time is over, and reads a single message whole, whatever
        its size. It has no limit for either, so the bytes on the line are looked at while it reads.
        """
        end, before = min(time.monotonic() + self._seconds, self.end), received(self._raw)
        rows: list[tuple[Any, Any]] = []
        entries = size = 0
        while (left := end - time.monotonic()) > 0:
            try:
                kind, some, _id, controls = self._raw.result3(sent, all=0, timeout=min(left, LOOK_SECONDS))
            except ldap.TIMEOUT:
                if received(self._raw) - before > LINE_BYTES:
                    raise _too_large() from None
                if left <= LOOK_SECONDS:
                    raise
                continue
            rows += some
            size += sum(map(_size, some))
            if kind not in STREAMED:
                self.taken += size
                return rows, controls
            entries += kind == ldap.RES_SEARCH_ENTRY
            if entries > most or len(rows) > most + MOST_REFERRALS:
                raise BudgetExceeded(_("the answer has more than the {most} entries asked for").format(most=most))
            if size > MOST_BYTES or (self.end < float("inf") and self.taken + size > MOST_BYTES):
                raise _too_large()
        self._check_pages(0)
        raise BudgetExceeded(_("the answer takes more than {seconds} s in all").format(seconds=self._seconds))

    def _check_pages(self, empty: int) -> None:
        if empty > EMPTY_PAGES:
            raise BudgetExceeded(_("the answer has {count} empty pages and does not end").format(count=empty))
        if time.monotonic() > self.end:
            raise BudgetExceeded(_("one lookup takes more than {seconds} s in all").format(seconds=2 * self._seconds))

    def _page(self, base: str, sent: Any, most: int) -> tuple[Any, Any]:
        try:
            rows, controls = self._receive(sent, most)
        except ldap.NO_SUCH_OBJECT as error:
            raise Unavailable(
                _(
                    "the directory says that there is no {base}, so no entry below it is taken for "
                    "gone. It is being restored, or that name in the settings is wrong"
                ).format(base=base)
            ) from error
        except ldap.REFERRAL as error:
            raise Forbidden(
                _(
                    "{base} lies on another server ({why}): correct that name in the settings, "
                    "or put that server into urls"
                ).format(base=base, why=server_words(error))
            ) from error
        return rows, controls

    def _entry(self, dn: str, values: Values) -> Entry:
        def more(attribute: str) -> Values:
            sent = self._raw.search_ext(dn, ldap.SCOPE_BASE, attrlist=[attribute])
            rows, _controls = self._receive(sent, 1)
            return next((found for name, found in rows if name is not None), {})

        return Entry.read(dn, whole(values, more))


def _too_large() -> BudgetExceeded:
    return BudgetExceeded(_("the answer has more than {most} MB").format(most=MOST_BYTES // 2**20))


def _size(row: tuple[Any, Any]) -> int:
    values = row[1]
    return ENTRY_BYTES + (sum(map(len, chain.from_iterable(values.values()))) if isinstance(values, dict) else 0)
