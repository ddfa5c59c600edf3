"""Past leavers who had no account in a system: one may have been made, or given their address, since."""

from collections import Counter
from collections.abc import Iterator

from sqlmodel import col

from config.text import _
from connectors.contract import Account as Found
from connectors.contract import Accounts, Observation, Verdict
from workflows import watch
from workflows.cases import person, read_case
from workflows.findings import Findings, Sighting, still_open
from workflows.matching import strangers
from workflows.model import Access
from workflows.pastcases import without_accounts
from workflows.ports import Clock
from workflows.store import Store
from workflows.systems import System, Systems
from workflows.vault import Vault, WrongKey

UNREAD = "not verified"


class Newcomers:
    """Looks people up afresh. Raises what the system raises: nothing is claimed about those who were not looked up."""

    def __init__(self, store: Store, vault: Vault, findings: Findings, systems: Systems, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._findings = findings
        self._systems = systems
        self._clock = clock

    def look(self, system: System, accounts: Accounts, by: str) -> Counter[str]:
        """Look up everybody who has no account in a system as far as is known; count what was seen."""
        seen: Counter[str] = Counter()
        with self._store.read() as session:
            doubted = {row.case_id for row in still_open(session, system.name, [UNREAD])}
        for access in self._lines(system):
            verdict = self._look_up(system, accounts, access, by)
            seen[verdict] += 1
            if access.case_id in doubted and verdict is not Verdict.UNKNOWN:
                with self._store.write() as session:
                    self._findings.clear(session, Sighting(UNREAD, access.case_id, system.name))
        return seen

    def _lines(self, system: System) -> Iterator[Access]:
        query = without_accounts(system.name).order_by(col(Access.id)).limit(system.manifest.limits.observe_batch)
        after = ""
        while True:
            with self._store.read() as session:
                page = session.exec(query.where(col(Access.id) > after)).all()
            if not page:
                return
            yield from page
            after = page[-1].id

    def _look_up(self, system: System, accounts: Accounts, access: Access, by: str) -> Verdict:
        try:
            with self._store.read() as session:
                _case, data = read_case(session, self._vault, access.case_id)
                rows = watch.known(session, access.id)
            lookup = accounts.find(person(data.leaver))
        except WrongKey as error:
            return self._unknown(access, _("whom to look for cannot be opened: {why}").format(why=_(str(error))), by)
        except watch.MALFORMED as error:
            return self._unknown(access, watch.malformed(error), by)
        found = watch.newcomers(lookup.accounts, rows)
        others = strangers(self._systems, data.leaver, system.name, found, ())
        new = [one for one in found if one.id not in others]
        self._say(access, new, [one for one in found if one.id in others], lookup.how, by)
        return Verdict.OPEN if new else Verdict.ABSENT

    def _say(self, access: Access, new: list[Found], others: list[Found], how: str, by: str) -> None:
        if not new and not others:
            return
        with self._store.write() as session:
            for account in others:
                watch.see_stranger(session, self._findings, access.case_id, access.system, account, by)
            for account in new:
                watch.see_newcomer(session, self._findings, access.case_id, access.system, account, by)
            if new:
                words = Observation(Verdict.OPEN, how, _("an account was made or renamed since the lock-out"))
                watch.follow(session, self._vault, access.id, words, self._clock.now())

    def _unknown(self, access: Access, why: str, by: str) -> Verdict:
        with self._store.write() as session:
            self._findings.see(session, Sighting(UNREAD, access.case_id, access.system, "", why), by)
        return Verdict.UNKNOWN
