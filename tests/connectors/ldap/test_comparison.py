"""Entries that a server hides: shown by a number, by a second account, or by what the server lets out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from bot.cli.checks.systems import checks
from connectors.conformance.accounts import Newcomer, newcomer, person
from connectors.contract import AccountId, Person, Verdict
from connectors.ldap import MANIFEST
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.test_absence import entry as added
from tests.connectors.ldap.test_blind_spots import directory
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.slapd_conf import ROOT_DN, ROOT_PASSWORD
from workflows.systems.registry import System

UNTOLD = "cannot tell which accounts"
HIDDEN, TOLD, GROUP = "hidden", "told", "secret"
"""Beginnings of the names of entries that the bot's account may not read."""
FOLDER = f"ou=shut,{ldif.SUFFIX}"
RULES = f"""\
access to dn.regex="^uid={HIDDEN}[^,]*,{ldif.PEOPLE_DN}$" by * none
access to dn.regex="^uid={TOLD}[^,]*,{ldif.PEOPLE_DN}$" by * =d
access to dn.regex="^cn={GROUP}[^,]*,{ldif.GROUPS_DN}$" by * none
access to dn.children="{FOLDER}" by * none
access to """


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapWorld]:
    """Serve the practice directory with rules that hide entries from everybody but its administrator."""
    with directory(tmp_path_factory.mktemp("slapd"), lambda text: text.replace("access to ", RULES, 1)) as own:
        yield own


def _compared(world: LdapWorld, **changes: Any) -> Ldap:
    second = {"compare_bind_dn": ROOT_DN, "compare_password": SecretStr(ROOT_PASSWORD)}
    made = Ldap(world.settings(**second | changes))
    world.connectors.append(made)
    return made


def _doctor(connector: Ldap) -> list[tuple[bool, bool, str]]:
    [check] = checks({"directory": System("directory", MANIFEST, connector)})
    return [(one.ok, one.unseen, one.said) for one in check.look()]


def test_a_directory_compared_with_a_second_account_is_good(world: LdapWorld) -> None:
    assert [(ok, unseen) for ok, unseen, _said in _doctor(_compared(world))] == [(True, False)]


def test_without_a_comparison_nothing_tells_what_is_hidden(blind: LdapWorld) -> None:
    _good, (ok, unseen, said) = _doctor(blind.connect())
    assert (ok, unseen) == (True, True)
    assert said.startswith(UNTOLD)


@contextmanager
def _entry(world: LdapWorld, who: Newcomer) -> Iterator[AccountId]:
    yield world.add(who)
    world.slapd.delete(ldif.person_dn(who.login))


def _faults(connector: Ldap) -> list[str]:
    return [said for ok, _unseen, said in _doctor(connector) if not ok]


def test_an_account_that_only_the_second_one_sees_is_never_absent(blind: LdapWorld) -> None:
    who = newcomer(HIDDEN)
    with _entry(blind, who) as account:
        connector = _compared(blind)
        faults, warned = _faults(connector), connector.shortfalls()
        lookup, seen = connector.find(person(who)), connector.observe([account])[account]
    assert faults == list(warned) == [f"{ROOT_DN} sees 1 account that {blind.slapd.bind_dn} does not see"]
    assert lookup.accounts == ()
    assert any(f"sees the account {who.login}" in one for one in lookup.doubts)
    assert (seen.verdict, ROOT_DN in seen.reason) == (Verdict.UNKNOWN, True)


def test_a_second_account_of_the_leaver_that_is_hidden_is_said(blind: LdapWorld) -> None:
    who, hidden = newcomer(), newcomer(HIDDEN)
    both = Person("", (who.email, hidden.email))
    with _entry(blind, who) as account, _entry(blind, hidden):
        lookup = _compared(blind).find(both)
        assert blind.connect().find(both).hidden == (), "nothing tells it"
    assert [one.id for one in lookup.accounts] == [account]
    assert [hidden.login in one for one in lookup.hidden] == [True]


