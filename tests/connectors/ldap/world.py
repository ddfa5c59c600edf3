"""The practice directory as the conformance suites see it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from connectors.contract import AccountId, GroupId
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings
from tests.conformance.accounts import Newcomer
from tests.sandbox.company import ldif
from tests.sandbox.company.slapd import Entry, Slapd

VOLATILE = {"pwdFailureTime"}
"""Kept by the server whenever somebody mistypes a password."""


class LdapWorld:
    """Reads and changes the directory as its administrator; connects as the bot."""

    patience = 2.8

    def __init__(self, slapd: Slapd) -> None:
        self.slapd = slapd

    def settings(self, **changes: Any) -> LdapSettings:
        values = {
            "urls": (self.slapd.tls_url,),
            "ca_file": self.slapd.ca_file,
            "bind_dn": self.slapd.bind_dn,
            "password": SecretStr(self.slapd.bind_password),
            "base_dn": self.slapd.base_dn,
            "connect_seconds": 1,
            "request_seconds": 1,
        }
        return LdapSettings.model_validate(values | changes)

    def connect(self, password: str = "good") -> Ldap:
        return Ldap(self.settings() if password == "good" else self.settings(password=SecretStr(password)))

    def add(self, who: Newcomer) -> AccountId:
        self.slapd.add(ldif.person_dn(who.login), {
            "objectClass": ["inetOrgPerson"], "uid": [who.login], "cn": [who.name], "sn": [who.name],
            "mail": [who.email], "userPassword": [ldif.hash_password(who.password)],
        })
        entry = self.slapd.entry(who.login)
        assert entry is not None
        return AccountId(entry["entryUUID"][0].decode())

    def nobody(self) -> AccountId:
        return AccountId(str(uuid4()))

    def truth(self) -> Mapping[AccountId, object]:
        return {AccountId(self._uuid(entry)): {k: sorted(v) for k, v in entry.items() if k not in VOLATILE}
                for entry in self.slapd.entries().values()}

    def writes(self) -> int:
        return self.slapd.writes().total()

    def can_log_in(self, login: str, password: str) -> bool:
        return self.slapd.can_bind(login, password)

    def reopen(self, account: AccountId) -> None:
        self.slapd.reopen(self.login(account))

    def stopped(self) -> AbstractContextManager[None]:
        return self.slapd.stopped()

    def silent(self) -> AbstractContextManager[None]:
        return self.slapd.paused()

    def secrets(self) -> Sequence[str]:
        return [self.slapd.bind_password, "{SSHA}"]

    # -- groups

    def add_group(self, name: str, members: Sequence[AccountId]) -> GroupId:
        self.slapd.add(ldif.group_dn(name), {
            "objectClass": ["groupOfNames"], "cn": [name], "member": [ldif.person_dn(self.login(m)) for m in members],
        })
        return GroupId(self._uuid(self.slapd.groups()[name]))

    def members(self, group: GroupId) -> frozenset[AccountId]:
        name = next(name for name, entry in self.slapd.groups().items() if self._uuid(entry) == group)
        logins = self.slapd.members(name)
        return frozenset(AccountId(self._uuid(e)) for uid, e in self.slapd.entries().items() if uid in logins)

    def memberships(self) -> Mapping[GroupId, object]:
        return {GroupId(self._uuid(entry)): {k: sorted(v) for k, v in entry.items()}
                for entry in self.slapd.groups().values()}

    def no_group(self) -> GroupId:
        return GroupId(str(uuid4()))

    def login(self, account: AccountId) -> str:
        return next(uid for uid, entry in self.slapd.entries().items() if self._uuid(entry) == account)

    def _uuid(self, entry: Entry) -> str:
        return entry["entryUUID"][0].decode()
