"""Planted faults of connectors: each must be caught by the test for it."""

from collections.abc import Callable, Sequence

import ldap
import pytest

from connectors.conformance.groups import GroupsSuite
from connectors.contract import AccountId, Change, Group, GroupId, Person
from connectors.errors import ConnectorError, Missing
from connectors.ldap.connector import Ldap
from tests.conformance.planted import assert_bites
from tests.conformance.test_accounts_bites import Planted
from tests.sandbox.company.ldif import person_dn
from tests.sandbox.company.slapd import Slapd


class AddsOthers(Ldap):
    """Also adds colleagues to the group."""

    def remove(self, account: AccountId, group: GroupId) -> Change:
        done = super().remove(account, group)
        for login in ("max.weber", "bob.ross"):
            (found,) = super().find(Person("", (), (login,))).accounts
            super().restore(found.id, group)
        return done


class RemovesEverybodyElse(Ldap):
    """Replaces the members instead of deleting one: the others are lost."""

    def remove(self, account: AccountId, group: GroupId) -> Change:
        keeper = [(ldap.MOD_REPLACE, "member", [person_dn("max.weber").encode()])]
        self._connections.run(lambda link: link.modify(self._memberships._group(link, group).dn, keeper), "")
        return Change.MADE


class LeavesEveryGroup(Ldap):
    """Removes the account from all its groups."""

    def remove(self, account: AccountId, group: GroupId) -> Change:
        done = Change.ALREADY
        for found in super().groups(account):
            done = super().remove(account, found.id)
        return done


class DoesNothing(Ldap):
    """Reports a removal without removing."""

    def remove(self, account: AccountId, group: GroupId) -> Change:
        return Change.MADE


class ForgetsThatItDid(Ldap):
    """Reports a removal again and again."""

    def remove(self, account: AccountId, group: GroupId) -> Change:
        super().remove(account, group)
        return Change.MADE


class RestoresNothing(Ldap):
    """Reports a restoration without restoring."""

    def restore(self, account: AccountId, group: GroupId) -> Change:
        return Change.MADE


class NoGroupsWhenDown(Ldap):
    """Returns an empty list for an error."""

    def groups(self, account: AccountId) -> Sequence[Group]:
        try:
            return super().groups(account)
        except ConnectorError:
            return ()


class InventsGroups(Ldap):
    """Returns an invented group for everybody."""

    def groups(self, account: AccountId) -> Sequence[Group]:
        return [*super().groups(account), Group(GroupId("x"), "everybody")]


class CallsMissingDone(Ldap):
    """Reports a missing group as left."""

    def remove(self, account: AccountId, group: GroupId) -> Change:
        try:
            return super().remove(account, group)
        except Missing:
            return Change.ALREADY


SUITE = GroupsSuite()
CASES: tuple[tuple[type[Ldap], Callable[..., None], tuple[str, ...]], ...] = (
    (RemovesEverybodyElse, SUITE.test_remove_takes_out_one_member_of_one_group, ()),
    (AddsOthers, SUITE.test_remove_takes_out_one_member_of_one_group, ()),
    (LeavesEveryGroup, SUITE.test_remove_takes_out_one_member_of_one_group, ()),
    (DoesNothing, SUITE.test_remove_takes_out_one_member_of_one_group, ()),
    (ForgetsThatItDid, SUITE.test_removing_twice_is_already_and_writes_nothing, ()),
    (RestoresNothing, SUITE.test_restore_puts_back_who_was_removed, ()),
    (NoGroupsWhenDown, SUITE.test_a_dead_server_and_a_wrong_credential_are_told_apart, ()),
    (NoGroupsWhenDown, SUITE.test_a_silent_server_is_unavailable_in_time, ()),
    (InventsGroups, SUITE.test_lists_exactly_the_groups_of_the_account, ("*",)),
    (InventsGroups, SUITE.test_somebody_without_groups_has_none, ()),
    (CallsMissingDone, SUITE.test_unknown_ids_are_missing_and_nothing_is_written, ()),
)


@pytest.mark.parametrize(("wrong", "test", "arguments"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_suite_catches(
    slapd: Slapd, wrong: type[Ldap], test: Callable[..., None], arguments: tuple[str, ...]
) -> None:
    assert_bites(test, Planted(slapd, wrong), *arguments)
