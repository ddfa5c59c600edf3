"""An account that nobody found: the plan claims no absence without proof, and its clients are not known, never none."""

from datetime import timedelta

import pytest

from bot.cli.plan import _row
from bot.slack.messages import case as case_message
from bot.slack.messages.case import _progress
from bot.slack.messages.plan import details, summary
from connectors.contract import AccountId, Verdict
from tests.workflows.office import DANA, NONE, SECURITY, Office
from workflows.access.views import SystemPlan
from workflows.cases.views import CaseView, Plan
from workflows.clients.views import ClientsView


def without_dana(office: Office, *more: str) -> None:
    """Take Dana's account, and those of others, out of the CRM."""
    for name in ("dana", *more):
        del office.crm.users[AccountId(f"crm-{name}")]


def planned(office: Office) -> tuple[Plan, SystemPlan]:
    """Return the plan, and its part on the CRM."""
    plan = office.offboarding.plan(DANA)
    return plan, next(one for one in plan.systems if one.system == "crm")


def clients(case: CaseView) -> ClientsView:
    assert case.clients is not None
    return case.clients


def test_the_plan_proves_an_absence_by_the_managers_account(office: Office) -> None:
    without_dana(office)
    _plan, crm = planned(office)
    assert crm.problem == ""
    assert "finds an account that is known to be there" in crm.how
    assert "no account" in _row(crm)[1]


def test_an_absence_without_a_control_is_said_to_be_no_proof(office: Office) -> None:
    without_dana(office, "max")
    plan, crm = planned(office)
    assert "cannot prove absence" in crm.problem
    assert any("no account was found, which is no proof" in warning for warning in plan.warnings)
    assert "no proof" in _row(crm)[1]
    assert any("which is no proof" in str(block) for block in details(plan, []))


def test_a_lookup_that_finds_nobody_is_seen_through_in_the_plan(office: Office) -> None:
    for user in office.crm.users.values():
        user.email = ""  # the addresses are not readable; log-ins are
    without_dana(office)
    _plan, crm = planned(office)
    assert "cannot prove absence" in crm.problem


def test_the_plan_asks_for_no_proof_where_an_account_was_found(office: Office) -> None:
    planned(office)
    assert office.crm.calls["find"] == 1


def test_a_statement_that_there_is_no_account_needs_no_control(office: Office) -> None:
    without_dana(office, "max")
    case_id = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=3)))
    office.linking.none(case_id, "crm", SECURITY, *NONE)
    _plan, crm = planned(office)
    assert crm.problem == ""
    assert "the word of" in crm.how


def test_without_an_account_the_plan_says_that_the_clients_are_not_known(office: Office) -> None:
    without_dana(office)
    office.crm.record("opportunity:1", "crm-dana", value=10)
    plan, crm = planned(office)
    assert crm.book is not None
    assert "not known" in crm.book.problem
    assert "0 records" not in summary(plan, [])
    assert "No clients found: no account in CRM." in summary(plan, [])
    office.clock.pass_(minutes=2)
    del office.crm.users[AccountId("crm-max")]
    assert "Clients: not known." in summary(planned(office)[0], [])
    preview = office.handover.proposals.preview(plan.leaver, office.request().successors, office.request().strategy)
    assert any("not known" in problem for problem in preview.problems)


@pytest.fixture
def unfound(office: Office) -> str:
    """Return the case of a leaver whose CRM account nothing finds at notice or at the lock-out."""
    account = office.crm.users[AccountId("crm-dana")]
    account.email, account.login = "private@y.example", "x17"
    hidden = {name: office.crm.users.pop(AccountId(f"crm-{name}")) for name in ("max", "bob", "carol")}
    for number in range(62):
        office.crm.record(f"opportunity:{number}", "crm-dana", value=10)
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "book")
    office.crm.users |= {user.id: user for user in hidden.values()}  # nobody was there to try the lookup on
    return case_id


def test_clients_are_not_known_until_the_account_is_linked_and_are_listed_then(office: Office, unfound: str) -> None:
    case = office.offboarding.case(unfound)
    assert clients(case).not_known == ("crm",)
    assert "not known in crm" in _progress(case, clients(case), office.clock.now())
    assert any("the clients are not known" in problem for problem in clients(case).problems)
    office.linking.link(unfound, "crm", SECURITY, login="x17")
    office.work("revoke", "book")
    case = office.offboarding.case(unfound)
    assert (clients(case).not_known, clients(case).listed) == ((), 62)
    assert clients(case).proposal is not None


def test_a_proven_absence_ends_the_question(office: Office, unfound: str) -> None:
    office.linking.none(unfound, "crm", SECURITY, *NONE)
    office.work("revoke", "book")
    case = office.offboarding.case(unfound)
    assert {line.system: line.verdict for line in case.systems}["crm"] is Verdict.ABSENT
    assert clients(case).not_known == ()
    assert clients(case).problems == ()
    assert clients(case).absent == ("crm",)
    told = "crm: no account of the leaver is here, so no clients are handed over"
    assert _progress(case, clients(case), office.clock.now()) == told


def test_before_the_last_day_nobody_is_told_to_link_an_account_that_nothing_found(office: Office) -> None:
    office.crm.users.pop(AccountId("crm-dana"))
    at = office.clock.now() + timedelta(days=30)
    case = office.offboarding.case(office.offboarding.open(office.request(effective_at=at)))
    office.work("inventory", "book")
    case = office.offboarding.case(case.id)
    told = str(case_message.build(case, office.clock.now()).blocks)
    assert "none found so far in crm; looked up again at the lock-out" in told
    assert "link the account" not in told
    assert "Retry" not in told


def test_clients_of_an_account_that_an_audit_finds_locked_are_listed(office: Office) -> None:
    account = office.crm.users.pop(AccountId("crm-dana"))
    office.crm.record("opportunity:1", "crm-dana", value=10)
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "book")
    account.active = False
    office.crm.users[account.id] = account
    office.clock.pass_(hours=2)
    office.audits.run_now(SECURITY)
    office.work("book")
    assert clients(office.offboarding.case(case_id)).listed == 1


def test_an_account_that_the_inventory_finds_has_its_clients_listed_before_the_last_day(office: Office) -> None:
    office.directory.users[AccountId("directory-dana")].also = ("d.oneill@x.example",)
    account = office.crm.users[AccountId("crm-dana")]
    account.email, account.login = "d.oneill@x.example", "crm-17"
    office.crm.record("opportunity:1", "crm-dana", value=10)
    case_id = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=30)))
    office.work("book")
    assert clients(office.offboarding.case(case_id)).listed == 0
    office.work("inventory", "book")
    assert clients(office.offboarding.case(case_id)).listed == 1


def test_an_account_that_only_the_last_day_finds_has_its_clients_listed(office: Office) -> None:
    account = office.crm.users[AccountId("crm-dana")]
    account.email, account.login = "d.oneill@x.example", "crm-17"
    office.crm.record("opportunity:1", "crm-dana", value=10)
    case_id = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=30)))
    office.work()
    assert clients(office.offboarding.case(case_id)).not_known == ("crm",)
    office.directory.users[AccountId("directory-dana")].also = ("d.oneill@x.example",)
    office.clock.pass_(days=30)
    office.work("revoke")
    office.work("book")
    assert not account.active
    assert clients(office.offboarding.case(case_id)).listed == 1
