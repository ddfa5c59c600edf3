"""The practice directory as the suite of refusals sees it: the bot may not write what is marked as shut."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ldap

from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId, Act, Blockers
from connectors.errors import ConnectorError
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.test_blind_spots import directory
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import LEAVER

SHUT = "shut"
RULES = f"""\
access to dn.subtree="{ldif.PEOPLE_DN}" filter=(employeeType={SHUT}) attrs=userPassword,pwdAccountLockedTime
  by dn.exact="{ldif.SERVICE_DN}" read
  by * break
access to dn.subtree="{ldif.GROUPS_DN}" filter=(businessCategory={SHUT}) attrs=member
  by dn.exact="{ldif.SERVICE_DN}" read
  by * break
"""


class BlockersLdapWorld(LdapWorld):
    """Shuts accounts and groups against the bot, and makes groups of one."""

    refusals: Sequence[str] = ("no right to lock", "no right on a group", "the last member")
    made: type[Ldap] = Ldap
    """Class of the connectors, for planted faults."""

    def connect(self, password: str = "good") -> Ldap:
        self.connectors.append(self.made(super().connect(password)._settings))
        return self.connectors[-1]

    def person(self) -> AccountId:
        account = self.add(newcomer())
        self._group(account, ldif.person_dn(LEAVER.uid))
        return account

    def _group(self, account: AccountId, *others: str, **more: str) -> str:
        dn, members = ldif.group_dn(newcomer("group").login), [ldif.person_dn(self.login(account)), *others]
        name = dn.partition("=")[2].partition(",")[0]
        values = {key: [value] for key, value in more.items()}
        self.slapd.add(dn, {"objectClass": ["groupOfNames"], "cn": [name], "member": members, **values})
        return dn

    def refuse(self, name: str) -> tuple[Blockers, AccountId, Act]:
        account = self.add(newcomer())
        if name == "no right to lock":
            dn = ldif.person_dn(self.login(account))
            self.slapd.modify(dn, [(ldap.MOD_REPLACE, "employeeType", [SHUT.encode()])])
            return self.connect(), account, Act.LOCK
        if name == "no right on a group":
            self._group(account, ldif.person_dn(LEAVER.uid), businessCategory=SHUT)
        else:
            self._group(account)
        return self.connect(), account, Act.LEAVE_GROUPS

    def end(self, name: str, account: AccountId) -> bool:
        mine = ldif.person_dn(self.login(account))
        if name == "no right to lock":
            self.slapd.modify(mine, [(ldap.MOD_DELETE, "employeeType", None)])
            return True
        for group, entry in self.slapd.groups().items():
            if mine.encode() in entry.get("member", ()):
                successor = [(ldap.MOD_ADD, "member", [ldif.person_dn(LEAVER.uid).encode()])]
                opened = [(ldap.MOD_DELETE, "businessCategory", None)]
                self.slapd.modify(ldif.group_dn(group), successor if name == "the last member" else opened)
        return True

    def attempt(self, connector: Blockers, account: AccountId, act: Act) -> bool:
        assert isinstance(connector, Ldap)
        try:
            if act is Act.LOCK:
                connector.lock(connector.before(account))
            for group in connector.groups(account) if act is Act.LEAVE_GROUPS else ():
                connector.remove(account, group.id)
        except ConnectorError:
            return True
        return False

    def state(self) -> object:
        return self.truth(), self.memberships()


@contextmanager
def blockers_directory(folder: Path) -> Iterator[BlockersLdapWorld]:
    """Serve the practice directory with these rules."""
    with directory(folder, lambda text: text.replace("access to ", f"{RULES}access to ", 1)) as world:
        yield BlockersLdapWorld(world.slapd)
