"""Existence is asked without a class, and an answer that may lack somebody makes nobody absent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ldap
import pytest
from ldap.controls.simple import ManageDSAITControl
from pydantic import SecretStr

from connectors.conformance.accounts import Newcomer, newcomer, person
from connectors.contract import AccountId, Change, Person, Verdict
from connectors.errors import Forbidden, Unavailable
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif, samba_seed
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.samba_conf import PEOPLE_OU
from tests.sandbox.company.slapd import Slapd

NOBODY = Person("", ("nobody@nowhere.example",))


@contextmanager
def entry(world: LdapWorld, dn: str, **values: list[str]) -> Iterator[str]:
    """Add an entry for a while."""
    world.slapd.add(dn, values)
    try:
        yield dn
    finally:
        world.slapd.delete(dn)


@contextmanager
def referral(world: LdapWorld) -> Iterator[str]:
    """Hang a part of the tree onto another server for a while."""
    dn = f"ou=abroad,{ldif.PEOPLE_DN}"
    world.slapd.add(
        dn, {"objectClass": ["referral", "extensibleObject"], "ou": ["abroad"], "ref": [f"ldap://127.0.0.1:9/{dn}"]}
    )
    try:
        yield dn
    finally:
        with world.slapd.bound() as root:
            root.delete_ext_s(dn, serverctrls=[ManageDSAITControl()])


@pytest.fixture
def unix(world: LdapWorld) -> Iterator[Newcomer]:
    """Add somebody who is an account and no person by class, as 389 Directory Server's own users are."""
    who = newcomer()
    values = {"uidNumber": ["7"], "gidNumber": ["7"], "homeDirectory": ["/"], "cn": [who.name], "uid": [who.login]}
    dn, password = ldif.person_dn(who.login), [ldif.hash_password(who.password)]
    with entry(world, dn, objectClass=["account", "posixAccount"], userPassword=password, **values):
        yield who


def test_somebody_who_is_no_person_by_class_is_found_listed_and_locked(world: LdapWorld, unix: Newcomer) -> None:
    connector = world.connect()
    [found] = connector.find(Person("", (), (unix.login,))).accounts
    assert (found.verdict, found.login) == (Verdict.OPEN, unix.login)
    assert found.id in {one.id for one in connector.everyone()}
    assert found.id in {one.id for one in connector.alive()}
    connector.lock(connector.before(found.id))
    assert not world.slapd.can_bind(unix.login, unix.password)
    assert connector.find(Person("", (), (unix.login,))).accounts[0].verdict is Verdict.LOCKED
    assert connector.headcount() == len(list(connector.everyone()))


def test_the_setting_for_lists_hides_nobody_who_is_looked_up(world: LdapWorld) -> None:
    who = newcomer()
    account = world.add(who)
    connector = Ldap(world.settings(people_filter=f"(uid={PEOPLE[0].uid})"))
    assert [one.id for one in connector.find(person(who)).accounts] == [account]


def test_programs_and_groups_are_in_no_list_of_people(world: LdapWorld) -> None:
    logins = {one.login for one in world.connect().everyone()}
    assert logins >= {one.uid for one in PEOPLE}
    assert "svc-handover" not in logins
    assert not logins & set(world.slapd.groups())


@pytest.mark.parametrize("kind", ["groupOfNames", "alias"])
def test_an_entry_that_is_no_account_is_no_proof_of_absence(world: LdapWorld, kind: str) -> None:
    who, to = newcomer(), ldif.person_dn(PEOPLE[0].uid)
    own = {"member": [to]} if kind == "groupOfNames" else {"aliasedObjectName": [to]}
    values = {"objectClass": [kind, "extensibleObject"], "cn": ["x"], "mail": [who.email], **own}
    with entry(world, f"cn=x,{ldif.PEOPLE_DN}", **values):
        lookup = world.connect().find(person(who))
    assert lookup.accounts == ()
    assert f"is no account ({kind}" in lookup.doubts[0]


def test_a_part_on_another_server_makes_nobody_absent_and_stops_no_lock(world: LdapWorld) -> None:
    who = newcomer()
    account, connector, gone = world.add(who), world.connect(), world.nobody()
    assert connector.find(NOBODY).doubts == ()
    with referral(world):
        lookup = connector.find(NOBODY)
        assert lookup.accounts == ()
        assert "only a part: the rest is at ldap://127.0.0.1:9/" in lookup.doubts[0]
        assert [one.id for one in connector.find(person(who)).accounts] == [account]
        seen = connector.observe([account, gone])
        assert (seen[account].verdict, seen[gone].verdict) == (Verdict.OPEN, Verdict.UNKNOWN)
        assert "only a part" in seen[gone].reason
        with pytest.raises(Unavailable, match="only a part"):
            connector.before(gone)
        assert connector.lock(connector.before(account)).change is Change.MADE
        with pytest.raises(Unavailable, match="only a part"):
            list(connector.everyone())
    assert connector.observe([account, gone])[gone].verdict is Verdict.ABSENT
    assert connector.observe([account])[account].verdict is Verdict.LOCKED


