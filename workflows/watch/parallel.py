"""Work on several systems at the same time: an audit takes as long as the slowest system, not as all together."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = 4
"""Systems that are worked on at the same time: each holds a thread, and now and then a database connection."""


def at_once(work: Callable[[T], R], each: Iterable[T]) -> list[R]:
    """Return the result of the work on each, in their order. Raises what the first of them that failed raised."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="watch") as pool:
        # A copy each: the words of a result are in the language of whoever asks.
        asked = [pool.submit(copy_context().run, work, one) for one in each]
    return [one.result() for one in asked]
