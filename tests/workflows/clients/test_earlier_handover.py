"""One handover of many earlier leavers: approved once, moved, read back, put back; nobody who came back is touched."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from connectors.contract import AccountId, RecordId
from connectors.errors import Missing, OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed, MemoryOwners, World
from tests.workflows.office import BOB, CAROL, HR, MAX, Office
from workflows.cases.earlier_handover import EarlierHandovers, EarlierRequest
from workflows.cases.views import CaseView
from workflows.clients.moves import moves
from workflows.clients.views import ProposalView
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import Case, CaseState, Strategy
from workflows.storage.rows.clients import Assignment, AssignmentState, EarlierOwners
from workflows.watch.earlier_leavers import Standing

BY_MAX = Actor(f"slack:{MAX.slack_id}", "Max")
BY_BOB = Actor(f"slack:{BOB.slack_id}", "Bob")


class Company:
    """A CRM with inactive owners and two colleagues who can receive."""

    def __init__(self, folder: Path, left: int = 4, records: int = 3) -> None:
        self.sales = World("sales")
        self.office = Office(folder, self.sales.system(MemoryOwners))
        for name in ("max", "bob", "carol"):
            self.sales.user(f"sales-{name}", f"{name}@x.example")
        self.left = [f"left-{n:03}" for n in range(left)]
        for user in self.left:
            self.sales.user(user, f"{user}@x.example", active=False, name=f"Former {user}")
            for n in range(records):
                self.sales.record(f"deal:{user}-{n}", user, family=f"client:{user}-{n}", value=100)

    def request(self, **change: object) -> EarlierRequest:
        chosen = {"sales": [AccountId(one) for one in self.left]}
        asked = EarlierRequest(chosen, MAX, (BOB, CAROL), Strategy.BALANCED, HR, "C0CASES")
        return replace(asked, **change)  # type: ignore[arg-type]

    def open(self, **change: object) -> str:
        case_id = self.office.services.earlier_handovers.open(self.request(**change))
        self.office.work()
        return case_id

    @property
    def proposal(self) -> ProposalView:
        [found] = self.office.handover.proposals.waiting_for(MAX.slack_id)
        return found

    def approve(self) -> None:
        view = self.proposal
        self.office.handover.decisions.decide(view.id, view.digest, BY_MAX, approve=True)

    def view(self, case_id: str) -> CaseView:
        return self.office.offboarding.case(case_id)

    def owned(self, *users: str) -> int:
        return sum(len(self.sales.owned(user)) for user in users)

    def settle(self, minutes: int = 30) -> None:
        for _ in range(minutes):
            self.office.work()
            self.office.clock.pass_(minutes=1)

    def states(self) -> dict[str, str]:
        with self.office.store.read() as session:
            return {row.record_id: row.state for row in session.exec(select(Assignment))}


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


def test_one_approval_moves_the_records_of_all_and_touches_no_account(company: Company) -> None:
    company.sales.record("deal:bobs", "sales-bob")
    case_id = company.open()
    assert company.proposal.records == 12
    assert company.proposal.leaver.name == "4 earlier leavers"
    assert company.owned(*company.left) == 12
    company.approve()
    company.office.work()
    assert company.owned(*company.left) == 0
    assert company.owned("sales-bob", "sales-carol") == 13
    view = company.view(case_id)
    assert view.state is CaseState.EARLIER
    assert view.systems == ()
    assert view.clients is not None
    assert (view.clients.moved, view.clients.left, view.clients.complete) == (12, 0, True)
    assert view.clients.differing == ()
    assert not [write for write in company.sales.writes if not write.startswith("move:")]
    assert not company.office.directory.writes
    notes = company.office.handover.notes.of_case(case_id)
    assert sum(note.records for note in notes) == 12


def test_the_case_is_open_until_all_is_moved_and_watches_nobody(company: Company) -> None:
    case_id = company.open()
    assert [one.id for one in company.office.offboarding.cases(open_only=True)] == [case_id]
    company.approve()
    company.office.work()
    assert company.office.offboarding.cases(open_only=True) == []
    company.office.clock.pass_(days=2)
    assert company.office.audits.run_now(Actor("slack:U0SEC", "Sam")).leavers == 0
    assert company.office.audits.findings() == []


def test_whoever_is_active_or_not_known_is_left_out_before_it_begins(company: Company) -> None:
    company.sales.users[AccountId("left-000")].active = True
    company.sales.blind.add(AccountId("left-001"))
    plan = company.office.services.earlier_handovers.plan(company.request())
    assert plan.number == 2
    assert {str(account): str(why) for account, why in plan.left_out["sales"].items()}.keys() == {
        "left-000",
        "left-001",
    }
    company.open()
    assert company.proposal.records == 6


def test_an_owner_who_came_back_before_the_listing_is_said_in_the_proposal(company: Company) -> None:
    company.office.services.earlier_handovers.open(company.request())
    company.sales.users[AccountId("left-000")].active = True
    company.office.work()
    assert company.proposal.records == 9
    assert "1 owner is left out: the owner's account there is open again" in company.proposal.note


def test_an_owner_who_came_back_after_the_approval_keeps_the_records(company: Company) -> None:
    case_id = company.open()
    company.approve()
    company.sales.users[AccountId("left-000")].active = True
    company.settle()
    assert company.owned("left-000") == 3
    assert company.owned(*company.left[1:]) == 0
    view = company.view(case_id)
    assert view.clients is not None
    assert (view.clients.moved, view.clients.left) == (9, 3)
    assert any("open again" in line for line in view.clients.balance + view.clients.differing + view.clients.problems)


def test_an_owner_who_came_back_between_two_batches_keeps_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = Company(tmp_path, left=3, records=10)
    company.open()
    company.approve()
    batches = iter([None])

    def come_back() -> None:
        if next(batches, "later") is None:
            company.sales.users[AccountId("left-002")].active = True

    company.sales.before_call["move"] = come_back

    fresh, moves.FRESH = moves.FRESH, -1.0
    try:
        company.settle()
    finally:
        moves.FRESH = fresh
    assert company.owned("left-002") == 10
    assert company.owned("left-000", "left-001") == 0


def test_a_retry_after_the_owner_left_again_proposes_the_rest(company: Company) -> None:
    case_id = company.open()
    company.approve()
    company.sales.users[AccountId("left-000")].active = True
    company.settle()
    company.office.offboarding.retry(case_id, "sales", HR)
    company.settle()
    assert {state for record, state in company.states().items() if "left-000" in record} == {AssignmentState.REFUSED}
    company.sales.users[AccountId("left-000")].active = False
    company.office.offboarding.retry(case_id, "sales", HR)
    company.settle()
    assert company.proposal.records == 3
    company.approve()
    company.settle()
    assert company.owned("left-000") == 0


def test_a_repeated_request_opens_one_case(company: Company) -> None:
    case_id = company.open(token="view-1")
    for token in ("view-1", "view-2", ""):
        with pytest.raises(Refused) as refused:
            company.office.services.earlier_handovers.open(company.request(token=token))
        assert refused.value.code is Code.IN_HANDOVER
        assert refused.value.facts["case"] == case_id
    with company.office.store.read() as session:
        assert len(session.exec(select(Case)).all()) == 1
    look = company.office.services.earlier.look(HR, "sales")
    assert {one.standing for one in look.owners} == {Standing.HANDED_OVER}


def test_two_clicks_at_once_open_one_case(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked before either wrote: the key of the case allows one."""
    monkeypatch.setattr(EarlierHandovers, "_taken", lambda *_: {})
    first = company.office.services.earlier_handovers.open(company.request(token="view-1"))
    with pytest.raises(Refused) as refused:
        company.office.services.earlier_handovers.open(company.request(token="view-1"))
    assert (refused.value.code, refused.value.facts["case"]) == (Code.IN_HANDOVER, first)


