"""Edits of a proposal by client, many at once: another successor, or staying with the leaver for a reason.

Every edit makes a new version with a new digest and new approval requests. The version before it is superseded and can
no longer be decided. A client is always edited whole.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import sqlalchemy as sa
from sqlmodel import Session, col

from config.text import _, gettext_lazy, shown
from workflows.clients.approvals import changes
from workflows.clients.approvals.decisions import DecisionRegister
from workflows.clients.approvals.eligibility import Eligibility, LiveDirectory, PendingProposal
from workflows.clients.context import CHUNK, OPEN, ClientContext, chunks, has_lines
from workflows.clients.proposals import upload
from workflows.clients.proposals.publishing import add_version, request_decision
from workflows.clients.proposals.receivers import AddedReceivers, read_added
from workflows.clients.proposals.records import whole_clients
from workflows.clients.split.allocation import capacity_notes
from workflows.clients.split.rules import DEALS, owner_fault
from workflows.clients.split.sealed import LineData, ProposalData, ShareTotals, line_context, load_line, unseal_proposal
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import RECEIVER_ADDED, leaving, open_case_data
from workflows.storage.rows.clients import Assignment, BookHandover, BookPhase, ProposalState
from workflows.storage.work import again


@dataclass(frozen=True, slots=True)
class EditedProposal(PendingProposal):
    """A proposal in the transaction that edits it."""

    session: Session
    proposal_data: ProposalData
    by: Actor


class ProposalEditor:
    """Edits proposals for those who may decide on the whole of them. Every method may raise `Refused`."""

    def __init__(self, context: ClientContext, eligibility: Eligibility, decisions: DecisionRegister) -> None:
        self._context = context
        self._eligibility = eligibility
        self._decisions = decisions

    def assign(
        self, proposal_id: str, digest: str, successors: Mapping[str, str], by: Actor, people: Sequence[Successor] = ()
    ) -> str:
        """Give clients, each named by one of its lines, to successors by key; return the new version's id.

        `people`: receivers who may be new to the case. Whether they can own the records is read at once.

        Raises `Refused`: NOTHING_CHANGED where all of them go there already, CANNOT_RECEIVE.
        """
        with self._context.refusals_journalled(proposal_id, by):
            self._eligibility.allow(proposal_id, by)
            directory = self._eligibility.directory(by)
            added = self._added(proposal_id, digest, by, directory, people)
            return self._assign(proposal_id, digest, successors, by, directory, added)

    def upload(self, proposal_id: str, digest: str, content: bytes, by: Actor, people: Sequence[Successor] = ()) -> str:
        """Change successors by a CSV file; return the new version's id. `people`: as for `assign`.

        Raises `Refused`, or `InvalidAssignmentFile` with every fault by line.
        """
        with self._context.refusals_journalled(proposal_id, by):
            self._eligibility.allow(proposal_id, by)
            directory = self._eligibility.directory(by)
            with self._edited(proposal_id, digest, by, directory) as edited:
                pass  # people who may not edit the proposal learn nothing about its content
            added = self._added(proposal_id, digest, by, directory, people)
            with self._context.store.read() as session:  # reading a large file keeps no writer waiting
                successors = upload.changed_successors(
                    self._context,
                    session,
                    proposal_id,
                    edited.proposal.version,
                    edited.case,
                    edited.data,
                    edited.proposal_data,
                    content,
                    added,
                )
            chosen = tuple(one for one in added.people if one.key in successors.values())
            return self._assign(proposal_id, digest, successors, by, directory, replace(added, people=chosen))

    def exclude(self, proposal_id: str, digest: str, lines: Sequence[str], reason: str, by: Actor) -> str:
        """Let clients stay with the leaver; return the new version's id.

        Raises `Refused`: NEEDS_REASON without one; EMPTY_PROPOSAL where nothing would be left to decide on.
        """
        with self._context.refusals_journalled(proposal_id, by):
            self._eligibility.allow(proposal_id, by)
            if not reason.strip():
                raise Refused(Code.NEEDS_REASON)
            with self._edited(proposal_id, digest, by, self._eligibility.directory(by)) as edited:
                found = self._whole_clients(edited, lines)
                rows = {row.id: row for rows in found.values() for row in rows}
                if len(rows) >= edited.proposal_data.records:
                    raise Refused(Code.EMPTY_PROPOSAL)
                return self._publish(edited, {}, rows, reason.strip())

    def _added(
        self, proposal_id: str, digest: str, by: Actor, directory: LiveDirectory, people: Sequence[Successor]
    ) -> AddedReceivers:
        """Read those in the systems who had no account when the book was listed. Raises `Refused`."""
        if not people:
            return AddedReceivers()
        with self._edited(proposal_id, digest, by, directory) as edited:
            listed = edited.proposal_data.accounts.values()
        new = [person for person in people if any(person.key not in accounts for accounts in listed)]
        if not new:
            return AddedReceivers()
        return read_added(self._context, proposal_id, edited.case, edited.data, edited.proposal_data, new)

    def _extended(self, edited: EditedProposal, added: AddedReceivers) -> EditedProposal:
        """Put new receivers on the case, in the transaction of the edit."""
        if not added.people:
            return edited
        context, session, case = self._context, edited.session, edited.case
        session.refresh(case, with_for_update=True)
        data = open_case_data(context.vault, case)
        known = {successor.key for successor in data.successors}
        new = tuple(person for person in added.people if person.key not in known)
        edited = replace(edited, proposal_data=added.extend(edited.proposal_data))
        if not new:  # somebody of the case, who has an account since
            return edited
        data = replace(data, successors=(*data.successors, *new), added=(*data.added, *(person.key for person in new)))
        case.sealed = context.vault.seal(case.wrapped_key, data.dump(), f"case:{case.id}")
        session.add(case)
        context.journal.write(
            session,
            actor=edited.by,
            action=RECEIVER_ADDED,
            case_id=case.id,
            data={"proposal": edited.proposal.id, "receivers": len(new)},
            sealed=case.sealed,
        )
        return replace(edited, data=data)

    def _assign(
        self,
        proposal_id: str,
        digest: str,
        successors: Mapping[str, str],
        by: Actor,
        directory: LiveDirectory,
        added: AddedReceivers,
    ) -> str:
        with self._edited(proposal_id, digest, by, directory) as read:
            edited = self._extended(read, added)
            if strangers := set(successors.values()) - {successor.key for successor in edited.data.successors}:
                raise Refused(Code.UNKNOWN_SUCCESSOR, successor=min(strangers))
            self._refuse_leaving(edited, set(successors.values()))
            found = self._whole_clients(edited, successors)
            blind = {key: self._context.vault.blind(key) for key in successors.values()}
            changed = {}
            for line, rows in found.items():
                key = successors[line]
                if why := added.why_not(rows[0].system, key):
                    names = {person.key: person.name for person in added.people}
                    raise Refused(Code.CANNOT_RECEIVE, successor=names.get(key, key), why=shown(why))
                if key not in edited.proposal_data.accounts[rows[0].system]:
                    name = next(one.name for one in edited.data.successors if one.key == key)
                    raise Refused(Code.CANNOT_RECEIVE, successor=name, why=_("no account that can receive it"))
                self._refuse_fault(edited, key, rows)
                changed.update({row.id: (row, key) for row in rows if row.successor != blind[key]})
            if not changed:
                raise Refused(Code.NOTHING_CHANGED, proposal=proposal_id)
            return self._publish(edited, changed, {})

    def _refuse_leaving(self, edited: EditedProposal, keys: Collection[str]) -> None:
        """Refuse successors who are leaving, too, since the book was listed. Raises `Refused(CANNOT_RECEIVE)`."""
        chosen = [successor for successor in edited.data.successors if successor.key in keys]
        gone = leaving(edited.session, self._context.vault, chosen)
        for successor in chosen:
            if successor.key in gone:
                raise Refused(Code.CANNOT_RECEIVE, successor=successor.name, why=_("is leaving, too"))

    def _refuse_fault(self, edited: EditedProposal, key: str, rows: Sequence[Assignment]) -> None:
        """Refuse who could not own the client when the book was listed. Raises `Refused(CANNOT_RECEIVE)`."""
        faults = edited.proposal_data.owner_faults.get(rows[0].system, {})
        if key not in faults:
            return
        pools = {line.owner_pool for _row, line in self._unsealed(edited, rows)}
        if why := owner_fault(faults, key, pools):
            raise Refused(Code.CANNOT_RECEIVE, successor=key, why=shown(why))

    def _whole_clients(self, edited: EditedProposal, lines: Collection[str]) -> dict[str, list[Assignment]]:
        """Return all lines of each client that one of `lines` names. Raises `Refused(UNKNOWN_RECORD)`."""
        found = whole_clients(edited.session, edited.proposal.id, lines)
        if missing := set(lines) - {row.id for rows in found.values() for row in rows}:
            raise Refused(Code.UNKNOWN_RECORD, record=min(missing))
        return found

    @contextmanager
    def _edited(self, proposal_id: str, digest: str, by: Actor, directory: LiveDirectory) -> Iterator[EditedProposal]:
        """Give a proposal to somebody who may edit it, in a write transaction."""
        needed = partial(self._eligibility.needed_members, by=by)
        with self._eligibility.transaction(directory, proposal_id, needed) as (session, pending):
            rights = self._eligibility.decision_rights(session, pending, by, directory)
            if all(right.request.data.share for right in rights):
                raise Refused(Code.NOT_APPROVER, approver=pending.data.approver.name)
            self._eligibility.refuse_stale(session, pending, digest)
            person = Successor(by.id, by.name, by.email, "" if by.terminal else by.slack_id)
            if why := self._eligibility.ineligibility(session, directory, person):
                raise Refused(Code.CANNOT_DECIDE, name=by.name, why=why)
            proposal_data = unseal_proposal(self._context.vault, pending.case, pending.proposal)
            yield EditedProposal(
                pending.proposal, pending.case, pending.data, pending.requests, session, proposal_data, by
            )

    def _publish(
        self,
        edited: EditedProposal,
        changed: Mapping[str, tuple[Assignment, str]],
        excluded: Mapping[str, Assignment],
        reason: str = "",
    ) -> str:
        context, session, old = self._context, edited.session, edited.proposal.id
        edits = [*changed.values(), *((row, "") for row in excluded.values())]
        edit = changes.edit_of(context, edited.case, edited.data, edits)
        what = changes.sentence(edited.data, [edit])
        shares = self._recounted_shares(edited, edits)
        proposal_data = replace(
            edited.proposal_data,
            settled_by="",
            words="",
            shares=shares,
            split_notes=tuple(note for by_key in shares.values() for note in self._capacity_notes(by_key)),
            sensitivities=self._remaining_sensitivities(edited, excluded),
            why=gettext_lazy(
                "an edit of version {version} by {name}: {what}",
                version=edited.proposal.version,
                name=edited.by.name,
                what=what,
            ).stored,
        )
        version = add_version(context, session, edited.case, proposal_data)
        changes.keep_edit(context, session, edited.case, old, version.id, edit)
        session.execute(sa.update(Assignment).where(col(Assignment.proposal_id) == old).values(proposal_id=version.id))
        blind = {key: context.vault.blind(key) for _row, key in changed.values()}
        for chunk in chunks(changed.items(), CHUNK):
            session.execute(sa.update(Assignment), [{"id": row, "successor": blind[key]} for row, (_, key) in chunk])
        if excluded:
            changes.keep_exclusion(
                context, session, edited.case, edited.proposal, list(excluded.values()), reason, edited.by
            )
        session.expire_all()
        self._decisions.settle(session, edited, edited.by, ProposalState.SUPERSEDED)
        request_decision(context, session, edited.case, version, proposal_data, edited.data.approver)
        for system in sorted({row.system for row in excluded.values()}):
            book = session.get_one(BookHandover, f"{edited.case.id}:{system}", with_for_update=True)
            if book.phase == BookPhase.DECIDE and not has_lines(session, book, *OPEN):
                book.phase, book.reason = BookPhase.LIST, ""  # every line stays: the system's own counts prove the end
                again(session, book, context.clock.now())
        context.show_case(session, edited.case.id)
        return version.id

    def _remaining_sensitivities(
        self, edited: EditedProposal, excluded: Mapping[str, Assignment]
    ) -> dict[str, dict[str, int]]:
        """Return how many clients of each sensitivity are left in the proposal."""
        gone = {
            (row.system, row.family, line.sensitivity)
            for row, line in self._unsealed(edited, excluded.values())
            if line.sensitivity
        }
        lost = Counter((system, tier) for system, _family, tier in gone)
        return {
            system: {tier: left for tier, number in tiers.items() if (left := number - lost[system, tier]) > 0}
            for system, tiers in edited.proposal_data.sensitivities.items()
        }

    def _recounted_shares(
        self, edited: EditedProposal, edits: Sequence[tuple[Assignment, str]]
    ) -> dict[str, dict[str, ShareTotals]]:
        """Return every share after the edit, recounted from the edited lines alone; clients are edited whole."""
        keys = {self._context.vault.blind(successor.key): successor.key for successor in edited.data.successors}
        shares = {system: defaultdict(ShareTotals, by_key) for system, by_key in edited.proposal_data.shares.items()}
        receivers = {row.id: receiver for row, receiver in edits}

        def transfer(system: str, giver: str, receiver: str, totals: ShareTotals) -> None:
            shares[system][giver] = shares[system][giver].plus(totals, -1)
            if receiver:
                shares[system][receiver] = shares[system][receiver].plus(totals)

        for row, line in self._unsealed(edited, [row for row, _receiver in edits]):
            value = {line.currency: line.value} if line.open and line.value else {}
            totals = ShareTotals(1, 0, value, int(line.open and row.kind in DEALS))
            transfer(row.system, keys[row.successor], receivers[row.id], totals)
        clients = {(row.system, row.family, keys[row.successor], receiver) for row, receiver in edits}
        for system, _family, giver, receiver in clients:
            transfer(system, giver, receiver, ShareTotals(0, 1))
        return {
            system: {key: totals for key, totals in by_key.items() if totals.records}
            for system, by_key in shares.items()
        }

    def _capacity_notes(self, shares: Mapping[str, ShareTotals]) -> list[str]:
        """Return what is true of the successors' capacities after the edit; notes on the first split are not."""
        colleagues = self._context.allocation_policy.colleagues
        limits = {key: colleagues[key].capacity for key in shares if key in colleagues}
        over = {key: shares[key].families - limit for key, limit in limits.items() if limit is not None}
        return capacity_notes({key: more for key, more in over.items() if more > 0})

    def _unsealed(self, edited: EditedProposal, rows: Iterable[Assignment]) -> Iterator[tuple[Assignment, LineData]]:
        unseal = self._context.vault.opener(edited.case.wrapped_key)
        return ((row, load_line(unseal(row.sealed, line_context(row.id)))) for row in rows)
