"""`allocate`: 100,000 and 1,000,000 clients over 50 managers, also with capacities and by affinity."""

import random
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from tests.bench.figures import Figure, Run
from workflows.clients.split.allocation import AllocationItem, AllocationTarget, allocate
from workflows.storage.rows.case import Strategy

MANAGERS = 50
SMALL, LARGE = 100_000, 1_000_000
GOALS = {SMALL: 3.0, LARGE: 40.0}
LANGUAGES = ("de", "en", "es", "fr", "it", "pl")


def run() -> Run:
    """Measure each way of splitting; the floor is sorting as many weights, which no such split does without."""
    figures = [figure for size in (SMALL, LARGE) for figure in _figures(size)]
    return Run("allocate", {"managers": MANAGERS, "clients": [SMALL, LARGE]}, figures)


def _figures(size: int) -> list[Figure]:
    chance = random.Random(size)
    managers = [f"m{n}@x.example" for n in range(MANAGERS)]
    items = [
        AllocationItem(f"party:{n}", Decimal(chance.randrange(10**7)) / 100, 1 + n % 4, _traits(chance, managers))
        for n in range(size)
    ]
    free = [AllocationTarget(key, traits=_own(n, key)) for n, key in enumerate(managers)]
    room = [AllocationTarget(one.key, size // MANAGERS + 50 * (n % 9) - 100, one.traits) for n, one in enumerate(free)]
    floor = _seconds(lambda: sorted(items, key=lambda item: item.value))
    ways = (
        ("balanced", free, Strategy.BALANCED),
        ("balanced, capacities", room, Strategy.BALANCED),
        ("affinity, capacities", room, Strategy.AFFINITY),
    )
    return [
        Figure(f"{size:,} {name}", _seconds(partial(allocate, items, takers, how)), "s", goal=GOALS[size], floor=floor)
        for name, takers, how in ways
    ]


def _traits(chance: random.Random, managers: list[str]) -> frozenset[tuple[str, str]]:
    known = {("language", chance.choice(LANGUAGES)), ("region", f"r{chance.randrange(16)}")}
    return frozenset(known | ({("co_owner", chance.choice(managers))} if chance.random() < 0.2 else set()))


def _own(turn: int, key: str) -> frozenset[tuple[str, str]]:
    return frozenset({("co_owner", key), ("language", LANGUAGES[turn % len(LANGUAGES)]), ("region", f"r{turn % 16}")})


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
