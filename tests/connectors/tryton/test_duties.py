"""Duties in a real Tryton: keys of programs, fallback recipients, subordinates."""

import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer
from connectors.conformance.duties import DutiesSuite, fresh
from connectors.contract import AccountId, DutyKind, Verdict
from connectors.tryton.connector import Tryton as Connector
from tests.connectors.tryton.world import AccountsWorld, BookWorld
from tests.sandbox.company.tryton import Tryton

KEY, SUPERVISOR = "res.user.application:user", "company.employee:supervisor"
FALLBACK = "notification.email:fallback_recipients"


class DutiesWorld(BookWorld):
    """Makes each duty as an administrator of Tryton does."""

    kinds: Sequence[str] = (SUPERVISOR, FALLBACK, f"{FALLBACK}_secondary", f"{FALLBACK}_hidden")
    many = 210

    def person(self) -> AccountId:
        return self.seller()

    def refused(self, **settings: Any) -> Connector:
        """Sign in as somebody without rights on notifications, who sees no keys but their own."""
        who = newcomer("weak")
        self.create(who, companies=[["add", [1]]], company=1)
        return Connector(self.settings(login=who.login, password=SecretStr(who.password), **settings))

    def give(self, account: AccountId, what: str, titles: Sequence[str]) -> None:
        admin, (model, _colon, field) = self.server.as_admin(), what.partition(":")
        if what == SUPERVISOR:
            hand = self.server.employee_id(self.login(account))
            parties = admin.call("party.party.create", [{"name": title} for title in titles])
            admin.call(f"{model}.create", [{"party": party, "company": 1, field: hand} for party in parties])
            return
        report = {"model": "party.party", "report_name": "party.label", "template_extension": "txt"}
        reports = admin.call("ir.action.report.create", [{**report, "name": title} for title in titles])
        admin.call("res.user.write", [int(account)], {"email": f"{self.login(account)}@northwind.example"})
        admin.call(f"{model}.create", [{"content": one, field: int(account)} for one in reports])

    def give_disabled(self, account: AccountId, title: str) -> bool:
        admin, hand = self.server.as_admin(), self.server.employee_id(self.login(account))
        [party] = admin.call("party.party.create", [{"name": title}])
        gone = {"__class__": "date", "year": 2020, "month": 1, "day": 1}
        admin.call("company.employee.create", [{"party": party, "company": 1, "supervisor": hand, "end_date": gone}])
        return True

    def give_key(self, account: AccountId, *, cancelled: bool = False) -> str:
        admin = self.server.as_admin()
        [number] = admin.call("res.user.application.create", [{"user": int(account), "application": "rest"}])
        if cancelled:
            admin.call("res.user.application.cancel", [number])
        [(key,)] = self.server.query("SELECT key FROM res_user_application WHERE id = ?", number)
        return str(key)

    def lock(self, account: AccountId) -> None:
        connector = self.connect()
        connector.lock(connector.before(account))

    def writes(self) -> int:
        return AccountsWorld.writes(self)  # type: ignore[arg-type]  # the bot's changes of any model

    def answers(self, key: str) -> int:
        """Use a key as a program does; return the status of the answer."""
        url = f"{self.server.url}/{self.server.database}/rest/model/party.party"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return int(error.code)


@pytest.fixture
def own(tryton: Tryton) -> DutiesWorld:
    return DutiesWorld(tryton)


class TestDuties(DutiesSuite):
    @pytest.fixture
    def world(self, own: DutiesWorld) -> DutiesWorld:
        return own


def test_a_key_of_a_program_is_listed_without_the_key_and_works_on_after_the_lock(own: DutiesWorld) -> None:
    account = own.person()
    key, ended = own.give_key(account), own.give_key(account, cancelled=True)
    other = own.give_key(own.person())
    found = list(own.connect().duties(account))
    assert [(one.kind, one.what, one.active, one.stops) for one in found] == [
        (DutyKind.RUNS, KEY, True, False),
        (DutyKind.RUNS, KEY, False, False),
    ]
    assert all("key" in one.fixed for one in found)
    assert not any(one in str(found) for one in (key, ended, other))
    assert (own.answers(key), own.answers(ended)) == (200, 401)
    own.lock(account)
    assert own.answers(key) == 200, "a key outlives the lock"


def test_nobody_with_a_live_key_is_locked(own: DutiesWorld) -> None:
    account, plain, connector = own.person(), own.person(), own.connect()
    own.give_key(account)
    own.give_key(plain, cancelled=True)
    for one in (account, plain):
        own.lock(one)
    seen = connector.observe([account, plain])
    assert (seen[account].verdict, seen[plain].verdict) == (Verdict.UNKNOWN, Verdict.LOCKED)
    assert "a key of a program works on" in seen[account].reason
    assert {account, plain} & connector.locked() == {plain}


def test_nobody_is_locked_while_keys_may_be_hidden(own: DutiesWorld) -> None:
    account = own.person()
    own.lock(account)
    blind = own.refused()
    seen = blind.observe([account])[account]
    assert (seen.verdict, "Own user application" in seen.reason) == (Verdict.UNKNOWN, True)
    assert blind.locked() == frozenset()
    assert "Own user application" in " ".join(blind.blind_spots())
    told = own.refused(keys_open_accounts=False)
    assert told.observe([account])[account].verdict is Verdict.LOCKED
    assert account in told.locked()


def test_a_hidden_key_is_said(own: DutiesWorld) -> None:
    account = own.person()
    own.give_key(account)
    connector = own.refused()
    assert list(connector.duties(account)) == []
    said = " ".join(connector.unseen_duties(account))
    assert "may not read notification.email" in said
    assert "Own user application" in said


def test_somebody_with_two_employees_has_the_duties_of_both(own: DutiesWorld) -> None:
    account, title = own.person(), fresh()
    admin = own.server.as_admin()
    [party] = admin.call("party.party.create", [{"name": fresh("second")}])
    [second] = admin.call("company.employee.create", [{"party": party, "company": 1}])
    admin.call("res.user.write", [int(account)], {"employees": [["add", [second]]]})
    [report] = admin.call("party.party.create", [{"name": title}])
    admin.call("company.employee.create", [{"party": report, "company": 1, "supervisor": second}])
    own.give(account, SUPERVISOR, [fresh()])
    assert title in [one.title for one in own.connect().duties(account)]
    assert len(list(own.connect().duties(account))) == 2
