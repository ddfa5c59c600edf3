"""A person at the keyboard, for tests: their acts, and their view of the workspace's state."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.sandbox.slack import entry
from tests.sandbox.slack.acts import Acts
from tests.sandbox.slack.forms import OpenView
from tests.sandbox.slack.records import Message, User
from tests.sandbox.slack.trail import Delivery
from tests.sandbox.slack.waiting import PATIENCE, Check, T, wait_for
from tests.sandbox.slack.world import Workspace


class Person:
    """One member of the workspace."""

    def __init__(self, workspace: Workspace, acts: Acts, user_id: str) -> None:
        self._workspace = workspace
        self._acts = acts
        self.user: User = workspace.users[user_id]
        self.id = user_id

    def command(self, name: str, text: str = "", channel: str = "general") -> Delivery:
        """Type a slash command; `@name` in the text is a mention. Returns once acknowledged or after three seconds."""
        return self._acts.command(self.id, self._channel(channel), name, text)

    def say(self, text: str, channel: str = "general", thread_ts: str = "") -> Message:
        """Write a message."""
        return self._acts.say(self.id, self._channel(channel), text, thread_ts).copy()

    def messages(self, channel: str = "", thread: str | None = None) -> list[Message]:
        """Return a channel's messages (by default the app's direct messages), oldest first, without private notes."""
        return [one for one in self._seen(channel, thread) if not one.only]

    @property
    def ephemerals(self) -> list[Message]:
        """Every "Only visible to you" of this person, in all channels, oldest first."""
        with self._workspace.lock:
            mine = [one.copy() for posts in self._workspace.posts.values() for one in posts if one.only == self.id]
        return sorted(mine, key=lambda one: float(one.ts))

    def click(
        self, message: Message, what: str, *, value: str | None = None, stale: bool = False, times: int = 1
    ) -> Delivery:
        """Press a button, found by action_id or label, or choose it in the menu that has it.

        `stale` presses it on the message as it was remembered (an old window); `times` 2 is a double click: two presses
        at the same moment.
        """
        shown = message if stale else self._again(message)
        block_id, element, picked = entry.find_choice(shown.blocks, what, value)
        with ThreadPoolExecutor(times) as hands:
            presses = [hands.submit(self._acts.use, self.id, shown, block_id, element, picked) for _ in range(times)]
        first, *_ = [press.result() for press in presses]
        return first

    def choose(self, message: Message, what: str, value: Any, *, stale: bool = False) -> Delivery:
        """Pick something in a select, picker or list of a message: an option's value or label, an id, an ISO date."""
        shown = message if stale else self._again(message)
        block_id, element = entry.find(shown.blocks, what)
        return self._acts.use(self.id, shown, block_id, element, value)

    def search(self, message: Message, what: str, typed: str) -> list[str]:
        """Type into an external select of a message; the labels offered."""
        block_id, element = entry.find(message.blocks, what)
        return [
            entry.text_of(option["text"]) for option in self._acts.search(self.id, message, block_id, element, typed)
        ]

    @property
    def view(self) -> OpenView | None:
        """The modal in front of this person, if any."""
        top = self._workspace.top_view(self.id)
        return OpenView(self._acts, top) if top else None

    def modal(self, title: str = "", seconds: float = PATIENCE) -> OpenView:
        """Wait for a modal (with this title) to be open."""
        return self.wait_for(lambda: self.view if self.view and title in {"", self.view.title} else None, seconds)

    def home(self) -> OpenView | None:
        """Open the app's Home tab (the event is delivered) and look at it; None until the app has published one."""
        self._acts.open_home(self.id)
        return self.home_now

    def join(self, channel: str, inviter: str = "") -> Delivery | None:
        """Become a member of a channel, by its id; a private one by somebody's invitation."""
        return self._acts.join(self.id, channel, inviter)

    @property
    def home_now(self) -> OpenView | None:
        """The Home tab as last published, without telling the app."""
        shown = self._workspace.homes.get(self.id)
        return OpenView(self._acts, shown) if shown else None

    def wait_for(self, check: Check[T], seconds: float = PATIENCE) -> T:
        """Wait until `check` is truthy; its value is returned."""
        return wait_for(self._workspace, check, seconds)

    def _channel(self, name: str) -> str:
        if not name:
            return self._workspace.direct(self.id).id
        for channel in self._workspace.channels.values():
            if name in {channel.id, channel.name} and (not channel.private or self.id in channel.members):
                return channel.id
        raise LookupError(f"{self.user.name} sees no channel {name}")

    def _seen(self, channel: str, thread: str | None) -> Sequence[Message]:
        with self._workspace.lock:
            found = [one.copy() for one in self._workspace.messages(self._channel(channel))]
        if thread is None:
            return [one for one in found if one.thread_ts in {"", one.ts}]
        return [one for one in found if thread in {one.ts, one.thread_ts}]

    def _again(self, message: Message) -> Message:
        current = self._workspace.find(message.channel, message.ts)
        if current is None:
            raise LookupError("that message has been deleted")
        return current.copy()
