"""Active Directory on a real Samba: flags, proofs, places, administrators, and entries that are no people."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import ldap
import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer, person
from connectors.contract import AccountId, Change, GroupId, Login, Person, Verdict
from connectors.errors import BadCredential, Conflict, Forbidden, Unavailable
from connectors.ldap import locking
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connector import Ldap
from connectors.ldap.wire import Modification
from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import samba_conf, samba_seed
from tests.sandbox.company.people import LEAVER, MANAGER
from tests.sandbox.company.samba_conf import CROWD, CROWD_SIZE, DISABLED_OU, PEOPLE_OU

NEVER_EXPIRES, NO_PREAUTHENTICATION = 0x10000, 0x400000
NORMAL = 0x200
ERRORS = (Conflict, Forbidden, Unavailable)
CONTROL = "userAccountControl"


def set_flags(ad: AdWorld, account: AccountId, flags: int) -> None:
    ad.samba.modify(ad.dn(account), [(ldap.MOD_REPLACE, CONTROL, [str(flags).encode()])])


def domain(ad: AdWorld, attribute: str, value: str) -> None:
    ad.samba.modify(ad.samba.base_dn, [(ldap.MOD_REPLACE, attribute, [value.encode()])])


# -- the lock


def test_the_other_flags_stay_at_lock_and_unlock(ad: AdWorld) -> None:
    account, connector = ad.add(newcomer()), ad.connect()
    set_flags(ad, account, NORMAL | NEVER_EXPIRES)
    before = connector.before(account)
    assert "does not come back" in before.state["password"]
    assert "an administrator sets a new one" in connector.lost(before)[0]
    connector.lock(before)
    assert ad.value(account, CONTROL) == str(NORMAL | NEVER_EXPIRES | 2)
    set_flags(ad, account, NORMAL | NO_PREAUTHENTICATION | 2)
    assert connector.unlock(before) is Change.MADE
    assert ad.value(account, CONTROL) == str(NORMAL | NO_PREAUTHENTICATION)


def test_a_flag_set_since_the_before_image_is_a_conflict(ad: AdWorld) -> None:
    account, connector = ad.add(newcomer()), ad.connect()
    before = connector.before(account)
    set_flags(ad, account, NORMAL | NEVER_EXPIRES)
    with pytest.raises(Conflict):
        connector.lock(before)
    assert ad.value(account, CONTROL) == str(NORMAL | NEVER_EXPIRES)


def test_a_flag_set_between_read_and_write_is_a_conflict(ad: AdWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Microsoft's server refuses to delete a value that is not there, and Samba deletes whatever there is."""
    account, connector = ad.add(newcomer()), ad.connect()
    before, send = connector.before(account), LdapConnection.modify

    def as_microsoft(link: LdapConnection, dn: str, changes: list[Modification], controls: tuple[object, ...]) -> None:
        set_flags(ad, account, NORMAL | NEVER_EXPIRES)
        [named] = [values for kind, name, values in changes if (kind, name) == (ldap.MOD_DELETE, CONTROL)]
        if named != [ad.value(account, CONTROL).encode()]:
            raise ldap.NO_SUCH_ATTRIBUTE({"desc": "No such attribute"})
        send(link, dn, changes, controls)

    monkeypatch.setattr(LdapConnection, "modify", as_microsoft)
    with pytest.raises(Conflict, match="meanwhile"):
        connector.lock(before)
    assert ad.value(account, CONTROL) == str(NORMAL | NEVER_EXPIRES)


def test_the_lock_is_one_write_and_proved_by_code_533(ad: AdWorld) -> None:
    account, connector, writes = ad.add(newcomer()), ad.connect(), ad.writes()
    locked = connector.lock(connector.before(account))
    assert (locked.change, locked.login) == (Change.MADE, Login.REFUSED)
    assert "data 533" in locked.detail
    assert ad.writes() == writes + 1


