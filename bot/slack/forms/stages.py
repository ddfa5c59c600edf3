"""Forms about a stage of a case, and about a legal hold."""

from datetime import date
from enum import StrEnum
from typing import Any

from bot.slack.forms.fields import (
    REASON,
    REASON_LIMIT,
    InvalidForm,
    field,
    modal,
    picked,
    picked_day,
    reason_faults,
    reason_field,
    refuse,
    text_area,
    typed,
)
from bot.slack.messages.blocks import option, pack, section
from bot.slack.messages.stages import acts
from bot.text import _, moment, mrkdwn
from workflows.stages.views import StageLine, stage_words

CHANGE, HOLD, END_HOLD = "change_stage", "set_hold", "end_hold"
WHAT, DAY = "what", "day"


class Choice(StrEnum):
    """Choice of an act on a stage."""

    RUN = "run"
    MOVE = "move"
    SKIP = "skip"


def change(case: str, stage: StageLine) -> dict[str, Any]:
    """Return the form that runs, moves or skips a stage."""
    text = _("{stage}, {when}: {acts}").format(
        stage=stage_words(stage.name), when=moment(stage.planned_at), acts=mrkdwn(acts(stage))
    )
    options = [
        option(_("Run it now"), Choice.RUN),
        option(_("Move it to another day"), Choice.MOVE),
        option(_("Skip it"), Choice.SKIP),
    ]
    why = _("Needed only to skip it. It goes on record with your name.")
    picker = {"type": "datepicker", "initial_date": stage.planned_at.date().isoformat()}
    blocks = [
        section(text),
        field(WHAT, _("What becomes of it?"), {"type": "radio_buttons", "options": options}),
        field(DAY, _("New day"), picker, _("Needed only to move it."), optional=True),
        field(REASON, _("Why?"), text_area(REASON_LIMIT), why, optional=True),
    ]
    return modal(CHANGE, _("Change stage"), _("Change Stage"), blocks, pack(case=case, stage=stage.name))


def parse_change(view: dict[str, Any]) -> tuple[Choice, date | None, str]:
    """Return the choice, the new day and the reason. Raises `InvalidForm`."""
    chosen, day, reason = picked(view, WHAT), picked_day(view, DAY), typed(view, REASON)
    if not chosen:
        raise InvalidForm({WHAT: _("Choose what becomes of the stage.")})
    choice = Choice(chosen)
    refuse({DAY: _("Choose a day.")} if choice is Choice.MOVE and day is None else {})
    refuse(reason_faults(reason) if choice is Choice.SKIP else {})
    return choice, day, reason


def hold(case: str, name: str) -> dict[str, Any]:
    """Return the form that sets a legal hold."""
    text = _("No act that destroys something is done for {name} until the hold ends. Locks go on.")
    blocks = [section(text.format(name=mrkdwn(name, 80))), _why()]
    return modal(HOLD, _("Set legal hold"), _("Set Hold"), blocks, pack(case=case))


def end_hold(case: str, name: str) -> dict[str, Any]:
    """Return the form that ends a legal hold."""
    text = _("Stages of {name} that waited for the hold go on at once.")
    blocks = [section(text.format(name=mrkdwn(name, 80))), _why()]
    return modal(END_HOLD, _("End legal hold"), _("End Hold"), blocks, pack(case=case))


def _why() -> dict[str, Any]:
    return reason_field(_("Why?"), _("The reason goes on record with your name."))
