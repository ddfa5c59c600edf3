"""Identity in a directory: every address and log-in of an entry, its number, and others that may be the person's."""

import ldap
import pytest

from connectors.conformance.accounts import newcomer, person
from connectors.contract import AccountId, Person, Verdict
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif


def add(world: LdapWorld, login: str, **more: list[str]) -> AccountId:
    """Add a person with further attributes; return the id."""
    attributes = {"objectClass": ["inetOrgPerson"], "uid": [login], "cn": [login], "sn": [login], **more}
    world.slapd.add(ldif.person_dn(login), attributes)
    entry = world.slapd.entry(login)
    assert entry is not None
    return AccountId(entry["entryUUID"][0].decode())


def test_an_entry_tells_every_address_and_its_number(world: LdapWorld) -> None:
    who = newcomer().login
    mails = [f"{who}@x.example", f"{who}.second@x.example"]
    account = add(world, who, mail=mails, employeeNumber=["4711"])
    connector = world.connect()
    [found] = connector.find(Person("", (mails[1],))).accounts
    assert found.id == account
    assert {found.email, *found.also} == set(mails)
    assert found.employee_number == "4711"
    assert connector.read([account])[account].also == found.also


def test_a_further_attribute_of_the_settings_is_an_address(world: LdapWorld) -> None:
    who = newcomer().login
    account = add(world, who, mail=[f"{who}@x.example"], labeledURI=[f"smtp.{who}@y.example"])
    plain, further = (
        world.settings(**change) for change in ({}, {"address_attributes": ("labeledURI", "proxyAddresses")})
    )
    wanted = Person("", (f"smtp.{who}@y.example",))
    connect = type(world.connect())
    assert connect(plain).find(wanted).accounts == ()
    [found] = connect(further).find(wanted).accounts
    assert (found.id, found.also, found.matched_by) == (account, (f"smtp.{who}@y.example",), "labeledURI")


@pytest.mark.parametrize(
    ("stored", "typed"), [("\u212aim", "kim"), ("zo\u00eb", "zoe\u0308"), ("stra\u00df", "strass")]
)
def test_what_only_looks_alike_is_a_doubt_and_no_match(world: LdapWorld, stored: str, typed: str) -> None:
    tag = newcomer().login
    add(world, f"{stored}.{tag}")
    lookup = world.connect().find(Person("", (), (f"{typed}.{tag}",)))
    assert lookup.accounts == ()
    assert lookup.doubts


def test_other_accounts_of_the_same_person_are_candidates(world: LdapWorld) -> None:
    who = newcomer().login
    own = add(world, who, mail=[f"{who}@x.example"], employeeNumber=[who])
    others = {
        add(world, f"adm-{who}"),
        add(world, f"{who}.ext"),
        add(world, f"one.{who}.more", mail=[f"{who}+guest@x.example"]),
        add(world, f"two.{who}.more", employeeNumber=[who]),
    }
    add(world, f"x{who}", mail=[f"x{who}@x.example"])
    connector, person = world.connect(), Person("", (f"{who}@x.example",), (who,), who)
    assert {one.id for one in connector.related(person)} - {own} == others
    assert [one.id for one in connector.find(person).accounts] == [own]
    assert connector.related(Person("", (), ("nobody-*",))) == []


def test_an_account_of_the_same_person_above_the_base_is_a_candidate(world: LdapWorld) -> None:
    who = newcomer()
    own, dn = world.add(who), f"uid=root.{who.login},{ldif.SUFFIX}"
    world.slapd.add(dn, {"objectClass": ["inetOrgPerson"], "cn": ["x"], "sn": ["x"], "mail": [who.email]})
    with world.slapd.bound() as root:
        [(_, row)] = root.search_s(dn, ldap.SCOPE_BASE, attrlist=["entryUUID"])
    below = Ldap(world.settings(base_dn=ldif.PEOPLE_DN, group_base_dn=ldif.GROUPS_DN))
    assert [one.id for one in below.find(person(who)).accounts] == [own]
    other = AccountId(row["entryUUID"][0].decode())
    assert [one.id for one in below.related(person(who))] == [other]
    assert below.observe([other])[other].verdict is Verdict.OPEN
    world.slapd.delete(dn)


def test_a_password_for_an_application_below_the_person_is_a_candidate(world: LdapWorld) -> None:
    who = newcomer()
    world.add(who)
    secret = {"userPassword": [ldif.hash_password("phone-2026")]}
    for name, more in (("phone", secret), ("friend", {"mail": ["f@x"]})):
        classes = ["inetOrgPerson"]
        row = {"objectClass": classes, "cn": [name], "sn": [name], **more}
        world.slapd.add(f"cn={name},{ldif.person_dn(who.login)}", row)
    connector = world.connect()
    [found] = connector.related(person(who))
    assert (found.login, found.verdict) == ("phone", Verdict.UNKNOWN)
    connector.lock(connector.before(found.id))
    assert connector.observe([found.id])[found.id].verdict is Verdict.LOCKED
    with (
        pytest.raises(ldap.INVALID_CREDENTIALS),
        world.slapd.bound(f"cn=phone,{ldif.person_dn(who.login)}", "phone-2026"),
    ):
        pytest.fail("let in")
    for name in ("phone", "friend"):
        world.slapd.delete(f"cn={name},{ldif.person_dn(who.login)}")


def test_a_renamed_entry_is_read_by_its_id(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    new = f"new.{who.login}@x.example".encode()
    world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_REPLACE, "mail", [new])])
    seen = connector.read([account, world.nobody()])
    assert {key: one.email for key, one in seen.items()} == {account: f"new.{who.login}@x.example"}
    assert seen[account].verdict is Verdict.OPEN
