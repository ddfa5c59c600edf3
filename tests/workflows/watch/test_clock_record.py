"""On SQLite, a clock behind the last time on record stops work until it has caught up, or until a person accepts it."""

from datetime import timedelta

import pytest

from tests.workflows.office import HR, SECURITY, Office
from workflows.engine.clock_guard import ClockGuard
from workflows.engine.clock_jumps import ClockJumps
from workflows.people import Actor
from workflows.refusals import Refused


def guard(office: Office) -> ClockGuard:
    """Return the guard of a process that starts now."""
    made = ClockGuard(office.services.clock_record.fault, None)
    made.check()
    return made


def opened(office: Office) -> None:
    office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(hours=3)))


@pytest.mark.parametrize("sealed", [True, False])
def test_a_start_behind_the_record_does_no_work_until_it_has_caught_up(office: Office, sealed: bool) -> None:
    opened(office)
    if sealed:
        office.journal.seal()
    office.clock.pass_(hours=-2)
    found = guard(office)
    assert "before the last time on record" in found.fault
    office.clock.pass_(hours=1)
    found.check()
    assert found.fault
    office.clock.pass_(hours=1)
    found.check()
    assert found.fault == ""


def test_a_persons_word_ends_it_and_later_entries_do_not(office: Office) -> None:
    opened(office)
    office.clock.pass_(hours=-2)
    found = guard(office)
    with pytest.raises(Refused):
        office.services.clock_record.accept(Actor("slack:U0NORA", "Nora"))
    with pytest.raises(Refused):
        office.services.clock_record.accept(HR)
    office.clock.pass_(minutes=5)
    found.check()
    assert found.fault, "a refusal that is on record is no acceptance"
    office.services.clock_record.accept(SECURITY)
    office.journal.seal()
    found.check()
    assert found.fault == "" == guard(office).fault


def test_a_gap_after_a_stop_and_a_correction_are_ordinary(office: Office) -> None:
    opened(office)
    office.clock.pass_(days=20)
    assert guard(office).fault == ""
    opened_again = office.clock.now()
    office.journal.note("seen", SECURITY, {})
    office.clock.pass_(seconds=-50)
    assert office.clock.now() < opened_again
    assert guard(office).fault == ""


def test_a_step_back_in_a_running_process_is_measured_and_is_no_riddle_at_the_next_start(office: Office) -> None:
    opened(office)
    found = guard(office)
    jumps = ClockJumps(office.store, office.journal, office.clock, lambda: 100.0)
    jumps.check()
    office.clock.pass_(hours=-2)
    assert jumps.stepped_back
    found.check(stepped_back=jumps.stepped_back)
    assert "before the last time on record" in found.fault
    office.services.clock_record.accept(SECURITY)
    found.check(stepped_back=jumps.stepped_back)
    assert jumps.check() == timedelta(hours=-2)
    found.check(stepped_back=jumps.stepped_back)
    assert found.fault == "" == guard(office).fault
    office.journal.seal()
    assert guard(office).fault == ""


def test_a_step_back_that_the_record_does_not_contradict_stops_nothing(office: Office) -> None:
    opened(office)
    found = guard(office)
    office.clock.pass_(hours=3)
    jumps = ClockJumps(office.store, office.journal, office.clock, lambda: 100.0)
    jumps.check()
    office.clock.pass_(hours=-2)
    found.check(stepped_back=jumps.stepped_back)
    assert (found.fault, jumps.check()) == ("", timedelta(hours=-2))


def test_a_step_ahead_in_a_running_process_accepts_nothing(office: Office) -> None:
    jumps = ClockJumps(office.store, office.journal, office.clock, lambda: 100.0)
    jumps.check()
    office.clock.pass_(hours=5)
    jumps.check()
    office.journal.seal()
    office.clock.pass_(hours=-5)
    assert guard(office).fault
