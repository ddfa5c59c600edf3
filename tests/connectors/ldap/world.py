"""The practice directory as the conformance suites see it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import ldap
from pydantic import SecretStr

from connectors.contract import AccountId, GroupId
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings
from tests.conformance.accounts import Newcomer
from tests.sandbox.company import ldif
from tests.sandbox.company.slapd import LOCK, Entry, Slapd

VOLATILE = {"pwdFailureTime"}
"""Kept by the server whenever somebody mistypes a password."""


class LdapWorld:
    """Reads and changes the directory as its administrator; connects as the bot."""

    patience = 4.0

    def __init__(self, slapd: Slapd) -> None:
        self.slapd = slapd

    def settings(self, **changes: Any) -> LdapSettings:
        values = {
            "urls": (self.slapd.tls_url,),
            "ca_file": self.slapd.ca_file,
            "bind_dn": self.slapd.bind_dn,
            "password": SecretStr(self.slapd.bind_password),
            "base_dn": self.slapd.base_dn,
            "connect_seconds": 0.5,
            "request_seconds": 0.5,
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

    def login(self, account: AccountId) -> str:
        return next(uid for uid, entry in self.slapd.entries().items() if self._uuid(entry) == account)

    def _uuid(self, entry: Entry) -> str:
        return entry["entryUUID"][0].decode()
