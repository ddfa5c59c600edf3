"""Findings about messages that people did not get, or got in short."""

from dataclasses import replace

from sqlmodel import Session, col, select

from config.text import _, loaded
from workflows.context import Context
from workflows.storage.findings import FindingReport
from workflows.storage.outbox import is_behind
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.watch import Finding, FindingKind

PLACE = "slack"
"""Name of the place in findings, in place of a system."""
BY = "outbox"


class UndeliveredMessages:
    """Opens a finding for each message in trouble, and closes it once the message is shown whole."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._late: set[str] = set()
        """Messages that were behind, with a problem, at the last check. One that is behind twice is no blink."""

    def check(self) -> int:
        """Look at every message, at least a minute after the last time; return the number of those in trouble."""
        with self._context.store.write("undelivered") as session:
            late = set(session.exec(select(OutboxMessage.id).where(is_behind(), OutboxMessage.problem != "")))
            trouble = (late & self._late) | set(
                session.exec(select(OutboxMessage.id).where(~is_behind(), OutboxMessage.problem != ""))
            )
            self._late = late
            for post_id in sorted(trouble):
                self._report(session, session.get_one(OutboxMessage, post_id))
            opened = select(Finding).where(Finding.kind == FindingKind.NOT_DELIVERED, col(Finding.closed_at).is_(None))
            for row in session.exec(opened).all():
                if row.account_id not in trouble | late:
                    self._context.findings.close(session, row)
        return len(trouble)

    def _report(self, session: Session, post: OutboxMessage) -> None:
        said = _("message {kind}: {why}").format(kind=post.kind, why=loaded(post.problem))
        report = FindingReport(FindingKind.NOT_DELIVERED, post.case_id, PLACE, post.id)
        self._context.findings.report(session, replace(report, detail=said), BY)
