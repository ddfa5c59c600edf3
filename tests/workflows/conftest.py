"""Fixtures of the tests of workflows: rows on SQLite and on PostgreSQL, and services on them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.sandbox.postgres import Postgres
from tests.workflows import office as office_rows
from tests.workflows import stage as stage_rows
from tests.workflows.office import Office
from tests.workflows.stage import Stage
from tests.workflows.tables import VAULT
from workflows.engine.durable import Engine
from workflows.storage.store import Store, sqlite_url
from workflows.storage.vault import Vault
from workflows.systems.registry import System

DATABASES = ("sqlite", "postgresql")
FILES_THEMSELVES = "tmp_path"
"""A test that asks for the folder looks at SQLite's files, and has no counterpart on PostgreSQL."""
ON_BOTH = ("test_manual_steps", "test_snapshots")
"""Modules whose tests lay out folders of their own, and run on both databases; others do with `--rows postgresql`."""
READ_THE_FILE = ("test_words_of_people_stand_sealed_alone",)
"""Tests in such folders that look for words in the file of SQLite itself."""
Staged = Callable[..., Stage]
Replica = Callable[[], Store]
_numbers = count()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with these rows on both databases, and those with their own folder if databases differ there."""
    asked = inspected(metafunc)
    if "url" in metafunc.fixturenames:
        metafunc.parametrize("url", DATABASES[:1] if FILES_THEMSELVES in asked else DATABASES, indirect=True)
    elif metafunc.function.__name__ in READ_THE_FILE:
        return
    elif metafunc.config.getoption("rows") == "postgresql":
        metafunc.parametrize("rows", DATABASES[1:], indirect=True)
    elif metafunc.module.__name__.rpartition(".")[2] in ON_BOTH:
        metafunc.parametrize("rows", DATABASES, indirect=True)


def inspected(metafunc: pytest.Metafunc) -> set[str]:
    """Return what the test function itself asks for."""
    return set(metafunc.function.__code__.co_varnames[: metafunc.function.__code__.co_argcount])


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """Return a PostgreSQL database with all tables, the engine's too, and no row, to be copied."""
    url = postgres.database("rows")
    store = Store(url, VAULT)
    store.upgrade()
    store.close()
    engine = Engine(url)
    engine.launch()
    engine.close(0)
    return "rows"


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a test's rows are: an SQLite file, then a PostgreSQL database of the test's own."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    template: str = request.getfixturevalue("template")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database(f"test_{next(_numbers)}", template)


@pytest.fixture(autouse=True)
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make offices and stages use PostgreSQL if parametrised so, with one database per folder."""
    with ExitStack() as stack:
        if getattr(request, "param", "sqlite") == "postgresql":
            template: str = request.getfixturevalue("template")
            server: Postgres = request.getfixturevalue("postgres")
            known: dict[Path, str] = {}

            def elsewhere(folder: Path) -> str:
                if folder not in known:
                    known[folder] = server.database(f"test_{next(_numbers)}", template)
                return known[folder]

            def closed(url: str, vault: Vault) -> Store:
                store = Store(url, vault)
                stack.callback(store.close)
                return store

            for module in (office_rows, stage_rows):
                monkeypatch.setattr(module, "sqlite_url", elsewhere)
                monkeypatch.setattr(module, "Store", closed)
        yield


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Return rows with all tables."""
    store = Store(url, VAULT)
    store.upgrade()
    yield store
    store.close()


@pytest.fixture
def office(tmp_path: Path, url: str) -> Iterator[Office]:
    """Return services on systems in memory."""
    office = Office(tmp_path, url=url)
    yield office
    office.store.close()


@pytest.fixture
def staged(tmp_path: Path, url: str) -> Iterator[Staged]:
    """Return what sets up a case on a stage, once, with rows on either database."""
    with ExitStack() as stack:

        def set_up(*systems: System) -> Stage:
            stage = Stage(tmp_path, *systems, url=url)
            stack.callback(stage.store.close)
            return stage

        yield set_up


@pytest.fixture
def replica(url: str) -> Iterator[Replica]:
    """Return what gives a process of its own on the test's rows (a pool of its own, nothing shared in memory)."""
    with ExitStack() as stack:

        def start() -> Store:
            store = Store(url, VAULT)
            stack.callback(store.close)
            return store

        yield start
