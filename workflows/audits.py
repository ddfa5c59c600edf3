"""The daily audit: every past leaver in every system, read afresh, posted once, with what must be acted on."""

import csv
import io
import json
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from connectors.contract import Verdict
from workflows.casefile import Casefile
from workflows.findings import Findings
from workflows.journal import HANDOVER, Journal
from workflows.latecomers import Latecomers
from workflows.model import AuditRun, Finding, PostKind, WorkState
from workflows.ports import Clock
from workflows.posts import want
from workflows.refusals import Code, Refused
from workflows.store import Store
from workflows.sweep import Sweep, Tally, past_cases
from workflows.systems import Systems
from workflows.vault import Vault
from workflows.views import Actor, AuditView, FindingLine
from workflows.work import finish

PAGE = 500


class Audits:
    """Runs and shows audits."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        journal: Journal,
        systems: Systems,
        casefile: Casefile,
        clock: Clock,
        retry: Callable[[str, str, Actor], None],
        *,
        channel: str,
        zone: str,
        at: time,
    ) -> None:
        """`retry` locks one system of a case again; the day's audit is due `at` that hour in `zone`, in `channel`."""
        self._store = store
        self._vault = vault
        self._journal = journal
        self._systems = systems
        self._casefile = casefile
        self._clock = clock
        self._retry = retry
        self._channel = channel
        self._zone = ZoneInfo(zone)
        self._at = at
        self._latecomers = Latecomers(store, vault, journal, systems, clock)
        self._sweep = Sweep(store, vault, Findings(vault, journal, clock), systems, clock)

    def call(self) -> None:
        """Write today's run once its hour has come, also after a downtime; its key keeps it one a day."""
        now = self._clock.now()
        local = now.astimezone(self._zone)
        due = datetime.combine(local.date(), self._at, self._zone)
        run_id = f"audit-{local.date().isoformat()}"
        if now < due:
            return
        with self._store.read() as session:
            if session.get(AuditRun, run_id) or session.exec(past_cases(due).limit(1)).first() is None:
                return
        with self._store.write() as session:
            if session.get(AuditRun, run_id) is None:
                session.add(AuditRun(id=run_id, due_at=due))

    def run(self, run_id: str) -> None:
        """Carry out the day's audit, sign the journal, and ask that it be posted. A finished run is left alone."""
        with self._store.read() as session:
            if session.get_one(AuditRun, run_id).state != WorkState.DUE:
                return
        self._carry_out(run_id)
        self._journal.sign()

    def run_now(self, by: Actor) -> AuditView:
        """Read everything now, without a post: a check by hand."""
        run_id = f"check-{uuid.uuid4().hex[:8]}"
        with self._store.write() as session:
            session.add(AuditRun(id=run_id, due_at=self._clock.now(), state=WorkState.PLANNED))
            self._journal.write(session, actor=by, action="audit.by_hand", data={"run": run_id})
        self._carry_out(run_id)
        return self.view(run_id)

    def view(self, run_id: str) -> AuditView:
        """Return one audit with the findings open now."""
        with self._store.read() as session:
            row = session.get_one(AuditRun, run_id)
            tally = Tally(**json.loads(row.result)) if row.result != "{}" else Tally()
            day = (row.started_at or row.due_at).astimezone(self._zone).date()
            verdicts = {Verdict(name): number for name, number in tally.verdicts.items()}
            return AuditView(
                day,
                row.started_at or row.due_at,
                row.finished_at,
                tally.cases,
                sum(verdicts.values()),
                verdicts,
                self._casefile.findings(session),
                tuple(tally.not_read),
            )

    def latest(self) -> AuditView | None:
        """Return the newest finished audit."""
        with self._store.read() as session:
            run_id = session.exec(
                select(AuditRun.id)
                .where(col(AuditRun.finished_at).is_not(None))
                .order_by(col(AuditRun.finished_at).desc())
            ).first()
        return self.view(run_id) if run_id else None

    def findings(self) -> list[FindingLine]:
        """Return open findings, worst first."""
        with self._store.read() as session:
            return list(self._casefile.findings(session))

    def lock_again(self, finding_id: str, by: Actor) -> str:
        """Lock what a finding shows open; return its case. Raises UNKNOWN_FINDING, CLOSED_FINDING."""
        with self._store.read() as session:
            finding = session.get(Finding, finding_id)
        if finding is None:
            raise Refused(Code.UNKNOWN_FINDING, finding=finding_id)
        if finding.closed_at is not None:
            raise Refused(Code.CLOSED_FINDING, by=finding.closed_by, at=finding.closed_at.isoformat())
        self._journal.note("finding.lock_again", by, {"finding": finding_id}, finding.case_id)
        self._retry(finding.case_id, finding.system, by)
        return finding.case_id

    def csv(self, run_id: str) -> str:
        """Return every account with its verdict and when it was read, as CSV."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["audit", "case", "leaver", "system", "account", "verdict", "reason", "how", "read at (UTC)"])
        with self._store.read() as session:
            for case_id in session.exec(past_cases(self._clock.now())).all():
                view = self._casefile.view(session, case_id)
                for line in view.systems:
                    if not line.accounts:
                        writer.writerow(
                            [
                                run_id,
                                case_id,
                                plain(view.leaver.name),
                                line.system,
                                "",
                                line.verdict,
                                plain(line.reason),
                                plain(line.how),
                                _iso(line.read_at),
                            ]
                        )
                    for one in line.accounts:
                        writer.writerow(
                            [
                                run_id,
                                case_id,
                                plain(view.leaver.name),
                                line.system,
                                plain(one.login),
                                one.verdict,
                                plain(one.reason),
                                plain(one.how),
                                _iso(one.read_at),
                            ]
                        )
        return out.getvalue()

    def _carry_out(self, run_id: str) -> None:
        started = self._clock.now()
        unread = self._latecomers.catch_up(run_id)
        tally = self._sweep.run(run_id)
        tally.not_read += [words for words in unread if words not in tally.not_read]
        with self._store.write() as session:
            row = session.get_one(AuditRun, run_id)
            row.started_at, row.finished_at, row.result = started, self._clock.now(), json.dumps(asdict(tally))
            if row.state == WorkState.DUE:
                finish(session, row)
                want(session, id=run_id, kind=PostKind.AUDIT, subject=run_id, channel=self._channel)
            said = {"run": run_id, "cases": tally.cases, "verdicts": tally.verdicts, "not_read": len(tally.not_read)}
            self._journal.write(session, actor=HANDOVER, action="audit.done", data=said)


def plain(text: str) -> str:
    """Return a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
