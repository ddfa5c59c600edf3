"""The LDAP connector against a real slapd and a real Samba domain controller: the conformance suites."""

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.conformance.accounts import AccountsSuite, Newcomer
from connectors.conformance.groups import GroupsSuite
from connectors.contract import Group
from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company.samba import Samba
from tests.sandbox.company.slapd import Slapd


class TestAccounts(AccountsSuite):
    @pytest.fixture
    def world(self, slapd: Slapd) -> LdapWorld:
        return LdapWorld(slapd)


class TestGroups(GroupsSuite):
    @pytest.fixture
    def world(self, slapd: Slapd) -> LdapWorld:
        return LdapWorld(slapd)


class TestActiveDirectoryAccounts(AccountsSuite):
    @pytest.fixture
    def world(self, samba: Samba) -> AdWorld:
        return AdWorld(samba)

    def after_unlock(self, world: Any, who: Newcomer) -> None:
        """Set a new password: the old one cannot be read, and must not work before."""
        assert not world.can_log_in(who.login, who.password)
        world.set_password(who.login, who.password)


class TestActiveDirectoryGroups(GroupsSuite):
    @pytest.fixture
    def world(self, samba: Samba) -> AdWorld:
        return AdWorld(samba)

    def listed(self, groups: Sequence[Group]) -> Sequence[Group]:
        """Leave out the primary group: everybody is in it, and nobody can leave it."""
        assert [group.name for group in groups if group.fixed] == ["Domain Users"]
        return [group for group in groups if not group.fixed]
