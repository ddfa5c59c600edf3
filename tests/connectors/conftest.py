"""The CRM of the practice company, one server for a test session."""

from collections.abc import Iterator

import pytest

from tests.sandbox.company.tryton import Tryton


@pytest.fixture(scope="session")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    """Serve the practice CRM; installs it and builds its database if they are missing."""
    with Tryton(tmp_path_factory.mktemp("tryton")) as server:
        yield server
