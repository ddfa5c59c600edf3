"""One vendor's limit, kept by several processes together, over a real socket that counts for itself."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import AccountId, Limits
from connectors.errors import Unavailable
from tests.sandbox.limited.connector import LimitedCrm, system
from tests.sandbox.limited.server import Crm, serve
from workflows.storage.rows.operations import TenantRateLimit
from workflows.storage.store import Store, sqlite_url
from workflows.systems.rate_limit import MAX_WAIT, RequestInterval, SharedRateLimit, share_rate_limits
from workflows.systems.registry import Systems

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REQUESTS, WINDOW = 40, 1.0
FEW = 4
"""Refusals that a short stall of the machine may cause; the vendor names a time, and all callers wait."""
Make = Callable[[], tuple[Store, LimitedCrm]]


@pytest.fixture
def crm() -> Iterator[tuple[Crm, str]]:
    made = Crm(0, requests=REQUESTS, window=WINDOW)
    server = serve(made)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield made, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def replica(tmp_path: Path, crm: tuple[Crm, str]) -> Iterator[Callable[[], tuple[Store, LimitedCrm]]]:
    """Return what makes what one process has: its own pool of connections, its own connector."""
    made: list[tuple[Store, LimitedCrm]] = []

    def make() -> tuple[Store, LimitedCrm]:
        store, one = Store(sqlite_url(tmp_path)), system(crm[1], REQUESTS, WINDOW)
        store.upgrade()
        share_rate_limits(Systems([one]), store)
        assert isinstance(one.connector, LimitedCrm)
        made.append((store, one.connector))
        return made[-1]

    yield make
    for store, connector in made:
        connector.close()
        store.close()


def ask_together(connectors: list[LimitedCrm], number: int, threads: int = 3) -> None:
    def ask(connector: LimitedCrm) -> None:
        for _ in range(number):
            connector.observe([AccountId("bob")])

    asking = [threading.Thread(target=ask, args=(one,)) for one in connectors for _ in range(threads)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()


@given(
    requests=st.integers(1, 250), seconds=st.floats(0.1, 100), idle=st.lists(st.floats(0, 2), min_size=1, max_size=6)
)
def test_no_window_ever_holds_more_than_the_limit(requests: int, seconds: float, idle: list[float]) -> None:
    limits = Limits(requests=requests, window=timedelta(seconds=seconds))
    rhythm, free, now, sent = RequestInterval.of(limits), START, START, list[datetime]()
    for windows in idle:
        now += windows * limits.window
        for _ in range(requests):
            at, free = rhythm.next(free, now)
            sent.append(at)
        now = max(now, at)
    assert sent == sorted(sent)
    for first, last in zip(sent, sent[requests:], strict=False):
        assert last - first >= limits.window


@pytest.mark.parametrize(("requests", "seconds"), [(190, 10), (100, 10), (1000, 60)])
def test_the_pace_is_near_what_is_allowed(requests: int, seconds: int) -> None:
    limits = Limits(requests=requests, window=timedelta(seconds=seconds))
    assert limits.window / RequestInterval.of(limits).interval > 0.97 * requests


def test_two_processes_take_turns_on_the_one_limit(replica: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "now", lambda *_: START)
    limits = Limits(requests=REQUESTS, window=timedelta(seconds=WINDOW))
    paces = [SharedRateLimit(replica()[0], "crm", limits) for _ in range(2)]
    waits: list[float] = []

    def take(pace: SharedRateLimit) -> None:
        for _ in range(50):
            waits.append(pace.take())

    taking = [threading.Thread(target=take, args=(pace,)) for pace in paces for _ in range(2)]
    for thread in taking:
        thread.start()
    for thread in taking:
        thread.join()
    waits.sort()
    assert len(waits) == 200
    assert all(last - first >= WINDOW for first, last in zip(waits, waits[REQUESTS:], strict=False))
    assert waits[-1] < 200 / REQUESTS * WINDOW * 1.05


def test_two_processes_on_a_real_socket(replica: Make, crm: tuple[Crm, str]) -> None:
    world, _ = crm
    connectors, refused = [replica()[1], replica()[1]], list[int]()
    for _ in range(5):  # a machine that stalls sends all at once what waited: it may do so once, and not every time
        world.stats.update(times=[], refused=0)
        began = time.monotonic()
        ask_together(connectors, 15)
        assert world.stats["most"] <= REQUESTS
        assert len(world.stats["times"]) == 90
        assert time.monotonic() - began > 50 / REQUESTS * WINDOW
        refused.append(world.stats["refused"])
        if refused[-1] <= FEW:
            return
    raise AssertionError(f"refused again and again: {refused}")


def test_a_process_that_starts_again_remembers_what_was_sent(replica: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "now", lambda *_: START)
    limits = Limits(requests=REQUESTS, window=timedelta(seconds=WINDOW))
    waits = [SharedRateLimit(replica()[0], "crm", limits).take() for _ in range(4)]
    assert waits == sorted(set(waits))


def test_the_judge_refuses_whoever_asks_nobody(crm: tuple[Crm, str]) -> None:
    crm[0].window = 30.0
    with httpx.Client(base_url=crm[1]) as client:
        answers = [client.post("/observe", json={"ids": []}).status_code for _ in range(REQUESTS + 5)]
    assert answers == [200] * REQUESTS + [429] * 5


@pytest.mark.parametrize("said", [True, False])
def test_a_429_holds_every_process(replica: Make, crm: tuple[Crm, str], said: bool) -> None:
    world, _ = crm
    (_, first), (rows, second) = replica(), replica()
    world.settings.update(refuse=1, retry_after=said)
    waiting = threading.Thread(target=first.observe, args=([AccountId("bob")],))
    waiting.start()
    end = time.monotonic() + 60
    while not (world.stats["refusals"] and _held(rows, world.stats["refusals"][0])):
        assert time.monotonic() < end, "nobody was held"
        time.sleep(0.01)
    second.observe([AccountId("bob")])
    waiting.join()
    [refused] = world.stats["refusals"]
    assert min(world.stats["times"]) - refused > 0.5  # of the second that is said, or taken where nothing is
    assert (world.stats["refused"], len(world.stats["times"])) == (1, 2)


def _held(rows: Store, refused: float) -> bool:
    then = datetime.now(UTC) - timedelta(seconds=time.monotonic() - refused)
    with rows.read() as session:
        row = session.get(TenantRateLimit, "crm")
        return row is not None and row.next_at > then + timedelta(seconds=0.6)


def test_a_long_hold_keeps_no_thread_and_is_put_off(replica: Make, crm: tuple[Crm, str]) -> None:
    store, connector = replica()
    SharedRateLimit(store, "crm", Limits(requests=REQUESTS)).hold(MAX_WAIT * 4)
    with pytest.raises(Unavailable) as caught:
        connector.observe([AccountId("bob")])
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > MAX_WAIT * 3
    assert crm[0].stats["asked"] == 0
