"""The manifest has exactly the scopes that the code needs."""

import ast
from pathlib import Path

from slack_sdk import WebClient

import bot
from bot.slack.listeners import channels, home, offboarding
from bot.slack.manifest import METHOD_SCOPES, manifest, scopes

HOUSE = Path(bot.__file__).parent
CLIENTS = {"client", "_client"}


def called() -> set[str]:
    """Return every Web API method that `bot.slack` calls."""
    found = set()
    for path in HOUSE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and _name(node.func.value) in CLIENTS
            ):
                found.add(node.func.attr)
    return {name for name in found if hasattr(WebClient, name) and "_" in name}


def _name(value: ast.expr) -> str:
    return value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""


def test_every_method_has_its_scopes_and_no_other() -> None:
    assert called() - {"auth_test"} == set(METHOD_SCOPES)


def test_commands_and_events_are_those_that_are_listened_to() -> None:
    heard: dict[str, list[str]] = {"command": [], "event": []}
    for path in (HOUSE / "slack" / "listeners").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in heard
                and _name(node.func.value) == "app"
            ):
                heard[node.func.attr].append(ast.unparse(node.args[0]))
    assert {name: sorted(found) for name, found in heard.items()} == {
        "command": ["COMMAND"],
        "event": ["EVENT", "MEMBER_JOINED"],
    }
    made = manifest("socket")
    assert [one["command"] for one in made["features"]["slash_commands"]] == [offboarding.COMMAND]
    assert made["settings"]["event_subscriptions"]["bot_events"] == [home.EVENT, channels.MEMBER_JOINED]


def test_mentions_are_escaped_so_that_nobody_is_guessed() -> None:
    assert all(one["should_escape"] is True for one in manifest("socket")["features"]["slash_commands"])


def test_http_names_the_address_and_socket_none() -> None:
    http, socket = str(manifest("http", "https://bot.example/slack/events")), str(manifest("socket"))
    assert http.count("https://bot.example/slack/events") == 4
    assert "https://" not in socket
    assert manifest("socket")["settings"]["socket_mode_enabled"] is True
    assert manifest("http")["settings"]["socket_mode_enabled"] is False


def test_limits_of_the_manifest() -> None:
    made = manifest("socket")
    assert len(made["display_information"]["name"]) <= 35
    assert len(made["display_information"]["description"]) <= 140
    assert len(scopes()) == len(set(scopes())) < 255
