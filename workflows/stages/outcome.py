"""Outcome of a stage for people: a finding while something is left, and a message to who asked."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlmodel import Session, col, select

from config.text import join, loaded
from workflows.context import Context
from workflows.news import Event
from workflows.news import tell as tell_people
from workflows.people import Actor
from workflows.stage_acts import StageAct
from workflows.stages.record import ActRecord
from workflows.storage.case import CaseData, refresh_case_message, who_asked
from workflows.storage.findings import FindingReport
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.stages import Stage
from workflows.storage.rows.watch import Finding, FindingKind

BY = "stage"
PATIENCE, WAITING = 3, 2
"""Number of the try after which people are told: that a system does not answer, and that something must come first.

A first try often meets the lock-out of its own case under way, and the next one comes after seconds.
"""
Left = Mapping[tuple[StageAct, str], ActRecord]
"""Records that are not complete, by act and system."""


def tell(context: Context, session: Session, row: Stage, people: CaseData, left: Left, *, held: bool) -> None:
    """Open or close findings after a try, and tell who asked, in the caller's transaction.

    `held`: a legal hold alone stops what is left, which is no fault.
    """
    late = row.attempt >= PATIENCE
    problems: dict[str, list[str]] = {}
    for (_act, system), record in left.items() if not held else ():
        if late or (record.waits and row.attempt >= WAITING):
            problems.setdefault(system, []).append(record.problem)
    for system, said in problems.items():
        detail = join("; ", (loaded(one).words for one in said))
        context.findings.report(session, replace(_sighting(row, system), detail=detail), BY)
    clear(context, session, row, but=problems)
    waits = row.attempt >= WAITING and any(record.waits for record in left.values())
    if left and (waits or late):
        _tell(context, session, row, people, "open")
    elif not left and (row.asked_by or (row.attempt and _was_told(session, row, "open"))):
        _tell(context, session, row, people, "done")
    refresh_case_message(session, row.case_id)


def tell_undo(context: Context, session: Session, row: Stage, people: CaseData, *, complete: bool) -> None:
    """Tell who asked that the undo of the stages is not complete, or that it is after all."""
    if not complete and row.attempt >= PATIENCE:
        _tell(context, session, row, people, "not_undone")
    elif complete and row.attempt and _was_told(session, row, "not_undone"):
        _tell(context, session, row, people, "undone")
    refresh_case_message(session, row.case_id)


def clear(context: Context, session: Session, row: Stage, *, but: Collection[str] = ()) -> None:
    """Close the findings of a stage, except those of some systems."""
    known = select(Finding).where(
        Finding.case_id == row.case_id, Finding.kind == FindingKind.STAGE_NOT_DONE, col(Finding.closed_at).is_(None)
    )
    for finding in session.exec(known).all():
        if finding.account_id == row.name and finding.system not in but:
            context.findings.close_resolved(session, _sighting(row, finding.system))


def report_overdue(context: Context, session: Session, row: Stage, detail: str, by: str) -> None:
    """Open the finding on a stage whose day is over and that never began."""
    context.findings.report(session, FindingReport(FindingKind.STAGE_NOT_DONE, row.case_id, "", row.name, detail), by)


def _sighting(row: Stage, system: str) -> FindingReport:
    return FindingReport(FindingKind.STAGE_NOT_DONE, row.case_id, system, row.name)


def _tell(context: Context, session: Session, row: Stage, people: CaseData, what: str) -> None:
    asked = (who_asked(session, context.vault, people), Actor(row.asked_by, "").slack_id)
    users = [user for user in asked if user]
    tell_people(context, session, row.case_id, people, Event.STAGE, users, mark=f"{row.name}/{what}")


def _was_told(session: Session, row: Stage, what: str) -> bool:
    marked = select(OutboxMessage.id).where(OutboxMessage.case_id == row.case_id)
    return any(f":{Event.STAGE}:" in one and one.endswith(f":{row.name}/{what}") for one in session.exec(marked))
