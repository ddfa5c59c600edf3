"""Views of a case's stages and of its legal hold: frozen values as people are shown them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from config.stages import AT_NOTICE, LAST_DAY, day_of
from config.text import N_, _
from workflows.stage_acts import StageAct

ACT_WORDS: Mapping[StageAct, str] = {
    StageAct.STOP_NEW_WORK: N_("stop new work for the leaver"),
    StageAct.TELL_CLIENTS: N_("tell the clients"),
    StageAct.DEACTIVATE: N_("deactivate the accounts"),
    StageAct.RECLAIM_LICENCES: N_("reclaim licences"),
}


class StageState(StrEnum):
    """State of a stage as people read it. `done` needs an act that was carried out somewhere, and nothing open."""

    PLANNED = N_("planned")
    WORKING = N_("under way")
    WAITS = N_("waits")
    NOT_DONE = N_("not done")
    DONE = N_("done")
    NOTHING = N_("no system offers this")
    SKIPPED = N_("skipped")
    CANCELLED = N_("cancelled")
    UNDOING = N_("being undone")
    NOT_UNDONE = N_("not undone")
    UNDONE = N_("undone")


OPEN_STATES = (StageState.WAITS, StageState.NOT_DONE, StageState.NOT_UNDONE)
"""States in which something is still to do although the day has come."""
SETTLED = (StageState.DONE, StageState.NOTHING, StageState.SKIPPED, StageState.CANCELLED, StageState.UNDONE)


@dataclass(frozen=True, slots=True)
class ActSystemLine:
    """One act in one system: what was done, what is still to do, what was undone."""

    system: str
    title: str
    complete: bool
    done: tuple[str, ...] = ()
    problem: str = ""
    waits: bool = False
    undone: tuple[str, ...] = ()
    not_undone: str = ""


@dataclass(frozen=True, slots=True)
class ActLine:
    """One act of a stage. Without a system, none offers it."""

    act: StageAct
    systems: tuple[ActSystemLine, ...]


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage of a case."""

    name: str
    state: StageState
    planned_at: datetime
    acts: tuple[ActLine, ...]
    next_try_at: datetime | None = None
    done_at: datetime | None = None
    moved: bool = False
    skipped_by: str = ""
    skipped_at: datetime | None = None
    skipped_why: str = ""

    @property
    def open_parts(self) -> tuple[tuple[StageAct, ActSystemLine], ...]:
        """The acts that are still to do, or still to undo, by system."""
        return tuple((one.act, line) for one in self.acts for line in one.systems if line.problem or line.not_undone)


@dataclass(frozen=True, slots=True)
class HoldLine:
    """Legal hold on the person of a case."""

    case_id: str
    """The case in which it was set, perhaps an earlier one of the person."""
    set_at: datetime
    set_by: str
    reason: str
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_why: str = ""


@dataclass(frozen=True, slots=True)
class StageList:
    """All stages of a case, its open legal hold, and holds that have ended."""

    case_id: str
    stages: tuple[StageLine, ...]
    hold: HoldLine | None = None
    ended_holds: tuple[HoldLine, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedAct:
    """One act of a plan, with a sentence for each system, from a read. Without any, no system offers it."""

    act: StageAct
    lines: tuple[tuple[str, str], ...]
    """Title of the system, and what the act would do there now."""


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage of a plan."""

    name: str
    acts: tuple[PlannedAct, ...]
    at: datetime | None = None
    """The day, if the last day is known."""


def act_words(act: StageAct) -> str:
    """Return an act as people read it."""
    return _(ACT_WORDS[act])


def stage_words(name: str) -> str:
    """Return the name of a stage as people read it."""
    known = {AT_NOTICE: _("at notice"), LAST_DAY: _("last day")}
    return known[name] if name in known else _("day {day}").format(day=day_of(name))
