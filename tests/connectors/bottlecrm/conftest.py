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
    """Serve BottleCRM; installs it and builds its database where they are missing, skips only where no Python fits."""
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
    """What a world is made of."""
    return bottlecrm, front, tmp_path


@pytest.fixture
def people(parts: tuple[BottleCrm, Front, Path]) -> Iterator[AccountsWorld]:
    """Members, to be locked."""
    with closing(AccountsWorld(*parts)) as world:
        yield world


@pytest.fixture
def tokens(parts: tuple[BottleCrm, Front, Path]) -> Iterator[TokensWorld]:
    """Members with tokens."""
    with closing(TokensWorld(*parts)) as world:
        yield world


@pytest.fixture
def book(parts: tuple[BottleCrm, Front, Path]) -> Iterator[BookWorld]:
    """Members with records."""
    with closing(BookWorld(*parts)) as world:
        yield world
