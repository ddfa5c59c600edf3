"""What the last sweep of a system says about all its accounts at once, so that a sweep need not write each row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from config.text import _
from connectors.contract import Verdict
from workflows.model import Reading

GOOD = (Verdict.LOCKED, Verdict.ABSENT)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one account or one line of a case, and when it was read."""

    verdict: Verdict
    reason: str
    read_at: datetime | None


def of_all(session: Session) -> Mapping[str, Reading]:
    """Return the last sweep of every system, by its name."""
    return {row.system: row for row in session.exec(select(Reading))}


def known(reading: Reading | None, verdict: Verdict, reason: str, read_at: datetime | None) -> Known:
    """Join a row's own verdict with the last sweep of its system. Pure.

    What a later sweep could not read is unknown, whatever the row says; what it read as before was read then.
    """
    own = Known(verdict, reason, read_at)
    if reading is None or read_at is None:
        return own
    if reading.failed_at is not None and read_at < reading.failed_at:
        said = _("not read by the last audit: {problem}").format(problem=reading.problem)
        return Known(Verdict.UNKNOWN, said, read_at)
    if reading.read_at is not None and read_at < reading.read_at and verdict in GOOD:
        return Known(verdict, reason, reading.read_at)
    return own


def complete(session: Session, system: str, began: datetime) -> None:
    """Note that everything was read by a sweep that began then."""
    row = session.get(Reading, system) or Reading(system=system)
    row.read_at, row.failed_at, row.problem = began, None, ""
    session.add(row)


def failed(session: Session, system: str, began: datetime, problem: str) -> None:
    """Note that a sweep that began then could not read everything."""
    row = session.get(Reading, system) or Reading(system=system)
    row.failed_at, row.problem = began, problem
    session.add(row)
