"""Limits of a message as a whole: text, blocks, metadata."""

import json
from typing import Any

from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.validation.blocks import check_blocks
from tests.sandbox.slack.validation.report import Report

TEXT_CHARACTERS = 40_000
BLOCK_CHARACTERS = 13_000
"""Characters of all blocks of a message together, as JSON. Slack documents none, and refuses near this."""
METADATA_CHARACTERS = 8_000


def check_message(report: Report, message: JSON) -> None:
    """Everything that chat.postMessage looks at."""
    report.string(message, "text", TEXT_CHARACTERS, "")
    if not message.get("text") and not message.get("blocks") and not message.get("files"):
        report.add("missing required field: text", "")
    if message.get("blocks") is not None:
        check_blocks(report, message["blocks"], "message")
        if is_too_long(message["blocks"]):
            report.add(f"must be less than {BLOCK_CHARACTERS} characters together", "/blocks")
    if message.get("metadata"):
        check_metadata(report, message["metadata"])


def is_too_long(blocks: Any) -> bool:
    """Return whether the blocks of a message are too large together."""
    return len(json.dumps(blocks, ensure_ascii=False)) >= BLOCK_CHARACTERS


def check_metadata(report: Report, metadata: Any, at: str = "/metadata") -> None:
    """`event_type` and a flat `event_payload`."""
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        report.add("missing required field: event_payload", at)
        return
    report.string(metadata, "event_type", 255, at, required=True)
    if len(json.dumps(metadata)) > METADATA_CHARACTERS:
        report.add("metadata is too large", at)
    for key, value in metadata["event_payload"].items():
        if not _flat(value):
            report.add("must be a string, number, boolean or flat object", f"{at}/event_payload/{key}")


def _flat(value: Any) -> bool:
    plain = (str, int, float, bool)
    if isinstance(value, dict):
        return all(isinstance(item, plain) for item in value.values())
    if isinstance(value, list):
        return all(isinstance(item, plain) for item in value)
    return isinstance(value, plain)
