"""A book ends only where the system itself agrees: no half-read list, second hand or wrong answer can end it early."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from sqlmodel import select

from connectors.contract import AccountId, Change, Moved, MoveOrder, MoveOutcome
from tests.workflows.conftest import Replica, Staged
from tests.workflows.memory import Killed, MemoryCrm, World
from tests.workflows.office import SECURITY, Office
from tests.workflows.stage import MAX, Stage, crm
from workflows.clients.moves.reconciliation import NO_ACCOUNT, NOT_KNOWN, NOTHING, left_with, reconcile_book
from workflows.storage.rows.clients import Assignment as Line
from workflows.storage.rows.clients import AssignmentState, BookHandover, ProposalState
from workflows.storage.rows.work_state import WorkState
from workflows.systems.accounts import PreconditionFailed


class Hurried(MemoryCrm):
    """A connector that answers that every record is taken or gone, and writes nothing, until a test ends this."""

    lies: list[MoveOutcome] = []  # noqa: RUF012 - planted by the test

    def move(self, batch: Sequence[MoveOrder]) -> Sequence[Moved]:
        if self.lies:
            lie = self.lies.pop()
            return [Moved(one.record, lie, one.successor, Change.MADE) for one in batch]
        return super().move(batch)


def _once(world: World, method: str, act: Callable[[], object]) -> None:
    """Do something at the next call of a method, and at no other."""

    def hook() -> None:
        del world.before_call[method]
        act()

    world.before_call[method] = hook


def _die() -> None:
    raise Killed


def _killed(run: Callable[[str], None]) -> None:
    """Let another process work on the book until it dies."""
    with pytest.raises(Killed):
        run("c1:crm")


def _book(office: Office, book_id: str) -> BookHandover:
    with office.store.read() as session:
        return session.get_one(BookHandover, book_id)


def _whole(stage: Stage, world: World) -> None:
    """Approve what is asked; everything is moved once and proposed once, and the book ends well."""
    for _ in range(4):
        stage.settle(8)
        if stage.proposals() and stage.proposal().state == ProposalState.PENDING:
            stage.approve()
    assert world.owned("dana") == set()
    assert world.writes == Counter({f"move:{record}": 1 for record in world.records})
    assert (stage.book().state, stage.book().reason) == (WorkState.DONE, "")
    [done] = stage.journalled("clients.done")
    assert done.data.count('"moved": 12') == 1


def test_two_more_at_work_on_one_attempt_end_no_book(staged: Staged, replica: Replica) -> None:
    """The list of the first finds the rows of the second, which the third clears before the first has counted them."""
    world = crm()
    stage = staged(world.system())
    second, third = stage.start(replica()), stage.start(replica())

    def die_after_listing() -> None:
        _once(world, "observe", _die)
        _killed(second.run)

    def die_after_clearing() -> None:
        _once(world, "records", _die)
        _killed(third.run)

    _once(world, "records", die_after_listing)  # the first has cleared its draft
    _once(world, "count", die_after_clearing)  # the first has nothing to propose, and asks for the count
    stage.handover.run("c1:crm")
    assert stage.book().state == WorkState.DUE
    assert stage.journalled("clients.done") == []
    _whole(stage, world)
    assert [proposal.version for proposal in stage.proposals()] == [1]


def test_of_two_at_work_on_one_attempt_the_one_that_came_last_writes(staged: Staged, replica: Replica) -> None:
    world = crm()
    stage = staged(world.system())
    other = stage.start(replica())

    def come_later() -> None:
        _once(world, "observe", _die)
        _killed(other.run)

    _once(world, "observe", come_later)
    stage.handover.run("c1:crm")
    assert stage.proposals() == []  # its list was complete, and is another's by now
    assert (stage.book().state, stage.book().attempt) == (WorkState.DUE, 0)
    _whole(stage, world)


def test_two_at_work_on_one_move_write_everything_once(staged: Staged, replica: Replica) -> None:
    world = crm()
    stage = staged(world.system())
    stage.tick()
    stage.approve()
    other = stage.start(replica())
    _once(world, "move", lambda: other.run("c1:crm"))
    stage.handover.run("c1:crm")
    _whole(stage, world)


def test_a_list_that_comes_back_empty_ends_no_book(staged: Staged) -> None:
    world = crm()
    stage = staged(world.system())
    hidden, world.records = world.records, {}
    _once(world, "count", lambda: world.records.update(hidden))
    stage.tick()
    assert stage.book().state == WorkState.DUE
    assert "12 records are still the leaver's" in stage.clients().problems[0]
    _whole(stage, world)


def test_a_wrong_answer_about_every_record_ends_no_book(staged: Staged) -> None:
    world = crm()
    stage = staged(world.system(Hurried))
    Hurried.lies = [MoveOutcome.GONE, MoveOutcome.TAKEN]
    stage.tick()
    stage.approve()
    stage.tick()
    assert world.owned("dana") == set(world.records)
    assert stage.book().state == WorkState.DUE
    assert not stage.clients().complete
    assert "still the leaver's" in stage.clients().problems[0]
    Hurried.lies = []
    for _ in range(4):
        stage.settle(8)
        if stage.proposal().state == ProposalState.PENDING:
            stage.approve()
    assert world.owned("dana") == set()
    assert stage.clients().complete


def test_nothing_moved_is_said_aloud(staged: Staged) -> None:
    world = crm()
    stage = staged(world.system())
    stage.tick()
    stage.approve()
    for record in list(world.records):
        world.give(record, "zed")
    stage.tick()
    assert stage.book().state == WorkState.DONE
    assert stage.clients().problems == ("crm: none of 12 approved records was moved: 12 taken by another",)


def test_records_that_came_after_the_last_look_are_asked_before_the_end(staged: Staged) -> None:
    world = crm()
    stage = staged(world.system())
    stage.tick()
    stage.approve()
    _once(world, "move", lambda: world.record("opportunity:late", "dana"))
    stage.tick()
    assert stage.book().state == WorkState.DUE
    stage.settle(8)
    assert [proposal.records for proposal in stage.proposals()] == [12, 1]
    stage.approve()
    stage.settle(8)
    assert world.owned("dana") == set()
    assert stage.clients().complete


def test_no_account_is_said_and_one_that_is_found_later_is_listed(office: Office) -> None:
    for number in range(3):
        office.crm.record(f"opportunity:{number}", "crm-dana")
    dana = office.crm.users.pop(AccountId("crm-dana"))
    case = office.offboarding.open(office.request())
    office.work("book")
    book = _book(office, f"{case}:crm")
    assert (book.state, book.reason) == (WorkState.DONE, NO_ACCOUNT)
    clients = office.offboarding.case(case).clients
    assert clients is not None
    assert NOT_KNOWN in clients.problems[0]
    office.crm.users[dana.id] = dana
    office.work("revoke")
    assert _book(office, f"{case}:crm").state == WorkState.DUE
    office.work("book")
    [proposal] = office.handover.proposals.waiting_for("U0MAX")
    assert proposal.records == 3


def test_a_second_account_that_is_found_after_the_end_is_listed_too(office: Office) -> None:
    office.crm.record("opportunity:1", "crm-dana")
    case = office.offboarding.open(office.request())
    office.work("revoke", "book")
    [proposal] = office.handover.proposals.waiting_for("U0MAX")
    office.handover.decisions.decide(proposal.id, proposal.digest, MAX, approve=True)
    office.work("book")
    assert _book(office, f"{case}:crm").state == WorkState.DONE
    office.crm.user("crm-dana-2", "other@x.example")
    office.crm.record("opportunity:2", "crm-dana-2")
    office.linking.link(case, "crm", SECURITY, login="other")
    office.work("revoke", "book")
    [proposal] = office.handover.proposals.waiting_for("U0MAX")
    assert proposal.records == 1


def test_an_account_found_while_a_book_ends_is_not_passed_over(office: Office) -> None:
    """The lookup of the list missed it; the access track keeps it before the list is complete."""
    office.crm.record("opportunity:1", "crm-dana")
    dana = office.crm.users.pop(AccountId("crm-dana"))
    case = office.offboarding.open(office.request())

    def find() -> None:
        office.crm.users[dana.id] = dana
        office.work("revoke")

    _once(office.crm, "find", find)
    office.work("book")
    assert _book(office, f"{case}:crm").state == WorkState.DUE
    office.clock.pass_(minutes=6)
    office.work("book")
    assert [one.records for one in office.handover.proposals.waiting_for("U0MAX")] == [1]


def test_what_is_left_is_summed_over_all_accounts() -> None:
    counts = {"a": {"deal": 2, "lead": 0}, "b": {"deal": 1}, "c": {"deal": 9}}
    assert left_with([AccountId("a"), AccountId("b"), AccountId("z")], counts) == {"deal": 3, "lead": 0}
    assert left_with([], counts) == {}


def test_someone_who_owns_nothing_is_no_problem(staged: Staged) -> None:
    stage = staged(crm(records=0).system())
    stage.tick()
    assert (stage.book().state, stage.book().reason, stage.clients().problems) == (WorkState.DONE, NOTHING, ())


@pytest.mark.parametrize("state", [AssignmentState.APPROVED, AssignmentState.PROPOSED])
def test_a_line_that_waits_keeps_a_book_open(staged: Staged, state: AssignmentState) -> None:
    """Also where the system counts nothing with the leaver any more: somebody else has moved it meanwhile."""
    world = crm()
    stage = staged(world.system())
    stage.settle(2)
    stage.approve()
    stage.settle(2)
    with stage.store.write() as session:
        book = session.get_one(BookHandover, "c1:crm")
        line = session.exec(select(Line).limit(1)).one()
        line.state = state
        session.add(line)
        with pytest.raises(PreconditionFailed, match="1 record is neither moved nor settled yet"):
            reconcile_book(stage.handover._context, session, book, [AccountId("dana")], {})
        session.rollback()
