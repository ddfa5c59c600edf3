"""Findings from lists of everybody: orphans, dormant accounts, and second accounts of past leavers.

Orphans are alive although the company's directory has disabled the person. Each system is listed once, and each page is
checked for all three.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from config.identifiers import plain
from config.text import N_, _, ngettext
from connectors.contract import Account, Accounts, Roster, Verdict
from connectors.errors import ConnectorError, Unavailable
from workflows.access import observation
from workflows.access.absence import Kind
from workflows.context import Context
from workflows.storage.findings import FindingReport, still_open
from workflows.storage.rows.watch import FindingKind
from workflows.systems.registry import System
from workflows.watch.new_accounts import NOT_GOOD, NewAccounts
from workflows.watch.sweep import SweepCounts, at_once
from workflows.watch.watched_cases import addresses, in_cases, logins

PAGE = 500
NOT_LOOKED = N_("orphans were not looked for in {system}: {why}")
UNREADABLE = (ConnectorError, *observation.MALFORMED)
"""Errors of a list. One unreadable record spoils the list, and nothing else."""


class Orphans:
    """Comparison of the directory with every other system by address, or by log-in where an account has no address."""

    def __init__(self, context: Context, dormant: timedelta, newcomers: NewAccounts) -> None:
        """Take `dormant`, a time without a log-in. Zero: no account is dormant, and earlier findings are closed."""
        self._context, self._directory = context, context.systems.directory
        self._dormant, self._newcomers = dormant, newcomers

    def look(self, by: str, tally: SweepCounts) -> None:
        """Open and close findings. Add the new ones, and the systems that could not be checked, to the tally."""
        others = [
            one for one, _accounts in self._context.systems.with_capability(Accounts) if one.name != self._directory
        ]
        disabled: set[int] | None = None
        try:
            disabled = self._disabled(by, tally, whole=bool(others or self._dormant))
        except UNREADABLE as error:
            words = _("orphans were not looked for: the directory was not read ({why})")
            tally.not_looked.append(words.format(why=observation.malformed(error)))
        else:
            if disabled is None and others:
                tally.not_looked.append(_("orphans were not looked for: the directory cannot list everybody"))
        for seen in at_once(lambda system: self._look(system, disabled, by), others):
            tally.merge(seen)

    def _disabled(self, by: str, tally: SweepCounts, *, whole: bool) -> set[int] | None:
        """Return the addresses and log-ins that only locked entries have, as numbers to save memory.

        None: the directory cannot list everybody. If not `whole`, locked entries are not needed now.
        """
        system = self._context.systems.get(self._directory)
        roster = system.having(Roster) if system else None
        if system is None or roster is None:
            return None
        locked, alive, dormant, named = set[int](), set[int](), set[str](), False
        second: dict[str, list[Account]] = {}
        try:
            for page in _pages(roster.everyone() if whole else roster.alive()):
                for account in page:
                    (locked if account.verdict is Verdict.LOCKED else alive).update(
                        _addresses(account), _logins(account)
                    )
                    named = named or bool(addresses(account))
                dormant |= self._record_dormant(self._directory, page, by)
                _join(second, self._newcomers.suspects(self._directory, page, by))
                self._newcomers.ask_about(self._directory, page, by)
        finally:  # an error at the end of a list takes back nothing of what it showed
            self._again(system, second, by, tally)
        if whole and not named:
            raise Unavailable(_("it shows nobody with an address, which is not believed"))
        self._settle(self._directory, FindingKind.DORMANT, dormant)
        return locked - alive

    def _look(self, system: System, disabled: set[int] | None, by: str) -> SweepCounts:
        roster, tally = system.having(Roster), SweepCounts()
        if roster is None:
            if disabled is not None:
                words = _("orphans were not looked for in {system}: it cannot list everybody")
                tally.not_looked.append(words.format(system=system.name))
            turns = self._newcomers.audits_per_rotation(system)
            if turns > 1:
                words = ngettext(
                    "second accounts in {system}: each leaver is looked up every {count} day, "
                    "as it cannot list everybody",
                    "second accounts in {system}: each leaver is looked up every {count} days, "
                    "as it cannot list everybody",
                    turns,
                )
                tally.not_looked.append(words.format(system=system.name, count=turns))
            return tally
        try:
            self._read(system, roster, disabled, by, tally)
        except UNREADABLE as error:
            tally.not_looked.append(_(NOT_LOOKED).format(system=system.name, why=observation.malformed(error)))
        return tally

    def _read(self, system: System, roster: Roster, disabled: set[int] | None, by: str, tally: SweepCounts) -> None:
        orphans, unread, dormant, nobody = set[str](), set[str](), set[str](), True
        second: dict[str, list[Account]] = {}
        try:
            for page in _pages(roster.everyone()):
                nobody = False
                hits = [
                    one
                    for one in page
                    if one.verdict in NOT_GOOD and disabled and disabled & (_addresses(one) or _logins(one))
                ]
                alive = [one for one in hits if one.verdict is Verdict.OPEN]
                orphans |= self._record(FindingKind.ORPHAN, system.name, alive, by)
                unread |= self._without_case(system.name, [one for one in hits if one.verdict is Verdict.UNKNOWN])
                dormant |= self._record_dormant(system.name, [one for one in page if one.id not in orphans], by)
                _join(second, self._newcomers.suspects(system.name, page, by))
                self._newcomers.ask_about(system.name, page, by)
        finally:
            self._again(system, second, by, tally)
        if nobody:
            raise Unavailable(_("it shows nobody, which is not believed"))
        if disabled is not None:
            self._settle(system.name, FindingKind.ORPHAN, orphans | unread)
        if unread:
            why = ngettext(
                "the list does not tell whether {count} account is locked",
                "the list does not tell whether {count} accounts are locked",
                len(unread),
            ).format(count=len(unread))
            tally.not_looked.append(_(NOT_LOOKED).format(system=system.name, why=why))
        self._settle(system.name, FindingKind.DORMANT, dormant)

    def _without_case(self, system: str, accounts: list[Account]) -> set[str]:
        if not accounts:
            return set()
        with self._context.store.read() as session:
            return {str(one.id) for one in accounts} - in_cases(session, self._context.vault, system, accounts)

    def _again(self, system: System, listed: dict[str, list[Account]], by: str, tally: SweepCounts) -> None:
        accounts = system.having(Accounts)
        if accounts and listed:
            tally.verdicts[Verdict.OPEN] += self._newcomers.look_again(system, accounts, sorted(listed), by, listed)

    def _settle(self, system: str, kind: FindingKind, seen: set[str]) -> None:
        """Close the findings that a complete list no longer shows."""
        with self._context.store.write() as session:
            for row in still_open(session, system, [kind]):
                if row.account_id not in seen:
                    self._context.findings.close(session, row)

    def _record_dormant(self, system: str, page: list[Account], by: str) -> set[str]:
        """Record the dormant accounts. An account without a known last log-in is never named."""
        since = self._context.clock.now() - self._dormant
        hits = [one for one in page if one.verdict is Verdict.OPEN and one.last_login and one.last_login < since]
        return self._record(FindingKind.DORMANT, system, hits, by) if self._dormant else set()

    def _record(self, kind: FindingKind, system: str, hits: list[Account], by: str) -> set[str]:
        """Open a finding for every account without a case; return the accounts."""
        if not hits:
            return set()
        with self._context.store.write() as session:
            known = in_cases(session, self._context.vault, system, hits)
            without_case = [one for one in hits if one.id not in known]
            for one in without_case:
                detail = _("alive here, disabled in the directory, and no case is about this person")
                if kind is FindingKind.DORMANT and one.last_login:
                    detail = _("alive, and the last log-in that the system tells was on {day}").format(
                        day=one.last_login.date().isoformat()
                    )
                sighting = FindingReport(kind, "", system, one.id, detail, one.name, one.email, one.login)
                self._context.findings.report(session, sighting, by)
        return {str(one.id) for one in without_case}


def _join(lines: dict[str, list[Account]], more: Mapping[str, list[Account]]) -> None:
    for line, accounts in more.items():
        lines.setdefault(line, []).extend(accounts)


def _addresses(account: Account) -> set[int]:
    return {hash(one.casefold()) for one in addresses(account)}


def _logins(account: Account) -> set[int]:
    """Return the log-ins, apart from addresses: they tell whose an account is only if it has no address."""
    return {hash((Kind.LOGIN, plain(one))) for one in logins(account)}


def _pages(accounts: Iterator[Account]) -> Iterator[list[Account]]:
    """Yield a list in pages; before an error, what was read until then."""
    page: list[Account] = []
    try:
        for account in accounts:
            page.append(account)
            if len(page) == PAGE:
                yield page
                page = []
    except UNREADABLE:
        if page:
            yield page
        raise
    if page:
        yield page
