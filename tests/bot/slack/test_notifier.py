"""Delivery of outbox messages: one Slack message each, despite lost answers."""

import pytest

from bot.slack.client import web_client
from bot.slack.messages.blocks import size
from bot.slack.notifier import EVENT, SlackNotifier
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.conftest import Office, said
from tests.sandbox.company.people import HR, MANAGER
from tests.sandbox.slack import seed
from workflows.news import SEPARATOR, Event
from workflows.ports import DeliveryFailed
from workflows.storage.outbox import DeliveredInShort
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import FILES, MessageKind, OutboxMessage


class Desk:
    """The notifier, and the posts that its lookup returns."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.posts: dict[str, OutboxMessage] = {}
        client = web_client(office.services.settings.slack)
        self.notifier = SlackNotifier(client, office.services, self.posts.get)

    def show(
        self, kind: MessageKind, subject: str, channel: str, post_id: str = "post-1", thread_of: str = ""
    ) -> OutboxMessage:
        post = OutboxMessage(id=post_id, kind=kind, subject=subject, channel=channel, thread_parent_id=thread_of)
        self.posts[post_id] = post
        return self.again(post)

    def again(self, post: OutboxMessage) -> OutboxMessage:
        post.send_attempts += not post.ts
        post.channel, post.ts = self.notifier.show(post)
        return post

    def count(self, channel: str) -> int:
        return len([one for one in self.office.slack.workspace.messages(channel) if not one.only])


@pytest.fixture
def desk(office: Office) -> Desk:
    office.offboarding.known["case-1"] = samples.case(CaseState.RUNNING, Verdict.UNKNOWN, Verdict.LOCKED)
    return Desk(office)


def test_a_post_is_made_once_and_then_updated_in_place(desk: Desk) -> None:
    post = desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING)
    desk.office.offboarding.known["case-1"] = samples.case(CaseState.WATCHED, Verdict.LOCKED, Verdict.LOCKED)
    ts = post.ts
    desk.again(post)
    assert post.ts == ts
    [message] = desk.office.hr.messages("offboarding")
    assert "is locked out of 2 of 2 systems" in said(message)
    assert desk.office.slack.refused() == []


def test_a_person_is_told_in_a_direct_message(desk: Desk) -> None:
    post = desk.show(MessageKind.CASE, "case-1", HR.slack_id)
    assert post.channel.startswith("D")
    assert len(desk.office.hr.messages()) == 1


def test_a_lost_answer_makes_no_second_message(desk: Desk) -> None:
    desk.office.slack.fault("chat.postMessage", "lost", times=5)
    with pytest.raises(DeliveryFailed):
        desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING)
    before = desk.count(seed.OFFBOARDING)
    desk.office.slack.workspace.faults.clear()
    desk.again(desk.posts["post-1"])
    assert (before, desk.count(seed.OFFBOARDING)) == (1, 1)


def test_what_nobody_tried_to_post_is_not_searched_for(desk: Desk) -> None:
    post = desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING)
    assert desk.office.slack.calls("conversations.history") == []
    post.ts = ""
    desk.again(post)
    assert len(desk.office.slack.calls("conversations.history")) == 1


def test_a_deleted_message_is_posted_anew(desk: Desk) -> None:
    post = desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING)
    old = post.ts
    workspace = desk.office.slack.workspace
    workspace.posts[seed.OFFBOARDING].clear()
    desk.again(post)
    assert post.ts != old
    assert desk.count(seed.OFFBOARDING) == 1


def test_a_post_in_a_thread_follows_the_case_message(desk: Desk) -> None:
    above = desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING, "case")
    below = desk.show(MessageKind.FOLLOW_UP, "follow-1", seed.OFFBOARDING, "follow", thread_of="case")
    [_first, second] = desk.office.hr.messages("offboarding", thread=above.ts)
    assert second.ts == below.ts


def test_a_post_in_a_thread_waits_for_the_case_message(desk: Desk) -> None:
    with pytest.raises(DeliveryFailed, match="not posted yet"):
        desk.show(MessageKind.FOLLOW_UP, "follow-1", seed.OFFBOARDING, thread_of="case")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("not_in_channel", "invite the bot"),
        ("channel_not_found", "private without the bot"),
        ("internal_error", "internal_error"),
    ],
)
def test_trouble_is_undelivered_with_a_reason(desk: Desk, error: str, words: str) -> None:
    desk.office.slack.fault("chat.postMessage", error)
    with pytest.raises(DeliveryFailed, match=words):
        desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING)


def test_a_long_rate_limit_does_not_hang(desk: Desk) -> None:
    desk.office.slack.fault("chat.postMessage", "429", seconds=600)
    with pytest.raises(DeliveryFailed, match="600 seconds"):
        desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING)


def test_a_short_rate_limit_is_waited_for(desk: Desk) -> None:
    desk.office.slack.fault("chat.postMessage", "429", seconds=1)
    assert desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING).ts


def test_a_case_that_is_gone_is_undelivered(desk: Desk) -> None:
    with pytest.raises(DeliveryFailed, match="unknown case"):
        desk.show(MessageKind.CASE, "no such case", seed.OFFBOARDING)


def test_every_kind_is_shown_and_found_by_its_metadata(desk: Desk) -> None:
    desk.office.slack.workspace.limits.on = False
    about = SEPARATOR.join(["case-1", Event.LEAVING, MANAGER.slack_id])
    subjects = {MessageKind.JOINED: f"case-1|{seed.OFFBOARDING}|", MessageKind.NEWS: about}
    for number, kind in enumerate(set(MessageKind) - set(FILES.values())):
        subject = subjects.get(kind, "case-1")
        post = desk.show(kind, subject, seed.OFFBOARDING, f"post-{number}")
        message = desk.office.slack.workspace.find(seed.OFFBOARDING, post.ts)
        assert message is not None
        assert message.body["metadata"] == {"event_type": EVENT, "event_payload": {"post": f"post-{number}"}}
    assert desk.office.slack.refused() == []


def test_a_file_stands_in_the_thread_of_its_message(desk: Desk) -> None:
    above = desk.show(MessageKind.AUDIT, "audit-2026-11-23", seed.ACCESS_AUDIT, "audit")
    assert desk.office.slack.workspace.files == {}, "the message does not wait for its file"
    desk.show(MessageKind.AUDIT_FILE, "audit-2026-11-23", seed.ACCESS_AUDIT, "file", thread_of="audit")
    files = list(desk.office.slack.workspace.files.values())
    assert [file.name for file in files] == ["audit-2026-11-23.csv"]
    [upload] = desk.office.slack.calls("files.completeUploadExternal")
    assert above.ts in str(upload)


def test_a_file_whose_answer_was_lost_is_not_sent_again(desk: Desk) -> None:
    desk.show(MessageKind.AUDIT, "audit-2026-11-23", seed.ACCESS_AUDIT, "audit")
    file = desk.show(MessageKind.AUDIT_FILE, "audit-2026-11-23", seed.ACCESS_AUDIT, "file", thread_of="audit")
    sent, file.ts = file.ts, ""
    assert desk.again(file).ts == sent
    assert len(desk.office.slack.workspace.files) == 1


def test_a_slack_without_charts_gets_bars_of_text(desk: Desk) -> None:
    desk.office.slack.fault("chat.postMessage", "invalid_blocks")
    post = desk.show(MessageKind.EXPORTS, "snapshot-1", seed.SECURITY_ALERTS)
    message = desk.office.slack.workspace.find(seed.SECURITY_ALERTS, post.ts)
    assert message is not None
    assert "data_visualization" not in {block["type"] for block in message.blocks}
    assert "▇" in said(message)


def test_a_message_that_is_too_large_is_shortened_with_the_rest_attached(desk: Desk) -> None:
    verdicts = [Verdict.UNKNOWN] * 60
    desk.office.offboarding.known["case-1"] = samples.case(CaseState.RUNNING, *verdicts, name="Dana " + "n" * 70)
    post = desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING)
    assert desk.office.slack.refused() == []
    message = desk.office.hr.messages("offboarding")[0]
    assert size(message.blocks) < 13_000
    assert "more parts do not fit here" in said(message)
    [rest] = desk.office.slack.workspace.files.values()
    words = (rest.data or b"").decode()
    for line in desk.office.offboarding.known["case-1"].systems:
        assert line.title in words + said(message)
    desk.again(post)
    assert len(desk.office.slack.workspace.files) == 1, "the same rest is not sent again"


@pytest.mark.parametrize("word", ["msg_blocks_too_long", "invalid_blocks", "msg_too_long"])
def test_a_message_that_slack_never_takes_is_sent_in_short(desk: Desk, word: str) -> None:
    desk.office.slack.fault("chat.postMessage", word, times=1)
    with pytest.raises(DeliveredInShort, match=word):
        desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING)
    [message] = desk.office.hr.messages("offboarding")
    assert "The system1" in said(message) or "Dana" in said(message)
    assert "`handover status` shows everything" in said(message)


def test_a_message_that_cannot_be_built_is_sent_in_short(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_case_id: str) -> None:
        raise KeyError("a fault of the program")

    monkeypatch.setattr(desk.office.offboarding, "case", fail)
    with pytest.raises(DeliveredInShort):
        desk.show(MessageKind.CASE, "case-1", seed.OFFBOARDING)
    assert len(desk.office.hr.messages("offboarding")) == 1
