"""The practice BottleCRM, one server and one front before it for a test session."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.connectors.bottlecrm.front import Front
from tests.connectors.bottlecrm.world import AccountsWorld, BookWorld, TokensWorld, watch
from tests.sandbox.company.bottlecrm import BottleCrm
from tests.sandbox.company.bottlecrm_install import NEEDED, interpreter


@pytest.fixture(scope="session")
def bottlecrm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BottleCrm]:
    """Serve BottleCRM; installs it and builds its database if they are missing, skips only if no Python fits."""
    if interpreter() is None:
        pytest.skip(NEEDED)
    with BottleCrm(tmp_path_factory.mktemp("bottlecrm")) as server:
        watch(server)
        yield server


@pytest.fixture(scope="session")
def front(bottlecrm: BottleCrm) -> Iterator[Front]:
    """Serve a front before it."""
    front = Front(bottlecrm.url)
    yield front
    front.close()


@pytest.fixture
def parts(bottlecrm: BottleCrm, front: Front, tmp_path: Path) -> tuple[BottleCrm, Front, Path]:
    """Return the parts of a world."""
    return bottlecrm, front, tmp_path


@pytest.fixture
def people(parts: tuple[BottleCrm, Front, Path]) -> Iterator[AccountsWorld]:
    """Return a world of members for locks."""
    with closing(AccountsWorld(*parts)) as world:
        yield world


@pytest.fixture
def tokens(parts: tuple[BottleCrm, Front, Path]) -> Iterator[TokensWorld]:
    """Return a world of members with tokens."""
    with closing(TokensWorld(*parts)) as world:
        yield world


@pytest.fixture
def book(parts: tuple[BottleCrm, Front, Path]) -> Iterator[BookWorld]:
    """Return a world of members with records."""
    with closing(BookWorld(*parts)) as world:
        yield world
