"""The table `[systems.NAME]` of a system without an API."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.text import N_, _
from connectors.settings import SystemSettings


def _id(letters: str, fault: str, *, optional: bool = False) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(rf"[{letters}][A-Z0-9]+", value) and not (optional and value == ""):
            raise ValueError(_(fault))
        return value

    return AfterValidator(check)


Assignee = Annotated[str, _id("UWS", N_("must be the id of a Slack member (U...) or of a user group (S...), no name"))]
Escalation = Annotated[
    str,
    _id(
        "UWSCG",
        N_("must be the id of a Slack member (U...), a user group (S...) or a channel (C...), no name"),
        optional=True,
    ),
]


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError(_("must say something"))
    return text.strip()


class ManualSettings(SystemSettings):
    """The task, the person who does it, and the reminders."""

    title: Annotated[str, Field(max_length=80), AfterValidator(_words)]
    """The system's name in messages: `Office keys and badge`."""
    instructions: Annotated[str, Field(max_length=2000), AfterValidator(_words)]
    """Instructions for the person, step by step, as plain text."""
    assignee: Assignee
    """Slack id of the person or of the user group that is asked; each member gets a direct message."""
    due_hours: float = Field(default=24, gt=0, le=24 * 365)
    """Hours after the case takes effect until the task is due."""
    remind_hours: float = Field(default=8, gt=0, le=24 * 30)
    """Hours between reminders while nobody answers; at most one a day once the task is overdue."""
    escalate_to: Escalation = ""
    """Slack id for overdue or impossible tasks; empty: the security channel."""
    proof: Literal["note", "file"] = "note"
    """Required proof: a note in words, or a file (or a link to one) as well."""
    ask_again_days: int = Field(default=90, gt=0, le=3650)
    """Days after which somebody is asked to look again at a confirmation."""
