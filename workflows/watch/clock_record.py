"""Record of the clock: the last time that the journal has, behind which a clock is not believed."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import col, select

from config.text import _
from workflows.authorization import Authorization, Right
from workflows.people import Actor
from workflows.ports import Clock
from workflows.storage.journal import Journal
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.store import Store

TOLERANCE = timedelta(minutes=1)
NEWEST = 1000
"""Entries in which the last time is looked for. The times of earlier ones are earlier."""
ACCEPTED, SET = "clock.accepted", "clock.set"


class ClockRecord:
    """Comparison of the clock with the journal, and a person's word that the clock is right."""

    def __init__(self, store: Store, journal: Journal, clock: Clock, authorization: Authorization) -> None:
        self._store, self._journal, self._clock, self._authorization = store, journal, clock, authorization

    def fault(self) -> str:
        """Return the sentence on a clock that is behind the record; empty for one that is not."""
        with self._store.read() as session:
            sealed, rows = col(JournalEntry.seq).is_not(None), select(JournalEntry)
            new = session.exec(rows.where(~sealed).order_by(col(JournalEntry.at).desc())).all()
            old = session.exec(rows.where(sealed).order_by(col(JournalEntry.seq).desc()).limit(NEWEST)).all()
            # An entry of another hand, dated years ahead, would stop all work.
            ours = [(one.at, one.action, one.data) for one in (*new, *old) if self._journal.is_ours(session, one)]
        last, now = last_time(ours), self._clock.now()
        if last is None or now >= last - TOLERANCE:
            return ""
        return _(
            "the clock shows {now:%Y-%m-%d %H:%M} UTC, which is before the last time on record, {last:%Y-%m-%d %H:%M} "
            "UTC. Nothing that waits for a time is done until then, or until `handover doctor --accept-clock`"
        ).format(now=now, last=last)

    def accept(self, by: Actor) -> None:
        """Put on record that the clock is right, though it is behind. Raises `Refused`."""
        self._authorization.require(Right.ACCEPT_CLOCK, by)
        self._journal.seal()  # entries with later times come before this one in the chain
        self._journal.note(ACCEPTED, by, {})


def last_time(entries: Iterable[tuple[datetime, str, str]]) -> datetime | None:
    """Return the last time among entries, newest first. Those before the clock was accepted, or set back, do not count.

    Pure.
    """
    last = None
    for at, action, data in entries:
        last = at if last is None else max(last, at)
        if action == ACCEPTED or (action == SET and json.loads(data)["seconds"] < 0):
            break
    return last
