"""Bad days of the access track: nothing is lost, and states are reported as read. See docs/reference/bad-days.md."""

from datetime import timedelta

import pytest

from connectors.contract import AccountId, Verdict
from connectors.errors import BadCredential, ConnectorError, Missing, OutcomeUnknown, Unavailable
from tests.workflows.office import SECURITY, Office
from workflows.access.views import SystemLine
from workflows.cases.views import CaseView
from workflows.engine import clock_jumps
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.watch import FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import TROUBLE, say

DANAS = AccountId("crm-dana")


def _crm(case: CaseView) -> SystemLine:
    return next(line for line in case.systems if line.system == "crm")


def test_a_credential_rotated_meanwhile_holds_up_nobody_else_and_goes_on_once_renewed(office: Office) -> None:
    office.crm.fail("find", BadCredential("refused"), times=3)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert not office.directory.users[AccountId("directory-dana")].active
    assert (_crm(case).verdict, "administrator must renew it" in _crm(case).reason) == (Verdict.UNKNOWN, True)
    for _ in range(4):
        office.clock.pass_(minutes=6)
        office.work("revoke")
    assert office.offboarding.case(case_id).locked_out


@pytest.mark.parametrize("kind", TROUBLE)
def test_a_connectors_own_kind_of_trouble_spoils_neither_case_nor_audit(
    office: Office, kind: type[ConnectorError]
) -> None:
    own = type("Own", (kind,), {})
    case_id = office.offboarding.open(office.request())
    office.crm.fail("find", own("of the CRM"))
    office.work("revoke", "book", "exports")
    crm = _crm(office.offboarding.case(case_id))
    assert (crm.verdict, crm.reason) == (Verdict.UNKNOWN, say(kind("of the CRM")))
    office.clock.pass_(days=1)
    office.work("revoke")
    office.clock.pass_(minutes=1)
    office.crm.fail("observe", own("of the CRM"), times=9)
    audit = office.audits.run_now(SECURITY)
    assert (audit.by_verdict[Verdict.LOCKED], audit.by_verdict[Verdict.UNKNOWN]) == (1, 1)


def test_an_answer_after_the_time_limit_is_read_back_and_not_repeated(office: Office) -> None:
    office.crm.fail("lock", OutcomeUnknown("no answer in time"), done=True)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.clock.pass_(minutes=1)
    office.work("revoke")
    assert office.crm.writes[f"lock:{DANAS}"] == 1
    assert office.offboarding.case(case_id).locked_out


def test_no_such_object_for_everybody_is_never_locked_out(office: Office) -> None:
    """A connector turns that into `Unavailable`; one that lets it through as `Missing` is not believed either."""
    case_id = office.offboarding.open(office.request())
    office.crm.fail("find", Unavailable("the directory shows no account at all"))
    office.work("revoke")
    assert _crm(office.offboarding.case(case_id)).verdict is Verdict.UNKNOWN
    office.clock.pass_(minutes=1)
    office.crm.fail("before", Missing("no such object"))
    office.work("revoke")
    assert _crm(office.offboarding.case(case_id)).verdict is Verdict.UNKNOWN
    office.clock.pass_(minutes=6)
    office.work("revoke")
    assert office.offboarding.case(case_id).locked_out


@pytest.mark.parametrize("task", ["revoke", "undo"])
def test_a_clock_that_was_a_year_ahead_for_a_moment_puts_nothing_off_for_a_year(office: Office, task: str) -> None:
    case_id = office.offboarding.open(office.request())
    if task == "undo":
        office.work("revoke")
        office.offboarding.undo(case_id, SECURITY, "a mistake")
    office.crm.down = True
    office.clock.pass_(days=365)
    office.work(task)
    office.clock.pass_(days=-365)
    office.crm.down = False
    assert office.work(task) == 0
    assert clock_jumps.heal(office.store, office.journal, office.clock) == 1
    assert clock_jumps.heal(office.store, office.journal, office.clock) == 0
    office.work(task)
    assert office.crm.users[DANAS].active is (task == "undo")


def test_what_waits_for_its_day_is_left_to_wait(office: Office) -> None:
    day = office.clock.now() + timedelta(days=40)
    case_id = office.offboarding.open(office.request(effective_at=day))
    assert clock_jumps.heal(office.store, office.journal, office.clock) == 0
    assert office.offboarding.case(case_id).state is CaseState.SCHEDULED
    with office.store.read() as session:
        row = session.get_one(FollowUp, f"{case_id}:day-7")
    assert (row.state, row.due_at) == (WorkState.DUE, day + timedelta(days=7))


def test_a_clock_that_goes_back_does_nothing_twice(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    writes = dict(office.crm.writes)
    office.clock.pass_(days=-3)
    office.work("revoke", "manual", "undo")
    assert dict(office.crm.writes) == writes
    assert office.offboarding.case(case_id).locked_out
    office.clock.pass_(days=3)
    office.work("revoke")
    assert dict(office.crm.writes) == writes
