"""Bad days of a directory: certificates, dead servers, a rotated password, and answers that hide everybody."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import ldap
import pytest
from cryptography import x509
from pydantic import SecretStr

from config.secrets import FileSecret
from connectors.conformance.accounts import newcomer, person
from connectors.contract import Change, Person, Verdict
from connectors.errors import BadCredential, Unavailable
from connectors.ldap import connections, every_address
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connector import Ldap
from connectors.ldap.faults import translate
from tests.connectors.ldap import certificates
from tests.connectors.ldap.reticent import reticent
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif
from tests.sandbox.company.people import LEAVER, PEOPLE
from tests.sandbox.company.slapd import Slapd
from tests.sandbox.ports import free_port

DAY = timedelta(days=1)
HERE, ELSEWHERE = x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("other.example")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LdapWorld]:
    """A directory of the test's own, to be broken."""
    with Slapd(tmp_path / "own", PEOPLE[:3]) as server:
        yield LdapWorld(server)


@pytest.mark.parametrize(
    ("name", "since", "until", "words"),
    [
        (HERE, -9 * DAY, -1 * DAY, "it has expired"),
        (HERE, 1 * DAY, 9 * DAY, "not valid yet"),
        (ELSEWHERE, -1 * DAY, 9 * DAY, "for another name"),
    ],
)
@pytest.mark.parametrize("start_tls", [False, True])
def test_each_fault_of_a_certificate_has_its_words(
    own: LdapWorld, name: x509.GeneralName, since: timedelta, until: timedelta, words: str, start_tls: bool
) -> None:
    with own.stopped():
        certificates.issue(own.slapd.folder / "tls", name, since, until)
    url = own.slapd.url if start_tls else own.slapd.tls_url
    with pytest.raises(Unavailable, match=words):
        Ldap(own.settings(urls=(url,), start_tls=start_tls)).check()


def test_a_renewed_certificate_is_accepted_without_a_restart(own: LdapWorld) -> None:
    connector = own.connect()
    with own.stopped():
        certificates.issue(own.slapd.folder / "tls", HERE, -9 * DAY, -1 * DAY)
    with pytest.raises(Unavailable, match="expired"):
        connector.check()
    with own.stopped():
        certificates.issue(own.slapd.folder / "tls", HERE, -1 * DAY, 9 * DAY)
    assert connector.check()


def test_a_dead_address_is_left_aside_for_a_minute(world: LdapWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = f"ldaps://127.0.0.1:{free_port()}"
    connector = Ldap(world.settings(urls=(dead, world.slapd.tls_url)))
    tried: list[str] = []
    openly = connector._connections._open

    def noted(url: str) -> Any:
        tried.append(url)
        return openly(url)

    monkeypatch.setattr(connector._connections, "_open", noted)

    def check() -> list[str]:
        tried.clear()
        connector.close()
        connector.headcount()
        return list(tried)

    assert check() == [dead, world.slapd.tls_url]
    assert check() == [world.slapd.tls_url]
    monkeypatch.setattr(connections, "ASIDE_SECONDS", 0.0)
    assert check() == [dead, world.slapd.tls_url]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "no answer in time"),
        (51, "accepts no log-in now .Server is busy"),
        (52, "accepts no log-in now .Server is unavailable"),
    ],
)
def test_an_address_that_is_silent_after_the_log_in_or_too_busy_for_it_is_left_for_the_next(
    world: LdapWorld, code: int, words: str
) -> None:
    with reticent(code) as url:
        alone = Ldap(world.settings(urls=(url,), ca_file=None, request_seconds=0.5))
        with pytest.raises(Unavailable, match=words):
            alone.check()
        both = Ldap(world.settings(urls=(url, world.slapd.url), ca_file=None, request_seconds=2))
        assert both.check()
        assert both._connections._order() == [world.slapd.url, url]


