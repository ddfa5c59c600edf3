"""Planted faults of connectors that list duties: each must be caught by the test for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import pytest

from connectors.conformance.duties import DutiesSuite
from connectors.contract import AccountId, Duty, DutyId, DutyKind
from connectors.errors import ConnectorError, Missing
from connectors.ldap.connector import Ldap
from tests.conformance.planted import assert_bites
from tests.connectors.ldap.duties_world import DutiesLdapWorld, duties_directory


class StopsAtPageOne(Ldap):
    """Returns the first page of the answer."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        return islice(super().duties(account), 500)


class TakesARefusedReadForNone(Ldap):
    """Does not say what may not be searched."""

    def unseen_duties(self, account: AccountId) -> Sequence[str]:
        return ()


class ShowsAnotherPersonsDuty(Ldap):
    """Adds the duties of everybody else."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        yield from super().duties(account)
        for one in self.everyone():
            yield from Ldap.duties(self, one.id) if one.id != account else ()


class HidesADisabledOne(Ldap):
    """Leaves out what is switched off."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        return (one for one in super().duties(account) if one.active)


class CallsADisabledOneActive(Ldap):
    """Does not tell that something is switched off."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        return (replace(one, active=True) for one in super().duties(account))


class LosesOneOfAKind(Ldap):
    """Keeps one duty of each type."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        return iter({one.what: one for one in super().duties(account)}.values())


class ForgetsAType(Ldap):
    """Does not look for owners."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        return (one for one in super().duties(account) if one.kind is not DutyKind.OWNED)


class AnswersNoneAfterTheLock(Ldap):
    """Returns nothing for a locked account."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        return iter(()) if account in self.locked() else super().duties(account)


class NoneWhenDown(Ldap):
    """Returns nothing for an error."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        try:
            return super().duties(account)
        except ConnectorError as error:
            if isinstance(error, Missing):
                raise
            return iter(())


class NobodyHasNone(Ldap):
    """Returns nothing for an account that is not there."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        try:
            return super().duties(account)
        except Missing:
            return iter(())


class InventsOne(Ldap):
    """Returns an invented duty for everybody."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        yield from super().duties(account)
        yield Duty(id=DutyId("x"), kind=DutyKind.RUNS, what="job", title="nightly")


class NumbersThemAnew(Ldap):
    """Gives other ids at each read."""

    reads = 0

    def duties(self, account: AccountId) -> Iterator[Duty]:
        self.reads += 1
        return (replace(one, id=DutyId(f"{one.id}/{self.reads}")) for one in super().duties(account))


class CutsTitles(Ldap):
    """Shows the first word of a title."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        return (replace(one, title=one.title.partition(" ")[0]) for one in super().duties(account))


class LocksInstead(Ldap):
    """Changes the account that it reads."""

    def duties(self, account: AccountId) -> Iterator[Duty]:
        found = list(super().duties(account))
        self.lock(self.before(account))
        return iter(found)


SUITE = DutiesSuite()
CASES: tuple[tuple[type[Ldap], Callable[..., None], tuple[object, ...]], ...] = (
    (StopsAtPageOne, SUITE.test_all_of_many_are_listed_once_and_the_same_at_each_read, ()),
    (NumbersThemAnew, SUITE.test_all_of_many_are_listed_once_and_the_same_at_each_read, ()),
    (TakesARefusedReadForNone, SUITE.test_a_refused_read_is_not_none, ()),
    (ShowsAnotherPersonsDuty, SUITE.test_lists_exactly_the_duties_of_the_account, ()),
    (ForgetsAType, SUITE.test_lists_exactly_the_duties_of_the_account, ()),
    (HidesADisabledOne, SUITE.test_what_is_switched_off_is_listed_as_such, ()),
    (CallsADisabledOneActive, SUITE.test_what_is_switched_off_is_listed_as_such, ()),
    (LosesOneOfAKind, SUITE.test_several_of_one_type_are_all_listed, (0,)),
    (AnswersNoneAfterTheLock, SUITE.test_after_the_lock_the_list_is_the_same_or_not_known, ()),
    (NoneWhenDown, SUITE.test_a_dead_server_and_a_wrong_credential_are_told_apart, ()),
    (NoneWhenDown, SUITE.test_a_silent_server_is_unavailable_in_time, ()),
    (NobodyHasNone, SUITE.test_an_unknown_account_is_missing, ()),
    (InventsOne, SUITE.test_somebody_without_duties_has_none, ()),
    (CutsTitles, SUITE.test_a_title_is_data, ("a b",)),
    (LocksInstead, SUITE.test_a_read_changes_nothing, ()),
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DutiesLdapWorld]:
    with duties_directory(tmp_path_factory.mktemp("slapd")) as world:
        yield world


@pytest.mark.parametrize(("wrong", "test", "arguments"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_suite_catches(
    own: DutiesLdapWorld, wrong: type[Ldap], test: Callable[..., None], arguments: tuple[object, ...]
) -> None:
    world = DutiesLdapWorld(own.slapd)
    world.made = wrong
    assert_bites(test, world, *arguments)
