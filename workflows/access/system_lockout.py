"""Lock-out of one leaver in one system: lock, read back, record the verdict.

One `Access` row is one piece of work. It can be killed at any point and run again. Accounts are looked up afresh. The
before-image is stored before the first write and never replaced. The verdict comes from the last read alone.

Over 250 lines because one attempt at a system, from lookup to verdict, is read as a whole.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.identifiers import is_among
from config.text import N_, _, gettext_lazy, join, loaded, ngettext, stored
from connectors.contract import Account, AccountId, Accounts, BeforeImage, ClientBook, Groups, Lookup, Verdict
from connectors.errors import ConnectorError
from workflows.access import restriction
from workflows.access.absence import AbsenceCheck
from workflows.access.account_lockout import ACCOUNT, AccountLockout, LockoutResult
from workflows.access.account_state import GOOD, UNCONFIGURED, AccountData, VerdictNote, seal
from workflows.access.identity import PresentIdentity, candidates, other_owner
from workflows.access.links import Match, PersonLinks, all_links, forged_links, match_accounts
from workflows.access.lockout_messages import tell_failure, tell_outcome
from workflows.access.observation import report_candidate, report_new_account
from workflows.access.protected import ProtectedAccounts, clear_or_refuse
from workflows.context import Context
from workflows.storage.case import UNWATCHED, CaseData, advance_case, person, read_case, refresh_case_message
from workflows.storage.findings import FindingReport, open_of
from workflows.storage.group_commit import run_later
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import Access, Inventory, LeaverAccount, Restoration
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.table import table_of
from workflows.storage.rows.watch import Finding, FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, reopen, retry_at, say
from workflows.systems.accounts import KeptAccounts, kept_accounts
from workflows.systems.registry import System
from workflows.tampering import acts, is_supported, report_in

ACCESS, CASES, FINDINGS = table_of(Access), table_of(Case), table_of(Finding)
ACCOUNT_FOUND, ACCOUNT_READ = sa.insert(ACCOUNT), sa.update(ACCOUNT).where(ACCOUNT.c.id == sa.bindparam("row"))
ACCESS_READ = sa.update(ACCESS).where(ACCESS.c.id == sa.bindparam("access"))
ROWS = select(Access).where(Access.case_id == sa.bindparam("case"))
KNOWN = select(LeaverAccount).where(LeaverAccount.case_id == sa.bindparam("case"))
KEPT = select(Inventory).where(Inventory.case_id == sa.bindparam("case"))
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
        kept = {row.id: row for row in session.exec(KEPT, params={"case": case_id})}
        present = PresentIdentity(self._context, case, data.leaver)
        return {
            row.id: SystemLockout(
                row,
                case,
                data,
                links,
                tuple(known[row.id]),
                kept_accounts(self._context.vault, case.wrapped_key, kept.get(row.id)),
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
        done: dict[str, LockoutResult] = {}
        present, results = _read_known(accounts, job)
        self._lock_each(system, accounts, job, present, done, seen)
        identity = job.identity.read()
        lookup = accounts.find(person(identity.leaver))
        if not (lookup.accounts or present):  # under names that the directory has, and the plan had not?
            before, identity = identity, job.identity.read(afresh=True)
            lookup = lookup if before.leaver == identity.leaver else accounts.find(person(identity.leaver))
        lookup = replace(
            lookup, accounts=_with_unchosen(accounts, job, lookup), doubts=(*lookup.doubts, *identity.doubts)
        )
        gone = {row.account_id for row in job.known if row.id in done and done[row.id].gone}
        for row in job.known:
            if row.id in seen and seen[row.id].gone:
                done[row.id] = seen[row.id] = self._with_proof(system, job, row, lookup, seen[row.id])
        results += _gone_before_lock(job, gone)
        alive = {one.id for one in present} | {AccountId(one) for one in job.known_ids - gone}
        strangers = identity.strangers(
            lookup.accounts,
            {*job.own_links.accounts, *job.known_ids, *alive},
            directory=system.name == self._context.systems.directory,
        )
        match = match_accounts(lookup.accounts, job.own_links.accounts, strangers, alive, job.own_links.denied)
        if match.ambiguous:
            results.append(_choose(match, lookup, beside=len(alive)))
        fresh = [one for one in (*match.own, *_linked(accounts, job.own_links, match, alive)) if one.id not in alive]
        self._lock_each(system, accounts, job, fresh, done, seen, lookup)
        results += done.values()
        others += self._undecided(accounts, job, match, lookup)
        results += [result for _account, result in others]
        if job.access.attempt == 0:  # asked once, after the locks
            self._report_candidates(job, candidates(accounts, identity.leaver, lookup))
        if not results:
            return self._without_account(system, job, lookup, match)
        if gone and strangers and not fresh and not job.nobody:
            results.append(_remade(lookup))
        worst = LockoutResult.worst(results)
        return replace(worst, reason=join("; ", (worst.reason, match.note))) if match.note else worst

    def _report_candidates(self, job: "SystemLockout", found: Sequence[Account]) -> None:
        named = {*job.known_ids, *job.own_links.accounts, *(job.kept.logins if job.kept.chosen else ())}
        asked = [one for one in found if one.verdict is not Verdict.LOCKED and one.id not in named]
        if asked:
            with self._context.store.write() as session:
                for account in asked:
                    report_candidate(session, self._context.findings, job.case.id, job.access.system, account)

    def _lock_each(
        self,
        system: System,
        accounts: Accounts,
        job: "SystemLockout",
        found: Sequence[Account],
        done: dict[str, LockoutResult],
        seen: dict[str, LockoutResult],
        lookup: Lookup | None = None,
    ) -> None:
        """Lock these accounts, and every account ever found here that is not `done` in this attempt."""
        refused, rows = self._prepare(system, accounts, job, found)
        done |= refused
        for row, before in sorted(rows.values(), key=lambda entry: entry[0].id):
            if row.id in done:
                continue
            result = self._read_without_locking(system, accounts, job.case.wrapped_key, row, checked=before is not None)
            if result is None:
                lockout = AccountLockout(self._context, system, accounts, job.case.wrapped_key, row)
                result = lockout.run(before)
                seen[row.id] = result = self._with_proof(system, job, row, lookup, result) if lookup else result
            done[row.id] = result

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
        if not job.kept.chosen:  # at notice several matched, and nobody has said of each whose it is
            told |= job.kept.logins
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
        self, system: System, accounts: Accounts, job: "SystemLockout", accounts_found: Sequence[Account]
    ) -> tuple[dict[str, LockoutResult], dict[str, tuple[LeaverAccount, BeforeImage | None]]]:
        """Store the accounts to lock with their state now; return the results of accounts that must not be locked.

        The rows include every account ever found here, also those that the lookup no longer shows.
        """
        refused: dict[str, LockoutResult] = {}
        found: list[tuple[Account, BeforeImage]] = []
        for account in accounts_found:
            why = self._guards.why_not(system, account)
            if why := why or clear_or_refuse(self._context, system, job.case.id, account.id):
                refused[f"{job.access.id}:{account.id}"] = LockoutResult(
                    account.verdict, why, account.matched_by, finding=FindingKind.PROTECTED
                )
            elif owner := self._other_owner(system, job, account):
                refused[f"{job.access.id}:{account.id}"] = _of_another(account, owner)
            else:
                found.append((account, account.before or accounts.before(account.id)))
        rows: dict[str, tuple[LeaverAccount, BeforeImage | None]] = {row.id: (row, None) for row in job.known}
        for row, (_account, before) in zip(self._remember(job, found), found, strict=True):
            rows[row.id] = (row, before)
        return refused, rows

    def _other_owner(self, system: System, job: "SystemLockout", account: Account) -> str:
        """Return the person of the directory whose address an account has now, if that is not the leaver.

        The account was given to somebody else, or matches by a log-in that two people have. A link counts more.
        """
        if account.id in job.own_links.accounts or system.name == self._context.systems.directory:
            return ""
        if not account.email or is_among(account.email, job.data.leaver.emails):
            return ""
        return other_owner(self._context.systems, job.identity.read().leaver, account)

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


def _read_known(accounts: Accounts, job: SystemLockout) -> tuple[list[Account], list[LockoutResult]]:
    """Read the accounts that earlier attempts found, or that were kept at notice; return them, and what is gone."""
    kept = {
        one: login
        for one, login in job.kept.logins.items()
        if one not in job.known_ids and (job.kept.chosen or one in job.own_links.accounts)
    }
    wanted = [*sorted(job.known_ids), *kept]
    present = accounts.read(wanted) if wanted else {}
    return list(present.values()), _missing(job, [login for one, login in kept.items() if one not in present])


def _gone_before_lock(job: SystemLockout, gone: Collection[str]) -> list[LockoutResult]:
    """Return the result for accounts that an earlier attempt found, that no read showed locked, and that are gone."""
    never = [row for row in job.known if row.account_id in gone and row.verdict not in GOOD]
    return _missing(job, [row.account_id for row in never] if job.access.locked_at is None else [])


def _missing(job: SystemLockout, logins: Sequence[str]) -> list[LockoutResult]:
    """Return the result for accounts that were seen and are gone, unless a person has said more."""
    if not logins or job.nobody or job.own_links.accounts:
        return []
    reason = _("CHOOSE THE ACCOUNT: {logins} was there at notice and is gone").format(logins=", ".join(logins))
    return [
        LockoutResult(
            Verdict.UNKNOWN, reason, _("read by id"), complete=False, finding=FindingKind.NOT_LINKED, choose=True
        )
    ]


def _with_unchosen(accounts: Accounts, job: SystemLockout, lookup: Lookup) -> tuple[Account, ...]:
    """Return the accounts of a lookup, with those among which a person was to choose at notice and has not."""
    if job.kept.chosen or job.own_links.accounts or job.known or not job.kept.logins:
        return lookup.accounts
    shown = {one.id for one in lookup.accounts}
    others = accounts.read([one for one in job.kept.logins if one not in shown])
    return (*lookup.accounts, *others.values())


def _choose(match: Match, lookup: Lookup, beside: int) -> LockoutResult:
    """Return the result where a person must choose. `beside`: accounts that are known, and were locked."""
    if beside:
        reason = ngettext(
            "CHOOSE THE ACCOUNT: {count} more account matches and was not touched",
            "CHOOSE THE ACCOUNT: {count} more accounts match and were not touched",
            match.ambiguous,
        )
    else:
        reason = ngettext(
            "CHOOSE THE ACCOUNT: {count} account matches and none was touched",
            "CHOOSE THE ACCOUNT: {count} accounts match and none was touched",
            match.ambiguous,
        )
    said = join("; ", (reason.format(count=match.ambiguous), match.note))
    return LockoutResult(Verdict.UNKNOWN, said, lookup.how, complete=False, choose=True)


def _of_another(account: Account, owner: str) -> LockoutResult:
    """Return the result for an account whose address belongs to somebody else in the directory."""
    reason = _("CHOOSE THE ACCOUNT: {login} has the address of {owner} in the directory, so it was not touched")
    said = reason.format(login=account.login, owner=owner)
    return LockoutResult(Verdict.UNKNOWN, said, account.matched_by, complete=False, choose=True)


def _remade(lookup: Lookup) -> LockoutResult:
    """Return the result where the known account is gone, and another one has its names."""
    reason = _("CHOOSE THE ACCOUNT: the known account is gone, and another one has its address or log-in")
    return LockoutResult(Verdict.UNKNOWN, reason, lookup.how, complete=False, choose=True)


def span(since: datetime, until: datetime) -> str:
    """Return a duration in words: `3 h 12 min`."""
    minutes = int((until - since).total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    parts = ((days, _("{count} d")), (hours, _("{count} h")), (minutes % 60, _("{count} min")))
    return " ".join(words.format(count=number) for number, words in parts if number) or _("0 min")


def _linked(accounts: Accounts, links: PersonLinks, match: Match, known: Collection[AccountId]) -> list[Account]:
    """Return the linked accounts that the lookup does not show, as read now. Deleted accounts are left out."""
    others = [one for one in links.accounts if one not in known and one not in {found.id for found in match.own}]
    present = accounts.read(others) if others else {}
    return [replace(one, matched_by=_("linked by a person")) for one in present.values()]
