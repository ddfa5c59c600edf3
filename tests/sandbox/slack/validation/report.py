"""The list of validation errors, in the wording of Slack's `response_metadata.messages`."""

from typing import Any

from tests.sandbox.slack.records import JSON


class Report:
    """A list of problems, each with a JSON pointer."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, text: str, at: str) -> None:
        """One problem."""
        self.lines.append(f"[ERROR] {text} [json-pointer:{at}]")

    def string(self, owner: JSON, key: str, limit: int, at: str, *, required: bool = False) -> None:
        """A plain string field with a limit in characters."""
        value = owner.get(key)
        if value is None:
            if required:
                self.add(f"missing required field: {key}", at)
        elif not isinstance(value, str):
            self.add("must be a string", f"{at}/{key}")
        elif required and not value:
            self.add("must be more than 0 characters", f"{at}/{key}")
        elif len(value) > limit:
            self.add(f"must be less than {limit + 1} characters", f"{at}/{key}")

    def text(self, owner: JSON, key: str, limit: int, at: str, *, required: bool = False, plain: bool = False) -> None:
        """A text object (`plain_text` or `mrkdwn`) with a limit."""
        value = owner.get(key)
        if value is None:
            if required:
                self.add(f"missing required field: {key}", at)
            return
        self.text_object(value, limit, f"{at}/{key}", plain=plain)

    def text_object(self, value: Any, limit: int, at: str, *, plain: bool = False) -> None:
        """One text object."""
        kinds = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
        if not isinstance(value, dict) or value.get("type") not in kinds:
            self.add(f"must be a text object of type {' or '.join(sorted(kinds))}", at)
            return
        self.string(value, "text", limit, at, required=True)
        self.known(
            value, {"type", "text", "emoji"} if value["type"] == "plain_text" else {"type", "text", "verbatim"}, at
        )

    def items(self, owner: JSON, key: str, limit: int, at: str, *, least: int = 1) -> list[Any]:
        """A list field with its limits; returns what can be looked at further."""
        value = owner.get(key)
        if value is None and least:
            self.add(f"missing required field: {key}", at)
        if not isinstance(value, list):
            return []
        if len(value) < least:
            self.add(f"must have at least {least} items", f"{at}/{key}")
        if len(value) > limit:
            self.add(f"no more than {limit} items allowed", f"{at}/{key}")
        return value

    def known(self, owner: JSON, keys: set[str], at: str) -> None:
        """Report unknown fields, which Slack refuses."""
        for key in owner.keys() - keys:
            self.add(f"invalid additional property: {key}", at)

    def one_of(self, owner: JSON, key: str, allowed: set[str], at: str) -> None:
        """A field with a fixed set of values."""
        if key in owner and owner[key] not in allowed:
            self.add(f"must be one of {', '.join(sorted(allowed))}", f"{at}/{key}")
