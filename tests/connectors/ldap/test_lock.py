"""Locking on OpenLDAP: the password policy overlay's peculiarities, and writes with an unknown outcome."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import ldap
import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer
from connectors.contract import Change, Login, Verdict
from connectors.errors import Conflict, Forbidden, OutcomeUnknown
from connectors.ldap import enforcement
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connector import Ldap
from connectors.ldap.openldap import FOR_GOOD
from connectors.ldap.wire import Modification
from tests.connectors.ldap.lossy import lossy_wire
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import MANAGER, PEOPLE
from tests.sandbox.company.slapd import LOCK, Slapd

FOR_A_TIME = [b"20260101000000Z"]


def test_lock_is_one_write_and_proved_by_a_refused_login(world: LdapWorld) -> None:
    account, connector, writes = world.add(newcomer()), world.connect(), world.writes()
    locked = connector.lock(connector.before(account))
    assert (locked.change, locked.login) == (Change.MADE, Login.REFUSED)
    assert "account locked" in locked.detail
    assert world.writes() == writes + 1


def test_a_second_lock_is_proved_by_a_refused_login_too(world: LdapWorld) -> None:
    account, connector = world.add(newcomer()), world.connect()
    connector.lock(connector.before(account))
    assert connector.lock(connector.before(account)).login is Login.REFUSED


def test_a_lock_for_a_time_is_open_and_can_be_locked_and_restored(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_REPLACE, LOCK, FOR_A_TIME)])
    seen = connector.observe([account])[account]
    assert seen.verdict is Verdict.OPEN
    assert "20260101000000Z" in seen.reason
    before = connector.before(account)
    assert connector.lock(before).login is Login.REFUSED
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert connector.unlock(before) is Change.MADE
    entry = world.slapd.entry(who.login)
    assert entry is not None
    assert entry[LOCK] == FOR_A_TIME


@contextmanager
def _no_lockout(world: LdapWorld) -> Iterator[None]:
    world.slapd.modify(ldif.POLICY_DN, [(ldap.MOD_REPLACE, "pwdLockout", [b"FALSE"])])
    try:
        yield
    finally:
        world.slapd.modify(ldif.POLICY_DN, [(ldap.MOD_REPLACE, "pwdLockout", [b"TRUE"])])


def test_a_policy_without_lockout_is_found_out_at_every_try_and_every_read(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    before = connector.before(account)
    with _no_lockout(world):
        for _try in range(2):
            locked = connector.lock(connector.before(account))
            assert (locked.login, "pwdLockout" in locked.detail) == (Login.ACCEPTED, True)
            seen = world.connect().observe([account])[account]
            assert (seen.verdict, "pwdLockout" in seen.reason) == (Verdict.OPEN, True)
            assert account not in connector.locked()
    assert connector.lock(connector.before(account)).login is Login.REFUSED
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    assert connector.unlock(before) is Change.MADE
    assert world.can_log_in(who.login, who.password)


def test_what_a_lock_that_did_not_hold_has_changed_comes_back(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    before = connector.before(account)
    with _no_lockout(world):
        connector.lock(before)
        assert not world.can_log_in(who.login, who.password)
        assert connector.unlock(before) is Change.MADE
        assert world.can_log_in(who.login, who.password)


def test_somebody_elses_lock_that_does_not_hold_is_found_out(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_ADD, LOCK, [FOR_GOOD.encode()])])
    before = connector.before(account)
    with _no_lockout(world):
        assert connector.lock(before).login is Login.ACCEPTED
        assert connector.observe([account])[account].verdict is Verdict.OPEN
        assert connector.unlock(before) is Change.MADE
    assert connector.before(account).state["password"] == before.state["password"]


def test_a_password_changed_since_the_before_image_is_a_conflict(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    before = connector.before(account)
    new = ldif.hash_password("Something-else-1")
    world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_REPLACE, "userPassword", [new.encode()])])
    with pytest.raises(Conflict):
        connector.lock(before)
    assert world.can_log_in(who.login, "Something-else-1")


def test_a_change_between_read_and_write_is_a_conflict(world: LdapWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    before, guard = connector.before(account), connector._dialect.guard

    def late(entry: object) -> object:
        world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_REPLACE, "title", [b"Promoted"])])
        return guard(entry)  # type: ignore[arg-type]

    monkeypatch.setattr(connector._dialect, "guard", late)
    with pytest.raises(Conflict, match="someone else"):
        connector.lock(before)
    assert world.can_log_in(who.login, who.password)


def test_a_write_without_an_answer_is_unknown_and_then_already(world: LdapWorld) -> None:
    account = world.add(newcomer())
    before = world.connect().before(account)
    with lossy_wire(world.slapd.port) as url:
        lossy = Ldap(world.settings(urls=(url,), ca_file=None))
        with pytest.raises(OutcomeUnknown):
            lossy.lock(before)
        lossy.close()
    writes = world.writes()
    assert world.connect().observe([account])[account].verdict is Verdict.LOCKED
    assert world.connect().lock(before).change is Change.ALREADY
    assert world.writes() == writes


def test_without_rights_to_read_the_hash_the_lock_still_comes_off(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    before = connector.before(account)
    connector.lock(before)
    assert connector.unlock(replace(before, state={**before.state, "password": ""})) is Change.MADE
    assert connector.observe([account])[account].verdict is Verdict.OPEN
    assert not world.can_log_in(who.login, who.password)


def test_a_credential_without_rights_is_forbidden_and_says_which(world: LdapWorld) -> None:
    who = newcomer()
    account = world.add(who)
    settings = world.settings(bind_dn=ldif.person_dn(MANAGER.uid), password=SecretStr(MANAGER.password))
    connector = Ldap(settings)
    with pytest.raises(Forbidden, match=r"needs write access to userPassword, .*pwdAccountLockedTime"):
        connector.lock(connector.before(account))
    assert world.can_log_in(who.login, who.password)


def test_a_policy_that_refuses_hashes_locks_and_says_that_it_cannot_restore(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    before = connector.before(account)
    world.slapd.modify(ldif.POLICY_DN, [(ldap.MOD_REPLACE, "pwdCheckQuality", [b"2"])])
    try:
        assert connector.lock(before).login is Login.REFUSED
        with pytest.raises(Conflict):
            connector.unlock(before)
    finally:
        world.slapd.modify(ldif.POLICY_DN, [(ldap.MOD_REPLACE, "pwdCheckQuality", None)])
    assert connector.observe([account])[account].verdict is Verdict.LOCKED


@pytest.mark.parametrize(
    ("rule", "value", "words"),
    [("pwdMinAge", b"86400", "too young"), ("pwdSafeModify", b"TRUE", "supply old password")],
)
def test_a_policy_that_refuses_a_new_password_keeps_nobody_in(
    world: LdapWorld, rule: str, value: bytes, words: str
) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    with world.slapd.bound() as root:
        root.passwd_s(ldif.person_dn(who.login), None, "Quite-new-2026")
    before = connector.before(account)
    world.slapd.modify(ldif.POLICY_DN, [(ldap.MOD_REPLACE, rule, [value])])
    try:
        locked = connector.lock(before)
        assert (locked.change, locked.login) == (Change.MADE, Login.REFUSED)
        assert words in locked.not_done[0]
        assert connector.observe([account])[account].verdict is Verdict.LOCKED
        assert not world.can_log_in(who.login, "Quite-new-2026")
        assert connector.unlock(before) is Change.MADE
    finally:
        world.slapd.modify(ldif.POLICY_DN, [(ldap.MOD_REPLACE, rule, None)])
    assert world.can_log_in(who.login, "Quite-new-2026")


def test_a_lock_beside_the_old_password_that_nothing_proves_is_open(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    with world.slapd.bound() as root:
        root.passwd_s(ldif.person_dn(who.login), None, "Quite-new-2026")
    before = connector.before(account)
    world.slapd.modify(ldif.POLICY_DN, [(ldap.MOD_REPLACE, "pwdMinAge", [b"86400"])])
    try:
        with _no_lockout(world):
            for _try in range(2):
                assert connector.lock(connector.before(account)).login is Login.NOT_TRIED
                seen = connector.observe([account])[account]
                assert (seen.verdict, "it is not proven" in seen.reason) == (Verdict.OPEN, True)
        assert connector.lock(connector.before(account)).login is Login.REFUSED
        assert connector.observe([account])[account].verdict is Verdict.LOCKED
        assert connector.unlock(before) is Change.MADE
    finally:
        world.slapd.modify(ldif.POLICY_DN, [(ldap.MOD_REPLACE, "pwdMinAge", None)])
    assert world.can_log_in(who.login, "Quite-new-2026")


DELETE, REPLACE_BY_NOTHING = (ldap.MOD_DELETE, LOCK, None), (ldap.MOD_REPLACE, LOCK, None)
WRITE, ADD = (ldap.MOD_REPLACE, "userPassword", [b"x"]), (ldap.MOD_ADD, LOCK, [FOR_GOOD.encode()])
REPLACE = (ldap.MOD_REPLACE, LOCK, [FOR_GOOD.encode()])


@pytest.mark.parametrize(
    ("changes", "without", "with_one"),
    [
        ([WRITE, ADD], True, False),
        ([REPLACE_BY_NOTHING, WRITE, ADD], True, False),
        ([DELETE, WRITE, ADD], None, True),
        ([WRITE, REPLACE], True, False),
        ([REPLACE, WRITE], True, False),
    ],
)
def test_which_modify_locks_as_the_readme_has_it(
    world: LdapWorld, changes: list[Modification], without: bool | None, with_one: bool | None
) -> None:
    """Tests slapd, not our code: it fails if another version behaves otherwise. None: the server refuses."""
    who = newcomer()
    world.add(who)
    dn = ldif.person_dn(who.login)
    for lock, expected in ((None, without), (FOR_A_TIME, with_one)):
        world.slapd.modify(dn, [(ldap.MOD_REPLACE, LOCK, lock)])
        try:
            with world.slapd.bound(world.slapd.bind_dn, world.slapd.bind_password) as bot:
                bot.modify_s(dn, changes)
        except ldap.NO_SUCH_ATTRIBUTE:
            assert expected is None
            continue
        entry = world.slapd.entry(who.login)
        assert entry is not None
        assert (LOCK in entry) is expected


def test_a_policy_that_may_be_the_default_without_lockout_is_said_before_the_first_lock(tmp_path: Path) -> None:
    with Slapd(tmp_path, PEOPLE[:3]) as slapd:
        world = LdapWorld(slapd)
        assert not any("password policy" in one for one in _checked(world))
        slapd.modify(ldif.POLICY_DN, [(ldap.MOD_REPLACE, "pwdLockout", [b"FALSE"])])
        assert any(ldif.POLICY_DN in one and "by default" in one for one in _checked(world))
        slapd.modify(ldif.SERVICE_DN, [(ldap.MOD_REPLACE, "pwdPolicySubentry", [ldif.POLICY_DN.encode()])])
        assert not any(ldif.POLICY_DN in one for one in _checked(world)), "a program's own is not the default"
        own = [(ldap.MOD_REPLACE, "pwdPolicySubentry", [ldif.POLICY_DN.encode()])]
        slapd.modify(ldif.person_dn(PEOPLE[0].uid), own)
        slapd.modify(ldif.person_dn(PEOPLE[1].uid), [(ldap.MOD_ADD, LOCK, [FOR_GOOD.encode()])])
        assert any(ldif.POLICY_DN in one and "people's own" in one for one in _checked(world)), "beside a lock"


def _checked(world: LdapWorld) -> Sequence[str]:
    connector = world.connect()
    connector.check()
    return connector.blind_spots()


def test_of_several_passwords_an_undo_brings_one_back_and_says_so(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    second = ldif.hash_password("second-2026").encode()
    world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_ADD, "userPassword", [second])])
    before = connector.before(account)
    assert connector.lock(before).login is Login.REFUSED
    assert not any(world.can_log_in(who.login, one) for one in (who.password, "second-2026"))
    assert connector.unlock(before) is Change.MADE
    assert any(world.can_log_in(who.login, one) for one in (who.password, "second-2026"))
    assert connector.lost(before) == ("a further password: the directory took only one of them back",)


@contextmanager
def _policy(world: LdapWorld, name: str, lockout: bytes) -> Iterator[str]:
    dn = f"cn={name},{ldif.POLICY_DN.partition(',')[2]}"
    world.slapd.add(
        dn,
        {
            "objectClass": ["pwdPolicy", "device"],
            "cn": [name],
            "pwdAttribute": ["userPassword"],
            "pwdLockout": [lockout.decode()],
        },
    )
    try:
        yield dn
    finally:
        world.slapd.delete(dn)


def test_a_lock_is_believed_only_under_the_policy_of_its_own_that_applies_now(world: LdapWorld) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    connector.lock(connector.before(account))
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    with _policy(world, "lenient", b"FALSE") as lenient, _policy(world, "strict", b"TRUE") as strict:
        for policy, verdict in ((lenient, Verdict.UNKNOWN), (strict, Verdict.LOCKED)):
            world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_REPLACE, "pwdPolicySubentry", [policy.encode()])])
            for reader in (connector, world.connect()):
                seen = reader.observe([account])[account]
                assert (seen.verdict, "lenient" in seen.reason) == (verdict, verdict is Verdict.UNKNOWN)
                assert account not in reader.locked()
        world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_DELETE, "pwdPolicySubentry", None)])


def test_a_default_policy_that_lost_its_lockout_is_noticed(world: LdapWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    account, connector = world.add(newcomer()), world.connect()
    connector.lock(connector.before(account))
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
    monkeypatch.setattr(enforcement, "KEPT_SECONDS", 0)
    with _no_lockout(world):
        seen = connector.observe([account])[account]
    assert (seen.verdict, "does not show that it enforces" in seen.reason) == (Verdict.UNKNOWN, True)
    assert connector.observe([account])[account].verdict is Verdict.LOCKED


def test_a_random_password_that_a_syntax_check_refuses_is_replaced_by_another(
    world: LdapWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = newcomer()
    account, connector = world.add(who), world.connect()
    send, refused = LdapConnection.modify, list[str]()

    def check(link: LdapConnection, dn: str, changes: list[Modification], controls: tuple[object, ...] = ()) -> None:
        if len(refused) < 3:
            refused.append(dn)
            raise ldap.CONSTRAINT_VIOLATION({"info": "the password holds a part of the name"})
        send(link, dn, changes, controls)

    monkeypatch.setattr(LdapConnection, "modify", check)
    locked = connector.lock(connector.before(account))
    assert (locked.login, locked.not_done) == (Login.REFUSED, ())
    assert not world.can_log_in(who.login, who.password)
    world.reopen(account)
    assert not world.can_log_in(who.login, who.password), "the old password is gone"


def test_a_way_in_beside_the_password_is_no_lock_until_it_is_gone(world: LdapWorld) -> None:
    """The practice schema has no SSH keys: `userPKCS12` stands for them."""
    who = newcomer()
    account = world.add(who)
    connector = Ldap(world.settings(ways_in=("sshPublicKey", "userPKCS12")))
    other = world.add(newcomer())
    world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_ADD, "userPKCS12", [b"key"])])
    for one in (account, other):
        assert connector.lock(connector.before(one)).login is Login.REFUSED
    seen = connector.observe([account, other])
    assert (seen[account].verdict, "userPKCS12" in seen[account].reason) == (Verdict.UNKNOWN, True)
    assert seen[other].verdict is Verdict.LOCKED
    assert connector.locked() & {account, other} == {other}
    world.slapd.modify(ldif.person_dn(who.login), [(ldap.MOD_DELETE, "userPKCS12", None)])
    assert connector.observe([account])[account].verdict is Verdict.LOCKED
