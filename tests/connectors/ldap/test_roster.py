"""Everybody at once, against a real slapd: who is locked, who is there, and who changed an account last."""

from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import cast

import ldap
import pytest

from connectors.contract import Account, AccountId, Verdict
from connectors.errors import ConnectorError
from connectors.ldap import connections
from tests.conformance.accounts import newcomer
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import PEOPLE

AGO = timedelta(hours=1)


def _lock(world: LdapWorld, account: AccountId) -> None:
    connector = world.connect()
    connector.lock(connector.before(account))


def test_everybody_who_is_locked_for_good_is_listed_page_after_page(
    world: LdapWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BIG_PAGE", 2)
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
        Verdict.LOCKED, who.email, who.login
    )
    assert any(one.verdict is Verdict.OPEN for one in found.values())


def test_a_list_that_is_cut_short_is_an_error(world: LdapWorld) -> None:
    connector = world.connect()
    with closing(cast("Generator[Account, None, None]", connector.everyone())) as stream:
        next(stream)
    assert connector.check(), "a list left in the middle holds no connection"
    with world.stopped(), pytest.raises(ConnectorError):
        list(connector.everyone())


def test_who_changed_an_account_is_told_unless_it_was_us_or_long_ago(world: LdapWorld) -> None:
    account = world.add(newcomer())
    _lock(world, account)
    connector, now = world.connect(), datetime.now(UTC)
    assert connector.changed_by(account, now - AGO) == ""
    world.reopen(account)
    assert connector.changed_by(account, now - AGO).startswith("cn=root,")
    assert connector.changed_by(account, now + AGO) == ""
    assert connector.changed_by(world.nobody(), now - AGO) == ""
