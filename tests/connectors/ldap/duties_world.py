"""The practice directory as the suite of duties sees it: with one more folder, and people who see less than others."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ldap
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.test_blind_spots import directory
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import LEAVER, PEOPLE, Employee
from tests.sandbox.company.slapd import LOCK

SHUT, PARTLY, UNREAD, BLIND = [one for one in PEOPLE if one is not LEAVER][:4]
"""People as whom the bot logs in: what each of them may not see is in `RULES`."""
SHY = f"ou=shy,{ldif.SUFFIX}"
RULES = f"""\
access to attrs=owner,roleOccupant,manager,secretary,seeAlso
  by dn.exact="{ldif.person_dn(SHUT.uid)}" none
  by dn.exact="{ldif.person_dn(UNREAD.uid)}" search
  by * break
access to dn.subtree="{SHY}" attrs=owner
  by dn.exact="{ldif.person_dn(PARTLY.uid)}" none
  by * break
"""
SCHEMA = f"""\
access to dn.base="cn=Subschema"
  by dn.exact="{ldif.person_dn(BLIND.uid)}" none
  by * read
access to dn.base="" by * read
"""


class DutiesLdapWorld(LdapWorld):
    """The practice directory with one more folder, beside the people and the groups."""

    kinds: Sequence[str] = ("owner", "roleOccupant", "manager", "secretary", "seeAlso")
    many = 520
    made: type[Ldap] = Ldap
    """Class of the connectors, for planted faults."""

    def connect(self, password: str = "good") -> Ldap:
        self.connectors.append(self.made(super().connect(password)._settings))
        return self.connectors[-1]

    def refused(self) -> Ldap:
        return self.as_(SHUT)

    def as_(self, who: Employee) -> Ldap:
        made = self.made(self.settings(bind_dn=ldif.person_dn(who.uid), password=SecretStr(who.password)))
        self.connectors.append(made)
        return made

    def person(self) -> AccountId:
        return self.add(newcomer())

    def dn(self, account: AccountId) -> str:
        return ldif.person_dn(self.login(account))

    def give(self, account: AccountId, what: str, titles: Sequence[str]) -> None:
        dn = self.dn(account)
        with self.slapd.bound() as root:
            for title in titles:
                root.add_s(*_entry(what, title, dn))

    def give_disabled(self, account: AccountId, title: str) -> bool:
        who = newcomer()
        report = ldif.person_dn(self.login(self.add(who)))
        self.slapd.modify(
            report,
            [
                (ldap.MOD_REPLACE, "displayName", [title.encode()]),
                (ldap.MOD_ADD, "manager", [self.dn(account).encode()]),
                (ldap.MOD_ADD, LOCK, [b"000001010000Z"]),
            ],
        )
        return True

    def lock(self, account: AccountId) -> None:
        connector = self.connect()
        connector.lock(connector.before(account))


def served(text: str) -> str:
    """Return the configuration with the rules, and with as many answers as there are."""
    text = text.replace("overlay ppolicy\n", "sizelimit unlimited\noverlay ppolicy\n", 1)
    text = text.replace("access to ", f"{RULES}access to ", 1)
    return text.replace("database mdb", f"{SCHEMA}database mdb", 1)


def _entry(what: str, title: str, dn: str) -> tuple[str, list[tuple[str, list[bytes]]]]:
    """Return a new entry that points to a person: a group, a role, a colleague, a device."""
    values: dict[str, list[str]] = {"cn": [title], what: [dn]}
    if what == "owner":
        place, values["objectClass"] = ldif.GROUPS_DN, ["groupOfNames"]
        values["member"] = [ldif.person_dn(LEAVER.uid)]
    elif what == "roleOccupant":
        place, values["objectClass"] = SHY, ["organizationalRole"]
    elif what == "seeAlso":
        place, values["objectClass"] = SHY, ["device"]
    else:
        place, values["objectClass"], values["sn"] = ldif.PEOPLE_DN, ["inetOrgPerson"], ["Weber"]
        values["uid"] = [newcomer().login]
    name = ldap.dn.escape_dn_chars(title)
    return f"cn={name},{place}", [(key, [one.encode() for one in some]) for key, some in values.items()]


@contextmanager
def duties_directory(folder: Path) -> Iterator[DutiesLdapWorld]:
    """Serve the practice directory with these rules and the further folder."""
    with directory(folder, served) as world:
        world.slapd.add(SHY, {"objectClass": ["organizationalUnit"], "ou": ["shy"]})
        yield DutiesLdapWorld(world.slapd)
