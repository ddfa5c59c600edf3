"""Planted faults of connectors that deactivate accounts: each must be caught by the test for it."""

from collections.abc import Callable

import pytest

from connectors.conformance.deactivation import DeactivationSuite
from connectors.contract import AccountId, Change
from connectors.errors import Conflict, ConnectorError, Missing
from tests.conformance.memory_tenant import TenantWorld
from tests.conformance.planted import assert_bites
from tests.workflows.memory import MemoryTenant


class TestMemory(DeactivationSuite):
    @pytest.fixture
    def world(self) -> TenantWorld:
        return TenantWorld()


class Deletes(MemoryTenant):
    """Deletes the account."""

    def deactivate(self, account: AccountId) -> Change:
        del self.world.users[account]
        return Change.MADE

    def deactivated(self, account: AccountId) -> bool:
        return account not in self.world.users


class SaysItDid(MemoryTenant):
    """Reports without doing anything."""

    done: set[AccountId]

    def deactivate(self, account: AccountId) -> Change:
        self.done = {account}
        return Change.MADE

    def deactivated(self, account: AccountId) -> bool:
        return account in self.__dict__.get("done", ())


class DeactivatesAnOpenAccount(MemoryTenant):
    """Locks the account itself, in place of refusing."""

    def deactivate(self, account: AccountId) -> Change:
        self.lock(self.before(account))
        return super().deactivate(account)


class DeactivatesEverybodyLocked(MemoryTenant):
    """Deactivates whoever is locked."""

    def deactivate(self, account: AccountId) -> Change:
        change = super().deactivate(account)
        for user in self.world.users.values():
            user.deactivated = not user.active
        return change


class AlwaysMade(MemoryTenant):
    """Reports again and again that it did it."""

    def deactivate(self, account: AccountId) -> Change:
        super().deactivate(account)
        return Change.MADE


class WritesAgain(MemoryTenant):
    """Writes although nothing is to do."""

    def deactivate(self, account: AccountId) -> Change:
        self.world.writes["again"] += 1
        return super().deactivate(account)


class OpensWithIt(MemoryTenant):
    """Unlocks the account as it reactivates it."""

    def reactivate(self, account: AccountId) -> Change:
        self.world.users[account].active = True
        return super().reactivate(account)


class ForgetsGroups(MemoryTenant):
    """Loses the account's groups on the way."""

    def deactivate(self, account: AccountId) -> Change:
        change = super().deactivate(account)
        self.world.users[account].groups.clear()
        return change


class TakesALockForIt(MemoryTenant):
    """Takes every locked account for deactivated."""

    def deactivated(self, account: AccountId) -> bool:
        super().deactivated(account)
        return not self.world.users[account].active


class NoIfDown(MemoryTenant):
    """Answers no for an error."""

    def deactivated(self, account: AccountId) -> bool:
        try:
            return super().deactivated(account)
        except ConnectorError as error:
            if isinstance(error, Missing):
                raise
            return False


class NobodyIsDeactivated(MemoryTenant):
    """Answers yes for an account that is not there."""

    def deactivated(self, account: AccountId) -> bool:
        try:
            return super().deactivated(account)
        except Missing:
            return True


class OpenIsAlready(MemoryTenant):
    """Reports an open account as done."""

    def deactivate(self, account: AccountId) -> Change:
        try:
            return super().deactivate(account)
        except Conflict:
            return Change.ALREADY


SUITE = DeactivationSuite()
CASES: tuple[tuple[type[MemoryTenant], Callable[..., None]], ...] = (
    (Deletes, SUITE.test_deactivates_one_account_and_deletes_nothing),
    (SaysItDid, SUITE.test_deactivates_one_account_and_deletes_nothing),
    (DeactivatesEverybodyLocked, SUITE.test_deactivates_one_account_and_deletes_nothing),
    (DeactivatesAnOpenAccount, SUITE.test_an_open_account_is_a_conflict_and_nothing_is_written),
    (OpenIsAlready, SUITE.test_an_open_account_is_a_conflict_and_nothing_is_written),
    (AlwaysMade, SUITE.test_a_second_time_is_already_and_writes_nothing),
    (WritesAgain, SUITE.test_a_second_time_is_already_and_writes_nothing),
    (OpensWithIt, SUITE.test_reactivate_restores_the_account_and_leaves_it_locked),
    (ForgetsGroups, SUITE.test_reactivate_restores_the_account_and_leaves_it_locked),
    (TakesALockForIt, SUITE.test_a_locked_account_is_not_deactivated_yet),
    (NoIfDown, SUITE.test_a_dead_server_and_a_wrong_credential_are_told_apart),
    (NoIfDown, SUITE.test_a_silent_server_is_unavailable_in_time),
    (NobodyIsDeactivated, SUITE.test_an_unknown_account_is_missing_and_nothing_is_written),
)


@pytest.mark.parametrize(("wrong", "test"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_suite_catches(wrong: type[MemoryTenant], test: Callable[..., None]) -> None:
    assert_bites(test, TenantWorld(wrong))
