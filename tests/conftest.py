"""Fixtures of the whole suite: the practice directory, one server for a test session."""

from collections.abc import Iterator

import pytest

from tests.sandbox.company.slapd import Slapd

pytest.register_assert_rewrite("tests.conformance")  # the suites are no test modules, and must explain themselves too


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """Serve the practice directory; fails with the command to run where slapd is missing."""
    with Slapd(tmp_path_factory.mktemp("slapd")) as server:
        yield server