def test_an_address_that_is_aside_is_tried_when_no_other_is_left(own: LdapWorld, world: LdapWorld) -> None:
    connector = Ldap(own.settings(urls=(own.slapd.url, own.slapd.tls_url)))
    with own.stopped(), pytest.raises(Unavailable):
        connector.check()
    assert connector.check()


@pytest.fixture
def other(own: LdapWorld, tmp_path: Path) -> Iterator[LdapWorld]:
    """A copy of that directory which receives no changes any more."""
    with own.stopped():
        shutil.copytree(own.slapd.folder, tmp_path / "other")
    conf = tmp_path / "other" / "slapd.conf"
    conf.write_text(conf.read_text().replace(str(own.slapd.folder), str(conf.parent)))
    with Slapd(conf.parent) as server:
        yield LdapWorld(server)


def _both(own: LdapWorld, other: LdapWorld) -> Ldap:
    return Ldap(own.settings(urls=(own.slapd.url, other.slapd.url), ca_file=None))


def test_a_lock_that_never_reaches_another_address_is_none(
    own: LdapWorld, other: LdapWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every_address, "COPY_SECONDS", 0.0)
    connector, [first, second, _third] = _both(own, other), PEOPLE[:3]
    [one], [two] = (connector.find(Person("", (who.email,))).accounts for who in (first, second))
    before = connector.before(one.id)
    connector.check()
    assert not any("differ between" in one for one in connector.blind_spots())
    connector.lock(before)
    connector.check()
    assert any("1 accounts, groups or locks differ between" in one for one in connector.blind_spots())
    assert other.can_log_in(first.uid, first.password)
    seen = connector.observe([one.id, two.id])
    assert (seen[one.id].verdict, other.slapd.url in seen[one.id].reason) == (Verdict.OPEN, True)
    assert connector.locked() == frozenset()
    own.slapd.delete(ldif.person_dn(second.uid))
    assert connector.observe([two.id])[two.id].verdict is Verdict.OPEN
    assert other.slapd.url in " ".join(connector.find(Person("", (second.email,))).doubts)
    other.slapd.modify(ldif.person_dn(first.uid), [(ldap.MOD_ADD, "pwdAccountLockedTime", [b"000001010000Z"])])
    assert connector.observe([one.id])[one.id].verdict is Verdict.LOCKED
    assert connector.locked() == {one.id}
    with pytest.raises(Unavailable, match=f"{other.slapd.url} still shows it locked"):
        connector.unlock(before)
    assert own.can_log_in(first.uid, first.password)
    other.reopen(one.id)
    assert connector.unlock(before) is Change.ALREADY
    for world in (own, other):
        world.slapd.modify(ldif.person_dn(first.uid), [(ldap.MOD_REPLACE, "pwdAccountLockedTime", [b"000001010000Z"])])
    locked = connector.before(one.id)
    connector.lock(locked)
    assert connector.unlock(locked) is Change.ALREADY, "it was locked before, everywhere"


def test_an_address_that_is_down_may_not_have_the_lock(own: LdapWorld, other: LdapWorld) -> None:
    connector, who = _both(own, other), PEOPLE[0]
    [account] = connector.find(Person("", (who.email,))).accounts
    with other.stopped():
        connector.lock(connector.before(account.id))
        seen = connector.observe([account.id])[account.id]
        assert (seen.verdict, other.slapd.url in seen.reason) == (Verdict.UNKNOWN, True)


def test_a_rotated_password_is_told_and_a_new_connector_has_it(own: LdapWorld) -> None:
    old = own.connect()
    old.check()
    own.slapd.modify(
        own.slapd.bind_dn, [(ldap.MOD_REPLACE, "userPassword", [ldif.hash_password("Rotated-2026").encode()])]
    )
    assert old.check(), "what is logged in stays so"
    old.close()
    with pytest.raises(BadCredential, match=r"read when the bot starts.*restart the bot"):
        old.check()
    assert Ldap(own.settings(password=SecretStr("Rotated-2026"))).check()


