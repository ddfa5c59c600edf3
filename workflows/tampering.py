"""Rows that do not fit the marked entries of the journal: nothing moves and nothing opens by them, and people are told.

Whoever can write to the database has no key. So the entry of a decision, which carries a mark, is what an effect rests
on. A row that says something else was changed by another hand.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session

from config.text import N_, Sentence, gettext_lazy
from workflows.context import Context
from workflows.storage.findings import FindingReport
from workflows.storage.outbox import enqueue
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.watch import FindingKind
from workflows.systems.accounts import PreconditionFailed

STATES: Mapping[str, str] = {
    "case.opened": CaseState.SCHEDULED,
    "case.held": CaseState.HELD,
    "case.released": CaseState.SCHEDULED,
    "case.rejected": CaseState.CANCELLED,
    "case.cancelled": CaseState.CANCELLED,
    "case.running": CaseState.RUNNING,
    "case.watched": CaseState.WATCHED,
    "case.undone": CaseState.UNDONE,
    "case.closed": CaseState.CLOSED,
}
"""Acts that give a case a state. A case that keeps access is on leave from its opening."""
ENDED = (CaseState.CANCELLED, CaseState.UNDONE, CaseState.CLOSED)
"""States from which no case goes on."""
SUPPORTED = (*ENDED, CaseState.HELD)
"""States in which nobody is locked out, and that somebody gives a case after its opening."""
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
    at: datetime


def acts(context: Context, session: Session, case_id: str, like: str = "%", *, strict: bool = True) -> list[Act]:
    """Return the acts of a case, oldest first; `like`: a pattern of SQL for their names.

    Raises `Tampered` for an entry without our mark, unless not `strict`: then such an entry is left out.
    """
    found, opened = [], context.journal.opener(session, case_id)
    for entry, marked in context.journal.entries(session, case_id, like):
        if marked:
            found.append(act_of(entry, opened))
        elif strict:
            raise Tampered(gettext_lazy(FORGED, action=entry.action))
    return found


def act_of(entry: Any, opened: Callable[[Any], tuple[str, dict[str, Any]]]) -> Act:
    """Return the act that a row of the journal holds, mapped or not. `opened`: see `Journal.opener`."""
    return Act(entry.action, *opened(entry), entry.at)


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


def recorded_state(context: Context, session: Session, case_id: str) -> str:
    """Return the state that the marked entries give a case; empty without any. See `STATES` on leave."""
    newest = last(acts(context, session, case_id, "case.%", strict=False), *STATES)
    return STATES[newest.action] if newest else ""


def is_supported(context: Context, session: Session, case: Case) -> bool:
    """Return whether somebody ended or held the case, where its row says so. On leave is set as the case is opened."""
    return case.state not in SUPPORTED or recorded_state(context, session, case.id) == case.state


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


def report_in(
    context: Context, session: Session, case_id: str, system: str, sentence: Sentence, by: str, account: str = ""
) -> None:
    """Do as `report`, in the caller's transaction. `account`: tells findings of one system apart."""
    sighting = FindingReport(FindingKind.TAMPERED, case_id, system, account, detail=sentence.stored)
    row = context.findings.report(session, sighting, by)
    if row.first_seen == row.last_seen:
        alarm(context, session, row.id, case_id)


def alarm(context: Context, session: Session, finding_id: str, case_id: str) -> None:
    """Request the message to security about a finding, in the caller's transaction."""
    enqueue(
        session,
        id=f"alarm:{finding_id}",
        kind=MessageKind.ALARM,
        subject=finding_id,
        case_id=case_id,
        channel=context.alarm_channel,
    )
