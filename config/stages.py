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
DEFAULT: Mapping[str, tuple[str, ...]] = {LAST_DAY: ("stop_new_work",), "day_30": ("reclaim_licences",)}
"""Stages of acts that the file does not name: nothing is deleted by them."""
Acts = tuple[StageActName, ...]


class StageSettings(SettingsTable):
    """The acts of a case by their day. Each act has one stage. A case keeps the stages that it was opened with.

    An act that is named at another stage leaves its default one. `day_30 = []` takes its acts out.
    """

    at_notice: Acts = ()
    """Acts as soon as the leaver's accounts are known: `stop_new_work` alone."""
    last_day: Acts = ("stop_new_work",)
    """Acts on the last day, in each system after its lock-out began."""
    day_30: Acts = ("reclaim_licences",)
    """Acts 30 days after the last day."""
    day_N: dict[str, Acts] = Field(default_factory=dict)  # noqa: N815 - the key as people write it
    """Acts on any other day, each under a key of its own: `day_7 = ["tell_clients"]`."""

    @model_validator(mode="before")
    @classmethod
    def _collect(cls, raw: Any) -> Any:
        """Put the keys of other days together. Any other unknown key is left to the model, which refuses it."""
        if not isinstance(raw, dict):
            return raw
        more = raw.get("day_N", {})
        days = {key: acts for key, acts in raw.items() if DAY.fullmatch(key) and key not in cls.model_fields}
        named = {act for acts in raw.values() if isinstance(acts, list | tuple) for act in acts if isinstance(act, str)}
        rest = {name: tuple(act for act in acts if act not in named) for name, acts in DEFAULT.items()}
        given = {key: acts for key, acts in raw.items() if key not in days}
        return {**rest, **given, "day_N": {**more, **days} if isinstance(more, dict) else more}

    @model_validator(mode="after")
    def _whole(self) -> "StageSettings":
        if far := [name for name in self.day_N if not DAY.fullmatch(name) or day_of(name) > MOST_DAYS]:
            raise ValueError(_("{stage} is no day; use day_1 to day_{days}").format(stage=far[0], days=MOST_DAYS))
        named = list(chain.from_iterable(self.acts.values()))
        for act in dict.fromkeys(named):
            if named.count(act) > 1:
                raise ValueError(_("{act} is named twice; an act has one stage").format(act=act))
        for late in AFTER_THE_LOCK:
            if late in self.at_notice:
                said = _("at_notice: {act} cannot come before the last day; use last_day or later")
                raise ValueError(said.format(act=late))
        return self

    @property
    def acts(self) -> Mapping[str, Acts]:
        """The acts of each stage that has any, in the order of the days."""
        every = {AT_NOTICE: self.at_notice, LAST_DAY: self.last_day, "day_30": self.day_30, **self.day_N}
        return {name: every[name] for name in sorted(every, key=day_of) if every[name]}


def day_of(name: str) -> int:
    """Return the days after the last day at which a stage is due; -1 for the one at notice."""
    if found := DAY.fullmatch(name):
        return int(found[1])
    return {AT_NOTICE: -1, LAST_DAY: 0}[name]