def test_a_password_renewed_in_its_file_is_taken_without_a_restart(own: LdapWorld, tmp_path: Path) -> None:
    """Others go on meanwhile, and nobody waits five minutes for the next try: the new password was never refused."""
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("Wrong-by-now\n", encoding="utf-8")
    connector = Ldap(own.settings(password=FileSecret(file)))
    for _ in range(2):
        with pytest.raises(BadCredential, match=r"without a restart|a moment ago"):
            connector.check()
    file.write_text("", encoding="utf-8")  # being written just now
    with pytest.raises(BadCredential, match="a moment ago"):
        connector.check()
    file.write_text(own.slapd.bind_password + "\n", encoding="utf-8")
    assert connector.check()


# -- an answer that hides everybody is never `absent`


def test_a_tree_that_is_gone_for_a_while_is_unavailable(own: LdapWorld) -> None:
    people = ldif.PEOPLE_DN
    connector = Ldap(own.settings(base_dn=people))
    account = connector.find(Person("", (PEOPLE[0].email,))).accounts[0].id
    nobody = own.nobody()
    with own.slapd.bound() as root:
        root.rename_s(people, "ou=hidden")
    try:
        for call in (
            lambda: connector.observe([account, nobody]),
            lambda: connector.find(person(newcomer())),
            lambda: connector.before(account),
            connector.check,
        ):
            with pytest.raises(Unavailable):
                pytest.fail(f"answered {call()!r}")
    finally:
        with own.slapd.bound() as root:
            root.rename_s(f"ou=hidden,{own.slapd.base_dn}", "ou=people")
    seen = connector.observe([account, nobody])
    assert [seen[one].verdict for one in (account, nobody)] == [Verdict.OPEN, Verdict.ABSENT]


def test_an_emptied_directory_is_unavailable(own: LdapWorld) -> None:
    connector = own.connect()
    account = connector.find(Person("", (PEOPLE[0].email,))).accounts[0].id
    for who in PEOPLE[:3]:
        own.slapd.delete(ldif.person_dn(who.uid))
    with pytest.raises(Unavailable, match="shows no account at all"):
        connector.observe([account])
    with pytest.raises(Unavailable, match="shows no account at all"):
        connector.find(Person("", (PEOPLE[0].email,)))


class Hiding:
    """Makes a connector's searches answer with nothing for a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: int) -> None:
        self.left = answers
        search = LdapConnection.search

        def hidden(link: LdapConnection, *arguments: Any) -> Iterator[Any]:
            self.left -= 1
            return iter(()) if self.left >= 0 else search(link, *arguments)

        monkeypatch.setattr(LdapConnection, "search", hidden)


def test_an_outage_that_ends_in_the_middle_of_a_sweep_makes_nobody_absent(
    world: LdapWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, everybody = world.connect(), list(world.truth())
    nobody = world.nobody()
    Hiding(monkeypatch, 1)
    seen = connector.observe([*everybody, nobody])
    assert {seen[one].verdict for one in everybody} <= {Verdict.OPEN, Verdict.LOCKED}
    assert seen[nobody].verdict is Verdict.ABSENT


def test_an_outage_that_ends_in_the_middle_of_a_lookup_makes_nobody_absent(
    world: LdapWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    Hiding(monkeypatch, 1)
    assert len(world.connect().find(Person("", (LEAVER.email,))).accounts) == 1


def test_an_outage_that_goes_on_makes_nobody_absent(world: LdapWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    Hiding(monkeypatch, 9)
    with pytest.raises(Unavailable, match="stopped showing"):
        world.connect().observe([world.nobody()])
    with pytest.raises(Unavailable, match="stopped showing"):
        world.connect().find(Person("", (LEAVER.email,)))


def test_a_time_limit_of_the_servers_is_unavailable_and_says_so() -> None:
    error = translate(ldap.TIMELIMIT_EXCEEDED({"desc": "Time limit exceeded"}), "reading accounts")
    assert isinstance(error, Unavailable)
    assert "own time limit" in str(error)
