"""All members of a real BottleCRM: page after page, inactive ones too, and never a list that is cut."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.bottlecrm import MANIFEST, rest
from connectors.conformance.accounts import newcomer
from connectors.contract import AccountId, Roster, Verdict
from connectors.errors import Unavailable
from tests.connectors.bottlecrm.front import rewriting
from tests.connectors.bottlecrm.world import AccountsWorld
from tests.workflows.memory import MemoryDirectory, World
from tests.workflows.office import SECURITY, Office
from workflows.people import Leaver, Successor
from workflows.systems.registry import System, Systems

EVE = Successor("eve@northwind.example", "Eve", "eve@northwind.example", "U0EVE")


def test_everybody_is_listed_page_after_page_and_the_inactive_are_locked(
    people: AccountsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "PAGE", 3)
    inactive = [people.person() for _ in range(4)]
    for account in inactive:
        people.server.set_active(account, active=False)
    connector: Roster = people.connect()
    found = {one.id: one for one in connector.everyone()}
    assert set(found) == set(people.truth())
    shown = {one for one, account in found.items() if account.verdict is Verdict.LOCKED}
    assert set(inactive) <= shown
    assert connector.locked() == shown
    assert {one.id for one in connector.alive()} == set(found) - shown


def test_an_audit_looks_for_orphans_and_second_accounts_there(people: AccountsWorld, tmp_path: Path) -> None:
    directory, (dana, eve) = World("directory"), (newcomer(), newcomer())
    crm = System("crm", MANIFEST, people.connect())
    office = Office(tmp_path, systems=Systems([directory.system(MemoryDirectory), crm], "directory"))
    for who in (dana, eve):
        directory.user(f"directory-{who.login}", who.email, login=who.login)
    account = people.add(dana)
    leaver = Leaver(dana.name, dana.email, directory_id=f"directory-{dana.login}")
    people.add(eve)
    office.offboarding.open(office.request(leaver=leaver, approver=EVE, successors=(EVE,)))
    office.work("revoke")
    assert not people.may_sign_in(account)
    view = office.audits.run_now(SECURITY)
    assert (view.findings, view.not_looked, view.not_read) == ((), (), ())
    directory.users[AccountId(f"directory-{eve.login}")].active = False
    assert [(one.kind, one.login) for one in office.audits.run_now(SECURITY).findings] == [("orphan", eve.email)]
    office.store.close()


def _cut(half: dict[str, Any]) -> None:
    half["active_users"] = half["active_users"][:2]


def _ours_hidden(bot: str) -> Callable[[dict[str, Any]], None]:
    def hide(half: dict[str, Any]) -> None:
        half["active_users"] = [one for one in half["active_users"] if one["user_details"]["email"] != bot]
        half["active_users_count"] = len(half["active_users"])

    return hide


@pytest.mark.parametrize("kind", ["cut, with the whole total", "narrowed, with its own total"])
def test_a_list_that_is_cut_is_an_error(people: AccountsWorld, kind: str) -> None:
    lie = _cut if kind.startswith("cut") else _ours_hidden(people.server.bot)

    def rewritten(body: dict[str, Any]) -> dict[str, Any]:
        lie(body["active_users"])
        return body

    with people.front.behaving(rewriting("/api/users/", rewritten)), pytest.raises(Unavailable):
        list(people.connect().everyone())
