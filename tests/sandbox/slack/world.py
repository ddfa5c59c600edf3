"""The workspace: one locked state that the Web API, the deliveries, the driver and the page all look at."""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterable

from tests.sandbox.slack import seed
from tests.sandbox.slack.entry import name_blocks
from tests.sandbox.slack.faults import Faults
from tests.sandbox.slack.limits import Limits
from tests.sandbox.slack.records import JSON, Channel, File, Group, Message, User, View
from tests.sandbox.slack.refusal import ApiError
from tests.sandbox.slack.settings import AppSettings
from tests.sandbox.slack.sockets import Sockets
from tests.sandbox.slack.trail import Call, Delivery
from tests.sandbox.slack.triggers import ResponseUrls, Triggers


class Workspace:
    """A Slack workspace with one app installed. `with workspace.lock` guards every read and change of state."""

    def __init__(
        self,
        users: Iterable[User] | None = None,
        channels: Iterable[Channel] | None = None,
        groups: Iterable[Group] | None = None,
        *,
        app: AppSettings | None = None,
        name: str = "Northwind Practice",
        groups_in_plan: bool = True,
        rate_limits: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.app = app or AppSettings()
        self.groups_in_plan = groups_in_plan
        self.enterprise, self.org_wide = "", False
        """The Enterprise Grid organisation, and whether the app is installed for all its workspaces."""
        self.clock = clock
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 0
        everyone = list(seed.users() if users is None else users)
        self.users = {user.id: user for user in everyone}
        self.channels = {channel.id: channel for channel in (seed.channels(everyone) if channels is None else channels)}
        self.groups = {group.id: group for group in (seed.groups() if groups is None else groups)}
        self.posts: dict[str, list[Message]] = {}
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.files: dict[str, File] = {}
        self.entries: dict[tuple[str, str, str], dict[str, dict[str, JSON]]] = {}
        self.limits = Limits(rate_limits)
        self.faults = Faults()
        self.triggers = Triggers()
        self.responses = ResponseUrls()
        self.sockets = Sockets()
        self.offered: dict[tuple[str, str], list[JSON]] = {}
        self.calls: list[Call] = []
        self.deliveries: list[Delivery] = []
        self.base = ""
        self._count = itertools.count(1)
        self._last_ts = ""

    def touch(self) -> None:
        """Wake every waiting thread after a change."""
        with self.changed:
            self.version += 1
            self.changed.notify_all()

    def next_id(self, prefix: str) -> str:
        """A fresh id like `V00A1B2C3`."""
        return f"{prefix}0{next(self._count):03d}{secrets.token_hex(3).upper()}"

    def stamp(self) -> str:
        """A fresh message `ts`: seconds with six digits, unique and never going back."""
        with self.lock:
            now = f"{self.clock():.6f}"
            if float(now) <= float(self._last_ts or 0):
                now = f"{float(self._last_ts) + 0.000100:.6f}"
            self._last_ts = now
            return now

    def user(self, user_id: str) -> User:
        """A user by id, or `user_not_found`."""
        if user_id not in self.users:
            raise ApiError("user_not_found")
        return self.users[user_id]

    def channel(self, channel_id: str) -> Channel:
        """Return a channel that the app may see, by id, or raise `channel_not_found`."""
        found = self.channels.get(channel_id)
        if found is None or (found.private and self.app.bot_user not in found.members):
            raise ApiError("channel_not_found")
        return found

    def direct(self, user_id: str) -> Channel:
        """The direct messages between a person and the app, opened if need be."""
        user = self.user(user_id)
        if user.is_bot:
            raise ApiError("cannot_dm_bot")
        channel_id = "D" + user_id[1:]
        if channel_id not in self.channels:
            self.channels[channel_id] = Channel(channel_id, user.name, {user_id, self.app.bot_user}, user=user_id)
        return self.channels[channel_id]

    def messages(self, channel_id: str) -> list[Message]:
        """The stored messages of a channel, oldest first (the live list)."""
        return self.posts.setdefault(channel_id, [])

    def find(self, channel_id: str, ts: str) -> Message | None:
        """One message by its ts, ephemeral ones included."""
        return next((message for message in self.messages(channel_id) if message.ts == ts), None)

    def post(self, channel_id: str, user_id: str, content: JSON, *, only: str = "") -> Message:
        """Store a message and wake waiting threads. `content` has text, blocks, thread_ts, files, metadata."""
        with self.lock:
            ts = self.stamp()
            body: JSON = {
                "type": "message",
                "user": user_id,
                "ts": ts,
                "team": self.users[user_id].team,
                "text": "",
                **content,
            }
            if user_id == self.app.bot_user:
                body |= {"bot_id": self.app.bot_id, "app_id": self.app.id}
            body["blocks"] = name_blocks(body.get("blocks"))
            message = Message(channel_id, ts, body, only)
            self.messages(channel_id).append(message)
            self.touch()
            return message

    def keep(self, name: str, data: bytes) -> File:
        """Store a file that a person hands in."""
        with self.lock:
            file = File(self.next_id("F"), name, name, data=data)
            self.files[file.id] = file
            return file

    def top_view(self, user_id: str) -> View | None:
        """The modal that a person has in front of them."""
        stack = self.stacks.get(user_id)
        return stack[-1] if stack else None

    def find_view(self, view_id: str) -> View | None:
        """An open modal or a Home tab by id or external id."""
        every = [view for stack in self.stacks.values() for view in stack] + list(self.homes.values())
        return next((view for view in every if view_id in {view.id, view.body.get("external_id")}), None)
