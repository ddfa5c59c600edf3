"""Work handlers of one process."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services import Services
from workflows.access.dispatch import LockoutDispatch
from workflows.access.restoration import Restorations
from workflows.access.restriction import Restrictions
from workflows.clients.handover import ClientHandover
from workflows.storage.work import Task
from workflows.watch.retention import Retention

if TYPE_CHECKING:
    from workflows.engine.durable import Handler

WIDE = frozenset({Task.LOCKOUT, Task.REVOKE})
"""Work that waits in a thread pool per system, so that a hanging system delays no other."""


@dataclass(frozen=True)
class WorkHandlers:
    """The services and the handlers of their work, for the engine."""

    services: Services
    handover: ClientHandover
    dispatch: LockoutDispatch
    restorations: Restorations
    restrictions: Restrictions
    retention: Retention

    def by_task(self) -> "dict[str, Handler]":
        """Return the handler of every kind of work."""
        services = self.services
        return {
            Task.LOCKOUT: self.dispatch.case,
            Task.REVOKE: self.dispatch.row,
            Task.BOOK: self.handover.run,
            Task.APPROVAL: self.handover.escalation.run,
            Task.EXPORTS: services.exports.take,
            Task.FOLLOW_UP: services.follow_ups.run,
            Task.AUDIT: services.audits.run,
            Task.MANUAL: services.manual.run,
            Task.UNDO: self.restorations.run,
            Task.RESTRICT: self.restrictions.run,
            Task.PUT_BACK: services.put_backs.run,
            Task.LEAVE: services.leaves.run,
        }