def test_the_control_account_may_be_the_one_that_is_looked_up(
    world: LdapWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that shows nothing for a moment, then everybody: the first of them is the leaver."""
    who, real = newcomer(), LdapConnection.search
    account, hidden = world.add(who), [True]

    def search(self: LdapConnection, *args: object, **more: object) -> object:
        rows = list(real(self, *args, **more))  # type: ignore[arg-type]
        return [] if hidden and hidden.pop() else rows

    monkeypatch.setattr(LdapConnection, "search", search)
    connector = Ldap(world.settings(people_filter=f"(uid={who.login})"))
    assert [one.id for one in connector.find(person(who)).accounts] == [account]


def test_a_value_with_a_language_is_a_value(world: LdapWorld) -> None:
    who = newcomer()
    account = world.add(who)
    dn = ldif.person_dn(who.login)
    world.slapd.modify(dn, [(ldap.MOD_ADD, "mail;lang-de", [b"deutsch@northwind.example"])])
    [found] = world.connect().find(Person("", ("deutsch@northwind.example",))).accounts
    assert (found.id, found.email, found.also) == (account, who.email, ("deutsch@northwind.example",))
    world.slapd.modify(dn, [(ldap.MOD_DELETE, "mail", None)])
    [found] = world.connect().find(Person("", ("deutsch@northwind.example",))).accounts
    assert found.email == "deutsch@northwind.example"


class Blind(Slapd):
    """A directory in which the bot's account may not search addresses, and in which nobody has a log-in."""

    base_dn = ldif.PEOPLE_DN
    bind_dn = f"uid=svc-blind,ou=services,{ldif.SUFFIX}"

    def _seed(self) -> None:
        super()._seed()
        conf = self.folder / "slapd.conf"
        hidden = f'access to dn.subtree="{ldif.PEOPLE_DN}" attrs=mail by * none\n'
        conf.write_text(conf.read_text().replace("access to ", f"{hidden}access to ", 1))


@pytest.fixture
def blind(tmp_path: Path) -> Iterator[LdapWorld]:
    with Blind(tmp_path, []) as server:
        world = LdapWorld(server)
        world.slapd.add(
            server.bind_dn,
            {
                "objectClass": ["account", "simpleSecurityObject"],
                "uid": ["svc-blind"],
                "userPassword": [ldif.hash_password(server.bind_password)],
            },
        )
        named = {"cn": ["Ann"], "sn": ["Ann"], "mail": ["ann@northwind.example"]}
        world.slapd.add(f"cn=Ann,{ldif.PEOPLE_DN}", {"objectClass": ["inetOrgPerson"], **named})
        yield world


# -- locks that cannot be read


def test_a_lock_that_may_not_be_read_is_unknown_and_never_open(world: LdapWorld) -> None:
    who, me = newcomer(), PEOPLE[0]
    account, bot = world.add(who), world.connect()
    before = bot.before(account)
    assert bot.observe([account])[account].verdict is Verdict.OPEN
    bot.lock(before)
    blind = Ldap(world.settings(bind_dn=ldif.person_dn(me.uid), password=SecretStr(me.password)))
    seen = blind.observe([account])[account]
    assert (seen.verdict, "pwdAccountLockedTime cannot be read" in seen.reason) == (Verdict.UNKNOWN, True)
    assert [one.verdict for one in blind.find(person(who)).accounts] == [Verdict.UNKNOWN]
    assert blind.administrators(PEOPLE[0].team)[0].verdict is Verdict.UNKNOWN
    with pytest.raises(Forbidden, match="cannot be read"):
        blind.unlock(before)
    for ask in (blind.everyone, blind.alive):
        with pytest.raises(Forbidden, match=r"pwdAccountLockedTime of .* accounts cannot be read"):
            list(ask())


# -- Active Directory


def test_a_contact_with_the_address_is_no_account_and_no_proof_of_absence(ad: AdWorld) -> None:
    who = newcomer()
    ad.samba.add(f"CN=Contact {who.login},{PEOPLE_OU}", [("objectClass", [b"contact"]), ("mail", [who.email.encode()])])
    lookup = ad.connect().find(person(who))
    assert lookup.accounts == ()
    assert "is no account (" in lookup.doubts[0]
    assert ad.connect().find(NOBODY).doubts == ()


def test_an_entry_of_another_category_is_found_all_the_same(ad: AdWorld) -> None:
    who = newcomer()
    account = ad.add(who)
    [category] = [
        row["objectCategory"][0] for row in ad.samba.search("(objectClass=group)", ["objectCategory"]).values()
    ][:1]
    ad.samba.modify(ad.dn(account), [(ldap.MOD_REPLACE, "objectCategory", [category])])
    assert [one.id for one in ad.connect().find(person(who)).accounts] == [account]
    assert account in {one.id for one in ad.connect().everyone()}


def test_addresses_without_their_kind_are_found(ad: AdWorld) -> None:
    who = newcomer()
    account = ad.add(who)
    values = [f"old.{who.email}".encode(), f"SMTP:new.{who.email}".encode(), b"X500:/o=x/cn=y"]
    ad.samba.modify(ad.dn(account), [(ldap.MOD_ADD, "proxyAddresses", values)])
    for address in (f"old.{who.email}", f"NEW.{who.email}"):
        [found] = ad.connect().find(Person("", (address,))).accounts
        assert (found.id, found.matched_by) == (account, "proxyAddresses")
    assert {f"old.{who.email}", f"new.{who.email}"} < set(found.also)
    assert not any("X500" in one for one in found.also)


@pytest.mark.parametrize("form", ["{name}@northwind.example", "{name}@NORTHWIND", "NORTHWIND\\{name}"])
def test_a_log_in_that_no_attribute_holds_is_found(ad: AdWorld, form: str) -> None:
    who = newcomer()
    account = ad.add(who)
    name = ad.value(account, "sAMAccountName")
    ad.samba.modify(ad.dn(account), [(ldap.MOD_REPLACE, "userPrincipalName", [b"%s@married.example" % name.encode()])])
    login = form.format(name=name)
    assert ad.samba.can_bind(login, who.password)
    for asked in (Person("", (login,)), Person("", (), (login,))):
        [found] = ad.connect().find(asked).accounts
        assert (found.id, found.matched_by) == (account, "sAMAccountName")


def test_a_name_before_another_suffix_is_a_candidate_and_no_match(ad: AdWorld) -> None:
    who = newcomer()
    account = ad.add(who)
    login = f"{ad.value(account, 'sAMAccountName')}@subsidiary.example"
    partitions = f"CN=Partitions,CN=Configuration,{ad.samba.base_dn}"
    ad.samba.modify(partitions, [(ldap.MOD_ADD, "uPNSuffixes", [b"subsidiary.example"])])
    try:
        assert not ad.samba.can_bind(login, who.password)
        lookup = ad.connect().find(Person("", (login,)))
    finally:
        ad.samba.modify(partitions, [(ldap.MOD_DELETE, "uPNSuffixes", None)])
    assert lookup.accounts == ()
    assert lookup.doubts == (f"{ad.dn(account)} has the same name as its log-in, and another domain",)


# -- a lookup that could find nobody


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Person("", ("nobody@nowhere.example",)), "mail may not be searched by uid=svc-blind"),
        (Person("", (), ("nobody",)), "no account below ou=people,dc=northwind,dc=example can be found by uid"),
    ],
)
def test_a_lookup_that_could_find_nobody_proves_no_absence(blind: LdapWorld, asked: Person, words: str) -> None:
    lookup = blind.connect().find(asked)
    assert lookup.accounts == ()
    assert words in lookup.doubts[0]


