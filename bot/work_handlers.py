"""Work handlers of one process."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services import Services
from workflows.access.dispatch import LockoutDispatch
from workflows.access.restoration import Restorations
from workflows.access.restriction import Restrictions
from workflows.clients.handover import ClientHandover
from workflows.watch.retention import Retention

if TYPE_CHECKING:
    from workflows.engine.durable import Handler

WIDE = frozenset({"lockout", "revoke"})
"""Work that waits in its systems' own lanes, where those of a system that hangs hold up no other."""


@dataclass(frozen=True)
class WorkHandlers:
    """The services with what carries out their work, before an engine calls it."""

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
            "lockout": self.dispatch.case,
            "revoke": self.dispatch.row,
            "book": self.handover.run,
            "approval": self.handover.asking.run,
            "exports": services.exports.take,
            "follow_up": services.follow_ups.run,
            "audit": services.audits.run,
            "manual": services.manual.run,
            "undo": self.restorations.run,
            "restrict": self.restrictions.run,
            "put_back": services.put_backs.run,
            "leave": services.leaves.run,
        }
