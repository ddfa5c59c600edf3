"""views.*: modals and the Home tab."""

import secrets

from tests.sandbox.slack.api.method import Method, need
from tests.sandbox.slack.entry import initial_values, name_blocks
from tests.sandbox.slack.records import JSON, View
from tests.sandbox.slack.refusal import ApiError, invalid
from tests.sandbox.slack.validation import problems
from tests.sandbox.slack.world import Workspace

STACK = 3


def check_view(view: object, kind: str) -> JSON:
    """A view of the right kind, or `invalid_arguments` with what is wrong."""
    if not isinstance(view, dict):
        raise invalid("invalid_arguments", ["[ERROR] must provide an object [json-pointer:/view]"])
    if view.get("type") != kind:
        raise invalid("invalid_arguments", [f"[ERROR] must be of type {kind} [json-pointer:/view/type]"])
    wrong = problems(view)
    if wrong:
        raise invalid("invalid_arguments", wrong)
    return view


def build(workspace: Workspace, user: str, body: JSON, below: View | None = None) -> View:
    """A fresh view, on top of another or alone."""
    body = {**body, "blocks": name_blocks(body["blocks"])}
    view = View(workspace.next_id("V"), user, body, _hash(workspace))
    view.root = (below.root or below.id) if below else view.id
    view.previous = below.id if below else ""
    view.values = initial_values(view.blocks)
    return view


def replace(workspace: Workspace, view: View, body: JSON) -> View:
    """New content for a view in place; what was filled in stays where block_id and action_id do."""
    view.body = {**body, "blocks": name_blocks(body["blocks"])}
    view.hash = _hash(workspace)
    view.errors, view.notice = {}, ""
    fresh = initial_values(view.blocks)
    for block, actions in fresh.items():
        for action, value in actions.items():
            kept = view.values.get(block, {}).get(action)
            if kept and kept.get("type") == value.get("type"):
                actions[action] = kept
    view.values = fresh
    workspace.touch()
    return view


def _hash(workspace: Workspace) -> str:
    return f"{int(workspace.clock())}.{secrets.token_hex(4)}"


def _answer(workspace: Workspace, view: View) -> JSON:
    return {"view": view.payload(workspace.app.id, workspace.app.bot_id)}


def _unique(workspace: Workspace, body: JSON, own: str = "") -> None:
    external = body.get("external_id")
    holder = workspace.find_view(external) if external else None
    if holder and holder.id != own:
        raise ApiError("duplicate_external_id")


def _open(workspace: Workspace, args: JSON) -> JSON:
    need(args, "view")
    body = check_view(args["view"], "modal")
    _unique(workspace, body)
    need(args, "trigger_id")
    user = workspace.triggers.redeem(str(args["trigger_id"]))
    view = build(workspace, user, body)
    workspace.stacks[user] = [view]
    workspace.touch()
    return _answer(workspace, view)


def _push(workspace: Workspace, args: JSON) -> JSON:
    need(args, "view", "trigger_id")
    body = check_view(args["view"], "modal")
    _unique(workspace, body)
    user = workspace.triggers.redeem(str(args["trigger_id"]))
    return _answer(workspace, push(workspace, user, body))


def push(workspace: Workspace, user: str, body: JSON) -> View:
    """A view on top of the person's stack, three at most."""
    stack = workspace.stacks.get(user) or []
    if not stack:
        raise ApiError("not_found")
    if len(stack) >= STACK:
        raise ApiError("push_limit_reached")
    view = build(workspace, user, body, stack[-1])
    stack.append(view)
    workspace.touch()
    return view


def _update(workspace: Workspace, args: JSON) -> JSON:
    need(args, "view")
    view = workspace.find_view(str(args.get("view_id") or args.get("external_id") or ""))
    if view is None:
        raise ApiError("not_found")
    body = check_view(args["view"], str(view.body["type"]))
    _unique(workspace, body, view.id)
    if args.get("hash") and args["hash"] != view.hash:
        raise ApiError("hash_conflict")
    return _answer(workspace, replace(workspace, view, body))


def _publish(workspace: Workspace, args: JSON) -> JSON:
    need(args, "user_id", "view")
    body = check_view(args["view"], "home")
    user = workspace.users.get(args["user_id"])
    if user is None or user.is_bot:
        raise invalid("invalid_arguments", ["[ERROR] user_id must be a member [json-pointer:/user_id]"])
    known = workspace.homes.get(user.id)
    if args.get("hash") and known and args["hash"] != known.hash:
        raise ApiError("hash_conflict")
    if known:
        return _answer(workspace, replace(workspace, known, body))
    workspace.homes[user.id] = build(workspace, user.id, body)
    workspace.touch()
    return _answer(workspace, workspace.homes[user.id])


METHODS = {
    "views.open": Method(_open, (), 4),
    "views.push": Method(_push, (), 4),
    "views.update": Method(_update, (), 4),
    "views.publish": Method(_publish, (), 4),
}
