"""The Tryton connector against a real server: the conformance suites, and what is Tryton's own."""

import pytest

from tests.conformance.accounts import AccountsSuite
from tests.conformance.client_book import ClientBookSuite
from tests.conformance.export_log import ExportLogSuite
from tests.conformance.sessions import SessionsSuite
from tests.connectors.tryton.world import AccountsWorld, BookWorld, ExportWorld, SessionsWorld
from tests.sandbox.company.tryton import Tryton


class TestAccounts(AccountsSuite):
    @pytest.fixture
    def world(self, tryton: Tryton) -> AccountsWorld:
        return AccountsWorld(tryton)


class TestSessions(SessionsSuite):
    @pytest.fixture
    def world(self, tryton: Tryton) -> SessionsWorld:
        return SessionsWorld(tryton)


class TestClientBook(ClientBookSuite):
    @pytest.fixture
    def world(self, tryton: Tryton) -> BookWorld:
        return BookWorld(tryton)


class TestExportLog(ExportLogSuite):
    @pytest.fixture
    def world(self, tryton: Tryton) -> ExportWorld:
        return ExportWorld(tryton)
