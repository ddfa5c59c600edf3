"""Work handlers of one process."""

from dataclasses import dataclass

from bot.services import Services
from workflows.access.dispatch import LockoutDispatch
from workflows.access.manual_steps import ManualSteps
from workflows.access.restoration import Restorations
from workflows.access.restriction import Restrictions
from workflows.access.system_lockout import SystemLockouts
from workflows.clients.handover import ClientHandover
from workflows.exports.snapshots import ExportTrack
from workflows.storage.journal import Journal
from workflows.watch.audit import Audits
from workflows.watch.follow_ups import FollowUps
from workflows.watch.retention import Retention


@dataclass(frozen=True)
class WorkHandlers:
    """The services with their work handlers, before an engine carries them."""

    services: Services
    revocation: SystemLockouts
    handover: ClientHandover
    exports: ExportTrack
    follow_ups: FollowUps
    audits: Audits
    journal: Journal
    manual: ManualSteps
    restorations: Restorations
    dispatch: LockoutDispatch
    restrictions: Restrictions
    retention: Retention
