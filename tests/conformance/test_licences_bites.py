"""Planted faults of connectors of licences: each must be caught by the test for it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from connectors.conformance.licences import LicencesSuite
from connectors.contract import AccountId, Change, Licence, LicenceId
from connectors.errors import Conflict, ConnectorError, Missing
from tests.conformance.memory_tenant import TenantWorld
from tests.conformance.planted import assert_bites
from tests.workflows.memory import MemoryTenant


class TestMemory(LicencesSuite):
    @pytest.fixture
    def world(self) -> TenantWorld:
        return TenantWorld()


class TakesItFromEverybody(MemoryTenant):
    """Takes the seat of the same name from all accounts."""

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        change = super().reclaim(account, licence)
        for one in self.world.users:
            super().reclaim(one, licence)
        return change


class TakesASecondSeat(MemoryTenant):
    """Takes a seat from another account if this one has none any more: the licence is taken twice."""

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        for one in (account, *self.world.users):
            if MemoryTenant.reclaim(self, one, licence) is Change.MADE:
                return Change.MADE
        return Change.ALREADY


class TakesThemAll(MemoryTenant):
    """Takes every licence of the account."""

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        for one in super().licences(account):
            super().reclaim(account, one.id)
        return super().reclaim(account, licence) and Change.MADE


class SaysItDid(MemoryTenant):
    """Reports without doing anything."""

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        self.licences(account)
        return Change.MADE


class SaysItGave(MemoryTenant):
    """Reports that it gave a licence back, and gives none."""

    def give_licence(self, account: AccountId, licence: LicenceId) -> Change:
        return Change.MADE


class AlwaysMade(MemoryTenant):
    """Reports again and again that it took a licence."""

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        super().reclaim(account, licence)
        return Change.MADE


class WritesAgain(MemoryTenant):
    """Writes although nothing is to do."""

    def give_licence(self, account: AccountId, licence: LicenceId) -> Change:
        self.world.writes["again"] += 1
        return super().give_licence(account, licence)


class StopsAtPageOne(MemoryTenant):
    """Returns the first page of the answer."""

    def licences(self, account: AccountId) -> Sequence[Licence]:
        return super().licences(account)[:1]


class ForgetsGroups(MemoryTenant):
    """Does not look for licences through groups."""

    def licences(self, account: AccountId) -> Sequence[Licence]:
        return [one for one in super().licences(account) if not one.through]


class ShowsEverybodys(MemoryTenant):
    """Lists the licences of the whole tenant."""

    def licences(self, account: AccountId) -> Sequence[Licence]:
        every = [*super().licences(account)]
        for other in self.world.users:
            every += super().licences(other)
        return list({one.id: one for one in every}.values())


class NumbersThemAnew(MemoryTenant):
    """Gives other ids at each read."""

    reads = 0

    def licences(self, account: AccountId) -> Sequence[Licence]:
        self.reads += 1
        return [replace(one, id=LicenceId(f"{one.id}/{self.reads}")) for one in super().licences(account)]


class NoneIfRefused(MemoryTenant):
    """Returns nothing for an error."""

    def licences(self, account: AccountId) -> Sequence[Licence]:
        try:
            return super().licences(account)
        except ConnectorError as error:
            if isinstance(error, Missing):
                raise
            return ()


class NobodyHasNone(MemoryTenant):
    """Returns nothing for an account that is not there."""

    def licences(self, account: AccountId) -> Sequence[Licence]:
        try:
            return super().licences(account)
        except Missing:
            return ()


class NoneAfterTheLock(MemoryTenant):
    """Returns nothing for a locked account."""

    def licences(self, account: AccountId) -> Sequence[Licence]:
        return super().licences(account) if self.world.users[account].active else ()


class GivesAnother(MemoryTenant):
    """Gives back a licence of another kind."""

    def give_licence(self, account: AccountId, licence: LicenceId) -> Change:
        return super().give_licence(account, LicenceId("F1"))


class GivesToEverybody(MemoryTenant):
    """Gives the licence to all accounts."""

    def give_licence(self, account: AccountId, licence: LicenceId) -> Change:
        change = super().give_licence(account, licence)
        for one in self.world.users:
            super().give_licence(one, licence)
        return change


class BuysOne(MemoryTenant):
    """Buys a seat if none is free."""

    def give_licence(self, account: AccountId, licence: LicenceId) -> Change:
        try:
            return super().give_licence(account, licence)
        except Conflict:
            self.world.free_seats.pop(licence)
            return super().give_licence(account, licence)


class DeletesTheAccount(MemoryTenant):
    """Deletes the account to free its seats."""

    def reclaim(self, account: AccountId, licence: LicenceId) -> Change:
        del self.world.users[account]
        return Change.MADE


class LocksWhatItReads(MemoryTenant):
    """Changes the account that it reads."""

    def licences(self, account: AccountId) -> Sequence[Licence]:
        found = super().licences(account)
        self.lock(self.before(account))
        return found


SUITE = LicencesSuite()
CASES: tuple[tuple[type[MemoryTenant], Callable[..., None], tuple[object, ...]], ...] = (
    (TakesItFromEverybody, SUITE.test_reclaim_takes_one_licence_of_one_account, (0,)),
    (TakesThemAll, SUITE.test_reclaim_takes_one_licence_of_one_account, (1,)),
    (SaysItDid, SUITE.test_reclaim_takes_one_licence_of_one_account, (0,)),
    (DeletesTheAccount, SUITE.test_reclaim_takes_one_licence_of_one_account, (0,)),
    (TakesASecondSeat, SUITE.test_what_somebody_else_took_is_already, ()),
    (TakesASecondSeat, SUITE.test_reclaiming_twice_is_already_and_writes_nothing, ()),
    (AlwaysMade, SUITE.test_reclaiming_twice_is_already_and_writes_nothing, ()),
    (AlwaysMade, SUITE.test_what_somebody_else_took_is_already, ()),
    (SaysItGave, SUITE.test_what_was_taken_is_given_back_exactly, (0,)),
    (WritesAgain, SUITE.test_what_was_taken_is_given_back_exactly, (0,)),
    (GivesAnother, SUITE.test_what_was_taken_is_given_back_exactly, (0,)),
    (GivesToEverybody, SUITE.test_what_was_taken_is_given_back_exactly, (0,)),
    (StopsAtPageOne, SUITE.test_lists_exactly_the_licences_of_the_account, ()),
    (ForgetsGroups, SUITE.test_lists_exactly_the_licences_of_the_account, ()),
    (ShowsEverybodys, SUITE.test_lists_exactly_the_licences_of_the_account, ()),
    (ShowsEverybodys, SUITE.test_somebody_without_licences_has_none, ()),
    (NumbersThemAnew, SUITE.test_lists_exactly_the_licences_of_the_account, ()),
    (NoneIfRefused, SUITE.test_a_refused_read_is_not_none, ()),
    (NoneIfRefused, SUITE.test_a_dead_server_and_a_wrong_credential_are_told_apart, ()),
    (NoneIfRefused, SUITE.test_a_silent_server_is_unavailable_in_time, ()),
    (NobodyHasNone, SUITE.test_unknown_ids_are_missing_and_nothing_is_written, ()),
    (NoneAfterTheLock, SUITE.test_after_the_lock_the_list_is_the_same_or_not_known, ()),
    (BuysOne, SUITE.test_without_a_free_seat_it_is_a_conflict, ()),
    (LocksWhatItReads, SUITE.test_a_read_changes_nothing, ()),
)


@pytest.mark.parametrize(("wrong", "test", "arguments"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_suite_catches(wrong: type[MemoryTenant], test: Callable[..., None], arguments: tuple[object, ...]) -> None:
    assert_bites(test, TenantWorld(wrong), *arguments)
