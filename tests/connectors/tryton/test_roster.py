"""All users of a real Tryton, page by page."""

import pytest

from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId, Verdict
from connectors.tryton import connector as tryton_connector
from tests.connectors.tryton.world import AccountsWorld
from tests.sandbox.company.tryton import Tryton


def test_everybody_is_listed_once_with_who_is_locked(tryton: Tryton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tryton_connector, "PAGE", 3)
    world = AccountsWorld(tryton)
    who = newcomer()
    account = world.create(who)
    connector = world.connect()
    assert account not in connector.locked()
    connector.lock(connector.before(account))
    listed = list(connector.everyone())
    assert len({one.id for one in listed}) == len(listed) > 6
    [found] = [one for one in listed if one.id == account]
    assert (found.verdict, found.email) == (Verdict.LOCKED, who.email)
    assert account in connector.locked()
    assert {one.id for one in listed if one.verdict is Verdict.LOCKED} == set(connector.locked())


def test_what_can_be_no_id_is_unknown_and_not_absent(tryton: Tryton) -> None:
    odd = AccountId("not-a-number")
    assert AccountsWorld(tryton).connect().observe([odd])[odd].verdict is Verdict.UNKNOWN
