"""Rights, limits and parts of the tree that the bot lacks are said by the check, or as blind spots."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ldap
import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer, person
from connectors.contract import AccountId, Person, Verdict
from connectors.errors import Forbidden
from connectors.ldap.connector import Ldap
from tests.connectors.ldap.ad_world import AdWorld
from tests.connectors.ldap.foreign import OTHER, SUFFIX, Foreign
from tests.connectors.ldap.test_absence import referral
from tests.connectors.ldap.test_foreign import _connect
from tests.connectors.ldap.test_ns389 import LOCK, OWN, add, connect
from tests.connectors.ldap.world import LdapWorld
from tests.sandbox.company import ldif, samba_seed
from tests.sandbox.company.ns389 import PEOPLE as PEOPLE_389
from tests.sandbox.company.ns389 import SUFFIX as SUFFIX_389
from tests.sandbox.company.ns389 import Ns389, allow
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.samba_conf import DISABLED_OU, GROUPS_OU, PEOPLE_OU
from tests.sandbox.company.slapd import LOCK as SLAPD_LOCK
from tests.sandbox.company.slapd import Slapd
from tests.sandbox.company.slapd_conf import ROOT_DN

PART = f"ou=contractors,{ldif.SUFFIX}"
POLICY = (
    "overlay ppolicy\n",
    f'ppolicy_default "{ldif.POLICY_DN}"\n',
    "ppolicy_use_lockout\n",
    "ppolicy_hash_cleartext\n",
)
REPLICA = f"""\
syncrepl rid=001 provider=ldap://127.0.0.1:9 searchbase="{ldif.SUFFIX}" type=refreshAndPersist bindmethod=simple
  binddn="cn=x" credentials=y retry="60 +"
updateref ldap://127.0.0.1:9"""


@contextmanager
def directory(folder: Path, change: Callable[[str], str]) -> Iterator[LdapWorld]:
    """Serve the practice directory with another configuration, made after the seed."""

    class Changed(Slapd):
        def _seed(self) -> None:
            super()._seed()
            conf = self.folder / "slapd.conf"
            conf.write_text(change(conf.read_text()))

    with Changed(folder) as server:
        yield LdapWorld(server)


def without_policy(text: str, folder: Path) -> str:
    """Load the overlay for another database than the people's."""
    for line in POLICY:
        text = text.replace(line, "")
    folder.mkdir()
    return f'{text}\ndatabase mdb\nsuffix "dc=other"\ndirectory "{folder}"\noverlay ppolicy\n'


def test_a_directory_that_shows_everything_has_no_blind_spots_and_a_check_writes_nothing(world: LdapWorld) -> None:
    connector, writes = Ldap(world.settings(accounts_at_least=world.connect().headcount())), world.writes()
    assert "can be read" in connector.check()
    assert connector.blind_spots() == []
    assert world.writes() == writes
    counted = connector._comparison._last
    assert connector.blind_spots() == []
    assert connector._comparison._last is counted, "it counts everybody, so it is not done every time"


@pytest.mark.parametrize(
    ("line", "words"),
    [("readonly on", "read-only copy .*operation restricted"), (REPLICA, r"read-only copy .*ldap://127\.0\.0\.1:9")],
)
def test_a_read_only_copy_fails_the_check(tmp_path: Path, line: str, words: str) -> None:
    with (
        directory(tmp_path / "slapd", lambda text: f"{text}\n{line}\n") as world,
        pytest.raises(Forbidden, match=words),
    ):
        world.connect().check()


def test_a_read_only_copy_among_the_addresses_is_said(world: LdapWorld, tmp_path: Path) -> None:
    with directory(tmp_path / "slapd", lambda text: f"{text}\nreadonly on\n") as copy:
        good, gone = world.slapd.url, "ldap://127.0.0.1:9"
        connector = Ldap(world.settings(urls=(good, copy.slapd.url, gone), ca_file=None))
        assert "can be read" in connector.check()
        read_only, unreachable, *_more = connector.blind_spots()
    assert f"{copy.slapd.url} is a read-only copy" in read_only
    assert f"{gone} cannot be reached" in unreachable


