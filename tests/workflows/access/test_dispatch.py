"""A case as one piece of the engine's work: side by side over its systems, fair to a dismissal, safe when doubled."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from tests.workflows.office import DANA, HR, Office
from workflows.cases.holds import CasePolicy
from workflows.storage.rows.access import Access
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.work_state import WorkState

PATIENCE = 30
LEAVERS = 25
MANY = CasePolicy(hold_channel="C0SEC", mass_cases_per_hour=1000)


class Crew:
    """An office whose CRM can be made to stop, and the dispatch in front of it."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder, rules=MANY)
        office = self.office
        self.dispatch = office.dispatch
        self.go = threading.Event()
        self.order: list[str] = []
        self.pool = ThreadPoolExecutor(LEAVERS + 2)

    def leavers(self, count: int, *, immediate: bool = False) -> list[str]:
        office, cases = self.office, []
        at = None if immediate else office.clock.now() + timedelta(minutes=1)
        for number in range(count):
            name = f"{'now' if immediate else 'then'}{number}"
            for world in (office.directory, office.crm):
                world.user(f"{world.name}-{name}", f"{name}@x.example")
            leaver = replace(DANA, name=name, email=f"{name}@x.example", slack_id=f"U{name}", directory_id="")
            cases.append(office.offboarding.open(office.request(leaver=leaver, effective_at=at)))
        return cases

    def state(self, case_id: str) -> dict[str, str]:
        with self.office.store.read() as session:
            return {row.system: row.state for row in session.exec(select(Access).where(Access.case_id == case_id))}

    def waiting(self) -> list[str]:
        """Return the rows that wait for the CRM, who is next first."""
        pools = self.dispatch._pools
        with pools._lock:
            return [work.args[0] for _rank, _number, work, _done in sorted(pools._pools["crm"].waiting)]  # type: ignore[attr-defined]

    def entries(self, case_id: str, action: str) -> int:
        query = select(JournalEntry).where(JournalEntry.case_id == case_id, col(JournalEntry.action) == action)
        with self.office.store.read() as session:
            return len(session.exec(query).all())


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    crew = Crew(tmp_path)
    yield crew
    crew.go.set()
    crew.pool.shutdown()


def _until(true: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(PATIENCE * 100):
        if true():
            return
        waiting.wait(0.01)
    raise AssertionError("did not come")


def test_a_dismissal_does_not_wait_behind_a_mass_run(crew: Crew) -> None:
    office = crew.office
    planned = crew.leavers(LEAVERS)
    office.clock.pass_(minutes=2)
    office.crm.before_call["lock"] = lambda: (crew.go.wait(PATIENCE), None)[1]
    running = [crew.pool.submit(crew.dispatch.case, case) for case in planned]
    width = office.systems.max_parallel("crm")
    _until(lambda: office.crm.calls["lock"] >= width)  # every connection of the CRM is busy, the others wait
    [now] = crew.leavers(1, immediate=True)
    done = crew.pool.submit(crew.dispatch.case, now)
    _until(lambda: crew.state(now)["directory"] == WorkState.DONE)
    assert crew.waiting()[0].startswith(now)
    crew.go.set()
    done.result(PATIENCE)
    assert crew.state(now) == {"directory": WorkState.DONE, "crm": WorkState.DONE}
    for one in running:
        one.result(PATIENCE)
    assert all(set(crew.state(case).values()) == {WorkState.DONE} for case in planned)
    assert sum(office.crm.writes.values()) >= LEAVERS + 1


def test_a_system_that_hangs_holds_up_no_other(crew: Crew) -> None:
    office = crew.office
    planned = crew.leavers(LEAVERS)
    office.clock.pass_(minutes=2)
    office.crm.before_call["find"] = lambda: (crew.go.wait(PATIENCE), None)[1]
    running = [crew.pool.submit(crew.dispatch.case, case) for case in planned]
    _until(lambda: all(crew.state(case)["directory"] == WorkState.DONE for case in planned))
    assert all(crew.state(case)["crm"] == WorkState.DUE for case in planned)
    crew.go.set()
    for one in running:
        one.result(PATIENCE)
    assert all(crew.state(case)["crm"] == WorkState.DONE for case in planned)


def test_a_case_carried_twice_is_locked_once(crew: Crew) -> None:
    [case] = crew.leavers(1, immediate=True)
    crew.dispatch.case(case)
    crew.dispatch.case(case)
    crew.dispatch.row(f"{case}:crm")
    assert crew.office.crm.writes["lock:crm-now0"] == 1
    assert crew.entries(case, "access.read_back") == 2


def test_what_was_undone_while_it_waited_is_not_locked(crew: Crew) -> None:
    """The case is read again where it waited for its lane: not what was true when it was put there."""
    office = crew.office
    planned = crew.leavers(office.systems.max_parallel("crm") + 1)
    office.clock.pass_(minutes=2)
    office.crm.before_call["find"] = lambda: (crew.go.wait(PATIENCE), None)[1]
    running = [crew.pool.submit(crew.dispatch.case, case) for case in planned]

    width = office.systems.max_parallel("crm")
    _until(lambda: office.crm.calls["find"] == width and len(crew.waiting()) == 1)
    case = crew.waiting()[0].partition(":")[0]
    _until(lambda: crew.state(case)["directory"] == WorkState.DONE)
    office.offboarding.undo(case, HR, "a mistake")
    threading.Event().wait(1.1)  # what was read with the directory's row is stale by then
    crew.go.set()
    for one in running:
        one.result(PATIENCE)
    assert crew.state(case)["crm"] == WorkState.CANCELLED
    name = f"crm-then{planned.index(case)}"
    assert office.crm.writes[f"lock:{name}"] == 0


def test_an_error_in_one_system_is_raised_after_the_others_are_done(crew: Crew) -> None:
    [case] = crew.leavers(1, immediate=True)
    crew.office.crm.fail("find", RuntimeError("planted"))
    with pytest.raises(RuntimeError, match="planted"):
        crew.dispatch.case(case)
    assert crew.state(case) == {"directory": WorkState.DONE, "crm": WorkState.DUE}
    crew.dispatch.row(f"{case}:crm")
    assert crew.state(case)["crm"] == WorkState.DONE
