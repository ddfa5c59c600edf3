"""Refusals in a real Tryton: rights on users and records, record rules, the bot's own user."""

from collections.abc import Sequence

import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer
from connectors.conformance.blockers import BlockersSuite
from connectors.contract import AccountId, Act, Blockers, MoveOrder, MoveOutcome
from connectors.errors import ConnectorError
from connectors.tryton.connector import Tryton as Connector
from tests.connectors.tryton.world import BookWorld
from tests.sandbox.company.tryton import Tryton

GLOBAL = {"perm_read": False, "perm_write": True, "perm_create": False, "perm_delete": False, "global_p": True}


class BlockersWorld(BookWorld):
    """Takes rights away from the bot, as an administrator of Tryton does."""

    refusals: Sequence[str] = ("a record rule", "no right on users", "no right on opportunities")

    def __init__(self, server: Tryton) -> None:
        super().__init__(server)
        self.rules: dict[AccountId, list[int]] = {}
        self.weak: dict[AccountId, int] = {}

    def person(self) -> AccountId:
        account = self.seller()
        self.add(account, ["Nordwind"])
        return account

    def refuse(self, name: str) -> tuple[Blockers, AccountId, Act]:
        account = self.person()
        if name == "a record rule":
            domain = f'[["login", "!=", "{self.login(account)}"]]'
            rule = {"model": "res.user", "name": "shut", "rules": [["create", [{"domain": domain}]]], **GLOBAL}
            self.rules[account] = self.server.as_admin().call("ir.rule.group.create", [rule])
            return self.connect(), account, Act.LOCK
        return self._with_less(name, account)

    def _with_less(self, name: str, account: AccountId) -> tuple[Blockers, AccountId, Act]:
        """Sign in as a copy of the bot whose group may not write one model."""
        admin, model = self.server.as_admin(), "res.user" if name == "no right on users" else "sale.opportunity"
        bot = self.server.user_id(self.server.bot.login)
        [own] = admin.call("res.user.read", [bot], ["groups", "companies", "company"])
        who = newcomer("weak")
        [group] = admin.call("res.group.create", [{"name": who.login}])
        fields = ["model", "perm_read", "perm_write", "perm_create", "perm_delete"]
        for row in admin.call("ir.model.access.search_read", [["group", "in", own["groups"]]], 0, None, None, fields):
            less = {key: value for key, value in row.items() if key != "id"} | {"group": group}
            less["perm_write"] = less["perm_write"] and row["model"] != model
            [made] = admin.call("ir.model.access.create", [less])
            if row["model"] == model:
                self.weak[account] = made
        place = {"companies": [["add", own["companies"]]], "company": own["company"], "company_filter": "all"}
        self.create(who, groups=[["add", [group]]], **place)
        connector = Connector(self.settings(login=who.login, password=SecretStr(who.password)))
        self._connectors.append(connector)
        return connector, account, Act.LOCK if model == "res.user" else Act.MOVE_RECORDS

    def end(self, name: str, account: AccountId) -> bool:
        admin = self.server.as_admin()
        if account in self.rules:
            admin.call("ir.rule.group.delete", self.rules.pop(account))
        elif account in self.weak:
            admin.call("ir.model.access.write", [self.weak[account]], {"perm_write": True})
        return bool(name)

    def attempt(self, connector: Blockers, account: AccountId, act: Act) -> bool:
        assert isinstance(connector, Connector)
        try:
            if act is Act.LOCK:
                connector.lock(connector.before(account))
                return False
            [record] = connector.records(account)
            [moved] = connector.move([MoveOrder(record.id, account, self.seller())])
        except ConnectorError:
            return True
        return moved.outcome is not MoveOutcome.MOVED

    def state(self) -> object:
        [(own,)] = self.server.query("SELECT count(*) FROM ir_model_log")
        return own


@pytest.fixture
def own(tryton: Tryton) -> BlockersWorld:
    return BlockersWorld(tryton)


class TestBlockers(BlockersSuite):
    @pytest.fixture
    def world(self, own: BlockersWorld) -> BlockersWorld:
        return own


def test_our_own_user_is_never_locked(own: BlockersWorld) -> None:
    account = AccountId(str(own.server.user_id(own.server.bot.login)))
    connector = own.connect()
    [one] = connector.blockers(account)
    assert (one.act, one.why) == (Act.LOCK, "this is the user that Handover itself signs in as.")
    assert own.attempt(connector, account, Act.LOCK)


def test_a_locked_user_is_refused_no_lock(own: BlockersWorld) -> None:
    account = own.person()
    connector = own.connect()
    connector.lock(connector.before(account))
    assert connector.blockers(account) == []
