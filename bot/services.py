"""Everything that Slack and the command line call.

The services are imported for type checks only: a command that shows its help loads none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.settings import Settings
    from workflows.access.links import AccountLinking
    from workflows.access.manual_steps import ManualSteps
    from workflows.cases.offboarding import Offboarding
    from workflows.clients.approvals.decisions import DecisionRegister
    from workflows.clients.approvals.delegations import Delegations
    from workflows.clients.approvals.escalation import ApproverAppointment
    from workflows.clients.moves.halts import Halts
    from workflows.clients.moves.leave import Leaves
    from workflows.clients.moves.notes import HandoverNotes
    from workflows.clients.moves.put_back import PutBacks
    from workflows.clients.proposals.editing import ProposalEditor
    from workflows.clients.reading import ClientTrackQueries
    from workflows.exports.snapshots import ExportTrack
    from workflows.ports import Clock
    from workflows.storage.journal import Journal
    from workflows.systems.registry import Systems
    from workflows.watch.audit import Audits
    from workflows.watch.follow_ups import FollowUps


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
