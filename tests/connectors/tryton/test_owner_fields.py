"""Further fields that name an employee or a user, on a real Tryton: the suite of client books, and what is their own."""

from collections.abc import Iterator

import pytest

from tests.conformance.client_book import ClientBookSuite
from tests.connectors.tryton.world import FieldWorld, NotificationWorld, SupervisorWorld
from tests.sandbox.company.tryton import Tryton


@pytest.fixture(scope="module")
def supervisors(tryton: Tryton) -> Iterator[SupervisorWorld]:
    world = SupervisorWorld(tryton)
    with world.allowed():
        yield world


@pytest.fixture(scope="module")
def notifications(tryton: Tryton) -> Iterator[NotificationWorld]:
    world = NotificationWorld(tryton)
    with world.allowed():
        yield world


class TestEmployees(ClientBookSuite):
    @pytest.fixture
    def world(self, supervisors: SupervisorWorld) -> FieldWorld:
        return supervisors


class TestUsers(ClientBookSuite):
    @pytest.fixture
    def world(self, notifications: NotificationWorld) -> FieldWorld:
        return notifications
