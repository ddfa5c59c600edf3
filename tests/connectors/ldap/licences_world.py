"""Directories as the suite of licences sees them: groups whose membership is a paid seat."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

import ldap
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId, LicenceId
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.samba import Samba
from tests.sandbox.company.slapd import Slapd

SEATS = ("M365 E3", "Visio, Plan 2 (EU) #1", "Отдел *")
"""Stems of the groups' names, some of which break naive filters and DNs."""
SHUT = PEOPLE[1]
"""A person as whom the bot logs in, who may not see the members of one group of licences."""


class LicencesLdapWorld(LdapWorld):
    """The practice directory with groups of licences, each with one more member, whom nobody touches."""

    def __init__(self, slapd: Slapd) -> None:
        super().__init__(slapd)
        self.names: Sequence[str] = [f"{one} {uuid4().hex[:8]}" for one in SEATS]
        self.made: list[AccountId] = []
        self.keeper = self.add(newcomer())
        self.groups = {name: self.add_group(name, [self.keeper]) for name in self.names}

    def connect(self, password: str = "good") -> Ldap:
        return self.connected() if password == "good" else self.connected(password=SecretStr(password))

    def connected(self, **changes: object) -> Ldap:
        self.connectors.append(Ldap(self.settings(**{"licence_groups": tuple(self.names)} | changes)))
        return self.connectors[-1]

    def refused(self) -> Ldap | None:
        return None

    def person(self) -> AccountId:
        self.made.append(self.add(newcomer()))
        return self.made[-1]

    def give(self, account: AccountId, name: str) -> None:
        self._change(ldap.MOD_ADD, account, name)

    def take(self, account: AccountId, name: str) -> None:
        self._change(ldap.MOD_DELETE, account, name)

    def _change(self, how: int, account: AccountId, name: str) -> None:
        self.slapd.modify(ldif.group_dn(name), [(how, "member", [ldif.person_dn(self.login(account)).encode()])])

    def held(self) -> Mapping[AccountId, frozenset[str]]:
        members = {name: self.members(group) for name, group in self.groups.items()}
        return {
            one: frozenset(name for name, some in members.items() if one in some) for one in (self.keeper, *self.made)
        }

    def state(self, account: AccountId) -> object:
        return self.truth()[account], self.held()[account]

    def no_licence(self) -> LicenceId:
        return LicenceId(self.no_group())

    def sell_out(self, name: str) -> bool:
        return False

    def lock(self, account: AccountId) -> None:
        connector = self.connect()
        connector.lock(connector.before(account))


RULES = f"""\
access to dn.regex="^cn={SEATS[0]} [^,]*,{ldif.GROUPS_DN}$" attrs=member
  by dn.exact="{ldif.person_dn(SHUT.uid)}" none
  by * break
"""
"""A rule of slapd: SHUT may not see the members of the first group of licences, and those of others."""


class ShutLicencesWorld(LicencesLdapWorld):
    """A directory that is served with `RULES`."""

    def refused(self) -> Ldap:
        return self.connected(bind_dn=ldif.person_dn(SHUT.uid), password=SecretStr(SHUT.password))


class LicencesAdWorld(AdWorld):
    """The practice domain with groups of licences, each with one more member, whom nobody touches."""

    def __init__(self, samba: Samba) -> None:
        super().__init__(samba)
        self.names: Sequence[str] = [f"{one.rstrip(' *')} {uuid4().hex[:8]}" for one in SEATS]
        self.made: list[AccountId] = []
        self.keeper = self.add(newcomer())
        self.groups = {name: self.add_group(name, [self.keeper]) for name in self.names}

    def connect(self, password: str = "good") -> Ldap:
        changes = {} if password == "good" else {"password": SecretStr(password)}
        return self.connector(licence_groups=tuple(self.names), **changes)

    def refused(self) -> Ldap | None:
        return None

    def person(self) -> AccountId:
        self.made.append(self.add(newcomer()))
        return self.made[-1]

    def give(self, account: AccountId, name: str) -> None:
        self._change(ldap.MOD_ADD, account, name)

    def take(self, account: AccountId, name: str) -> None:
        self._change(ldap.MOD_DELETE, account, name)

    def _change(self, how: int, account: AccountId, name: str) -> None:
        self.samba.modify(self.dn(AccountId(self.groups[name])), [(how, "member", [self.dn(account).encode()])])

    def held(self) -> Mapping[AccountId, frozenset[str]]:
        members = {name: self.members(group) for name, group in self.groups.items()}
        return {
            one: frozenset(name for name, some in members.items() if one in some) for one in (self.keeper, *self.made)
        }

    def state(self, account: AccountId) -> object:
        return self.truth()[account], self.held()[account]

    def no_licence(self) -> LicenceId:
        return LicenceId(self.no_group())

    def sell_out(self, name: str) -> bool:
        return False

    def lock(self, account: AccountId) -> None:
        connector = self.connect()
        connector.lock(connector.before(account))
