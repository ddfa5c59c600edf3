"""Reconciliation of a finished book: no line waits, and the system has no unexplained records left with the leaver.

A book can look finished and not be: its list was read while the system started, or an answer was empty by mistake.
Then the system's own count differs, and the book goes on.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import N_, gettext_lazy, joined, loaded, ngettext_lazy
from connectors.contract import AccountId
from workflows.clients.context import OPEN, ClientContext
from workflows.clients.proposals.listing import SETTLED_AND_BACK
from workflows.storage.case import read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover, Proposal, ProposalState
from workflows.storage.rows.work_state import WorkState
from workflows.systems.accounts import PreconditionFailed

LEFT = (AssignmentState.PROPOSED, AssignmentState.APPROVED, AssignmentState.DECLINED, AssignmentState.STOPPED)
"""States of records that are known to be with the leaver still: not new."""


def new_records_sentence(session: Session, case_id: str, system: str, owned: int) -> str:
    """Return a stored sentence: the unexplained records of the leaver, and how many are new since the handover."""
    book = session.get(BookHandover, f"{case_id}:{system}")
    left = session.exec(
        select(sa.func.count()).where(
            Assignment.case_id == case_id, Assignment.system == system, col(Assignment.state).in_(LEFT)
        )
    ).one()
    if book is None or book.state != WorkState.DONE or owned <= left:
        return ngettext_lazy(
            "{count} record is still owned by the leaver", "{count} records are still owned by the leaver", owned
        ).stored
    return gettext_lazy(
        "{count} records are owned by the leaver, {new} of them new since the handover: "
        "whatever assigns new records still names the leaver",
        count=owned,
        new=owned - left,
    ).stored


NOTHING = N_("owns nothing")
NO_ACCOUNT = N_("no account of the leaver was found here, so there are no clients to hand over")
"""Reason of a book that ended so. It is no problem where the access track knows that there is no account."""
NOBODY_INACTIVE = N_("no owner is known to be inactive any more, so nothing more is handed over")
NOT_KNOWN = N_(
    "no account of the leaver was found here, so the clients are not known: "
    "link the account, or say that there is none; an account that is found later is listed then"
)
WAITING = frozenset({AssignmentState.APPROVED, AssignmentState.WAITING, *OPEN})
ELSEWHERE = SETTLED_AND_BACK
"""States of records that are not with the leaver; the system may count all others there."""


def left_with(leaver: Sequence[AccountId], counts: Mapping[str, Mapping[str, int]]) -> Counter[str]:
    """Return the records of all accounts of the leaver together, by kind. Pure."""
    total: Counter[str] = Counter()
    for account in leaver:
        total.update(counts.get(account, {}))
    return total


def reconcile_book(
    context: ClientContext,
    session: Session,
    book: BookHandover,
    leaver: Sequence[AccountId],
    left: Mapping[str, int],
    *,
    listed: bool = True,
) -> None:
    """Journal the end of a book, in the transaction that ends it; raise `PreconditionFailed` where it has not ended.

    `left`: counted after the last move, or after a list without proposals. `listed`: the list was read again before
    the end. Where a person stopped the moves it was not, and records that came since stay, counted.
    """
    session.flush()
    states: Counter[str] = Counter()
    known: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    theirs = set(leaver)
    for kind, state, owner, number in session.exec(
        select(Assignment.kind, Assignment.state, Assignment.owner, sa.func.count())
        .where(Assignment.case_id == book.case_id, Assignment.system == book.system)
        .group_by(Assignment.kind, Assignment.state, Assignment.owner)
    ):
        states[state] += number
        known[kind] += number if owner in theirs and state not in ELSEWHERE else 0
        moved[kind] += number if state == AssignmentState.MOVED else 0
    if waiting := sum(states[state] for state in WAITING):
        raise PreconditionFailed(
            ngettext_lazy(
                "{count} record is neither moved nor settled yet",
                "{count} records are neither moved nor settled yet",
                waiting,
            )
        )
    more = sum(max(0, number - known[kind]) for kind, number in left.items())
    if listed and more:
        raise PreconditionFailed(
            ngettext_lazy(
                "{count} record is still the leaver's, but missing from our list; the list is read again",
                "{count} records are still the leaver's, but missing from our list; the list is read again",
                more,
            )
        )
    counts = json.loads(book.counts_after)
    counted = left_with([AccountId(account) for account in counts], counts)
    if unseen := sum(number for kind, number in moved.items() if not counted[kind]):
        raise PreconditionFailed(
            gettext_lazy(
                "the system counts none of the {count} records that were moved, so its counts prove nothing",
                count=unseen,
            )
        )
    found = select(LeaverAccount.account_id).where(
        LeaverAccount.case_id == book.case_id, LeaverAccount.system == book.system
    )
    if set(session.exec(found)) - set(leaver):
        raise PreconditionFailed(gettext_lazy("another account of the leaver was found; its list is read now"))
    approved_lines = session.exec(
        select(Assignment.state, sa.func.count())
        .join(Proposal, col(Proposal.id) == Assignment.proposal_id)
        .where(
            Assignment.case_id == book.case_id,
            Assignment.system == book.system,
            Proposal.state == ProposalState.APPROVED,
        )
        .group_by(Assignment.state)
    )
    approved = Counter(dict(approved_lines.all()))
    group = read_case(session, context.vault, book.case_id)[1].leaver.is_group
    book.reason = NOBODY_INACTIVE if group and not leaver else _nothing_moved(leaver, approved, states)
    session.add(book)
    context.journal.write(
        session,
        actor=HANDOVER,
        action="clients.done",
        case_id=book.case_id,
        data={
            "system": book.system,
            "accounts": len(leaver),
            "approved": approved.total(),
            "left": dict(left),
            **states,
        },
    )


def _nothing_moved(leaver: Sequence[AccountId], approved: Counter[str], states: Mapping[str, int]) -> str:
    """Return why nothing was moved, as a stored sentence; empty where something was."""
    if not leaver:
        return NO_ACCOUNT
    if not states:
        return NOTHING
    if not approved or approved[AssignmentState.MOVED]:
        return ""
    fates = [
        gettext_lazy("{count} {state}", count=number, state=loaded(state)) for state, number in sorted(approved.items())
    ]
    return ngettext_lazy(
        "the one approved record was not moved: {fates}",
        "none of {count} approved records was moved: {fates}",
        approved.total(),
        fates=joined(", ", fates),
    ).stored
