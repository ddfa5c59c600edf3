"""Connections that outlive a lock: real ones on slapd and 389, seen in the server's own monitor, or not seen at all."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import ldap
import pytest

from connectors.conformance.accounts import newcomer, person
from connectors.contract import Residual
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.test_ns389 import OWN, add, connect
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.ns389 import Ns389, allow
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.slapd import Slapd

WHOLE, NONE = timedelta(hours=10), timedelta(0)


class Monitored(Slapd):
    """A slapd with a monitor that the bot's account may read."""

    rules = f'access to dn.subtree="cn=Monitor" by dn.exact="{ldif.SERVICE_DN}" read by * none\n'

    def _seed(self) -> None:
        super()._seed()
        with (self.folder / "slapd.conf").open("a", encoding="utf-8") as conf:
            conf.write(f"\ndatabase monitor\n{self.rules}")


class Nameless(Monitored):
    """A monitor that hides the names of other people's connections."""

    rules = (
        'access to dn.subtree="cn=Monitor" attrs=monitorConnectionAuthzDN '
        f'val.exact="{ldif.SERVICE_DN}" by dn.exact="{ldif.SERVICE_DN}" read by * none\n'
        f'access to dn.subtree="cn=Monitor" attrs=monitorConnectionAuthzDN by * none\n{Monitored.rules}'
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapWorld]:
    with Monitored(tmp_path_factory.mktemp("monitored"), PEOPLE[:3]) as slapd:
        yield LdapWorld(slapd)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ns389]:
    with Ns389(tmp_path_factory.mktemp("monitored389")) as made:
        rule = allow("read,search,compare", "connection").encode()
        made.modify("cn=monitor", [(ldap.MOD_ADD, "aci", [rule])])
        yield made


def lasts(residual: Residual | None) -> timedelta | None:
    return residual.lasts if residual else None


def test_an_open_connection_of_slapd_lasts_until_it_is_seen_closed(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    with world.slapd.bound(ldif.person_dn(who.login).replace("uid=", "UID="), who.password) as theirs:
        connector.lock(connector.before(account))
        assert theirs.whoami_s(), "the connection outlives the lock"
        assert lasts(connector.residual(account)) == WHOLE
    assert lasts(connector.residual(account)) == NONE


def test_an_open_connection_of_389_lasts_until_it_is_seen_closed(server: Ns389) -> None:
    who = newcomer()
    dn, connector = add(server, who, OWN), connect(server)
    [found] = connector.find(person(who)).accounts
    with server.bound(dn.replace("uid=", "UID="), who.password):
        connector.lock(connector.before(found.id))
        assert lasts(connector.residual(found.id)) == WHOLE
    assert lasts(connector.residual(found.id)) == NONE


def test_a_connection_under_a_name_that_no_entry_has_may_be_the_leavers(world: LdapWorld) -> None:
    """It keeps the name that it logged in with: a renamed person hides behind the former one."""
    who = newcomer()
    account, connector = world.add(who), world.connect()
    with world.slapd.bound(ldif.person_dn(who.login), who.password):
        with world.slapd.bound() as root:
            root.rename_s(ldif.person_dn(who.login), f"uid={who.login}.married")
        connector.lock(connector.before(account))
        assert lasts(connector.residual(account)) == WHOLE


def test_an_address_whose_monitor_cannot_be_read_may_have_connections(world: LdapWorld, slapd: Slapd) -> None:
    """Two servers of one directory, of which one has no monitor."""
    account = world.add(newcomer())
    both = Ldap(world.settings(urls=(world.slapd.url, slapd.url), ca_file=None))
    both.lock(both.before(account))
    assert lasts(both.residual(account)) == WHOLE
    again = world.slapd.url.replace("127.0.0.1", "localhost")
    twice = Ldap(world.settings(urls=(world.slapd.url, again), ca_file=None))
    assert lasts(twice.residual(account)) == NONE
    twice.close()


def test_a_monitor_that_hides_names_proves_nothing(tmp_path: Path) -> None:
    with Nameless(tmp_path, PEOPLE[:3]) as slapd:
        world, who = LdapWorld(slapd), newcomer()
        account, connector = world.add(who), world.connect()
        with slapd.bound(ldif.person_dn(who.login), who.password):
            connector.lock(connector.before(account))
            assert lasts(connector.residual(account)) == WHOLE


def test_without_a_monitor_they_last_as_the_settings_say(slapd: Slapd) -> None:
    world = LdapWorld(slapd)
    account, connector = world.add(newcomer()), world.connect()
    connector.lock(connector.before(account))
    assert lasts(connector.residual(account)) == WHOLE
