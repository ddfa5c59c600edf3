"""Delivery of outbox messages to Slack: one Slack message for each, updated in place.

A message is found again after a lost answer, and posted again after somebody deleted it. A channel that outsiders can
read gets nothing: the people whom the message is for get it in direct messages, with the reason.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.errors import reference, slack_error_code
from bot.services import Services
from bot.slack.delivery_faults import REFUSED_BLOCKS, REFUSED_CONTENT, reason
from bot.slack.languages import Languages
from bot.slack.members import SlackMembers
from bot.slack.messages.blocks import MESSAGE_BLOCKS, Block, Message, context, fit
from bot.slack.people import SlackUsers
from bot.slack.posts import build, build_short
from bot.slack.shared_channels import ChannelCheck, people_of
from bot.slack.uploads import upload_csv
from bot.text import _, language, mrkdwn
from config.text import loaded, shown, stored
from workflows.ports import DeliveryFailed
from workflows.refusals import Refused
from workflows.storage.journal import HANDOVER
from workflows.storage.outbox import DeliveredInShort
from workflows.storage.rows.outbox import FILES, MessageKind, OutboxMessage

log = logging.getLogger(__name__)
EVENT = "handover_post"
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
CHARTED = (MessageKind.EXPORTS, MessageKind.PROPOSAL)
"""Messages with a chart. If Slack refuses the chart, they are sent without."""
LOOK_BACK = 200
"""Number of latest messages that are searched after a lost answer."""


class SlackNotifier:
    """Implementation of `workflows.ports.Notifier`."""

    def __init__(self, client: WebClient, services: Services, find_post: Callable[[str], OutboxMessage | None]) -> None:
        self._client = client
        self._services = services
        self._find_post = find_post
        self._channels, self._members, self._users = ChannelCheck(client), SlackMembers(client), SlackUsers(client)
        self._languages = Languages(services.settings, services.languages, lambda user: self._users.by_id(user).locale)
        self._refused: set[tuple[str, str]] = set()

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        """Send or update the post; return (channel, ts). Raises `DeliveryFailed` and `DeliveredInShort`."""
        try:
            with language(self._language(post)):
                return self._show(post)
        except SlackApiError as error:
            raise DeliveryFailed(reason(error), busy=slack_error_code(error) == "ratelimited") from error
        except Refused as error:
            raise DeliveryFailed(_("there is nothing to show: {error}").format(error=error)) from error
        except OSError as error:
            raise DeliveryFailed(_("Slack did not answer: {error}").format(error=error), busy=True) from error

    def _show(self, post: OutboxMessage) -> tuple[str, str]:
        if why := self._objection(place := self._channel(post)):
            self._show_in_person(post, place, why)
            return post.channel, post.ts
        channel, thread = self._place(post)
        if post.kind in FILES.values():
            return channel, self._send_file(post, channel, thread)
        ts = post.ts or (self._seen(post.id, channel, thread) if post.send_attempts > 1 else "")
        if ts:
            try:
                _answer, sent = self._send(post, lambda message: self._update(post, channel, ts, message))
            except SlackApiError as error:
                if slack_error_code(error) not in GONE:
                    raise
                log.info("the message of post %s is gone and is posted anew", post.id)
            else:
                return self._sent(post, channel, ts, thread, sent)
        answer, sent = self._send(post, lambda message: self._post(post, channel, thread, message))
        return self._sent(post, channel, str(answer["ts"]), thread, sent)

    def _sent(self, post: OutboxMessage, channel: str, ts: str, thread: str, sent: Message) -> tuple[str, str]:
        if sent.short_because:
            raise DeliveredInShort(
                channel, ts, _("Slack did not show it in full ({why})").format(why=sent.short_because)
            )
        self._attach_rest(post, channel, thread or ts, sent)
        return channel, ts

    def _first(self, post: OutboxMessage) -> OutboxMessage:
        """Return the message that begins the post's thread, or the post itself."""
        return (self._find_post(post.thread_parent_id) if post.thread_parent_id else None) or post

    def _channel(self, post: OutboxMessage) -> str:
        return self._first(post).channel

    def _language(self, post: OutboxMessage) -> str:
        first = self._first(post)
        return self._languages.at(first.channel, first.recipient)

    def _objection(self, channel: str) -> str:
        """Return why a channel gets no message now; empty for a channel that is fit, and for a person."""
        if channel[:1] not in ("C", "G"):
            return ""
        slack = self._services.settings.slack
        return self._channels.objection(channel, secret=channel in (slack.security_channel, slack.audit_channel))

    def _show_in_person(self, post: OutboxMessage, channel: str, why: str) -> None:
        """Send a post, or update it, in a direct message to everybody whom the channel was for.

        Nothing is kept about these messages: each is found by its metadata. The post goes to the channel once that
        is fit again. Raises `DeliveryFailed` if there is nobody.
        """
        if (channel, why) not in self._refused:
            self._refused.add((channel, why))
            log.warning("channel %s gets no message about leavers: %s", channel, loaded(stored(why)).english)
            self._services.journal.note("channel refused", HANDOVER, {"channel": channel})
        case = self._services.offboarding.case(post.case_id) if post.case_id else None
        people = people_of(channel, case, self._services.settings, self._members)
        if not people:
            raise DeliveryFailed(
                _("<#{channel}> gets no message, because {why}. Nobody else can be told.").format(
                    channel=channel, why=why
                )
            )
        failed: list[SlackApiError] = []
        for user in people:
            try:
                with language(self._languages.person(user)):
                    self._tell(user, post, _note(channel, why))
            except SlackApiError as error:
                log.warning("post %s does not reach %s: %s", post.id, user, slack_error_code(error))
                failed.append(error)
        if len(failed) == len(people):
            raise failed[0]

    def _tell(self, user: str, post: OutboxMessage, note: Block) -> None:
        direct = str(self._client.conversations_open(users=user)["channel"]["id"])
        thread = self._seen(post.thread_parent_id, direct, "") if post.thread_parent_id else ""
        if post.kind in FILES.values():
            self._send_file(post, direct, thread)
            return
        ts = self._seen(post.id, direct, thread)
        answer, sent = self._send(post, partial(self._send_directly, post, direct, thread, ts, note))
        self._attach_rest(post, direct, thread or str(answer["ts"]), sent)

    def _send_directly(
        self, post: OutboxMessage, direct: str, thread: str, ts: str, note: Block, message: Message
    ) -> SlackResponse:
        told = Message(message.text, (note, *fit(list(message.blocks), MESSAGE_BLOCKS - 1)))
        return self._update(post, direct, ts, told) if ts else self._post(post, direct, thread, told)

    def _place(self, post: OutboxMessage) -> tuple[str, str]:
        """Return the channel and, for a post in a thread, the ts of the thread's first message."""
        if post.thread_parent_id:
            above = self._find_post(post.thread_parent_id)
            if above is None or not above.ts:
                raise DeliveryFailed(
                    _("message {parent}, which begins this thread, is not posted yet").format(
                        parent=post.thread_parent_id
                    )
                )
            return above.channel, above.ts
        if post.channel[:1] in ("U", "W"):
            if self._users.by_id(post.channel).outside:
                raise DeliveryFailed(_("{user} is not known to belong to this workspace").format(user=post.channel))
            return str(self._client.conversations_open(users=post.channel)["channel"]["id"]), ""
        return post.channel, ""

    def _seen(self, post_id: str, channel: str, thread: str) -> str:
        """Return the ts of a post in a conversation, also where only the answer to it was lost; else empty."""
        if thread:
            seen = self._client.conversations_replies(
                channel=channel, ts=thread, limit=LOOK_BACK, include_all_metadata=True
            )["messages"]
        else:
            seen = self._client.conversations_history(channel=channel, limit=LOOK_BACK, include_all_metadata=True)[
                "messages"
            ]
        return next((str(one["ts"]) for one in seen if _is(one, post_id)), "")

    def _send(self, post: OutboxMessage, send: Callable[[Message], SlackResponse]) -> tuple[SlackResponse, Message]:
        """Send a message whole, or else in short; return Slack's answer and what was sent. Raises `SlackApiError`."""
        text = ""
        try:
            whole = build(self._services, post, chart=True)
            text = whole.text
            try:
                return send(whole), whole
            except SlackApiError as error:
                if post.kind not in CHARTED or slack_error_code(error) not in REFUSED_BLOCKS:
                    raise
                plain = build(self._services, post, chart=False)
                return send(plain), plain
        except (Refused, DeliveryFailed, OSError):
            raise
        except SlackApiError as error:
            if (why := slack_error_code(error)) not in REFUSED_CONTENT:
                raise
        except Exception:
            why = reference()
            log.exception("reference %s: post %s cannot be shown whole", why, post.id)
        short = replace(build_short(post, text, why), short_because=why)
        return send(short), short

    def _attach_rest(self, post: OutboxMessage, channel: str, thread: str, sent: Message) -> None:
        """Send what did not fit into a message as a file in its thread, once for each content."""
        if not sent.rest or post.kind in FILES:  # those have a file with everything
            return
        lines = [f"{line}\n" for line in sent.rest]
        name = f"rest-{hashlib.sha256(''.join(lines).encode(errors='replace')).hexdigest()[:8]}.txt"
        try:
            if not self._lost_file(channel, thread, name):
                upload_csv(self._client, lines, name, channel, thread)
        except (SlackApiError, OSError) as error:
            log.warning("the rest of post %s is not attached: %s", post.id, error)

    def _update(self, post: OutboxMessage, channel: str, ts: str, message: Message) -> SlackResponse:
        return self._client.chat_update(
            channel=channel, ts=ts, text=message.text, blocks=list(message.blocks), metadata=_metadata(post)
        )

    def _post(self, post: OutboxMessage, channel: str, thread: str, message: Message) -> SlackResponse:
        return self._client.chat_postMessage(
            channel=channel,
            thread_ts=thread or None,
            text=message.text,
            blocks=list(message.blocks),
            metadata=_metadata(post),
            unfurl_links=False,
            unfurl_media=False,
        )

    def _send_file(self, post: OutboxMessage, channel: str, thread: str) -> str:
        """Send an audit's findings or a successor's new clients as a file into the thread; return the file's id."""
        of_audit = post.kind == MessageKind.AUDIT_FILE
        name = f"{post.subject}.csv" if of_audit else "new-clients.csv"
        if post.send_attempts > 1 and (lost := self._lost_file(channel, thread, name)):
            return lost
        read = self._services.audits.csv if of_audit else self._services.notes.csv
        return upload_csv(self._client, read(post.subject), name, channel, thread)

    def _lost_file(self, channel: str, thread: str, name: str) -> str:
        """Return the id of the file if an earlier try arrived and only its answer was lost, else empty."""
        seen = self._client.conversations_replies(channel=channel, ts=thread, limit=LOOK_BACK)["messages"]
        files = (file for message in seen for file in message.get("files", ()))
        return next((str(file["id"]) for file in files if file.get("name") == name), "")


def _note(channel: str, why: str) -> Block:
    text = _("⚠ This comes to you directly, because <#{channel}> gets no message about leavers: {why}.")
    return context(text.format(channel=channel, why=mrkdwn(shown(stored(why)))))


def _metadata(post: OutboxMessage) -> dict[str, Any]:
    # Only an id, because other apps in the channel can read metadata.
    return {"event_type": EVENT, "event_payload": {"post": post.id}}


def _is(message: dict[str, Any], post_id: str) -> bool:
    metadata = message.get("metadata") or {}
    return bool(metadata.get("event_type") == EVENT and (metadata.get("event_payload") or {}).get("post") == post_id)
