"""Refusals of a SCIM application that its own schema announces, and lists that end with a removed user."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from connectors.conformance.accounts import newcomer
from connectors.conformance.blockers import BlockersSuite
from connectors.contract import AccountId, Act, Blockers, Subject
from connectors.errors import ConnectorError
from connectors.scim import MANIFEST
from connectors.scim.connector import Scim as Connector
from connectors.scim.service import USER_SCHEMA
from tests.connectors.scim.proxy import Proxy
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.scim import Call, Scim
from workflows.systems.effects import effects_of
from workflows.systems.registry import System


class BlockersWorld(ScimWorld):
    """Lets the application's schema announce that `active` is fixed, and refuses writes of it."""

    refusals: Sequence[str] = ("readOnly", "immutable")

    def person(self) -> AccountId:
        return self.add(newcomer())

    def refuse(self, name: str) -> tuple[Blockers, AccountId, Act]:
        def announce(call: Call, body: Any) -> Any:
            for row in body.get("attributes", ()) if call.path.endswith(USER_SCHEMA) else ():
                row["mutability"] = name if row["name"] == "active" else row["mutability"]
            return body

        self.server.manners.rewrite = announce
        self.server.manners.refuse = lambda call: 400 if call.method in ("PATCH", "PUT") else 0
        return self.connect(), self.person(), Act.LOCK

    def end(self, name: str, account: AccountId) -> bool:
        del name, account
        self.server.manners.rewrite = lambda _call, body: body
        self.server.manners.refuse = lambda _call: 0
        return True

    def attempt(self, connector: Blockers, account: AccountId, act: Act) -> bool:
        assert isinstance(connector, Connector)
        assert act is Act.LOCK
        try:
            connector.lock(connector.before(account))
        except ConnectorError:
            return True
        return False

    def state(self) -> object:
        return self.truth()


@pytest.fixture
def own() -> Iterator[BlockersWorld]:
    with Scim(people=PEOPLE[:4]) as server:
        proxy = Proxy(server.port)
        yield BlockersWorld(server, proxy)
        proxy.close()


class TestBlockers(BlockersSuite):
    @pytest.fixture
    def world(self, own: BlockersWorld) -> BlockersWorld:
        return own


def test_a_server_without_a_schema_announces_nothing(own: BlockersWorld) -> None:
    own.server.manners.refuse = lambda call: 404 if call.path.startswith("/Schemas") else 0
    assert own.connect().blockers(own.person()) == ()


def test_a_locked_user_is_refused_no_lock(own: BlockersWorld) -> None:
    connector, account, _act = own.refuse("readOnly")
    own.server.change(account, active=False)
    assert connector.blockers(account) == ()


@pytest.mark.parametrize("means", ["removed", "suspended"])
def test_lists_end_with_the_lock_only_where_inactive_users_are_removed(own: BlockersWorld, means: str) -> None:
    system = System("app", MANIFEST, own.connect(inactive_means=means))
    hidden = {Subject.DUTIES, Subject.GROUPS} if means == "removed" else set()
    assert {one.subject for one in effects_of(system, {Act.LOCK})} == hidden
