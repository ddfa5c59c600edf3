"""What tests of the middle share."""

from pathlib import Path

import pytest

from tests.workflows.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Return services on systems in memory."""
    return Office(tmp_path)
