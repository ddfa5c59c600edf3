"""Settings of stages: the acts that a case does at notice, on the last day, and some days later."""

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any, Literal

from pydantic import Field, model_validator

from config.fields import SettingsTable
from config.text import _

AT_NOTICE, LAST_DAY = "at_notice", "last_day"
StageActName = Literal["stop_new_work", "tell_clients", "deactivate", "reclaim_licences"]
"""An act of a stage, as `workflows.stage_acts` has it; a test compares the two."""
AFTER_THE_LOCK = ("tell_clients", "deactivate", "reclaim_licences")
"""Acts that no stage does before the last day."""
DAY = re.compile(r"day_([1-9]\d{0,3})", re.ASCII)
MOST_DAYS = 3650
DEFAULT = {LAST_DAY: ("stop_new_work",), "day_30": ("reclaim_licences",)}
"""Stages without a key: nothing is deleted by them."""
Acts = tuple[StageActName, ...]


class StageSettings(SettingsTable):
    """The acts of a case by their day. Each act has one stage. A case keeps the stages that it was opened with.

    Without a key: `last_day = ["stop_new_work"]` and `day_30 = ["reclaim_licences"]`. With any key, only what it says.
    """

    at_notice: Acts = ()
    """Acts as soon as the leaver's accounts are known: `stop_new_work` alone."""
    last_day: Acts = ()
    """Acts on the last day, in each system after its lock-out began."""
    day_N: dict[str, Acts] = Field(default_factory=dict)  # noqa: N815 - the key as people write it
    """Acts so many days after the last day, each under a key of its own: `day_30 = ["reclaim_licences"]`."""

    @model_validator(mode="before")
    @classmethod
    def _collect(cls, raw: Any) -> Any:
        """Put the keys of days together. Any other unknown key is left to the model, which refuses it."""
        if not isinstance(raw, dict):
            return raw
        raw = raw or DEFAULT
        if "day_N" in raw:
            raise ValueError(_("N stands for a number of days: write day_1, day_30 and so on"))
        days = {key: acts for key, acts in raw.items() if DAY.fullmatch(key)}
        return {**{key: acts for key, acts in raw.items() if key not in days}, "day_N": days}

    @model_validator(mode="after")
    def _whole(self) -> "StageSettings":
        named = list(chain.from_iterable(self.acts.values()))
        for act in dict.fromkeys(named):
            if named.count(act) > 1:
                raise ValueError(_("{act} is named twice; an act has one stage").format(act=act))
        for late in AFTER_THE_LOCK:
            if late in self.at_notice:
                said = _("at_notice: {act} cannot come before the last day; use last_day or later")
                raise ValueError(said.format(act=late))
        if far := [name for name in self.day_N if day_of(name) > MOST_DAYS]:
            raise ValueError(_("{stage} is too far ahead; at most day_{days}").format(stage=far[0], days=MOST_DAYS))
        return self

    @property
    def acts(self) -> Mapping[str, Acts]:
        """The acts of each stage that has any, in the order of the days."""
        every = {AT_NOTICE: self.at_notice, LAST_DAY: self.last_day, **self.day_N}
        return {name: every[name] for name in sorted(every, key=day_of) if every[name]}


def day_of(name: str) -> int:
    """Return the days after the last day at which a stage is due; -1 for the one at notice."""
    if found := DAY.fullmatch(name):
        return int(found[1])
    return {AT_NOTICE: -1, LAST_DAY: 0}[name]


def default_stages() -> StageSettings:
    """Return the stages of a file without the table."""
    return StageSettings.model_validate({})