def test_a_killed_move_goes_on_and_moves_nothing_twice(tmp_path: Path) -> None:
    company = Company(tmp_path, left=3, records=10)
    company.open()
    company.approve()
    company.sales.fail("move", Killed(), skip=1, done=True)
    with pytest.raises(Killed):
        company.office.work()
    company.settle()
    assert company.owned(*company.left) == 0
    assert set(company.sales.writes.values()) == {1}
    assert len(company.sales.writes) == 30


def test_a_lost_answer_is_read_back(company: Company) -> None:
    company.open()
    company.approve()
    company.sales.fail("move", OutcomeUnknown("no answer"), done=True)
    company.settle()
    assert company.owned(*company.left) == 0
    assert set(company.sales.writes.values()) == {1}


@pytest.mark.parametrize("call", ["observe", "records", "owner_counts"])
def test_a_dead_system_is_tried_again_and_nothing_is_called_done(company: Company, call: str) -> None:
    case_id = company.open()
    company.sales.fail(call, Unavailable("away"), times=2)
    company.approve()
    company.office.work()
    assert company.office.offboarding.cases(open_only=True) != []
    company.settle()
    view = company.view(case_id)
    assert view.clients is not None
    assert (view.clients.moved, view.clients.complete) == (12, True)


def test_a_record_that_changed_since_the_approval_is_asked_again(company: Company) -> None:
    company.open()
    company.approve()
    company.sales.records[RecordId("deal:left-000-0")] = replace(
        company.sales.records[RecordId("deal:left-000-0")],
        value=company.sales.records[RecordId("deal:left-000-0")].value * 9,
    )
    company.office.work()
    assert company.owned("left-000") == 1
    assert company.proposal.records == 1
    assert company.proposal.why == "what changed after the last approval"


