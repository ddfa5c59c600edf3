"""Slack's refusals (content, rights, pace), and the faults that can be planned."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from tests.sandbox.company.people import HR, LEAVER, MANAGER
from tests.sandbox.slack import SlackServer, Workspace, seed
from tests.sandbox.slack.example_messages import mrkdwn, plain
from tests.sandbox.slack.records import JSON


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(Workspace()) as server:
        yield server


@pytest.fixture
def client(slack: SlackServer) -> WebClient:
    return WebClient(token=slack.workspace.app.bot_token, base_url=slack.api_url, retry_handlers=[], timeout=60)


def _section(text: str) -> JSON:
    return {"type": "section", "text": mrkdwn(text)}


def _modal() -> JSON:
    return {"type": "modal", "title": plain("T"), "blocks": [_section("x")]}


def _error(call: Any) -> Any:
    with pytest.raises(SlackApiError) as caught:
        call()
    return caught.value.response


def test_bad_content_is_refused_with_messages(client: WebClient) -> None:
    answer = _error(lambda: client.chat_postMessage(channel=seed.GENERAL, text="x", blocks=[_section("y" * 3001)]))
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]
    assert _error(lambda: client.chat_postMessage(channel=seed.GENERAL, text="x" * 40_001))["error"] == "msg_too_long"
    assert (
        _error(lambda: client.views_publish(user_id=HR.slack_id, view={"type": "modal"}))["error"]
        == "invalid_arguments"
    )


def test_rights(slack: SlackServer, client: WebClient) -> None:
    def post(channel: str) -> Any:
        return client.chat_postMessage(channel=channel, text="x")

    assert _error(lambda: post(seed.NO_BOT))["error"] == "not_in_channel"
    assert _error(lambda: post(seed.SECRET))["error"] == "channel_not_found"
    client.conversations_join(channel=seed.NO_BOT)
    assert post(seed.NO_BOT)["ok"]
    wrong = WebClient(token="xoxb-wrong", base_url=slack.api_url)
    assert _error(wrong.auth_test)["error"] == "invalid_auth"
    slack.workspace.app.scopes -= {"usergroups:read", "users:read.email"}
    refusal = _error(lambda: client.usergroups_users_list(usergroup=seed.HR_GROUP))
    assert (refusal["error"], refusal["needed"]) == ("missing_scope", "usergroups:read")
    assert "chat:write" in refusal["provided"]
    assert "email" not in client.users_info(user=HR.slack_id)["user"]["profile"]
    assert "chat:write" in client.auth_test().headers["x-oauth-scopes"]


def test_people_of_every_kind(slack: SlackServer, client: WebClient) -> None:
    people = {user["id"]: user for user in client.users_list(limit=1000)["members"]}
    assert people[seed.DEACTIVATED]["deleted"]
    assert people[seed.GUEST]["is_restricted"]
    assert not people[seed.GUEST]["is_ultra_restricted"]
    assert not people[seed.STRANGER].get("is_stranger")
    assert people[seed.STRANGER]["team_id"] != client.auth_test()["team_id"]
    assert people[seed.OTHER_BOT]["is_bot"]
    assert client.users_lookupByEmail(email=LEAVER.email)["user"]["tz"] == LEAVER.timezone
    gone = slack.workspace.users[seed.DEACTIVATED].email
    assert _error(lambda: client.users_lookupByEmail(email=gone))["error"] == "users_not_found"
    slack.workspace.groups_in_plan = False
    assert _error(lambda: client.usergroups_users_list(usergroup=seed.HR_GROUP))["error"] == "plan_upgrade_required"


def test_triggers_open_one_modal_within_three_seconds(slack: SlackServer, client: WebClient) -> None:
    triggers = slack.workspace.triggers
    ticket = triggers.issue(HR.slack_id)
    view = client.views_open(trigger_id=ticket, view=_modal())["view"]
    assert _error(lambda: client.views_open(trigger_id=ticket, view=_modal()))["error"] == "exchanged_trigger_id"
    late = triggers.issue(HR.slack_id)
    triggers.expire()
    assert _error(lambda: client.views_open(trigger_id=late, view=_modal()))["error"] == "expired_trigger_id"
    assert client.views_update(view_id=view["id"], hash=view["hash"], view=_modal())["ok"]
    assert (
        _error(lambda: client.views_update(view_id=view["id"], hash=view["hash"], view=_modal()))["error"]
        == "hash_conflict"
    )
    for _ in range(2):
        client.views_push(trigger_id=triggers.issue(HR.slack_id), view=_modal())
    assert (
        _error(lambda: client.views_push(trigger_id=triggers.issue(HR.slack_id), view=_modal()))["error"]
        == "push_limit_reached"
    )


def test_history_replies_metadata_update_and_delete(client: WebClient) -> None:
    metadata = {"event_type": "case", "event_payload": {"case": "OB-7"}}
    first = client.chat_postMessage(channel=seed.GENERAL, text="first", metadata=metadata)["ts"]
    second = client.chat_postMessage(channel=seed.GENERAL, text="second")["ts"]
    client.chat_postMessage(channel=seed.GENERAL, text="reply", thread_ts=first)
    page = client.conversations_history(channel=seed.GENERAL, limit=1, include_all_metadata=True)
    assert [one["text"] for one in page["messages"]] == ["second"]
    rest = client.conversations_history(
        channel=seed.GENERAL, limit=1, cursor=page["response_metadata"]["next_cursor"], include_all_metadata=True
    )
    assert rest["messages"][0]["metadata"] == metadata
    assert rest["messages"][0]["reply_count"] == 1
    assert "metadata" not in client.conversations_history(channel=seed.GENERAL)["messages"][1]
    assert [one["text"] for one in client.conversations_history(channel=seed.GENERAL, oldest=first)["messages"]] == [
        "second"
    ]
    assert [one["text"] for one in client.conversations_replies(channel=seed.GENERAL, ts=first)["messages"]] == [
        "first",
        "reply",
    ]
    changed = client.chat_update(channel=seed.GENERAL, ts=first, text="changed")["message"]
    assert changed["edited"]
    client.chat_delete(channel=seed.GENERAL, ts=second)
    assert _error(lambda: client.chat_update(channel=seed.GENERAL, ts=second, text="x"))["error"] == "message_not_found"


def test_a_file_goes_up_and_comes_down(slack: SlackServer, client: WebClient) -> None:
    channel = client.conversations_open(users=MANAGER.slack_id)["channel"]["id"]
    client.files_upload_v2(
        channel=channel, filename="plan.csv", content="client,to\nACME,Bob\n", title="Plan", initial_comment="Here"
    )
    message = slack.as_user(MANAGER.slack_id).messages()[-1]
    assert (message.text, message.files[0]["title"], message.files[0]["size"]) == ("Here", "Plan", 19)
    assert slack.workspace.files[message.files[0]["id"]].data == b"client,to\nACME,Bob\n"


def test_pace_is_limited_per_channel(slack: SlackServer, client: WebClient) -> None:
    for _ in range(4):
        client.chat_postMessage(channel=seed.GENERAL, text="x")
    refusal = _error(lambda: client.chat_postMessage(channel=seed.GENERAL, text="x"))
    assert (refusal.status_code, refusal["error"], refusal.headers["Retry-After"]) == (429, "ratelimited", "1")
    assert client.chat_postMessage(channel=seed.ACCESS_AUDIT, text="another channel has its own pace")["ok"]
    slack.workspace.limits.on = False
    assert client.chat_postMessage(channel=seed.GENERAL, text="x")["ok"]


def test_methods_are_limited_by_tier(client: WebClient) -> None:
    for _ in range(20):
        client.usergroups_users_list(usergroup=seed.HR_GROUP)
    assert _error(lambda: client.usergroups_users_list(usergroup=seed.HR_GROUP)).status_code == 429


@pytest.mark.parametrize(("kind", "happened"), [("lost", 1), ("reset", 0), ("timeout", 0)])
def test_a_broken_connection_leaves_the_caller_in_doubt(
    slack: SlackServer, client: WebClient, kind: str, happened: int
) -> None:
    slack.fault("chat.postMessage", kind, seconds=0.2)
    with pytest.raises(OSError):  # noqa: PT011 - urllib wraps resets in several subclasses
        client.chat_postMessage(channel=seed.GENERAL, text="x")
    assert len(slack.as_user(HR.slack_id).messages("general")) == happened
    assert client.chat_postMessage(channel=seed.GENERAL, text="x")["ok"]


def test_planned_refusals(slack: SlackServer, client: WebClient) -> None:
    slack.fault("chat.update", "429", seconds=7)
    assert _error(lambda: client.chat_update(channel=seed.GENERAL, ts="1", text="x")).headers["Retry-After"] == "7"
    slack.fault("chat.postMessage", "500", times=2)
    slack.fault("*", "fatal_error")
    for _ in range(2):
        assert _error(lambda: client.chat_postMessage(channel=seed.GENERAL, text="x")).status_code == 500
    assert _error(client.auth_test)["error"] == "fatal_error"
    assert client.auth_test()["ok"]


def test_a_response_url_is_good_for_five_uses(slack: SlackServer) -> None:
    workspace = slack.workspace
    key = workspace.responses.issue(seed.GENERAL, HR.slack_id)
    webhook = WebhookClient(f"{slack.url}/response/{key}")
    statuses = [webhook.send(text=f"answer {number}").status_code for number in range(6)]
    assert statuses == [200] * 5 + [404]
    hr = slack.as_user(HR.slack_id)
    assert [one.text for one in hr.ephemerals] == [f"answer {number}" for number in range(5)]
    assert not hr.messages("general")
    late = workspace.responses.issue(seed.GENERAL, HR.slack_id)
    workspace.responses.expire()
    assert WebhookClient(f"{slack.url}/response/{late}").send(text="x").body == "expired_url"
    assert {call.error for call in slack.refused()} == {"used_url", "expired_url"}


def test_time_stamps_never_repeat_or_go_back() -> None:
    workspace = Workspace(clock=lambda: 1_800_000_000.0)
    stamps = [workspace.stamp() for _ in range(50)]
    assert stamps == sorted(set(stamps))
    assert time.time() < float(stamps[0])
