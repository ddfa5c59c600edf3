"""Delivery of outbox messages to Slack: one Slack message for each, updated in place.

A message is found again after a lost answer, and posted again after somebody deleted it. A channel that outsiders can
read gets nothing: the people whom the message is for get it in direct messages, with the reason.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.errors import slack_error_code
from bot.services import Services
from bot.slack.members import SlackMembers
from bot.slack.messages import alarm, audit, case, escalation, exports, follow_up, held, leave, manual, note, outcome
from bot.slack.messages.blocks import MESSAGE_BLOCKS, Block, Message, context, fit
from bot.slack.pages import proposal_page
from bot.slack.people import SlackUsers
from bot.slack.shared_channels import ChannelCheck
from bot.slack.uploads import upload_csv
from bot.text import _, mrkdwn
from config.settings import Role
from workflows.authorization import HOLDERS, Right
from workflows.ports import DeliveryFailed
from workflows.refusals import Refused
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.outbox import FILES, MessageKind, OutboxMessage

log = logging.getLogger(__name__)
EVENT = "handover_post"
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
REFUSED_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format"})
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
        self._refused: set[tuple[str, str]] = set()

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        """Send or update the post; return (channel, ts). Raises `DeliveryFailed` with the reason."""
        try:
            return self._show(post)
        except SlackApiError as error:
            raise DeliveryFailed(_why(error), busy=slack_error_code(error) == "ratelimited") from error
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
                self._send(post, lambda message: self._update(post, channel, ts, message))
            except SlackApiError as error:
                if slack_error_code(error) not in GONE:
                    raise
                log.info("the message of post %s is gone and is posted anew", post.id)
            else:
                return channel, ts
        sent = self._send(post, lambda message: self._post(post, channel, thread, message))
        return channel, str(sent["ts"])

    def _channel(self, post: OutboxMessage) -> str:
        above = self._find_post(post.thread_parent_id) if post.thread_parent_id else None
        return above.channel if above else post.channel

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
            log.warning("channel %s gets no message about leavers: %s", channel, why)
            self._services.journal.note("channel refused", HANDOVER, {"channel": channel})
        people = self._people(post, channel)
        if not people:
            raise DeliveryFailed(
                _("<#{channel}> gets no message, because {why}. Nobody else can be told.").format(
                    channel=channel, why=why
                )
            )
        text = _("⚠ This comes to you directly, because <#{channel}> gets no message about leavers: {why}.")
        reason = context(text.format(channel=channel, why=mrkdwn(why)))
        failed: list[SlackApiError] = []
        for user in people:
            try:
                self._tell(user, post, reason)
            except SlackApiError as error:
                log.warning("post %s does not reach %s: %s", post.id, user, slack_error_code(error))
                failed.append(error)
        if len(failed) == len(people):
            raise failed[0]

    def _tell(self, user: str, post: OutboxMessage, reason: Block) -> None:
        direct = str(self._client.conversations_open(users=user)["channel"]["id"])
        thread = self._seen(post.thread_parent_id, direct, "") if post.thread_parent_id else ""
        if post.kind in FILES.values():
            self._send_file(post, direct, thread)
            return
        ts = self._seen(post.id, direct, thread)
        self._send(post, partial(self._send_directly, post, direct, thread, ts, reason))

    def _send_directly(
        self, post: OutboxMessage, direct: str, thread: str, ts: str, reason: Block, message: Message
    ) -> SlackResponse:
        told = Message(message.text, (reason, *fit(list(message.blocks), MESSAGE_BLOCKS - 1)))
        return self._update(post, direct, ts, told) if ts else self._post(post, direct, thread, told)

    def _people(self, post: OutboxMessage, channel: str) -> tuple[str, ...]:
        """Return the full members whom a channel is for, without the leaver of the case. Raises `DeliveryFailed`."""
        slack, roles = self._services.settings.slack, self._services.settings.roles
        case = self._services.offboarding.case(post.case_id) if post.case_id else None
        if channel == slack.security_channel:
            names: tuple[str, ...] = ("security",)
        elif channel == slack.audit_channel:
            names = HOLDERS[Right.AUDIT]
        elif case and case.opened_by.slack_id:
            return tuple(user for user in self._members.reach(case.opened_by.slack_id) if user != case.leaver.slack_id)
        else:
            names = HOLDERS[Right.OPEN]
        held: list[Role] = [getattr(roles, name) for name in names]
        asked = [one for role in held for one in (*role.users, *role.groups)]
        users = dict.fromkeys(user for one in asked for user in self._members.reach(one))
        return tuple(user for user in users if not case or user != case.leaver.slack_id)

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

    def _send(self, post: OutboxMessage, send: Callable[[Message], SlackResponse]) -> SlackResponse:
        try:
            return send(self._build(post, chart=True))
        except SlackApiError as error:
            if post.kind not in CHARTED or slack_error_code(error) not in REFUSED_BLOCKS:
                raise
            return send(self._build(post, chart=False))

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

    def _build(self, post: OutboxMessage, *, chart: bool) -> Message:  # noqa: PLR0911, C901 - one for each kind of post
        services = self._services
        match MessageKind(post.kind):
            case MessageKind.CASE:
                return case.build(services.offboarding.case(post.subject), services.clock.now())
            case MessageKind.PROPOSAL:
                return proposal_page(services.proposals, post.subject, chart=chart)
            case MessageKind.OUTCOME:
                return outcome.build(services.proposals.view(post.subject))
            case MessageKind.EXPORTS:
                titles = {name: system.manifest.title for name, system in services.systems.items()}
                return exports.build(services.exports.view(post.subject), chart=chart, titles=titles)
            case MessageKind.FOLLOW_UP:
                return follow_up.build(*services.follow_ups.view(post.subject))
            case MessageKind.MANUAL:
                return manual.build(services.manual.view(post.subject))
            case MessageKind.NOTE:
                return note.build(services.notes.view(post.subject))
            case MessageKind.RETURN:
                return leave.build(services.offboarding.case(post.subject))
            case MessageKind.HELD:
                return held.build(services.offboarding.case(post.subject))
            case MessageKind.AUDIT | MessageKind.ESCALATION:
                view = services.audits.view(post.subject)
                return audit.build(view, post.subject) if post.kind == MessageKind.AUDIT else escalation.build(view)
            case MessageKind.ALARM:
                return alarm.build(services.audits.finding(post.subject))
            case MessageKind.AUDIT_FILE | MessageKind.NOTE_FILE:
                raise ValueError(f"{post.kind} is a file, not a message")

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


def _metadata(post: OutboxMessage) -> dict[str, Any]:
    # Only an id, because other apps in the channel can read metadata.
    return {"event_type": EVENT, "event_payload": {"post": post.id}}


def _is(message: dict[str, Any], post_id: str) -> bool:
    metadata = message.get("metadata") or {}
    return bool(metadata.get("event_type") == EVENT and (metadata.get("event_payload") or {}).get("post") == post_id)


def _why(error: SlackApiError) -> str:
    word = slack_error_code(error)
    if word == "ratelimited":
        seconds = _retry_after(error.response.headers.items())
        return _("Slack's rate limit is reached; next try in {seconds} seconds").format(seconds=seconds)
    todo = {
        "not_in_channel": _("invite the bot to the channel"),
        "channel_not_found": _("the channel does not exist, or is private without the bot in it"),
        "is_archived": _("the channel is archived"),
        "missing_scope": _("install the app again with the scopes of `handover manifest`"),
        "invalid_auth": _("the bot token is not valid"),
    }
    said = _("Slack says {word}").format(word=word)
    return f"{said}: {todo[word]}" if word in todo else said


def _retry_after(headers: Iterable[tuple[str, Any]]) -> str:
    return next((str(value) for name, value in headers if name.lower() == "retry-after"), _("some"))
