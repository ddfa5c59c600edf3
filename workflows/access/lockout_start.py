"""Begin of due lock-outs of one case: which rows are due, and the facts known as their work begins."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import N_, _, gettext_lazy, loaded, stored
from connectors.contract import AccountId
from workflows.access.account_state import is_whole, repair
from workflows.access.identity import PresentIdentity
from workflows.access.links import PersonLinks, all_links, forged_links
from workflows.context import Context
from workflows.storage.case import LEAVING, UNWATCHED, CaseData, advance_case, read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import Access, Inventory, LeaverAccount, Restoration
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import WrongKey
from workflows.storage.work import again
from workflows.systems.accounts import KeptAccounts, kept_accounts
from workflows.tampering import ENDED, acts, is_supported, recorded_state, report_in

ROWS = select(Access).where(Access.case_id == sa.bindparam("case"))
KNOWN = select(LeaverAccount).where(LeaverAccount.case_id == sa.bindparam("case"))
KEPT = select(Inventory).where(Inventory.case_id == sa.bindparam("case"))
LATE = timedelta(minutes=5)
BUSY = N_("Handover was busy, or not running for a part of that time")
NOT_RUNNING = N_("Handover was not running")


@dataclass(frozen=True, slots=True)
class SystemLockout:
    """One access that is due, with the facts known as its work begins."""

    access: Access
    case: Case
    data: CaseData
    links: Mapping[str, PersonLinks]
    """The person's links by system."""
    known: tuple[LeaverAccount, ...]
    """Every account that was ever found there."""
    kept: KeptAccounts
    identity: PresentIdentity

    nobody: bool
    """True while a person's statement counts that there is no account."""

    @property
    def own_links(self) -> PersonLinks:
        """The person's links in this system."""
        return self.links[self.access.system]

    @property
    def known_ids(self) -> frozenset[AccountId]:
        """Ids of `known`."""
        return frozenset(AccountId(row.account_id) for row in self.known)


