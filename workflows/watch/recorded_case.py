"""Case as the marked entries of the journal have it, and the differences of its rows from that. Pure."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from config.text import Sentence, gettext_lazy, loaded
from connectors.contract import Verdict
from workflows.access import manual_step
from workflows.access.account_state import GOOD, named_system
from workflows.storage.case import LEAVING
from workflows.storage.rows.access import Access, LeaverAccount, ManualStep
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.watch import FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.tampering import STATES, Act

SLACK = timedelta(minutes=1)
"""Largest difference between the times of a row and of its entry, which are written in one transaction."""
LONGEST_RETRY = timedelta(hours=25)
"""Longest time between two tries: a vendor's wait is a day at most."""


class Part(StrEnum):
    """Part of a case that differs, and is mended together."""

    CASE = "case"
    ACCESS = "access"
    STEP = "step"
    FOLLOW_UP = "follow-up"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: the part, the name of its system or its day, and what to tell people."""

    part: Part
    name: str
    sentence: Sentence


@dataclass(slots=True)
class RecordedRead:
    """Newest recorded read of one system. `verdict` is None where the entry does not tell it."""

    verdict: str | None
    complete: bool
    at: datetime


@dataclass(slots=True)
class RecordedCase:
    """Facts of one case by the journal, up to its newest entry that was read."""

    opened: bool = False
    state: str = ""
    effective_at: datetime | None = None
    whole: bool = False
    """True if the opening tells all its work: version 0.2.0 did not."""
    days: frozenset[int] = frozenset()
    systems: set[str] = field(default_factory=set)
    reads: dict[str, RecordedRead] = field(default_factory=dict)
    accounts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    confirmed: dict[str, datetime] = field(default_factory=dict)
    checked: set[int] = field(default_factory=set)

    @property
    def leaves(self) -> bool:
        """Return whether the person leaves, or has left."""
        return self.state in LEAVING

    def add(self, act: Act) -> None:
        """Add one act, in the order of the journal."""
        data = act.data
        self.state = STATES.get(act.action, self.state)
        match act.action:
            case "case.opened":
                self.opened, self.whole = True, "systems" in data
                self.systems, self.days = set(data.get("systems", ())), frozenset(data.get("follow_ups", ()))
                self.effective_at = datetime.fromisoformat(data["effective_at"])
                if data.get("earlier"):
                    self.state = CaseState.EARLIER
                elif "keep_access" not in data or data["keep_access"]:  # where it is not told, the row is believed
                    self.state = CaseState.ON_LEAVE if data.get("keep_access") else ""
            case "case.rescheduled":
                self.effective_at = datetime.fromisoformat(data["to"])
            case "case.released":
                told = data.get("effective_at")
                self.effective_at = datetime.fromisoformat(told) if told else None
            case "case.joined":
                self.systems |= set(data["systems"])
            case "follow_up.done" | "follow_up.given_up":
                self.checked.add(data["day"])
            case _:
                self._add_of_system(act, str(data.get("system", "")))

    def _add_of_system(self, act: Act, system: str) -> None:
        data = act.data
        match act.action:
            case "access.read_back" | "access.caught_up" | "access.observed":
                observed = self.reads.get(system) if act.action == "access.observed" else None
                complete = observed.complete if observed else data.get("complete", True)
                self.reads[system] = RecordedRead(data.get("verdict"), complete, act.at)
            case "access.retry":
                if read := self.reads.get(system):
                    read.complete = False
            case "account.found":
                self.accounts[system].add(str(data["account"]))
            case "manual.confirmed":
                self.confirmed[system] = act.at
            case "manual.retracted":
                self.confirmed.pop(system, None)


@dataclass(slots=True)
class CaseRows:
    """Rows of one case. `work`: false if the case alone was read.

    `accounts`: its account rows that are whole. `damaged`: the others. `unread`: rows whose
    verdict or reason nobody can read. `readable`: false if what the case says of its people does not open. `found`:
    false if the leaver is no longer found by every name of theirs.
    """

    case: Case | None = None
    accesses: dict[str, Access] = field(default_factory=dict)
    steps: dict[str, ManualStep] = field(default_factory=dict)
    follow_ups: list[FollowUp] = field(default_factory=list)
    accounts: list[LeaverAccount] = field(default_factory=list)
    damaged: list[LeaverAccount] = field(default_factory=list)
    unread: list[Access | LeaverAccount] = field(default_factory=list)
    readable: bool = True
    found: bool = True
    work: bool = False


def differences(recorded: RecordedCase, rows: CaseRows, configured: Collection[str], now: datetime) -> list[Difference]:
    """Return how the rows of a case differ from what was recorded. `configured`: the systems of now."""
    case = rows.case
    if case is None:
        deleted = Difference(Part.CASE, "", gettext_lazy("the case was deleted from the database"))
        return [deleted] if recorded.opened else []
    found = _of_case(recorded, case, rows)
    begun = recorded.leaves and recorded.effective_at is not None and recorded.effective_at <= now
    if rows.work and recorded.whole and begun:
        for system in sorted(recorded.systems):
            if system in rows.accesses or system in rows.steps or system not in configured:
                continue
            found.append(Difference(Part.ACCESS, system, gettext_lazy("the lock-out was deleted from the database")))
        changed = gettext_lazy("an account was put into the case in the database, or changed there")
        found += [Difference(Part.ACCESS, named_system(row), changed) for row in rows.damaged]
        unread = gettext_lazy("a verdict was changed in the database, so that it cannot be read")
        found += [Difference(Part.ACCESS, row.system, unread) for row in rows.unread]
        for system, access in rows.accesses.items():
            number = sum(one.system == system for one in rows.accounts)
            if why := _of_access(recorded, access, number, now):
                found.append(Difference(Part.ACCESS, system, why))
        found += [difference for step in rows.steps.values() for difference in _of_step(recorded, step, now)]
        found += _of_follow_ups(recorded, rows.follow_ups, now)
    return found


def _of_case(recorded: RecordedCase, case: Case, rows: CaseRows) -> list[Difference]:
    found = []
    if not rows.readable:
        sentence = gettext_lazy("who leaves cannot be read: it was changed in the database, or its key is lost")
        found.append(Difference(Part.CASE, "", sentence))
    if not rows.found:
        sentence = gettext_lazy("the names by which the leaver is found were changed in the database")
        found.append(Difference(Part.CASE, "", sentence))
    if recorded.state and case.state != recorded.state:
        sentence = gettext_lazy("the case was {state} in the database, and nobody did that", state=loaded(case.state))
        found.append(Difference(Part.CASE, "", sentence))
    at = recorded.effective_at
    if at is not None and case.effective_at != at:
        old, new = f"{at:%Y-%m-%d %H:%M}", f"{case.effective_at:%Y-%m-%d %H:%M}"
        sentence = gettext_lazy(
            "the day of the case was moved in the database from {old} to {new} UTC", old=old, new=new
        )
        found.append(Difference(Part.CASE, "", sentence))
    return found


def _of_access(recorded: RecordedCase, row: Access, accounts: int, now: datetime) -> Sentence | None:
    read = recorded.reads.get(row.system)
    if row.state not in (WorkState.DUE, WorkState.DONE):
        return gettext_lazy("the lock-out was called off in the database, and nobody did that")
    if row.state == WorkState.DONE and not (read and read.complete):
        return gettext_lazy("the lock-out was called done in the database, and no read showed that")
    if row.verdict in GOOD and (read is None or read.verdict not in (None, row.verdict)):
        verdict = loaded(Verdict(row.verdict))
        return gettext_lazy("the verdict was {verdict} in the database, and no read showed that", verdict=verdict)
    return _of_times(read, row, now) or _of_accounts(recorded, row, accounts)


def _of_times(read: RecordedRead | None, row: Access, now: datetime) -> Sentence | None:
    if read is not None and row.read_at is not None and row.read_at > read.at + SLACK:
        return gettext_lazy("the time of the last read was changed in the database")
    if row.state == WorkState.DUE and row.due_at > now + (LONGEST_RETRY if row.attempt else SLACK):
        return gettext_lazy("the lock-out was put off in the database, and nobody did that")
    return None


def _of_accounts(recorded: RecordedCase, row: Access, accounts: int) -> Sentence | None:
    if row.state == WorkState.DONE and accounts < len(recorded.accounts.get(row.system, ())):
        return gettext_lazy("an account of the leaver was deleted from the database")
    return None


def _of_step(recorded: RecordedCase, row: ManualStep, now: datetime) -> list[Difference]:
    confirmed = recorded.confirmed.get(row.system)
    if row.confirmed_at and (confirmed is None or row.confirmed_at > confirmed + SLACK):
        sentence = gettext_lazy("the step by hand was confirmed in the database, and nobody did that")
    elif row.state != WorkState.DUE or (row.confirmed_at is None and row.due_at > now + manual_step.LOOK + SLACK):
        sentence = gettext_lazy("the step by hand was called off in the database, and nobody did that")
    else:
        return []
    return [Difference(Part.STEP, row.system, sentence)]


def _of_follow_ups(recorded: RecordedCase, rows: Sequence[FollowUp], now: datetime) -> list[Difference]:
    """Return the days whose check was not recorded, and is not due on its day."""
    at = recorded.effective_at
    due = {row.day: row.due_at for row in rows if row.state == WorkState.DUE}
    found = []
    for day in sorted(recorded.days - recorded.checked):
        moment = due.get(day)
        if at is None or moment is None or moment > max(at + timedelta(days=day), now) + LONGEST_RETRY:
            sentence = gettext_lazy("the check of day {day} was taken out of the database", day=str(day))
            found.append(Difference(Part.FOLLOW_UP, str(day), sentence))
    return found