def test_the_overlay_on_another_database_fails_the_check(tmp_path: Path) -> None:
    with (
        directory(tmp_path / "slapd", lambda text: without_policy(text, tmp_path / "other")) as world,
        pytest.raises(Forbidden, match=f"the database of {ldif.PEOPLE_DN} lacks the password policy overlay"),
    ):
        world.connect().check()


def with_a_part(text: str, folder: Path) -> str:
    """Keep one folder in a database of its own, without the overlay."""
    folder.mkdir()
    rights = f'access to * by dn.exact="{ldif.SERVICE_DN}" write by * auth'
    place = f'database mdb\nsuffix "{PART}"\nsubordinate\nrootdn "{ROOT_DN}"\ndirectory "{folder}"\n{rights}\n\n'
    return text.replace(f'database mdb\nsuffix "{ldif.SUFFIX}"', f'{place}database mdb\nsuffix "{ldif.SUFFIX}"')


def test_a_part_in_a_database_without_the_overlay_is_said_and_locks_nobody(tmp_path: Path) -> None:
    with directory(tmp_path / "slapd", lambda text: with_a_part(text, tmp_path / "part")) as world:
        slapd, dn = world.slapd, f"uid=kim,{PART}"
        slapd.add(PART, {"objectClass": ["organizationalUnit"], "ou": ["contractors"]})
        slapd.add(
            dn, {"objectClass": ["account", "simpleSecurityObject"], "uid": ["kim"], "userPassword": ["kim-2026"]}
        )
        slapd.modify(dn, [(ldap.MOD_REPLACE, "userPassword", [ldif.hash_password("kim-2026").encode()])])
        slapd.modify(dn, [(ldap.MOD_ADD, SLAPD_LOCK, [b"000001010000Z"])])
        account, connector = world.add(newcomer()), world.connect()
        connector.lock(connector.before(account))
        [kim] = connector.find(Person("", (), ("kim",))).accounts
        with slapd.bound(dn, "kim-2026"):
            seen = connector.observe([account, kim.id])
        assert (seen[account].verdict, seen[kim.id].verdict) == (Verdict.LOCKED, Verdict.UNKNOWN)
        assert connector.locked() == {account}
        slapd.add(f"uid=lee,{PART}", {"objectClass": ["inetOrgPerson"], "uid": ["lee"], "cn": ["Lee"], "sn": ["Lee"]})
        connector.check()
        assert f"the database of {PART} lacks the password policy overlay" in " ".join(connector.blind_spots())


def test_where_own_policies_are_hidden_every_lock_is_tried(tmp_path: Path) -> None:
    hidden = "access to attrs=pwdPolicySubentry\n  by * none\naccess to dn.subtree"
    with directory(tmp_path / "slapd", lambda text: text.replace("access to dn.subtree", hidden, 1)) as world:
        connector, people = world.connect(), [newcomer(), newcomer()]
        accounts = [world.add(who) for who in people]
        for account in accounts:
            connector.lock(connector.before(account))
        policy = {"objectClass": ["pwdPolicy", "device"], "cn": ["lenient"], "pwdAttribute": ["userPassword"]}
        dn, leaver = f"cn=lenient,{ldif.POLICY_DN.partition(',')[2]}", ldif.person_dn(people[1].login)
        world.slapd.add(dn, {**policy, "pwdLockout": ["FALSE"]})
        secret = ldif.hash_password("kim-2026").encode()
        world.slapd.modify(leaver, [(ldap.MOD_REPLACE, "pwdPolicySubentry", [dn.encode()])])
        world.slapd.modify(leaver, [(ldap.MOD_REPLACE, "userPassword", [secret])])
        world.slapd.modify(leaver, [(ldap.MOD_REPLACE, SLAPD_LOCK, [b"000001010000Z"])])
        with world.slapd.bound(leaver, "kim-2026"):
            seen = world.connect().observe(accounts)
        assert [seen[account].verdict for account in accounts] == [Verdict.LOCKED, Verdict.UNKNOWN]


