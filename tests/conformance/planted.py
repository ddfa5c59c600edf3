"""Runs one test of a suite against a connector with a planted fault; it must fail for that reason and no other."""

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