def test_fewer_accounts_than_expected_are_a_fault_and_make_nobody_absent(blind: LdapWorld) -> None:
    seen = blind.connect().headcount()
    few, enough, old = (
        Ldap(blind.settings(accounts_at_least=number)) for number in (seen + 1, seen, seen - seen // 20 - 2)
    )
    assert _faults(few) == [f"{blind.slapd.bind_dn} sees {seen} accounts, and accounts_at_least says {seen + 1}"]
    assert few.observe([gone := blind.nobody()])[gone].verdict is Verdict.UNKNOWN
    assert few.find(person(newcomer())).doubts == few.shortfalls()
    assert [(ok, unseen) for ok, unseen, _said in _doctor(enough)] == [(True, False)]
    assert enough.observe([gone])[gone].verdict is Verdict.ABSENT
    assert enough.find(person(newcomer())).doubts == ()
    [_check, (ok, unseen, said)] = _doctor(old)
    assert (ok, unseen, "Count there again" in said) == (True, True, True)


def test_a_group_that_only_the_second_account_sees_is_a_fault(blind: LdapWorld) -> None:
    with _entry(blind, newcomer()) as account:
        blind.add_group(f"{GROUP} team", [account])
        try:
            assert [f"{ROOT_DN} sees 1 group" in one for one in _faults(_compared(blind))] == [True]
        finally:
            blind.slapd.delete(ldif.group_dn(f"{GROUP} team"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"compare_password": SecretStr("wrong")}, "refuses the log-in"),
        ({"compare_bind_dn": ldif.person_dn(PEOPLE[0].uid), "compare_password": SecretStr(PEOPLE[0].password)}, ""),
    ],
)
def test_a_comparison_that_fails_proves_nothing(blind: LdapWorld, change: dict[str, Any], said: str) -> None:
    connector, gone = _compared(blind, **change), blind.nobody()
    with _entry(blind, newcomer(HIDDEN)):
        unseen = [one for _ok, unseen, one in _doctor(connector) if unseen]
    assert [said in one for one in unseen] == ([True] if said else [])
    assert (connector.observe([gone])[gone].verdict is Verdict.UNKNOWN) is bool(said)


def test_a_second_account_that_sees_less_shows_nothing(blind: LdapWorld) -> None:
    who = newcomer(HIDDEN)
    with _entry(blind, who):
        second = blind.slapd.bind_dn, SecretStr(blind.slapd.bind_password)
        upside = _compared(
            blind,
            bind_dn=ROOT_DN,
            password=SecretStr(ROOT_PASSWORD),
            compare_bind_dn=second[0],
            compare_password=second[1],
        )
        unclear = upside.blind_spots()
    assert [f"does not see 1 account that {ROOT_DN} sees" in one for one in unclear] == [True]


def test_a_folder_that_shows_nothing_and_is_not_empty_makes_nobody_absent(blind: LdapWorld) -> None:
    gone, words = blind.nobody(), f"no entry below {FOLDER} can be seen"
    with added(blind, FOLDER, objectClass=["organizationalUnit"], ou=["shut"]):
        assert blind.connect().observe([gone])[gone].verdict is Verdict.ABSENT
        with added(blind, f"ou=inner,{FOLDER}", objectClass=["organizationalUnit"], ou=["inner"]):
            connector = blind.connect()
            assert any(words in one for one in connector.blind_spots())
            assert any(words in one for one in connector.find(person(newcomer())).doubts)
            assert connector.observe([gone])[gone].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("rule", [TOLD, HIDDEN])
def test_what_a_server_lets_out_of_a_hidden_entry_contradicts_its_absence(blind: LdapWorld, rule: str) -> None:
    who = newcomer(rule)
    with _entry(blind, who) as account:
        group = f"team {who.login}"
        if rule == HIDDEN:
            blind.add_group(group, [account])
        said = blind.connect().find(person(who)).doubts
        if rule == HIDDEN:
            blind.slapd.delete(ldif.group_dn(group))
    words = f"{ldif.person_dn(who.login)} is there" if rule == TOLD else f"{ldif.group_dn(group)} names {who.login}"
    assert any(words in one for one in said)


@pytest.mark.parametrize(
    "wrong",
    [
        {"compare_bind_dn": ROOT_DN},
        {"compare_password": SecretStr("x")},
        {"compare_bind_dn": ldif.SERVICE_DN.upper(), "compare_password": SecretStr("x")},
    ],
)
def test_a_second_account_needs_its_password_and_is_another_one(world: LdapWorld, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="compare_bind_dn"):
        world.settings(**wrong)
