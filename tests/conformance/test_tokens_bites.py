"""Wrong connectors for the tokens suite: each planted fault fails the test named beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from connectors.conformance.tokens import TokensSuite
from connectors.contract import AccountId, Change, Token, Tokens
from connectors.errors import Missing
from tests.conformance.planted import assert_bites


@dataclass
class Row:
    owner: AccountId
    name: str
    live: bool = True


class Memory:
    """A system in memory, and its world."""

    def __init__(self, wrong: type["Honest"] | None = None) -> None:
        self.people: list[AccountId] = []
        self.closed: set[AccountId] = set()
        self.rows: dict[str, Row] = {}
        self.connector = wrong or Honest

    def connect(self) -> Tokens:
        return self.connector(self)

    def person(self) -> AccountId:
        self.people.append(AccountId(f"a{len(self.people)}"))
        return self.people[-1]

    def nobody(self) -> AccountId:
        return AccountId("nobody")

    def issue(self, account: AccountId, name: str) -> str:
        token = f"t{len(self.rows)}"
        self.rows[token] = Row(account, name)
        return token

    def works(self, token: str) -> bool:
        return self.rows[token].live

    def missing(self) -> str:
        return "none"

    def may_sign_in(self, account: AccountId) -> bool:
        return account not in self.closed


class Honest(Tokens):
    """A correct connector; the wrong ones change one of its steps."""

    def __init__(self, system: Memory) -> None:
        self.system = system

    def check(self) -> str:
        return "memory"

    def close(self) -> None:
        return

    def mine(self, account: AccountId) -> dict[str, Row]:
        if account not in self.system.people:
            raise Missing(account)
        return {token: row for token, row in self.system.rows.items() if row.owner == account}

    def tokens(self, account: AccountId) -> Sequence[Token]:
        return [Token(token, row.name) for token, row in self.mine(account).items() if row.live]

    def revoke(self, account: AccountId, token: str) -> Change:
        row = self.mine(account).get(token)
        if row is None:
            raise Missing(token)
        change = Change.MADE if row.live else Change.ALREADY
        row.live = False
        return change


class ListsEverybodys(Honest):
    def mine(self, account: AccountId) -> dict[str, Row]:
        super().mine(account)
        return self.system.rows


class ListsTheDead(Honest):
    def tokens(self, account: AccountId) -> Sequence[Token]:
        return [Token(token, row.name) for token, row in self.mine(account).items()]


class StopsAtThree(Honest):
    def tokens(self, account: AccountId) -> Sequence[Token]:
        return super().tokens(account)[:3]


class NamesNone(Honest):
    def tokens(self, account: AccountId) -> Sequence[Token]:
        return [Token(token.id, "token") for token in super().tokens(account)]


class RevokesAll(Honest):
    def revoke(self, account: AccountId, token: str) -> Change:
        change = super().revoke(account, token)
        for row in self.mine(account).values():
            row.live = False
        return change


class RevokesEverybodys(Honest):
    def revoke(self, account: AccountId, token: str) -> Change:
        change = super().revoke(account, token)
        for row in self.system.rows.values():
            row.live = False
        return change


class BelievesThe200(Honest):
    def revoke(self, account: AccountId, token: str) -> Change:
        if token not in self.mine(account):
            raise Missing(token)
        return Change.MADE


class LocksToo(Honest):
    def revoke(self, account: AccountId, token: str) -> Change:
        self.system.closed.add(account)
        return super().revoke(account, token)


class NobodyHasNone(Honest):
    def mine(self, account: AccountId) -> dict[str, Row]:
        return super().mine(account) if account in self.system.people else {}


class UnknownIsAlready(Honest):
    def revoke(self, account: AccountId, token: str) -> Change:
        return super().revoke(account, token) if token in self.mine(account) else Change.ALREADY


class TestHonest(TokensSuite):
    @pytest.fixture
    def world(self) -> Memory:
        return Memory()


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (StopsAtThree, "lists_every_live_token_by_name"),
        (NamesNone, "lists_every_live_token_by_name"),
        (ListsTheDead, "revokes_the_named_token_and_no_other"),
        (RevokesAll, "revokes_the_named_token_and_no_other"),
        (BelievesThe200, "revokes_the_named_token_and_no_other"),
        (RevokesEverybodys, "leaves_everybody_elses"),
        (ListsEverybodys, "leaves_everybody_elses"),
        (ListsEverybodys, "another_persons_token_is_missing_and_stays"),
        (UnknownIsAlready, "another_persons_token_is_missing_and_stays"),
        (BelievesThe200, "a_second_revocation_is_already"),
        (LocksToo, "the_account_itself_stays_as_it_is"),
        (UnknownIsAlready, "what_is_unknown_is_missing"),
        (NobodyHasNone, "what_is_unknown_is_missing"),
    ],
)
def test_bites(wrong: type[Honest], test: str) -> None:
    run: Any = getattr(TokensSuite(), f"test_{test}")
    assert_bites(run, Memory(wrong))
