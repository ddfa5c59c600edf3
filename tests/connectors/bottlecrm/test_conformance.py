"""The BottleCRM connector against a real server: the conformance suites."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.conformance import accounts
from connectors.conformance.accounts import AccountsSuite, Newcomer
from connectors.conformance.book_owners import BookOwnersSuite
from connectors.conformance.client_book import ClientBookSuite
from connectors.conformance.introductions import IntroductionsSuite
from connectors.conformance.tokens import TokensSuite
from tests.connectors.bottlecrm.front import Front
from tests.connectors.bottlecrm.world import AccountsWorld, BookWorld, IntroductionsWorld, TokensWorld
from tests.sandbox.company.bottlecrm import BottleCrm

Parts = tuple[BottleCrm, Front, Path]


def newcomer(login: str = "leaver") -> Newcomer:
    """Return a person whose address is their log-in, as in BottleCRM."""
    tag = uuid4().hex[:10]
    address = f"{login}.{tag}@northwind.example"
    return Newcomer(address, f"Zoë O'Brien {tag}", address, f"Pw-{tag}-aA1")


class TestAccounts(AccountsSuite):
    @pytest.fixture(autouse=True)
    def _addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(accounts, "newcomer", newcomer)

    @pytest.fixture
    def world(self, parts: Parts) -> Iterator[AccountsWorld]:
        with closing(AccountsWorld(*parts)) as world:
            yield world


class TestTokens(TokensSuite):
    @pytest.fixture
    def world(self, parts: Parts) -> Iterator[TokensWorld]:
        with closing(TokensWorld(*parts)) as world:
            yield world


class TestClientBook(ClientBookSuite):
    @pytest.fixture
    def world(self, parts: Parts) -> Iterator[BookWorld]:
        with closing(BookWorld(*parts)) as world:
            yield world


class TestIntroductions(IntroductionsSuite):
    @pytest.fixture
    def world(self, parts: Parts) -> Iterator[IntroductionsWorld]:
        with closing(IntroductionsWorld(*parts)) as world:
            yield world


class TestBookOwners(BookOwnersSuite):
    @pytest.fixture
    def world(self, parts: Parts) -> Iterator[BookWorld]:
        with closing(BookWorld(*parts)) as world:
            yield world
