"""Daily audit: every past leaver in every system, read afresh, and one message with the findings."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from config.text import _, gettext_lazy, shown, stored
from connectors.contract import Verdict
from workflows.access.absence import AbsenceCheck
from workflows.access.identity import keep_missing_names
from workflows.authorization import Right
from workflows.cases.casefile import Casefile
from workflows.cases.finding_list import FindingList
from workflows.cases.views import AuditView, FindingLine
from workflows.clients.approvals.requests import forged_delegations
from workflows.context import Context
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.stages import overdue
from workflows.storage.finding_news import tell_findings_of, told_in
from workflows.storage.findings import FindingReport
from workflows.storage.heads import of_row
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue, request_update
from workflows.storage.rows.operations import JournalHead
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.watch import AuditRun, Finding, FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.verification import FOREIGN, foreign_objects
from workflows.storage.work import again, finish
from workflows.tampering import acts, report_in
from workflows.watch import audit_csv, new_systems
from workflows.watch.earlier_leavers import EarlierLeaverSearch
from workflows.watch.new_accounts import NewAccounts
from workflows.watch.orphans import Orphans
from workflows.watch.responses import FindingPolicy, FindingResponses, open_finding
from workflows.watch.row_check import RowCheck
from workflows.watch.sweep import AccountSweep, SweepCounts
from workflows.watch.watched_cases import past_cases


class Audits:
    """Audits, run daily or by hand."""

    def __init__(
        self,
        context: Context,
        casefile: Casefile,
        retry: Callable[[str, str, Actor], None],
        link: Callable[[str, str, Actor, str], object],
        absence: AbsenceCheck,
        *,
        sheet: FindingList,
        channel: str,
        zone: str,
        at: time,
        policy: FindingPolicy = FindingPolicy(),  # noqa: B008 - frozen
    ) -> None:
        """Take `retry`, which locks one system of a case again, and the time `at` in `zone` of the daily audit.

        `link` links an additional account to the leaver and locks the account.
        """
        self._context, self._casefile, self._sheet = context, casefile, sheet
        self._authorization = context.authorization
        self._retry, self._link = retry, link
        self._channel, self._zone, self._at = channel, ZoneInfo(zone), at
        newcomers = NewAccounts(context, absence)
        self._sweep, self._absence = AccountSweep(context, newcomers, absence), absence
        self._orphans = Orphans(context, policy.dormant, newcomers)
        self._earlier = EarlierLeaverSearch(context)
        self._responses = FindingResponses(context, sheet, retry, policy)
        self.rows, self._done = RowCheck(context), ""

    def told(self, told: str, place: str) -> tuple[FindingLine, ...]:
        """Return the findings of a message about new ones. `told`: see `told_in`; `place`: whom the message is for."""
        with self._context.store.read() as session:
            rows = told_in(session, self._context.vault, told, place, self._context.alarm_channel)
            return self._sheet.some(session, rows)

    def call(self) -> None:
        """Add today's run once its time has come, also after a downtime. The run's key allows one a day."""
        now = self._context.clock.now()
        local = now.astimezone(self._zone)
        due = datetime.combine(local.date(), self._at, self._zone)
        run_id = f"audit-{local.date().isoformat()}"
        if now < due:
            return
        with self._context.store.read() as session:
            known = session.get(AuditRun, run_id)
            if known and (known.state == WorkState.DUE or self._is_done(session, run_id)):
                return
            nobody = session.exec(past_cases(due).limit(1)).first() is None
        if nobody:
            self._sign_before(due)
            return
        with self._context.store.write() as session:
            row = session.get(AuditRun, run_id)
            if row is None:
                session.add(AuditRun(id=run_id, due_at=due))
            elif row.state != WorkState.DUE and not self._is_done(session, run_id):
                row.finished_at = None
                again(session, row, due)
                sentence = gettext_lazy("audit {run} was called done in the database, and nobody did it", run=run_id)
                report_in(self._context, session, "", "audit", sentence, run_id, run_id)

    def _is_done(self, session: Session, run_id: str) -> bool:
        """Return whether the journal has the end of an audit. A row alone ends none."""
        if self._done != run_id:
            found = acts(self._context, session, "", "audit.done", strict=False)
            self._done = run_id if any(act.data["run"] == run_id for act in reversed(found)) else ""
        return self._done == run_id

    def run(self, run_id: str) -> None:
        """Run the daily audit, sign the journal, and request the message. A finished run is left alone."""
        with self._context.store.read() as session:
            row = session.get_one(AuditRun, run_id)
        if row.state == WorkState.DUE:
            self._carry_out(run_id)
            self._sign(run_id)
        elif row.finished_at is not None:  # killed between the last two steps
            self._sign_before(row.finished_at, run_id)

    def run_now(self, by: Actor) -> AuditView:
        """Run an audit by hand, without a message. Raises `Refused`: NOT_ALLOWED, NO_STANDING, NOT_CHECKED."""
        self._authorization.require(Right.AUDIT, by)
        run_id = f"check-{uuid.uuid4().hex[:8]}"
        with self._context.store.write() as session:
            session.add(AuditRun(id=run_id, due_at=self._context.clock.now(), state=WorkState.PLANNED))
            self._context.journal.write(session, actor=by, action="audit.by_hand", data={"run": run_id})
        self._carry_out(run_id)
        self._sign(run_id)
        return self.view(run_id)

    def view(self, run_id: str) -> AuditView:
        """Return one audit with the findings open now."""
        with self._context.store.read() as session:
            row = session.get_one(AuditRun, run_id)
            tally = SweepCounts.load(row.result)
            began = row.started_at or row.due_at
            heads = select(JournalHead).where(
                col(JournalHead.signed_at) >= (row.finished_at or self._context.clock.now())
            )
            head = session.exec(heads.order_by(col(JournalHead.seq)).limit(1)).first()
            verdicts = {Verdict(name): number for name, number in tally.verdicts.items()}
            return AuditView(
                began.astimezone(self._zone).date(),
                began,
                row.finished_at,
                tally.cases,
                sum(verdicts.values()),
                verdicts,
                self._sheet.lines(session),
                tuple(map(shown, tally.not_read)),
                self._sheet.accepted(session),
                self._sheet.relocked(session, began, row.finished_at) if row.finished_at else (),
                tuple(map(shown, tally.not_looked)),
                self._sheet.settled(session, row.finished_at) if row.finished_at else (),
                of_row(head).text if head and head.number else "",
                self._earlier.figure(),
            )

    def latest(self) -> AuditView | None:
        """Return the newest finished audit."""
        run_id = self._newest()
        return self.view(run_id) if run_id else None

    def _newest(self) -> str:
        query = select(AuditRun.id).where(col(AuditRun.finished_at).is_not(None))
        with self._context.store.read() as session:
            return session.exec(query.order_by(col(AuditRun.finished_at).desc())).first() or ""

    def findings(self, limit: int | None = None) -> list[FindingLine]:
        """Return open findings, worst first; with a `limit`, read only so many."""
        with self._context.store.read() as session:
            return list(self._sheet.lines(session, limit=limit))

    def finding(self, finding_id: str) -> FindingLine:
        """Return one finding, settled or not. Raises UNKNOWN_FINDING."""
        with self._context.store.read() as session:
            row = session.get(Finding, finding_id)
            if row is None:
                raise Refused(Code.UNKNOWN_FINDING, finding=finding_id)
            return self._sheet.line(session, row)

    def count_findings(self) -> int:
        """Return how many findings must be acted on."""
        with self._context.store.read() as session:
            return self._sheet.count(session)

    def lock_again(self, finding_id: str, by: Actor) -> str:
        """Lock the account of a finding again; return its case. The actor takes the finding.

        A new account is linked to the leaver as well, so that nobody has to choose the account again. Raises
        UNKNOWN_FINDING, CLOSED_FINDING, NOT_LOCKABLE, PROTECTED and what the connector raises.
        """
        with self._context.store.read() as session:
            finding = open_finding(session, finding_id)
            line = self._sheet.line(session, finding)
        self._authorization.require(Right.LOCK_AGAIN, by, finding.case_id or "")
        if finding.case_id is None or not line.can_lock_again:
            raise Refused(Code.NOT_LOCKABLE, why=line.detail or _("no case names it"))
        self._responses.take(finding_id, by, locks=True)
        self._context.journal.note("finding.lock_again", by, {"finding": finding_id}, finding.case_id)
        self._lock(finding.case_id, finding, by)
        return finding.case_id

    def _lock(self, case_id: str, finding: Finding, by: Actor) -> None:
        if finding.kind in (FindingKind.NEW_ACCOUNT, FindingKind.POSSIBLE):
            try:
                self._link(case_id, finding.system, by, finding.account_id)
            except Refused as refused:
                if (
                    refused.code is not Code.UNKNOWN_ACCOUNT
                ):  # deleted meanwhile: the known accounts are locked and read afresh
                    raise
            else:
                return
        self._retry(case_id, finding.system, by)

    def take(self, finding_id: str, by: Actor) -> FindingLine:
        """Record the person who works on a finding. Raises UNKNOWN_FINDING, CLOSED_FINDING."""
        return self._responses.take(finding_id, by)

    def accept(self, finding_id: str, until: date, reason: str, by: Actor) -> FindingLine:
        """List a finding apart until the end of a day in the company's zone.

        Raises UNKNOWN_FINDING, CLOSED_FINDING, NEEDS_REASON, PAST_TIME, TOO_FAR.
        """
        return self._responses.accept(
            finding_id, datetime.combine(until + timedelta(days=1), time(), self._zone).astimezone(UTC), reason, by
        )

    def accepted(self) -> list[FindingLine]:
        """Return open findings that somebody accepted for a while."""
        with self._context.store.read() as session:
            return list(self._sheet.accepted(session))

    def csv(self, run_id: str) -> str:
        """Return every account with its verdict and the time of the read as CSV, then every finding."""
        return "".join(self._csv_parts(run_id))

    def current_csv(self) -> Iterator[str]:
        """Yield the parts of the same CSV with the present state, under the newest audit's name."""
        return self._csv_parts(self._newest())

    def _csv_parts(self, run_id: str) -> Iterator[str]:
        return audit_csv.parts(self._context.store, self._casefile, self._sheet, run_id, self._context.clock.now())

    def _look_for_tampering(self, run_id: str) -> None:
        """Open a finding for each row that was changed in the database alone, and put back what can be."""
        context = self._context
        self.rows.check(run_id, everything=True)
        with context.store.write() as session:
            for delegation in forged_delegations(context, session):
                sentence = gettext_lazy("delegation {number} was made or changed in the database", number=delegation)
                report_in(context, session, "", "delegations", sentence, run_id)

    def _sign_before(self, due: datetime, run_id: str = "") -> None:
        """Sign the journal, unless a head was signed after `due`: for a day without an audit, or after a kill."""
        last = self._context.journal.newest_head()
        if last is None or last.signed_at < due:
            self._sign(run_id)

    def _sign(self, run_id: str) -> None:
        """Sign the journal. A problem is a finding, and the message of the audit shows the head."""
        problems = self._context.journal.sign()
        sighting = FindingReport(FindingKind.TAMPERED, "", "journal", detail="; ".join(problems), name=_("The journal"))
        with self._context.store.write() as session:
            if problems:
                self._context.findings.report(session, sighting, run_id)
            else:
                self._context.findings.close_resolved(session, sighting)
            request_update(session, run_id)

    def _carry_out(self, run_id: str) -> None:
        started = self._context.clock.now()
        self._look_for_tampering(run_id)
        keep_missing_names(self._context)
        unread = new_systems.catch_up(self._context, self._absence, run_id)
        tally = self._sweep.run(run_id)
        self._orphans.look(run_id, tally)
        self._earlier.read()
        overdue.report(self._context, run_id)
        relocked = self._responses.relock(started)
        with self._context.store.read() as session:
            tally.not_looked += [_(FOREIGN).format(what=name) for name in foreign_objects(session)]
        tally.not_read += [words for words in unread if words not in tally.not_read]
        tally.not_looked, tally.not_read = [*map(stored, tally.not_looked)], [*map(stored, tally.not_read)]
        with self._context.store.write() as session:
            row = session.get_one(AuditRun, run_id)
            row.started_at, row.finished_at, row.result = started, self._context.clock.now(), json.dumps(asdict(tally))
            if row.state == WorkState.DUE:
                finish(session, row)
                enqueue(session, id=run_id, kind=MessageKind.AUDIT, subject=run_id, channel=self._channel)
                self._responses.escalate(session, run_id)
            tell_findings_of(session, self._context.vault, run_id)
            said = {
                "run": run_id,
                "cases": tally.cases,
                "verdicts": tally.verdicts,
                "not_read": len(tally.not_read),
                "not_looked": len(tally.not_looked),
                "relocked": relocked,
            }
            self._context.journal.write(session, actor=HANDOVER, action="audit.done", data=said)
