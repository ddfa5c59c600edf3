"""Decisions that need no server: refusals, lists that shift, families, and outcomes of book."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from connectors.bottlecrm import book, wire
from connectors.bottlecrm.rest import PAGE, ModuleOff, ValidationRefused, fault, read_pages
from connectors.bottlecrm.settings import BottleCrmSettings
from connectors.bottlecrm.wire import BY_NAME, Member, Page, Unreadable
from connectors.contract import AccountId, Change, MoveOrder, MoveOutcome, Person, RecordId
from connectors.errors import BadCredential, ConnectorError, Forbidden, Missing, Unavailable

TOKEN = "bcrm_pat_secret"
NO_TOKEN: Mapping[str, object] = {"detail": "Organization context is required. Please login again."}
SCOPE = "This token is not scoped for read access to users. It needs the users:read scope."


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, NO_TOKEN, BadCredential),
        (403, {"detail": "Given token not valid for any token type", "code": "token_not_valid"}, BadCredential),
        (401, {"error": "Invalid or expired token"}, BadCredential),
        (403, {"detail": SCOPE}, Forbidden),
        (403, {"error": True, "errors": "Permission Denied"}, Forbidden),
        (404, {"detail": "No Task matches the given query."}, Missing),
        (404, {"detail": "Leads is switched off", "code": "module_off", "module": "leads"}, ModuleOff),
        (404, ["nonsense"], Missing),
        (
            400,
            {"error": True, "errors": {"amount": ["A won deal has to record what it was worth."]}},
            ValidationRefused,
        ),
        (301, {}, Unavailable),
        (302, {}, Unavailable),
    ],
)
def test_refusals_are_told_apart(status: int, body: object, expected: type[ConnectorError]) -> None:
    found = fault(TOKEN, answer(status, body))
    assert type(found) is expected


@pytest.mark.parametrize("status", [200, 204, 429, 500, 503])
def test_the_rest_is_read_as_everywhere(status: int) -> None:
    assert fault(TOKEN, answer(status, {})) is None


def test_a_refusal_repeats_the_sentence_and_never_the_token() -> None:
    said = str(fault(TOKEN, answer(400, {"errors": {"stage": [f"no {TOKEN} here", "second"]}, "detail": "x" * 500})))
    assert TOKEN not in said
    assert len(said) < 300
    said = str(fault(TOKEN, answer(400, {"errors": {"stage": [f"no {TOKEN} here", "second"]}})))
    assert "stage: no *** here second" in said


def answer(status: int, body: object) -> httpx.Response:
    return httpx.Response(status, json=body, request=httpx.Request("GET", "http://crm.example/api/tasks/"))


# --- lists


def listed(rows: list[str]) -> Callable[[int], Page]:
    def read(offset: int) -> Page:
        return Page([{"id": one} for one in rows[offset : offset + PAGE]], len(rows), len(rows))

    return read


def test_a_list_that_stands_still_is_read_once() -> None:
    rows = [f"{n:04}" for n in range(450)]
    offsets: list[int] = []

    def read(offset: int) -> Page:
        offsets.append(offset)
        return listed(rows)(offset)

    assert [row["id"] for row in read_pages(read, "it")] == rows
    assert offsets == [0, 200, 400]


@pytest.mark.parametrize("change", ["shrinks", "grows", "swaps"])
def test_a_list_that_shifts_between_pages_gives_every_row_once(change: str) -> None:
    rows = [f"{n:04}" for n in range(450)]
    stays = set(rows[3:])
    pages: Iterator[int] = iter(range(100))

    def read(offset: int) -> Page:
        if next(pages) == 1:
            if change in ("shrinks", "swaps"):
                del rows[:3]
            if change in ("grows", "swaps"):
                rows[:0] = ["a", "b", "c"]
        return listed(rows)(offset)

    seen = [row["id"] for row in read_pages(read, "it")]
    assert stays <= set(seen)
    assert len(seen) == len(set(seen))
    if change == "grows":
        assert {"a", "b", "c"} <= set(seen)


def test_two_halves_are_paged_as_one() -> None:
    kind = BY_NAME["account"]
    found = wire.page(
        {
            "active_accounts": {"open_accounts": [{"id": "1"}], "open_accounts_count": 300},
            "closed_accounts": {"close_accounts": [{"id": "2"}, {"id": "3"}], "close_accounts_count": 2},
        },
        kind.halves,
    )
    assert ([row["id"] for row in found.rows], found.total, found.longest) == (["1", "2", "3"], 302, 300)


@pytest.mark.parametrize(
    "broken", [{}, [], {"tasks": []}, {"tasks": {}, "tasks_count": 1}, {"tasks": [], "tasks_count": "1"}]
)
def test_a_list_of_another_shape_is_unreadable(broken: object) -> None:
    with pytest.raises(Unreadable):
        wire.page(broken, BY_NAME["task"].halves)


# --- rows

ALICE, BOB, CAROL, DAVE = (str(UUID(int=n)) for n in range(1, 5))


def person(number: str, *, active: bool = True) -> dict[str, Any]:
    who = {"id": str(UUID(int=99)), "email": f"{number[-1]}@x.example", "name": f"Person {number[-1]}"}
    return {"id": number, "user_details": who, "is_active": active}


def member(number: str, *, active: bool = True) -> Member:
    return wire.member(person(number, active=active))


def test_a_family_is_the_company_of_a_record_or_of_what_it_belongs_to() -> None:
    acme = ("account:c1", "Acme")
    families = {"opportunity:d1": acme}
    rows: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
        ("account", {"id": "c1", "name": "Acme"}, acme),
        (
            "contact",
            {
                "id": "p1",
                "first_name": "A",
                "last_name": "B",
                "title": "CEO",
                "account": "c1",
                "account_detail": {"id": "c1", "name": "Acme"},
            },
            acme,
        ),
        ("opportunity", {"id": "d1", "name": "D", "account": {"id": "c1", "name": "Acme"}}, acme),
        ("task", {"id": "t1", "title": "T", "account": None, "opportunity": {"id": "d1", "name": "D"}}, acme),
        ("task", {"id": "t2", "title": "T", "lead": {"id": "l1", "title": "L"}}, ("lead:l1", "L")),
        ("project", {"id": "j1", "name": "J", "account": None, "deal": {"id": "d1", "name": "D"}}, acme),
        ("lead", {"id": "l1", "title": "", "first_name": "A", "last_name": "B"}, ("lead:l1", "A B")),
        ("task", {"id": "t3", "title": "<!channel>"}, ("task:t3", "<!channel>")),
    ]
    for kind, row, expected in rows:
        assert wire.family(BY_NAME[kind], row, families) == expected


@pytest.mark.parametrize(
    "broken",
    [
        {"assigned_to": None},
        {"assigned_to": [{}]},
        {"assigned_to": [{"id": "x", "user_details": 1, "is_active": True}]},
        {"assigned_to": [person(ALICE) | {"is_active": "yes"}]},
        {},
        {"assigned_to": [None]},
    ],
)
def test_owners_of_another_shape_are_unreadable(broken: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        wire.holders(broken)


def test_the_address_is_the_log_in_and_part_of_it_is_nobody() -> None:
    found = wire.member(person(ALICE) | {"user_details": {"id": "u", "email": "Ann@X.example", "name": None}})
    assert found.name == "Ann@X.example"
    assert wire.matched(Person("", ("ann@x.example",)), found)
    assert wire.matched(Person("", (), ("ANN@x.example",)), found)
    assert not wire.matched(Person("Ann", ("n@x.example", "ann@x.example.org"), ("ann",)), found)


# --- moves

MOVE = MoveOrder(RecordId("task:1"), AccountId(ALICE), AccountId(BOB))
EVERYBODY = {AccountId(number): member(number) for number in (ALICE, BOB, CAROL)}


def outcome(*present: Member, people: book.People = EVERYBODY) -> object:
    found = book.decide(MOVE, present, people)
    return found if isinstance(found, list) else (found.outcome, found.owner)


def test_the_successor_takes_the_owners_place_and_everybody_else_stays() -> None:
    assert outcome(member(CAROL), member(ALICE)) == [CAROL, BOB]
    assert outcome(member(ALICE), member(BOB)) == [BOB]
    assert outcome(member(ALICE, active=False), member(DAVE, active=False)) == [BOB, DAVE]


def test_nothing_is_written_where_the_owner_is_another_or_nobody() -> None:
    assert outcome(member(CAROL)) == (MoveOutcome.TAKEN, CAROL)
    assert outcome(member(CAROL), member(BOB)) == (MoveOutcome.MOVED, BOB)
    assert outcome() == (MoveOutcome.REFUSED, None)


def test_nothing_is_written_for_a_successor_who_would_be_left_out() -> None:
    for people in ({}, {AccountId(BOB): member(BOB, active=False)}):
        assert outcome(member(ALICE), people=people) == (MoveOutcome.REFUSED, ALICE)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([BOB], (MoveOutcome.MOVED, BOB)),
        ([BOB, CAROL], (MoveOutcome.MOVED, BOB)),
        ([], (MoveOutcome.REFUSED, None)),
        ([ALICE], (MoveOutcome.REFUSED, ALICE)),
        ([ALICE, BOB], (MoveOutcome.REFUSED, ALICE)),
        ([CAROL], (MoveOutcome.TAKEN, CAROL)),
    ],
)
def test_the_outcome_is_what_was_read_again(after: list[str], expected: tuple[MoveOutcome, str | None]) -> None:
    found = book.report(MOVE, [member(ALICE)], [member(number) for number in after])
    assert (found.outcome, found.owner) == expected
    assert (found.change is Change.MADE) == (found.outcome is MoveOutcome.MOVED)


def test_who_was_left_out_is_named() -> None:
    assert "Person 4" in book.report(MOVE, [member(ALICE), member(DAVE, active=False)], [member(BOB)]).reason


# --- settings


@pytest.mark.parametrize("url", ["http://crm.example.com", "ftp://crm.example", "https://crm.example.com/api", "crm"])
def test_an_address_that_would_not_do_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        BottleCrmSettings.model_validate({"url": url, "login": "a@x.example", "token": SecretStr("x")})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:8000/", "https://crm.example.com"])
def test_an_address_that_will_do_is_taken(url: str) -> None:
    assert BottleCrmSettings.model_validate({"url": url, "login": "a@x.example", "token": SecretStr("x")}).url == url
