"""Findings as the marked entries of the journal have them, and the messages to security about changed rows."""

from datetime import datetime

from sqlmodel import Session, col, select

from config.text import gettext_lazy
from workflows.context import Context
from workflows.storage.findings import is_named
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import is_behind, request_update
from workflows.storage.rows.case import Case
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import Finding, FindingKind
from workflows.tampering import Act, acts, alarm, report_in

OPENED, CLOSED, ACCEPTED = "finding.opened", "finding.closed", "finding.accepted"
PLACE = "handover"
"""System of a finding about the rows of Handover itself."""


class RecordedFindings:
    """Findings by the journal: which are open, and until when somebody accepted them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._open: dict[str, tuple[str, str, str]] = {}
        """Id to kind, case and system."""
        self._accepted: dict[str, datetime] = {}
        self._told: set[str] = set()

    def add(self, act: Act, case_id: str) -> None:
        """Add one act, in the order of the journal."""
        finding = str(act.data.get("finding", ""))
        if act.action == OPENED:
            self._open[finding] = act.data["kind"], case_id, act.data["system"]
        elif act.action == CLOSED:
            self._open.pop(finding, None)
        elif act.action == ACCEPTED:
            self._accepted[finding] = datetime.fromisoformat(act.data["until"])

    def check(self, by: str) -> int:
        """Open again what rows alone closed, and tell security again what was not told; return the number."""
        with self._context.store.read() as session:
            rows = session.exec(select(Finding).where(col(Finding.closed_at).is_(None)))
            still_open = {row.id: row for row in rows}
        suspects = [one for one in self._open if not self._fits(one, still_open.get(one))]
        found = 0
        for finding in suspects:
            with self._context.store.write() as session:
                found += self._mend(session, finding, by)
        with self._context.store.write() as session:
            return found + self._tell(session, by)

    def _mend(self, session: Session, finding: str, by: str) -> int:
        """Compare one finding while nobody writes; put it back, and report."""
        context, row = self._context, session.get(Finding, finding)
        case_id = row.case_id or "" if row else self._open[finding][1]
        for act in acts(context, session, case_id, "finding.%", strict=False):
            if act.data.get("finding") == finding:
                self.add(act, case_id)
        until = self._accepted.get(finding)
        if row is None:
            sentence = gettext_lazy("finding {finding} was deleted from the database", finding=finding)
            data = {"finding": finding, "why": "deleted"}
            context.journal.write(session, actor=HANDOVER, action=CLOSED, case_id=case_id, data=data)
        elif row.closed_at is not None and finding in self._open:
            sentence = gettext_lazy("finding {finding} was settled in the database", finding=finding)
            if session.exec(select(Finding.id).where(Finding.key == row.key, col(Finding.closed_at).is_(None))).first():
                context.findings.close(session, row)  # it was found again meanwhile
            else:
                row.closed_at, row.closed_by, row.accepted_until = None, "", until
        elif row.closed_at is None and finding in self._open and not self._is_itself(row):
            sentence = gettext_lazy("finding {finding} was made another one in the database", finding=finding)
            self._put_back(session, row)
        elif row.accepted_until not in (None, until):
            sentence = gettext_lazy("finding {finding} was accepted in the database", finding=finding)
            row.accepted_until = until
        else:
            return 0
        here = case_id if session.get(Case, case_id) else ""
        report_in(context, session, here, PLACE, sentence, by, finding)
        return 1

    def _fits(self, finding: str, row: Finding | None) -> bool:
        """Return whether an open finding's row is there, is the same, and was accepted by nobody else."""
        return row is not None and self._is_itself(row) and row.accepted_until in (None, self._accepted.get(finding))

    def _is_itself(self, row: Finding) -> bool:
        """Return whether kind, case and system are as recorded, and the key and the account as they were sealed."""
        told = row.kind, row.case_id or "", row.system
        return (
            told == self._open[row.id]
            and row.key == "|".join((*told, row.account_id))
            and is_named(self._context.vault, row)
        )

    def _put_back(self, session: Session, row: Finding) -> None:
        """Put back what a finding is about. One whose account is lost is closed: the next audit sees it again."""
        row.kind, case_id, row.system = self._open[row.id]
        row.case_id = case_id or None
        start = f"{row.kind}|{case_id}|{row.system}|"
        kept = row.key.removeprefix(start), row.account_id
        for account in kept:
            row.account_id, row.key = account, start + account
            if is_named(self._context.vault, row):
                return
        self._context.findings.close(session, row)

    def _tell(self, session: Session, by: str) -> int:
        """Send the messages again that a row calls sent and that no conversation has.

        A part of a bundle is told by it.
        """
        bundles = {
            post.id
            for post in session.exec(select(OutboxMessage).where(OutboxMessage.kind == MessageKind.BUNDLE)).all()
            if post.ts or post.shown_version < post.wanted_version
        }
        unsent = (OutboxMessage.ts == "", ~is_behind(), OutboxMessage.problem == "")
        lost = [
            post
            for post in session.exec(select(OutboxMessage).where(*unsent)).all()
            if post.thread_parent_id not in bundles
        ]
        for post in lost:
            post.shown_version, post.wanted_version = 0, max(1, post.wanted_version)
            session.add(post)
            sentence = gettext_lazy("message {kind} was called sent in the database, and was not", kind=post.kind)
            report_in(self._context, session, post.case_id, PLACE, sentence, by, post.id)
        for finding, (kind, case_id, _system) in self._open.items():
            if kind == FindingKind.TAMPERED and finding not in self._told and self._context.alarm_channel:
                self._tell_security(session, finding, case_id)
        return len(lost)

    def _tell_security(self, session: Session, finding: str, case_id: str) -> None:
        """Send the message about changed rows if it is missing, or elsewhere. A sent one is shown once more."""
        post = session.get(OutboxMessage, f"alarm:{finding}")
        if post is None:
            alarm(self._context, session, finding, case_id)
        elif post.channel != self._context.alarm_channel:
            post.channel, post.ts, post.shown_version = self._context.alarm_channel, "", 0
            session.add(post)
        elif post.ts:  # an edit shows whether the conversation has it: one that is not there is sent anew
            self._told.add(finding)
            request_update(session, post.id)
