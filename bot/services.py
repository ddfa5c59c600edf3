"""Everything that Slack and the command line call, and the handlers of its work.

The services are imported for type checks only: a command that shows its help loads none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.storage.work import Task

if TYPE_CHECKING:
    from config.settings import Settings
    from workflows.access.dispatch import LockoutDispatch
    from workflows.access.duties import DutyLists
    from workflows.access.duty_decisions import DutyDecisions
    from workflows.access.duty_review import DutyReviews
    from workflows.access.duty_work import DutyWork
    from workflows.access.inventory import Inventories
    from workflows.access.links import AccountLinking
    from workflows.access.manual_steps import ManualSteps
    from workflows.access.restoration import Restorations
    from workflows.access.restriction import Restrictions
    from workflows.authorization import Authorization
    from workflows.cases.earlier_handover import EarlierHandovers
    from workflows.cases.joinings import ChannelJoinings
    from workflows.cases.offboarding import Offboarding
    from workflows.clients.approvals.decisions import DecisionRegister
    from workflows.clients.approvals.delegations import Delegations
    from workflows.clients.approvals.escalation import ApproverAppointment
    from workflows.clients.handover import ClientHandover
    from workflows.clients.moves.halts import Halts
    from workflows.clients.moves.introductions import ClientIntroductions
    from workflows.clients.moves.leave import Leaves
    from workflows.clients.moves.notes import HandoverNotes
    from workflows.clients.moves.put_back import PutBacks
    from workflows.clients.proposals.editing import ProposalEditor
    from workflows.clients.reading import ClientTrackQueries
    from workflows.clients.stayed.answers import ClientAnswers
    from workflows.clients.stayed.checks import StayChecks
    from workflows.engine.durable import Handler
    from workflows.exports.snapshots import ExportTrack
    from workflows.ports import Clock
    from workflows.stages.control import StageControl
    from workflows.stages.legal_holds import LegalHolds
    from workflows.stages.reading import StageReading
    from workflows.stages.runs import StageRuns
    from workflows.storage.enrolments import Enrolments
    from workflows.storage.journal import Journal
    from workflows.storage.languages import LanguageChoices
    from workflows.storage.signed_requests import SignedRequests
    from workflows.systems.registry import Systems
    from workflows.watch.audit import Audits
    from workflows.watch.clock_record import ClockRecord
    from workflows.watch.earlier_leavers import EarlierLeaverSearch
    from workflows.watch.figures import Figures
    from workflows.watch.follow_ups import FollowUps
    from workflows.watch.key_rotation import KeyRotation
    from workflows.watch.retention import Retention
    from workflows.watch.undelivered import UndeliveredMessages

WIDE = frozenset({Task.LOCKOUT, Task.REVOKE})
"""Work that waits in a thread pool per system, so that a hanging system delays no other."""


@dataclass(frozen=True)
class Services:
    """The services of one process, with its settings."""

    settings: Settings
    offboarding: Offboarding
    proposals: ClientTrackQueries
    decisions: DecisionRegister
    appointments: ApproverAppointment
    edits: ProposalEditor
    exports: ExportTrack
    audits: Audits
    follow_ups: FollowUps
    journal: Journal
    clock: Clock
    systems: Systems
    manual: ManualSteps
    linking: AccountLinking
    delegations: Delegations
    halts: Halts
    put_backs: PutBacks
    notes: HandoverNotes
    leaves: Leaves
    answers: ClientAnswers
    stay_checks: StayChecks
    enrolments: Enrolments
    clock_record: ClockRecord
    joinings: ChannelJoinings
    figures: Figures
    keys: KeyRotation
    signed_requests: SignedRequests
    languages: LanguageChoices
    authorization: Authorization
    duties: DutyLists
    introductions: ClientIntroductions
    earlier: EarlierLeaverSearch
    earlier_handovers: EarlierHandovers
    stages: StageReading
    stage_control: StageControl
    legal_holds: LegalHolds
    duty_decisions: DutyDecisions
    duty_reviews: DutyReviews


@dataclass(frozen=True)
class WorkHandlers:
    """The services and the handlers of their work, for the engine."""

    services: Services
    handover: ClientHandover
    dispatch: LockoutDispatch
    restorations: Restorations
    restrictions: Restrictions
    inventories: Inventories
    retention: Retention
    undelivered: UndeliveredMessages
    stage_runs: StageRuns
    duty_work: DutyWork

    def by_task(self) -> dict[str, Handler]:
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
            Task.INVENTORY: self.inventories.run,
            Task.PUT_BACK: services.put_backs.run,
            Task.LEAVE: services.leaves.run,
            Task.DUTY: self.duty_work.run,
            Task.DUTY_REVIEW: services.duty_reviews.run,
            Task.CLIENT_CHECK: services.stay_checks.run,
            Task.STAGE: self.stage_runs.run,
        }
