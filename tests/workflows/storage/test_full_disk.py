"""Rows that cannot be written for a moment (disk full, database gone): at every write of a case, nothing is lost."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from sqlmodel import Session

from tests.workflows.office import MAX, Office
from tests.workflows.proof import proven
from workflows.people import Actor
from workflows.storage.group_commit import GroupCommit
from workflows.storage.rows.case import CaseState
from workflows.storage.store import StorageFailed, Store
from workflows.storage.work import TASKS

APPROVER = Actor(f"slack:{MAX.slack_id}", "Max")
EVERY = 18
"""Of so many writes one fails; the tests begin with each of them in turn, so that every write of a case is met."""


def fail(store: Store, which: Callable[[int], bool]) -> list[int]:
    """Let some transactions fail at their commit, by their number; return the numbers of those that did."""
    transaction, numbers, failed = store._transaction, count(), list[int]()

    @contextmanager
    def failing(names: Collection[str] = ()) -> Iterator[Session]:
        number = next(numbers)
        with transaction(names) as session:
            yield session
            if which(number):
                failed.append(number)
                raise StorageFailed("database or disk is full")

    store._transaction = failing  # type: ignore[method-assign]
    store._together = GroupCommit(failing)
    return failed


def live(office: Office) -> str:
    """Open a case, and do all that follows for three days, as the clock and the approver would; return its id."""
    for number in range(3):
        office.crm.record(f"opportunity:{number}", "crm-dana")
    case = ""
    while not case:
        with suppress(StorageFailed):
            case = office.offboarding.open(office.request())
    for minutes in (0, 1, 2, 6, 6, 24 * 60, 6, 24 * 60, 6, 6):
        office.clock.pass_(minutes=minutes)
        with suppress(StorageFailed):
            for proposal in office.handover.proposals.waiting_for(MAX.slack_id):
                office.handover.decisions.decide(proposal.id, proposal.digest, APPROVER, approve=True)
        with suppress(StorageFailed):
            office.audits.call()
        for task in TASKS:
            with suppress(StorageFailed):
                office.work(task)
    return case


def judge(office: Office, case: str) -> None:
    """The leaver is out everywhere, by one write each; the clients are moved once; there is an audit a day."""
    assert office.offboarding.case(case).state == CaseState.WATCHED
    assert not any(office.directory.users[one].active for one in office.directory.users if one.endswith("dana"))
    assert set((office.directory.writes + office.crm.writes).values()) == {1}
    assert office.crm.owned("crm-dana") == set()
    assert Counter(post.kind for post in office.posts().values())["audit"] == 2
    office.journal.seal()
    assert proven(office.journal).ok


@pytest.mark.parametrize("first", range(EVERY))
def test_writes_that_fail_are_made_good(tmp_path: Path, first: int) -> None:
    office = Office(tmp_path)
    failed = fail(office.store, lambda number: number % EVERY == first)
    judge(office, live(office))
    assert failed


def test_nothing_at_all_can_be_written_for_a_while(office: Office) -> None:
    failed = fail(office.store, lambda number: 8 <= number < 20)
    judge(office, live(office))
    assert len(failed) > 8, "most of a case's writes met the full disk"
