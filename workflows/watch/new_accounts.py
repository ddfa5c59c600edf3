"""New accounts of past leavers, made or given their address since the lock-out.

Every audit looks up the leavers without an account in a system. A leaver whose account was deleted is looked up as
well, because the account may exist again under another id. A second account beside a locked one shows if the system
lists everybody (`suspects`). The leavers are looked up in rotation as well, because a list may leave somebody out.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.identifiers import plain
from config.text import _
from connectors.contract import Account, AccountId, Accounts, Observation, Roster, Verdict
from connectors.errors import ConnectorError
from workflows.access import observation
from workflows.access.absence import AbsenceCheck, Kind
from workflows.access.account_state import GOOD, SEVERITY
from workflows.access.identity import keep, other_owner, other_persons_accounts, read_directory_entries
from workflows.access.links import PersonLinks, links_of
from workflows.context import Context
from workflows.people import Leaver
from workflows.storage.case import open_case_data, person
from workflows.storage.findings import FindingReport, open_of, still_open
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import Finding, FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import WrongKey
from workflows.systems.registry import System
from workflows.watch.watched_cases import (
    addresses,
    having_accounts,
    in_watched_cases,
    related_in_watched_cases,
    without_accounts,
)

SECOND = (FindingKind.NEW_ACCOUNT, FindingKind.ADDRESS_REUSED)
"""Kinds of finding that a lookup opens, and closes once the lookup no longer shows them."""
READ_TOGETHER = 50
"""Lines whose rows are read together before the lookups: few, so that the rows are fresh."""
MOST = 500
"""Leavers with an account who are looked up in one audit, if the system cannot list everybody."""
BESIDE_LIST = 50
"""The same if it can: lookups that check the list."""


NOT_GOOD = (Verdict.OPEN, Verdict.UNKNOWN)
NOTHING: Mapping[str, Sequence[Account]] = MappingProxyType({})


def _most(system: System) -> int:
    return BESIDE_LIST if system.has(Roster) else MOST


class NewAccounts:
    """Fresh lookups of leavers. Raises what the system raises: a leaver who was not looked up gets no verdict."""

    def __init__(self, context: Context, absence: AbsenceCheck) -> None:
        self._context, self._absence = context, absence

    def look(self, system: System, accounts: Accounts, by: str) -> Counter[str]:
        """Look up everybody without a known account in a system; count the results.

        Leavers whose account is gone or in doubt, or who are next in the rotation, are looked up as well. Of these only
        new accounts count.
        """
        seen: Counter[str] = Counter()
        for page in self._pages(system, without_accounts(system.name)):
            for verdict, new in self._look_up_page(system, accounts, page, by):
                seen[verdict] += max(1, new)
        seen[Verdict.OPEN] += self.look_again(system, accounts, self._again(system), by)
        return seen

    def look_again(
        self,
        system: System,
        accounts: Accounts,
        access_ids: Sequence[str],
        by: str,
        listed: Mapping[str, Sequence[Account]] = NOTHING,
    ) -> int:
        """Look up leavers with known accounts there; return the number of new accounts.

        `listed`: by line, the accounts that the system's list shows for the leaver, whether a lookup does or not.
        """
        found = 0
        for start in range(0, len(access_ids), READ_TOGETHER):
            ids = access_ids[start : start + READ_TOGETHER]
            with self._context.store.read() as session:
                page = session.exec(select(Access).where(col(Access.id).in_(ids)).order_by(col(Access.id))).all()
            found += sum(new for _verdict, new in self._look_up_page(system, accounts, page, by, listed))
        return found

    def audits_per_rotation(self, system: System) -> int:
        """Return the number of audits in which everybody with an account is looked up once; 1: in each."""
        with self._context.store.read() as session:
            lines = session.exec(select(sa.func.count()).select_from(having_accounts(system.name).subquery())).one()
        return -(-lines // _most(system)) or 1

    def suspects(self, system: str, page: Sequence[Account], by: str) -> dict[str, list[Account]]:
        """Return, by the leaver's line, accounts of the page with the leaver's address that its case lacks.

        They are open, or the list does not tell whether they are.

        A line without any account was looked up already: there the account is a finding at once.
        """
        alive = [one for one in page if one.verdict in NOT_GOOD]
        with self._context.store.read() as session:
            hits = in_watched_cases(session, self._context.vault, alive, self._context.clock.now())
            if not hits:
                return {}
            told = {(row.case_id, row.account_id) for row in still_open(session, system, SECOND)}
            rows = [session.get(LeaverAccount, f"{case_id}:{system}:{one.id}") for case_id, one in hits]
            lines = defaultdict[str, list[Account]](list)
            for (case_id, one), row in zip(hits, rows, strict=True):
                if row is None and (case_id, one.id) not in told:
                    lines[f"{case_id}:{system}"].append(one)
            missed = session.exec(without_accounts(system).where(col(Access.id).in_(lines))).all()
            suspect = session.exec(having_accounts(system).where(col(Access.id).in_(lines))).all()
        for access in missed:
            self._report_missed(access, [one for case_id, one in hits if case_id == access.case_id], by)
        shown_open = zip(hits, rows, strict=True)
        self._doubt(
            [row.id for (_id, one), row in shown_open if row and row.verdict in GOOD and one.verdict is Verdict.OPEN],
            system,
            by,
        )
        return {line: lines[line] for line in suspect}

    def ask_about(self, system: str, page: Sequence[Account], by: str) -> None:
        """Report open accounts of the page that may be another one of a past leaver, for a person to judge.

        Such a finding is closed once the list shows the account locked, and a read by its id does, too.
        """
        context, alive = self._context, [one for one in page if one.verdict in NOT_GOOD]
        locked = {one.id for one in page if one.verdict is Verdict.LOCKED}
        with context.store.read() as session:
            told = still_open(session, system, [FindingKind.POSSIBLE])
            hits = related_in_watched_cases(session, context.vault, alive, context.clock.now())
            asked = {(row.case_id, row.account_id) for row in told}
            fresh = [
                (case, one)
                for case_id, one in hits
                if (case_id, one.id) not in asked and (case := self._lacks(session, case_id, system, one)) is not None
            ]
        fresh = [(case, one) for case, one in fresh if not self._is_of_another(case, system, one)]
        settled = self._read_locked(system, [row for row in told if row.account_id in locked])
        if fresh or settled:
            with context.store.write() as session:
                for case, one in fresh:
                    observation.report_candidate(session, context.findings, case.id, system, one, by)
                for row in settled:
                    context.findings.close_resolved(
                        session, FindingReport(FindingKind.POSSIBLE, row.case_id or "", system, row.account_id)
                    )

    def _read_locked(self, system: str, rows: Sequence[Finding]) -> list[Finding]:
        """Return those of some findings whose account a read by its id shows locked. A list may miss a way in."""
        configured = self._context.systems.get(system)
        accounts = configured.having(Accounts) if configured and rows else None
        if accounts is None:
            return []
        seen = observation.observe(accounts, [AccountId(row.account_id) for row in rows], len(rows))
        return [row for row in rows if seen[AccountId(row.account_id)].verdict is Verdict.LOCKED]

    def _lacks(self, session: Session, case_id: str, system: str, account: Account) -> Case | None:
        """Return the case if it has begun in the system, and nobody has said of the account whose it is."""
        access, case = session.get(Access, f"{case_id}:{system}"), session.get_one(Case, case_id)
        links = links_of(session, self._context.vault, [case.leaver_key])[case.leaver_key][system]
        decided = account.id in {*links.accounts, *links.denied}
        known = session.get(LeaverAccount, f"{case_id}:{system}:{account.id}") is not None
        begun = access is not None and access.state != WorkState.CANCELLED
        return case if begun and not (decided or known) else None

    def _is_of_another(self, case: Case, system: str, account: Account) -> bool:
        """Return whether an account is the leaver's by its names, or another person's by the directory.

        Of the leaver's own, `suspects` takes care.
        """
        try:
            leaver = open_case_data(self._context.vault, case).leaver
        except WrongKey:
            return True
        mine = {plain(name) for name in (*leaver.emails, *leaver.logins)}
        if mine & {plain(name) for name in account.names} or account.id == leaver.directory_id:
            return True
        in_directory = system == self._context.systems.directory
        return bool(account.email and not in_directory and other_owner(self._context.systems, leaver, account))

    def _doubt(self, row_ids: Sequence[str], system: str, by: str) -> None:
        """Read locked accounts once more that the list shows open. If the read still differs, nothing is known."""
        configured = self._context.systems.get(system)
        accounts = configured.having(Accounts) if configured else None
        if not row_ids or accounts is None:
            return
        differs = _("the system's list shows the account open, and a read by its id does not")
        with self._context.store.read() as session:
            ids = {row_id: AccountId(session.get_one(LeaverAccount, row_id).account_id) for row_id in row_ids}
        seen = observation.observe(accounts, [*ids.values()], len(ids))
        with self._context.store.write() as session:
            for row_id, account in ids.items():
                now = seen[account]
                if now.verdict in GOOD:
                    now = replace(now, verdict=Verdict.UNKNOWN, reason=differs)
                row, context = session.get_one(LeaverAccount, row_id), self._context
                observation.record(session, context.vault, context.findings, row, now, by, context.clock.now())

    def _report_missed(self, access: Access, listed: list[Account], by: str) -> None:
        """Report open accounts that the system's list shows and its lookup does not."""
        with self._context.store.read() as session:
            case = session.get_one(Case, access.case_id)
        try:
            leaver = open_case_data(self._context.vault, case).leaver
        except WrongKey:
            return
        listed = _matched(listed, leaver)
        others = other_persons_accounts(self._context, leaver, access.system, listed, ())
        mine, theirs = ([one for one in listed if (one.id in others) is other] for other in (False, True))
        worst = min((one.verdict for one in mine), key=SEVERITY.index, default=Verdict(access.verdict))
        seen = Observation(worst, _("shown by the system's list"))
        self._say(access, mine, theirs, seen, by, linked=False, adopt=False, unproven=False)

    def _again(self, system: System) -> list[str]:
        lines, turns = having_accounts(system.name), self.audits_per_rotation(system)
        gone = select(LeaverAccount.access_id).where(
            LeaverAccount.system == system.name, LeaverAccount.verdict == Verdict.ABSENT
        )
        with self._context.store.read() as session:
            told = {f"{row.case_id}:{system.name}" for row in still_open(session, system.name, SECOND)}
            chosen = set[str]()
            if told or session.exec(gone.limit(1)).first():  # without either, the query would read all lines for none
                chosen.update(session.exec(lines.where(sa.or_(col(Access.id).in_(gone), col(Access.id).in_(told)))))
            most, today = _most(system), self._context.clock.now().date().toordinal() % turns
            chosen |= set(session.exec(lines.order_by(col(Access.id)).offset(today * most).limit(most)))
        return sorted(chosen)

    def _pages(self, system: System, query: SelectOfScalar[Access]) -> Iterator[Sequence[Access]]:
        query = query.order_by(col(Access.id)).limit(min(READ_TOGETHER, system.manifest.limits.observe_batch))
        after = ""
        while True:
            with self._context.store.read() as session:
                page = session.exec(query.where(col(Access.id) > after)).all()
            if not page:
                return
            yield page
            after = page[-1].id

    def _look_up_page(
        self,
        system: System,
        accounts: Accounts,
        page: Sequence[Access],
        by: str,
        listed: Mapping[str, Sequence[Account]] = NOTHING,
    ) -> Iterator[tuple[Verdict, int]]:
        """Yield the result of a lookup for each line, and the number of new accounts. The rows are read before."""
        case_ids, rows = [access.case_id for access in page], defaultdict[str, list[LeaverAccount]](list)
        with self._context.store.read() as session:
            cases = {case.id: case for case in session.exec(select(Case).where(col(Case.id).in_(case_ids)))}
            of_page = select(LeaverAccount).where(col(LeaverAccount.access_id).in_([access.id for access in page]))
            for row in session.exec(of_page.order_by(col(LeaverAccount.id))):
                rows[row.access_id].append(row)
            found = select(Finding).where(
                col(Finding.case_id).in_(case_ids), Finding.system == system.name, col(Finding.closed_at).is_(None)
            )
            told = defaultdict[str, list[Finding]](list)
            for finding in session.exec(found):
                told[finding.case_id or ""].append(finding)
            people = [case.leaver_key for case in cases.values()]
            links = links_of(session, self._context.vault, people)
        leavers = self._leavers(cases.values())
        for access in page:
            case = cases[access.case_id]
            yield self._look_up(
                system,
                accounts,
                access,
                case,
                rows[access.id],
                by,
                told=told[case.id],
                links=links[case.leaver_key],
                leavers=leavers,
                listed=listed.get(access.id, ()),
            )

    def _leavers(self, cases: Iterable[Case]) -> dict[str, Leaver]:
        """Return the leavers by case, as the directory knows them now. Without its answer they are as at notice."""
        known: dict[str, Leaver] = {}
        for case in cases:
            with suppress(WrongKey):  # said for the line itself
                known[case.id] = open_case_data(self._context.vault, case).leaver
        with suppress(ConnectorError):  # its own sweep says so
            now = dict(zip(known, read_directory_entries(self._context.systems, [*known.values()]), strict=True))
            for case_id, leaver in now.items():
                if leaver != known[case_id]:
                    keep(self._context, case_id, leaver)
            return now
        return known

    def _look_up(
        self,
        system: System,
        accounts: Accounts,
        access: Access,
        case: Case,
        rows: list[LeaverAccount],
        by: str,
        *,
        told: Sequence[Finding],
        links: Mapping[str, PersonLinks],
        leavers: Mapping[str, Leaver],
        listed: Sequence[Account],
    ) -> tuple[Verdict, int]:
        """Look one leaver up. `told`: the open findings; `listed`: accounts that the system's list shows."""
        try:
            data = open_case_data(self._context.vault, case)
            data = replace(data, leaver=leavers.get(case.id, data.leaver))
            lookup = accounts.find(person(data.leaver))
            known = {row.account_id for row in rows}
            shown = {one.id for one in lookup.accounts}
            found = [*lookup.accounts, *_matched([one for one in listed if one.id not in shown], data.leaver)]
            others = other_persons_accounts(self._context, data.leaver, system.name, found, known)
            fresh = [one for one in found if one.id not in known]
            denied = links[system.name].denied
            matched = {one.id for one in found} - others
            undecided = self._undecided(told, {*known, *denied, *matched})
            fresh = [one for one in fresh if one.id not in denied]
            mine = [one for one in _read_again(accounts, fresh) if one.id not in others]
            mine = [observation.imaged(accounts, one) for one in mine]
            if undecided:  # a lookup no longer shows them, or their address is another's now: both prove nothing
                seen_now = accounts.observe(list(undecided))
                mine += [
                    Account(one, undecided[one], "", seen.verdict, _("seen before"))
                    for one, seen in seen_now.items()
                    if seen.verdict in (Verdict.OPEN, Verdict.UNKNOWN)
                ]
        except WrongKey as error:
            why = _("whom to look for cannot be opened: {why}").format(why=_(str(error)))
            watched = access.verdict != Verdict.UNKNOWN and bool(rows)  # the accounts themselves are read even so
            return (Verdict(access.verdict) if watched else self._unknown(access, why, by)), 0
        except observation.MALFORMED as error:
            return self._unknown(access, observation.malformed(error), by), 0
        verdicts = [*(Verdict(row.verdict) for row in rows), *(one.verdict for one in mine)] or [Verdict.ABSENT]
        seen = Observation(min(verdicts, key=SEVERITY.index), lookup.how)
        absent = seen.verdict is Verdict.ABSENT
        if absent:
            seen = self._absence.judge(system, lookup, data, links, gone=[row.account_id for row in rows])
        theirs = [one for one in observation.new_accounts(fresh, rows) if one.id in others]
        unproven = seen.verdict is Verdict.UNKNOWN and absent
        if mine or theirs or told or unproven or (absent and seen.verdict != access.verdict):
            linked = bool(links[system.name].accounts)
            self._say(access, mine, theirs, seen, by, linked=linked, adopt=not rows, unproven=unproven)
        return seen.verdict, len(observation.new_accounts(mine, rows))

    def _undecided(self, told: Sequence[Finding], known: Collection[str]) -> dict[AccountId, str]:
        """Return the accounts of open findings that are not among `known`: account id to log-in."""
        if not told:
            return {}
        with self._context.store.read() as session:
            return {
                AccountId(row.account_id): self._context.findings.note(session, row).login
                for row in told
                if row.kind == FindingKind.NEW_ACCOUNT and row.account_id not in known
            }

    def _say(
        self,
        access: Access,
        mine: list[Account],
        theirs: list[Account],
        seen: Observation,
        by: str,
        *,
        linked: bool,
        adopt: bool,
        unproven: bool,
    ) -> None:
        """Write new results. `adopt`: no account was known, so a locked one gets a row and is watched.

        `unproven`: nothing was found, and that is no proof.
        """
        kind = FindingKind.NOT_LINKED if adopt else FindingKind.NOT_VERIFIED
        new = observation.new_accounts(mine, ())
        locked = [one for one in mine if adopt and one.verdict is Verdict.LOCKED]
        shown = {str(one.id) for one in (*new, *theirs)}
        with self._context.store.read() as session:
            told = [
                row  # opened by a lookup, so that another one may close it
                for row in open_of(session, access.case_id, access.system)
                if row.kind in SECOND
                or (row.kind == FindingKind.NOT_VERIFIED and not row.account_id)
                or (row.kind == FindingKind.NOT_LINKED and access.state == WorkState.DONE)
            ]
        changed = seen.verdict != access.verdict and (unproven or seen.verdict is Verdict.ABSENT)
        if not (shown or told or locked or unproven or changed):
            return
        with self._context.store.write() as session:
            # The lookup took a while: accounts that were stored meanwhile are not new.
            new, locked = (
                [one for one in found if session.get(LeaverAccount, f"{access.id}:{one.id}") is None]
                for found in (new, locked)
            )
            for account in theirs:
                observation.report_reused_address(
                    session, self._context.findings, access.case_id, access.system, account, by
                )
            for account in new:
                observation.report_new_account(
                    session, self._context.findings, access.case_id, access.system, account, by, linked=linked
                )
            if unproven:
                report = FindingReport(kind, access.case_id, access.system, "", seen.reason)
                self._context.findings.report(session, report, by)
            for row in told:
                if row.account_id not in shown and not (unproven and row.kind == kind):
                    self._context.findings.close_resolved(
                        session, FindingReport(FindingKind(row.kind), access.case_id, access.system, row.account_id)
                    )
            now, case = self._context.clock.now(), session.get_one(Case, access.case_id)
            for account in locked:
                observation.adopt(
                    session, self._context.vault, self._context.journal, case, access.id, account, seen.how, now
                )
            session.flush()
            changed = changed or access.verdict == Verdict.OPEN != seen.verdict
            if access.state == WorkState.DONE and (new or locked or changed):
                if new or not unproven:
                    made = _("an account was made or renamed since the lock-out")
                    seen = replace(seen, reason=made if new else "")
                observation.update_access_verdict(
                    session, self._context.vault, self._context.journal, access.id, seen, now, choose=unproven
                )

    def _unknown(self, access: Access, why: str, by: str) -> Verdict:
        with self._context.store.write() as session:
            self._context.findings.report(
                session, FindingReport(FindingKind.NOT_VERIFIED, access.case_id, access.system, "", why), by
            )
        return Verdict.UNKNOWN


def _read_again(accounts: Accounts, found: Sequence[Account]) -> list[Account]:
    """Return accounts of a lookup, those shown locked with the verdict of a read by their id.

    A lookup may not see what a read does: another way in, or a policy that does not enforce the lock.
    """
    locked = [one.id for one in found if one.verdict is Verdict.LOCKED]
    seen = observation.observe(accounts, locked, len(locked)) if locked else {}
    return [replace(one, verdict=seen[one.id].verdict) if one.id in seen else one for one in found]


def _matched(listed: Sequence[Account], leaver: Leaver) -> list[Account]:
    """Return accounts of a list with what they match a leaver by."""
    emails = {plain(email) for email in leaver.emails}
    by_address = [any(plain(email) in emails for email in addresses(one)) for one in listed]
    kinds = [Kind.ADDRESS if by else Kind.LOGIN for by in by_address]
    return [replace(one, matched_by=_(kind.value)) for one, kind in zip(listed, kinds, strict=True)]
