from collections.abc import Sequence
from dataclasses import dataclass

from config.text import N_
from workflows.clients.approvals.requests import UnsealedRequest
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Proposal

SLACK, COMMAND_LINE = "slack:", "cli:"
LEFT = N_("has left the company")
UNKNOWN = N_("is not known in this workspace")


@dataclass(frozen=True, slots=True)
class PendingProposal:
    """A proposal as it is put to those who decide."""

    proposal: Proposal
    case: Case
    data: CaseData
    approval_requests: Sequence[UnsealedRequest]
