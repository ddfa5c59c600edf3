"""Pure functions: Active Directory's values, ranges of large attributes, and nested groups of OpenLDAP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId, Person, Residual, Verdict
from connectors.ldap import active_directory, faults
from connectors.ldap.active_directory import ActiveDirectory
from connectors.ldap.connector import Ldap
from connectors.ldap.openldap import OpenLdap
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry, Values, matched_by, whole
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "urls": ["ldaps://dc1.example.com"],
    "bind_dn": "bot@example.com",
    "password": SecretStr("x"),
    "base_dn": "DC=example,DC=com",
    "dialect": "active_directory",
}


@pytest.mark.parametrize(
    ("control", "verdict"),
    [
        (b"512", Verdict.OPEN),
        (b"514", Verdict.LOCKED),
        (b"66050", Verdict.LOCKED),
        (b"2", Verdict.LOCKED),
        (b"", Verdict.UNKNOWN),
        (b"a lot", Verdict.UNKNOWN),
        (None, Verdict.UNKNOWN),
    ],
)
def test_a_verdict_needs_flags_that_can_be_read(control: bytes | None, verdict: Verdict) -> None:
    flags = {} if control is None else {"userAccountControl": [control]}
    entry = Entry.read("CN=x", {"accountExpires": [b"0"]} | flags)
    found, reason = ActiveDirectory(LdapSettings.model_validate(GOOD)).verdict(entry)
    assert found is verdict
    assert bool(reason) is (verdict is Verdict.UNKNOWN)


@pytest.mark.parametrize(
    ("expires", "locked_out", "words"),
    [
        ("0", "0", ""),
        ("9223372036854775807", "", ""),
        ("", "soon", ""),
        ("9223372036854775806", "", ""),
        ("131000000000000000", "0", "only expired since 2016-02-15"),
        ("139000000000000000", "0", "expires at 2041-06-22"),
        ("0", "131000000000000000", "only for a time, since 2016-02-15"),
    ],
)
def test_dates_of_active_directory(expires: str, locked_out: str, words: str) -> None:
    said = active_directory.why_open(expires, locked_out, NOW)
    assert words in said
    assert bool(said) is bool(words)


@pytest.mark.parametrize(
    ("info", "code", "words"),
    [
        ("80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 533, v3", "533", "disabled"),
        (
            "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 52E, v3",
            "52e",
            "wrong password",
        ),
        ("AcceptSecurityContext error, data 9999, v1", "9999", "log-in refused (data 9999)"),
        ("data 533 of something else", "", ""),
    ],
)
def test_codes_of_refused_log_ins(info: str, code: str, words: str) -> None:
    assert faults.refusal_code({"info": info}) == code
    assert words in faults.refusal_words({"info": info})
    assert faults.refusal_words({}) == ""


def test_portions_are_asked_for_until_the_last() -> None:
    asked: list[str] = []

    def more(attribute: str) -> Values:
        asked.append(attribute)
        return {"member;range=2-3": [b"c", b"d"]} if attribute.endswith("=2-*") else {"member;range=4-*": [b"e"]}

    found = whole({"cn": [b"x"], "member": [], "member;range=0-1": [b"a", b"b"]}, more)
    assert found == {"cn": [b"x"], "member": [b"a", b"b", b"c", b"d", b"e"]}
    assert asked == ["member;range=2-*", "member;range=4-*"]


def test_an_attribute_that_ends_between_two_portions_is_kept() -> None:
    assert whole({"member;range=0-1": [b"a", b"b"]}, lambda _: {}) == {"member": [b"a", b"b"]}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"urls": ["ldap://127.0.0.1"]}, "only over TLS"),
        ({"urls": ["ldaps://dc1.example.com:3269"]}, "global catalog"),
        ({"disabled_ou": "Disabled"}, "is not a DN"),
        ({"id_attribute": "entryUUID"}, "389ds"),
        ({"dialect": "openldap", "disabled_ou": "OU=x,DC=y"}, "active_directory"),
        ({"dialect": "389ds", "lock_administrators": True}, "active_directory"),
    ],
)
def test_faults_of_the_settings(change: dict[str, Any], fault: str) -> None:
    LdapSettings.model_validate(GOOD)
    with pytest.raises(ValidationError, match=fault):
        LdapSettings.model_validate(GOOD | change)


def test_nested_groups_of_openldap_are_followed_and_circles_end(world: LdapWorld) -> None:
    account, other = world.add(newcomer()), world.add(newcomer())
    names = [f"{kind} {account}" for kind in ("team", "area", "company", "zz plain")]
    world.add_group(names[0], [account])
    world.add_group(names[3], [account, other])
    for lower, upper in ((names[0], names[1]), (names[1], names[2])):
        world.slapd.add(
            ldif.group_dn(upper), {"objectClass": ["groupOfNames"], "cn": [upper], "member": [ldif.group_dn(lower)]}
        )
    world.slapd.modify(ldif.group_dn(names[0]), [(0, "member", [ldif.group_dn(names[2]).encode()])])
    found = {group.name: group.parent_groups for group in world.connect().groups(account)}
    assert found == {names[0]: (names[1], names[2]), names[3]: ()}


def test_an_id_is_the_same_however_it_is_written(world: LdapWorld) -> None:
    account = world.add(newcomer())
    shouted = AccountId(f"{{{account.upper()}}}")
    assert world.connect().observe([shouted])[shouted].verdict is Verdict.OPEN


def test_which_attribute_matched_is_told_as_the_server_compares() -> None:
    entry = Entry.read("uid=x,o=y", {"mail": [b" Dana.Scott@X.example "], "uid": [b"dana"]})
    assert matched_by(entry, Person("", ("dana.scott@x.example",), ("dana",)), OpenLdap()) == "mail"
    assert matched_by(Entry.read("uid=x,o=y", {}), Person("", ("dana.scott@x.example",)), OpenLdap()) == "mail"


@pytest.mark.parametrize(("dialect", "what"), [("openldap", "open connections"), ("active_directory", "Kerberos")])
def test_tickets_and_open_connections_last_as_long_as_the_settings_say(dialect: str, what: str) -> None:
    def residual(**more: object) -> Residual | None:
        values = {
            "urls": ["ldaps://127.0.0.1:1"],
            "bind_dn": "cn=b,dc=x",
            "password": SecretStr("p"),
            "base_dn": "dc=x",
        }
        return Ldap(LdapSettings.model_validate(values | {"dialect": dialect} | more)).residual(AccountId("a"))

    default = residual()
    assert default is not None
    assert (what in default.what, default.lasts) == (True, timedelta(hours=10))
    assert residual(residual_hours=0) is None
    assert getattr(residual(residual_hours=1.5), "lasts", None) == timedelta(minutes=90)
