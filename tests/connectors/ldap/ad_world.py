"""The practice domain, a real Samba, as the conformance suites see it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast
from uuid import UUID, uuid4

import ldap
from ldap.filter import filter_format
from pydantic import SecretStr

from connectors.conformance.accounts import Newcomer
from connectors.contract import AccountId, GroupId
from connectors.ldap.connector import Ldap
from connectors.ldap.settings import LdapSettings
from tests.connectors.ldap.world import hurried
from tests.sandbox.company import samba_seed
from tests.sandbox.company.samba import Entry, Samba

VOLATILE = {
    "badPwdCount",
    "badPasswordTime",
    "lastLogon",
    "lastLogonTimestamp",
    "logonCount",
    "uSNChanged",
    "whenChanged",
}
"""Written by the server at every log-in, successful or not."""
PEOPLE = "(&(objectCategory=person)(objectClass=user))"
NOT_IN_LOGINS = re.compile(r'["*+,/:;<=>?@\[\\\]|]')
"""Characters that sAMAccountName may not hold (MS-SAMR, 3.1.1.6); a log-in with one is a principal name."""


class AdWorld:
    """Reads and changes the domain as its administrator; connects as the bot."""

    patience = 6.0

    def __init__(self, samba: Samba) -> None:
        self.samba = samba
        self.connectors: list[Ldap] = []

    def settings(self, **changes: Any) -> LdapSettings:
        values = {
            "urls": (self.samba.tls_url,),
            "ca_file": self.samba.ca_file,
            "bind_dn": self.samba.bind_dn,
            "password": SecretStr(self.samba.bind_password),
            "base_dn": self.samba.base_dn,
            "dialect": "active_directory",
            "connect_seconds": 20,
            "request_seconds": 20,
        }
        return LdapSettings.model_validate(values | changes)

    def connect(self, password: str = "good") -> Ldap:
        return self.connector() if password == "good" else self.connector(password=SecretStr(password))

    def connector(self, **changes: Any) -> Ldap:
        self.connectors.append(Ldap(self.settings(**changes)))
        return self.connectors[-1]

    def add(self, who: Newcomer, **more: str) -> AccountId:
        plain = not NOT_IN_LOGINS.search(who.login)
        values = {
            "sAMAccountName": who.login if plain else f"x{uuid4().hex[:12]}",
            "userPrincipalName": f"{who.login}@northwind.example" if plain else who.login,
            "displayName": who.name,
            "mail": who.email,
            **more,
        }
        dn = samba_seed.person_dn(who.login)
        self.samba.add(dn, samba_seed.user(who.password, {key: [value.encode()] for key, value in values.items()}))
        return AccountId(self.guid(self.entry(dn)))

    def nobody(self) -> AccountId:
        return AccountId(str(uuid4()))

    def truth(self) -> Mapping[AccountId, object]:
        return {
            AccountId(self.guid(entry)): {k: sorted(v) for k, v in entry.items() if k not in VOLATILE}
            for entry in self.samba.search(PEOPLE).values()
        }

    def writes(self) -> int:
        return self.samba.writes().total()

    def can_log_in(self, login: str, password: str) -> bool:
        [dn] = self.samba.search(filter_format("(cn=%s)", [login]), ["cn"])
        return self.samba.can_bind(dn, password)

    def set_password(self, login: str, password: str) -> None:
        [dn] = self.samba.search(filter_format("(cn=%s)", [login]), ["cn"])
        self.samba.modify(dn, [(ldap.MOD_REPLACE, "unicodePwd", [samba_seed.encoded(password)])])

    def reopen(self, account: AccountId) -> None:
        self.samba.modify(self.dn(account), [(ldap.MOD_REPLACE, "userAccountControl", [b"512"])])

    def stopped(self) -> AbstractContextManager[None]:
        return self.samba.stopped()

    @contextmanager
    def silent(self) -> Iterator[None]:
        with hurried(self.connectors), self.samba.paused():
            yield

    def secrets(self) -> Sequence[str]:
        return [self.samba.bind_password]

    # -- groups

    def add_group(self, name: str, members: Sequence[AccountId]) -> GroupId:
        dn = samba_seed.group_dn(name)
        inside = [("member", [self.dn(member).encode() for member in members])] if members else []
        self.samba.add(dn, [("objectClass", [b"group"]), *inside])
        return GroupId(self.guid(self.entry(dn)))

    def members(self, group: GroupId) -> frozenset[AccountId]:
        inside = {dn.decode() for dn in self.entry(self.dn(AccountId(group))).get("member", ())}
        everybody = self.samba.search(PEOPLE, ["objectGUID"])
        return frozenset(AccountId(self.guid(entry)) for dn, entry in everybody.items() if dn in inside)

    def memberships(self) -> Mapping[GroupId, object]:
        return {
            GroupId(self.guid(entry)): {k: sorted(v) for k, v in entry.items() if k not in VOLATILE}
            for entry in self.samba.search("(objectClass=group)").values()
        }

    def no_group(self) -> GroupId:
        return GroupId(str(uuid4()))

    # -- one entry

    def dn(self, account: AccountId) -> str:
        value = "".join(f"\\{byte:02x}" for byte in UUID(account).bytes_le)
        [dn] = self.samba.search(f"(objectGUID={value})", ["cn"])
        return dn

    def entry(self, dn: str) -> Entry:
        with self.samba.administrator() as admin:
            [(_, entry)] = admin.search_s(dn, ldap.SCOPE_BASE)
        return cast("Entry", entry)

    def value(self, account: AccountId, attribute: str) -> str:
        return self.entry(self.dn(account)).get(attribute, [b""])[0].decode()

    def guid(self, entry: Entry) -> str:
        return str(UUID(bytes_le=entry["objectGUID"][0]))
