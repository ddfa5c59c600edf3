"""Follow-ups: checks of one case after 1, 7, 30 and 90 days, for locks, new accounts, records and exports."""

from collections import Counter

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.text import _, join, ngettext, stored
from connectors.contract import AccountId, Accounts, ClientBook, Observation, Subject, Verdict
from connectors.errors import ConnectorError
from workflows.access import duty_watch, licences, manual_step, observation
from workflows.access.absence import AbsenceCheck
from workflows.access.identity import other_persons_accounts
from workflows.access.links import all_links
from workflows.cases.casefile import Casefile
from workflows.cases.views import CaseView, FollowUpLine
from workflows.clients.moves import reconciliation
from workflows.context import Context
from workflows.exports.snapshots import ExportTrack
from workflows.storage.case import UNWATCHED, CaseData, person, read_case, refresh_case_message
from workflows.storage.findings import FindingReport
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import enqueue
from workflows.storage.rows.access import Access, ManualStep
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, Proposal, ProposalState
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.watch import FindingKind, FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import WrongKey
from workflows.storage.work import again, finish, retry_at, say
from workflows.systems.effects import why_unread
from workflows.systems.registry import System

STAYING = (
    AssignmentState.REFUSED,
    AssignmentState.EXCLUDED,
    AssignmentState.KEPT,
    AssignmentState.PUT_BACK,
    AssignmentState.OBJECTED,
)
"""States of records that stay: the vendor lets nobody change their owner, or a person or the client decided so."""