class LockoutStart:
    """Begins `Access` rows that are due."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, access_ids: Sequence[str]) -> dict[str, "SystemLockout"]:
        """Begin the due rows of one case, in one transaction; return the jobs by row."""
        case_id = access_ids[0].partition(":")[0]
        return self._context.store.group_write(lambda session: self._jobs(session, case_id, access_ids), case_id)

    def _jobs(self, session: Session, case_id: str, access_ids: Sequence[str]) -> dict[str, "SystemLockout"]:
        case, data = read_case(session, self._context.vault, case_id)
        rows = session.exec(ROWS, params={"case": case_id}).all()
        self._compare_state(session, case)
        due = [row for row in rows if row.id in access_ids and self._begins(session, case, row)]
        if due and case.state == CaseState.SCHEDULED:
            advance_case(session, self._context.journal, case.id)
        links = self._links(session, case)
        known: dict[str, list[LeaverAccount]] = {row.id: [] for row in due}
        for account in session.exec(KNOWN, params={"case": case_id}):
            if account.access_id in known and self._keeps(session, case, account):
                known[account.access_id].append(account)
        kept = self._kept(session, case)
        present = PresentIdentity(self._context, case, data.leaver)
        return {
            row.id: SystemLockout(
                row,
                case,
                data,
                links,
                tuple(known[row.id]),
                kept.get(row.id, KeptAccounts()),
                present,
                links[row.system].nobody(self._context.clock.now()),
            )
            for row in due
        }

    def _links(self, session: Session, case: Case) -> Mapping[str, PersonLinks]:
        """Return the links by system as people made them: a row that nobody made is left out, a lost one is kept."""
        found = all_links(session, self._context.vault, case.leaver_key)
        for system in forged_links(session, self._context.vault, case.leaver_key):
            sentence = gettext_lazy("an account was linked in the database, and nobody did that")
            report_in(self._context, session, case.id, system, sentence, "lock-out")
        made: dict[str, set[str]] = defaultdict(set)
        for act in acts(self._context, session, case.id, "account.linked", strict=False):
            account = str(act.data["account"])
            made[act.data["system"]] = set() if account == "none" else {*made[act.data["system"]], account}
        for system, accounts in made.items():
            if lost := sorted(accounts - found[system].accounts.keys()):
                sentence = gettext_lazy(
                    "a linked account was taken out of the database: {accounts}", accounts=", ".join(lost)
                )
                report_in(self._context, session, case.id, system, sentence, "lock-out")
                kept = {**found[system].accounts, **{AccountId(account): account for account in lost}}
                found = {**found, system: PersonLinks(kept)}
        return defaultdict(PersonLinks, found)

    def _compare_state(self, session: Session, case: Case) -> None:
        """Compare the state of a case with the journal's, where its row says that it goes on.

        A case that somebody ended ends again: nobody asked to lock that person. A held case is locked, which is safe.
        """
        recorded = recorded_state(self._context, session, case.id) if case.state in LEAVING else ""
        if recorded in ENDED:
            sentence = gettext_lazy("the case was taken up again in the database, and nobody did that")
            case.state = recorded
            session.add(case)
        elif recorded == CaseState.HELD:
            sentence = gettext_lazy("the held case was released in the database, and nobody did that")
        else:
            return
        report_in(self._context, session, case.id, "", sentence, "lock-out")

    def _keeps(self, session: Session, case: Case, row: LeaverAccount) -> bool:
        """Return whether an account belongs to the case. One that another hand put there is left out, and told."""
        if is_whole(self._context.vault, case.wrapped_key, row):
            return True
        sentence = gettext_lazy("an account was put into the case in the database, or changed there")
        report_in(self._context, session, case.id, row.system, sentence, "lock-out")
        return repair(session, self._context.vault, case.wrapped_key, row)

    def _kept(self, session: Session, case: Case) -> Mapping[str, KeptAccounts]:
        """Return the accounts kept at notice by row, as the journal has them where a row was changed or is gone."""
        rows = {row.id: row.sealed for row in session.exec(KEPT, params={"case": case.id})}
        recorded: dict[str, bytes] = {}
        for entry, marked in self._context.journal.entries(session, case.id, "access.inventoried"):
            if marked and entry.sealed:
                recorded[f"{case.id}:{json.loads(entry.data)['system']}"] = entry.sealed
        kept = {}
        for row_id, sealed in (rows | recorded).items():
            try:
                kept[row_id] = kept_accounts(self._context.vault, case.wrapped_key, row_id, sealed)
            except WrongKey:
                recorded[row_id] = b""
            if recorded.get(row_id) not in (None, rows.get(row_id)):
                sentence = gettext_lazy("the accounts kept at notice were changed in the database")
                report_in(self._context, session, case.id, row_id.rpartition(":")[2], sentence, "lock-out")
        return kept

    def _begins(self, session: Session, case: Case, access: Access) -> bool:
        if case.state in UNWATCHED:
            if is_supported(self._context, session, case):
                call_off(self._context, session, case, access)
                return False
            self._reopen(session, case)
        if access.state != WorkState.DUE or access.due_at > self._context.clock.now():
            return False
        self._note_delay(session, access)
        return True

    def _reopen(self, session: Session, case: Case) -> None:
        """Take a case that nobody ended as open: a row alone never stops a lock-out."""
        sentence = gettext_lazy("the case was {state} in the database, and nobody did that", state=loaded(case.state))
        report_in(self._context, session, case.id, "", sentence, "lock-out")
        case.state = CaseState.RUNNING
        session.add(case)
        self._context.journal.write(session, actor=HANDOVER, action="case.running", case_id=case.id)

    def _note_delay(self, session: Session, access: Access) -> None:
        """Record how late the work begins, and if Handover was not running."""
        now = self._context.clock.now()
        if now - access.due_at <= LATE:
            return
        at_work = session.exec(
            select(JournalEntry.id).where(
                JournalEntry.actor == HANDOVER.id,
                col(JournalEntry.at) > access.due_at,
                col(JournalEntry.at) < now - LATE,
            )
        ).first()
        why = BUSY if at_work else NOT_RUNNING
        access.late = stored(_("{span} late: {why}").format(span=span(access.due_at, now), why=_(why)))
        session.add(access)
        self._context.journal.write(
            session,
            actor=HANDOVER,
            action="access.late",
            case_id=access.case_id,
            data={"system": access.system, "seconds": int((now - access.due_at).total_seconds()), "why": why},
        )


def call_off(context: Context, session: Session, case: Case, access: Access) -> None:
    """Cancel the row of a case that was cancelled.

    For an undone case, restore again after an attempt that was cut short.
    """
    if access.state == WorkState.DUE:
        access.state = WorkState.CANCELLED
        session.add(access)
    if case.state == CaseState.UNDONE and (restoration := session.get(Restoration, access.id)):
        again(session, restoration, context.clock.now())
        context.journal.write(
            session, actor=HANDOVER, action="access.restore_again", case_id=case.id, data={"system": access.system}
        )


def span(since: datetime, until: datetime) -> str:
    """Return a duration in words: `3 h 12 min`."""
    minutes = int((until - since).total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    parts = ((days, _("{count} d")), (hours, _("{count} h")), (minutes % 60, _("{count} min")))
    return " ".join(words.format(count=number) for number, words in parts if number) or _("0 min")
