"""An open modal or Home tab as a person has it before them."""

from typing import Any

from tests.sandbox.slack import entry
from tests.sandbox.slack.acts import Acts
from tests.sandbox.slack.records import JSON, View, words
from tests.sandbox.slack.trail import Delivery


class OpenView:
    """An open form: its fields and buttons. Fields are named by block_id, action_id or label."""

    def __init__(self, acts: Acts, view: View) -> None:
        self._acts = acts
        self.raw = view

    @property
    def title(self) -> str:
        """The modal's title."""
        return entry.text_of(self.raw.body.get("title"))

    @property
    def submit_label(self) -> str:
        """Return the label of Submit; empty if there is none."""
        return entry.text_of(self.raw.body.get("submit"))

    @property
    def blocks(self) -> list[JSON]:
        """The blocks on show."""
        return self.raw.blocks

    @property
    def text(self) -> str:
        """All words on show."""
        return "\n".join(words(self.raw.blocks))

    @property
    def errors(self) -> dict[str, str]:
        """Return the errors at fields, by block_id."""
        return dict(self.raw.errors)

    @property
    def notice(self) -> str:
        """Slack's own "trouble connecting" line, normally empty."""
        return self.raw.notice

    @property
    def values(self) -> dict[str, dict[str, JSON]]:
        """The state that would be sent."""
        return self.raw.values

    def value(self, what: str) -> Any:
        """Return a field's present value."""
        block_id, element = entry.find(self.raw.blocks, what)
        return entry.content(self.raw.values.get(block_id, {}).get(element["action_id"]))

    def fill(self, what: str, value: Any) -> "OpenView":
        """Type or pick; sent along at once where the app asked for it (dispatch_action, or outside an input)."""
        block_id, element = entry.find(self.raw.blocks, what)
        if self._is_sent_at_once(block_id):
            self._acts.use_in_view(self.raw, block_id, element, value)
        else:
            self._acts.fill(self.raw, block_id, element, value)
        return self

    def search(self, what: str, typed: str) -> list[str]:
        """Type into an external select; the labels offered."""
        block_id, element = entry.find(self.raw.blocks, what)
        return [
            entry.text_of(option["text"])
            for option in self._acts.search(self.raw.user, self.raw, block_id, element, typed)
        ]

    def click(self, what: str, *, value: str | None = None) -> Delivery:
        """Press a button inside."""
        block_id, element = entry.find(self.raw.blocks, what, value)
        return self._acts.use_in_view(self.raw, block_id, element)

    def submit(self) -> Delivery:
        """Press Submit."""
        if not self.submit_label:
            raise LookupError(f"{self.title!r} has no submit button")
        return self._acts.submit(self.raw)

    def close(self, *, everything: bool = False) -> Delivery | None:
        """Press Cancel (`everything`: the cross of a stack)."""
        return self._acts.close(self.raw, everything=everything)

    def _is_sent_at_once(self, block_id: str) -> bool:
        block = next(block for block in self.raw.blocks if block.get("block_id") == block_id)
        return block["type"] != "input" or bool(block.get("dispatch_action"))
