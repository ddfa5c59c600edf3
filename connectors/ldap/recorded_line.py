"""A connection of python-ldap that gives each search and its answer to a recorder, and sends nothing that writes."""

from collections.abc import Sequence
from typing import Any

import ldap

from config.text import _
from connectors.contract import Recorder
from connectors.errors import Forbidden

READS = frozenset({"fileno", "get_option", "set_option", "unbind_ext", "whoami_s", "abandon_ext", "cancel"})
"""Calls that change nothing in the directory. All others are refused."""
SCOPES = {ldap.SCOPE_BASE: "base", ldap.SCOPE_ONELEVEL: "one level", ldap.SCOPE_SUBTREE: "subtree"}


class RecordedLine:
    """One connection. Its searches pass through, and nothing else but `READS`."""

    def __init__(self, raw: Any, recorder: Recorder) -> None:
        self._raw, self._recorder = raw, recorder
        self._asked: dict[int, tuple[str, dict[str, object]]] = {}
        self._rows: dict[int, list[object]] = {}

    def __getattr__(self, name: str) -> Any:
        """Return a call of the connection. Raises `Forbidden` for one that may write."""
        if name not in READS:
            raise Forbidden(_("{where}: a recording changes nothing").format(where=name))
        return getattr(self._raw, name)

    def modify_ext_s(self, *_asked: Any, **_more: Any) -> None:
        """Refuse a change as a directory does. Some checks try one that could change nothing, and understand this."""
        why = _("a recording changes nothing")
        raise ldap.INSUFFICIENT_ACCESS({"desc": why, "info": why})

    def search_ext(
        self, base: str, scope: int, query: str = "(objectClass=*)", attrlist: Sequence[str] | None = None, **more: Any
    ) -> int:
        """Send a search, and keep what was asked."""
        number: int = self._raw.search_ext(base, scope, query, attrlist=attrlist, **more)
        controls = [str(one.controlType) for one in more.get("serverctrls") or ()]
        asked: dict[str, object] = {
            "scope": SCOPES[scope],
            "filter": query,
            "attributes": list(attrlist or ()),
            "controls": controls,
        }
        self._asked[number], self._rows[number] = (base, asked), []
        return number

    def result3(self, number: int, **how: Any) -> Any:
        """Receive a part of an answer. The last part records the exchange."""
        try:
            kind, rows, same, controls = self._raw.result3(number, **how)
        except ldap.TIMEOUT:
            raise
        except ldap.LDAPError as error:
            self._end(number, type(error).__name__)
            raise
        self._rows.setdefault(number, []).extend({"dn": one[0], "attributes": one[1]} for one in rows)
        if kind not in {ldap.RES_SEARCH_ENTRY, ldap.RES_SEARCH_REFERENCE}:
            self._end(number, "SUCCESS")
        return kind, rows, same, controls

    def _end(self, number: int, status: str) -> None:
        base, asked = self._asked.pop(number, ("", {}))
        self._recorder.exchange("SEARCH", base, asked, status, self._rows.pop(number, []))
