"""users.* and usergroups.*: who is there."""

from tests.sandbox.slack.api.method import Method, need, page, truth
from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.refusal import ApiError
from tests.sandbox.slack.world import Workspace


def _with_email(workspace: Workspace) -> bool:
    return "users:read.email" in workspace.app.scopes


def _info(workspace: Workspace, args: JSON) -> JSON:
    need(args, "user")
    user = workspace.user(args["user"])
    return {"user": user.payload(email=_with_email(workspace), locale=truth(args, "include_locale"))}


def _list(workspace: Workspace, args: JSON) -> JSON:
    everyone = [
        user.payload(email=_with_email(workspace), locale=truth(args, "include_locale"))
        for user in workspace.users.values()
    ]
    members, cursor = page(everyone, args, 1000)
    return {"members": members, "cache_ts": int(workspace.clock()), "response_metadata": {"next_cursor": cursor}}


def _by_email(workspace: Workspace, args: JSON) -> JSON:
    need(args, "email")
    wanted = str(args["email"]).lower()
    found = [user for user in workspace.users.values() if user.email.lower() == wanted and not user.deleted]
    if not found:
        raise ApiError("users_not_found")
    return {"user": found[0].payload(email=True)}


def _conversations(workspace: Workspace, args: JSON) -> JSON:
    user = str(args.get("user") or workspace.app.bot_user)
    workspace.user(user)
    bot = workspace.app.bot_user
    kinds = set(str(args.get("types") or "public_channel").split(","))
    mine = [
        one for one in workspace.channels.values() if user in one.members and (not one.private or bot in one.members)
    ]
    seen = [one.payload(bot) for one in mine if _kind(one.private, one.user) in kinds]
    some, cursor = page(seen, args, 100)
    return {"channels": some, "response_metadata": {"next_cursor": cursor}}


def _kind(private: bool, user: str) -> str:
    if user:
        return "im"
    return "private_channel" if private else "public_channel"


def _groups(workspace: Workspace, args: JSON) -> JSON:
    _need_plan(workspace)
    groups = [
        {"id": one.id, "handle": one.handle, "name": one.name, "is_usergroup": True, "user_count": len(one.users)}
        for one in workspace.groups.values()
    ]
    if truth(args, "include_users"):
        groups = [group | {"users": list(workspace.groups[str(group["id"])].users)} for group in groups]
    return {"usergroups": groups}


def _members(workspace: Workspace, args: JSON) -> JSON:
    _need_plan(workspace)
    need(args, "usergroup")
    group = workspace.groups.get(args["usergroup"])
    if group is None:
        raise ApiError("no_such_subteam")
    gone = {user.id for user in workspace.users.values() if user.deleted}
    return {"users": [user for user in group.users if user not in gone]}


def _need_plan(workspace: Workspace) -> None:
    if not workspace.groups_in_plan:
        raise ApiError("plan_upgrade_required")


METHODS = {
    "users.info": Method(_info, ("users:read",), 4),
    "users.list": Method(_list, ("users:read",), 2),
    "users.lookupByEmail": Method(_by_email, ("users:read.email",), 3),
    "users.conversations": Method(_conversations, ("channels:read",), 3),
    "usergroups.list": Method(_groups, ("usergroups:read",), 2),
    "usergroups.users.list": Method(_members, ("usergroups:read",), 2),
}
