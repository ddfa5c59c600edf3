"""Run of one suite test against a connector with a planted fault; it must fail for exactly that reason."""

from collections.abc import Callable
from typing import Any

import pytest

CAUGHT = (AssertionError, pytest.fail.Exception)


def assert_bites(test: Callable[..., None], world: Any, *arguments: Any) -> None:
    """Fail unless the test fails."""
    try:
        test(world, *arguments)
    except CAUGHT:
        return
    raise RuntimeError(f"{test.__name__} passes with the fault planted")
