"""Accounts that are alive in a system although the company's directory has disabled the person, and no case knows."""

from collections.abc import Iterator
from itertools import islice

from sqlmodel import Session, col, select

from connectors.contract import Account as Found
from connectors.contract import Accounts, Roster, Verdict
from connectors.errors import ConnectorError
from workflows.cases import UNWATCHED
from workflows.findings import ORPHAN, Findings, Sighting, still_open
from workflows.model import Account, Case
from workflows.ports import Clock
from workflows.store import Store
from workflows.systems import System, Systems
from workflows.vault import Vault
from workflows.work import say

PAGE = 500


class Orphans:
    """Compares the directory with every other system, address by address; nobody is ever matched by name."""

    def __init__(
        self, store: Store, vault: Vault, findings: Findings, systems: Systems, clock: Clock, directory: str
    ) -> None:
        """`directory`: the system that knows everybody."""
        self._store = store
        self._vault = vault
        self._findings = findings
        self._systems = systems
        self._clock = clock
        self._directory = directory

    def look(self, by: str) -> list[str]:
        """Open and close findings; return a sentence for every system in which nobody could be looked for."""
        others = [system for system, _ in self._systems.with_capability(Accounts) if system.name != self._directory]
        if not others:
            return []
        try:
            disabled = self._disabled()
        except ConnectorError as error:
            return [f"orphans were not looked for: the directory was not read ({say(error)})"]
        if disabled is None:
            return ["orphans were not looked for: the directory cannot list everybody"]
        return [word for system in others if (word := self._look(system, disabled, by))]

    def _disabled(self) -> set[int] | None:
        """Return the addresses that stand on locked entries only, as numbers to spare memory."""
        system = self._systems.get(self._directory)
        roster = system.having(Roster) if system else None
        if roster is None:
            return None
        locked, alive = set[int](), set[int]()
        for account in roster.everyone():
            if account.email:
                (locked if account.verdict is Verdict.LOCKED else alive).add(_number(account.email))
        return locked - alive

    def _look(self, system: System, disabled: set[int], by: str) -> str:
        roster = system.having(Roster)
        if roster is None:
            return f"orphans were not looked for in {system.name}: it cannot list everybody"
        began = self._clock.now()
        seen: set[str] = set()
        try:
            for page in _pages(roster.everyone()):
                hits = [one for one in page if one.verdict is Verdict.OPEN and _number(one.email) in disabled]
                seen |= self._record(system.name, [one for one in hits if one.email], by)
        except ConnectorError as error:
            return f"orphans were not looked for in {system.name}: {say(error)}"
        with self._store.write() as session:
            for row in still_open(session, system.name, [ORPHAN]):
                if row.account_id not in seen and row.last_seen <= began:
                    self._findings.close(session, row)
        return ""

    def _record(self, system: str, hits: list[Found], by: str) -> set[str]:
        if not hits:
            return set()
        with self._store.write() as session:
            known = self._known(session, system, hits)
            orphans = [one for one in hits if one.id not in known]
            for one in orphans:
                detail = "alive here, disabled in the directory, and no case is about this person"
                sighting = Sighting(ORPHAN, "", system, one.id, detail, one.name, one.email, one.login)
                self._findings.see(session, sighting, by)
        return {str(one.id) for one in orphans}

    def _known(self, session: Session, system: str, hits: list[Found]) -> set[str]:
        """Return which accounts a case is about already: by their id, or by the person's address."""
        keys = {self._vault.blind("mail:" + one.email.casefold()): str(one.id) for one in hits}
        here = select(Account.account_id).where(
            Account.system == system, col(Account.account_id).in_([str(one.id) for one in hits])
        )
        cases = select(Case.mail_key).where(col(Case.mail_key).in_(list(keys)), col(Case.state).not_in(UNWATCHED))
        return set(session.exec(here)) | {keys[key] for key in session.exec(cases)}


def _number(email: str) -> int:
    return hash(email.casefold())


def _pages(accounts: Iterator[Found]) -> Iterator[list[Found]]:
    while page := list(islice(accounts, PAGE)):
        yield page
