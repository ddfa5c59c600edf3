"""One of every kind of block, with names and texts that break naive pages."""

import time
from typing import Any

from slack_sdk import WebClient

from tests.sandbox.company.people import HR, LEAVER, MANAGER
from tests.sandbox.slack.example_messages import button, mrkdwn, plain
from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.seed import ACCESS_AUDIT, GENERAL, OFFBOARDING
from tests.sandbox.slack.server import SlackServer

NASTY = "<script>document.title='broken'</script> <!channel> <@U0> & *not bold* <img src=x onerror=alert(1)>"


def post_everything(slack: SlackServer) -> None:
    """Fill the channels."""
    client = WebClient(token=slack.workspace.app.bot_token, base_url=slack.api_url)
    slack.as_user(LEAVER.slack_id).say("Morning all! " + NASTY)
    slack.as_user(MANAGER.slack_id).say("Forecast call at 10, @dana.oneill please bring the *renewals*.")
    slack.as_user(MANAGER.slack_id).say("And the `ACME` contract.")
    case = client.chat_postMessage(
        channel=OFFBOARDING, text="Carol Díaz is locked out of 3 of 4 systems", blocks=case_blocks()
    )
    client.chat_postMessage(
        channel=OFFBOARDING, thread_ts=case["ts"], text="Directory: read back at 14:02, log-in refused."
    )
    client.chat_postMessage(channel=OFFBOARDING, thread_ts=case["ts"], text="CRM: 12 sessions ended.")
    client.chat_postMessage(channel=ACCESS_AUDIT, text="2 of 14 leavers need attention", blocks=audit_blocks())
    client.chat_postMessage(channel=ACCESS_AUDIT, text="Exports", blocks=chart_blocks())
    rows = "client,from,to\n" + "".join(f'"Kunde {number}, GmbH",Dana,Bob\n' for number in range(9))
    client.files_upload_v2(
        channel=ACCESS_AUDIT,
        filename="audit.csv",
        content=rows,
        title="Every account with its verdict",
        initial_comment="The full list",
    )
    client.chat_postMessage(channel=GENERAL, text="Rich", blocks=rich_blocks())
    client.chat_postEphemeral(channel=GENERAL, user=HR.slack_id, text="Only you can see that Dana leaves on Friday.")


def case_blocks() -> list[JSON]:
    """A case message."""
    now = int(time.time())
    confirm = {
        "title": plain("Lock again?"),
        "text": mrkdwn("Carol's account in *HubSpot* is locked at once."),
        "confirm": plain("Lock Now"),
        "deny": plain("Cancel"),
        "style": "danger",
    }
    return [
        {"type": "header", "text": plain("Carol Díaz: 3 of 4 systems locked")},
        {
            "type": "section",
            "text": mrkdwn(
                f"Started by <@{HR.slack_id}> on <!date^{now}^{{date_short}} at {{time}}|today>. "
                f"Clients wait for <@{MANAGER.slack_id}>."
            ),
            "accessory": {
                "type": "overflow",
                "action_id": "more",
                "options": [
                    {"text": plain("Show evidence"), "value": "e"},
                    {"text": plain("Cancel case"), "value": "c"},
                ],
            },
        },
        {
            "type": "section",
            "fields": [
                mrkdwn("*Directory*\n:white_check_mark: Locked, read back 14:02"),
                mrkdwn("*CRM*\n:white_check_mark: Locked, 12 sessions ended"),
                mrkdwn("*Google Workspace*\n:white_check_mark: Suspended"),
                mrkdwn("*HubSpot*\n:warning: Still open: no API to suspend"),
            ],
        },
        {"type": "divider"},
        {
            "type": "actions",
            "elements": [
                button("Lock HubSpot Again", "decline", "x", style="danger", confirm=confirm),
                button("Mark as Done", "decline2", "y"),
                {"type": "users_select", "action_id": "picked-user", "placeholder": plain("Hand to a colleague")},
            ],
        },
        {
            "type": "context",
            "elements": [mrkdwn("Case OB-12"), mrkdwn(":lock: Security only"), mrkdwn("next check tomorrow")],
        },
    ]


