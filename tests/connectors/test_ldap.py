"""The LDAP connector against a real slapd: the conformance suites."""

import pytest

from tests.conformance.accounts import AccountsSuite
from tests.conformance.groups import GroupsSuite
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company.slapd import Slapd


class TestAccounts(AccountsSuite):
    @pytest.fixture
    def world(self, slapd: Slapd) -> LdapWorld:
        return LdapWorld(slapd)


class TestGroups(GroupsSuite):
    @pytest.fixture
    def world(self, slapd: Slapd) -> LdapWorld:
        return LdapWorld(slapd)
