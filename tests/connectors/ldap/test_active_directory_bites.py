"""Likely mistakes with Active Directory: each must be caught by the test for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import ldap
import pytest

from connectors.contract import AccountId, Change, GroupId, Locked, Login, Verdict
from connectors.ldap.active_directory import CONTROL, ActiveDirectory
from connectors.ldap.connection import LdapConnection
from connectors.ldap.connections import LdapConnections
from connectors.ldap.connector import Ldap
from connectors.ldap.directory import Directory
from connectors.ldap.locking import Locking
from connectors.ldap.memberships import Memberships
from connectors.ldap.settings import LdapSettings
from connectors.ldap.wire import Entry, Modification, equals, same
from tests.conformance.planted import assert_bites
from tests.connectors import test_ldap as suites
from tests.connectors.ldap import test_active_directory as traps
from tests.connectors.ldap.ad_world import AdWorld
from tests.sandbox.company.samba import Samba
from tests.sandbox.company.samba_conf import CROWD
from tests.sandbox.company.samba_seed import group_dn

REPLACE = ldap.MOD_REPLACE


class Planted(Ldap):
    """A connector with another dialect."""

    dialect: type[ActiveDirectory] = ActiveDirectory

    def __init__(self, settings: LdapSettings) -> None:
        super().__init__(settings)
        self._dialect = self.dialect(settings)
        self._connections = LdapConnections(settings, self._dialect)
        self._directory = Directory(settings, self._dialect, self._connections)
        self._locking = Locking(self._directory)
        self._memberships = Memberships(self._directory)


class BelievesWrongPassword(Planted):
    """Accepts `data 52e` as proof of the lock."""

    class dialect(ActiveDirectory):  # noqa: N801 - an attribute that happens to be a class
        def judge(self, secret_is_right: bool, refusal: Mapping[str, Any] | None) -> tuple[Login, str]:
            login, detail = super().judge(secret_is_right, refusal)
            return Login.REFUSED if refusal else login, detail


class ForgetsOtherFlags(Planted):
    """Writes 514 over all flags."""

    class dialect(ActiveDirectory):  # noqa: N801
        def locking(self, entry: Entry, secret: str) -> Sequence[Modification]:
            return [super().locking(entry, secret)[0], (REPLACE, CONTROL, [b"514"])]


class RestoresOldFlags(Planted):
    """Restores the flags of the before-image over those that were set since."""

    class dialect(ActiveDirectory):  # noqa: N801
        def unlocking(self, entry: Entry, state: Mapping[str, str]) -> Sequence[Modification]:
            return [(REPLACE, CONTROL, [state[CONTROL].encode()])]


class WritesTwice(Planted):
    """Disables first and sets the password in a second write."""

    def lock(self, before: Any) -> Locked:
        entry = self._connections.run(lambda link: self._directory.person(link, before.account), "")
        self._connections.run(lambda link: link.modify(entry.dn, self._dialect.locking(entry, "x")[1:]), "")
        password = self._dialect.locking(entry, secret := "aA1-Practice-random")[0]
        self._connections.run(lambda link: link.modify(entry.dn, [password]), "")
        return Locked(Change.MADE, *self._dialect.judge(True, self._connections.try_login(entry.dn, secret, ())))


class KnowsByName(Planted):
    """Uses the DN as the account's id."""

    class dialect(ActiveDirectory):  # noqa: N801
        def canonical(self, wanted: str) -> AccountId:
            return AccountId(wanted)

        def identify(self, entry: Entry) -> AccountId:
            return AccountId(entry.dn)

        def matches(self, wanted: str) -> str:
            return equals("distinguishedName", wanted)


class ReadsTheGuidBackwards(Planted):
    """Reads the sixteen bytes in their stored order."""

    class dialect(ActiveDirectory):  # noqa: N801
        def identify(self, entry: Entry) -> AccountId:
            return AccountId(str(UUID(bytes=entry.first("objectGUID"))))


class CountsReferrals(Planted):
    """Counts referral rows as people."""

    def __init__(self, settings: LdapSettings) -> None:
        super().__init__(settings)
        bind = self._connections._bind
        self._connections._bind = lambda raw: _counting(bind(raw))  # type: ignore[method-assign]


def _counting(link: LdapConnection) -> LdapConnection:
    page = link._page

    def all_rows(*arguments: Any) -> tuple[Any, Any]:
        rows, controls = page(*arguments)
        return [(dn or "", values if dn else {}) for dn, values in rows], controls

    link._page = all_rows  # type: ignore[method-assign, assignment]
    return link


class StopsAtReferrals(Planted):
    """Treats every search from the top as incomplete."""

    class dialect(ActiveDirectory):  # noqa: N801
        referrals_are_normal = False


class RewritesMembers(Planted):
    """Reads the members, leaves one out, and writes the rest back."""

    def remove(self, account: AccountId, group: GroupId) -> Change:
        def work(link: LdapConnection) -> Change:
            entry = self._directory.person(link, account)
            found = self._memberships._group(link, group)
            rows = link._raw.search_s(found.dn, ldap.SCOPE_BASE, "(objectClass=*)", ["member;range=0-1499"])
            kept = [m for m in next(iter(rows[0][1].values())) if m.decode() != entry.dn]
            link.modify(found.dn, [(REPLACE, "member", kept)])
            return Change.MADE

        return self._connections.run(work, "")


