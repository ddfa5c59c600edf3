"""Several replicas, one limit on connections: never more open than that, and no replica without."""

import os
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from connectors.connections import ConnectionPool
from connectors.contract import Connector, Limits, Manifest
from tests.bench.slow_system import NoSettings, SlowAccounts
from workflows.storage.rows.operations import ConnectionShare, Replica
from workflows.storage.store import Store
from workflows.systems.connection_limit import ConnectionShares, share_connections, split
from workflows.systems.registry import System, Systems

LIMIT = 6
PATIENCE = 60


class World:
    """A system that counts its open connections, and the most there ever were."""

    def __init__(self) -> None:
        self.open = self.most = 0
        self.lock = threading.Lock()

    def connect(self) -> object:
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        return object()

    def hang_up(self, _connection: object) -> None:
        with self.lock:
            self.open -= 1


class Crm(SlowAccounts):
    """A connector with nothing but its connections."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pool: ConnectionPool[object] = ConnectionPool(LIMIT, world.hang_up)

    def connections(self) -> ConnectionPool[object]:
        return self.pool

    def close(self) -> None:
        self.pool.close()

    def request(self, stay: Callable[[], object] = bool) -> None:
        with self.pool.slot(PATIENCE) as slot:
            slot.connection = slot.connection or self.world.connect()
            stay()


class Bot:
    """One replica: its connector, its shares, and lock-outs that wait."""

    def __init__(self, store: Store, world: World, name: str) -> None:
        self.crm, self.waiting, self.name = Crm(world), 0, name
        _register(store, name)
        self.shares = ConnectionShares(store, _systems(self.crm), name, lambda _system: self.waiting)


def _systems(connector: Connector) -> Systems:
    limits = Limits(connections=LIMIT)
    return Systems([System("crm", Manifest("slow", "CRM", Crm, NoSettings, limits), connector)])


def _register(store: Store, name: str, host: str = "elsewhere", pid: int = 1) -> None:
    now = datetime.now(UTC)
    with store.write() as session:
        session.add(Replica(id=name, host=host, pid=pid, started_at=now, heartbeat_at=now))


def _held(store: Store) -> dict[str, int]:
    with store.read() as session:
        return {row.replica_id: row.held for row in session.exec(select(ConnectionShare))}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def start(store: Store, world: World) -> Callable[[str], Bot]:
    return lambda name: Bot(store, world, name)


@given(
    st.integers(1, 20), st.dictionaries(st.text("abcdef", min_size=1), st.booleans(), min_size=1), st.integers(0, 99)
)
def test_shares_are_the_limit_and_nobody_who_can_have_one_goes_without(
    limit: int, hungry: dict[str, bool], turn: int
) -> None:
    shares = split(limit, hungry, turn)
    assert sum(shares.values()) == limit
    assert shares.keys() == hungry.keys()
    if len(hungry) <= limit:
        assert min(shares.values()) >= 1
    eaters = [shares[name] for name, eats in hungry.items() if eats]
    assert not eaters or max(eaters) - min(eaters) <= 1


def test_with_fewer_connections_than_replicas_each_has_its_turn() -> None:
    seen = [split(2, dict.fromkeys("abcde", True), turn) for turn in range(5)]
    assert {name: sum(one[name] for one in seen) for name in "abcde"} == dict.fromkeys("abcde", 2)
    assert split(1, {"a": False, "b": True}, 0) == {"a": 0, "b": 1}


def test_a_lone_replica_keeps_the_whole_limit(store: Store, start: Callable[[str], Bot]) -> None:
    one = start("one")
    assert one.crm.pool.size == 0
    one.shares.look()
    assert (one.crm.pool.size, _held(store)) == (LIMIT, {"one": LIMIT})
    assert not one.shares.look()


def test_a_newcomer_has_its_half_once_the_first_has_given_it_back(store: Store, start: Callable[[str], Bot]) -> None:
    one, two = start("one"), start("two")
    one.shares.look()
    two.shares.look()
    assert (one.crm.pool.size, two.crm.pool.size) == (LIMIT, 0)
    one.shares.look()
    two.shares.look()
    assert (one.crm.pool.size, two.crm.pool.size) == (LIMIT // 2, LIMIT // 2)


def test_what_is_in_use_is_given_back_only_when_it_is_free(
    store: Store, world: World, start: Callable[[str], Bot]
) -> None:
    one, two = start("one"), start("two")
    one.shares.look()
    go, inside = threading.Event(), threading.Barrier(LIMIT + 1)

    def stay() -> None:
        inside.wait(PATIENCE)
        assert go.wait(PATIENCE)

    busy = [threading.Thread(target=one.crm.request, args=(stay,)) for _ in range(LIMIT)]
    for thread in busy:
        thread.start()
    inside.wait(PATIENCE)
    two.waiting = 1
    for _ in range(3):
        two.shares.look()
        one.shares.look()
    assert _held(store) == {"one": LIMIT, "two": 0}
    go.set()
    for thread in busy:
        thread.join()
    for _ in range(2):
        one.shares.look()
        two.shares.look()
    assert _held(store) == {"one": LIMIT // 2, "two": LIMIT // 2}
    assert world.open == LIMIT // 2


def test_who_has_work_gets_more_and_the_other_keeps_one(start: Callable[[str], Bot]) -> None:
    one, two = start("one"), start("two")
    one.waiting = 100
    for _ in range(3):
        two.shares.look()
        one.shares.look()
    assert (one.crm.pool.size, two.crm.pool.size) == (LIMIT - 1, 1)


def test_never_more_connections_than_the_limit_while_replicas_come_work_and_go(
    store: Store, world: World, start: Callable[[str], Bot]
) -> None:
    over = threading.Event()
    served = dict.fromkeys(("a", "b", "c", "d"), 0)

    def work(name: str, crm: Crm) -> None:
        while not over.is_set():
            crm.request(lambda: over.wait(0.002))
            served[name] += 1

    def live(name: str) -> None:
        crm = Crm(world)
        _register(store, name)
        with share_connections(store, _systems(crm), name, lambda _system: 5):
            threads = [threading.Thread(target=work, args=(name, crm)) for _ in range(LIMIT + 2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        crm.close()

    bots = [threading.Thread(target=live, args=(name,)) for name in served]
    for bot in bots:
        bot.start()
    waiting = threading.Event()
    for _ in range(PATIENCE * 20):
        if all(number > 50 for number in served.values()):
            break
        waiting.wait(0.05)
    over.set()
    for bot in bots:
        bot.join()
    assert min(served.values()) > 50
    assert world.most <= LIMIT
    assert (world.open, _held(store)) == (0, {})


def test_what_a_dead_process_of_this_machine_held_is_free_at_once(store: Store, start: Callable[[str], Bot]) -> None:
    with store.write() as session:
        session.add(ConnectionShare(id="crm:killed", system="crm", replica_id="killed", held=LIMIT))
        session.add(ConnectionShare(id="crm:far", system="crm", replica_id="far", held=0))
    _register(store, "killed", socket.gethostname(), os.getpid())
    _register(store, "far")
    one = start("one")
    one.waiting = 100
    one.shares.look()
    assert _held(store) == {"far": 0, "one": LIMIT - 1}


def test_who_is_not_registered_holds_nothing(store: Store, world: World) -> None:
    crm = Crm(world)
    shares = ConnectionShares(store, _systems(crm), "ghost", lambda _system: 9)
    assert shares.look()
    assert (crm.pool.size, _held(store)) == (0, {})
