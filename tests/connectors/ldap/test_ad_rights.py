"""Rights and groups of Active Directory that no attribute tells: read from access lists and from an account's token."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import ldap
import pytest

from connectors.conformance.accounts import newcomer
from connectors.contract import Change, GroupId, Person, Verdict
from connectors.errors import Forbidden
from connectors.ldap.active_directory import ActiveDirectory
from connectors.ldap.security_descriptor import DESCRIPTOR, RESET_PASSWORD, access_list_only, may_reset_password
from tests.connectors.ldap.ad_world import AdWorld
from tests.sandbox.company.samba_conf import PEOPLE_OU, SUFFIX

SHUT = f"OU=Shut,{SUFFIX}"
DOMAIN_ADMINS, SYSTEM = 512, bytes((1, 1, 0, 0, 0, 0, 0, 5)) + (18).to_bytes(4, "little")
HEAD = 20
"""Bytes of a descriptor before its parts; an access list has eight before its rules."""


def _descriptor(ad: AdWorld, dn: str) -> bytes:
    with ad.samba.administrator() as admin:
        controls = [access_list_only()]
        _kind, [(_dn, values)], _id, _controls = admin.result3(
            admin.search_ext(dn, ldap.SCOPE_BASE, attrlist=[DESCRIPTOR], serverctrls=controls)
        )
    return bytes(values[DESCRIPTOR][0])


def _rules(descriptor: bytes) -> Iterator[bytes]:
    [start] = struct.unpack_from("<I", descriptor, 16)
    at = start + 8
    for _rule in range(struct.unpack_from("<H", descriptor, start + 4)[0]):
        [length] = struct.unpack_from("<H", descriptor, at + 2)
        yield descriptor[at : at + length]
        at += length


def _with_rules(rules: list[bytes]) -> bytes:
    """Return a descriptor with a protected access list of these rules, and nothing else."""
    body = b"".join(rules)
    head = struct.pack("<BBHIIII", 1, 0, 0x8000 | 0x1000 | 0x4, 0, 0, 0, HEAD)
    return head + struct.pack("<BBHHH", 4, 0, 8 + len(body), len(rules), 0) + body


def _write(ad: AdWorld, dn: str, descriptor: bytes) -> None:
    with ad.samba.administrator() as admin:
        changes = [(ldap.MOD_REPLACE, DESCRIPTOR, [descriptor])]
        admin.modify_ext_s(dn, changes, serverctrls=[access_list_only()])


def _whole(sid: bytes) -> bytes:
    """Return a rule that allows everything, to children too."""
    return struct.pack("<BBHI", 0, 2, 8 + len(sid), 0xF01FF) + sid


def test_the_right_to_reset_is_read_from_the_access_list(ad: AdWorld) -> None:
    who = newcomer()
    account = ad.add(who)
    connector = ad.connector(base_dn=PEOPLE_OU, accounts_at_least=1)
    assert not any("passwords" in one for one in connector.blind_spots())
    usual, reset = _descriptor(ad, ad.dn(account)), RESET_PASSWORD.bytes_le
    _write(ad, ad.dn(account), _with_rules([one for one in _rules(usual) if reset not in one]))
    less = ad.connector(base_dn=PEOPLE_OU)
    assert any("may not reset the passwords of 1 of" in one for one in less.blind_spots())
    lookup = less.find(Person("", (who.email,)))
    assert lookup.doubts == (
        f"{ad.dn(account)} will be locked, and keeps its password: {ad.samba.bind_dn} may not reset it",
    )
    locked = less.lock(less.before(account))
    assert "still the old one" in locked.detail
    assert less.observe([account])[account].verdict is Verdict.LOCKED


def test_an_access_list_decides_by_its_first_rule_for_us_and_a_broken_one_tells_nothing(ad: AdWorld) -> None:
    account = ad.add(newcomer())
    raw, reset = _descriptor(ad, ad.dn(account)), RESET_PASSWORD.bytes_le
    rules = list(_rules(raw))
    [ours] = [one[-28:] for one in rules if reset in one and len(one) >= 56 and one[0] == 5 and one[-28] == 1][:1]
    assert may_reset_password(raw, {ours}) is True
    assert may_reset_password(raw, {ours[:-1] + b"\xff"}) is False
    denied = [bytes((6,)) + one[1:] if reset in one else one for one in rules]
    assert may_reset_password(_with_rules(denied), {ours}) is False
    inherited_only = [one[:1] + bytes((one[1] | 8,)) + one[2:] if reset in one else one for one in rules]
    assert may_reset_password(_with_rules(inherited_only), {ours}) is False
    assert may_reset_password(_with_rules([_whole(ours)]), {ours}) is True
    assert may_reset_password(_with_rules([]), {ours}) is False
    assert [may_reset_password(one, {ours}) for one in (b"", raw[:19], raw[:60], bytes(200))] == [None] * 4
    assert may_reset_password(raw, set()) is None


def test_where_no_access_list_is_shown_nothing_tells_whether_resets_are_refused(
    ad: AdWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.ldap.active_directory.DESCRIPTOR", "description")
    assert any("cannot tell whether" in one and "passwords" in one for one in ad.connect().blind_spots())


@contextmanager
def _shut_folder(ad: AdWorld) -> Iterator[str]:
    """Make a folder that only the domain's administrators see."""
    ad.samba.add(SHUT, [("objectClass", [b"organizationalUnit"])])
    with ad.samba.administrator() as admin:
        [(_dn, me)] = admin.search_s(f"CN=Administrator,CN=Users,{SUFFIX}", ldap.SCOPE_BASE, attrlist=["objectSid"])
    sid = me["objectSid"][0]
    rules = [_whole(SYSTEM), _whole(sid), _whole(sid[:-4] + DOMAIN_ADMINS.to_bytes(4, "little"))]
    _write(ad, SHUT, _with_rules(rules))
    try:
        yield SHUT
    finally:
        with ad.samba.administrator() as admin:
            for dn, _values in admin.search_s(SHUT, ldap.SCOPE_ONELEVEL):
                admin.delete_s(dn)
            admin.delete_s(SHUT)


def test_a_group_that_only_the_token_names_is_said_and_left_by_hand(ad: AdWorld) -> None:
    account = ad.add(newcomer())
    visible = ad.add_group(f"seen {account}", [account])
    connector = ad.connect()
    assert {one.id for one in connector.groups(account) if not one.fixed} == {visible}
    with _shut_folder(ad) as folder:
        hidden = f"CN=hidden {account},{folder}"
        ad.samba.add(hidden, [("objectClass", [b"group"]), ("member", [ad.dn(account).encode()])])
        names = {one.id for one in connector.groups(account) if not one.fixed} - {visible}
        [sid] = [GroupId(one) for one in names if one.startswith("S-1-5-21-")]
        with pytest.raises(Forbidden, match="must be left by hand"):
            connector.remove(account, sid)
        assert connector.restore(account, sid) is Change.ALREADY
        ad.samba.modify(hidden, [(ldap.MOD_DELETE, "member", [ad.dn(account).encode()])])
        assert connector.remove(account, sid) is Change.ALREADY
        assert {one.id for one in connector.groups(account) if not one.fixed} == {visible}


def test_a_token_that_may_not_be_read_is_said(ad: AdWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "in groups that"
    assert not any(words in one for one in ad.connect().blind_spots())
    monkeypatch.setattr(ActiveDirectory, "token", "description")
    assert any(words in one for one in ad.connect().blind_spots())
