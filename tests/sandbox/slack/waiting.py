"""Waiting for the workspace to come into a state."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.sandbox.slack.world import Workspace

T = TypeVar("T")
Check = Callable[[], T | None]
PATIENCE = 60.0
"""Seconds until a state that does not come is a fault; a busy machine is not one."""


def wait_for(workspace: Workspace, check: Check[T], seconds: float = PATIENCE) -> T:
    """The first truthy value of `check` (a LookupError is "not yet"); else AssertionError with the last traffic."""
    until = time.monotonic() + seconds
    while True:
        with workspace.changed:
            before = workspace.version
        try:
            found = check()
        except LookupError:
            found = None
        if found:
            return found
        left = until - time.monotonic()
        if left <= 0:
            raise AssertionError(f"not within {seconds} s; {story(workspace)}")
        with workspace.changed:
            if workspace.version == before:
                workspace.changed.wait(min(left, 0.1))


def story(workspace: Workspace) -> str:
    """The last calls and deliveries, for a failing test's message."""
    calls = [f"{one.method}: {one.error or 'ok'} {' '.join(one.problems)}".strip() for one in workspace.calls[-8:]]
    sent = [f"{one.kind} via {one.via}: {one.problem or 'acked'}" for one in workspace.deliveries[-8:]]
    return f"last calls {calls}; last deliveries {sent}"
