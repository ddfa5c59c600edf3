"""The practice directory and domain as the suite of changes of duties sees them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ldap
from ldap.filter import filter_format
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId, DutyAct
from connectors.errors import OutcomeUnknown
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connector import Ldap
from connectors.ldap.wire import same
from tests.connectors.ldap.ad_world import VOLATILE, AdWorld
from tests.connectors.ldap.duties_world import RULES, SHY, DutiesLdapWorld, served
from tests.connectors.ldap.lossy import lossy_wire
from tests.connectors.ldap.test_blind_spots import directory
from tests.sandbox.company import ldif, samba_seed
from tests.sandbox.company.people import LEAVER, MANAGER, PEOPLE

READER = [one for one in PEOPLE if one is not LEAVER][4]
STAMPS = {"modifyTimestamp", "modifiersName", "entryCSN"}
NAMES = "owner,roleOccupant,manager,secretary,seeAlso"
RIGHTS = f"""\
access to attrs={NAMES}
  by dn.exact="{ldif.SERVICE_DN}" write
  by * break
access to dn.subtree="{SHY}" attrs=entry,children
  by dn.exact="{ldif.SERVICE_DN}" write
  by * break
access to dn.subtree="{ldif.GROUPS_DN}" attrs=entry,children
  by dn.exact="{ldif.SERVICE_DN}" write
  by * break
"""
CLASSES = """\
objectclass ( 1.3.6.1.4.1.4203.666.11.99 NAME 'answered' SUP top AUXILIARY MUST owner )
objectclass ( 1.3.6.1.4.1.4203.666.11.98 NAME 'answeredMore' SUP answered AUXILIARY MAY seeAlso )
"""
"""Classes of which an entry must name somebody as owner."""


class DutyChangesLdapWorld(DutiesLdapWorld):
    """Everything that points to people is kept in the folders of people, of groups, and one more."""

    offered: Mapping[str, Collection[DutyAct]] = dict.fromkeys(NAMES.split(","), tuple(DutyAct))
    shared: Collection[str] = tuple(offered)

    def reader(self) -> Ldap:
        return self.as_(READER)

    @contextmanager
    def lossy(self) -> Iterator[Ldap]:
        with lossy_wire(self.slapd.port) as url:
            made = self.made(self.settings(urls=(url,), ca_file=None))
            yield made
            made.close()

    def place(self, what: str, title: str) -> tuple[str, dict[str, list[bytes]]] | None:
        """Return the DN and the values of the entry with a title."""
        query = filter_format("(&(|(cn=%s)(displayName=%s))(!(objectClass=organizationalUnit)))", [title, title])
        del what
        with self.slapd.bound() as root:
            rows = root.search_s(ldif.SUFFIX, ldap.SCOPE_SUBTREE, query, ["*", "+"])
        return next(((dn, dict(values)) for dn, values in rows if dn), None)

    def hold(self, what: str, title: str, holders: Collection[AccountId]) -> None:
        found = self.place(what, title)
        assert found
        values: Any = [self.dn(one).encode() for one in holders]
        self.slapd.modify(found[0], [(ldap.MOD_REPLACE, what, values or None)])

    def holders(self, what: str, title: str) -> Collection[AccountId]:
        found = self.place(what, title)
        values = [value.decode() for value in found[1].get(what, ())] if found else []
        people = {ldif.person_dn(uid): self._uuid(entry) for uid, entry in self.slapd.entries().items()}
        known = [AccountId(number) for value in values for dn, number in people.items() if same(dn, value)]
        assert len(known) == len(values), values
        return frozenset(known)

    def rest(self, what: str, title: str) -> object:
        found = self.place(what, title)
        if found is None:
            return None
        return {name: sorted(values) for name, values in found[1].items() if name not in STAMPS | {what}}

    def delete(self, what: str, title: str) -> None:
        found = self.place(what, title)
        assert found
        self.slapd.delete(found[0])


class DutyChangesAdWorld(AdWorld):
    """The practice domain: an attribute that points to people has one value here."""

    offered: Mapping[str, Collection[DutyAct]] = dict.fromkeys(("managedBy", "manager"), tuple(DutyAct))
    shared: Collection[str] = ()

    def person(self) -> AccountId:
        return self.add(newcomer())

    def reader(self) -> Ldap:
        return self.connector(bind_dn=samba_seed.person_dn(MANAGER.uid), password=SecretStr(MANAGER.password))

    @contextmanager
    def lossy(self) -> Iterator[Ldap]:
        """Lose the answers in the connection itself: this server takes no password without TLS."""
        send = LdapConnection.modify

        def lose(link: LdapConnection, *arguments: Any) -> None:
            send(link, *arguments)
            raise OutcomeUnknown("no answer came")

        LdapConnection.modify = lose  # type: ignore[method-assign,assignment]
        try:
            yield self.connect()
        finally:
            LdapConnection.modify = send  # type: ignore[method-assign]

    def lock(self, account: AccountId) -> None:
        connector = self.connect()
        connector.lock(connector.before(account))

    def give(self, account: AccountId, what: str, titles: Sequence[str]) -> None:
        for title in titles:
            if what == "manager":
                self.add(newcomer(), manager=self.dn(account), displayName=title)
            else:
                made = [("objectClass", [b"group"]), ("managedBy", [self.dn(account).encode()])]
                self.samba.add(samba_seed.group_dn(title), made)

    def place(self, title: str) -> tuple[str, Any] | None:
        found = self.samba.search(filter_format("(|(cn=%s)(displayName=%s))", [title, title]))
        return next(iter(found.items()), None)

    def hold(self, what: str, title: str, holders: Collection[AccountId]) -> None:
        found, values = self.place(title), [self.dn(one).encode() for one in holders]
        assert found
        self.samba.modify(found[0], [(ldap.MOD_REPLACE, what, values or None)])

    def holders(self, what: str, title: str) -> Collection[AccountId]:
        found = self.place(title)
        values = [value.decode() for value in found[1].get(what, ())] if found else []
        return frozenset(AccountId(self.guid(self.entry(value))) for value in values)

    def rest(self, what: str, title: str) -> object:
        found = self.place(title)
        if found is None:
            return None
        return {name: sorted(values) for name, values in found[1].items() if name not in VOLATILE | {what}}

    def delete(self, what: str, title: str) -> None:
        found = self.place(title)
        assert found
        with self.samba.administrator() as admin:
            admin.delete_s(found[0])


def _served(text: str) -> str:
    text = served(text).replace(RULES, RIGHTS + RULES, 1)
    return text.replace("database mdb", f"{CLASSES}database mdb", 1)


@contextmanager
def changing_directory(folder: Path) -> Iterator[DutyChangesLdapWorld]:
    """Serve the practice directory with these rights and classes."""
    with directory(folder, _served) as world:
        world.slapd.add(SHY, {"objectClass": ["organizationalUnit"], "ou": ["shy"]})
        yield DutyChangesLdapWorld(world.slapd)
