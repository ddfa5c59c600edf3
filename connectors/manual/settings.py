"""The table `[systems.NAME]` of a system without an API."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.text import N_, _


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


class ManualSettings(BaseModel):
    """What is done by hand, who does it, and how they are asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: Annotated[str, Field(max_length=80), AfterValidator(_words)]
    """What it is, as messages show it: `Office keys and badge`."""
    instructions: Annotated[str, Field(max_length=2000), AfterValidator(_words)]
    """What the person must do, step by step, as plain text."""
    assignee: Assignee
    """Slack id of the person or of the user group that is asked; each member gets a direct message."""
    due_hours: float = Field(default=24, gt=0, le=24 * 365)
    """By when it must be done, in hours after the case takes effect."""
    remind_hours: float = Field(default=8, gt=0, le=24 * 30)
    """How often it is asked again while nobody answers, in hours; once it is overdue, at most once a day."""
    escalate_to: Escalation = ""
    """Slack id of who is asked when it is overdue or cannot be done; empty: the security channel."""
    proof: Literal["note", "file"] = "note"
    """What is asked for: a note in words, or a file (or a link to one) as well."""
    ask_again_days: int = Field(default=90, gt=0, le=3650)
    """How long a confirmation stands before somebody is asked to look again, in days."""
