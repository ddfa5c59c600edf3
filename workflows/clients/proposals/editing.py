"""Edits of a proposal by client, many at once: another successor, or staying with the leaver for a reason.

Every edit makes a new version with a new digest, which is asked anew; the version before it is superseded and can no
longer be decided. A client is always edited whole.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import N_, gettext_lazy
from workflows.clients.approvals import changes
from workflows.clients.approvals.decisions import DecisionService
from workflows.clients.approvals.directory import LiveDirectory, RecordedDirectory
from workflows.clients.approvals.eligibility import SLACK, PendingProposal
from workflows.clients.context import CHUNK, OPEN, ClientContext, chunks, has_lines
from workflows.clients.proposals import exclusions, upload
from workflows.clients.proposals.by_client import whole_clients
from workflows.clients.proposals.publishing import add_version, request_decision
from workflows.clients.split import lines as line_rows
from workflows.clients.split import shares as sheets
from workflows.clients.split.families import DEALS
from workflows.clients.split.shares import ProposalData, ShareTotals
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import CaseData, read_case
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, BookHandover, Proposal, ProposalState
from workflows.storage.work import again

EDIT = N_("an edit of version {version} by {name}: {what}")


class EditPermission:
    """Opens proposals to those who may edit them, and settles what nobody decides on any more."""

    def __init__(self, context: ClientContext, ballots: DecisionService) -> None:
        self._context = context
        self._decision_service = ballots

    def with_directory(self, by: Actor, act: Callable[[LiveDirectory], str]) -> str:
        """Do something with the directory as it is now, and return what it made. Raises `Refused(NOT_CHECKED)`."""
        live = self._decision_service.live(by)
        made: list[str] = []
        self._decision_service.retry_with_lookups(live, lambda: made.append(act(live)))
        return made[-1]

    def cancel(self, session: Session, case_id: str, by: Actor) -> None:
        """Settle what waits for a decision, in the transaction that calls the case off: its buttons go."""
        pending = select(Proposal).where(Proposal.case_id == case_id, Proposal.state == ProposalState.PENDING)
        for proposal in session.exec(pending).all():
            case, _data = read_case(session, self._context.vault, case_id)
            self._settle(session, case, proposal, by, ProposalState.CANCELLED, "")

    def _open(
        self, session: Session, proposal_id: str, digest: str, by: Actor, live: LiveDirectory | None = None
    ) -> tuple[Proposal, Case, CaseData]:
        """Return a proposal that this person may edit now: who first, then whether it is still the one they saw.

        Without `live`, who is asked is taken as the clock saw it last; the caller has looked at who acts.
        """
        table = self._decision_service.load_pending(session, proposal_id)
        known = tuple(
            one.slack_id for approval_request in table.approval_requests for one in approval_request.asked.approvers
        )
        live = live or RecordedDirectory(known)
        seats = self._decision_service.decision_rights(session, table, by, live)
        if all(seat.approval_request.asked.share for seat in seats):
            raise Refused(Code.NOT_APPROVER, approver=table.data.approver.name)
        self._decision_service.refuse_stale(session, table, digest)
        if by.id.startswith(SLACK):
            who = Successor(by.id, by.name, "", by.id.removeprefix(SLACK))
            if why := self._decision_service.ineligibility(session, live, who):
                raise Refused(Code.CANNOT_DECIDE, name=by.name, why=why)
        return table.proposal, table.case, table.data

    def _settle(
        self, session: Session, case: Case, proposal: Proposal, by: Actor, state: ProposalState, words: str
    ) -> None:
        """Settle a proposal without a decision, on record; `case` is its own."""
        table = self._decision_service.load_pending(session, proposal.id)
        self._decision_service.settle(
            session, PendingProposal(proposal, case, table.data, table.approval_requests), by, state, words
        )


Rows = Sequence[Assignment]


@dataclass(frozen=True, slots=True)
class EditedProposal:
    """A proposal that somebody edits at this moment."""

    session: Session
    proposal: Proposal
    case: Case
    data: CaseData
    sheet: ProposalData
    by: Actor


class Editing:
    """Takes edits from those who may decide on a proposal."""

    def __init__(self, context: ClientContext, decisions: EditPermission) -> None:
        self._context = context
        self._decisions = decisions

    def assign(self, proposal_id: str, digest: str, wishes: Mapping[str, str], by: Actor) -> str:
        """Give clients, each named by one of its lines, to successors; return the new version's id. Raises `Refused`.

        NOTHING_CHANGED where all of them go there already.
        """
        return self._decisions.with_directory(by, lambda live: self._assign(proposal_id, digest, wishes, by, live))

    def _assign(self, proposal_id: str, digest: str, wishes: Mapping[str, str], by: Actor, live: LiveDirectory) -> str:
        with self._edited(proposal_id, digest, by, live) as table:
            self._known(table, set(wishes.values()))
            found = whole_clients(table.session, proposal_id, wishes)
            named = {row.id for rows in found.values() for row in rows}
            if missing := wishes.keys() - named:
                raise Refused(Code.UNKNOWN_RECORD, record=min(missing))
            changed = self._changed(table, [(rows, wishes[line]) for line, rows in found.items()])
            return self._publish(table, changed, {})

    def upload(self, proposal_id: str, digest: str, content: bytes, by: Actor) -> str:
        """Do as a file says; return the new version's id. Raises `Refused`, and `Unfit` with every fault by line."""
        return self._decisions.with_directory(by, lambda live: self._upload(proposal_id, digest, content, by, live))

    def _upload(self, proposal_id: str, digest: str, content: bytes, by: Actor, live: LiveDirectory) -> str:
        with self._edited(proposal_id, digest, by, live) as table:
            pass  # who may not edit it is told nothing about what is in it
        with self._context.store.read() as session:  # reading a large file keeps no writer waiting
            wished = upload.changed_successors(
                self._context, session, proposal_id, table.case, table.data, table.sheet, content
            )
        return self._assign(proposal_id, digest, wished, by, live)

    def exclude(self, proposal_id: str, digest: str, lines: Sequence[str], reason: str, by: Actor) -> str:
        """Let clients stay with the leaver; return the new version's id. Raises `Refused`.

        NEEDS_REASON without one; EMPTY_PROPOSAL where nothing would be left to decide on: that is a decline.
        """
        if not reason.strip():
            raise Refused(Code.NEEDS_REASON)
        return self._decisions.with_directory(
            by, lambda live: self._exclude(proposal_id, digest, lines, reason, by, live)
        )

    def _exclude(
        self, proposal_id: str, digest: str, lines: Sequence[str], reason: str, by: Actor, live: LiveDirectory
    ) -> str:
        with self._edited(proposal_id, digest, by, live) as table:
            found = whole_clients(table.session, proposal_id, lines)
            rows = [row for rows in found.values() for row in rows]
            if missing := set(lines) - {row.id for row in rows}:
                raise Refused(Code.UNKNOWN_RECORD, record=min(missing))
            if len(rows) >= table.sheet.records:
                raise Refused(Code.EMPTY_PROPOSAL)
            return self._publish(table, {}, {row.id: row for row in rows}, reason.strip())

    @contextmanager
    def _edited(self, proposal_id: str, digest: str, by: Actor, live: LiveDirectory) -> Iterator[EditedProposal]:
        """Open a proposal to somebody who may edit it now, in one transaction; nothing is written before."""
        with self._context.store.write() as session:
            proposal, case, data = self._decisions._open(session, proposal_id, digest, by, live)  # noqa: SLF001
            yield EditedProposal(session, proposal, case, data, sheets.unseal(self._context.vault, case, proposal), by)

    def _supersede(self, table: EditedProposal) -> None:
        settle = self._decisions._settle  # noqa: SLF001 - one rule for who may settle, and how it is put on record
        settle(table.session, table.case, table.proposal, table.by, ProposalState.SUPERSEDED, "")

    def _known(self, table: EditedProposal, keys: set[str]) -> None:
        if strangers := keys - {one.key for one in table.data.successors}:
            raise Refused(Code.UNKNOWN_SUCCESSOR, successor=min(strangers))

    def _changed(self, table: EditedProposal, wishes: Sequence[tuple[Rows, str]]) -> dict[str, tuple[Assignment, str]]:
        """Return the lines that go to another successor than before, with the successor's key."""
        blind = {key: self._context.vault.blind(key) for _rows, key in wishes}
        changed = {}
        for rows, key in wishes:
            for row in rows:
                if key not in table.sheet.accounts[row.system]:
                    raise Refused(Code.UNKNOWN_SUCCESSOR, successor=key, system=row.system)
                if row.successor != blind[key]:
                    changed[row.id] = (row, key)
        if not changed:
            raise Refused(Code.NOTHING_CHANGED, proposal=table.proposal.id)
        return changed

    def _publish(
        self,
        table: EditedProposal,
        changed: Mapping[str, tuple[Assignment, str]],
        excluded: Mapping[str, Assignment],
        reason: str = "",
    ) -> str:
        context, session, old = self._context, table.session, table.proposal.id
        edits = [*changed.values(), *((row, "") for row in excluded.values())]
        edit = changes.of(context, table.case, table.data, edits)
        edited = replace(
            table.sheet,
            settled_by="",
            words="",
            shares=self._recount(table, changed, excluded),
            sensitivities=self._sensitive(table, excluded),
            why=gettext_lazy(
                EDIT, version=table.proposal.version, name=table.by.name, what=changes.words(table.data, [edit])
            ).stored,
        )
        version = add_version(context, session, table.case, edited)
        changes.keep(context, session, table.case, old, version.id, edit)
        session.execute(sa.update(Assignment).where(col(Assignment.proposal_id) == old).values(proposal_id=version.id))
        blind = {key: context.vault.blind(key) for _row, key in changed.values()}
        for chunk in chunks(changed.items(), CHUNK):
            session.execute(sa.update(Assignment), [{"id": row, "successor": blind[key]} for row, (_, key) in chunk])
        if excluded:
            exclusions.keep(context, session, table.case, table.proposal, list(excluded.values()), reason, table.by)
        session.expire_all()
        self._supersede(table)
        request_decision(context, session, table.case, version, edited, table.data.approver)
        self._send_on(table, {row.system for row in excluded.values()})
        return version.id

    def _send_on(self, table: EditedProposal, systems: set[str]) -> None:
        """List the books again of which every line stays now: their end is proven by what their systems count."""
        for system in sorted(systems):
            book = table.session.get_one(BookHandover, f"{table.case.id}:{system}", with_for_update=True)
            if book.phase == "decide" and not has_lines(table.session, book, *OPEN):
                book.phase, book.reason = "list", ""
                again(table.session, book, self._context.clock.now())
        self._context.show_case(table.session, table.case.id)

    def _sensitive(self, table: EditedProposal, excluded: Mapping[str, Assignment]) -> dict[str, dict[str, int]]:
        """Return how many clients of each sensitivity are left in the proposal."""
        unseal = self._context.vault.opener(table.case.wrapped_key)
        gone = {
            (row.system, row.family, line.sensitivity)
            for row in excluded.values()
            if (line := line_rows.loaded(unseal(row.sealed, line_rows.context(row.id)))).sensitivity
        }
        lost = Counter((system, word) for system, _family, word in gone)
        counted = {
            system: {word: number - lost[system, word] for word, number in by.items()}
            for system, by in table.sheet.sensitivities.items()
        }
        return {system: {word: number for word, number in by.items() if number > 0} for system, by in counted.items()}

    def _recount(
        self, table: EditedProposal, changed: Mapping[str, tuple[Assignment, str]], excluded: Mapping[str, Assignment]
    ) -> dict[str, dict[str, ShareTotals]]:
        """Return every share after the edit, from the lines that it is about alone; clients are edited whole."""
        keys = {self._context.vault.blind(one.key): one.key for one in table.data.successors}
        shares = {system: defaultdict(ShareTotals, by) for system, by in table.sheet.shares.items()}
        clients: Counter[tuple[str, str, str, str]] = Counter()
        unseal = self._context.vault.opener(table.case.wrapped_key)
        for row, key in [*changed.values(), *((row, "") for row in excluded.values())]:
            line = line_rows.loaded(unseal(row.sealed, line_rows.context(row.id)))
            worth = {line.currency: line.value} if line.open and line.value else {}
            tally = ShareTotals(1, 0, worth, int(line.open and row.kind in DEALS))
            giver = keys[row.successor]
            shares[row.system][giver] = shares[row.system][giver].plus(tally, -1)
            if key:
                shares[row.system][key] = shares[row.system][key].plus(tally)
            clients[row.system, row.family, giver, key] += 1
        for system, _family, giver, key in clients:
            shares[system][giver] = shares[system][giver].plus(ShareTotals(0, 1), -1)
            if key:
                shares[system][key] = shares[system][key].plus(ShareTotals(0, 1))
        return {system: {key: tally for key, tally in by.items() if tally.records} for system, by in shares.items()}
