"""LdapConnections to the directory: TLS, unreachable addresses, refused passwords, many threads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ldap
import pytest

from connectors.conformance.accounts import newcomer
from connectors.contract import Person, Verdict
from connectors.errors import BadCredential, Forbidden, Unavailable, Untrusted
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company.authority import issue
from tests.sandbox.company.people import LEAVER
from tests.sandbox.company.slapd import MissingProgram, Slapd, _program

DEAD = "ldaps://127.0.0.1:9"


def test_start_tls(world: LdapWorld) -> None:
    assert "svc-handover" in Ldap(world.settings(urls=(world.slapd.url,), start_tls=True)).check()


@pytest.mark.parametrize("start_tls", [False, True])
def test_a_strange_certificate_is_told_from_a_dead_server(world: LdapWorld, tmp_path: Path, start_tls: bool) -> None:
    issue(tmp_path, "Another CA")
    url = world.slapd.url if start_tls else world.slapd.tls_url
    with pytest.raises(Untrusted, match="authority that is not trusted"):
        Ldap(world.settings(urls=(url,), start_tls=start_tls, ca_file=tmp_path / "ca.pem")).check()
    with pytest.raises(Unavailable, match="cannot be reached"):
        Ldap(world.settings(urls=(DEAD,))).check()


def test_a_port_without_tls_is_said_to_be_one(world: LdapWorld) -> None:
    with pytest.raises(Unavailable, match=r"does not agree on TLS .*ldaps:// needs a port with TLS, mostly 636"):
        Ldap(world.settings(urls=(f"ldaps://127.0.0.1:{world.slapd.port}",))).check()


def test_the_next_address_is_tried(world: LdapWorld) -> None:
    assert Ldap(world.settings(urls=(DEAD, world.slapd.tls_url))).check()


def test_a_refused_password_is_tried_once_and_not_again(world: LdapWorld) -> None:
    def failures() -> int:
        with world.slapd.bound() as root:
            rows = root.search_s(world.slapd.bind_dn, ldap.SCOPE_BASE, attrlist=["pwdFailureTime"])
        return len(rows[0][1].get("pwdFailureTime", []))

    world.connect().check()  # a successful log-in resets the count
    wrong = world.connect("wrong")
    for _ in range(4):
        with pytest.raises(BadCredential):
            wrong.check()
    assert failures() == 1


def test_calls_and_refusals_are_counted(world: LdapWorld) -> None:
    connector = world.connect()
    connector.check()
    before = connector.connections().call_counts()
    assert before.calls > 0
    assert sum(before.refusals.values()) == 0
    wrong = world.connect("wrong")
    with pytest.raises(BadCredential):
        wrong.check()
    counts = wrong.connections().call_counts()
    assert (counts.calls, counts.refusals["bad_credential"]) == (1, 1)
    assert counts.seconds > 0


def test_a_link_that_died_while_idle_is_replaced(world: LdapWorld) -> None:
    connector = world.connect()
    connector.check()
    with world.stopped():
        pass
    assert connector.check()


def test_many_threads_share_a_few_connections(world: LdapWorld) -> None:
    connector = Ldap(world.settings(connections=3))
    account = world.add(newcomer())
    with ThreadPoolExecutor(12) as pool:
        seen = list(pool.map(lambda _: connector.observe([account])[account].verdict, range(60)))
    assert seen == [Verdict.OPEN] * 60
    assert len(connector._connections.pool._idle) <= 3


def test_seeing_nobody_is_never_absent(world: LdapWorld) -> None:
    blind = Ldap(world.settings(people_filter="(objectClass=device)", base_dn="ou=groups," + world.slapd.base_dn))
    for call in (lambda: blind.find(Person("", (LEAVER.email,))), lambda: blind.observe([world.nobody()])):
        with pytest.raises(Unavailable, match="no account at all"):
            call()
    with pytest.raises(Forbidden):
        blind.check()


def test_a_wrong_base_is_never_absent(world: LdapWorld) -> None:
    lost = Ldap(world.settings(base_dn="dc=elsewhere,dc=example"))
    with pytest.raises(Unavailable, match="there is no dc=elsewhere"):
        lost.observe([world.nobody()])


def test_closing_is_harmless_and_can_be_repeated(world: LdapWorld) -> None:
    connector = world.connect()
    connector.check()
    connector.close()
    connector.close()
    assert connector.check()


def test_a_missing_program_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path: None)
    with pytest.raises(MissingProgram, match="apt-get install -y --no-install-recommends slapd"):
        _program("slapd")


def test_a_stopped_server_keeps_its_data(tmp_path: Path) -> None:
    with Slapd(tmp_path, [LEAVER]) as server:
        server.modify(f"uid={LEAVER.uid},ou=people,{server.base_dn}", [(ldap.MOD_REPLACE, "title", [b"Kept"])])
    with Slapd(tmp_path, [LEAVER]) as again:
        entry = again.entry(LEAVER.uid)
    assert entry is not None
    assert entry["title"] == [b"Kept"]
