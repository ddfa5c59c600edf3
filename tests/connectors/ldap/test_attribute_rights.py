"""Attributes that an account may not search, read or write: said before the first case would meet them."""

from collections.abc import Iterator

import ldap
import pytest
from pydantic import SecretStr

from connectors.contract import Person
from connectors.errors import Forbidden
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.test_blind_spots import directory
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import LEAVER, PEOPLE

LEAVERS = f'dn.exact="{ldif.person_dn(LEAVER.uid)}"'
HIDDEN = (
    ("attrs=mail", "none", "mail may not be searched"),
    (f"{LEAVERS} attrs=mail", "none", "mail of 1 of "),
    ("attrs=mail", "=s", "mail may be searched by "),
    (f"{LEAVERS} attrs=entryUUID", "none", "entryUUID of 1 of "),
    (f"{LEAVERS} attrs=uid", "none", "uid of 1 of "),
    ("attrs=member,uniqueMember,memberUid", "none", "the members of 8 of 8 groups"),
    (f'dn.subtree="ou=policies,{ldif.SUFFIX}"', "none", "no password policy can be read"),
)
"""Entries or attributes, the rights of one bot there, and the sentence. The bots are people with rules of their own."""
BOTS = [one for one in PEOPLE if one is not LEAVER][: len(HIDDEN) + 1]
FREE = BOTS[-1]
MEMBERS = BOTS[5]
RULES = "".join(
    f'access to {what} by dn.exact="{ldif.person_dn(bot.uid)}" {rights} by * break\n'
    for bot, (what, rights, _said) in zip(BOTS, HIDDEN, strict=False)
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapWorld]:
    with directory(
        tmp_path_factory.mktemp("slapd"), lambda text: text.replace("access to ", f"{RULES}access to ", 1)
    ) as world:
        yield world


def _as(world: LdapWorld, uid: str, password: str) -> Ldap:
    made = Ldap(world.settings(bind_dn=ldif.person_dn(uid), password=SecretStr(password)))
    world.connectors.append(made)
    return made


@pytest.mark.parametrize("number", range(len(HIDDEN)))
def test_an_attribute_that_is_hidden_is_said_before_a_case_needs_it(own: LdapWorld, number: int) -> None:
    bot, words = BOTS[number], HIDDEN[number][2]
    assert [one for one in _as(own, bot.uid, bot.password).blind_spots() if words in one]
    assert not [one for one in _as(own, FREE.uid, FREE.password).blind_spots() if words in one]


def test_groups_whose_members_may_not_be_searched_are_not_taken_for_none(own: LdapWorld) -> None:
    [found] = own.connect().find(Person("", (LEAVER.email,))).accounts
    assert own.connect().groups(found.id)
    with pytest.raises(Forbidden, match="may not search the members of any group"):
        _as(own, MEMBERS.uid, MEMBERS.password).groups(found.id)


def test_writes_that_will_be_refused_are_said_and_trying_them_changes_nothing(own: LdapWorld) -> None:
    before, writes = own.truth(), own.writes()
    refused = [one for one in _as(own, FREE.uid, FREE.password).blind_spots() if "may" in one and "write" in one]
    assert [one.partition(" may ")[2].partition(" of ")[0] for one in refused[:2]] == [
        "not write pwdAccountLockedTime",
        "not write userPassword",
    ]
    assert any("may take nobody out of a group: it may not write member" in one for one in refused)
    assert not [one for one in own.connect().blind_spots() if "may not write" in one]
    assert (own.truth(), own.writes()) == (before, writes)


def test_a_policy_of_people_that_enforces_no_lock_is_said(own: LdapWorld) -> None:
    dn, hollow = ldif.person_dn(LEAVER.uid), f"cn=hollow,ou=policies,{ldif.SUFFIX}"
    words = f"the password policy {hollow} does not show that it enforces locks"
    classes = ["pwdPolicy", "organizationalRole"]
    own.slapd.add(hollow, {"objectClass": classes, "cn": ["hollow"], "pwdAttribute": ["userPassword"]})
    try:
        assert f"{words}, and may be the one by default" in " ".join(own.connect().blind_spots()), "nobody has it"
        own.slapd.modify(dn, [(ldap.MOD_ADD, "pwdPolicySubentry", [hollow.encode()])])
        assert any(words in one for one in own.connect().blind_spots())
        own.slapd.modify(dn, [(ldap.MOD_DELETE, "pwdPolicySubentry", None)])
    finally:
        own.slapd.delete(hollow)
