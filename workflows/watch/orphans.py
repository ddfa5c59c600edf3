"""Findings from lists of everybody: orphans, dormant accounts, and second accounts of past leavers.

Orphans are alive although the company's directory has disabled the person. Each system is listed once, and each page is
checked for all three.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice

from config.text import _, ngettext
from connectors.contract import Account as Found
from connectors.contract import Accounts, Roster, Verdict
from connectors.errors import ConnectorError, Unavailable
from workflows.access import observation
from workflows.context import Context
from workflows.storage.findings import FindingReport, still_open
from workflows.storage.rows.watch import FindingKind
from workflows.systems.registry import System
from workflows.watch.new_accounts import NewAccounts
from workflows.watch.parallel import at_once
from workflows.watch.sweep import SweepCounts
from workflows.watch.watched_cases import in_cases


class DormantAccounts:
    """Check for dormant accounts on pages that another reader provides.

    An account without a known last log-in is never named.
    """

    def __init__(self, context: Context, after: timedelta) -> None:
        """Take `after`, the time without a log-in. Zero: nothing is looked for, and earlier findings are closed."""
        self._store, self._vault, self._findings = context.store, context.vault, context.findings
        self._clock, self.after = context.clock, after

    def look(self, system: str, page: Sequence[Found], by: str) -> set[str]:
        """Open a finding for every dormant account without a case; return the accounts."""
        since = self._clock.now() - self.after
        hits = [one for one in page if one.verdict is Verdict.OPEN and one.last_login and one.last_login < since]
        if not hits or not self.after:
            return set()
        with self._store.write() as session:
            about = in_cases(session, self._vault, system, hits)
            dormant = [one for one in hits if one.id not in about]
            for one in dormant:
                self._findings.report(session, _sighting(system, one), by)
        return {str(one.id) for one in dormant}


def _sighting(system: str, one: Found) -> FindingReport:
    day = one.last_login.date().isoformat() if one.last_login else ""
    detail = _("alive, and the last log-in that the system tells was on {day}").format(day=day)
    return FindingReport(FindingKind.DORMANT, "", system, one.id, detail, one.name, one.email, one.login)


PAGE = 500
UNREADABLE = (ConnectorError, *observation.MALFORMED)
"""Errors of a list. One unreadable record spoils the list, and nothing else."""


class Orphans:
    """Comparison of the directory with every other system by address, never by name."""

    def __init__(self, context: Context, dormant: DormantAccounts, newcomers: NewAccounts) -> None:
        self._store, self._vault, self._findings = context.store, context.vault, context.findings
        self._systems, self._directory = context.systems, context.systems.directory
        self._dormant, self._newcomers = dormant, newcomers

    def look(self, by: str, tally: SweepCounts) -> None:
        """Open and close findings. Add the new ones, and the systems that could not be checked, to the tally."""
        others = [one for one, _accounts in self._systems.with_capability(Accounts) if one.name != self._directory]
        disabled: set[int] | None = None
        try:
            disabled = self._disabled(by, tally, whole=bool(others or self._dormant.after))
        except UNREADABLE as error:
            words = _("orphans were not looked for: the directory was not read ({why})")
            tally.not_looked.append(words.format(why=observation.malformed(error)))
        else:
            if disabled is None and others:
                tally.not_looked.append(_("orphans were not looked for: the directory cannot list everybody"))
        for seen in at_once(lambda system: self._look(system, disabled, by), others):
            tally.merge(seen)

    def _disabled(self, by: str, tally: SweepCounts, *, whole: bool) -> set[int] | None:
        """Return the addresses that only locked entries have, as numbers to save memory.

        None: the directory cannot list everybody. If not `whole`, locked entries are not needed now.
        """
        system = self._systems.get(self._directory)
        roster = system.having(Roster) if system else None
        if system is None or roster is None:
            return None
        locked, alive, dormant, second = set[int](), set[int](), set[str](), set[str]()
        for page in _pages(roster.everyone() if whole else roster.alive()):
            for account in page:
                (locked if account.verdict is Verdict.LOCKED else alive).update(_addresses(account))
            dormant |= self._dormant.look(self._directory, page, by)
            second |= self._suspects(self._directory, page)
        if whole and not (locked or alive):
            raise Unavailable(_("it shows nobody with an address, which is not believed"))
        self._settle(self._directory, FindingKind.DORMANT, dormant)
        self._again(system, second, by, tally)
        return locked - alive

    def _look(self, system: System, disabled: set[int] | None, by: str) -> SweepCounts:
        roster, tally = system.having(Roster), SweepCounts()
        if roster is None:
            if disabled is not None:
                words = _("orphans were not looked for in {system}: it cannot list everybody")
                tally.not_looked.append(words.format(system=system.name))
            self._say_turns(system, tally)
            return tally
        try:
            self._read(system, roster, disabled, by, tally)
        except UNREADABLE as error:
            words = _("orphans were not looked for in {system}: {why}")
            tally.not_looked.append(words.format(system=system.name, why=observation.malformed(error)))
        return tally

    def _read(self, system: System, roster: Roster, disabled: set[int] | None, by: str, tally: SweepCounts) -> None:
        orphans, dormant, second, nobody = set[str](), set[str](), set[str](), True
        for page in _pages(roster.everyone()):
            nobody = False
            hits = [one for one in page if disabled and one.verdict is Verdict.OPEN and disabled & _addresses(one)]
            orphans |= self._record(system.name, hits, by)
            dormant |= self._dormant.look(system.name, [one for one in page if one.id not in orphans], by)
            second |= self._suspects(system.name, page)
        if nobody:
            raise Unavailable(_("it shows nobody, which is not believed"))
        if disabled is not None:
            self._settle(system.name, FindingKind.ORPHAN, orphans)
        self._settle(system.name, FindingKind.DORMANT, dormant)
        self._again(system, second, by, tally)

    def _suspects(self, system: str, page: list[Found]) -> set[str]:
        with self._store.read() as session:
            return self._newcomers.suspects(session, system, page)

    def _again(self, system: System, access_ids: set[str], by: str, tally: SweepCounts) -> None:
        accounts = system.having(Accounts)
        if accounts and access_ids:
            tally.verdicts[Verdict.OPEN] += self._newcomers.look_again(system, accounts, sorted(access_ids), by)

    def _say_turns(self, system: System, tally: SweepCounts) -> None:
        turns = self._newcomers.audits_per_rotation(system)
        if turns > 1:
            words = ngettext(
                "second accounts in {system}: each leaver is looked up every {count} day, as it cannot list everybody",
                "second accounts in {system}: each leaver is looked up every {count} days, as it cannot list everybody",
                turns,
            )
            tally.not_looked.append(words.format(system=system.name, count=turns))

    def _settle(self, system: str, kind: FindingKind, seen: set[str]) -> None:
        """Close the findings that a complete list no longer shows."""
        with self._store.write() as session:
            for row in still_open(session, system, [kind]):
                if row.account_id not in seen:
                    self._findings.close(session, row)

    def _record(self, system: str, hits: list[Found], by: str) -> set[str]:
        if not hits:
            return set()
        with self._store.write() as session:
            known = in_cases(session, self._vault, system, hits)
            orphans = [one for one in hits if one.id not in known]
            for one in orphans:
                detail = _("alive here, disabled in the directory, and no case is about this person")
                sighting = FindingReport(FindingKind.ORPHAN, "", system, one.id, detail, one.name, one.email, one.login)
                self._findings.report(session, sighting, by)
        return {str(one.id) for one in orphans}


def _addresses(account: Found) -> set[int]:
    return {hash(one.casefold()) for one in (account.email, *account.also) if one}


def _pages(accounts: Iterator[Found]) -> Iterator[list[Found]]:
    while page := list(islice(accounts, PAGE)):
        yield page
