"""Wrong connectors for the sessions suite: each planted fault fails the test named beside it."""

from typing import Any

import pytest

from connectors.conformance.sessions import SessionsSuite
from connectors.contract import AccountId, Change, Sessions
from connectors.errors import Missing


class Memory:
    """A system in memory, and its world."""

    def __init__(self, wrong: type["Honest"] | None = None) -> None:
        self.sessions: dict[AccountId, int] = {}
        self.closed: set[AccountId] = set()
        self.connector = wrong or Honest

    def connect(self) -> Sessions:
        return self.connector(self)

    def person(self) -> AccountId:
        account = AccountId(f"a{len(self.sessions)}")
        self.sessions[account] = 0
        return account

    def nobody(self) -> AccountId:
        return AccountId("nobody")

    def sign_in(self, account: AccountId) -> None:
        assert account not in self.closed
        self.sessions[account] += 1

    def alive(self, account: AccountId) -> int:
        return self.sessions[account]

    def may_sign_in(self, account: AccountId) -> bool:
        return account not in self.closed


class Honest(Sessions):
    """A correct connector."""

    def __init__(self, system: Memory) -> None:
        self.system = system

    def check(self) -> str:
        return "memory"

    def close(self) -> None:
        return

    def sessions(self, account: AccountId) -> int:
        if account not in self.system.sessions:
            raise Missing(account)
        return self.system.sessions[account]

    def end(self, account: AccountId) -> Change:
        if not self.sessions(account):
            return Change.ALREADY
        self.system.sessions[account] = 0
        return Change.MADE


class EndsOne(Honest):
    def end(self, account: AccountId) -> Change:
        if not self.sessions(account):
            return Change.ALREADY
        self.system.sessions[account] -= 1
        return Change.MADE


class EndsEverybodys(Honest):
    def end(self, account: AccountId) -> Change:
        change = super().end(account)
        self.system.sessions = dict.fromkeys(self.system.sessions, 0)
        return change


class LocksToo(Honest):
    def end(self, account: AccountId) -> Change:
        self.system.closed.add(account)
        return super().end(account)


class BelievesThe200(Honest):
    def end(self, account: AccountId) -> Change:
        return Change.MADE if self.sessions(account) else Change.ALREADY


class AlwaysMade(Honest):
    def end(self, account: AccountId) -> Change:
        super().end(account)
        return Change.MADE


class CountsOneAtMost(Honest):
    def sessions(self, account: AccountId) -> int:
        return min(1, super().sessions(account))


class NobodyIsFine(Honest):
    def sessions(self, account: AccountId) -> int:
        return self.system.sessions.get(account, 0)


class TestHonest(SessionsSuite):
    @pytest.fixture
    def world(self) -> Memory:
        return Memory()


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (EndsOne, "ends_every_session"),
        (EndsEverybodys, "ends_nobody_elses"),
        (LocksToo, "the_account_itself_stays_as_it_is"),
        (BelievesThe200, "ends_every_session"),
        (AlwaysMade, "nothing_to_end_is_already"),
        (CountsOneAtMost, "counts_what_is_open"),
        (NobodyIsFine, "an_unknown_account_is_missing"),
    ],
)
def test_bites(wrong: type[Honest], test: str) -> None:
    run: Any = getattr(SessionsSuite(), f"test_{test}")
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run(Memory(wrong))
