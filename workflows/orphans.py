"""Accounts that no case is about: alive though the company's directory has disabled the person, or dormant.

Everybody is listed once, system by system, and each page is looked at for both.
"""

from collections.abc import Iterator
from itertools import islice

from config.text import _
from connectors.contract import Account as Found
from connectors.contract import Accounts, Roster, Verdict
from connectors.errors import ConnectorError
from workflows.dormant import Dormant
from workflows.findings import DORMANT, ORPHAN, Findings, Sighting, still_open
from workflows.pastcases import in_cases
from workflows.ports import Clock
from workflows.store import Store
from workflows.systems import System, Systems
from workflows.vault import Vault
from workflows.work import say

PAGE = 500


class Orphans:
    """Compares the directory with every other system, address by address; nobody is ever matched by name."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        findings: Findings,
        systems: Systems,
        clock: Clock,
        directory: str,
        dormant: Dormant,
    ) -> None:
        """`directory`: the system that knows everybody."""
        self._store = store
        self._vault = vault
        self._findings = findings
        self._systems = systems
        self._clock = clock
        self._directory = directory
        self._dormant = dormant

    def look(self, by: str) -> list[str]:
        """Open and close findings; return a sentence for every system in which nobody could be looked for."""
        everywhere = [system for system, _accounts in self._systems.with_capability(Accounts)]
        others = [system for system in everywhere if system.name != self._directory]
        if not others and not self._dormant.after:
            return []
        try:
            disabled = self._disabled(by)
        except ConnectorError as error:
            return [_("orphans were not looked for: the directory was not read ({why})").format(why=say(error))]
        if disabled is None:
            return [_("orphans were not looked for: the directory cannot list everybody")]
        return [word for system in others if (word := self._look(system, disabled, by))]

    def _disabled(self, by: str) -> set[int] | None:
        """Return the addresses that stand on locked entries only, as numbers to spare memory."""
        system = self._systems.get(self._directory)
        roster = system.having(Roster) if system else None
        if roster is None:
            return None
        locked, alive, dormant = set[int](), set[int](), set[str]()
        for page in _pages(roster.everyone()):
            for account in page:
                if account.email:
                    (locked if account.verdict is Verdict.LOCKED else alive).add(_number(account.email))
            dormant |= self._dormant.look(self._directory, page, by)
        self._settle(self._directory, DORMANT, dormant)
        return locked - alive

    def _look(self, system: System, disabled: set[int], by: str) -> str:
        roster = system.having(Roster)
        if roster is None:
            return _("orphans were not looked for in {system}: it cannot list everybody").format(system=system.name)
        orphans, dormant = set[str](), set[str]()
        try:
            for page in _pages(roster.everyone()):
                hits = [one for one in page if one.verdict is Verdict.OPEN and _number(one.email) in disabled]
                orphans |= self._record(system.name, [one for one in hits if one.email], by)
                dormant |= self._dormant.look(system.name, [one for one in page if one.id not in orphans], by)
        except ConnectorError as error:
            return _("orphans were not looked for in {system}: {why}").format(system=system.name, why=say(error))
        self._settle(system.name, ORPHAN, orphans)
        self._settle(system.name, DORMANT, dormant)
        return ""

    def _settle(self, system: str, kind: str, seen: set[str]) -> None:
        """Close what a list that was read to its end did not show again."""
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
                sighting = Sighting(ORPHAN, "", system, one.id, detail, one.name, one.email, one.login)
                self._findings.see(session, sighting, by)
        return {str(one.id) for one in orphans}


def _number(email: str) -> int:
    return hash(email.casefold())


def _pages(accounts: Iterator[Found]) -> Iterator[list[Found]]:
    while page := list(islice(accounts, PAGE)):
        yield page
