"""Lock-out of one leaver in one system: lock, read back, record the verdict.

One `Access` row is one piece of work. It can be killed at any point and run again. Accounts are looked up afresh. The
before-image is stored before the first write and never replaced. The verdict comes from the last read alone.

Over 250 lines because one attempt at a system, from lookup to verdict, is read as a whole.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import N_, _, gettext_lazy, join, loaded, ngettext, stored
from connectors.contract import Account, AccountId, Accounts, BeforeImage, ClientBook, Groups, Lookup, Verdict
from connectors.errors import ConnectorError, Missing
from workflows.access import restriction
from workflows.access.absence import AbsenceCheck
from workflows.access.account_lockout import ACCOUNT, AccountLockout, LockoutResult
from workflows.access.account_state import GOOD, UNCONFIGURED, AccountData, VerdictNote, seal
from workflows.access.links import Match, PersonLinks, all_links, forged_links, match_accounts, other_persons_accounts
from workflows.access.lockout_messages import tell_failure, tell_outcome
from workflows.access.observation import report_new_account
from workflows.access.protected import ProtectedAccounts, clear_or_refuse
from workflows.context import Context
from workflows.storage.case import UNWATCHED, CaseData, advance_case, person, read_case, refresh_case_message
from workflows.storage.findings import FindingReport, open_of
from workflows.storage.group_commit import run_later
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import Access, LeaverAccount, Restoration
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.table import table_of
from workflows.storage.rows.watch import Finding, FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, reopen, retry_at, say
from workflows.systems.registry import System
from workflows.tampering import acts, is_supported, report_in

ACCESS, CASES, FINDINGS = table_of(Access), table_of(Case), table_of(Finding)
ACCOUNT_FOUND, ACCOUNT_READ = sa.insert(ACCOUNT), sa.update(ACCOUNT).where(ACCOUNT.c.id == sa.bindparam("row"))
ACCESS_READ = sa.update(ACCESS).where(ACCESS.c.id == sa.bindparam("access"))
ROWS = select(Access).where(Access.case_id == sa.bindparam("case"))
KNOWN = select(LeaverAccount).where(LeaverAccount.case_id == sa.bindparam("case"))
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
LATE = timedelta(minutes=5)
NAMES_ARE_REUSED = timedelta(days=1)
"""Time after the lock-out from which an address may be another person's. A check before that would only cost time."""
BUSY = N_("Handover was busy, or not running for a part of that time")
NOT_RUNNING = N_("Handover was not running")


