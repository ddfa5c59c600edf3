"""Many leavers with accounts, groups and deals in real servers, and what those servers' own logs say of them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import ldap

from tests.sandbox.company import ldif, slapd_conf, tryton_seed
from tests.sandbox.company.clients import Deal
from tests.sandbox.company.people import Employee, Team
from tests.sandbox.company.slapd import LOCK, Slapd
from tests.sandbox.company.tryton import Tryton
from tests.sandbox.practice import Practice

GROUPS = ("crowd one", "crowd two", "crowd three")
DEALS = 12
STAYS = "erika.board"
"""A group must not become empty."""
REMOVED = re.compile(rb"^member:- (.*)$")


@dataclass(frozen=True, slots=True)
class Tally:
    """What the servers say: each effect that is missing, and each that was done more than once."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def count(self, what: str, times: int) -> None:
        """Judge one effect, which should be there once."""
        if times == 0:
            self.lost.append(what)
        elif times > 1:
            self.doubled.append(f"{what} ({times} times)")


class Crowd:
    """The leavers, by number."""

    def __init__(self, practice: Practice, size: int) -> None:
        """Hire them everywhere."""
        self.people = [
            Employee(f"crowd-{n:03}", f"Crowd Person {n:03}", Team.SUPPORT, "Temp", "grace.muller", crm=True)
            for n in range(size)
        ]
        self._directory, self._crm = practice.directory, practice.crm
        enrol(practice.directory, self.people)
        self.deals = hire(practice.crm, self.people)

    def judge(self, people: Sequence[Employee]) -> Tally:
        """Count, for these leavers, what the directory's access log and the CRM's model log have."""
        tally = Tally()
        locks, removals = self._directory.writes(), _removals(self._directory)
        entries = self._directory.entries("(uid=crowd-*)")
        for person in people:
            dn = ldif.person_dn(person.uid)
            tally.count(f"lock {person.uid} in the directory", locks[dn] if LOCK in entries[person.uid] else 0)
            for group in GROUPS:
                tally.count(f"{person.uid} out of {group}", removals[ldif.group_dn(group), dn])
            user = 0 if self._crm.user_active(person.uid) else self._crm.user_id(person.uid)
            tally.count(f"lock {person.uid} in the CRM", self._crm.writes(user, "res.user") if user else 0)
            for deal in self.deals[person.uid]:
                tally.count(f"move deal {deal} of {person.uid}", self._crm.writes(deal))
        return tally

    def effects(self, people: Sequence[Employee]) -> int:
        """Return how many effects the servers must show for these leavers."""
        return len(people) * (2 + len(GROUPS) + DEALS)


def enrol(directory: Slapd, people: Sequence[Employee]) -> None:
    """Add people to the directory, each in every group of the crowd."""
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


def _removals(directory: Slapd) -> "Counter[tuple[str, str]]":
    """Count each (group, member) that the bot took out, as the access log has it."""
    with directory.bound() as root:
        rows = root.search_s(
            slapd_conf.LOG_DN, ldap.SCOPE_ONELEVEL, f"(&(objectClass=auditModify)(reqAuthzID={ldif.SERVICE_DN}))",
            ["reqDN", "reqMod"],
        )
    found: Counter[tuple[str, str]] = Counter()
    for _, row in rows:
        for change in row.get("reqMod", []):
            if match := REMOVED.match(change):
                found[row["reqDN"][0].decode(), match[1].decode()] += 1
    return found
