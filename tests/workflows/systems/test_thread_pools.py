"""Lanes: each system at its own width, urgent work first, and nothing waits for another system's."""

import threading
from collections.abc import Iterator
from concurrent.futures import wait
from functools import partial

import pytest

from workflows.systems.thread_pools import PLANNED, URGENT, ThreadPools

PATIENCE = 30


class Gate:
    """Work that blocks until a test releases it, and records that it ran."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.ran: list[str] = []
        self.inside = threading.Semaphore(0)

    def work(self, name: str) -> None:
        self.inside.release()
        assert self.open.wait(PATIENCE)
        self.ran.append(name)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def test_no_more_than_its_width_runs_in_a_lane(gate: Gate) -> None:
    lanes = ThreadPools(lambda _: 3)
    work = [lanes.submit("crm", lambda: gate.work("x")) for _ in range(8)]
    for _ in range(3):
        assert gate.inside.acquire(timeout=PATIENCE)
    assert not gate.inside.acquire(timeout=0.3), "a fourth one began"
    gate.open.set()
    wait(work, PATIENCE)
    assert len(gate.ran) == 8


def test_a_system_that_hangs_keeps_nobody_elsewhere_waiting(gate: Gate) -> None:
    lanes = ThreadPools(lambda _: 2)
    for _ in range(50):
        lanes.submit("hangs", lambda: gate.work("x"))
    lanes.submit("quick", lambda: None).result(PATIENCE)


def test_a_dismissal_goes_before_what_was_planned_and_others_keep_their_order(gate: Gate) -> None:
    lanes = ThreadPools(lambda _: 1)
    work = [lanes.submit("crm", lambda: gate.work("under way"))]
    assert gate.inside.acquire(timeout=PATIENCE)
    work += [lanes.submit("crm", partial(gate.work, f"planned {n}"), PLANNED) for n in range(3)]
    work += [lanes.submit("crm", partial(gate.work, f"urgent {n}"), URGENT) for n in range(2)]
    gate.open.set()
    wait(work, PATIENCE)
    assert gate.ran == ["under way", "urgent 0", "urgent 1", "planned 0", "planned 1", "planned 2"]


def test_an_error_reaches_who_waits_and_the_lane_goes_on() -> None:
    def fail() -> None:
        raise RuntimeError("planted")

    lanes = ThreadPools(lambda _: 1)
    bad, good = lanes.submit("crm", fail), lanes.submit("crm", lambda: None)
    with pytest.raises(RuntimeError, match="planted"):
        bad.result(PATIENCE)
    good.result(PATIENCE)


def test_an_idle_lane_keeps_no_thread() -> None:
    lanes = ThreadPools(lambda _: 4)
    wait([lanes.submit("idle crm", lambda: None) for _ in range(20)], PATIENCE)
    mine = [thread for thread in threading.enumerate() if thread.name == "pool idle crm"]
    for thread in mine:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in mine)


def test_a_lane_that_grows_takes_up_what_waits_and_one_that_shrinks_ends_threads(gate: Gate) -> None:
    width = [1]
    lanes = ThreadPools(lambda _: width[0])
    first, go = threading.Event(), threading.Event()

    def begin() -> None:
        first.set()
        assert go.wait(PATIENCE)

    work = [lanes.submit("crm", begin)]
    assert first.wait(PATIENCE)
    work += [lanes.submit("crm", lambda: gate.work("x")) for _ in range(6)]
    assert lanes.backlog("crm") == 6
    width[0] = 3
    go.set()
    for _ in range(3):
        assert gate.inside.acquire(timeout=PATIENCE)
    width[0] = 1
    gate.open.set()
    wait(work, PATIENCE)
    assert (len(gate.ran), lanes.backlog("crm")) == (6, 0)
