"""Everybody at once, against a real slapd: who is locked, who is there, and who changed an account last."""

from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import cast

import ldap
import pytest

from connectors.conformance.accounts import newcomer
from connectors.contract import Account, AccountId, Person, Verdict
from connectors.errors import ConnectorError, Forbidden, Unavailable
from connectors.ldap import connection, roster
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connections import LdapConnections
from connectors.ldap.connector import Ldap
from connectors.ldap.directory import Directory
from connectors.ldap.openldap import OpenLdap
from connectors.ldap.wire import Entry
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import PEOPLE
from workflows.access.protected import ProtectedAccounts

AGO = timedelta(hours=1)
LATEST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _lock(world: LdapWorld, account: AccountId) -> None:
    connector = world.connect()
    connector.lock(connector.before(account))


def test_everybody_who_is_locked_for_good_is_listed_page_after_page(
    world: LdapWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BIG_PAGE", 2)
    accounts = [world.add(newcomer()) for _ in range(5)]
    free, for_a_time = world.add(newcomer()), world.add(newcomer())
    for account in accounts:
        _lock(world, account)
    dn = ldif.person_dn(world.login(for_a_time))
    world.slapd.modify(dn, [(ldap.MOD_ADD, "pwdAccountLockedTime", [b"20260101000000Z"])])
    listed = world.connect().locked()
    assert set(accounts) <= set(listed)
    assert not {free, for_a_time} & set(listed)


def test_everyone_is_streamed_with_what_a_read_says(world: LdapWorld) -> None:
    who = newcomer()
    account = world.add(who)
    _lock(world, account)
    found = {one.id: one for one in world.connect().everyone()}
    assert len(found) >= len(PEOPLE) + 1
    assert (found[account].verdict, found[account].email, found[account].login) == (
        Verdict.LOCKED,
        who.email,
        who.login,
    )
    assert any(one.verdict is Verdict.OPEN for one in found.values())


def test_who_is_alive_is_listed_without_those_who_are_locked(world: LdapWorld) -> None:
    free, gone, for_a_time = (world.add(newcomer()) for _ in range(3))
    _lock(world, gone)
    dn = ldif.person_dn(world.login(for_a_time))
    world.slapd.modify(dn, [(ldap.MOD_ADD, "pwdAccountLockedTime", [b"20260101000000Z"])])
    found = {one.id: one.verdict for one in world.connect().alive()}
    assert found[free] is Verdict.OPEN
    assert gone not in found
    assert for_a_time in found, "a lock that ends by itself is none"


def test_every_address_of_an_account_is_told(world: LdapWorld) -> None:
    account = world.add(newcomer())
    login = world.login(account)
    world.slapd.modify(ldif.person_dn(login), [(ldap.MOD_ADD, "mail", [b"Chief@board.example", b"z@board.example"])])
    connector = world.connect()
    [found] = connector.find(Person("", (), (login,))).accounts
    listed = next(one for one in connector.everyone() if one.id == account)
    for one in (found, listed):
        assert {"chief@board.example", "z@board.example"} <= {name.casefold() for name in (one.email, *one.also)}
        assert len({one.email, *one.also}) == 3
        assert ProtectedAccounts(["chief@BOARD.example"]).is_protected(one.names)


def test_a_list_that_is_cut_short_is_an_error(world: LdapWorld) -> None:
    connector = world.connect()
    with closing(cast("Generator[Account, None, None]", connector.everyone())) as stream:
        next(stream)
    assert connector.check(), "a list left in the middle holds no connection"
    with world.stopped(), pytest.raises(ConnectorError):
        list(connector.everyone())


def test_a_base_that_is_gone_for_a_minute_locks_nobody_and_makes_nobody_absent(world: LdapWorld) -> None:
    account = world.add(newcomer())
    _lock(world, account)
    gone = Ldap(world.settings(base_dn=f"ou=gone,{ldif.SUFFIX}"))
    for ask in (gone.locked, lambda: list(gone.everyone()), lambda: gone.observe([account])):
        with pytest.raises(ConnectorError):
            ask()
    nobody = Ldap(world.settings(people_filter="(objectClass=country)"))
    with pytest.raises(Unavailable, match="no account is taken for gone"):
        nobody.observe([world.nobody()])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"authTimestamp": ["20260102030405Z"], "pwdLastSuccess": ["20251231000000.5Z"]}, LATEST),
        ({"pwdLastSuccess": ["20251231000000Z"]}, datetime(2025, 12, 31, tzinfo=UTC)),
        ({"authTimestamp": ["yesterday"]}, None),
        ({}, None),
    ],
)
def test_the_last_log_in_is_the_latest_that_is_told(
    world: LdapWorld, values: dict[str, list[str]], told: datetime | None
) -> None:
    class Stub:
        def search(self, *_: object) -> list[Entry]:
            raw = {name: [value.encode() for value in many] for name, many in values.items()}
            return [Entry.read("uid=x", raw | {"entryUUID": [b"0-1"], "uid": [b"x"]})]

        def rows(self, *_: object) -> list[tuple[str, dict[str, list[bytes]]]]:
            return [("uid=x", {})]

    settings = world.settings()
    directory = Directory(settings, OpenLdap(), cast("LdapConnections", None))
    [found] = list(roster.everyone(directory, cast("LdapConnection", Stub())))
    assert found.last_login == told


def test_somebody_whose_id_is_hidden_is_not_left_out_in_silence(world: LdapWorld) -> None:
    person = {"objectClass": [b"inetOrgPerson"], "uid": [b"dana"]}
    shown = Entry.read("uid=x", person | {"entryUUID": [b"0-1"], "pwdAccountLockedTime": []})

    class Stub:
        def search(self, *_: object) -> list[Entry]:
            return [shown, Entry.read("uid=hidden", person)]

        def rows(self, *_: object) -> list[tuple[str, dict[str, list[bytes]]]]:
            return []

    directory = Directory(world.settings(), OpenLdap(), cast("LdapConnections", None))
    stream = roster.everyone(directory, cast("LdapConnection", Stub()))
    assert next(stream).id == "0-1"
    with pytest.raises(Forbidden, match="entryUUID of 1 accounts cannot be read"):
        next(stream)


def test_who_changed_an_account_is_told_unless_it_was_us_or_long_ago(world: LdapWorld) -> None:
    account = world.add(newcomer())
    _lock(world, account)
    connector, now = world.connect(), datetime.now(UTC)
    assert connector.changed_by(account, now - AGO) == ""
    world.reopen(account)
    assert connector.changed_by(account, now - AGO).startswith("cn=root,")
    assert connector.changed_by(account, now + AGO) == ""
    assert connector.changed_by(world.nobody(), now - AGO) == ""
