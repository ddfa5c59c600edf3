from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connectors.contract import Verdict
from workflows.people import Leaver
from workflows.storage.rows.work_state import WorkState


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account in a plan or a case."""

    system: str
    account_id: str
    login: str
    matched_by: str
    verdict: Verdict
    reason: str = ""
    how: str = ""
    read_at: datetime | None = None
    groups: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    """What was done to it, in words: `locked`, `3 sessions ended`, `taken out of group sales`."""


@dataclass(frozen=True, slots=True)
class BookLine:
    """How much the leaver owns in one system, or why that is not known."""

    system: str
    counts: Mapping[str, int]
    value: Mapping[str, Decimal]
    """Value of open records by currency."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SystemPlan:
    """What a case would meet in one system. `problem` is set where it could not be looked up."""

    system: str
    title: str
    accounts: tuple[AccountLine, ...]
    how: str
    does: tuple[str, ...]
    """What will be done, in words."""
    cannot: tuple[str, ...]
    book: BookLine | None = None
    problem: str = ""
    by_hand: bool = False
    """Whether a person is asked to do it: there is nothing to look up."""


@dataclass(frozen=True, slots=True)
class RestrictionLine:
    """What is taken from a leaver in one system before the lock-out."""

    system: str
    title: str
    state: WorkState
    lifted: bool
    """Whether it is being given back, or was."""
    due_at: datetime
    done_at: datetime | None
    taken: tuple[str, ...]
    """Log-in and groups: `dana: Exporters`."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StepView:
    """What a person is asked to do in a system without an API, and what they said. Never a reading."""

    id: str
    case_id: str
    leaver: Leaver
    system: str
    title: str
    instructions: str
    needs_file: bool
    assignee: str
    """Slack id of a person or of a user group; empty where the configuration has the step no longer."""
    escalate_to: str
    state: WorkState
    asked_at: datetime | None
    deadline: datetime | None
    escalated_at: datetime | None
    round: int
    waiting: bool
    """Whether somebody is asked now and has not answered."""
    confirmed_by: str
    """Name of who said that it is done; empty where nobody has."""
    confirmed_at: datetime | None
    note: str
    proof: str
    """Name of the file, or a link to it."""
    proof_sha256: str
    problem: str
    """Why somebody could not do it, in their words, or what keeps it from being asked."""

    @property
    def confirmed(self) -> bool:
        """Whether a person has said that it is done, however long ago."""
        return self.confirmed_at is not None


@dataclass(frozen=True, slots=True)
class SystemLine:
    """The truth on one system of a case. `next_try_at` is set while work waits to be tried again."""

    system: str
    title: str
    verdict: Verdict
    reason: str
    how: str
    read_at: datetime | None
    working: bool
    next_try_at: datetime | None
    attempt: int
    accounts: tuple[AccountLine, ...]
    cannot: tuple[str, ...]
    step: StepView | None = None
    """Set where a person does it and nothing can be read: the verdict is always `unknown` then."""
    late: str = ""
    """How long after it was due the work began, and why, where that was more than minutes."""
    choose: bool = False
    """Whether a person must say which account is the leaver's."""


@dataclass(frozen=True, slots=True)
class RestoredLine:
    """What came back in one system of an undone case. `problem` is set while something is still to do."""

    system: str
    title: str
    login: str
    back: tuple[str, ...]
    cannot: tuple[str, ...]
    problem: str
    done: bool
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that may be the leaver's, for a person to choose. `reason`: why it cannot be chosen."""

    account_id: str
    login: str
    name: str
    email: str
    verdict: Verdict
    matched_by: str
    linked: bool = False
    reason: str = ""
