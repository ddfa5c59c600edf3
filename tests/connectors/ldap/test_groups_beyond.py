"""Groups outside of the groups' base are in the account's own `memberOf`: they are listed, and left or said."""

from pathlib import Path

import ldap
import pytest

from connectors.conformance.accounts import newcomer
from connectors.contract import Change, Person
from connectors.errors import Forbidden
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.test_absence import entry as added
from tests.connectors.ldap.test_blind_spots import directory
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import LEAVER, PEOPLE
from tests.sandbox.company.samba_conf import GROUPS_OU, PEOPLE_OU

ELSEWHERE = f"cn=elsewhere,{ldif.PEOPLE_DN}"


def test_a_group_outside_of_the_base_is_listed_and_left(world: LdapWorld) -> None:
    who = newcomer()
    account, dn = world.add(who), ldif.person_dn(who.login)
    narrow = Ldap(world.settings(base_dn=ldif.PEOPLE_DN, group_base_dn=f"ou=policies,{ldif.SUFFIX}"))
    group = world.add_group(f"beyond {who.login}", [account, next(iter(world.truth()))])
    [found] = narrow.groups(account)
    assert (found.id, found.name) == (group, f"beyond {who.login}")
    assert narrow.remove(account, group) is Change.MADE
    assert account not in world.members(group)
    assert narrow.groups(account) == []
    assert narrow.restore(account, group) is Change.MADE
    assert account in world.members(group)
    world.slapd.modify(ldif.group_dn(f"beyond {who.login}"), [(ldap.MOD_DELETE, "member", [dn.encode()])])


def test_a_stale_copy_is_no_membership(tmp_path: Path) -> None:
    overlay, who = "overlay memberof\nmemberof-group-oc groupOfNames\n", LEAVER
    with directory(tmp_path / "slapd", lambda text: text.replace(overlay, "")) as own:
        account, team = own.connect().find(Person("", (who.email,))).accounts[0].id, str(who.team)
        assert team in {group.name for group in own.connect().groups(account)}
        left = [(ldap.MOD_DELETE, "member", [ldif.person_dn(who.uid).encode()])]
        own.slapd.modify(ldif.group_dn(team), left)
        entry = own.slapd.entry(who.uid)
        assert entry is not None
        assert ldif.group_dn(team).encode() in entry["memberOf"]
        assert team not in {group.name for group in own.connect().groups(account)}


def test_a_group_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    hidden = f'access to dn.exact="{ELSEWHERE}" by * none\naccess to '
    with directory(tmp_path / "slapd", lambda text: text.replace("access to ", hidden, 1)) as own:
        who = newcomer()
        account = own.add(who)
        members = [ldif.person_dn(who.login), ldif.person_dn(PEOPLE[0].uid)]
        with added(own, ELSEWHERE, objectClass=["groupOfNames"], cn=["elsewhere"], member=members):
            [found] = own.connect().groups(account)
            assert found.name == "elsewhere"
            with pytest.raises(Forbidden, match=r"which .* cannot read: it must be left by hand"):
                own.connect().remove(account, found.id)


def test_a_group_of_the_domain_outside_of_the_base_is_left(ad: AdWorld) -> None:
    account = ad.add(newcomer())
    group = ad.add_group(f"beyond {account}", [account])
    narrow = ad.connector(base_dn=PEOPLE_OU)
    [found] = [one for one in narrow.groups(account) if not one.fixed]
    assert found.id == group
    assert narrow.remove(account, group) is Change.MADE
    assert account not in ad.members(group)
    assert GROUPS_OU in ad.dn(group)  # type: ignore[arg-type]