class ReadsMemberOf(Planted):
    """Reads only memberOf, which lacks the primary group."""

    class dialect(ActiveDirectory):  # noqa: N801
        def primary(self, entry: Entry) -> str:
            return ""


class LocksAdministrators(Planted):
    """Ignores adminCount."""

    class dialect(ActiveDirectory):  # noqa: N801
        def protects(self, entry: Entry) -> str:
            return ""


class TakesExpiryForALock(Planted):
    """Reports an account as locked that only expired, or waits after wrong passwords."""

    class dialect(ActiveDirectory):  # noqa: N801
        def verdict(self, entry: Entry) -> tuple[Verdict, str]:
            verdict, reason = super().verdict(entry)
            return (Verdict.LOCKED, "") if reason else (verdict, reason)


class NeedsThePassword(Planted):
    """Leaves an account open if its password cannot be changed."""

    class dialect(ActiveDirectory):  # noqa: N801
        password_may_stay = False


class TriesStrangers(Planted):
    """Tries a password that cannot be right."""

    class dialect(ActiveDirectory):  # noqa: N801
        reveals_lock_without_password = True


class SeesOneLevel(Planted):
    """Returns only the direct parents of a group."""

    def groups(self, account: AccountId) -> Sequence[Any]:
        return [type(g)(g.id, g.name, g.parent_groups[:1], g.fixed) for g in super().groups(account)]


class StaysInPlace(Planted):
    """Never moves an account back."""

    def unlock(self, before: Any) -> Change:
        self._locking._folder = ""
        return super().unlock(before)


class PlantedWorld(AdWorld):
    def __init__(self, samba: Samba, wrong: type[Ldap]) -> None:
        super().__init__(samba)
        self.wrong = wrong

    def connector(self, **changes: Any) -> Ldap:
        self.connectors.append(self.wrong(self.settings(**changes)))
        return self.connectors[-1]


ACCOUNTS, GROUPS = suites.TestActiveDirectoryAccounts(), suites.TestActiveDirectoryGroups()
PATCHED = object()
"""Replaces pytest's monkeypatch."""
CASES: tuple[tuple[type[Planted], Callable[..., None], tuple[Any, ...]], ...] = (
    (BelievesWrongPassword, traps.test_a_wrong_password_proves_nothing, (PATCHED,)),
    (ForgetsOtherFlags, traps.test_the_other_flags_stay_at_lock_and_unlock, ()),
    (RestoresOldFlags, traps.test_the_other_flags_stay_at_lock_and_unlock, ()),
    (WritesTwice, traps.test_the_lock_is_one_write_and_proved_by_code_533, ()),
    (KnowsByName, traps.test_an_account_is_known_by_its_guid_wherever_it_is, ()),
    (ReadsTheGuidBackwards, ACCOUNTS.test_finds_by_address_and_by_login_and_never_by_name, ()),
    (RewritesMembers, traps.test_a_group_of_more_than_1500_loses_one_member_and_no_other, ()),
    (ReadsMemberOf, GROUPS.test_somebody_without_groups_has_none, ()),
    (LocksAdministrators, traps.test_administrators_are_left_alone_unless_the_settings_say_so, ()),
    (TakesExpiryForALock, traps.test_an_expired_account_is_open_and_it_says_why, ()),
    (TakesExpiryForALock, traps.test_an_account_locked_out_by_wrong_passwords_is_open_and_it_says_why, ()),
    (TriesStrangers, traps.test_what_others_disabled_is_already_and_no_password_is_tried, ()),
    (SeesOneLevel, traps.test_nested_groups_are_shown_with_the_one_that_brings_them, ()),
    (StaysInPlace, traps.test_a_locked_account_moves_to_its_folder_and_back, ()),
)
RAISES: tuple[tuple[type[Planted], Callable[..., None]], ...] = (
    (StopsAtReferrals, traps.test_referrals_to_other_partitions_are_no_people),
    (CountsReferrals, traps.test_referrals_to_other_partitions_are_no_people),
    (NeedsThePassword, traps.test_a_password_that_is_refused_does_not_keep_the_account_open),
)
"""Faults that raise an error of the connector where none is expected."""


@pytest.fixture(autouse=True)
def _crowd_stays_whole(ad: AdWorld) -> Iterator[None]:
    everybody = ad.entry(group_dn(CROWD))["member"]
    yield
    now = ad.entry(group_dn(CROWD))["member"]
    if set(now) != set(everybody):
        ad.samba.modify(group_dn(CROWD), [(REPLACE, "member", list(everybody))])


@pytest.mark.parametrize(("wrong", "test", "arguments"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_trap_catches(
    samba: Samba,
    monkeypatch: pytest.MonkeyPatch,
    wrong: type[Planted],
    test: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    given = [monkeypatch if one is PATCHED else one for one in arguments]
    assert_bites(test, PlantedWorld(samba, wrong), *given)


@pytest.mark.parametrize(("wrong", "test"), RAISES, ids=lambda value: getattr(value, "__name__", None))
def test_the_trap_raises(samba: Samba, wrong: type[Planted], test: Callable[..., None]) -> None:
    with pytest.raises(traps.ERRORS):
        test(PlantedWorld(samba, wrong))


def test_the_same_place_is_the_same_however_it_is_written() -> None:
    assert same("CN=a\\, b,OU=X,DC=y", "cn=A\\2C B,ou=x,dc=Y")
    assert not same("CN=a,OU=X,DC=y", "CN=a,OU=Z,DC=y")
