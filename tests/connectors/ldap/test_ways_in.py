"""Ways in beside the password: a client certificate that slapd maps to an account, keys, and delegation."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import ldap
import pytest
from ldap import sasl

from connectors.conformance.accounts import newcomer, person
from connectors.contract import Login, Person, Verdict
from connectors.ldap import roster, ways_in
from connectors.ldap.active_directory import ActiveDirectory
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connections import LdapConnections
from connectors.ldap.connector import Ldap
from connectors.ldap.directory import Directory
from connectors.ldap.locking import random_password
from connectors.ldap.openldap import OpenLdap
from connectors.ldap.wire import Entry
from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.slapd import LOCK, Slapd
from tests.sandbox.ports import free_port

HOLDER = PEOPLE[0]


SCHEMA = """\
attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
attributetype ( 2.16.840.1.113719.1.301.4.39.1 NAME 'krbPrincipalKey' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
attributetype ( 1.3.6.1.4.1.7165.2.1.25 NAME 'sambaNTPassword' SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.32473.2 NAME 'practiceKeys' SUP top AUXILIARY
  MAY ( sshPublicKey $ krbPrincipalKey $ sambaNTPassword ) )
"""
"""Attributes of OpenSSH's, Kerberos' and Samba's own schemas."""


class Asking(Slapd):
    """A slapd that asks for client certificates, and takes the practice certificate for one person."""

    def _seed(self) -> None:
        super()._seed()
        conf = self.folder / "slapd.conf"
        (self.folder / "keys.schema").write_text(SCHEMA)
        conf.write_text(conf.read_text().replace("modulepath ", f'include "{self.folder}/keys.schema"\nmodulepath ', 1))
        mapped = f"""\
TLSVerifyClient try
authz-regexp "cn=127.0.0.1" "{ldif.person_dn(HOLDER.uid)}"
authz-regexp "uid=([^,@]*)(@practice)?,cn=.*" "{ldif.person_dn("$1")}"
sasl-auxprops slapd
sasl-host localhost
sasl-realm practice
"""
        text = conf.read_text().replace("\ndatabase ", f"\n{mapped}\ndatabase ", 1)
        conf.write_text(
            text.replace("access to *\n  by users read\n  by * none", "access to *\n  by users read\n  by * auth")
        )

    def opens_by_certificate(self) -> bool:
        raw: Any = ldap.initialize(self.tls_url)
        raw.set_option(ldap.OPT_X_TLS_CACERTFILE, str(self.ca_file))
        raw.set_option(ldap.OPT_X_TLS_CERTFILE, str(self.folder / "tls" / "server.pem"))
        raw.set_option(ldap.OPT_X_TLS_KEYFILE, str(self.folder / "tls" / "server.key"))
        raw.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        raw.sasl_non_interactive_bind_s("EXTERNAL")
        return bool(raw.whoami_s() == f"dn:{ldif.person_dn(HOLDER.uid)}")

    def opens_by_sasl(self, login: str, password: str) -> bool:
        raw: Any = ldap.initialize(self.url)
        given = {sasl.CB_AUTHNAME: login, sasl.CB_PASS: password}
        try:
            raw.sasl_interactive_bind_s("", sasl.sasl(given, b"SCRAM-SHA-256"))
        except ldap.INVALID_CREDENTIALS:
            return False
        return bool(raw.whoami_s() == f"dn:{ldif.person_dn(login)}")


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with Asking(tmp_path_factory.mktemp("asking"), PEOPLE[:3]) as slapd:
        yield slapd


@pytest.mark.parametrize("plain", [False, True])
def test_where_a_certificate_opens_a_locked_account_it_is_unknown(asking: Asking, plain: bool) -> None:
    """The address without TLS offers StartTLS to others, and asks there."""
    world = LdapWorld(asking)
    asking.modify(ldif.person_dn(HOLDER.uid), [(ldap.MOD_REPLACE, LOCK, None)])
    connector = Ldap(world.settings(urls=(asking.url,), ca_file=None)) if plain else world.connect()
    lookup = connector.find(Person("", (), (HOLDER.uid,)))
    [found] = lookup.accounts
    assert any("client certificates" in doubt for doubt in lookup.doubts), "the plan says so before the lock"
    assert connector.lock(connector.before(found.id)).login is Login.REFUSED
    assert asking.opens_by_certificate()
    seen = connector.observe([found.id])[found.id]
    assert (seen.verdict, "asks for client certificates" in seen.reason) == (Verdict.UNKNOWN, True)
    assert connector.locked() == frozenset()
    told = Ldap(world.settings(certificates_open_accounts=False))
    assert told.observe([found.id])[found.id].verdict is Verdict.LOCKED
    assert found.id in told.locked()


@pytest.mark.parametrize("key", ["sshPublicKey", "krbPrincipalKey", "sambaNTPassword"])
def test_a_key_that_other_programs_take_is_named_in_the_plan_and_no_lock(asking: Asking, key: str) -> None:
    world, who = LdapWorld(asking), newcomer()
    account, connector = world.add(who), Ldap(world.settings(certificates_open_accounts=False))
    added = [(ldap.MOD_ADD, "objectClass", [b"practiceKeys"]), (ldap.MOD_ADD, key, [b"0123456789ABCDEF"])]
    asking.modify(ldif.person_dn(who.login), added)
    assert key in " ".join(connector.find(person(who)).doubts)
    connector.lock(connector.before(account))
    seen = connector.observe([account])[account]
    assert (seen.verdict, key in seen.reason, account in connector.locked()) == (Verdict.UNKNOWN, True, False)
    asking.modify(ldif.person_dn(who.login), [(ldap.MOD_DELETE, key, None)])
    assert connector.observe([account])[account].verdict is Verdict.LOCKED


@pytest.mark.parametrize("right", ["none", "search"])
def test_keys_that_may_not_be_read_are_not_taken_for_none(tmp_path: Path, right: str) -> None:
    class Hiding(Asking):
        def _seed(self) -> None:
            super()._seed()
            conf, rule = self.folder / "slapd.conf", f"access to attrs=krbPrincipalKey by * {right}\n"
            conf.write_text(conf.read_text().replace("access to dn.subtree", f"{rule}access to dn.subtree", 1))

    with Hiding(tmp_path, PEOPLE[:3]) as slapd:
        world, who = LdapWorld(slapd), newcomer()
        account, connector = world.add(who), Ldap(world.settings(certificates_open_accounts=False))
        added = [(ldap.MOD_ADD, "objectClass", [b"practiceKeys"]), (ldap.MOD_ADD, "krbPrincipalKey", [b"key"])]
        slapd.modify(ldif.person_dn(who.login), added)
        connector.lock(connector.before(account))
        seen = connector.observe([account])[account]
        assert (seen.verdict, "krbPrincipalKey may not be read" in seen.reason) == (Verdict.UNKNOWN, True)
        assert connector.locked() == frozenset()
        assert "krbPrincipalKey may not be read" in " ".join(connector.blind_spots())
        told = Ldap(world.settings(certificates_open_accounts=False, ways_in=("sshPublicKey",)))
        assert told.observe([account])[account].verdict is Verdict.LOCKED


def test_a_password_in_clear_passes_a_lock_by_sasl_until_it_is_replaced(asking: Asking) -> None:
    world, who = LdapWorld(asking), newcomer()
    account, connector = world.add(who), Ldap(world.settings(certificates_open_accounts=False))
    clear = [(ldap.MOD_REPLACE, "userPassword", [b"{CLEARTEXT}" + who.password.encode()])]
    asking.modify(ldif.person_dn(who.login), [*clear, (ldap.MOD_ADD, LOCK, [b"000001010000Z"])])
    assert not asking.can_bind(who.login, who.password)
    assert asking.opens_by_sasl(who.login, who.password)
    seen = connector.observe([account])[account]
    assert (seen.verdict, "SCRAM-SHA-256" in seen.reason) == (Verdict.UNKNOWN, True)
    assert account not in connector.locked()
    assert connector.lock(connector.before(account)).login is Login.REFUSED
    assert not asking.opens_by_sasl(who.login, who.password)
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert account in connector.locked()


def test_a_second_password_in_clear_keeps_an_account_off_the_list(asking: Asking) -> None:
    """The overlay allows one password; a server may have stored a second one before it."""
    directory = Directory(LdapWorld(asking).settings(), OpenLdap(), cast(LdapConnections, None))
    hashed, lock = b"{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", [b"000001010000Z"]

    class Link:
        def rows(self, *_asked: object) -> Iterator[tuple[str, dict[str, list[bytes]]]]:
            for number, passwords in enumerate(([hashed], [hashed, b"clear"], [])):
                shown = {"entryUUID": [f"{number}".encode()], LOCK: lock, "userPassword": passwords}
                yield f"uid={number},dc=a", {name: values for name, values in shown.items() if values}

    assert roster.locked(directory, cast(LdapConnection, Link())) == {"0", "2"}


def test_options_in_the_settings_name_the_same_attribute(world: LdapWorld) -> None:
    """`userCertificate;binary`: entries are compared by the plain name, so an option would hide the way in."""
    settings = world.settings(ways_in=("userCertificate;binary",), address_attributes=("mail;lang-de",))
    assert (settings.ways_in, settings.address_attributes) == (("userCertificate",), ("mail",))
    with pytest.raises(ValueError, match="not the name of an attribute"):  # a server answers with the name
        world.settings(ways_in=("2.5.4.36",))


def test_our_own_password_in_clear_passes_no_lock(asking: Asking) -> None:
    """A server without ppolicy_hash_cleartext stores it so, and nobody knows it."""
    for value in (random_password(), f"{{CLEARTEXT}}{random_password()}"):
        entry = Entry("cn=a", {"userpassword": (value.encode(),)})
        assert not ways_in.has_clear_password(OpenLdap(), entry)


def test_a_server_that_asks_for_none_locks(world: LdapWorld) -> None:
    account, connector = world.add(newcomer()), world.connect()
    plain = Ldap(world.settings(urls=(world.slapd.url,), ca_file=None))
    connector.lock(connector.before(account))
    for reader in (connector, plain):
        assert reader.observe([account])[account].verdict is Verdict.LOCKED
        assert next(iter(reader._certificates._heard.values()))[1] is False, "the handshake was heard"


def test_an_address_that_is_down_lets_nobody_in_but_one_must_answer(world: LdapWorld, asking: Asking) -> None:
    down = f"ldaps://127.0.0.1:{free_port()}"

    def fault(*urls: str) -> str:
        return ways_in.ClientCertificates(world.settings(urls=urls)).fault()

    assert fault(down, world.slapd.tls_url) == ""
    assert "asks for client certificates" in fault(down, world.slapd.tls_url, asking.tls_url)
    assert "cannot tell" in fault(down)


@pytest.mark.parametrize(
    ("attribute", "title"),
    [
        ("msDS-KeyCredentialLink", "Windows Hello keys"),
        ("msDS-AllowedToActOnBehalfOfOtherIdentity", "accounts that may act for others there"),
    ],
)
def test_what_samba_takes_from_nobody_is_named_too(attribute: str, title: str) -> None:
    """The practice domain's schema is older than the one, and Samba alone writes the other."""
    entry, dialect = Entry("cn=a", {attribute.lower(): (b"value",)}), object.__new__(ActiveDirectory)
    assert f"{title} ({attribute})" in ways_in.kept(dialect, entry)


def test_what_active_directory_keeps_beside_the_password_is_named_in_plan_and_case(ad: AdWorld) -> None:
    who = newcomer()
    account, connector = ad.add(who), ad.connect()
    dn = ad.dn(account)
    names = {
        "altSecurityIdentities": b"X509:<I>CN=Practice CA<S>CN=leaver",
        "userCertificate": ssl.PEM_cert_to_DER_cert((ad.samba.folder / "tls" / "server.pem").read_text()),
        "servicePrincipalName": f"HTTP/{who.login}".encode(),
        "msDS-AllowedToDelegateTo": b"cifs/files.northwind.example",
    }
    for name, value in names.items():
        ad.samba.modify(dn, [(ldap.MOD_ADD, name, [value])])
    doubts = " ".join(connector.find(person(who)).doubts)
    locked = connector.lock(connector.before(account))
    for name in names:
        assert name in doubts
        assert name in " ".join(locked.not_done)
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert f"(userCertificate, valid until {datetime.now(UTC) + timedelta(days=30):%Y-%m-%d})" in doubts
