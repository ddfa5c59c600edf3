"""Journeys share one practice company per module; each takes a leaver of its own."""

from collections.abc import Iterator

import pytest

from tests.journeys.people_at_work import Office
from tests.sandbox.practice import Practice


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """Serve the practice company with the production bot in it."""
    with Practice(tmp_path_factory.mktemp("practice")) as practice:
        yield practice


@pytest.fixture
def office(practice: Practice) -> Office:
    """Return the people in front of it."""
    return Office(practice)
