"""A record that somebody edits at the moment of its move: it is still moved, unless its owner changed."""

from collections.abc import Callable
from typing import Any

import pytest

from connectors.contract import AccountId, Moved, MoveOrder, MoveOutcome, RecordId
from connectors.errors import Conflict
from connectors.tryton import wire
from connectors.tryton.book import Book
from connectors.tryton.owners import Owners

DANA, BOB, ZED = 1, 2, 3
"""Users, whose employees are ten times their number."""


class Server:
    """Tryton's answers about users 1 to 3 and three opportunities; `meanwhile` runs before a write is checked."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {
            n: {"id": n, "employee": DANA * 10, "company": 1, "state": "lead", "_timestamp": "1"} for n in (7, 8, 9)
        }
        self.meanwhile: list[Callable[[], None]] = []
        self.writes: list[int] = []

    def edit(self, number: int, **change: Any) -> None:
        """Change a record as a colleague would."""
        row = self.rows[number]
        row.update(change, _timestamp=f"{row['_timestamp']}1")

    def read(self, method: str, domain: list[Any], *_: Any, **_context: Any) -> list[dict[str, Any]]:
        wanted = domain[0][2]
        if method.startswith("sale.opportunity"):
            return [dict(row) for number, row in self.rows.items() if number in wanted]
        if method.startswith("company.employee"):
            return [{"id": one, "company": 1, "start_date": None, "end_date": None} for one in wanted]
        users = wanted if domain[0][0] == "id" else [one // 10 for one in wanted]
        return [
            {
                "id": one,
                "login": str(one),
                "name": str(one),
                "email": "",
                "active": True,
                "sessions": 0,
                "employee": one * 10,
                "employees": [one * 10],
                "_timestamp": "1",
            }
            for one in users
        ]

    def write(self, _method: str, *arguments: Any, context: dict[str, Any]) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
        for number in (number for ids, _ in pairs for number in ids):
            if self.rows[number]["_timestamp"] != context["_timestamp"][f"sale.opportunity,{number}"]:
                raise Conflict("changed by somebody else in the meantime")
            if self.rows[number]["state"] == "locked":
                raise wire.ValidationRefused("nobody may change this")
        for ids, values in pairs:
            for number in ids:
                self.edit(number, **values)
                self.writes.append(number)


@pytest.fixture
def server() -> Server:
    return Server()


def _move(server: Server) -> dict[str, tuple[MoveOutcome, str | None]]:
    book = Book(server, Owners(server))  # type: ignore[arg-type]
    dana, bob = AccountId(str(DANA)), AccountId(str(BOB))
    batch = [MoveOrder(RecordId(f"opportunity:{number}"), dana, bob) for number in server.rows]
    moved: list[Moved] = list(book.move(batch))
    return {str(one.record): (one.outcome, one.owner) for one in moved}


def test_an_edit_in_between_does_not_keep_a_record_from_its_successor(server: Server) -> None:
    server.meanwhile.append(lambda: server.edit(8, description="called them"))
    assert {outcome for outcome, _ in _move(server).values()} == {MoveOutcome.MOVED}
    assert sorted(server.writes) == [7, 8, 9]


def test_who_took_it_in_between_keeps_it(server: Server) -> None:
    server.meanwhile.append(lambda: server.edit(8, employee=ZED * 10))
    moved = _move(server)
    assert moved["opportunity:8"] == (MoveOutcome.TAKEN, str(ZED))
    assert sorted(server.writes) == [7, 9]


def test_what_tryton_declines_is_not_sent_again(server: Server) -> None:
    server.edit(8, state="locked")
    moved = _move(server)
    assert moved["opportunity:8"][0] == MoveOutcome.REFUSED
    assert sorted(server.writes) == [7, 9]


def test_a_record_that_is_edited_all_the_time_is_refused_with_the_reason(server: Server) -> None:
    server.meanwhile += [lambda: server.edit(8, description="again")] * 9
    moved = _move(server)
    assert moved["opportunity:8"][0] == MoveOutcome.REFUSED
    assert {moved[f"opportunity:{n}"][0] for n in (7, 9)} == {MoveOutcome.MOVED}
