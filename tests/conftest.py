"""Fixtures of the whole suite: the practice directories and a PostgreSQL, one of each for a test session."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from tests.sandbox.company.samba import Samba
from tests.sandbox.company.slapd import Slapd
from tests.sandbox.postgres import Postgres
from workflows.storage import store as rows_of
from workflows.storage.vault import Vault


def pytest_configure() -> None:
    """Have made-up examples be the same in every run, with as much time as they need: a failure is one that stays."""
    slow = [HealthCheck.too_slow]
    settings.register_profile("steady", derandomize=True, deadline=None, database=None, suppress_health_check=slow)
    settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--rows`, which runs every test of workflows on PostgreSQL instead of some."""
    words = "databases of the tests of workflows: both (where they differ), or postgresql (all tests that can)"
    parser.addoption("--rows", choices=("both", "postgresql"), default="both", help=words)


@pytest.fixture(autouse=True)
def _connections_end_with_their_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opened and left open: from 3.13 on Python warns of it, in whatever test runs at that moment."""
    opened: list[tuple[sa.Engine, str]] = []
    connect = rows_of.connect

    def noted(url: str, vault: Vault | None = None, *, read_only: bool = False, pool_size: int = 20) -> sa.Engine:
        engine = connect(url, vault, read_only=read_only, pool_size=pool_size)
        opened.append((engine, f"{engine.name} {vault and vault.blind('tests')}"))
        return _with_shared_statements(*opened[-1])

    monkeypatch.setattr(rows_of, "connect", noted)
    yield
    for engine, kind in opened:
        if getattr(engine.dialect, "server_version_info", None):  # it has connected, and knows its server
            _dialects.setdefault(kind, engine.dialect)
        engine.dispose()


_dialects: dict[str, sa.Dialect] = {}
_statements = defaultdict[str, dict[Any, Any]](dict)


def _with_shared_statements(engine: sa.Engine, kind: str) -> sa.Engine:
    """Return the engine with the statements that earlier tests compiled: that took a fifth of the suite's time.

    `kind`: database and key, to which compiled statements are bound.
    """
    if dialect := _dialects.get(kind):
        engine.dialect = dialect
        engine.update_execution_options(compiled_cache=_statements[kind])
    return engine


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """Serve the practice directory; fails with the command to run where slapd is missing."""
    with Slapd(tmp_path_factory.mktemp("slapd")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start PostgreSQL. Fails with the command of its installation if it is missing."""
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    """Serve the practice domain; fails with the command to run where Samba is missing, and without root."""
    with Samba(tmp_path_factory.mktemp("samba")) as server:
        yield server
