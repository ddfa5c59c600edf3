"""Rows that do not fit the marked entries of the journal: nothing moves and nothing opens by them, and people are told.

Whoever can write to the database has no key. So the entry of a decision, which carries a mark, is what an effect rests
on. A row that says something else was changed by another hand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from config.text import N_, Sentence, gettext_lazy
from workflows.context import Context
from workflows.storage.findings import FindingReport
from workflows.storage.outbox import enqueue
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.watch import FindingKind
from workflows.systems.accounts import PreconditionFailed

SUPPORT: Mapping[str, Collection[str]] = {
    CaseState.CANCELLED: ("case.cancelled", "case.rejected"),
    CaseState.UNDONE: ("case.undone",),
    CaseState.CLOSED: ("case.closed",),
    CaseState.HELD: ("case.held",),
}
"""Acts that give a case a state in which nobody is locked out."""
RESTORING = ("case.undone", "access.restore_again")
LIFTING = ("case.undone", "case.cancelled", "case.rejected", "case.rescheduled")
MOVES_END = ("clients.paused", "clients.stopped", "clients.put_back_asked", "case.cancelled", "case.undone")
FORGED = N_("an entry of the journal ({action}) carries no mark of ours")


class Tampered(PreconditionFailed):
    """A row does not fit what was decided. `sentence` says what differs."""


class Act(NamedTuple):
    """One marked entry."""

    action: str
    actor: str
    data: Mapping[str, Any]


def acts(context: Context, session: Session, case_id: str, like: str = "%", *, strict: bool = True) -> list[Act]:
    """Return the acts of a case, oldest first; `like`: a pattern of SQL for their names.

    Raises `Tampered` for an entry without our mark, unless not `strict`: then such an entry is left out.
    """
    found, opened = [], context.journal.opener(session, case_id)
    for entry, marked in context.journal.entries(session, case_id, like):
        if marked:
            found.append(Act(entry.action, *opened(entry)))
        elif strict:
            raise Tampered(gettext_lazy(FORGED, action=entry.action))
    return found


def require_journal(context: Context, session: Session) -> None:
    """Raise `Tampered` where the journal itself was cut or changed since its newest head."""
    for problem in context.journal.problems(session):
        raise Tampered(gettext_lazy("the journal does not hold: {problem}", problem=problem))


def last(found: Iterable[Act], *actions: str) -> Act | None:
    """Return the newest act of some kinds."""
    return next((act for act in reversed(list(found)) if act.action in actions), None)


def require_undone(context: Context, session: Session, case_id: str, system: str) -> None:
    """Raise `Tampered` unless somebody undid the case, and access to the system was not given back since."""
    require_journal(context, session)
    newest = last(
        (
            act
            for act in acts(context, session, case_id)
            if act.action in RESTORING or (act.action == "access.restored" and act.data.get("system") == system)
        ),
        *RESTORING,
        "access.restored",
    )
    if newest is None:
        raise Tampered(gettext_lazy("access would be given back, and nobody undid the case"))
    if newest.action == "access.restored":
        raise Tampered(gettext_lazy("access would be given back once more, and nobody asked for that"))


def require_lifted(context: Context, session: Session, case_id: str) -> None:
    """Raise `Tampered` unless the case ended or was put off: only then are groups given back."""
    require_journal(context, session)
    if last(acts(context, session, case_id), *LIFTING) is None:
        raise Tampered(gettext_lazy("groups would be given back, and the case goes on"))


def is_supported(context: Context, session: Session, case: Case) -> bool:
    """Return whether somebody ended or held the case, where its row says so. On leave is set as the case is opened."""
    wanted = SUPPORT.get(case.state)
    if wanted is None:
        return True
    undone_by = ("case.released",) if case.state == CaseState.HELD else ()
    newest = last(acts(context, session, case.id, strict=False), *wanted, *undone_by)
    return newest is not None and newest.action in wanted


def require_approved(found: Sequence[Act], proposal_id: str, digest: str) -> None:
    """Raise `Tampered` unless the people who were asked approved exactly this digest, and nothing ended it since."""
    own = [act for act in found if act.data.get("proposal") == proposal_id]
    made = last(own, "proposal.made")
    settled = last(
        (act for act in own if act.action.startswith("proposal.") and act.action != "proposal.refused"),
        *(
            "proposal.made",
            "proposal.approved",
            "proposal.declined",
            "proposal.superseded",
            "proposal.cancelled",
            "proposal.expired",
        ),
    )
    if made is None or settled is None or settled.action != "proposal.approved":
        raise Tampered(gettext_lazy("clients would move, and nobody approved {proposal}", proposal=proposal_id))
    if not made.data.get("digest") == settled.data.get("digest") == digest:
        raise Tampered(gettext_lazy("{proposal} is not what was approved", proposal=proposal_id))
    for request, quorum in made.data.get("requests", {}).items():
        if len(_deciders(own, request, digest)) < quorum:
            raise Tampered(
                gettext_lazy("{proposal} was approved by fewer people than were asked", proposal=proposal_id)
            )
    ended = last(found[found.index(settled) :], *MOVES_END, "clients.resumed")
    if ended is not None and ended.action != "clients.resumed":
        raise Tampered(gettext_lazy("clients would move, although that was ended ({action})", action=ended.action))


def _deciders(own: Sequence[Act], request: str, digest: str) -> set[str]:
    """Return the people whose approval of a request counts."""
    counted: set[str] = set()
    for act in own:
        if act.data.get("request") != request:
            continue
        if act.action == "approval.yes" and act.data.get("digest") == digest:
            counted.add(act.actor)
        elif act.action == "approval.void":
            counted.discard(str(act.data.get("by")))
    return counted


def report(context: Context, case_id: str, system: str, sentence: Sentence, by: str) -> None:
    """Open a finding, and tell security by a message of its own. Seen again, it is the same finding."""
    with context.store.write() as session:
        report_in(context, session, case_id, system, sentence, by)


def report_in(context: Context, session: Session, case_id: str, system: str, sentence: Sentence, by: str) -> None:
    """Do as `report`, in the caller's transaction."""
    sighting = FindingReport(FindingKind.TAMPERED, case_id, system, detail=sentence.stored)
    row = context.findings.report(session, sighting, by)
    if row.first_seen == row.last_seen:
        enqueue(
            session,
            id=f"alarm:{row.id}",
            kind=MessageKind.ALARM,
            subject=row.id,
            case_id=case_id,
            channel=context.alarm_channel,
        )


def unsupported_cases(context: Context, session: Session) -> list[str]:
    """Return the cases whose row says that they ended, or wait, and whose entries do not."""
    rows = session.exec(select(Case).where(col(Case.state).in_(SUPPORT)).order_by(col(Case.id)))
    return [case.id for case in rows if not is_supported(context, session, case)]
