"""auth.test, api.test and apps.connections.open."""

from tests.sandbox.slack.api.method import Method
from tests.sandbox.slack.records import JSON, TEAM
from tests.sandbox.slack.world import Workspace


def _auth(workspace: Workspace, args: JSON) -> JSON:
    bot = workspace.user(workspace.app.bot_user)
    return {
        "url": f"{workspace.base}/",
        "team": workspace.name,
        "team_id": TEAM,
        "user": bot.name,
        "user_id": bot.id,
        "bot_id": workspace.app.bot_id,
        "is_enterprise_install": workspace.org_wide,
    } | ({"enterprise_id": workspace.enterprise} if workspace.enterprise else {})


def _test(workspace: Workspace, args: JSON) -> JSON:
    return {"args": args} if args else {}


def _connect(workspace: Workspace, args: JSON) -> JSON:
    return {"url": workspace.sockets.address()}


METHODS = {
    "auth.test": Method(_auth, (), 0),
    "api.test": Method(_test, (), 0),
    "apps.connections.open": Method(_connect, ("connections:write",), 0, app_token=True),
}