def audit_blocks() -> list[JSON]:
    """A table that is paged and sorted, and a plain one."""
    head = [_raw("Person"), _raw("System"), _raw("Verdict"), _raw("Days"), _raw("Act")]
    names = ["Bob Ross", "李伟", "عمر حداد", "Zoë D'Agostino", "Ben & Ford <Sales>", "Юлия Петрова", NASTY[:38]]
    rows = [
        [
            _raw(name),
            _raw("CRM"),
            _raw("open" if number == 2 else "locked"),
            {"type": "raw_number", "value": number * 7},
            {"type": "action_cell", "element": button("Lock Again", "decline", f"row-{number}")},
        ]
        for number, name in enumerate(names)
    ]
    return [
        {"type": "section", "text": mrkdwn("*2 of 14 past leavers need attention.* The worst first.")},
        {
            "type": "data_table",
            "block_id": "audit",
            "caption": "Accounts of past leavers, worst first",
            "rows": [head, *rows],
        },
        {
            "type": "table",
            "rows": [
                [_raw("Check"), _raw("Result")],
                [_raw("Accounts read"), _raw("1,187")],
                [_raw("Unknown"), _raw("0")],
            ],
            "column_settings": [{"align": "left"}, {"align": "right"}],
        },
    ]


def chart_blocks() -> list[JSON]:
    """Bars and a pie."""
    weeks = ["W40", "W41", "W42", "W43", "W44", "W45"]

    def series(name: str, *values: int) -> JSON:
        return {
            "name": name,
            "data": [{"label": week, "value": value} for week, value in zip(weeks, values, strict=True)],
        }

    axis = {"categories": weeks, "x_label": "Week", "y_label": "Records exported"}
    line: JSON = {
        "type": "line",
        "axis_config": axis,
        "series": [series("Dana", 120, 90, 140, 480, 1900, 2400), series("Team median", 110, 130, 90, 120, 140, 100)],
    }
    bar = {
        "type": "bar",
        "axis_config": axis,
        "series": [series("Reports", 3, 2, 4, 6, 19, 24), series("Lists", 1, 3, 2, 2, 4, 8)],
    }
    return [
        {"type": "data_visualization", "title": "Records exported per week", "chart": line},
        {"type": "data_visualization", "title": "Exports per week", "chart": bar},
    ]


def rich_blocks() -> list[JSON]:
    """Rich text, markdown and a pie."""
    inline: list[dict[str, Any]] = [
        {"type": "text", "text": "Handover note for "},
        {"type": "user", "user_id": MANAGER.slack_id},
        {"type": "text", "text": ": call them by "},
        {"type": "date", "timestamp": int(time.time()) + 86400, "format": "{date_long_pretty}", "fallback": "tomorrow"},
        {"type": "text", "text": " "},
        {"type": "emoji", "name": "wave"},
    ]
    items = [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": text, "style": {"bold": bold}}]}
        for text, bold in (("Renewal in March", True), (NASTY, False))
    ]
    pie = {
        "type": "pie",
        "segments": [
            {"label": "Bob Ross", "value": 12},
            {"label": "Carol Díaz", "value": 7},
            {"label": "李伟", "value": 3},
        ],
    }
    return [
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": inline},
                {"type": "rich_text_list", "style": "bullet", "elements": items},
            ],
        },
        {
            "type": "markdown",
            "text": "### Markdown\n- **bold** and `code`\n- [a link](https://example.org) <b>not html</b>",
        },
        {"type": "data_visualization", "title": "Who gets the clients", "chart": pie},
    ]


def _raw(text: str) -> JSON:
    return {"type": "raw_text", "text": text}
