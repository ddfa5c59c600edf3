"""Background work of a process: the engine with a handler for every kind of work, triggers and ticks."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bot.services import WIDE, WorkHandlers
from workflows.engine import clock_jumps
from workflows.engine.change_watch import ChangeWatch
from workflows.engine.durable import Engine
from workflows.engine.reconciler import Reconciler
from workflows.engine.replicas import Replicas
from workflows.engine.ticker import Ticker
from workflows.engine.triggers import Triggers
from workflows.ports import Clock
from workflows.storage import outbox
from workflows.storage.journal import Journal
from workflows.storage.store import Store
from workflows.watch.new_systems import add_to_open_cases

AUDIT_TICK, LEAP_TICK, JUMP_TICK, UNDELIVERED_TICK, FORGET_TICK = 5.0, 5.0, 60.0, 60.0, 3600.0
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
) -> Iterator[None]:
    """Run engine and ticks for as long as the context lasts; `replicas` where several processes share the rows."""
    for task, handler in built.by_task().items():
        engine.register(task, handler, wide=task in WIDE)
    journal, audits = built.services.journal, built.services.audits
    triggers = Triggers()
    due = triggers.add(Reconciler(store, engine, clock).tick, "hand over due work", rest=DUE_REST)
    triggers.add(partial(_seal, journal), "seal the journal", delay=SEAL_DELAY, rest=SEAL_REST)
    deliver = partial(_deliver, store, tell, clock, engine.executor)
    triggers.add(deliver, "tell people", delay=POST_DELAY, rest=POST_REST)
    triggers.add(partial(deliver, files=True), "send files", delay=POST_DELAY, rest=FILE_REST)
    store.when_committed(triggers.fire)
    engine.when_ended(due.fire)
    watch = ChangeWatch(store, clock, triggers.fire)
    ticker = Ticker()
    ticker.every(AUDIT_TICK, audits.call, "call the daily audit")
    ticker.every(LEAP_TICK, clock_jumps.ClockJumps(store, journal, clock).check, "see whether the clock was set")
    ticker.every(JUMP_TICK, lambda: clock_jumps.heal(store, journal, clock), "make due what a wrong clock put off")
    ticker.every(FORGET_TICK, engine.delete_ended, "forget finished work")
    ticker.every(UNDELIVERED_TICK, built.undelivered.check, "look for messages that do not arrive")
    ticker.every(FORGET_TICK, built.retention.prune, "prune settled rows")
    if replicas:
        ticker.every(replicas.seconds / 4, replicas.take_over_dead, "take over from the dead")
    with replicas.living() if replicas else outbox.single_process(store):
        add_to_open_cases(store, journal, built.services.systems, clock)
        engine.launch()
        for part in (triggers, watch, ticker):
            part.start()
        try:
            yield
        finally:
            for part in (ticker, watch, triggers):
                part.stop()
            engine.close()
            journal.seal()


def _seal(journal: Journal) -> None:
    journal.seal()


def _deliver(store: Store, tell: outbox.Notifier, clock: Clock, by: str, *, files: bool = False) -> float | None:
    """Tell people, or send files; return in how many seconds what could not be sent is tried again."""
    began = clock.now()
    outbox.deliver(store, tell, clock, by, files=files)
    at = outbox.next_try(store, began, files=files)
    return max(0.0, (at - clock.now()).total_seconds()) if at else None
