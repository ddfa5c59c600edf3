"""Lock-out of one leaver in one system: lock, read back, record the verdict.

One `Access` row is one piece of work. It can be killed at any point and run again. Accounts are looked up afresh. The
before-image is stored before the first write and never replaced. The verdict comes from the last read alone.

Over 250 lines because one attempt at a system, from lookup to verdict, is read as a whole.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlmodel import Session

from config.identifiers import is_among
from config.text import _, join
from connectors.contract import Account, AccountId, Accounts, BeforeImage, ClientBook, Groups, Lookup, Verdict
from connectors.errors import ConnectorError
from workflows.access import restriction
from workflows.access.absence import AbsenceCheck
from workflows.access.account_lockout import ACCOUNT, AccountLockout, LockoutResult
from workflows.access.account_state import GOOD, UNCONFIGURED, AccountData
from workflows.access.identity import candidates, other_owner
from workflows.access.licences import StageOf, no_stage
from workflows.access.links import Match, PersonLinks, match_accounts
from workflows.access.lockout_reasons import choose, gone_before_lock, missing, of_another, remade
from workflows.access.lockout_record import LockoutRecord
from workflows.access.lockout_start import LockoutStart, SystemLockout
from workflows.access.observation import report_candidate
from workflows.access.protected import ProtectedAccounts, clear_or_refuse
from workflows.context import Context
from workflows.people import Leaver
from workflows.storage.case import person
from workflows.storage.findings import open_of
from workflows.storage.group_commit import run_later
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.watch import FindingKind
from workflows.storage.work import reopen, say
from workflows.systems.registry import System

ACCOUNT_FOUND = sa.insert(ACCOUNT)


class SystemLockouts:
    """Carries out `Access` rows."""

    def __init__(
        self,
        context: Context,
        guards: ProtectedAccounts,
        absence: AbsenceCheck,
        security_channel: str = "",
        stage: StageOf = no_stage,
    ) -> None:
        """`security_channel`: is told, with HR and who asked, that a lock-out fails.

        `stage`: returns the stage of a case that reclaims licences in a system. Without one, all groups are left.
        """
        self._context, self._guards, self._absence, self._stage = context, guards, absence, stage
        self.start, self._record = LockoutStart(context), LockoutRecord(context, security_channel)

    def carry_out(self, job: SystemLockout) -> None:
        """Lock, read back, and record one job that `LockoutStart.begin` returned."""
        seen: dict[str, LockoutResult] = {}
        others: list[tuple[Account, LockoutResult]] = []
        error: ConnectorError | None = None
        try:
            result = self._lock_out(job, seen, others)
        except ConnectorError as caught:
            result, error = LockoutResult(Verdict.UNKNOWN, say(caught), "", complete=False), caught
        except Exception:  # a fault of the program: people hear of it, and the row stays due
            self._context.store.group_write(
                lambda session: self._record.tell(session, job.access.id, failed=True), job.case.id
            )
            raise
        self._record.settle(job.access.id, result, error, seen, others)

    def _lock_out(
        self, job: SystemLockout, seen: dict[str, LockoutResult], others: list[tuple[Account, LockoutResult]]
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
        results += gone_before_lock(job, gone)
        alive = {one.id for one in present} | {AccountId(one) for one in job.known_ids - gone}
        strangers = identity.strangers(
            lookup.accounts,
            {*job.own_links.accounts, *job.known_ids, *alive},
            directory=system.name == self._context.systems.directory,
        )
        match = match_accounts(lookup.accounts, job.own_links.accounts, strangers, alive, job.own_links.denied)
        if match.ambiguous:
            results.append(choose(match, lookup, beside=len(alive)))
        linked, lost = _linked(accounts, job.own_links, match, alive)
        fresh = [one for one in (*match.own, *linked) if one.id not in alive]
        self._lock_each(system, accounts, job, fresh, done, seen, lookup)
        results += done.values()
        results += self._lost(system, job, lookup, lost if results else ())
        if any(row_id in seen and seen[row_id].gone for row_id in done):  # by our lock, which may have made another
            shown = {*alive, *(one.id for one in lookup.accounts)}
            made = [one for one in accounts.find(person(identity.leaver)).accounts if one.id not in shown]
            match = replace(match, others=(*match.others, *made))
        others += self._undecided(accounts, job, match, lookup)
        results += [result for _account, result in others]
        unasked = self._ask_about_others(accounts, job, identity.leaver, lookup)
        lookup = replace(lookup, doubts=(*lookup.doubts, *unasked))
        results += [LockoutResult(Verdict.UNKNOWN, why, lookup.how, complete=False) for why in unasked if results]
        if not results:
            return self._without_account(system, job, lookup, match)
        if gone and strangers and not fresh and not job.nobody:
            results.append(remade(lookup))
        results += [LockoutResult(Verdict.UNKNOWN, one, lookup.how, complete=False) for one in lookup.hidden]
        worst = LockoutResult.worst(results)
        return replace(worst, reason=join("; ", (worst.reason, match.note))) if match.note else worst

    def _ask_about_others(
        self, accounts: Accounts, job: SystemLockout, leaver: Leaver, lookup: Lookup
    ) -> tuple[str, ...]:
        """Report accounts that may be the leaver's, after the locks, until the system has answered once.

        Return the reason for which they are not known.
        """
        if job.access.locked_at is not None:
            return ()
        found, unasked = candidates(accounts, leaver, lookup)
        links = job.own_links
        named = {*job.known_ids, *links.accounts, *links.denied, *(job.kept.logins if job.kept.chosen else ())}
        asked = [one for one in found if one.verdict is not Verdict.LOCKED and one.id not in named]
        if asked:
            with self._context.store.write() as session:
                for account in asked:
                    report_candidate(session, self._context.findings, job.case.id, job.access.system, account)
        return (unasked,) if unasked else ()

    def _lock_each(
        self,
        system: System,
        accounts: Accounts,
        job: SystemLockout,
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
                lockout = AccountLockout(
                    self._context,
                    system,
                    accounts,
                    job.case.wrapped_key,
                    row,
                    immediate=job.case.immediate,
                    noticed=job.kept.lists.get(row.account_id, {}),
                    stage=self._stage,
                )
                result = lockout.run(before)
                seen[row.id] = result = self._with_proof(system, job, row, lookup, result) if lookup else result
            done[row.id] = result

    def _undecided(
        self, accounts: Accounts, job: SystemLockout, match: Match, lookup: Lookup
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
        listed = {one.id: one for one in found if one.verdict in GOOD}  # by the lookup alone, which nobody locked
        wanted = [*told, *listed]
        for account, seen in (accounts.observe(wanted) if wanted else {}).items():
            one = listed.get(account) or Account(account, told[account], "", seen.verdict, _("seen before"))
            found.append(replace(one, verdict=seen.verdict))
        words = _(
            "{login} matches too ({by}), and nobody has said whose it is: "
            "link it, or say with a reason that it is not the leaver's"
        )
        return [
            (one, LockoutResult(one.verdict, words.format(login=one.login, by=one.matched_by), lookup.how, choose=True))
            for one in found
            if one.verdict not in GOOD
        ]

    def _told(self, job: SystemLockout) -> dict[AccountId, str]:
        """Return the accounts of open findings that nobody has linked or denied: account id to log-in."""
        with self._context.store.read() as session:
            return {
                AccountId(finding.account_id): self._context.findings.note(session, finding).login
                for finding in open_of(session, job.case.id, job.access.system)
                if finding.kind == FindingKind.NEW_ACCOUNT
            }

    def _prepare(
        self, system: System, accounts: Accounts, job: SystemLockout, accounts_found: Sequence[Account]
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
                refused[f"{job.access.id}:{account.id}"] = of_another(account, owner)
            else:
                found.append((account, account.before or accounts.before(account.id)))
        rows: dict[str, tuple[LeaverAccount, BeforeImage | None]] = {row.id: (row, None) for row in job.known}
        for row, (_account, before) in zip(self._remember(job, found), found, strict=True):
            rows[row.id] = (row, before)
        return refused, rows

    def _other_owner(self, system: System, job: SystemLockout, account: Account) -> str:
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

    def _remember(self, job: SystemLockout, found: Sequence[tuple[Account, BeforeImage]]) -> list[LeaverAccount]:
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
        self, session: Session, job: SystemLockout, row_id: str, found: Account, before: BeforeImage
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
            data={"system": job.access.system, "account": Personal(found.id), "by": found.matched_by},
        )
        if system.has(ClientBook):
            reopen(session, job.access.id, found.id, self._context.clock.now())
        return row

    def _with_proof(
        self, system: System, job: SystemLockout, row: LeaverAccount, lookup: Lookup, result: LockoutResult
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

    def _lost(
        self, system: System, job: SystemLockout, lookup: Lookup, lost: Sequence[AccountId]
    ) -> list[LockoutResult]:
        """Return the result for linked accounts that are not there by their ids, unless that is proven."""
        if not lost:
            return []
        try:
            doubts = self._absence.doubts(system, lookup, job.data, job.links, by_id=True)
        except ConnectorError as error:  # the other accounts are locked all the same
            doubts = (say(error),)
        if not doubts:
            return []
        logins = ", ".join(job.own_links.accounts[one] for one in lost)
        reason = join("; ", (_("{logins} is linked and not there by its id").format(logins=logins), *doubts))
        return [LockoutResult(Verdict.UNKNOWN, reason, lookup.how, complete=False, choose=True)]

    def _without_account(self, system: System, job: SystemLockout, lookup: Lookup, match: Match) -> LockoutResult:
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


def _read_known(accounts: Accounts, job: SystemLockout) -> tuple[list[Account], list[LockoutResult]]:
    """Read the accounts that earlier attempts found, or that were kept at notice; return them, and what is gone."""
    kept = {
        one: login
        for one, login in job.kept.logins.items()
        if one not in job.known_ids and (job.kept.chosen or one in job.own_links.accounts)
    }
    wanted = [*sorted(job.known_ids), *kept]
    present = accounts.read(wanted) if wanted else {}
    return list(present.values()), missing(job, {one: login for one, login in kept.items() if one not in present})


def _with_unchosen(accounts: Accounts, job: SystemLockout, lookup: Lookup) -> tuple[Account, ...]:
    """Return the accounts of a lookup, with those among which a person was to choose at notice and has not."""
    if job.kept.chosen or job.own_links.accounts or job.known or not job.kept.logins:
        return lookup.accounts
    shown = {one.id for one in lookup.accounts}
    others = accounts.read([one for one in job.kept.logins if one not in shown])
    return (*lookup.accounts, *others.values())


def _linked(
    accounts: Accounts, links: PersonLinks, match: Match, known: Collection[AccountId]
) -> tuple[list[Account], list[AccountId]]:
    """Return the linked accounts that the lookup does not show, as read now, and the ids that are not there."""
    others = [one for one in links.accounts if one not in known and one not in {found.id for found in match.own}]
    present = accounts.read(others) if others else {}
    return (
        [replace(one, matched_by=_("linked by a person")) for one in present.values()],
        [one for one in others if one not in present],
    )
