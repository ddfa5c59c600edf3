"""Counts of every owner's records in Tryton: pages that are cut or come twice, and records that change meanwhile."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from connectors.errors import Unavailable
from connectors.tryton import book
from connectors.tryton.book import OwnerFieldRecords
from connectors.tryton.owners import OPPORTUNITY, Owners
from connectors.tryton.rpc import Rpc

Page = Callable[[list[int]], list[int]]


class FakeRpc:
    """Tryton with records of employees 1 and 2 in turn; `cut` changes each page."""

    def __init__(self, records: int, cut: Page = lambda ids: ids) -> None:
        self.ids, self.cut = list(range(1, records + 1)), cut
        self.calls: list[str] = []

    def read(self, method: str, *arguments: Any, context: Any = None) -> Any:
        del context
        self.calls.append(method)
        if method.endswith("search_count"):
            return len(self.ids)
        if method == "res.user.search_read":
            return [{"id": 100 + one, "employees": [one]} for one in arguments[0][0][2]]
        after, most = arguments[0][0][2], arguments[2]
        found = self.cut([one for one in self.ids if one > after][:most])
        return [{"id": one, "employee": 1 + one % 2} for one in found]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "OWNERS_PAGE", 10)


def counts(rpc: FakeRpc) -> dict[str, int]:
    real = cast("Rpc", rpc)
    return {str(account): n for account, n in OwnerFieldRecords(real, Owners(real), OPPORTUNITY).owner_counts().items()}


def test_all_pages_are_read_in_the_fewest_calls() -> None:
    rpc = FakeRpc(30)
    assert counts(rpc) == {"101": 15, "102": 15}
    assert len(rpc.calls) == 1 + 3 + 1


def test_pages_that_the_server_cuts_short_lose_nothing() -> None:
    assert counts(FakeRpc(30, lambda ids: ids[:4])) == {"101": 15, "102": 15}


@pytest.mark.parametrize("kept", [0, 7])
def test_a_list_that_ends_too_early_is_no_answer(kept: int) -> None:
    with pytest.raises(Unavailable, match="cut short"):
        counts(FakeRpc(30, lambda ids: [one for one in ids if one <= kept]))


def test_a_page_that_comes_twice_is_no_answer() -> None:
    rpc = FakeRpc(30)
    rpc.cut = lambda _ids: rpc.ids[:10]
    with pytest.raises(Unavailable, match="not what was asked for"):
        counts(rpc)


def test_records_that_are_deleted_meanwhile_are_no_fault() -> None:
    rpc = FakeRpc(30)

    def delete(ids: list[int]) -> list[int]:
        rpc.ids = [one for one in rpc.ids if one <= 20]
        return [one for one in ids if one in rpc.ids]

    rpc.cut = delete
    assert sum(counts(rpc).values()) == 20


def test_nobody_owns_anything() -> None:
    assert counts(FakeRpc(0)) == {}
