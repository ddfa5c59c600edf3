"""Many leavers with accounts, groups and deals in real servers, and counts of effects from the servers' own logs."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import ldap

from tests.sandbox.company import ldif, slapd_conf, tryton_seed
from tests.sandbox.company.clients import Deal
from tests.sandbox.company.people import Employee, Team
from tests.sandbox.company.slapd import LOCK, Slapd
from tests.sandbox.company.tryton import Tryton
from tests.sandbox.practice import Practice

GROUPS = ("leavers one", "leavers two", "leavers three")
DEALS = 12
STAYS = "erika.board"
"""A group must not become empty."""
CHANGED = re.compile(rb"^member:([-+]) (.*)$")


@dataclass(frozen=True, slots=True)
class Tally:
    """Faults in the servers' logs: effects that are missing, and those that were done more than once."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def count(self, what: str, times: int) -> None:
        """Count one effect, which must exist once."""
        if times == 0:
            self.lost.append(what)
        elif times > 1:
            self.doubled.append(f"{what} ({times} times)")


class LeaverAccounts:
    """Accounts of the leavers in each server, by number."""

    def __init__(self, practice: Practice, size: int) -> None:
        """Create the accounts in each server."""
        self.people = [
            Employee(f"leaver-{n:03}", f"Leaver {n:03}", Team.SUPPORT, "Temp", "grace.muller", crm=True)
            for n in range(size)
        ]
        self._directory, self._crm = practice.directory, practice.crm
        enrol(practice.directory, self.people)
        self.deals = hire(practice.crm, self.people)

    def judge(self, people: Sequence[Employee], undone: Collection[str] = ()) -> Tally:
        """Count effects for these leavers in the directory's access log and the CRM's model log.

        `undone`: the log-ins of those whose access was given back: the lock, its end, and every group both ways, once.
        """
        tally = Tally()
        writes, changes = self._directory.writes(), _memberships(self._directory)
        entries = self._directory.entries("(uid=leaver-*)")
        owners = self._crm.owners()
        for person in people:
            dn, back = ldif.person_dn(person.uid), person.uid in undone
            access = f"{person.uid} locked{' and open again' * back}"
            _both(tally, f"{access} in the directory", writes[dn], (LOCK in entries[person.uid]) != back, back)
            logged = self._crm.writes(self._crm.user_id(person.uid), "res.user")
            _both(tally, f"{access} in the CRM", logged, self._crm.user_active(person.uid) == back, back)
            for group in GROUPS:
                tally.count(f"{person.uid} out of {group}", changes["-", ldif.group_dn(group), dn])
                if back:
                    tally.count(f"{person.uid} in {group} again", changes["+", ldif.group_dn(group), dn])
            for deal in self.deals[person.uid]:
                moved = owners.get(deal, "") not in ("", person.uid)
                tally.count(f"move deal {deal} of {person.uid}", self._crm.writes(deal) if moved else 0)
        return tally

    def effects(self, people: Sequence[Employee], undone: Collection[str] = ()) -> int:
        """Return the number of effects that the servers must show for these leavers."""
        return len(people) * (2 + len(GROUPS) + DEALS) + len(undone) * (2 + len(GROUPS))


def enrol(directory: Slapd, people: Sequence[Employee]) -> None:
    """Add people to the directory, each in every group of the run."""
    with directory.bound() as root:
        for person in people:
            root.add_s(ldif.person_dn(person.uid), _encoded(ldif.person(person)))
        members = [ldif.person_dn(uid) for uid in (STAYS, *(person.uid for person in people))]
        for group in GROUPS:
            attributes = {"objectClass": ["groupOfNames"], "cn": [group], "member": members}
            root.add_s(ldif.group_dn(group), _encoded(attributes))


def _encoded(attributes: ldif.Attributes) -> list[tuple[str, list[bytes]]]:
    return [(key, [one.encode() for one in values]) for key, values in attributes.items()]


def hire(crm: Tryton, people: Sequence[Employee]) -> dict[str, list[int]]:
    """Give people a log-in in the CRM and deals of their own; return the deals by uid."""
    admin = crm.as_admin()
    groups = tryton_seed._groups(admin, "Sales", "Sale Opportunity")
    parties = admin.call("party.party.create", [{"name": person.name} for person in people])
    employees = admin.call("company.employee.create", [{"party": party, "company": 1} for party in parties])
    users = [tryton_seed._user(*row, 1, groups) for row in zip(people, employees, strict=True)]
    for user in users:
        del user["password"]  # hashing hundreds of them takes a minute; nobody here logs in
    admin.call("res.user.create", users)
    deals = {}
    for person, party, employee in zip(people, parties, employees, strict=True):
        names = [f"Deal {n}" for n in range(DEALS)]
        rows = [tryton_seed.opportunity(Deal(one, Decimal(1000), "lead"), party, 1, 1, employee) for one in names]
        deals[person.uid] = admin.call("sale.opportunity.create", rows)
    return deals


def _both(tally: Tally, what: str, writes: int, as_wanted: bool, back: bool) -> None:
    """Count a lock, and with `back` its undo: the number of writes, and the final state."""
    wanted = 2 if back else 1
    if writes < wanted or not as_wanted:
        tally.lost.append(f"{what} ({writes} writes)")
    elif writes > wanted:
        tally.doubled.append(f"{what} ({writes} writes)")


def _memberships(directory: Slapd) -> "Counter[tuple[str, str, str]]":
    """Count each (out or in, group, member) that the bot wrote, as the access log has it."""
    with directory.bound() as root:
        rows = root.search_s(
            slapd_conf.LOG_DN,
            ldap.SCOPE_ONELEVEL,
            f"(&(objectClass=auditModify)(reqAuthzID={ldif.SERVICE_DN}))",
            ["reqDN", "reqMod"],
        )
    found: Counter[tuple[str, str, str]] = Counter()
    for _, row in rows:
        for change in row.get("reqMod", []):
            if match := CHANGED.match(change):
                found[match[1].decode(), row["reqDN"][0].decode(), match[2].decode()] += 1
    return found