class SystemLockouts:
    """Carries out `Access` rows."""

    def __init__(
        self, context: Context, guards: ProtectedAccounts, absence: AbsenceCheck, security_channel: str = ""
    ) -> None:
        """`security_channel`: is told, with HR and who asked, that a lock-out fails."""
        self._context, self._guards, self._absence = context, guards, absence
        self._security = security_channel

    def begin(self, access_ids: Sequence[str]) -> dict[str, "SystemLockout"]:
        """Begin the due rows of one case, in one transaction; return the jobs by row."""
        case_id = access_ids[0].partition(":")[0]
        return self._context.store.group_write(lambda session: self._jobs(session, case_id, access_ids), case_id)

    def _jobs(self, session: Session, case_id: str, access_ids: Sequence[str]) -> dict[str, "SystemLockout"]:
        case, data = read_case(session, self._context.vault, case_id)
        rows = session.exec(ROWS, params={"case": case_id}).all()
        due = [row for row in rows if row.id in access_ids and self._begins(session, case, row)]
        if due and case.state == CaseState.SCHEDULED:
            advance_case(session, self._context.journal, case.id)
        links = self._links(session, case)
        known: dict[str, list[LeaverAccount]] = {row.id: [] for row in due}
        for account in session.exec(KNOWN, params={"case": case_id}):
            if account.access_id in known:
                known[account.access_id].append(account)
        return {row.id: SystemLockout(row, case, data, links, tuple(known[row.id])) for row in due}

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

    def _begins(self, session: Session, case: Case, access: Access) -> bool:
        if case.state in UNWATCHED:
            if is_supported(self._context, session, case):
                self._call_off(session, case, access)
                return False
            self._reopen(session, case)
        if access.state != WorkState.DUE or access.due_at > self._context.clock.now():
            return False
        self._note_delay(session, access)
        return True

    def carry_out(self, job: "SystemLockout") -> None:
        """Lock, read back, and record one job that `begin` returned."""
        seen: dict[str, LockoutResult] = {}
        others: list[tuple[Account, LockoutResult]] = []
        error: ConnectorError | None = None
        try:
            result = self._lock_out(job, seen, others)
        except ConnectorError as caught:
            result, error = LockoutResult(Verdict.UNKNOWN, say(caught), "", complete=False), caught
        except Exception:  # a fault of the program: people hear of it, and the row stays due
            self._context.store.group_write(
                lambda session: self._tell(session, job.access.id, failed=True), job.case.id
            )
            raise
        self._settle(job.access.id, result, error, seen, others)

    def _reopen(self, session: Session, case: Case) -> None:
        """Take a case that nobody ended as open: a row alone never stops a lock-out."""
        sentence = gettext_lazy("the case was {state} in the database, and nobody did that", state=loaded(case.state))
        report_in(self._context, session, case.id, "", sentence, "lock-out")
        case.state = CaseState.RUNNING
        session.add(case)
        self._context.journal.write(session, actor=HANDOVER, action="case.running", case_id=case.id)

    def _call_off(self, session: Session, case: Case, access: Access) -> None:
        """Cancel the row of a case that was cancelled.

        For an undone case, restore again after an attempt that was cut short.
        """
        if access.state == WorkState.DUE:
            access.state = WorkState.CANCELLED
            session.add(access)
        if case.state == CaseState.UNDONE and (restoration := session.get(Restoration, access.id)):
            again(session, restoration, self._context.clock.now())
            self._context.journal.write(
                session, actor=HANDOVER, action="access.restore_again", case_id=case.id, data={"system": access.system}
            )

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

    def _lock_out(
        self, job: "SystemLockout", seen: dict[str, LockoutResult], others: list[tuple[Account, LockoutResult]]
    ) -> LockoutResult:
        """Look the accounts up and lock each. `seen` gets the last read of each account, even if a later one fails.

        `others` gets the accounts that match too, or did, and that nobody has linked or denied.
        """
        system = self._context.systems.get(job.access.system)
        if system is None:
            return LockoutResult(Verdict.UNKNOWN, _(UNCONFIGURED), "", complete=False)
        accounts = system.having(Accounts)
        if accounts is None:
            return LockoutResult(Verdict.UNKNOWN, _("this connector cannot look accounts up"), "", complete=False)
        links = job.links[system.name]
        lookup = accounts.find(person(job.data.leaver))
        strangers: frozenset[AccountId] = frozenset()
        if self._context.clock.now() - job.case.effective_at > NAMES_ARE_REUSED:
            strangers = other_persons_accounts(
                self._context.systems,
                job.data.leaver,
                system.name,
                lookup.accounts,
                {*links.accounts, *(row.account_id for row in job.known)},
            )
        chosen = {*links.accounts, *(AccountId(row.account_id) for row in job.known)}
        match = match_accounts(lookup.accounts, chosen, strangers, links.denied)
        if match.ambiguous:
            reason = ngettext(
                "CHOOSE THE ACCOUNT: {count} account matches and none was touched",
                "CHOOSE THE ACCOUNT: {count} accounts match and none was touched",
                match.ambiguous,
            ).format(count=match.ambiguous)
            reason = join("; ", (reason, match.note))
            return LockoutResult(Verdict.UNKNOWN, reason, lookup.how, complete=False, choose=True)
        results, fresh = self._prepare(system, accounts, job, match)
        for row, before in sorted(fresh.values(), key=lambda entry: entry[0].id):
            result = self._read_without_locking(system, accounts, job.case.wrapped_key, row, checked=before is not None)
            if result is None:
                lockout = AccountLockout(self._context, system, accounts, job.case.wrapped_key, row)
                result = seen[row.id] = self._with_proof(system, job, row, lookup, lockout.run(before))
            results.append(result)
        others += self._undecided(accounts, job, match, lookup)
        results += [result for _account, result in others]
        if results:
            worst = LockoutResult.worst(results)
            return replace(worst, reason=join("; ", (worst.reason, match.note))) if match.note else worst
        return self._without_account(system, job, lookup, match)

    def _undecided(
        self, accounts: Accounts, job: "SystemLockout", match: Match, lookup: Lookup
    ) -> list[tuple[Account, LockoutResult]]:
        """Read accounts that may be the leaver's, as known open from this lookup or an earlier one. None is locked.

        They stay in the verdict until a person links or denies them.
        """
        found = list(match.others)
        links = job.links[job.access.system]
        decided = {*links.accounts, *links.denied, *(row.account_id for row in job.known)}
        decided |= {account.id for account in lookup.accounts}
        told = self._told(job) if job.access.read_at else {}
        told = {account: login for account, login in told.items() if account not in decided}
        for account, seen in (accounts.observe(list(told)) if told else {}).items():
            found.append(Account(account, told[account], "", seen.verdict, _("seen before")))
        words = _(
            "{login} matches too ({by}), and nobody has said whose it is: "
            "link it, or say with a reason that it is not the leaver's"
        )
        return [
            (one, LockoutResult(one.verdict, words.format(login=one.login, by=one.matched_by), lookup.how, choose=True))
            for one in found
            if one.verdict not in GOOD
        ]

    def _told(self, job: "SystemLockout") -> dict[AccountId, str]:
        """Return the accounts of open findings that nobody has linked or denied: account id to log-in."""
        with self._context.store.read() as session:
            return {
                AccountId(finding.account_id): self._context.findings.note(session, finding).login
                for finding in open_of(session, job.case.id, job.access.system)
                if finding.kind == FindingKind.NEW_ACCOUNT
            }

    def _prepare(
        self, system: System, accounts: Accounts, job: "SystemLockout", match: Match
    ) -> tuple[list[LockoutResult], dict[str, tuple[LeaverAccount, BeforeImage | None]]]:
        """Store the accounts to lock with their state now; return the results of accounts that must not be locked.

        The rows include every account ever found here, also those that the lookup no longer shows.
        """
        results: list[LockoutResult] = []
        found: list[tuple[Account, BeforeImage]] = []
        for account in (*match.own, *_linked(accounts, job.links[system.name], match)):
            why = self._guards.why_not(system, account)
            if why := why or clear_or_refuse(self._context, system, job.case.id, account.id):
                results.append(LockoutResult(account.verdict, why, account.matched_by, finding=FindingKind.PROTECTED))
                continue
            found.append((account, account.before or accounts.before(account.id)))
        rows: dict[str, tuple[LeaverAccount, BeforeImage | None]] = {row.id: (row, None) for row in job.known}
        for row, (_account, before) in zip(self._remember(job, found), found, strict=True):
            rows[row.id] = (row, before)
        return results, rows

    def _read_without_locking(
        self, system: System, accounts: Accounts, key: bytes, row: LeaverAccount, *, checked: bool
    ) -> LockoutResult | None:
        """Return a read of a known account that must not be locked any more; None if it may be locked."""
        login = AccountData(**self._context.vault.open(key, row.sealed, f"account:{row.id}")).login
        why = self._guards.protection_reason(system, row.account_id, login)
        if not (why or checked):
            why = clear_or_refuse(self._context, system, row.case_id, AccountId(row.account_id))
        if not why:
            return None
        seen = accounts.observe([AccountId(row.account_id)])[AccountId(row.account_id)]
        return LockoutResult(seen.verdict, why, seen.how, finding=FindingKind.PROTECTED)

    def _remember(self, job: "SystemLockout", found: Sequence[tuple[Account, BeforeImage]]) -> list[LeaverAccount]:
        """Store accounts with their before-images before the first write; an earlier image stays."""
        known = {row.id: row for row in job.known}
        ids = [f"{job.access.id}:{one.id}" for one, _before in found]
        if all(row_id in known for row_id in ids):
            return [known[row_id] for row_id in ids]

        def write(session: Session) -> list[LeaverAccount]:
            return [
                known.get(row_id) or self._new(session, job, row_id, *one)
                for row_id, one in zip(ids, found, strict=True)
            ]

        try:
            return self._context.store.group_write(write, job.case.id)
        except sa.exc.IntegrityError:  # the same lock-out runs twice at once: the first image stays
            with self._context.store.read() as session:
                return [session.get_one(LeaverAccount, row_id) for row_id in ids]

    def _new(
        self, session: Session, job: "SystemLockout", row_id: str, found: Account, before: BeforeImage
    ) -> LeaverAccount:
        system, key = self._context.systems[job.access.system], job.case.wrapped_key
        left = (
            restriction.taken(session, self._context.vault, key, job.access.id, found.id) if system.has(Groups) else {}
        )
        data = AccountData(found.login, found.matched_by, dict(before.state), left, was=found.verdict)
        row = LeaverAccount(
            id=row_id,
            access_id=job.access.id,
            case_id=job.case.id,
            system=job.access.system,
            account_id=found.id,
            sealed=self._context.vault.seal(key, data, f"account:{row_id}"),
        )
        run_later(session, ACCOUNT_FOUND, row.model_dump())
        self._context.journal.write(
            session,
            actor=HANDOVER,
            action="account.found",
            case_id=job.case.id,
            data={"system": job.access.system, "account": found.id, "by": found.matched_by},
        )
        if system.has(ClientBook):
            reopen(session, job.access.id, found.id, self._context.clock.now())
        return row

    def _with_proof(
        self, system: System, job: "SystemLockout", row: LeaverAccount, lookup: Lookup, result: LockoutResult
    ) -> LockoutResult:
        """Return the result of one account. Without proof, an account that is not shown is unknown.

        An account that the lookup showed is looked up once more: it may have been deleted meanwhile.
        """
        accounts = system.having(Accounts)
        if accounts is None or not result.gone or job.links[system.name].nobody(self._context.clock.now()):
            return result
        try:
            if row.account_id in {one.id for one in lookup.accounts}:
                lookup = accounts.find(person(job.data.leaver))
            doubts: tuple[str, ...] = (_("the lookup shows it"),)
            if row.account_id not in {one.id for one in lookup.accounts}:
                doubts = self._absence.doubts(system, lookup, job.data, job.links, by_id=True)
        except ConnectorError as error:  # the other accounts are locked all the same
            doubts = (say(error),)
        if not doubts:
            return result
        reason = join("; ", (result.reason, _("the account is not there by its id"), *doubts))
        return LockoutResult(
            Verdict.UNKNOWN, reason, result.how, complete=False, finding=FindingKind.NOT_LINKED, choose=True
        )

    def _without_account(self, system: System, job: "SystemLockout", lookup: Lookup, match: Match) -> LockoutResult:
        """Return the result where nothing was found. It is `absent` only with proof, or by the word of a person."""
        seen = self._absence.judge(system, lookup, job.data, job.links)
        if seen.verdict is Verdict.ABSENT:
            return LockoutResult(Verdict.ABSENT, match.note, seen.how)
        reason = join("; ", (seen.reason, match.note))
        if lookup.doubts:
            return LockoutResult(seen.verdict, reason, seen.how, complete=False)
        reason = join(": ", (_("CHOOSE THE ACCOUNT"), reason))
        return LockoutResult(
            seen.verdict, reason, seen.how, complete=False, finding=FindingKind.NOT_LINKED, choose=True
        )

    def _settle(
        self,
        access_id: str,
        result: LockoutResult,
        error: ConnectorError | None,
        seen: Mapping[str, LockoutResult],
        others: Sequence[tuple[Account, LockoutResult]],
    ) -> None:
        def write(session: Session) -> None:
            now = self._context.clock.now()
            row = session.connection().execute(SETTLING, {"access": access_id}).one()
            for row_id, last in seen.items():
                note = seal(
                    self._context.vault, row.wrapped_key, f"account:{row_id}", VerdictNote(last.reason, last.how)
                )
                read = {"verdict": last.verdict, "read_at": now, "note": note}
                run_later(session, ACCOUNT_READ, {"row": row_id, **read})
            if row.state in UNWATCHED:
                self._call_off(session, session.get_one(Case, row.case_id), session.get_one(Access, access_id))
                return
            note = seal(
                self._context.vault,
                row.wrapped_key,
                f"access:{access_id}",
                VerdictNote(result.reason, result.how, result.choose),
            )
            locked_at = row.locked_at or (now if result.verdict in GOOD else None)
            state = WorkState.DONE if result.complete else WorkState.DUE
            read = {"verdict": result.verdict, "note": note, "read_at": now, "locked_at": locked_at, "state": state}
            run_later(session, ACCESS_READ, {"access": access_id, **read})
            if result.complete and row.findings:
                self._context.findings.clear_accounts(session, row.case_id, row.system, result.finding)
            if not result.complete:
                access = session.get_one(Access, access_id)
                again(session, access, retry_at(access, error, now, self._context.retry))
            if result.finding:
                report = FindingReport(result.finding, row.case_id, row.system, detail=result.reason)
                self._context.findings.report(session, report, "lock-out")
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
            failed = result.verdict not in GOOD and not row.attempt
            if failed or (result.complete and not row.others_due):
                self._tell(session, access_id, failed=failed)
            if row.state == CaseState.RUNNING and row.others_due:  # the case stays as it is
                refresh_case_message(session, row.case_id)
            else:
                advance_case(session, self._context.journal, row.case_id)

        self._context.store.group_write(write, access_id.partition(":")[0])

    def _tell(self, session: Session, access_id: str, *, failed: bool) -> None:
        case, data = read_case(session, self._context.vault, access_id.partition(":")[0])
        if failed:
            tell_failure(session, access_id, data, self._security)
        else:
            tell_outcome(session, case.id, data)


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


def span(since: datetime, until: datetime) -> str:
    """Return a duration in words: `3 h 12 min`."""
    minutes = int((until - since).total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    parts = ((days, _("{count} d")), (hours, _("{count} h")), (minutes % 60, _("{count} min")))
    return " ".join(words.format(count=number) for number, words in parts if number) or _("0 min")


def _linked(accounts: Accounts, links: PersonLinks, match: Match) -> list[Account]:
    """Return the linked accounts that the lookup does not show, as read now. Deleted accounts are left out."""
    others = [account for account in links.accounts if account not in {found.id for found in match.own}]
    seen = accounts.observe(others) if others else {}
    found = []
    for account in (one for one in others if seen[one].verdict is not Verdict.ABSENT):
        login, verdict = links.accounts[account], seen[account].verdict
        with suppress(Missing):
            before = accounts.before(account)
            found.append(Account(account, login, "", verdict, _("linked by a person"), before=before))
    return found
