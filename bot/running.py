"""What runs behind the services: the engine with a handler for every kind of work, and the ticks."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.work_handlers import WorkHandlers
from workflows.cases import added_systems
from workflows.engine import clock_jumps
from workflows.engine.durable import Engine
from workflows.engine.reconciler import Reconciler, Ticker
from workflows.engine.replicas import Replicas, forget_finished
from workflows.ports import Clock
from workflows.storage import outbox
from workflows.storage.outbox import Notifier
from workflows.storage.store import Store
from workflows.storage.work import Task

TICK, POST_TICK, AUDIT_TICK, LEAP_TICK, JUMP_TICK, FORGET_TICK = 0.5, 0.3, 5.0, 5.0, 60.0, 3600.0


@contextmanager
def running(
    engine: Engine, built: WorkHandlers, store: Store, clock: Clock, tell: Notifier, replicas: Replicas | None = None
) -> Iterator[None]:
    """Run engine and ticks for as long as the context lasts; `replicas` where several processes share the rows."""
    engine.register(Task.LOCKOUT, built.dispatch.case, wide=True)  # they wait in their systems' lanes,
    engine.register(Task.REVOKE, built.dispatch.row, wide=True)  # those of a system that hangs among them
    for task, handler in {
        Task.BOOK: built.handover.run,
        Task.APPROVAL: built.handover.escalation.run,
        Task.EXPORTS: built.exports.take,
        Task.FOLLOW_UP: built.follow_ups.run,
        Task.AUDIT: built.audits.run,
        Task.MANUAL: built.manual.run,
        Task.UNDO: built.restorations.run,
        Task.RESTRICT: built.restrictions.run,
        Task.PUT_BACK: built.handover.put_backs.run,
        Task.LEAVE: built.handover.leaves.run,
    }.items():
        engine.register(task, handler)
    ticker = Ticker()
    ticker.every(TICK, Reconciler(store, engine, clock).tick, "hand over due work")
    ticker.every(TICK, built.journal.seal, "seal the journal")
    ticker.every(POST_TICK, lambda: outbox.deliver(store, tell, clock, engine.executor), "tell people")
    ticker.every(AUDIT_TICK, built.audits.call, "call the daily audit")
    ticker.every(LEAP_TICK, clock_jumps.ClockJumps(store, built.journal, clock).check, "see whether the clock was set")
    ticker.every(
        JUMP_TICK, lambda: clock_jumps.heal(store, built.journal, clock), "make due what a wrong clock put off"
    )
    ticker.every(FORGET_TICK, lambda: forget_finished(engine), "forget finished work")
    if replicas:
        ticker.every(replicas.seconds / 4, replicas.take_over_dead, "take over from the dead")
    with replicas.living() if replicas else outbox.single_process(store):
        added_systems.add_to_open_cases(store, built.journal, built.services.systems, clock)
        engine.launch()
        ticker.start()
        try:
            yield
        finally:
            ticker.stop()
            engine.close()
            built.journal.seal()
