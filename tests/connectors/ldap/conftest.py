"""Fixtures of the LDAP connector's own tests."""

import pytest

from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company.samba import Samba
from tests.sandbox.company.slapd import Slapd


@pytest.fixture
def world(slapd: Slapd) -> LdapWorld:
    return LdapWorld(slapd)


@pytest.fixture
def ad(samba: Samba) -> AdWorld:
    return AdWorld(samba)
