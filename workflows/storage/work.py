"""Rows that are work: their common columns, and how they are postponed, finished and reopened."""

import json
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, select

from config.text import N_, Sentence
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Missing, OutcomeUnknown, Unavailable
from workflows.storage.rows.access import Access, Inventory, ManualStep, Restoration, Restriction
from workflows.storage.rows.clients import (
    ApprovalRequest,
    Assignment,
    BookHandover,
    BookPhase,
    ClientCheck,
    Leave,
    PutBack,
)
from workflows.storage.rows.duties import DutyDecision, DutyReview
from workflows.storage.rows.stages import Stage
from workflows.storage.rows.watch import AuditRun, ExportSnapshot, FollowUp
from workflows.storage.rows.work_state import WorkRow, WorkState

FIRST_RETRY = timedelta(seconds=10)


class Task(StrEnum):
    """Kinds of work that the engine carries, a row of `TASKS` each; `lockout` is the first lock-out of a whole case."""

    LOCKOUT = "lockout"
    REVOKE = "revoke"
    BOOK = "book"
    EXPORTS = "exports"
    FOLLOW_UP = "follow_up"
    AUDIT = "audit"
    MANUAL = "manual"
    UNDO = "undo"
    RESTRICT = "restrict"
    INVENTORY = "inventory"
    APPROVAL = "approval"
    PUT_BACK = "put_back"
    LEAVE = "leave"
    CLIENT_CHECK = "client_check"
    STAGE = "stage"
    DUTY = "duty"
    DUTY_REVIEW = "duty_review"


TASKS: dict[str, type[WorkRow]] = {
    Task.REVOKE: Access,
    Task.BOOK: BookHandover,
    Task.EXPORTS: ExportSnapshot,
    Task.FOLLOW_UP: FollowUp,
    Task.AUDIT: AuditRun,
    Task.MANUAL: ManualStep,
    Task.UNDO: Restoration,
    Task.RESTRICT: Restriction,
    Task.INVENTORY: Inventory,
    Task.APPROVAL: ApprovalRequest,
    Task.PUT_BACK: PutBack,
    Task.LEAVE: Leave,
    Task.CLIENT_CHECK: ClientCheck,
    Task.STAGE: Stage,
    Task.DUTY: DutyDecision,
    Task.DUTY_REVIEW: DutyReview,
}
TROUBLE: dict[type[ConnectorError], str] = {
    Unavailable: N_("not reachable"),
    OutcomeUnknown: N_("no answer came; it is read back before anything else"),
    BadCredential: N_("our own credential was refused, an administrator must renew it"),
    Forbidden: N_("our credential lacks a permission"),
    Missing: N_("not there"),
    Conflict: N_("changed meanwhile, or refused"),
}


def again(session: Session, row: WorkRow, at: datetime) -> None:
    """Postpone the work: a new attempt, due at `at`."""
    row.state, row.attempt, row.due_at = WorkState.DUE, row.attempt + 1, at
    session.add(row)


def finish(session: Session, row: WorkRow) -> None:
    """Settle the work for good."""
    row.state = WorkState.DONE
    session.add(row)


def retry_at(row: WorkRow, error: Exception | None, now: datetime, most: timedelta) -> datetime:
    """Return the time of the next try: soon, then less often, at most `most` apart, never before the vendor's time."""
    wait: timedelta = min(most, FIRST_RETRY * float(2 ** min(row.attempt, 10)))
    if isinstance(error, OutcomeUnknown):
        wait = FIRST_RETRY
    if isinstance(error, Unavailable) and error.retry_after:
        wait = max(wait, error.retry_after)
    return now + wait


def say(error: ConnectorError) -> str:
    """Return an error as a sentence for the case: its kind, then the vendor's words.

    Connectors derive narrower errors from the six kinds.
    """
    return connector_error_sentence(error).words


def connector_error_sentence(error: ConnectorError) -> Sentence:
    """Return the same as a sentence that is stored and shown later."""
    words = next(words for kind, words in TROUBLE.items() if isinstance(error, kind))
    return Sentence("{trouble}: {why}", {"trouble": Sentence(words), "why": next(iter(error.args), "")})


def reopen_empty(session: Session, book_id: str, now: datetime) -> None:
    """Have a finished book without any record listed again: accounts of the leaver are known now."""
    book = session.get(BookHandover, book_id, with_for_update=True)
    if book is None or book.state != WorkState.DONE:
        return
    listed = select(Assignment.id).where(Assignment.case_id == book.case_id, Assignment.system == book.system)
    if session.exec(listed.limit(1)).first() is None:
        book.phase, book.reason = BookPhase.LIST, ""
        again(session, book, now)


def reopen(session: Session, book_id: str, account: str, now: datetime) -> None:
    """Have a finished book listed again for a newly found account of the leaver, in the caller's transaction.

    A book that has not ended reads every account again before it ends.
    """
    book = session.get(BookHandover, book_id, with_for_update=True)
    if book is not None and book.state == WorkState.DONE and account not in json.loads(book.counts_after):
        book.phase, book.reason = BookPhase.LIST, ""
        again(session, book, now)
