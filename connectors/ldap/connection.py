"""One connection that is logged in as the bot: paged reads, and writes with a known or an unknown outcome."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ldap
from ldap.controls import SimplePagedResultsControl

from config.text import _
from connectors.errors import Forbidden, OutcomeUnknown, Unavailable
from connectors.ldap.faults import NO_ANSWER, server_words
from connectors.ldap.wire import Entry, Modification, Values, whole

PAGE, BIG_PAGE = 500, 1000
SMALLEST = 20


class LdapConnection:
    """One connection that is logged in as the bot."""

    def __init__(self, raw: Any, seconds: float, referrals_are_normal: bool = False) -> None:
        self._raw = raw
        self._seconds = seconds
        self._referrals_are_normal = referrals_are_normal
        self._sizes = {False: PAGE, True: BIG_PAGE}
        self.url = ""
        self.used_at = time.monotonic()

    def search(self, base: str, query: str, attributes: Sequence[str], *, partly: bool = False) -> Iterator[Entry]:
        """Stream every entry, page by page.

        A part of the tree on another server is an error, not a silent gap. `partly`: read only what this server has.
        """
        for rows in self._pages(base, query, attributes):
            yield from (self._entry(dn, values) for dn, values in self._present(rows, partly=partly))

    def rows(self, base: str, query: str, attributes: Sequence[str]) -> Iterator[tuple[str, Mapping[str, list[bytes]]]]:
        """Stream raw rows for very large reads. The next page is requested before this one is processed."""
        for rows in self._pages(base, query, attributes, ahead=True):
            yield from self._present(rows)

    def read(self, dn: str, attributes: Sequence[str], query: str = "(objectClass=*)") -> Entry | None:
        """Read one entry by its DN; None if there is none, or if it does not match `query`."""
        try:
            rows = self._raw.search_ext_s(dn, ldap.SCOPE_BASE, query, list(attributes), timeout=self._seconds)
        except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
            return None
        return next((self._entry(name, values) for name, values in rows if name is not None), None)

    def read_if_visible(self, dn: str, attributes: Sequence[str]) -> Entry | None:
        """Read one optional entry. None also if it is on another server, or if we may not read it."""
        try:
            return self.read(dn, attributes)
        except (ldap.REFERRAL, ldap.INSUFFICIENT_ACCESS):
            return None

    def first_person(self, base: str, people: str, attributes: Sequence[str]) -> Entry | None:
        """Read one person, the first that the server returns; None if the bot's account can see nobody."""
        sent = self._send(base, people, attributes, SimplePagedResultsControl(True, 1, ""))
        rows, _more = self._page(base, sent)
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

    def _present(self, rows: Any, *, partly: bool = False) -> Iterator[tuple[str, Mapping[str, list[bytes]]]]:
        for dn, values in rows:
            if dn is not None:
                yield dn, values
            elif not (self._referrals_are_normal or partly):
                raise Unavailable(
                    _("the answer is only a part: the rest is at {places}").format(places=", ".join(map(str, values)))
                )

    def _pages(self, base: str, query: str, attributes: Sequence[str], *, ahead: bool = False) -> Iterator[Any]:
        page = SimplePagedResultsControl(True, self._sizes[ahead], "")
        sent = self._send(base, query, attributes, page)
        while sent is not None:
            try:
                rows, controls = self._page(base, sent)
            except ldap.ADMINLIMIT_EXCEEDED:
                if page.cookie or page.size <= SMALLEST:
                    raise
                # The server refuses pages of that size (slapd's size.pr): ask for smaller ones.
                page.size = self._sizes[ahead] = page.size // 5
                sent = self._send(base, query, attributes, page)
                continue
            page.cookie = next((c.cookie for c in controls if c.controlType == page.controlType), "")
            sent = self._send(base, query, attributes, page) if page.cookie and ahead else None
            yield rows
            if page.cookie and not ahead:
                sent = self._send(base, query, attributes, page)

    def _send(self, base: str, query: str, attributes: Sequence[str], page: Any) -> Any:
        return self._raw.search_ext(base, ldap.SCOPE_SUBTREE, query, list(attributes), serverctrls=[page])

    def _page(self, base: str, sent: Any) -> tuple[Any, Any]:
        try:
            _kind, rows, _id, controls = self._raw.result3(sent, timeout=self._seconds)
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
            rows = self._raw.search_ext_s(dn, ldap.SCOPE_BASE, attrlist=[attribute], timeout=self._seconds)
            return next((found for name, found in rows if name is not None), {})

        return Entry.read(dn, whole(values, more))