def test_a_folder_without_our_rights_is_said_by_the_check_and_the_plan(tmp_path: Path) -> None:
    folder = f"ou=remote,{ldif.PEOPLE_DN}"
    rule = f'access to dn.subtree="{folder}" attrs=userPassword,pwdAccountLockedTime by * read\naccess to dn.subtree'
    with directory(tmp_path / "slapd", lambda text: text.replace("access to dn.subtree", rule, 1)) as world:
        world.slapd.add(folder, {"objectClass": ["organizationalUnit"], "ou": ["remote"]})
        dn, classes = f"uid=kim,{folder}", ["inetOrgPerson"]
        world.slapd.add(dn, {"objectClass": classes, "uid": ["kim"], "cn": ["Kim"], "sn": ["Kim"]})
        connector, writes = world.connect(), world.writes()
        connector.check()
        assert "may not write userPassword of 1 of " in " ".join(connector.blind_spots())
        [doubt] = connector.find(Person("", (), ("kim",))).doubts
        assert doubt.startswith(f"{dn} will not be locked: {ldif.SERVICE_DN} may not write pwdAccountLockedTime")
        assert connector.find(Person("", (), (PEOPLE[0].uid,))).doubts == ()
        assert world.writes() == writes


def test_a_limit_below_the_number_of_entries_is_said(tmp_path: Path) -> None:
    rule = f'limits dn.exact="{ldif.SERVICE_DN}" size.soft=20 size.hard=20 size.pr=20 size.prtotal=20\n'
    with directory(
        tmp_path / "slapd", lambda text: text.replace("overlay ppolicy", f"{rule}overlay ppolicy", 1)
    ) as own:
        assert "can be read" in own.connect().check()
        said, _untold = own.connect().blind_spots()
    assert "cut short; raise the server's limits" in said


def test_a_part_on_another_server_is_said(world: LdapWorld) -> None:
    with referral(world):
        said, _untold = world.connect().blind_spots()
    assert "only a part: the rest is at ldap://127.0.0.1:9/" in said


def test_locks_that_may_not_be_read_are_counted(world: LdapWorld) -> None:
    me = PEOPLE[0]
    blind = Ldap(world.settings(bind_dn=ldif.person_dn(me.uid), password=SecretStr(me.password)))
    said, *_more = blind.blind_spots()
    number, total = (int(word) for word in said.split() if word.isdigit())
    assert said.startswith("pwdAccountLockedTime of ")
    assert len(PEOPLE) <= number < total


def test_people_in_another_tree_are_said(tmp_path: Path) -> None:
    with Foreign(tmp_path) as server:
        said = _connect(server).blind_spots()
    assert f"there are people below {OTHER}, too: only those below {SUFFIX} are looked up" in said
    assert any("cut short" in one for one in said)


# -- 389 Directory Server


@pytest.fixture(scope="module")
def ns389(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ns389]:
    with Ns389(tmp_path_factory.mktemp("blind389")) as server:
        add(server, newcomer(), OWN)
        server.add(
            f"cn=team,ou=groups,{SUFFIX_389}",
            {"objectClass": ["groupOfNames"], "cn": ["team"], "member": [server.bind_dn]},
        )
        yield server


def test_rights_are_asked_of_the_server(ns389: Ns389) -> None:
    who = newcomer()
    dn = add(ns389, who, OWN)
    assert "can be read" in connect(ns389).check()
    assert list(connect(ns389).blind_spots()) == []
    assert connect(ns389).find(person(who)).doubts == ()
    with ns389.rights(allow("read,search,compare", "*"), allow("write", "userPassword")):
        connector = connect(ns389)
        people, groups = connector.blind_spots()
        lookup = connector.find(person(who))
    assert f"may not write {LOCK} of 2 of 2 accounts looked at" in people
    assert "may take nobody out of a group: it may not write member" in groups
    assert len(lookup.accounts) == 1
    assert lookup.doubts == (f"{dn} will not be locked: {ns389.bind_dn} may not write {LOCK}",)


def test_locks_that_389_does_not_show_are_counted(ns389: Ns389) -> None:
    hidden = allow("read,search,compare", "*").replace('(targetattr="*")', f'(targetattr!="{LOCK}")')
    with ns389.rights(hidden, allow("write", f"{LOCK} || userPassword || member")):
        said = connect(ns389).blind_spots()
    assert any(one.startswith(f"{LOCK} of ") for one in said)