class FollowUps:
    """Carries out `FollowUp` rows."""

    def __init__(self, context: Context, casefile: Casefile, exports: ExportTrack, absence: AbsenceCheck) -> None:
        self._context, self._casefile, self._exports, self._absence = context, casefile, exports, absence

    def run(self, follow_up_id: str) -> None:
        """Check the case in every system. A system that cannot be read is listed, and checked again later."""
        try:
            with self._context.store.read() as session:
                row = session.get_one(FollowUp, follow_up_id)
                case, data = read_case(session, self._context.vault, row.case_id)
        except WrongKey as error:
            self._give_up(follow_up_id, str(error))
            return
        if row.state != WorkState.DUE:
            return
        if case.state in UNWATCHED:
            with self._context.store.write() as session:
                session.get_one(FollowUp, follow_up_id).state = WorkState.CANCELLED
            return
        words: dict[str, str] = {}
        failed: ConnectorError | None = None
        for name, system in self._context.systems.items():
            try:
                words[name] = self._said(system, case, data, follow_up_id)
            except ConnectorError as error:
                failed, words[name] = error, _("unknown ({why})").format(why=say(error))
        self._look_at_exports(case, follow_up_id, words)
        self._settle(follow_up_id, words, failed)

    def view(self, follow_up_id: str) -> tuple[CaseView, FollowUpLine]:
        """Return the follow-up with its case."""
        with self._context.store.read() as session:
            row = session.get_one(FollowUp, follow_up_id)
            return self._casefile.view(session, row.case_id), self._casefile.follow_up(session, row)

    def _said(self, system: System, case: Case, data: CaseData, by: str) -> str:
        """Return the sentences on a read, or on the statements of people if nothing can be read."""
        if manual_step.work_of(system) is None:
            again = licences.look_again(self._context, case, system, by)
            return join(", ", (self._check(system, case, data, by), again))
        with self._context.store.read() as session:
            row = session.get(ManualStep, f"{case.id}:{system.name}")
        if row is None:
            return _("was not asked for in this case")
        return manual_step.line(self._context.vault, self._context.systems, case, data.leaver, row).reason

    def _check(self, system: System, case: Case, data: CaseData, by: str) -> str:
        accounts = system.having(Accounts)
        if accounts is None:
            return _("has no accounts")
        access_id, leaver = f"{case.id}:{system.name}", data.leaver
        lookup = accounts.find(person(leaver))
        with self._context.store.read() as session:
            ids = [AccountId(row.account_id) for row in observation.known(session, access_id)]
            links = all_links(session, self._context.vault, case.leaver_key)
        read = observation.observe(accounts, ids, system.manifest.limits.observe_batch)
        seen = self._absence.believed(system, read, dict.fromkeys(ids, case.id))
        others = other_persons_accounts(self._context, leaver, system.name, lookup.accounts, ids)
        verdicts = [seen[one].verdict for one in ids] or [
            one.verdict for one in lookup.accounts if one.id not in others
        ]
        said = ", ".join(sorted({verdict.value for verdict in verdicts}))
        if not {*verdicts} - {Verdict.ABSENT}:
            absent = self._absence.judge(system, lookup, data, links, gone=ids)
            why = _("unknown ({why})").format(why=absent.reason)
            said = why if absent.verdict is Verdict.UNKNOWN else absent.verdict.value
        book = system.having(ClientBook)
        unread = (
            why_unread(self._context.store, self._context.vault, case.id, system, Subject.RECORDS, ids)
            if book
            else None
        )
        owned = sum(sum(book.count(account).values()) for account in ids) if book and not unread else 0
        with self._context.store.write() as session:
            rows, now = observation.known(session, access_id), self._context.clock.now()
            for row in rows:
                observation.record(
                    session, self._context.vault, self._context.findings, row, seen[AccountId(row.account_id)], by, now
                )
            found = observation.new_accounts(lookup.accounts, rows)
            new = [one for one in found if one.id not in others]
            for account in found:
                report = observation.report_new_account if account in new else observation.report_reused_address
                report(session, self._context.findings, case.id, system.name, account, by)
            stay = 0 if unread else self._note_owned(session, case.id, system.name, owned, by)
            access = session.get(Access, access_id)
            working = access is not None and access.state == WorkState.DUE
            if new and access and not working:
                made = Observation(Verdict.OPEN, lookup.how, _("an account was made or renamed since the lock-out"))
                observation.update_access_verdict(
                    session, self._context.vault, self._context.journal, access_id, made, now
                )
        words = join("; ", (_sentence(said, len(new), owned, stay), unread.words if unread else ""))
        words = join(", ", (words, *duty_watch.check(self._context, case, system, by)))
        return _("{words}, still being worked on").format(words=words) if working else words

    def _note_owned(self, session: Session, case_id: str, system: str, owned: int, by: str) -> int:
        """Open or close the finding on records that nothing explains. Return how many stay."""
        stays = select(sa.func.count()).where(
            Assignment.case_id == case_id, Assignment.system == system, col(Assignment.state).in_(STAYING)
        )
        stay = session.exec(stays).one()
        unexplained = owned - stay - session.exec(_waiting(case_id, system)).one()
        sighting = FindingReport(
            FindingKind.OWNS_RECORDS,
            case_id,
            system,
            detail=reconciliation.new_records_sentence(session, case_id, system, unexplained),
        )
        if unexplained > 0:
            self._context.findings.report(session, sighting, by)
        else:
            self._context.findings.close_resolved(session, sighting)
        return stay

    def _look_at_exports(self, case: Case, by: str, words: dict[str, str]) -> None:
        with self._context.store.read() as session:
            since = session.exec(select(sa.func.max(Access.locked_at)).where(Access.case_id == case.id)).one()
        if since is None:
            return
        try:
            events = self._exports.after(case.id, since)
        except ConnectorError as error:
            words["exports"] = _("unknown ({why})").format(why=say(error))
            return
        with self._context.store.write() as session:
            for system, number in Counter(name for name, _event in events).items():
                detail = ngettext(
                    "{count} export since the lock-out", "{count} exports since the lock-out", number
                ).format(count=number)
                self._context.findings.report(
                    session, FindingReport(FindingKind.EXPORTED, case.id, system, detail=detail), by
                )

    def _give_up(self, follow_up_id: str, why: str) -> None:
        """Settle a follow-up of a case whose data no key opens, and open a finding: more tries would never end."""
        with self._context.store.write() as session:
            row = session.get_one(FollowUp, follow_up_id)
            if row.state != WorkState.DUE:
                return
            detail = _("the follow-up of day {day} could not be done, the case cannot be opened: {why}").format(
                day=row.day, why=_(why)
            )
            self._context.findings.report(
                session, FindingReport(FindingKind.NOT_VERIFIED, row.case_id, "", "", detail), follow_up_id
            )
            finish(session, row)
            said = {"day": row.day, "why": why}
            self._context.journal.write(
                session, actor=HANDOVER, action="follow_up.given_up", case_id=row.case_id, data=said
            )

    def _settle(self, follow_up_id: str, words: dict[str, str], failed: ConnectorError | None) -> None:
        now = self._context.clock.now()
        with self._context.store.write() as session:
            row = session.get_one(FollowUp, follow_up_id)
            case = session.get_one(Case, row.case_id)
            row.sealed = self._context.vault.seal(
                case.wrapped_key, {name: stored(said) for name, said in words.items()}, f"follow_up:{row.id}"
            )
            if failed is None:
                row.done_at = now
                finish(session, row)
            else:
                again(session, row, retry_at(row, failed, now, self._context.retry))
            self._context.journal.write(
                session,
                actor=HANDOVER,
                action="follow_up.done" if failed is None else "follow_up.tried",
                case_id=case.id,
                data={"day": row.day},
                sealed=row.sealed,
            )
            enqueue(
                session,
                id=f"follow_up:{row.id}",
                kind=MessageKind.FOLLOW_UP,
                subject=row.id,
                case_id=case.id,
                channel="",
                thread_of=f"case:{case.id}",
            )
            refresh_case_message(session, case.id)


def _waiting(case_id: str, system: str) -> SelectOfScalar[int]:
    """Return the query for the number of records about which people are asked now, or whose move was accepted."""
    asked = select(Proposal.id).where(Proposal.case_id == case_id, Proposal.state == ProposalState.PENDING)
    return select(sa.func.count()).where(
        Assignment.case_id == case_id,
        Assignment.system == system,
        sa.or_(
            col(Assignment.state) == AssignmentState.WAITING,
            sa.and_(col(Assignment.state) == AssignmentState.PROPOSED, col(Assignment.proposal_id).in_(asked)),
        ),
    )


def _sentence(said: str, new: int, owned: int, stay: int) -> str:
    parts = [said]
    if new:
        parts.append(ngettext("{count} new account", "{count} new accounts", new).format(count=new))
    if owned > stay:
        parts.append(
            ngettext("still owns {count} record", "still owns {count} records", owned - stay).format(count=owned - stay)
        )
    if stay:
        said = ngettext(
            "{count} record stays, as the handover says", "{count} records stay, as the handover says", stay
        )
        parts.append(said.format(count=stay))
    return join(", ", parts)
