"""Records of earlier leavers: who is found, who is told apart, and what is said of what could not be read."""

from pathlib import Path

import pytest

from connectors.contract import AccountId
from connectors.errors import Unavailable
from tests.workflows.memory import MemoryOwners, World
from tests.workflows.office import HR, MAX, Office
from workflows.cases.views import EarlierFigure
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import Reason
from workflows.watch.earlier_leavers import EarlierLeavers, Standing, csv

MANY = 300


class Company:
    """An office with a CRM that lists owners, and inactive people with records in it."""

    def __init__(self, folder: Path, left: int = 3) -> None:
        self.sales = World("sales")
        self.office = Office(folder, self.sales.system(MemoryOwners))
        for name in ("dana", "max", "bob", "carol"):
            self.sales.user(f"sales-{name}", f"{name}@x.example")
        for n in range(left):
            self.left(f"left-{n:03}", n + 1)

    def left(self, user: str, records: int) -> None:
        """Add somebody who left without a case, with records."""
        self.sales.user(user, f"{user}@x.example", active=False, name=f"Former {user}")
        for n in range(records):
            self.sales.record(f"deal:{user}-{n}", user, value=100)

    def look(self, *, values: bool = False) -> EarlierLeavers:
        return self.office.services.earlier.look(HR, "sales", values=values)

    def standing(self, user: str) -> Standing:
        return next(one for one in self.look().owners if one.account == user).standing


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


def test_inactive_owners_are_listed_by_records_and_active_ones_are_counted(company: Company) -> None:
    company.sales.record("deal:1", "sales-bob")
    found = company.look()
    assert [(one.account, one.records) for one in found.offered] == [("left-002", 3), ("left-001", 2), ("left-000", 1)]
    assert (found.active, found.records, found.not_looked) == (1, 6, ())
    assert found.offered[0].name == "Former left-002"


def test_three_hundred_are_found_in_few_calls(tmp_path: Path) -> None:
    company = Company(tmp_path, 0)
    for n in range(MANY):
        company.left(f"left-{n:03}", 2)
    company.sales.calls.clear()
    found = company.look()
    assert (len(found.offered), found.records) == (MANY, 2 * MANY)
    assert company.sales.calls == {"owner_counts": 1, "observe": 1, "read": 1}


def test_the_value_is_read_only_if_it_is_asked_for(company: Company) -> None:
    assert not company.look().offered[0].value
    assert company.look(values=True).offered[0].value == {"EUR": 300}


def test_an_owner_who_cannot_be_read_is_listed_as_not_known(company: Company) -> None:
    company.sales.blind.add(AccountId("left-001"))
    found = company.look()
    assert {one.account for one in found.unknown} == {"left-001"}
    assert all(one.why for one in found.unknown)
    assert "left-001" not in {one.account for one in found.offered}


def test_a_deleted_owner_is_listed(company: Company) -> None:
    company.sales.record("deal:ghost", "gone")
    assert company.standing("gone") is Standing.OFFERED


@pytest.mark.parametrize("call", ["owner_counts", "observe", "read"])
def test_a_system_that_is_cut_short_is_named_and_nobody_there_is_called_fine(company: Company, call: str) -> None:
    company.sales.fail(call, Unavailable("cut short"))
    found = company.look()
    assert not found.owners
    assert not found.systems
    assert "cut short" in found.not_looked[0]


def test_a_system_that_cannot_list_owners_is_named(company: Company) -> None:
    found = company.office.services.earlier.look(HR)
    assert found.systems == ("sales",)
    assert [sentence for sentence in found.not_looked if "CRM" in sentence]


def test_owners_in_a_case_are_told_apart(company: Company) -> None:
    company.sales.record("deal:dana", "sales-dana")
    company.sales.record("deal:keep", "sales-dana")
    case_id = company.office.offboarding.open(company.office.request())
    company.office.work()
    assert company.standing("sales-dana") is Standing.HANDED_OVER
    [proposal] = company.office.handover.proposals.waiting_for(MAX.slack_id)
    lines, _total = company.office.handover.proposals.lines(proposal.id)
    kept = next(line.id for line in lines if line.record_id == "deal:keep")
    by_max = Actor(f"slack:{MAX.slack_id}", "Max")
    changed = company.office.handover.edits.exclude(proposal.id, proposal.digest, [kept], "a lawsuit", by_max)
    view = company.office.handover.proposals.view(changed)
    company.office.handover.decisions.decide(changed, view.digest, by_max, approve=True)
    company.office.work()
    line = next(one for one in company.look().owners if one.account == "sales-dana")
    assert (line.standing, line.case_id, line.records) == (Standing.STAYS, case_id, 1)
    company.sales.record("deal:new", "sales-dana")
    assert company.standing("sales-dana") is Standing.HAS_CASE


def test_a_person_on_leave_is_told_apart(company: Company) -> None:
    company.sales.record("deal:dana", "sales-dana")
    now = company.office.clock.now()
    company.office.offboarding.open(
        company.office.request(
            reason=Reason.LEAVE, effective_at=now, return_on=now.replace(year=now.year + 1), keep_access=True
        )
    )
    company.sales.users[AccountId("sales-dana")].active = False
    assert company.standing("sales-dana") is Standing.ON_LEAVE


def test_a_cancelled_case_explains_nobody(company: Company) -> None:
    company.sales.record("deal:dana", "sales-dana")
    at = company.office.clock.now().replace(year=2027)
    case_id = company.office.offboarding.open(company.office.request(effective_at=at))
    company.office.offboarding.cancel(case_id, HR, "a mistake")
    company.sales.users[AccountId("sales-dana")].active = False
    assert company.standing("sales-dana") is Standing.OFFERED


def test_the_figures_are_kept_and_say_that_they_are_old(company: Company) -> None:
    search = company.office.services.earlier
    assert search.figure() == EarlierFigure(0, 0, 0, None)
    company.look()
    assert search.figure() == EarlierFigure(3, 6, 0, company.office.clock.now())
    company.sales.down = True
    company.look()
    assert search.figure() == EarlierFigure(3, 6, 0, company.office.clock.now(), ("sales",))


def test_without_a_system_that_lists_owners_there_are_no_figures(tmp_path: Path) -> None:
    assert Office(tmp_path).services.earlier.figure() is None


def test_the_daily_audit_looks_and_names_the_figures(company: Company) -> None:
    company.office.offboarding.open(company.office.request())
    company.office.work()
    view = company.office.audits.run_now(Actor("slack:U0SEC", "Sam"))
    assert view.earlier is not None
    assert (view.earlier.owners, view.earlier.records) == (3, 6)


def test_whoever_may_not_see_cases_sees_no_owners(company: Company) -> None:
    with pytest.raises(Refused) as refused:
        company.office.services.earlier.look(Actor("slack:U0BOB", "Bob"))
    assert refused.value.code is Code.NOT_ALLOWED


def test_the_file_names_every_owner_and_escapes_formulas(company: Company) -> None:
    company.left("=cmd", 1)
    lines = list(csv(company.look()))
    assert len(lines) == 1 + 4
    assert any("'=cmd" in line for line in lines)
