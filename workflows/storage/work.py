"""Rows that are work: their common columns, and how they are postponed, finished and reopened."""

import json
from datetime import datetime, timedelta
from typing import Protocol

from sqlmodel import Session

from config.text import N_, _
from connectors.errors import BadCredential, Conflict, ConnectorError, Forbidden, Missing, OutcomeUnknown, Unavailable
from workflows.storage.rows.access import Access, ManualStep, Restoration, Restriction
from workflows.storage.rows.clients import ApprovalRequest, BookHandover, Leave, PutBack
from workflows.storage.rows.watch import AuditRun, ExportSnapshot, FollowUp
from workflows.storage.rows.work_state import WorkState

FIRST_RETRY = timedelta(seconds=10)
TASKS: dict[str, type["Work"]] = {
    "revoke": Access,
    "book": BookHandover,
    "exports": ExportSnapshot,
    "follow_up": FollowUp,
    "audit": AuditRun,
    "manual": ManualStep,
    "undo": Restoration,
    "restrict": Restriction,
    "approval": ApprovalRequest,
    "put_back": PutBack,
    "leave": Leave,
}
TROUBLE: dict[type[ConnectorError], str] = {
    Unavailable: N_("not reachable"),
    OutcomeUnknown: N_("no answer came; it is read back before anything else"),
    BadCredential: N_("our own credential was refused, an administrator must renew it"),
    Forbidden: N_("our credential lacks a permission"),
    Missing: N_("not there"),
    Conflict: N_("changed meanwhile, or refused"),
}


class Work(Protocol):
    """Row that is handed to the engine once `due_at` has come, under the id `task:row:attempt`."""

    id: str
    state: str
    due_at: datetime
    attempt: int


def carried(task: str, row_id: str, attempt: int) -> tuple[str, str, int]:
    """Return the engine's piece of work for a row's attempt: the row's own, or its case's first lock-out."""
    return ("lockout", row_id.partition(":")[0], 0) if task == "revoke" and attempt == 0 else (task, row_id, attempt)


def again(session: Session, row: Work, at: datetime) -> None:
    """Postpone the work: a new attempt, due at `at`."""
    row.state, row.attempt, row.due_at = WorkState.DUE, row.attempt + 1, at
    session.add(row)


def finish(session: Session, row: Work) -> None:
    """Settle the work for good."""
    row.state = WorkState.DONE
    session.add(row)


def retry_at(row: Work, error: ConnectorError | None, now: datetime, most: timedelta) -> datetime:
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
    words = next(words for kind, words in TROUBLE.items() if isinstance(error, kind))
    return f"{_(words)}: {error}"


def reopen(session: Session, book_id: str, account: str, now: datetime) -> None:
    """List a finished book again, because this account was found to be the leaver's after its end.

    Call this in the transaction that adds the account. A book that has not ended reads every account again before it
    ends.
    """
    book = session.get(BookHandover, book_id, with_for_update=True)
    if book is not None and book.state == WorkState.DONE and account not in json.loads(book.counts_after):
        book.phase, book.reason = "list", ""
        again(session, book, now)