def test_a_successor_who_leaves_in_the_middle_receives_nothing(company: Company) -> None:
    case_id = company.open()
    company.approve()
    leaver = replace(
        company.office.request().leaver, name="Bob", email=BOB.email, slack_id=BOB.slack_id, directory_id="b"
    )
    company.office.offboarding.open(
        company.office.request(
            leaver=leaver, successors=(CAROL,), effective_at=company.office.clock.now() + timedelta(days=9)
        )
    )
    company.settle()
    assert company.owned("sales-bob") == 0
    assert company.owned("sales-carol") == 6
    view = company.view(case_id)
    assert view.clients is not None
    assert view.clients.left == 6


def test_only_the_approver_decides(company: Company) -> None:
    company.open()
    with pytest.raises(Refused):
        company.office.handover.decisions.decide(company.proposal.id, company.proposal.digest, BY_BOB, approve=True)
    assert company.owned(*company.left) == 12


def test_only_hr_opens_one(company: Company) -> None:
    with pytest.raises(Refused) as refused:
        company.open(requested_by=BY_BOB)
    assert refused.value.code is Code.NOT_ALLOWED


def test_an_undo_gives_back_to_those_who_are_active_and_says_so_before(company: Company) -> None:
    case_id = company.open()
    company.approve()
    company.office.work()
    company.sales.users[AccountId("left-000")].active = True
    plan = company.office.services.put_backs.plan(case_id)
    assert (plan.asked, plan.back, plan.waiting) == (12, 3, 0)
    assert "its former owner is locked, and receives nothing" in plan.kept[0].note
    company.office.services.put_backs.begin(case_id, HR)
    company.settle()
    assert company.owned("left-000") == 3
    assert company.owned(*company.left[1:]) == 0
    assert company.owned("sales-bob", "sales-carol") == 9
    company.sales.users[AccountId("left-001")].active = True
    company.office.services.put_backs.begin(case_id, HR)
    company.settle()
    assert company.owned("left-001") == 3


def test_it_can_be_cancelled_until_records_move(company: Company) -> None:
    case_id = company.open()
    company.office.offboarding.cancel(case_id, HR, "a mistake")
    company.settle()
    assert company.owned(*company.left) == 12
    assert company.view(case_id).state is CaseState.CANCELLED
    second = company.open()
    company.approve()
    with pytest.raises(Refused):
        company.office.offboarding.cancel(second, HR, "too late")


def test_a_list_of_owners_that_was_deleted_moves_nothing(company: Company) -> None:
    company.open()
    company.approve()
    with company.office.store.write() as session:
        for row in session.exec(select(EarlierOwners)).all():
            session.delete(row)
    company.settle(3)
    assert company.owned(*company.left) == 12
    assert company.office.audits.findings()


def test_an_owner_put_into_the_list_by_the_database_alone_moves_nothing(company: Company) -> None:
    company.sales.record("deal:bobs", "sales-bob")
    company.open()
    with company.office.store.write() as session:
        row = session.exec(select(EarlierOwners)).one()
        row.sealed = row.sealed[:-1] + bytes([row.sealed[-1] ^ 1])
        session.add(row)
    company.approve()
    company.settle(3)
    assert company.owned(*company.left) == 12
    assert company.owned("sales-bob") == 1
    assert company.office.audits.findings()


def test_a_deleted_owner_whose_records_are_not_listed_is_said(company: Company) -> None:
    company.sales.record("deal:ghost", "gone")
    company.left.append("gone")
    company.sales.fail("count", Missing("no such account"))
    company.open()
    assert company.proposal.records == 12
    assert "the account is gone, and its records cannot be listed" in company.proposal.note


def test_three_hundred_in_one_handover(tmp_path: Path) -> None:
    company = Company(tmp_path, left=300, records=2)
    company.open()
    company.sales.calls.clear()
    company.approve()
    company.settle(2)
    assert company.owned(*company.left) == 0
    assert company.sales.calls["owner_counts"] == 2
    assert company.sales.calls["count"] == 0
    with company.office.store.read() as session:
        moved = session.exec(select(Assignment.id).where(col(Assignment.state) == AssignmentState.MOVED)).all()
    assert len(moved) == 600
