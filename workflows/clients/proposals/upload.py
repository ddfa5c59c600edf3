"""Assignment files: of a case when it is opened, or uploaded to change a proposal.

A file is used whole, or refused with every fault by line.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, replace

import sqlalchemy as sa
from sqlmodel import Session, col

from config.text import _
from workflows.clients.context import ClientContext
from workflows.clients.proposals.receivers import AddedReceivers
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import AssignmentRow
from workflows.clients.split.rules import AllocationRequest, owner_fault
from workflows.clients.split.sealed import ProposalData, line_context, line_id, load_line
from workflows.clients.views import LineFault
from workflows.people import Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case, Strategy
from workflows.storage.rows.clients import Assignment, AssignmentFile
from workflows.storage.vault import Vault

Client = tuple[str, str]


def changed_successors(
    context: ClientContext,
    session: Session,
    proposal_id: str,
    version: int,
    case: Case,
    data: CaseData,
    proposal_data: ProposalData,
    content: bytes,
    added: AddedReceivers,
) -> dict[str, str]:
    """Return the new successor of each client that the file changes; a client is named by one of its lines.

    `added`: receivers who are new to the case.

    Raises `InvalidAssignmentFile` with every fault, or `Refused(NOTHING_CHANGED)`.
    A row that repeats the proposal is none.
    """
    rows, faults = assignment_file.read_valid_rows(content)
    faults += assignment_file.stale(rows, str(version))
    data = replace(data, successors=(*data.successors, *added.people))
    proposal_data = added.extend(proposal_data)
    clients = _ProposalClients(context, session, proposal_id, case, data, rows, proposal_data, added)
    chosen: dict[Client, tuple[str, str]] = {}
    for row in rows:
        if fault := clients.apply(row, proposal_data, chosen):
            faults.append(LineFault(row.line, fault))
    assignment_file.refuse(faults)
    if not chosen:
        raise Refused(Code.NOTHING_CHANGED, proposal=proposal_id)
    return {line: key for key, line in chosen.values()}


class _ProposalClients:
    """Clients of a proposal by the names that a file may use."""

    def __init__(
        self,
        context: ClientContext,
        session: Session,
        proposal_id: str,
        case: Case,
        data: CaseData,
        rows: Sequence[AssignmentRow],
        proposal_data: ProposalData,
        added: AddedReceivers,
    ) -> None:
        self._added = added
        self._case = case.id
        self._keys = {context.vault.blind(successor.key): successor.key for successor in data.successors}
        self._said: dict[Client, tuple[str, int]] = {}
        """The successor that the file gives each client, and the line, also where that is no change."""
        self._now: dict[Client, tuple[str, str]] = {}
        """A line and the successor of each client."""
        self._records: dict[str, Client] = {}
        self._ids: dict[str, list[Client]] = defaultdict(list)
        self._names: dict[str, list[Client]] = {
            row.client.casefold(): [] for row in rows if not row.record and not row.client_id
        }
        unseal = context.vault.opener(case.wrapped_key)
        self._faults = proposal_data.owner_faults
        self._pools: dict[Client, set[str]] = defaultdict(set)
        """The owner pools of each client's records, in systems where some successor cannot own all."""
        columns = (Assignment.id, Assignment.system, Assignment.family, Assignment.successor, Assignment.sealed)
        for line, system, family, successor, sealed in session.execute(
            sa.select(*map(col, columns))
            .where(col(Assignment.proposal_id) == proposal_id)
            .order_by(col(Assignment.id))
            .execution_options(yield_per=1000)
        ):
            client = (system, family)
            self._records[line] = client
            if self._faults.get(system):
                self._pools[client].add(load_line(unseal(sealed, line_context(line))).owner_pool)
            if client in self._now:
                continue
            self._now[client] = (line, successor)
            self._ids[family].append(client)
            if self._names:
                plain = unseal(sealed, line_context(line))
                self._names.get((plain[1] or plain[0]).casefold(), []).append(client)

    def apply(self, row: AssignmentRow, proposal_data: ProposalData, chosen: dict[Client, tuple[str, str]]) -> str:
        """Add a row's successor to `chosen`, or return the fault of the row."""
        found = self._find(row)
        if not found:
            return _("names no client of this proposal: {name}").format(name=row.shown_name)
        if len(found) > 1:
            return assignment_file.ambiguous(len(found))
        client = found[0]
        known = row.address in self._keys.values() and row.address in proposal_data.accounts[client[0]]
        why = self._added.why_not(client[0], row.address)
        if not (known or why):
            return _("{address} is no successor of this case with an active account in {system}").format(
                address=row.address[:80], system=client[0]
            )
        why = why or owner_fault(self._faults.get(client[0], {}), row.address, self._pools.get(client, ()))
        if why:
            return assignment_file.cannot_own(row, why)
        earlier = self._said.setdefault(client, (row.address, row.line))
        if earlier[0] != row.address:
            return assignment_file.contradiction(row, *earlier)
        line, successor = self._now[client]
        if self._keys.get(successor) != row.address:
            chosen[client] = (row.address, line)
        return ""

    def _find(self, row: AssignmentRow) -> Sequence[Client]:
        if row.record:
            systems = [row.system] if row.system else dict.fromkeys(system for system, _family in self._now)
            ids = [line_id(self._case, system, row.record) for system in systems]
            return [self._records[line] for line in ids if line in self._records]
        found = self._ids.get(row.client_id, []) if row.client_id else self._names.get(row.client.casefold(), [])
        return [client for client in found if row.system in ("", client[0])]


def keep(vault: Vault, session: Session, case: Case, rows: Sequence[AssignmentRow]) -> None:
    """Store the rows of an assignment file, in the transaction that opens the case."""
    sealed = vault.seal(case.wrapped_key, [astuple(row) for row in rows], f"allotment:{case.id}")
    session.add(AssignmentFile(id=case.id, case_id=case.id, sealed=sealed))


def named(content: bytes, successors: Sequence[Successor]) -> tuple[AssignmentRow, ...]:
    """Return the rows of an assignment file. Raises `InvalidAssignmentFile`, also for an unknown successor."""
    rows = assignment_file.read(content) if content else ()
    assignment_file.refuse(assignment_file.strangers(rows, successors))
    return rows


def allocation_request(context: ClientContext, session: Session, case: Case, data: CaseData) -> AllocationRequest:
    """Return the request for the split of a case: the company's rules, its strategy, and its assignment file."""
    kept = session.get(AssignmentFile, case.id)
    rows = context.vault.open(case.wrapped_key, kept.sealed, f"allotment:{case.id}") if kept else []
    return AllocationRequest(
        context.allocation_policy,
        Strategy(case.strategy),
        data.leaver.email,
        tuple(AssignmentRow(*row) for row in rows),
        named_only=frozenset(data.added),
    )
