"""Parallel work on several systems: an audit takes as long as the slowest system, not as all together."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = 4
"""Systems in work at the same time: each holds a thread, and at times a database connection."""


def at_once(work: Callable[[T], R], each: Iterable[T]) -> list[R]:
    """Return the results of the work, in the given order. Raises the error of the first that failed."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="watch") as pool:
        # One copy each: the words of a result are in the language of the caller.
        asked = [pool.submit(copy_context().run, work, one) for one in each]
    return [one.result() for one in asked]
