"""The SCIM connector against a real scim2-server: the conformance suites, with all features and with few."""

from collections.abc import Callable, Iterator

import pytest

from connectors.conformance.accounts import AccountsSuite
from connectors.conformance.groups import GroupsSuite
from tests.connectors.scim.proxy import Proxy
from tests.connectors.scim.world import ScimWorld
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.scim import Scim

ACCOUNTS, GROUPS = AccountsSuite(), GroupsSuite()


def _world(server: Scim) -> Iterator[ScimWorld]:
    with server:
        proxy = Proxy(server.port)
        yield ScimWorld(server, proxy)
        proxy.close()


@pytest.fixture(scope="module")
def able() -> Iterator[ScimWorld]:
    yield from _world(Scim(people=PEOPLE[:4]))


@pytest.fixture(scope="module")
def poor() -> Iterator[ScimWorld]:
    yield from _world(Scim(patch=False, filters=False, etag=False, people=PEOPLE[:4]))


class TestAccounts(AccountsSuite):
    @pytest.fixture
    def world(self, able: ScimWorld) -> ScimWorld:
        return able


class TestGroups(GroupsSuite):
    @pytest.fixture
    def world(self, able: ScimWorld) -> ScimWorld:
        return able


@pytest.mark.parametrize(
    "test",
    [
        ACCOUNTS.test_wrong_credential_is_told_from_everything_else,
        ACCOUNTS.test_unknown_person_is_absent_and_it_says_how,
        ACCOUNTS.test_finds_by_address_and_by_login_and_never_by_name,
        ACCOUNTS.test_two_matches_are_both_returned,
        ACCOUNTS.test_lock_changes_the_named_account_and_nobody_else,
        ACCOUNTS.test_lock_refuses_the_log_in_and_unlock_restores_it,
        ACCOUNTS.test_a_second_lock_is_already_and_writes_nothing,
        ACCOUNTS.test_a_stale_before_is_a_conflict_and_writes_nothing,
        ACCOUNTS.test_an_unknown_id_is_missing_to_write_and_absent_to_read,
        ACCOUNTS.test_an_account_opened_behind_the_bots_back_is_seen,
        GROUPS.test_somebody_without_groups_has_none,
        GROUPS.test_remove_takes_out_one_member_of_one_group,
        GROUPS.test_removing_twice_is_already_and_writes_nothing,
        GROUPS.test_restore_puts_back_who_was_removed,
        GROUPS.test_unknown_ids_are_missing_and_nothing_is_written,
    ],
    ids=lambda test: test.__name__,
)
def test_without_patch_filters_and_etags(poor: ScimWorld, test: Callable[[ScimWorld], None]) -> None:
    test(poor)