def test_entries_that_389_hides_are_counted(ns389: Ns389) -> None:
    who = newcomer()
    add(ns389, who, OWN)
    [found] = connect(ns389).find(person(who)).accounts
    rule, target = allow("read,search,compare", "*"), f'(targetfilter="(!(uid={who.login}))")'
    with ns389.rights(target + rule, allow("write", f"{LOCK} || userPassword || member")):
        said, lookup = connect(ns389).blind_spots(), connect(ns389).find(person(who))
        assert connect(ns389).observe([found.id])[found.id].verdict is Verdict.UNKNOWN
    assert lookup.accounts == ()
    assert "may be one of them" in lookup.doubts[0]
    [one] = [one for one in said if "cannot be seen: an account may be one of them" in one]
    assert one.startswith("1 of ")
    assert f"below {PEOPLE_389}" in one


def test_a_limit_of_389_makes_nobody_absent_and_hides_nobody(ns389: Ns389) -> None:
    who, gone = newcomer(), AccountId("0" * 8 + "-00000000" * 3)
    add(ns389, who, OWN)
    ns389.modify(ns389.bind_dn, [(ldap.MOD_REPLACE, "nsLookThroughLimit", [b"2"])])
    try:
        connector = connect(ns389)
        [found] = connector.find(person(who)).accounts
        seen = connector.observe([found.id, gone])
        said = connector.blind_spots()
    finally:
        ns389.modify(ns389.bind_dn, [(ldap.MOD_REPLACE, "nsLookThroughLimit", None)])
    assert (seen[found.id].verdict, seen[gone].verdict) == (Verdict.OPEN, Verdict.UNKNOWN)
    assert "cut short" in seen[gone].reason
    assert any("cut short" in one for one in said)


def test_a_read_only_389_fails_the_check(ns389: Ns389) -> None:
    backend = "cn=userroot,cn=ldbm database,cn=plugins,cn=config"
    ns389.modify(backend, [(ldap.MOD_REPLACE, "nsslapd-readonly", [b"on"])])
    try:
        with pytest.raises(Forbidden, match="is a read-only copy"):
            connect(ns389).check()
    finally:
        ns389.modify(backend, [(ldap.MOD_REPLACE, "nsslapd-readonly", [b"off"])])


# -- Active Directory


def refused(said: Sequence[str]) -> int:
    found = [re.search(r"may not write userAccountControl of (\d+) of \d+ accounts", one) for one in said]
    [one] = filter(None, found)
    return int(one[1])


def test_an_account_that_may_not_be_disabled_is_said(ad: AdWorld) -> None:
    who, ours = newcomer(), newcomer()
    dn = f"CN={who.login},CN=Users,{ad.samba.base_dn}"
    ad.add(ours)
    ad.samba.add(
        dn, samba_seed.user(who.password, {"sAMAccountName": [who.login.encode()], "mail": [who.email.encode()]})
    )
    try:
        connector = ad.connector(disabled_ou=DISABLED_OU)
        assert "can be read" in connector.check()
        lookup, said = connector.find(Person("", (who.email,))), connector.blind_spots()
        assert connector.find(Person("", (ours.email,))).doubts == ()
    finally:
        with ad.samba.administrator() as admin:
            admin.delete_s(dn)
    assert lookup.doubts == (f"{dn} will not be locked: {ad.samba.bind_dn} may not write userAccountControl",)
    assert refused(said) == refused(ad.connect().blind_spots()) + 1
    base = {"base_dn": PEOPLE_OU, "group_base_dn": GROUPS_OU}
    people = ad.connector(**base, accounts_at_least=ad.connector(**base).headcount())
    assert people.blind_spots() == [], "outside of it is a service account of the server's own"


def test_a_folder_that_takes_nobody_is_said(ad: AdWorld) -> None:
    base = {"base_dn": PEOPLE_OU, "group_base_dn": GROUPS_OU}
    count = ad.connector(**base).headcount()
    said = ad.connector(**base, disabled_ou=GROUPS_OU, accounts_at_least=count).blind_spots()
    assert list(said) == [f"{ad.samba.bind_dn} may not move accounts to {GROUPS_OU}"]
