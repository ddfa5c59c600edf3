"""The practice directory as the conformance suites see it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

import ldap
from pydantic import SecretStr

from connectors.conformance.accounts import Newcomer
from connectors.contract import AccountId, GroupId
from connectors.ldap.connections import LdapConnections
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings
from tests.sandbox.company import ldif
from tests.sandbox.company.slapd import Entry, Slapd

VOLATILE = {"pwdFailureTime"}
"""Kept by the server whenever somebody mistypes a password."""
HURRY = 0.5
"""Seconds for a server that is known to answer nothing."""


@contextmanager
def hurried(connectors: Sequence[Ldap]) -> Iterator[None]:
    """Shorten the patience of what has none to lose, and only meanwhile: a busy machine is not a silent server."""
    usual = [(one._connections, one._connections._settings) for one in connectors]
    for connections, settings in usual:
        _allow(connections, settings.model_copy(update={"connect_seconds": HURRY, "request_seconds": HURRY}))
    try:
        yield
    finally:
        for connections, settings in usual:
            _allow(connections, settings)


def _allow(connections: LdapConnections, settings: LdapSettings) -> None:
    connections._settings = settings
    for link in connections.pool._idle:
        link._seconds = link._raw.timeout = settings.request_seconds
        link._raw.set_option(ldap.OPT_NETWORK_TIMEOUT, settings.connect_seconds)
        link._raw.set_option(ldap.OPT_TIMEOUT, settings.request_seconds)


class LdapWorld:
    """Reads and changes the directory as its administrator; connects as the bot."""

    patience = 6.0

    def __init__(self, slapd: Slapd) -> None:
        self.slapd = slapd
        self.connectors: list[Ldap] = []

    def settings(self, **changes: Any) -> LdapSettings:
        values = {
            "urls": (self.slapd.tls_url,),
            "ca_file": self.slapd.ca_file,
            "bind_dn": self.slapd.bind_dn,
            "password": SecretStr(self.slapd.bind_password),
            "base_dn": self.slapd.base_dn,
            "connect_seconds": 20,
            "request_seconds": 20,
        }
        return LdapSettings.model_validate(values | changes)

    def connect(self, password: str = "good") -> Ldap:
        made = Ldap(self.settings() if password == "good" else self.settings(password=SecretStr(password)))
        self.connectors.append(made)
        return made

    def add(self, who: Newcomer) -> AccountId:
        self.slapd.add(
            ldif.person_dn(who.login),
            {
                "objectClass": ["inetOrgPerson"],
                "uid": [who.login],
                "cn": [who.name],
                "sn": [who.name],
                "mail": [who.email],
                "userPassword": [ldif.hash_password(who.password)],
            },
        )
        entry = self.slapd.entry(who.login)
        assert entry is not None
        return AccountId(entry["entryUUID"][0].decode())

    def nobody(self) -> AccountId:
        return AccountId(str(uuid4()))

    def truth(self) -> Mapping[AccountId, object]:
        return {
            AccountId(self._uuid(entry)): {k: sorted(v) for k, v in entry.items() if k not in VOLATILE}
            for entry in self.slapd.entries().values()
        }

    def writes(self) -> int:
        return self.slapd.writes().total()

    def can_log_in(self, login: str, password: str) -> bool:
        return self.slapd.can_bind(login, password)

    def reopen(self, account: AccountId) -> None:
        self.slapd.reopen(self.login(account))

    def stopped(self) -> AbstractContextManager[None]:
        return self.slapd.stopped()

    @contextmanager
    def silent(self) -> Iterator[None]:
        with hurried(self.connectors), self.slapd.paused():
            yield

    def secrets(self) -> Sequence[str]:
        return [self.slapd.bind_password, "{SSHA}"]

    # -- groups

    def add_group(self, name: str, members: Sequence[AccountId]) -> GroupId:
        self.slapd.add(
            ldif.group_dn(name),
            {"objectClass": ["groupOfNames"], "cn": [name], "member": [ldif.person_dn(self.login(m)) for m in members]},
        )
        return GroupId(self._uuid(self.slapd.groups()[name]))

    def members(self, group: GroupId) -> frozenset[AccountId]:
        name = next(name for name, entry in self.slapd.groups().items() if self._uuid(entry) == group)
        logins = self.slapd.members(name)
        return frozenset(AccountId(self._uuid(e)) for uid, e in self.slapd.entries().items() if uid in logins)

    def memberships(self) -> Mapping[GroupId, object]:
        return {
            GroupId(self._uuid(entry)): {k: sorted(v) for k, v in entry.items()}
            for entry in self.slapd.groups().values()
        }

    def no_group(self) -> GroupId:
        return GroupId(str(uuid4()))

    def login(self, account: AccountId) -> str:
        return next(uid for uid, entry in self.slapd.entries().items() if self._uuid(entry) == account)

    def _uuid(self, entry: Entry) -> str:
        return entry["entryUUID"][0].decode()
