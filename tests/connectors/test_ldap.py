"""The LDAP connector against a real slapd: the conformance suites."""

import pytest

from tests.conformance.accounts import AccountsSuite
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company.slapd import Slapd


@pytest.fixture
def world(slapd: Slapd) -> LdapWorld:
    return LdapWorld(slapd)


class TestAccounts(AccountsSuite):
    @pytest.fixture
    def world(self, slapd: Slapd) -> LdapWorld:
        return LdapWorld(slapd)
