"""The example app's messages and views: pure builders."""

import json
from typing import Any

from tests.sandbox.slack.records import JSON

NAMES = ("Bob Ross", "Carol Díaz", "李伟", "Zoë D'Agostino")


def plain(text: str) -> JSON:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> JSON:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def button(text: str, action: str, value: str, **more: Any) -> JSON:
    """A button."""
    return {"type": "button", "action_id": action, "value": value, "text": plain(text), **more}


def loading() -> JSON:
    """Return the view that opens within the trigger's three seconds."""
    return {
        "type": "modal",
        "title": plain("Offboard a colleague"),
        "blocks": [{"type": "section", "text": mrkdwn("Looking up accounts…")}],
    }


def start_form(channel: str, text: str) -> JSON:
    """The form that starts an offboarding."""
    who = {"type": "users_select", "action_id": "who", "placeholder": plain("Choose a person")}
    named = text.partition("<@")[2].partition("|")[0]
    leaver = who | ({"initial_user": named} if named else {})
    when = {
        "type": "radio_buttons",
        "action_id": "when",
        "initial_option": _option("Now", "now"),
        "options": [_option("Now", "now"), _option("At the end of the last working day", "later")],
    }
    blocks = [
        {
            "type": "section",
            "text": mrkdwn(
                "*What happens*\nAccess is locked in every system and read back. Clients move only after approval."
            ),
        },
        {"type": "input", "block_id": "leaver", "label": plain("Who leaves?"), "element": leaver},
        {
            "type": "input",
            "block_id": "approver",
            "label": plain("Who approves the clients?"),
            "element": dict(who),
            "hint": plain("Usually the line manager."),
        },
        {"type": "input", "block_id": "when", "label": plain("When?"), "element": when},
        {
            "type": "input",
            "block_id": "day",
            "label": plain("Last working day"),
            "optional": True,
            "element": {"type": "datepicker", "action_id": "day"},
        },
        {
            "type": "input",
            "block_id": "reason",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": 300},
        },
        {
            "type": "input",
            "block_id": "heir",
            "label": plain("Successor"),
            "optional": True,
            "element": {
                "type": "external_select",
                "action_id": "successor",
                "min_query_length": 0,
                "placeholder": plain("Search a colleague"),
            },
        },
    ]
    return {
        "type": "modal",
        "callback_id": "start",
        "title": plain("Offboard a colleague"),
        "submit": plain("Start Offboarding"),
        "close": plain("Cancel"),
        "private_metadata": json.dumps({"channel": channel}),
        "blocks": blocks,
    }


def approval(leaver: str, approver: str, by: str, reason: str) -> JSON:
    """The request for approval."""
    confirm = {
        "title": plain("Approve 3 reassignments?"),
        "text": mrkdwn("Three clients move at once."),
        "confirm": plain("Approve"),
        "deny": plain("Cancel"),
    }
    safe = reason.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {
        "text": "3 client reassignments need approval",
        "metadata": {"event_type": "case", "event_payload": {"case": "OB-1"}},
        "blocks": [
            {"type": "header", "text": plain("Reassign 3 clients?")},
            {
                "type": "section",
                "text": mrkdwn(
                    f"<@{by}> asks <@{approver}> to approve the handover of <@{leaver}>'s clients.\n> {safe}"
                ),
            },
            {
                "type": "section",
                "fields": [mrkdwn("*Directory*\nLocked, read back"), mrkdwn("*CRM*\nWaiting for approval")],
            },
            {
                "type": "actions",
                "block_id": "decide",
                "elements": [
                    button("Approve 3 Reassignments", "approve", approver, style="primary", confirm=confirm),
                    button("Decline", "decline", approver),
                ],
            },
        ],
    }


def settled(blocks: list[JSON], by: str) -> list[JSON]:
    """The same message after the decision, without buttons."""
    return [block for block in blocks if block["block_id"] != "decide"] + [
        {"type": "context", "elements": [mrkdwn(f":white_check_mark: Approved by <@{by}>")]}
    ]


def options(typed: str) -> list[JSON]:
    """The colleagues whose name holds what was typed."""
    found = [name for name in NAMES if typed.lower() in name.lower()]
    return [{**_option(name, name), "description": plain("now 12 clients")} for name in found]


def _option(text: str, value: str) -> JSON:
    return {"text": plain(text), "value": value}
