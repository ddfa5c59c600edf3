"""Background work of a process: the engine with a handler for every kind of work, triggers and ticks."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlmodel import select

from bot.services import WIDE, WorkHandlers
from bot.text import _
from workflows.engine import clock_jumps, engine_file
from workflows.engine.change_watch import ChangeWatch
from workflows.engine.clock_guard import ClockGuard
from workflows.engine.durable import Engine
from workflows.engine.health import Health
from workflows.engine.reconciler import Reconciler
from workflows.engine.replicas import Replicas, end
from workflows.engine.ticker import Ticker
from workflows.engine.triggers import Triggers
from workflows.ports import Clock
from workflows.storage import outbox
from workflows.storage.journal import Journal
from workflows.storage.rows.case import Case
from workflows.storage.store import NewerTables, Store
from workflows.watch.new_systems import add_to_open_cases

log = logging.getLogger(__name__)
AUDIT_TICK, LEAP_TICK, FILE_TICK, JUMP_TICK, UNDELIVERED_TICK, FORGET_TICK = 5.0, 5.0, 5.0, 60.0, 60.0, 3600.0
TABLES_TICK, ROWS_TICK = 20.0, 60.0
DUE_REST = 0.25
"""Ticks of a mass run, in which commits never pause, are so far apart."""
SEAL_DELAY, SEAL_REST = 0.25, 0.5
"""Entries written within a moment are sealed in one turn; every entry is sealed within a second."""
POST_DELAY, POST_REST = 0.1, 0.3
"""Changes within a moment are shown in one message."""
FILE_REST = 2.0


@contextmanager
def running(
    engine: Engine,
    built: WorkHandlers,
    store: Store,
    clock: Clock,
    tell: outbox.Notifier,
    replicas: Replicas | None = None,
    *,
    guard: ClockGuard,
) -> Iterator[Health]:
    """Run engine and ticks for as long as the context lasts, and yield the health of the process.

    `replicas`: where several processes share the rows. `guard`: stops work while the clock is wrong.
    """
    lost: list[str] = []
    health = Health(lambda: [guard.fault, *lost, _not_begun(engine)])
    journal, audits = built.services.journal, built.services.audits
    look = partial(_look_at_clock, guard, clock_jumps.ClockJumps(store, journal, clock))
    look()
    # Beside other processes, a wrong clock leaves everything to them. Alone, it stops only what waits for a time.
    engine.stop_while(lambda: bool(guard.fault), at_once=replicas is not None)
    for task, handler in built.by_task().items():
        engine.register(task, handler, wide=task in WIDE)
    triggers = Triggers()
    reconciler = Reconciler(store, engine, clock, lambda: replicas is not None and replicas.has_others)
    due = triggers.add(health.watched(reconciler.tick), "hand over due work", rest=DUE_REST)
    triggers.add(partial(_seal, journal), "seal the journal", delay=SEAL_DELAY, rest=SEAL_REST)
    deliver = partial(_deliver, store, tell, clock, engine.executor)
    triggers.add(partial(deliver, set()), "tell people", delay=POST_DELAY, rest=POST_REST)
    triggers.add(partial(deliver, set(), files=True), "send files", delay=POST_DELAY, rest=FILE_REST)
    store.when_committed(triggers.fire)
    engine.when_ended(due.fire)
    watch = ChangeWatch(store, clock, triggers.fire)
    ticker = Ticker()
    heal = partial(clock_jumps.heal, store, journal, clock)
    ticker.every(AUDIT_TICK, guard.unless_wrong(audits.call), "call the daily audit")
    ticker.every(LEAP_TICK, look, "see whether the clock was set")
    ticker.every(JUMP_TICK, guard.unless_wrong(heal), "make due what a wrong clock put off")
    ticker.every(FORGET_TICK, engine.delete_ended, "forget finished work")
    ticker.every(ROWS_TICK, guard.unless_wrong(audits.rows.check), "compare the rows with the journal")
    ticker.every(UNDELIVERED_TICK, built.undelivered.check, "look for messages that do not arrive")
    ticker.every(FORGET_TICK, built.retention.prune, "prune settled rows")
    if engine.file:
        ticker.every(FILE_TICK, partial(_look_at_file, engine.file, lost), "look at the engine's file")
    if replicas:
        ticker.every(TABLES_TICK, partial(_look_at_tables, store), "look for tables of a newer version")
        ticker.every(replicas.seconds / 4, replicas.take_over_dead, "take over from the dead")
    with replicas.living() if replicas else outbox.single_process(store):
        add_to_open_cases(store, journal, built.services.systems, clock)
        engine.launch(expected=_has_cases(store))
        for part in (triggers, watch, ticker):
            part.start()
        try:
            yield health
        finally:
            for part in (ticker, watch, triggers):
                part.stop()
            engine.close()
            journal.seal()


def _look_at_tables(store: Store) -> None:
    """End this process once a newer version has changed the tables. A service manager must not start it again."""
    try:
        store.upgrade()
    except NewerTables as error:
        end(str(error), os.EX_CONFIG)


def _has_cases(store: Store) -> bool:
    with store.read() as session:
        return session.exec(select(Case.id).limit(1)).first() is not None


def _look_at_file(file: Path, lost: list[str]) -> None:
    """Record a lost file. After damage this process ends: it could begin no work, and the next start repairs that."""
    fault = engine_file.fault(file)
    if fault and [fault] != lost:
        log.error("%s", fault)
    lost[:] = [fault] if fault else []
    if fault and file.exists():
        end(fault)


def _not_begun(engine: Engine) -> str:
    return _("work cannot be begun: {why}").format(why=engine.failure) if engine.failure else ""


def _look_at_clock(guard: ClockGuard, jumps: clock_jumps.ClockJumps) -> None:
    """Compare the clock with a better one or the record; from then on, handle jumps.

    A jump that makes the clock wrong stays unhandled until the clock has caught up, or a person accepts it.
    """
    guard.check(stepped_back=jumps.stepped_back)
    if not guard.fault:
        jumps.check()


def _seal(journal: Journal) -> None:
    journal.seal()


def _deliver(
    store: Store, tell: outbox.Notifier, clock: Clock, by: str, given_up: set[str], *, files: bool = False
) -> float | None:
    """Tell people, or send files; return in how many seconds what could not be sent is tried again."""
    began = clock.now()
    outbox.deliver(store, tell, clock, by, files=files, given_up=given_up)
    at = outbox.next_try(store, began, files=files)
    return max(0.0, (at - clock.now()).total_seconds()) if at else None
