from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlmodel import Session, select

from config.text import _, shown, stored
from connectors.contract import Verdict
from workflows.storage.rows.watch import SweepStatus
from workflows.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class VerdictNote:
    """Reason of a verdict, and how that is known."""

    reason: str = ""
    how: str = ""
    choose: bool = False
    """True if the verdict stays until a person links an account."""


def seal(vault: Vault, key: bytes, row: str, note: VerdictNote) -> bytes:
    """Encrypt a note for its row; `row` is `table:id`."""
    plain = {**asdict(note), "reason": stored(note.reason), "how": stored(note.how)}
    return vault.seal(key, plain, f"note:{row}")


def unseal(vault: Vault, key: bytes, row: str, sealed: bytes) -> VerdictNote:
    """Decrypt a row's note, in the reader's language; a row without a note gives an empty one."""
    return open_note(partial(vault.open, key), row, sealed)


def open_note(opener: Callable[[bytes, str], Any], row: str, sealed: bytes) -> VerdictNote:
    """Decrypt a row's note with a case's `opener`, as `unseal` does."""
    if not sealed:
        return VerdictNote()
    note = VerdictNote(**opener(sealed, f"note:{row}"))
    return replace(note, reason=shown(note.reason), how=shown(note.how))


GOOD = (Verdict.LOCKED, Verdict.ABSENT)


@dataclass(frozen=True, slots=True)
class KnownVerdict:
    """Verdict of one account or of one line of a case, and when it was read."""

    verdict: Verdict
    reason: str
    read_at: datetime | None


def of_all(session: Session) -> Mapping[str, SweepStatus]:
    """Return the last sweep of every system, by its name."""
    return {row.system: row for row in session.exec(select(SweepStatus))}


def current_verdict(
    reading: SweepStatus | None, verdict: Verdict, reason: str, read_at: datetime | None
) -> KnownVerdict:
    """Join a row's own verdict with the last sweep of its system. Pure.

    An account that a later sweep could not read is unknown. An account that the sweep read unchanged was read then.
    """
    from_row = KnownVerdict(verdict, reason, read_at)
    if reading is None or read_at is None:
        return from_row
    if reading.failed_at is not None and read_at < reading.failed_at:
        problem = _("not read by the last audit: {problem}").format(problem=shown(reading.problem))
        return KnownVerdict(Verdict.UNKNOWN, problem, read_at)
    if reading.read_at is not None and read_at < reading.read_at and verdict in GOOD:
        return KnownVerdict(verdict, reason, reading.read_at)
    return from_row


def complete(session: Session, system: str, began: datetime) -> None:
    """Record that the sweep that began then read everything."""
    row = session.get(SweepStatus, system) or SweepStatus(system=system)
    row.read_at, row.failed_at, row.problem = began, None, ""
    session.add(row)


def failed(session: Session, system: str, began: datetime, problem: str) -> None:
    """Record that the sweep that began then could not read everything."""
    row = session.get(SweepStatus, system) or SweepStatus(system=system)
    row.failed_at, row.problem = began, stored(problem)
    session.add(row)


LOCKED, ENDED, TOKEN = "locked", "sessions ended", "token"
"""Marks of the steps that were done."""
SEVERITY = (Verdict.OPEN, Verdict.UNKNOWN, Verdict.LOCKED, Verdict.ABSENT)


@dataclass(frozen=True, slots=True)
class AccountData:
    """Sealed data of an account row."""

    login: str
    matched_by: str
    before: dict[str, str] = field(default_factory=dict)
    """State before the first write of Handover; an undo restores it."""
    groups: dict[str, str] = field(default_factory=dict)
    """Groups before the first removal, id to name."""
    done: tuple[str, ...] = ()
    """Stored sentences."""
    was: str = ""
    """Verdict of the lookup before the first write: an undo must read the same one back."""
    marks: tuple[str, ...] = ()
    """Marks of the steps in `done`, in no language: `LOCKED`, `ENDED`, and `TOKEN` with each revoked token's id."""

    @classmethod
    def load(cls, data: dict[str, Any]) -> "AccountData":
        """Return the data that `asdict` was given."""
        return cls(**{**data, "done": tuple(data["done"]), "marks": tuple(data["marks"])})

    def plus(self, said: str, mark: str) -> "AccountData":
        """Return the data with one more step done; a step is listed once."""
        said = stored(said)
        done = self.done if said in self.done else (*self.done, said)
        return replace(self, done=done, marks=self.marks if not mark or mark in self.marks else (*self.marks, mark))

    @property
    def locked(self) -> bool:
        """True if Handover locked the account."""
        return LOCKED in self.marks
