"""The description of one method of the Web API, and the reading of its arguments."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.refusal import ApiError
from tests.sandbox.slack.world import Workspace


@dataclass(frozen=True)
class Method:
    """`scopes` are all needed; `tier` 0 means not limited here; `app_token` for the few with an xapp token."""

    run: Callable[[Workspace, JSON], JSON]
    scopes: tuple[str, ...] = ()
    tier: int = 3
    app_token: bool = False


def need(args: JSON, *names: str) -> None:
    """Refuse a call that lacks an argument."""
    missing = [name for name in names if args.get(name) in (None, "")]
    if missing:
        raise ApiError(
            "invalid_arguments",
            response_metadata={"messages": [f"[ERROR] missing required field: {name}" for name in missing]},
        )


def truth(args: JSON, name: str) -> bool:
    """A boolean argument in any of its spellings."""
    return str(args.get(name, "")).lower() in {"1", "true"}


def need_scope(workspace: Workspace, scope: str) -> None:
    """Refuse where the app was not granted a scope."""
    if scope not in workspace.app.scopes:
        raise ApiError("missing_scope", needed=scope, provided=",".join(sorted(workspace.app.scopes)))


def page(items: list[JSON], args: JSON, default: int) -> tuple[list[JSON], str]:
    """One page of a list and the cursor of the next (empty at the end)."""
    cursor = str(args.get("cursor") or "0")
    if not cursor.isdigit():
        raise ApiError("invalid_cursor")
    limit = int(args.get("limit") or default)
    if not 1 <= limit <= 1000:
        raise ApiError("invalid_limit")
    start = int(cursor)
    following = str(start + limit) if start + limit < len(items) else ""
    return items[start : start + limit], following