def test_a_wrong_password_proves_nothing(ad: AdWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sets another password between the lock and the log-in that should prove it."""
    who = newcomer()
    account, connector = ad.add(who), ad.connect()
    attempt = connector._connections.try_login

    def late(*arguments: Any) -> Any:
        ad.set_password(who.login, "Another-one-2026")
        return attempt(*arguments)

    monkeypatch.setattr(connector._connections, "try_login", late)
    locked = connector.lock(connector.before(account))
    assert locked.login is Login.NOT_TRIED
    assert "data 52e" in locked.detail


def test_an_account_that_is_let_in_all_the_same_is_said(ad: AdWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    account, connector = ad.add(newcomer()), ad.connect()
    attempt = connector._connections.try_login

    def late(*arguments: Any) -> Any:
        ad.reopen(account)
        return attempt(*arguments)

    monkeypatch.setattr(connector._connections, "try_login", late)
    assert connector.lock(connector.before(account)).login is Login.ACCEPTED


def test_what_others_disabled_is_already_and_no_password_is_tried(ad: AdWorld) -> None:
    account, connector = ad.add(newcomer()), ad.connect()
    set_flags(ad, account, NORMAL | 2)
    locked = connector.lock(connector.before(account))
    assert (locked.change, locked.login) == (Change.ALREADY, Login.NOT_TRIED)
    assert "no log-in was tried" in locked.detail


def test_a_password_that_is_refused_does_not_keep_the_account_open(ad: AdWorld) -> None:
    who = newcomer()
    account, connector = ad.add(who), ad.connect()
    domain(ad, "minPwdLength", "200")
    try:
        locked = connector.lock(connector.before(account))
    finally:
        domain(ad, "minPwdLength", "7")
    assert (locked.change, locked.login) == (Change.MADE, Login.NOT_TRIED)
    assert "still the old one" in locked.detail
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert not ad.can_log_in(who.login, who.password)
    assert connector.unlock(connector.before(account)) is Change.ALREADY


def test_a_credential_without_rights_is_forbidden_and_says_which(ad: AdWorld) -> None:
    who = newcomer()
    account = ad.add(who)
    connector = ad.connector(bind_dn=samba_seed.person_dn(MANAGER.uid), password=SecretStr(MANAGER.password))
    with pytest.raises(Forbidden, match="reset passwords and to write userAccountControl"):
        connector.lock(connector.before(account))
    assert ad.can_log_in(who.login, who.password)


# -- open accounts


def test_an_expired_account_is_open_and_it_says_why(ad: AdWorld) -> None:
    who = newcomer()
    account = ad.add(who, accountExpires="131000000000000000")
    assert not ad.can_log_in(who.login, who.password)
    seen = ad.connect().observe([account])[account]
    assert seen.verdict is Verdict.OPEN
    assert "expired since 2016-02-15" in seen.reason


def test_an_account_locked_out_by_wrong_passwords_is_open_and_it_says_why(ad: AdWorld) -> None:
    who = newcomer()
    account, connector = ad.add(who), ad.connect()
    domain(ad, "lockoutThreshold", "2")
    try:
        for _ in range(2):
            assert not ad.can_log_in(who.login, "wrong")
        assert not ad.can_log_in(who.login, who.password)
        seen = connector.observe([account])[account]
    finally:
        domain(ad, "lockoutThreshold", "0")
    assert seen.verdict is Verdict.OPEN
    assert "only for a time" in seen.reason


# -- administrators


def test_administrators_are_left_alone_unless_the_settings_say_so(ad: AdWorld) -> None:
    account = ad.add(newcomer())
    ad.samba.modify(ad.dn(account), [(ldap.MOD_REPLACE, "adminCount", [b"1"])])
    careful, writes = ad.connect(), ad.writes()
    [said] = careful.find(Person("", (ad.value(account, "mail"),))).accounts
    assert (said.verdict, "adminCount is 1" in said.protected) == (Verdict.OPEN, True)
    with pytest.raises(Forbidden, match=r"adminCount is 1.*lock_administrators = true"):
        careful.lock(careful.before(account))
    assert ad.writes() == writes
    bold = ad.connector(lock_administrators=True)
    assert bold.lock(bold.before(account)).login is Login.REFUSED
    assert careful.lock(careful.before(account)).change is Change.ALREADY


# -- the folder for disabled accounts


def test_a_locked_account_moves_to_its_folder_and_back(ad: AdWorld) -> None:
    who = newcomer("o'brien, zoë")
    account, connector = ad.add(who), ad.connector(disabled_ou=DISABLED_OU)
    place, before = ad.dn(account), connector.before(account)
    locked = connector.lock(before)
    assert (locked.change, locked.login) == (Change.MADE, Login.REFUSED)
    assert ad.dn(account).endswith(DISABLED_OU)
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert connector.lock(before).change is Change.ALREADY
    assert connector.unlock(before) is Change.MADE
    assert ad.dn(account) == place
    assert connector.observe([account])[account].verdict is Verdict.OPEN


def test_a_namesake_in_the_folder_is_no_obstacle(ad: AdWorld) -> None:
    account, connector = ad.add(newcomer()), ad.connector(disabled_ou=DISABLED_OU)
    before = connector.before(account)
    ad.samba.add(ad.dn(account).replace(PEOPLE_OU, DISABLED_OU), [("objectClass", [b"contact"])])
    connector.lock(before)
    assert f"({account[:8]})" in ad.dn(account)
    connector.unlock(before)
    assert ad.dn(account) == before.state["dn"]


def test_a_namesake_who_came_meanwhile_keeps_nobody_in_the_folder(ad: AdWorld) -> None:
    account, connector = ad.add(newcomer()), ad.connector(disabled_ou=DISABLED_OU)
    before = connector.before(account)
    connector.lock(before)
    ad.samba.add(before.state["dn"], [("objectClass", [b"contact"])])
    assert connector.unlock(before) is Change.MADE
    assert ad.dn(account).endswith(PEOPLE_OU)
    assert f"({account[:8]})" in ad.dn(account)
    assert connector.observe([account])[account].verdict is Verdict.OPEN


def test_a_second_undo_does_not_hide_a_move_back_that_failed(ad: AdWorld) -> None:
    account, connector = ad.add(newcomer()), ad.connector(disabled_ou=DISABLED_OU)
    before = connector.before(account)
    connector.lock(before)
    gone = replace(before, state={**before.state, "dn": before.state["dn"].replace(PEOPLE_OU, f"OU=Gone,{PEOPLE_OU}")})
    for _again in range(2):
        with pytest.raises(Conflict, match="could not be moved back"):
            connector.unlock(gone)
    assert connector.unlock(before) is Change.MADE
    assert ad.dn(account) == before.state["dn"]
    assert connector.unlock(before) is Change.ALREADY


def test_a_folder_that_is_not_there_is_said_and_the_lock_holds(ad: AdWorld) -> None:
    account, connector = ad.add(newcomer()), ad.connector(disabled_ou=f"OU=Nowhere,{ad.samba.base_dn}")
    with pytest.raises(Forbidden, match="disabled_ou"):
        connector.check()
    locked = connector.lock(connector.before(account))
    assert locked.login is Login.REFUSED
    assert "could not be moved" in locked.detail
    assert connector.observe([account])[account].verdict is Verdict.LOCKED


def test_a_lock_that_was_cut_off_before_the_move_is_finished(ad: AdWorld) -> None:
    account = ad.add(newcomer())
    plain = ad.connect()
    before = plain.before(account)
    plain.lock(before)
    assert ad.connector(disabled_ou=DISABLED_OU).lock(before).change is Change.MADE
    assert ad.dn(account).endswith(DISABLED_OU)


# -- finding


def test_what_is_no_person_is_not_found(ad: AdWorld) -> None:
    who = newcomer()
    ad.samba.add(f"CN=Contact {who.login},{PEOPLE_OU}", [("objectClass", [b"contact"]), ("mail", [who.email.encode()])])
    assert ad.connect().find(person(who)).accounts == ()


def test_referrals_to_other_partitions_are_no_people(ad: AdWorld) -> None:
    account = ad.add(newcomer())
    connector = ad.connect()
    assert list(connector.observe([account])) == [account]
    assert [found.id for found in connector.find(Person("", (ad.value(account, "mail"),))).accounts] == [account]
    entries = connector._connections.run(
        lambda link: list(link.search(ad.samba.base_dn, "(objectClass=user)", ["cn"])), "reading"
    )
    assert all(entry.dn and entry.text("cn") for entry in entries)


def test_an_account_is_known_by_its_guid_wherever_it_is(ad: AdWorld) -> None:
    account, connector = ad.add(newcomer()), ad.connect()
    [before] = [found.id for found in connector.find(Person("", (ad.value(account, "mail"),))).accounts]
    with ad.samba.administrator() as admin:
        admin.rename_s(ad.dn(account), "CN=Married", PEOPLE_OU)
    try:
        assert connector.observe([before])[before].verdict is Verdict.OPEN
        shouted = AccountId(f"{{{before.upper()}}}")
        assert connector.observe([shouted])[shouted].verdict is Verdict.OPEN
    finally:
        with ad.samba.administrator() as admin:
            admin.delete_s(ad.dn(account))
    assert connector.observe([before])[before].verdict is Verdict.ABSENT


@pytest.mark.parametrize(
    ("attribute", "value", "matched"),
    [
        ("proxyAddresses", "smtp:{}", "proxyAddresses"),
        ("proxyAddresses", "SMTP:{}", "proxyAddresses"),
        ("userPrincipalName", "{}", "userPrincipalName"),
        ("mail", "{}", "mail"),
    ],
)
def test_every_kind_of_address_is_looked_at(ad: AdWorld, attribute: str, value: str, matched: str) -> None:
    who = newcomer()
    alias = f"Alias.{who.login}@northwind.example"
    account = ad.add(who, **{attribute: value.format(alias)})
    [found] = ad.connect().find(Person("", (alias.lower(),))).accounts
    assert (found.id, found.matched_by) == (account, matched)


def test_an_account_carries_title_and_manager(ad: AdWorld) -> None:
    (found,) = ad.connect().find(Person("", (LEAVER.email.upper(),))).accounts
    assert (found.login, found.name, found.title, found.manager_email, found.matched_by) == (
        LEAVER.uid,
        LEAVER.name,
        LEAVER.title,
        MANAGER.email,
        "mail",
    )


# -- groups


def test_the_primary_group_is_said_and_cannot_be_left(ad: AdWorld) -> None:
    account, connector, writes = ad.add(newcomer()), ad.connect(), ad.writes()
    [group] = connector.groups(account)
    assert (group.name, bool(group.fixed)) == ("Domain Users", True)
    with pytest.raises(Conflict, match="primary group"):
        connector.remove(account, group.id)
    assert connector.restore(account, group.id) is Change.ALREADY
    assert ad.writes() == writes


def test_nested_groups_are_shown_with_the_one_that_brings_them(ad: AdWorld) -> None:
    account, other = ad.add(newcomer()), ad.add(newcomer())
    team, plain = ad.add_group(f"team {account}", [account]), ad.add_group(f"zz {account}", [account, other])
    area = ad.add_group(f"area {account}", [AccountId(team)])
    ad.add_group(f"company {account}", [AccountId(area)])
    found = {group.id: group.parent_groups for group in ad.connect().groups(account) if not group.fixed}
    assert found == {team: (f"area {account}", f"company {account}"), plain: ()}


def members(ad: AdWorld) -> int:
    return len(ad.entry(samba_seed.group_dn(CROWD))["member"])


def crowd(ad: AdWorld) -> GroupId:
    return GroupId(ad.guid(ad.entry(samba_seed.group_dn(CROWD))))


def test_a_group_of_more_than_1500_loses_one_member_and_no_other(ad: AdWorld) -> None:
    account, connector = ad.add(newcomer()), ad.connect()
    assert connector.restore(account, crowd(ad)) is Change.MADE
    assert crowd(ad) in [group.id for group in connector.groups(account)]
    assert members(ad) == CROWD_SIZE + 1
    assert connector.remove(account, crowd(ad)) is Change.MADE
    assert connector.remove(account, crowd(ad)) is Change.ALREADY
    assert members(ad) == CROWD_SIZE


@pytest.mark.parametrize("asked", ["member;range=0-1499", "member;range=0-699", "member;range=1599-1599", "member"])
def test_values_that_come_in_portions_are_put_together(ad: AdWorld, asked: str) -> None:
    def read(link: Any) -> int:
        [entry] = link.search(ad.samba.base_dn, f"(cn={CROWD})", ["cn", asked])
        return len(entry.all("member"))

    first = int(asked.partition("=")[2].partition("-")[0] or 0)
    assert ad.connect()._connections.run(read, "reading") == CROWD_SIZE - first


# -- all accounts at once


def test_locked_accounts_are_listed_whatever_else_their_flags_say(ad: AdWorld) -> None:
    locked, odd, free = (ad.add(newcomer()) for _ in range(3))
    for account, flags in ((locked, NORMAL | 2), (odd, NORMAL | NEVER_EXPIRES | 2), (free, NORMAL | NEVER_EXPIRES)):
        set_flags(ad, account, flags)
    listed = ad.connect().locked()
    assert {locked, odd} <= listed
    assert free not in listed


def test_the_last_log_in_and_the_last_change_are_told(ad: AdWorld) -> None:
    who = newcomer()
    account, connector, began = ad.add(who), ad.connect(), datetime.now(UTC) - timedelta(minutes=2)
    quiet = ad.add(newcomer())
    assert ad.can_log_in(who.login, who.password)
    found = {one.id: one for one in connector.everyone()}
    last = found[account].last_login
    assert last is not None
    assert last > began
    assert (found[account].email, found[account].verdict) == (who.email, Verdict.OPEN)
    assert found[quiet].last_login is None
    said = connector.changed_by(account, began)
    assert said.startswith("somebody (the directory does not say who)")
    assert connector.changed_by(account, datetime.now(UTC) + timedelta(hours=1)) == ""


# -- the server


def test_start_tls(ad: AdWorld) -> None:
    assert "svc-handover" in ad.connector(urls=(ad.samba.url,), start_tls=True).check()


def test_the_wrong_dialect_is_found_out(ad: AdWorld, world: LdapWorld) -> None:
    with pytest.raises(Forbidden, match="ppolicy"):
        ad.connector(dialect="openldap", bind_dn=samba_conf.SERVICE_DN).check()
    with pytest.raises(Forbidden, match="lacks Active Directory"):
        Ldap(world.settings(dialect="active_directory")).check()


def test_why_the_bots_own_log_in_is_refused_is_said(ad: AdWorld) -> None:
    with pytest.raises(BadCredential, match=r"wrong password, or no such account \(data 52e\)"):
        ad.connect("wrong").check()
    who = newcomer()
    set_flags(ad, ad.add(who), NORMAL | 2)
    with pytest.raises(BadCredential, match=r"account disabled \(data 533\)"):
        ad.connector(bind_dn=samba_seed.person_dn(who.login), password=SecretStr(who.password)).check()


def test_the_bots_rights_are_those_of_the_readme() -> None:
    assert set(samba_conf.rights("S-1-1-1")) == {PEOPLE_OU, DISABLED_OU, samba_conf.GROUPS_OU}
    assert locking.random_password() != locking.random_password()


def test_who_is_moved_out_of_the_base_is_not_gone(ad: AdWorld) -> None:
    who = newcomer()
    account = ad.add(who)
    connector = ad.connector(base_dn=PEOPLE_OU)
    gone = ad.nobody()
    with ad.samba.administrator() as admin:
        admin.rename_s(ad.dn(account), f"CN={who.login}", f"CN=Users,{samba_conf.SUFFIX}")
    seen = connector.observe([account, gone])
    assert (seen[account].verdict, seen[gone].verdict) == (Verdict.OPEN, Verdict.ABSENT)
    assert "CN=Users" in seen[account].how


@pytest.mark.parametrize("written", [samba_conf.SERVICE, "NORTHWIND\\svc-handover", samba_conf.SERVICE_DN])
def test_the_bots_own_account_is_known_however_bind_dn_is_written(ad: AdWorld, written: str) -> None:
    assert ad.connector(bind_dn=written).own_account() == ad.guid(ad.entry(samba_conf.SERVICE_DN))


def test_a_folder_outside_the_base_is_no_dead_end(ad: AdWorld) -> None:
    who = newcomer()
    account = ad.add(who)
    connector = ad.connector(base_dn=PEOPLE_OU, disabled_ou=DISABLED_OU)
    before = connector.before(account)
    connector.lock(before)
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert connector.unlock(before) is Change.MADE
    assert ad.dn(account) == before.state["dn"]
