"""The practice company's clients: what a manager reads first is likely, and all odd names are there."""

from collections.abc import Callable, Sequence

import pytest

from tests.sandbox.company.clients import CLIENTS, NASTY_NAMES, PAGE, Client, clients, few
from tests.sandbox.company.people import PEOPLE

Order = Callable[[Sequence[Client]], Sequence[Client]]


def in_order_of_age(book: Sequence[Client]) -> Sequence[Client]:
    return book


def in_order_of_value(book: Sequence[Client]) -> Sequence[Client]:
    return sorted(book, key=lambda client: -sum(deal.amount for deal in client.deals))


@pytest.mark.parametrize("uid", sorted({client.owner for client in clients()}))
@pytest.mark.parametrize("order", [in_order_of_age, in_order_of_value])
def test_the_first_page_of_anybodys_clients_has_likely_names(
    uid: str, order: Callable[[Sequence[Client]], Sequence[Client]]
) -> None:
    book = [client for client in clients() if client.owner == uid]
    assert [client.name for client in order(book)[:PAGE] if client.name in NASTY_NAMES] == []
    assert len(book) > PAGE


def test_every_odd_name_is_some_clients_in_a_small_company_too() -> None:
    owners = {person.uid for person in PEOPLE if person.crm}
    for book in (clients(), few(150)):
        assert {client.name for client in book} >= set(NASTY_NAMES)
        assert len({client.name for client in book}) == len(book)
        assert {client.owner for client in book} <= owners
    assert (len(clients()), len(few(150))) == (CLIENTS, 150)
