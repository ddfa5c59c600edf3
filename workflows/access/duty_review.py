"""The question about a leaver's duties: read each day until the last one, asked, reminded, and told if undecided.

One `DutyReview` row is one case. It writes nothing outside, and no lock-out waits for it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from connectors.contract import Duties
from workflows.access import duty_list, duty_messages
from workflows.access.duties import DutyLists
from workflows.access.duty_list import GOING_ON, ReviewData
from workflows.access.duty_views import DutiesView
from workflows.access.views import DutyComparison
from workflows.business_days import business_days_later
from workflows.context import Context
from workflows.storage.case import CaseData, read_case, refresh_case_message
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.duties import DutyReview
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again, finish

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SOON = timedelta(minutes=2)
"""Time until the next look while the clients are still being listed."""
BY = "duties"


@dataclass(frozen=True, slots=True)
class Reminder:
    """Business days before the last day on which people are reminded, and their calendar."""

    days: int = 1
    zone: str = "UTC"
    country: str = ""

    def at(self, effective: datetime) -> datetime:
        """Return the latest start of a day from which these business days are over by the effective time."""
        start = effective - timedelta(days=self.days)
        while business_days_later(start, self.days, self.zone, self.country) > effective:
            start -= DAY
        return start


class DutyReviews:
    """Carries out `DutyReview` rows, and reads the lists anew for people."""

    def __init__(self, context: Context, lists: DutyLists, reminder: Reminder = Reminder()) -> None:
        self._context, self._lists, self._reminder = context, lists, reminder

    def run(self, case_id: str) -> None:
        """Read the lists, ask about what is new, remind or tell. A row that is not due is left alone."""
        context = self._context
        with context.store.write() as session:
            row = session.get_one(DutyReview, case_id, with_for_update=True)
            if row.state != WorkState.DUE or row.due_at > context.clock.now():
                return
            case, _data = read_case(session, context.vault, case_id)
            if case.state == CaseState.HELD:
                row.state = WorkState.PLANNED
            elif case.state not in GOING_ON:
                row.state = WorkState.CANCELLED
            session.add(row)
            attempt, going_on = row.attempt, row.state == WorkState.DUE
            if going_on and duty_messages.is_listing(session, case_id) and _is_young(row, context.clock.now(), case):
                again(session, row, context.clock.now() + SOON)
                return
        if going_on:
            self._look(case_id, attempt, self._lists.of_case(case_id))

    def refresh(self, case_id: str) -> tuple[DutyComparison, ...]:
        """Read every list now, and keep the readings for the forms. Raises `Refused(UNKNOWN_CASE)`."""
        context, found = self._context, self._lists.of_case(case_id)
        with context.store.write() as session:
            case, _data = read_case(session, context.vault, case_id)
            row = session.get(DutyReview, case_id, with_for_update=True)
            if row is None and not context.systems.with_capability(Duties):
                return found
            row = row or DutyReview(id=case_id, case_id=case_id, state=WorkState.DONE, due_at=context.clock.now())
            self._keep(session, row, case, found)
        return found

    def _keep(
        self, session: Session, row: DutyReview, case: Case, found: tuple[DutyComparison, ...]
    ) -> tuple[ReviewData, DutiesView]:
        context = self._context
        data = ReviewData.of(context.vault, case.wrapped_key, row).with_reading(found)
        row.sealed = data.seal(context.vault, case.wrapped_key, case.id)
        session.add(row)
        session.flush()
        return data, duty_list.view(session, context.vault, context.systems, case)

    def _look(self, case_id: str, attempt: int, found: tuple[DutyComparison, ...]) -> None:
        context, now = self._context, self._context.clock.now()
        with context.store.write() as session:
            row = session.get_one(DutyReview, case_id, with_for_update=True)
            if (row.state, row.attempt) != (WorkState.DUE, attempt):
                return  # another process looked meanwhile
            case, people = read_case(session, context.vault, case_id)
            data, seen = self._keep(session, row, case, found)
            waiting = {one.id for one in seen.undecided}
            if new := waiting.difference(data.asked):
                data = replace(data, asked=sorted({*data.asked, *waiting}))
                row.sealed = data.seal(context.vault, case.wrapped_key, case.id)
                self._ask(session, row, case, people, len(new))
            ends = self._ends(row, case)
            if now >= ends:
                self._tell(session, row, case, seen)
                return
            reminder = self._reminder.at(ends)
            if waiting and row.reminded_at is None and now >= reminder and row.asked_at and row.asked_at < reminder:
                row.reminded_at = now
                duty_messages.ask(context, session, case, people, "reminder", remind=True)
                self._journal(session, case, "duties.reminded", count=len(waiting))
            due = [now + (HOUR if seen.unread else DAY), ends, *([reminder] if reminder > now else [])]
            again(session, row, min(due))
            refresh_case_message(session, case_id)

    def _ends(self, row: DutyReview, case: Case) -> datetime:
        """Return when duties must be decided: the lock-out, or the business days of a reminder after a late request."""
        asked = row.asked_at or case.opened_at
        one = self._reminder
        return max(case.effective_at, business_days_later(asked, one.days, one.zone, one.country))

    def _ask(self, session: Session, row: DutyReview, case: Case, people: CaseData, new: int) -> None:
        first, row.asked_at = row.asked_at is None, row.asked_at or self._context.clock.now()
        mark = "first" if first else f"{self._context.clock.now():%Y%m%dT%H%M%S}"
        duty_messages.ask(self._context, session, case, people, mark, remind=False)
        duty_messages.refresh(session, case.id)
        self._journal(session, case, "duties.asked", count=new)

    def _tell(self, session: Session, row: DutyReview, case: Case, seen: DutiesView) -> None:
        row.told_at = self._context.clock.now()
        duty_messages.tell_undecided(self._context, session, case, seen, f"{BY}:{case.id}")
        finish(session, row)
        self._journal(session, case, "duties.undecided", count=len(seen.undecided), unknown=len(seen.unknown))
        duty_messages.refresh(session, case.id)
        refresh_case_message(session, case.id)

    def _journal(self, session: Session, case: Case, action: str, **facts: int) -> None:
        self._context.journal.write(session, actor=HANDOVER, action=action, case_id=case.id, data=facts)


def _is_young(row: DutyReview, now: datetime, case: Case) -> bool:
    """Return whether the case was opened just now, so that a proposal may still come."""
    return row.asked_at is None and now < case.opened_at + timedelta(minutes=15)
