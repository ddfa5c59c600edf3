"""Planted faults of connectors that foresee refusals: each must be caught by the test for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from connectors.conformance.blockers import BlockersSuite
from connectors.contract import AccountId, Act, Blocker
from connectors.errors import ConnectorError, Missing
from connectors.ldap.connector import Ldap
from tests.conformance.planted import assert_bites
from tests.connectors.ldap.blockers_world import BlockersLdapWorld, blockers_directory


class ForeseesNothing(Ldap):
    """Claims no refusal, while the server refuses."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        super().blockers(account)
        return ()


class ForgetsGroups(Ldap):
    """Looks at the lock alone."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        return [one for one in super().blockers(account) if one.act is Act.LOCK]


class ClaimsOneMore(Ldap):
    """Claims a refusal for everybody."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        return [*super().blockers(account), Blocker(Act.LOCK, "not allowed", "ask")]


class NamesAnotherAct(Ldap):
    """Names the wrong act."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        return [replace(one, act=Act.MOVE_RECORDS) for one in super().blockers(account)]


class SaysNoReason(Ldap):
    """Gives no reason."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        return [replace(one, why=" ") for one in super().blockers(account)]


class HasNoRemedy(Ldap):
    """Names no remedy, though there is one."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        return [replace(one, remedy="") for one in super().blockers(account)]


class KeepsTheFirstAnswer(Ldap):
    """Answers from memory."""

    answers: Sequence[Blocker] | None = None

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        self.answers = super().blockers(account) if self.answers is None else self.answers
        return self.answers


class TriesTheAct(Ldap):
    """Locks the account to see if that is refused."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        found = super().blockers(account)
        if not found:
            self.lock(self.before(account))
        return found


class NothingWhenDown(Ldap):
    """Returns nothing for an error."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        try:
            return super().blockers(account)
        except Missing:
            raise
        except ConnectorError:
            return ()


class NothingForNobody(Ldap):
    """Returns nothing for an account that is not there."""

    def blockers(self, account: AccountId) -> Sequence[Blocker]:
        try:
            return super().blockers(account)
        except Missing:
            return ()


SUITE = BlockersSuite()
CASES: tuple[tuple[type[Ldap], Callable[..., None], tuple[object, ...]], ...] = (
    (ForeseesNothing, SUITE.test_a_refusal_is_foreseen_and_true, (0,)),
    (ForgetsGroups, SUITE.test_a_refusal_is_foreseen_and_true, (1,)),
    (ForgetsGroups, SUITE.test_a_refusal_is_foreseen_and_true, (2,)),
    (NamesAnotherAct, SUITE.test_a_refusal_is_foreseen_and_true, (0,)),
    (SaysNoReason, SUITE.test_a_refusal_is_foreseen_and_true, (0,)),
    (ClaimsOneMore, SUITE.test_nothing_is_claimed_where_nothing_is_refused, ()),
    (ClaimsOneMore, SUITE.test_a_refusal_is_foreseen_and_true, (1,)),
    (HasNoRemedy, SUITE.test_the_remedy_ends_it, (0,)),
    (KeepsTheFirstAnswer, SUITE.test_the_remedy_ends_it, (0,)),
    (TriesTheAct, SUITE.test_a_read_changes_nothing, ()),
    (NothingWhenDown, SUITE.test_a_dead_server_and_a_wrong_credential_are_no_answer, ()),
    (NothingWhenDown, SUITE.test_a_silent_server_is_unavailable_in_time, ()),
    (NothingForNobody, SUITE.test_an_unknown_account_is_missing, ()),
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockersLdapWorld]:
    with blockers_directory(tmp_path_factory.mktemp("slapd")) as world:
        yield world


@pytest.mark.parametrize(("wrong", "test", "arguments"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_suite_catches(
    own: BlockersLdapWorld, wrong: type[Ldap], test: Callable[..., None], arguments: tuple[object, ...]
) -> None:
    world = BlockersLdapWorld(own.slapd)
    world.made = wrong
    assert_bites(test, world, *arguments)
