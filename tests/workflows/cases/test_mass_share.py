"""The mass guard by share of the directory, and who tries to get round it by spreading, moving, cancelling."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.errors import Unavailable
from tests.workflows.memory import MemoryDirectory
from tests.workflows.office import DANA, HR, SECURITY, Office
from workflows.cases.holds import CasePolicy
from workflows.people import Actor, Leaver
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.systems.registry import Systems

RULES = CasePolicy(mass_cases_per_hour=1000, mass_share=0.1, hold_channel="C0SEC")


class Counting(MemoryDirectory):
    """A directory that says how many people it has."""

    def headcount(self) -> int | None:
        return self.world.call("headcount", lambda: 40)


@pytest.fixture
def office(tmp_path: Path, url: str) -> Iterator[Office]:
    """An office of 40: four people a day, and no more."""
    made = Office(tmp_path, url=url, rules=RULES)
    systems: Systems = made.systems
    systems._systems["directory"] = made.directory.system(Counting)
    yield made
    made.store.close()


def _leaver(number: int) -> Leaver:
    return replace(DANA, email=f"p{number}@x.example", slack_id=f"U0P{number}", directory_id="")


def _open(office: Office, number: int, days: float = 0, **more: object) -> str:
    at = office.clock.now() + timedelta(days=days) if days else None
    return office.offboarding.open(office.request(leaver=_leaver(number), effective_at=at, **more))


def _state(office: Office, case_id: str) -> CaseState:
    return office.offboarding.case(case_id).state


def test_a_tenth_of_the_company_a_day_and_no_more(office: Office) -> None:
    cases = []
    for number in range(5):
        office.clock.pass_(hours=2)
        cases.append(_open(office, number))
    assert [_state(office, one) is CaseState.HELD for one in cases] == [False] * 4 + [True]
    assert office.offboarding.case(cases[4]).held == "share"
    assert office.directory.calls["headcount"] == 1, "asked once a day, and not for the first two"
    assert not [work for work in office.started if work[1].startswith(cases[4])]
    with pytest.raises(Refused) as refused:
        office.offboarding.release(cases[4], HR)
    assert refused.value.code is Code.NOT_ALLOWED
    office.offboarding.release(cases[4], SECURITY)
    assert _state(office, cases[4]) is not CaseState.HELD


def test_opened_over_many_days_for_one_and_the_same_day(office: Office) -> None:
    day = office.clock.now() + timedelta(days=30)
    cases = []
    for number in range(5):
        cases.append(
            office.offboarding.open(
                office.request(leaver=_leaver(number), effective_at=day, requested_by=Actor("cli:root", "root"))
            )
        )
        office.clock.pass_(days=2)
    assert [_state(office, one) is CaseState.HELD for one in cases] == [False] * 4 + [True]


def test_gathered_on_one_day_by_moving_them_there(office: Office) -> None:
    cases = []
    for number in range(5):
        cases.append(_open(office, number, days=40 + 3 * number))
        office.clock.pass_(days=2)
    assert {_state(office, one) for one in cases} == {CaseState.SCHEDULED}
    day = office.clock.now() + timedelta(days=20)
    mover = Actor("slack:U0HR2", "Heinz")
    for case_id in cases:
        office.offboarding.reschedule(case_id, day, mover)
    assert [_state(office, one) is CaseState.HELD for one in cases] == [False] * 4 + [True]
    for by, code in ((HR, Code.NOT_ALLOWED), (mover, Code.SECOND_PERSON)):
        with pytest.raises(Refused) as refused:
            office.offboarding.release(cases[4], by)
        assert refused.value.code is code
    office.clock.at = day + timedelta(hours=1)
    office.work("revoke", "manual", "restrict")
    assert not [line for line in office.offboarding.case(cases[4]).systems if line.read_at]
    office.offboarding.release(cases[4], SECURITY)
    office.work("revoke")
    assert all(line.read_at for line in office.offboarding.case(cases[4]).systems)


def test_cancelling_in_between_does_not_get_round_it(office: Office) -> None:
    for number in range(4):
        office.offboarding.cancel(_open(office, number, days=9), HR, "a mistake")
    assert _state(office, _open(office, 9)) is CaseState.HELD
    office.clock.pass_(days=1, hours=1)
    assert _state(office, _open(office, 10, days=9)) is CaseState.SCHEDULED


def test_where_the_directory_does_not_say_the_third_waits(office: Office) -> None:
    office.directory.fail("headcount", Unavailable("down"), times=99)
    states = [_state(office, _open(office, number)) for number in range(3)]
    assert [state is CaseState.HELD for state in states] == [False, False, True]


def test_nobody_in_the_directory_is_no_answer(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(connector: Counting) -> int | None:
        return 0

    monkeypatch.setattr(Counting, "headcount", none)
    assert [_state(office, _open(office, number)) is CaseState.HELD for number in range(3)] == [False, False, True]
    monkeypatch.undo()
    assert _state(office, _open(office, 3)) is not CaseState.HELD, "nor is it remembered as one"


def test_a_directory_that_is_down_today_is_counted_as_yesterday(office: Office) -> None:
    for number in range(3):
        _open(office, number)
    office.clock.pass_(days=2)
    office.directory.fail("headcount", Unavailable("down"), times=99)
    assert CaseState.HELD not in {_state(office, _open(office, number)) for number in range(3, 7)}
    assert _state(office, _open(office, 9)) is CaseState.HELD


def test_two_in_a_tiny_company_are_no_mass(monkeypatch: pytest.MonkeyPatch, office: Office) -> None:
    def three(connector: Counting) -> int | None:
        return 3

    monkeypatch.setattr(Counting, "headcount", three)
    assert [_state(office, _open(office, number)) is CaseState.HELD for number in range(3)] == [False, False, True]
