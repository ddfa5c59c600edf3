"""Servers that give small pages and short answers: nobody is hidden by that, and nobody is taken for gone."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import ldap
import pytest
from pydantic import SecretStr

from connectors.contract import AccountId
from connectors.errors import Unavailable
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connections import LdapConnections
from connectors.ldap.directory import Directory
from connectors.ldap.openldap import OpenLdap
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry

SETTINGS = LdapSettings(urls=("ldap://127.0.0.1:9",), bind_dn="cn=bot", password=SecretStr("x"), base_dn="o=x")
IDS = [AccountId(str(UUID(int=number))) for number in range(1, 300)]


class Raw:
    """A server that knows no pages of more than `largest`."""

    def __init__(self, largest: int, rows: int) -> None:
        self.largest, self.rows, self.asked = largest, rows, list[int]()

    def search_ext(self, *_: Any, serverctrls: Sequence[Any]) -> Any:
        [page] = serverctrls
        self.asked.append(page.size)
        return page

    def fileno(self) -> int:
        return -1

    def result3(self, page: Any, *, all: int, timeout: float) -> Any:  # noqa: A002 - libldap's own name
        if page.size > self.largest:
            raise ldap.ADMINLIMIT_EXCEEDED({"info": "illegal pagedResults page size"})
        start = int(page.cookie or 0)
        end = min(start + page.size, self.rows)
        answer = SimpleNamespace(controlType=page.controlType, cookie=str(end) if end < self.rows else "")
        return None, [(f"cn={number}", {}) for number in range(start, end)], None, [answer]


@pytest.mark.parametrize(("largest", "asked"), [(500, [500]), (50, [500, 100, 20]), (100, [500, 100])])
def test_smaller_pages_are_asked_for_where_the_server_wants_them(largest: int, asked: list[int]) -> None:
    raw = Raw(largest, 130)
    link = LdapConnection(raw, 1)
    assert len(list(link.search("o=x", "(a=b)", ["cn"]))) == 130
    assert raw.asked[: len(asked)] == asked
    raw.asked.clear()
    assert len(list(link.search("o=x", "(a=b)", ["cn"]))) == 130
    assert raw.asked[0] == asked[-1], "what was learnt is kept"


@pytest.mark.parametrize(("largest", "asked"), [(1000, [1000]), (50, [1000, 200, 40]), (10, [1000, 200, 40, 8])])
def test_a_bulk_read_learns_it_as_well(largest: int, asked: list[int]) -> None:
    raw = Raw(largest, 130)
    link = LdapConnection(raw, 1)
    assert [dn for dn, _ in link.rows("o=x", "(a=b)", ["cn"])] == [f"cn={number}" for number in range(130)]
    assert raw.asked[: len(asked)] == asked
    raw.asked.clear()
    assert len(list(link.rows("o=x", "(a=b)", ["cn"]))) == 130
    assert raw.asked[0] == asked[-1], "what was learnt is kept"


@pytest.mark.parametrize("read", ["search", "rows"])
def test_a_server_that_gives_no_pages_at_all_is_an_error(read: str) -> None:
    with pytest.raises(ldap.ADMINLIMIT_EXCEEDED):
        list(getattr(LdapConnection(Raw(3, 130), 1), read)("o=x", "(a=b)", ["cn"]))


class Short:
    """A link whose server gives at most `most` rows in one answer, and shows nobody but in `whole` of its answers."""

    def __init__(self, present: Sequence[AccountId], most: int, whole: range = range(10_000)) -> None:
        self.present, self.most, self.whole, self.answers = present, most, whole, 0

    def search(self, base: str, query: str, attributes: Sequence[str], elsewhere: list[str]) -> Iterator[Entry]:
        found = [one for one in self.present if str(one) in query]
        self.answers += 1
        if self.answers - 1 not in self.whole:
            return iter(())
        if len(found) > self.most:
            raise ldap.SIZELIMIT_EXCEEDED({})
        return map(_entry, found)

    def read(self, dn: str, attributes: Sequence[str]) -> None:
        """Say nothing of what else the server holds."""

    def first_person(self, base: str, people: str, attributes: Sequence[str]) -> Entry:
        return _entry(self.present[0])


def _entry(account: AccountId) -> Entry:
    return Entry.read(f"cn={account}", {"entryUUID": [account.encode()]})


def _directory() -> Directory:
    return Directory(SETTINGS, OpenLdap(), LdapConnections(SETTINGS, OpenLdap()))


def test_a_short_answer_is_asked_for_in_halves() -> None:
    link: Any = Short(IDS[:250], 50)
    assert set(_directory().people(link, IDS[:250], ["entryUUID"], [])) == set(IDS[:250])


def test_who_is_gone_is_gone_in_halves_too() -> None:
    link: Any = Short(IDS[:250], 50)
    assert set(_directory().people(link, IDS, ["entryUUID"], [])) == set(IDS[:250])


@pytest.mark.parametrize("begin", range(6))
@pytest.mark.parametrize("length", range(1, 8))
def test_an_outage_between_two_halves_makes_nobody_gone(begin: int, length: int) -> None:
    """Each half has the witness in it: the first one's does not vouch for the second."""
    link: Any = Short(IDS[:200], 50, range(begin, begin + length))
    try:
        found = _directory().people(link, IDS[:200], ["entryUUID"], [])
    except Unavailable:
        return
    assert set(found) == set(IDS[:200])


def test_a_server_that_gives_less_than_a_handful_is_an_error() -> None:
    link: Any = Short(IDS[:40], 1)
    with pytest.raises(ldap.SIZELIMIT_EXCEEDED):
        _directory().people(link, IDS[:40], ["entryUUID"], [])
