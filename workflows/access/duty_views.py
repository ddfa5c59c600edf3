"""Views of duties with the decisions on them: frozen values as people are shown them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.contract import Duty


@dataclass(frozen=True, slots=True)
class DutyItem:
    """A duty of a leaver with what was decided on it. `choice` is empty while nobody has decided."""

    id: str
    system: str
    title: str
    """Title of the system."""
    duty: Duty
    listed: bool
    """True if the last list that was read has it."""
    choice: str = ""
    to: str = ""
    """Name of the colleague who gets it."""
    by: str = ""
    """Name of who decided; empty if a stage stopped it."""
    reason: str = ""
    decided_at: datetime | None = None
    done: bool = False
    done_at: datetime | None = None
    result: str = ""
    problem: str = ""
    """Reason for which it is still to do, or empty."""
    by_hand: bool = False
    """True if a person must do it in the system itself."""

    @property
    def key(self) -> str:
        """The short form of the id, as people type it."""
        return self.id.rpartition(":")[2][:8]

    @property
    def version(self) -> str:
        """Time of the decision, by which a later one is told apart; empty without one."""
        return self.decided_at.isoformat() if self.decided_at else ""


@dataclass(frozen=True, slots=True)
class DutiesView:
    """Duties of a case's leaver, worst first, as the last lists had them."""

    items: tuple[DutyItem, ...] = ()
    unknown: tuple[str, ...] = ()
    """Sentences on what is not known, each with its system."""
    read_at: datetime | None = None
    """Time of the oldest of the last lists."""
    decidable: bool = False
    """True while the case goes on, so that people can decide."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Reasons for which no list of a system was ever read, by its name."""

    @property
    def undecided(self) -> tuple[DutyItem, ...]:
        """Duties that are there and wait for a decision."""
        return tuple(one for one in self.items if one.listed and not one.choice)

    @property
    def to_do(self) -> tuple[DutyItem, ...]:
        """Decisions that could not be carried out yet."""
        return tuple(one for one in self.items if one.problem and not one.done)
