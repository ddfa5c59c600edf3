"""Moves of approved records: count, move in batches, read back, count again.

Over 250 lines because orders, read-backs and their records must be read side by side.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.text import N_, gettext_lazy, loaded
from connectors.contract import AccountId, Accounts, BookOwners, Moved, MoveOutcome, Observation, RecordId, Verdict
from connectors.contract import MoveOrder as Order
from connectors.errors import OutcomeUnknown
from workflows.clients.approvals import requests
from workflows.clients.context import BookAttempt, ClientContext, has_lines, pages, set_next_phase, show_moved
from workflows.clients.earlier import returned
from workflows.clients.split import unmoved
from workflows.clients.split.sealed import (
    LineDigest,
    digest_of,
    line_context,
    load_line,
    seal_note,
    unseal_digests,
    unseal_line,
    unseal_proposal,
)
from workflows.clients.split.unmoved import Reasons
from workflows.storage.case import leaving
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, Proposal, ProposalState
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault, WrongKey
from workflows.systems.accounts import PreconditionFailed
from workflows.systems.registry import System
from workflows.tampering import ENDED, Act, Tampered, acts, require_approved, require_journal

FRESH = 30.0
"""Seconds for which a reading of an account stays valid while moves run."""


class SuccessorAccountCheck:
    """Reads the accounts of successors. Some CRMs answer 200 and leave a record ownerless if one is inactive."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._seen: dict[AccountId, tuple[float, Observation]] = {}
        self._lock = Lock()

    def inactive_accounts(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Verdict]:
        """Return the accounts that are not active. Raises `PreconditionFailed` where that cannot be known now."""
        seen = self.observations(accounts)
        for observation in seen.values():
            if observation.verdict is Verdict.UNKNOWN:
                raise PreconditionFailed(
                    gettext_lazy("not known whether the successor's account is active: {why}", why=observation.reason)
                )
        return {account: read.verdict for account, read in seen.items() if read.verdict is not Verdict.OPEN}

    def observations(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Return a reading of each account that is fresh enough. Raises `PreconditionFailed`."""
        with self._lock:
            self._read(accounts)
            return {account: self._seen[account][1] for account in accounts}

    def _read(self, accounts: Sequence[AccountId]) -> None:
        directory = self._system.having(Accounts)
        if directory is None:
            raise PreconditionFailed(
                gettext_lazy("this system cannot look people up, so successors' accounts cannot be checked")
            )
        now = time.monotonic()
        stale = sorted(key for key in accounts if key not in self._seen or now - self._seen[key][0] > FRESH)
        if stale:
            self._seen.update({key: (now, observation) for key, observation in directory.observe(stale).items()})


STATES = {
    MoveOutcome.MOVED: AssignmentState.MOVED,
    MoveOutcome.TAKEN: AssignmentState.TAKEN,
    MoveOutcome.GONE: AssignmentState.GONE,
    MoveOutcome.REFUSED: AssignmentState.REFUSED,
    MoveOutcome.WAITING: AssignmentState.WAITING,
    MoveOutcome.OBJECTED: AssignmentState.OBJECTED,
}
NO_REASON = N_("no reason was given")
SHOWN_EVERY = 5.0
"""Seconds between two updates of the case message while moves run: Slack limits edits."""


@dataclass(frozen=True, slots=True)
class ApprovedLines:
    """Lines of a proposal as they were shown."""

    digests: frozenset[str]
    digest: LineDigest
    unseal: Callable[[bytes, str], Any]
    """The vault's opener for the case: its key is unwrapped once."""


def approved_lines(vault: Vault, case: Case, proposal: Proposal) -> ApprovedLines:
    """Return the lines that the digest of a proposal covers. Raises `Tampered` where it does not."""
    try:
        digests = unseal_digests(vault, case, proposal)
        data = unseal_proposal(vault, case, proposal)
    except WrongKey as error:
        raise Tampered(gettext_lazy("{proposal} was changed after it was sealed", proposal=proposal.id)) from error
    if digest_of(digests) != proposal.digest:
        raise Tampered(gettext_lazy("the lines of {proposal} are not those that were shown", proposal=proposal.id))
    return ApprovedLines(frozenset(digests), LineDigest(vault, data), vault.opener(case.wrapped_key))


def require_line(approved: ApprovedLines, row: Assignment) -> None:
    """Raise `Tampered` unless a line is as it was shown."""
    try:
        line = load_line(approved.unseal(row.sealed, line_context(row.id)))
        same = approved.digest.of(row, line) in approved.digests
    except (WrongKey, KeyError):
        same = False
    if not same:
        raise Tampered(gettext_lazy("record {record} is not as it was approved", record=row.record_id))


Batch = Sequence[tuple[Assignment, Order]]
ReceivingAccounts = Mapping[str | None, Mapping[str, AccountId]]
"""Receiving account, by proposal and keyed hash of the successor."""


class Moves:
    """Moves the approved lines of one book. Killed at any moment and run again, nothing moves twice."""

    wanted = AssignmentState.APPROVED
    facts: tuple[AssignmentState, ...] = (AssignmentState.APPROVED, AssignmentState.STOPPED)
    """States in which an outcome is recorded even by a superseded attempt: the outcome is a fact."""
    states: Mapping[MoveOutcome, AssignmentState] = STATES
    action = "clients.moved"
    renews_notes = False
    """True where a line may have a note of an earlier try, which is then not true any more."""

    def __init__(self, context: ClientContext, book_attempt: BookAttempt) -> None:
        self._context = context
        self._book_attempt = book_attempt
        self._name = book_attempt.book.system
        self._system, self._book = context.system(self._name)
        self._receivers = SuccessorAccountCheck(self._system)
        self._receiving: ReceivingAccounts = {}
        self._approved: Mapping[str | None, ApprovedLines] = {}
        self._shown, self._showing = time.monotonic(), Lock()
        self.recorded = False
        """True once this attempt has recorded an outcome."""

    def run(self, leaver: Sequence[AccountId]) -> None:
        """Count, move all approved lines, and count again."""
        self._approved = self.approved()
        self._receiving = self._accounts()
        owners = sorted({*leaver, *(account for by in self._receiving.values() for account in by.values())})
        if self._book_attempt.book.counts_before == "{}":  # later attempts leave the first counts
            self._count("before", owners)
        self.carry()
        self._count("after", sorted({*owners, *json.loads(self._book_attempt.book.counts_before)}))

    def carry(self) -> None:
        """Send batches, as many at once as the vendor allows. The first error stops the rest."""
        limits = self._system.manifest.limits
        batches = (
            [(row, self.order(row)) for row in page]
            for page in pages(self._context.store, self._wanted(), limits.move_batch)
        )
        at_once = limits.move_at_once
        if at_once <= 1:
            for batch in batches:
                self._move(batch)
            return
        with ThreadPoolExecutor(at_once, thread_name_prefix="move") as pool:
            under_way: deque[Future[None]] = deque()
            try:
                for batch in batches:
                    under_way.append(pool.submit(self._move, batch))
                    if len(under_way) > at_once:
                        under_way.popleft().result()
                while under_way:
                    under_way.popleft().result()
            finally:
                for left in under_way:
                    left.cancel()

    def check(self) -> None:
        """Check every line that is to be moved, before anything is read or written. Raises `Tampered`."""
        approved = self.approved()
        for page in pages(self._context.store, self._wanted()):
            for row in page:
                require_line(approved[row.proposal_id], row)

    def _wanted(self) -> SelectOfScalar[Assignment]:
        return select(Assignment).where(
            Assignment.case_id == self._book_attempt.case.id,
            Assignment.system == self._name,
            Assignment.state == self.wanted,
        )

    def approved(self) -> Mapping[str | None, ApprovedLines]:
        """Return what people approved, by proposal, for every line that is to be moved. Raises `Tampered`."""
        context, case = self._context, self._book_attempt.case
        wanted = select(Assignment.proposal_id).where(
            Assignment.case_id == case.id, Assignment.system == self._name, Assignment.state == self.wanted
        )
        with context.store.read() as session:
            require_journal(context, session)
            found = acts(context, session, case.id)
            named = session.exec(wanted.distinct()).all()
            if None in named:
                raise Tampered(gettext_lazy("a record without a proposal would move"))
            return {number: self._lines(session, found, session.get_one(Proposal, number)) for number in named}

    def _lines(self, session: Session, found: Sequence[Act], proposal: Proposal) -> ApprovedLines:
        lines = approved_lines(self._context.vault, self._book_attempt.case, proposal)
        self.require(session, found, proposal)
        return lines

    def require(self, session: Session, found: Sequence[Act], proposal: Proposal) -> None:  # noqa: ARG002 - by kind
        """Raise `Tampered` unless the acts of the case allow the moves of a proposal."""
        require_approved(found, proposal.id, proposal.digest)

    def order(self, row: Assignment) -> Order:
        """Return the order for one line: the expected owner and the successor. Raises `Tampered`."""
        require_line(self._approved[row.proposal_id], row)
        return Order(RecordId(row.record_id), AccountId(row.owner), self._receiving[row.proposal_id][row.successor])

    def _accounts(self) -> ReceivingAccounts:
        with self._context.store.read() as session:
            approved = session.exec(
                select(Proposal).where(
                    Proposal.case_id == self._book_attempt.case.id, Proposal.state == ProposalState.APPROVED
                )
            ).all()
        vault, case = self._context.vault, self._book_attempt.case
        unsealed = {proposal.id: unseal_proposal(vault, case, proposal).accounts for proposal in approved}
        return {
            proposal_id: {vault.blind(key): account for key, account in accounts.get(self._name, {}).items()}
            for proposal_id, accounts in unsealed.items()
        }

    def _move(self, batch: Batch) -> None:
        refused = self._refused([order for _, order in batch])
        self._record(
            [(row, _not_sent(row, order, refused[order.record])) for row, order in batch if order.record in refused]
        )
        batch = [(row, order) for row, order in batch if order.record not in refused]
        if not batch:
            return
        orders = [order for _, order in batch]
        with self._context.store.read() as session:
            self._book_attempt.check(session)
        try:
            outcomes = self._book.move(orders)
        except OutcomeUnknown:
            holders = self._book.holders([order.record for order in orders])
            read = [(row, outcome_of(order, holders.get(order.record))) for row, order in batch]
            self._record([(row, outcome) for row, outcome in read if outcome is not None])
            raise
        self._record([(row, _verified(order, outcome)) for (row, order), outcome in zip(batch, outcomes, strict=True)])

    def _record(self, outcomes: Sequence[tuple[Assignment, Moved]], action: str = "") -> None:
        """Record the outcomes of a batch, then check that the attempt may go on. `action`: its name in the journal."""
        known = {row.id: outcome for row, outcome in outcomes}
        if not known:
            return
        case_id = self._book_attempt.case.id
        with self._context.store.write(case_id) as session:
            rows = session.exec(
                select(Assignment).where(col(Assignment.id).in_(known), col(Assignment.state).in_(self.facts))
            ).all()
            for row in rows:
                self._keep(session, row, known[row.id])
            fresh = [known[row.id] for row in rows]
            if fresh:
                self.recorded = True
                self._context.journal.write(
                    session,
                    actor=HANDOVER,
                    action=action or self.action,
                    case_id=case_id,
                    data={
                        "system": self._name,
                        "at": self._context.clock.now().isoformat(),
                        **Counter(str(moved.outcome) for moved in fresh),
                        "records": Personal({str(moved.record): [moved.outcome, moved.owner] for moved in fresh}),
                    },
                )
            if self._may_show():
                self._context.show_case(session, case_id)
        with self._context.store.read() as session:
            self._book_attempt.check(session)

    def _may_show(self) -> bool:
        """Return whether the next update of the case message is due."""
        with self._showing:
            if time.monotonic() - self._shown < SHOWN_EVERY:
                return False
            self._shown = time.monotonic()
            return True

    def _keep(self, session: Session, row: Assignment, outcome: Moved) -> None:
        """Record one outcome on its row."""
        if row.record_id != outcome.record:
            raise ValueError(f"asked about {row.record_id}, answered about {outcome.record}")
        row.state, row.owner_after = self.states[outcome.outcome], outcome.owner or ""
        row.moved_at = self._context.clock.now()
        note = self.note(outcome)
        if note or self.renews_notes:
            row.sealed = seal_note(self._context.vault, self._book_attempt.case, row, note)
        session.add(row)

    def _refused(self, orders: Sequence[Order]) -> Mapping[RecordId, str]:
        """Return the records of a batch that are not to be moved now, each with a stored sentence why."""
        accounts = self.refused_accounts(sorted({order.successor for order in orders}))
        owners = self.returned_owners(sorted({order.owner for order in orders}))
        reasons = ((order.record, accounts.get(order.successor) or owners.get(order.owner)) for order in orders)
        return {record: why for record, why in reasons if why}

    def returned_owners(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, str]:
        """Return the owners who keep their records, with a stored sentence why: earlier leavers who came back."""
        if not self._book_attempt.data.leaver.is_group:
            return {}
        return {account: why.stored for account, why in returned(self._receivers.observations(accounts)).items()}

    def refused_accounts(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, str]:
        """Return the accounts that cannot receive, with a stored sentence why. Raises `PreconditionFailed`."""
        closed = self._receivers.inactive_accounts(accounts)
        with self._context.store.read() as session:
            gone = leaving(session, self._context.vault, self._book_attempt.data.successors)
        vault = self._context.vault
        left = {by[key] for by in self._receiving.values() for key in map(vault.blind, sorted(gone)) if key in by}
        return {
            **{account: gettext_lazy("the successor is leaving, too").stored for account in left},
            **{
                account: gettext_lazy("the successor's account there is {verdict}", verdict=loaded(verdict)).stored
                for account, verdict in closed.items()
            },
        }

    def note(self, outcome: Moved) -> str:
        """Return the note that people see beside a line's state: a stored sentence, or the vendor's words."""
        return outcome.reason

    def _count(self, moment: Literal["before", "after"], owners: Sequence[str]) -> None:
        """Store the system's counts of all owners before the first move, or after the last."""
        every = self._system.having(BookOwners) if self._book_attempt.data.leaver.is_group else None
        counted = every.owner_counts() if every else {}
        counts = {
            owner: dict(counted.get(AccountId(owner), {}) if every else self._book.count(AccountId(owner)))
            for owner in owners
        }
        with self._context.store.write() as session:
            book = self._book_attempt.hold(session)
            setattr(book, f"counts_{moment}", json.dumps(counts))
            session.add(book)
            self._context.journal.write(
                session,
                actor=HANDOVER,
                action=f"clients.counted_{moment}",
                case_id=book.case_id,
                data={"system": self._name, "counts": Personal(counts)},
            )


def settle(
    context: ClientContext, session: Session, book_attempt: BookAttempt, book: BookHandover, *, news: bool
) -> None:
    """Set the next phase of a moved book, and announce the outcome of each proposal without lines to move.

    One with accepted orders that still wait is announced only after `news`: this attempt recorded an outcome.
    """
    book.reason = ""
    set_next_phase(context, session, book)
    over = session.get_one(Case, book.case_id).state in ENDED
    if over and not has_lines(session, book, AssignmentState.WAITING):
        book.state = WorkState.CANCELLED  # the accepted records were all that was still to be read
    waiting = select(Assignment.proposal_id).where(
        Assignment.case_id == book.case_id, Assignment.state == AssignmentState.APPROVED
    )
    waits = select(Assignment.proposal_id).where(
        Assignment.case_id == book.case_id,
        col(Assignment.state).in_((AssignmentState.APPROVED, AssignmentState.WAITING)),
    )
    carried_out = select(Proposal.id).where(
        Proposal.case_id == book.case_id,
        Proposal.state == ProposalState.APPROVED,
        col(Proposal.id).not_in(waiting if news else waits),
        sa.exists().where(col(Assignment.proposal_id) == Proposal.id, col(Assignment.system) == book.system),
    )
    for proposal_id in session.exec(carried_out).all():
        show_moved(context, session, proposal_id, book.case_id, book_attempt.data)
        requests.refresh_messages(session, proposal_id)


def refusals(context: ClientContext, book_attempt: BookAttempt) -> Reasons:
    """Return the system's reasons for refused records of a book, counted from their lines."""
    counted: dict[str, Counter[str]] = {}
    refused = select(Assignment).where(
        Assignment.case_id == book_attempt.case.id,
        Assignment.system == book_attempt.book.system,
        Assignment.state == AssignmentState.REFUSED,
    )
    for page in pages(context.store, refused):
        for row in page:
            note = unseal_line(context.vault, book_attempt.case, row).note
            unmoved.count(counted, row.kind, note or NO_REASON)
    return counted


def _not_sent(row: Assignment, order: Order, why: str) -> Moved:
    """Return the outcome of an order that was not sent. Its owner is that of the last outcome, if there was one."""
    known = AccountId(row.owner_after) if row.owner_after else None
    return Moved(order.record, MoveOutcome.REFUSED, known, reason=why)


def outcome_of(order: Order, holders: Sequence[AccountId] | None) -> Moved | None:
    """Return the outcome that the present holders of a record show; None: not carried out, and still to be done."""
    if holders is None:
        return Moved(order.record, MoveOutcome.GONE, None)
    if order.owner in holders:
        return None
    if order.successor in holders:
        return Moved(order.record, MoveOutcome.MOVED, order.successor)
    return Moved(order.record, MoveOutcome.TAKEN, holders[0] if holders else None)


def _verified(order: Order, outcome: Moved) -> Moved:
    """Return the outcome that its own read confirms: no move without the successor, no waiting without the owner."""
    if outcome.outcome is MoveOutcome.WAITING:
        return _waiting(order, outcome)
    if outcome.outcome is not MoveOutcome.MOVED or outcome.owner == order.successor:
        return outcome
    return _unconfirmed(order, outcome)


def _waiting(order: Order, outcome: Moved) -> Moved:
    if outcome.owner == order.owner:
        return outcome
    if outcome.owner is None:
        return _unconfirmed(order, outcome)
    done = outcome.owner == order.successor
    return Moved(order.record, MoveOutcome.MOVED if done else MoveOutcome.TAKEN, outcome.owner, outcome.change)


def _unconfirmed(order: Order, outcome: Moved) -> Moved:
    why = (
        gettext_lazy("the system accepted the move, but {owner} has it", owner=outcome.owner)
        if outcome.owner
        else gettext_lazy("the system accepted the move, but nobody has it: give it an owner by hand")
    )
    return Moved(order.record, MoveOutcome.REFUSED, outcome.owner, reason=why.stored)
