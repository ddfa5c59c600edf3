"""Upload of a file that changes a proposal: compared with the proposal, and used whole or refused by line."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col

from config.text import _
from workflows.clients.context import ClientContext
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import AssignmentRow
from workflows.clients.split.lines import context as context_of
from workflows.clients.split.lines import line_id
from workflows.clients.split.shares import ProposalData
from workflows.clients.views import LineFault
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment

Client = tuple[str, str]


def changed_successors(
    context: ClientContext,
    session: Session,
    proposal_id: str,
    case: Case,
    data: CaseData,
    sheet: ProposalData,
    content: bytes,
) -> dict[str, str]:
    """Return the new successor of each client that the file changes; a client is named by one of its lines.

    Raises `InvalidAssignmentFile` with every fault, or `Refused(NOTHING_CHANGED)`.
    A row that repeats the proposal is none.
    """
    rows, faults = assignment_file.read_valid_rows(content)
    book = _ProposalClients(context, session, proposal_id, case, data, rows)
    chosen: dict[Client, tuple[str, int, str]] = {}
    for row in rows:
        what = book.apply(row, sheet, chosen)
        if what:
            faults.append(LineFault(row.line, what))
    assignment_file.refuse(faults)
    if not chosen:
        raise Refused(Code.NOTHING_CHANGED, proposal=proposal_id)
    return {line: key for key, _line, line in chosen.values()}


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
    ) -> None:
        self._case, self._people = case.id, {one.key for one in data.successors}
        self._keys = {context.vault.blind(one.key): one.key for one in data.successors}
        self._now: dict[Client, tuple[str, str]] = {}
        """A line and the successor of each client."""
        self._records: dict[str, Client] = {}
        self._ids: dict[str, list[Client]] = {}
        names = {row.client.casefold() for row in rows if not row.record and not row.client_id}
        self._names: dict[str, list[Client]] = {name: [] for name in names}
        unseal = context.vault.opener(case.wrapped_key)
        for line, system, family, taker, sealed in session.execute(
            sa.select(
                col(Assignment.id),
                col(Assignment.system),
                col(Assignment.family),
                col(Assignment.successor),
                col(Assignment.sealed),
            )
            .where(col(Assignment.proposal_id) == proposal_id)
            .order_by(col(Assignment.id))
            .execution_options(yield_per=1000)
        ):
            client = (system, family)
            self._records[line] = client
            if client in self._now:
                continue
            self._now[client] = (line, taker)
            self._ids.setdefault(family, []).append(client)
            if names:
                plain = unseal(sealed, context_of(line))
                name = (plain[1] or plain[0]).casefold()
                if name in self._names:
                    self._names[name].append(client)

    def apply(self, row: AssignmentRow, sheet: ProposalData, chosen: dict[Client, tuple[str, int, str]]) -> str:
        """Add a row's successor to `chosen`, or return the fault of the row."""
        found = self._find(row)
        if not found:
            named = row.record or row.client_id or row.client
            return _("names no client of this proposal: {name}").format(name=named[:80])
        if len(found) > 1:
            return _("{count} clients have this name: name them by “client id”").format(count=len(found))
        client = found[0]
        if row.address not in self._people or row.address not in sheet.accounts[client[0]]:
            return _("{address} is no successor of this case with an active account in {system}").format(
                address=row.address[:80], system=client[0]
            )
        line, taker = self._now[client]
        if self._keys.get(taker) == row.address:
            return ""
        earlier = chosen.setdefault(client, (row.address, row.line, line))
        if earlier[0] != row.address:
            return _("gives a client to {one} that line {line} gives to {other}: a client stays whole").format(
                one=row.address, line=earlier[1], other=earlier[0]
            )
        return ""

    def _find(self, row: AssignmentRow) -> Sequence[Client]:
        if row.record:
            systems: Mapping[str, None] = dict.fromkeys([row.system] if row.system else [s for s, _ in self._now])
            ids = [line_id(self._case, system, row.record) for system in systems]
            return [self._records[one] for one in ids if one in self._records]
        found = self._ids.get(row.client_id, []) if row.client_id else self._names.get(row.client.casefold(), [])
        return [client for client in found if row.system in ("", client[0])]
