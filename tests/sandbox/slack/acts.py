"""Acts of people, and Slack's reaction to the app's answer. The driver and the page both use them."""

import re
from typing import Any

from tests.sandbox.slack import entry, payloads
from tests.sandbox.slack.api.chat import check_content
from tests.sandbox.slack.api.views import check_view, push, replace
from tests.sandbox.slack.deliveries import Deliverer
from tests.sandbox.slack.records import JSON, Message, View
from tests.sandbox.slack.refusal import ApiError
from tests.sandbox.slack.seed import SLACKBOT
from tests.sandbox.slack.trail import Delivery
from tests.sandbox.slack.world import Workspace

TROUBLE = "We had some trouble connecting. Try again?"


class Acts:
    """One person's hand at a time: commands, clicks, forms."""

    def __init__(self, workspace: Workspace, deliverer: Deliverer) -> None:
        self._workspace = workspace
        self._deliverer = deliverer

    def say(self, user_id: str, channel_id: str, text: str, thread_ts: str = "") -> Message:
        """An ordinary message."""
        thread = {"thread_ts": thread_ts} if thread_ts else {}
        return self._workspace.post(channel_id, user_id, {"text": self._mentions(escape(text)), **thread})

    def command(self, user_id: str, channel_id: str, name: str, text: str) -> Delivery:
        """A slash command; unknown ones and failures come back as a private word from Slackbot."""
        workspace = self._workspace
        known = workspace.app.commands.get(name)
        if known is None:
            self._slackbot(user_id, channel_id, f"{name} is not a valid command.")
            return Delivery("slash_commands", {"command": name, "text": text}, problem="unknown_command")
        sent = self._mentions(escape(text), with_name=True) if known.should_escape else text
        delivery = self._deliverer.send(
            "slash_commands", payloads.command(workspace, user_id, workspace.channels[channel_id], name, sent.strip())
        )
        if not delivery.acked:
            self._slackbot(user_id, channel_id, f'{name} failed with the error "{delivery.problem.partition(":")[0]}"')
        elif delivery.body.get("text") or delivery.body.get("blocks"):
            self._answer(user_id, channel_id, delivery)
        return delivery

    def use(self, user_id: str, message: Message, block_id: str, element: JSON, raw: Any = None) -> Delivery:
        """A button pressed or something picked in a message."""
        workspace = self._workspace
        value = self._value(user_id, element, raw)
        state = workspace.entries.setdefault(
            (message.channel, message.ts, user_id), entry.initial_values(message.blocks)
        )
        if value:
            state.setdefault(block_id, {})[element["action_id"]] = value
        act = payloads.action(element, block_id, value, workspace.stamp())
        return self._deliverer.send("interactive", payloads.message_action(workspace, user_id, message, act, state))

    def fill(self, view: View, block_id: str, element: JSON, raw: Any) -> None:
        """Put something into a field, without sending it."""
        view.values.setdefault(block_id, {})[element["action_id"]] = self._value(view.user, element, raw)
        self._workspace.touch()

    def use_in_view(self, view: View, block_id: str, element: JSON, raw: Any = None) -> Delivery:
        """A button pressed or something picked in a modal or Home tab, where that is sent at once."""
        value = self._value(view.user, element, raw)
        if value and element["type"] != "overflow":
            view.values.setdefault(block_id, {})[element["action_id"]] = value
        act = payloads.action(element, block_id, value, self._workspace.stamp())
        delivery = self._deliverer.send("interactive", payloads.view_action(self._workspace, view, act))
        view.notice = "" if delivery.acked else TROUBLE
        self._workspace.touch()
        return delivery

    def search(self, user_id: str, source: View | Message, block_id: str, element: JSON, typed: str) -> list[JSON]:
        """Type into an external select: the options that the app offers."""
        payload = payloads.suggestion(self._workspace, user_id, source, element, block_id, typed)
        delivery = self._deliverer.send("options", payload)
        if len(entry.options(delivery.body)) > 100:
            delivery.problem, delivery.body = "more than 100 options", {}
        found = entry.options(delivery.body)
        self._workspace.offered.setdefault((user_id, element["action_id"]), []).extend(found)
        return found

    def submit(self, view: View) -> Delivery:
        """Press Submit. Fields that Slack itself refuses are shown and nothing is sent."""
        view.errors, view.notice = entry.complaints(view.blocks, view.values), ""
        if view.errors:
            self._workspace.touch()
            return Delivery("interactive", {}, problem="invalid input")
        delivery = self._deliverer.send("interactive", payloads.submission(self._workspace, view))
        with self._workspace.lock:
            try:
                self._settle(view, delivery)
            except ApiError as refusal:
                delivery.problem = f"{refusal.code} {refusal.extra}"
                view.notice = TROUBLE
            self._workspace.touch()
        return delivery

    def close(self, view: View, *, everything: bool = False) -> Delivery | None:
        """Press Cancel or the cross; the app gets an event if its view asks for one."""
        stack = self._workspace.stacks.get(view.user, [])
        if everything or view.body.get("clear_on_close"):
            stack.clear()
        elif view in stack:
            stack.remove(view)
        self._workspace.touch()
        if not view.body.get("notify_on_close"):
            return None
        return self._deliverer.send("interactive", payloads.closed(self._workspace, view, cleared=everything))

    def open_home(self, user_id: str) -> Delivery | None:
        """Look at the app's Home tab."""
        if "app_home_opened" not in self._workspace.app.events:
            return None
        return self._deliverer.event(payloads.home_opened(self._workspace, user_id))

    def join(self, user_id: str, channel: str, inviter: str = "") -> Delivery | None:
        """Join a channel; the app gets an event if it is a member."""
        with self._workspace.lock:
            members = self._workspace.channels[channel].members
            members.add(user_id)
            self._workspace.touch()
        app = self._workspace.app
        if "member_joined_channel" not in app.events or app.bot_user not in members:
            return None
        return self._deliverer.event(payloads.joined(self._workspace, user_id, channel, inviter))

    def redeliver(self, delivery: Delivery) -> Delivery:
        """The same payload once more (a doubled or late network packet)."""
        return self._deliverer.send(delivery.kind, delivery.payload)

    def _settle(self, view: View, delivery: Delivery) -> None:
        stack = self._workspace.stacks.get(view.user, [])
        action = delivery.body.get("response_action")
        if not delivery.acked:
            view.notice = TROUBLE
        elif action == "errors":
            self._show_errors(view, delivery)
        elif action == "update":
            replace(self._workspace, view, check_view(delivery.body.get("view"), "modal"))
        elif action == "push":
            push(self._workspace, view.user, check_view(delivery.body.get("view"), "modal"))
        elif action == "clear":
            stack.clear()
        elif view in stack:
            stack.remove(view)

    def _show_errors(self, view: View, delivery: Delivery) -> None:
        errors = delivery.body.get("errors") or {}
        inputs = {block["block_id"] for block in view.blocks if block.get("type") == "input"}
        if not errors or errors.keys() - inputs:
            raise ApiError("invalid_errors", errors=errors, inputs=sorted(inputs))
        view.errors = {key: str(text) for key, text in errors.items()}

    def _answer(self, user_id: str, channel_id: str, delivery: Delivery) -> None:
        only = "" if delivery.body.get("response_type") == "in_channel" else user_id
        try:
            content = check_content(delivery.body)
        except ApiError as refusal:
            delivery.problem = f"{refusal.code} {refusal.extra}"
            self._slackbot(user_id, channel_id, f'{delivery.payload["command"]} failed with the error "{refusal.code}"')
            return
        self._workspace.post(channel_id, self._workspace.app.bot_user, content, only=only)

    def _slackbot(self, user_id: str, channel_id: str, text: str) -> None:
        self._workspace.post(channel_id, SLACKBOT, {"text": text}, only=user_id)

    def _value(self, user_id: str, element: JSON, raw: Any) -> JSON:
        if element["type"] == "button":
            return {}
        return entry.chosen(element, raw, self._workspace.offered.get((user_id, element["action_id"]), ()))

    def _mentions(self, text: str, *, with_name: bool = False) -> str:
        people = {user.name: user.id for user in self._workspace.users.values()}
        rooms = {channel.name: channel.id for channel in self._workspace.channels.values() if not channel.user}

        def person(match: re.Match[str]) -> str:
            name = match[1].rstrip(".")
            if name not in people:
                return match[0]
            return f"<@{people[name]}{f'|{name}' if with_name else ''}>{match[1][len(name) :]}"

        def room(match: re.Match[str]) -> str:
            return f"<#{rooms[match[1]]}|{match[1]}>" if match[1] in rooms else match[0]

        return re.sub(r"(?<![\w#])#([\w-]+)", room, re.sub(r"(?<![\w@])@([\w.\-]+)", person, text))


def escape(text: str) -> str:
    """The three characters that Slack escapes in what people type."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