def test_an_account_outside_of_the_base_is_evidence(world: LdapWorld) -> None:
    who = newcomer()
    dn = f"uid={who.login},ou=services,{ldif.SUFFIX}"
    values = {"objectClass": ["inetOrgPerson"], "cn": [who.name], "sn": ["x"], "uid": [who.login]}
    with entry(world, dn, **values):
        people = Ldap(world.settings(base_dn=ldif.PEOPLE_DN))
        lookup = people.find(person(who))
        assert len(world.connect().find(person(who)).accounts) == 1
    assert lookup.accounts == ()
    assert lookup.doubts == (f"{dn} matches, and lies outside of {ldif.PEOPLE_DN}",)
    assert people.find(person(who)).doubts == ()


ATTRIBUTES = {
    "userAccountControl": "bf967a68-0de6-11d0-a285-00aa003049e2",
    "accountExpires": "bf967915-0de6-11d0-a285-00aa003049e2",
}
"""By their schemaIDGUID, as an access control entry names them."""


@pytest.mark.parametrize(("attribute", "unlocked"), [(one, one == "accountExpires") for one in ATTRIBUTES])
def test_flags_or_an_expiry_that_may_not_be_read_are_unknown(ad: AdWorld, attribute: str, unlocked: bool) -> None:
    who = newcomer()
    account, connector = ad.add(who), ad.connect()
    before = connector.before(account)
    connector.lock(before)
    if unlocked:
        connector.unlock(before)
    deny(ad, account, ATTRIBUTES[attribute])
    try:
        seen = ad.connect().observe([account])[account]
        assert (seen.verdict, f"{attribute} cannot be read" in seen.reason) == (Verdict.UNKNOWN, True)
        assert [one.verdict for one in ad.connect().find(person(who)).accounts] == [Verdict.UNKNOWN]
        if not unlocked:
            with pytest.raises(Forbidden, match="cannot be read"):
                connector.unlock(before)
    finally:
        with ad.samba.administrator() as admin:
            admin.delete_s(ad.dn(account))


def deny(ad: AdWorld, account: AccountId, guid: str) -> None:
    """Forbid everybody to read one attribute of one account."""
    folder = ad.samba.folder
    rule = f"--sddl=(OD;;RP;{guid};;WD)"
    samba_seed.tool(
        "dsacl",
        "set",
        f"--objectdn={ad.dn(account)}",
        rule,
        "-H",
        str(folder / "private" / "sam.ldb"),
        "-s",
        str(folder / "smb.conf"),
    )
