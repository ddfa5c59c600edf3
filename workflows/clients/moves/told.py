"""Introductions as people are shown them: lines, counts, and sentences that name who was not told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import Sentence, gettext_lazy, joined, loaded, ngettext_lazy, shown
from connectors.contract import IntroductionWay
from workflows.clients.context import ClientContext
from workflows.clients.split.sealed import adapter, load, unseal_proposal
from workflows.clients.views import IntroductionLine
from workflows.people import Successor
from workflows.storage.case import CaseData
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import (
    Assignment,
    AssignmentState,
    Introduction,
    IntroductionState,
    Proposal,
    ProposalState,
)

FEW = 5
"""Clients named in one sentence; `handover introductions` has all."""
CHUNK = 500


@dataclass(frozen=True, slots=True)
class IntroductionData:
    """The sealed data of an introduction. `id`: its id in the system; `reason`: a stored sentence."""

    client: str
    text: str
    id: str = ""
    reason: str = ""


def seal_introduction(context: ClientContext, case: Case, row_id: str, data: IntroductionData) -> bytes:
    """Encrypt an introduction for its row."""
    plain = adapter(IntroductionData).dump_python(data, mode="json")
    return context.vault.seal(case.wrapped_key, plain, f"introduction:{row_id}")


def unseal_introduction(context: ClientContext, case: Case, row: Introduction) -> IntroductionData:
    """Decrypt an introduction."""
    return load(IntroductionData, context.vault.open(case.wrapped_key, row.sealed, f"introduction:{row.id}"))


def introduction_lines(
    context: ClientContext, session: Session, case: Case, data: CaseData, *where: sa.ColumnElement[bool]
) -> Iterator[IntroductionLine]:
    """Yield the introductions of a case, or those that fit `where`, as they were read last."""
    people = {context.vault.blind(one.key): one for one in data.successors}
    found = select(Introduction).where(Introduction.case_id == case.id, *where).order_by(col(Introduction.id))
    for row in session.exec(found.execution_options(yield_per=CHUNK)):
        known = unseal_introduction(context, case, row)
        yield IntroductionLine(
            row.system,
            known.client,
            row.record_id,
            people.get(row.successor) or Successor("", "", ""),
            IntroductionWay(row.way),
            IntroductionState(row.state),
            shown(known.reason),
            row.begun_at,
            row.read_at,
        )


def counts(session: Session, case_id: str, *where: sa.ColumnElement[bool]) -> dict[IntroductionState, int]:
    """Return the number of introductions of a case by state."""
    grouped = (
        select(Introduction.state, sa.func.count())
        .where(Introduction.case_id == case_id, *where)
        .group_by(Introduction.state)
    )
    return {IntroductionState(state): number for state, number in session.exec(grouped).all()}


def not_told(
    context: ClientContext, session: Session, case: Case, data: CaseData, successor: str
) -> Iterator[IntroductionLine]:
    """Yield the first clients of one successor (by keyed hash) whose introduction is not sent."""
    where = col(Introduction.successor) == successor, col(Introduction.state) != IntroductionState.SENT
    for _number, line in zip(range(FEW), introduction_lines(context, session, case, data, *where), strict=False):
        yield line


def to_tell(context: ClientContext, session: Session, case: Case, successor: str) -> int:
    """Return the number of clients of one successor (by keyed hash) whose approved introduction was not begun."""
    approved = select(Proposal).where(Proposal.case_id == case.id, Proposal.state == ProposalState.APPROVED)
    shown_in = {
        (system, proposal.id)
        for proposal in session.exec(approved)
        for system in unseal_proposal(context.vault, case, proposal).introductions
    }
    left = 0
    for system in {system for system, _proposal in shown_in}:
        begun = select(Introduction.id).where(
            Introduction.case_id == case.id,
            Introduction.system == system,
            Introduction.state != IntroductionState.NOT_SENT,
        )
        row_id = col(Assignment.case_id) + ":" + col(Assignment.system) + ":" + col(Assignment.family)
        left += session.exec(
            select(sa.func.count(sa.distinct(col(Assignment.family)))).where(
                Assignment.case_id == case.id,
                Assignment.system == system,
                Assignment.state == AssignmentState.MOVED,
                Assignment.successor == successor,
                col(Assignment.proposal_id).in_([proposal for one, proposal in shown_in if one == system]),
                row_id.not_in(begun),
            )
        ).one()
    return left


def told_sentences(context: ClientContext, session: Session, case: Case) -> Iterator[Sentence]:
    """Yield a sentence for each system in which clients of a case were told: how many, and who was not."""
    systems = select(Introduction.system).where(Introduction.case_id == case.id).distinct()
    for system in sorted(session.exec(systems).all()):
        parts = list(told_in(context, session, case, system))
        yield gettext_lazy("{system}: {what}", system=system, what=joined("; ", parts))


def told_in(
    context: ClientContext, session: Session, case: Case, system: str, *where: sa.ColumnElement[bool]
) -> Iterator[Sentence]:
    """Yield what became of the introductions in one system: those that are sent by number, the others by name."""
    mine = col(Introduction.case_id) == case.id, col(Introduction.system) == system, *where
    grouped = session.exec(
        select(Introduction.way, Introduction.state, sa.func.count())
        .where(*mine)
        .group_by(Introduction.way, Introduction.state)
        .order_by(Introduction.state)
    ).all()
    for way, state, number in grouped:
        if state == IntroductionState.SENT:
            yield _sent(way, number)
    for _way, state, number in grouped:
        if state != IntroductionState.SENT:
            yield _others(context, session, case, (*mine, col(Introduction.state) == state), state, number)


def _others(
    context: ClientContext,
    session: Session,
    case: Case,
    where: Sequence[sa.ColumnElement[bool]],
    state: str,
    number: int,
) -> Sentence:
    rows = session.exec(select(Introduction).where(*where).order_by(col(Introduction.id)).limit(FEW)).all()
    named = [_named(unseal_introduction(context, case, row)) for row in rows]
    return gettext_lazy("{count:,} {state}: {clients}", count=number, state=loaded(state), clients=joined(", ", named))


def _named(data: IntroductionData) -> Sentence:
    if not data.reason:
        return Sentence("{client}", {"client": data.client})
    return Sentence("{client} ({why})", {"client": data.client, "why": loaded(data.reason)})


def _sent(way: str, number: int) -> Sentence:
    """Return the sentence on what is there. A task says nothing to the client yet."""
    if way == IntroductionWay.TASK:
        return ngettext_lazy(
            "for {count:,} client the new contact has a task to introduce themselves",
            "for {count:,} clients the new contact has a task to introduce themselves",
            number,
        )
    return ngettext_lazy(
        "{count:,} client was sent an introduction", "{count:,} clients were sent an introduction", number
    )
