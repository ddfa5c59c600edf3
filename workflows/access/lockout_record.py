"""Record of one lock-out in one system: verdicts, findings, messages, and the next attempt, in one transaction."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlmodel import Session

from connectors.contract import Account, Verdict
from connectors.errors import ConnectorError
from workflows.access.account_lockout import ACCOUNT, LockoutResult
from workflows.access.account_state import GOOD, VerdictNote, seal, seal_note
from workflows.access.lockout_messages import tell_failure, tell_outcome
from workflows.access.lockout_start import call_off
from workflows.access.observation import report_new_account
from workflows.context import Context
from workflows.storage.case import UNWATCHED, advance_case, read_case, refresh_case_message
from workflows.storage.findings import FindingReport
from workflows.storage.group_commit import run_later
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.table import table_of
from workflows.storage.rows.watch import Finding
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, retry_at

ACCESS, CASES, FINDINGS = table_of(Access), table_of(Case), table_of(Finding)
ACCOUNT_READ = sa.update(ACCOUNT).where(ACCOUNT.c.id == sa.bindparam("row"))
ACCESS_READ = sa.update(ACCESS).where(ACCESS.c.id == sa.bindparam("access"))
OTHER = ACCESS.alias()
SETTLING = (
    sa.select(
        ACCESS.c.case_id,
        ACCESS.c.system,
        ACCESS.c.locked_at,
        ACCESS.c.attempt,
        CASES.c.state,
        CASES.c.wrapped_key,
        sa.exists()
        .where(OTHER.c.case_id == ACCESS.c.case_id, OTHER.c.id != ACCESS.c.id, OTHER.c.state == WorkState.DUE)
        .label("others_due"),
        sa.exists().where(FINDINGS.c.case_id == ACCESS.c.case_id, FINDINGS.c.closed_at.is_(None)).label("findings"),
    )
    .join(CASES, ACCESS.c.case_id == CASES.c.id)
    .where(ACCESS.c.id == sa.bindparam("access"))
)
"""One statement instead of several objects: loading objects took most of the processor time of a mass run."""


class LockoutRecord:
    """Writes what a lock-out read."""

    def __init__(self, context: Context, security_channel: str) -> None:
        self._context, self._security = context, security_channel

    def settle(
        self,
        access_id: str,
        result: LockoutResult,
        error: ConnectorError | None,
        seen: Mapping[str, LockoutResult],
        others: Sequence[tuple[Account, LockoutResult]],
    ) -> None:
        """Store the result of one access, and the last read of each of its accounts.

        `others`: accounts that may be the leaver's, and that nobody has linked or denied.
        """

        def write(session: Session) -> None:
            now = self._context.clock.now()
            row = session.connection().execute(SETTLING, {"access": access_id}).one()
            for row_id, last in seen.items():
                words = VerdictNote(last.reason, last.how)
                note = self._sealed(session, row.wrapped_key, f"account:{row_id}", last.verdict, words)
                read = {"verdict": last.verdict, "read_at": now, "note": note}
                run_later(session, ACCOUNT_READ, {"row": row_id, **read})
            if row.state in UNWATCHED:
                call_off(self._context, session, session.get_one(Case, row.case_id), session.get_one(Access, access_id))
                return
            words = VerdictNote(result.reason, result.how, result.choose)
            note = self._sealed(session, row.wrapped_key, f"access:{access_id}", result.verdict, words)
            locked_at = row.locked_at or (now if result.verdict in GOOD else None)
            state = WorkState.DONE if result.complete else WorkState.DUE
            read = {"verdict": result.verdict, "note": note, "read_at": now, "locked_at": locked_at, "state": state}
            run_later(session, ACCESS_READ, {"access": access_id, **read})
            if result.complete and row.findings:
                self._context.findings.clear_accounts(session, row.case_id, row.system, result.finding)
            if not result.complete:
                access = session.get_one(Access, access_id)
                again(session, access, retry_at(access, error, now, self._context.retry))
            failed = result.verdict not in GOOD and not row.attempt
            if result.finding:
                report = FindingReport(result.finding, row.case_id, row.system, detail=result.reason)
                self._context.findings.report(session, report, "lock-out", tell=not failed)
            for account, _result in others:
                report_new_account(
                    session, self._context.findings, row.case_id, row.system, account, "lock-out", linked=True
                )
            self._context.journal.write(
                session,
                actor=HANDOVER,
                action="access.read_back",
                case_id=row.case_id,
                data={"system": row.system, "verdict": result.verdict, "complete": result.complete},
                sealed=note,
            )
            if failed or (result.complete and not row.others_due):
                self.tell(session, access_id, failed=failed)
            if row.state == CaseState.RUNNING and row.others_due:  # the case stays as it is
                refresh_case_message(session, row.case_id)
            else:
                advance_case(session, self._context.journal, row.case_id)

        self._context.store.group_write(write, access_id.partition(":")[0])

    def _sealed(self, session: Session, key: bytes, context: str, verdict: Verdict, note: VerdictNote) -> bytes:
        """Encrypt a note. Only the note of a bad verdict needs the row, for its last good reading."""
        if verdict in GOOD:
            return seal(self._context.vault, key, context, note)
        kind, _colon, row_id = context.partition(":")
        access = session.get(Access, row_id) if kind == "access" else None
        row = access or session.get_one(LeaverAccount, row_id)
        return seal_note(session, self._context.vault, key, row, verdict, note)

    def tell(self, session: Session, access_id: str, *, failed: bool) -> None:
        """Tell people of the outcome, in the caller's transaction."""
        case, data = read_case(session, self._context.vault, access_id.partition(":")[0])
        if failed:
            tell_failure(session, access_id, data, self._security)
        else:
            tell_outcome(self._context, session, case.id, data)
