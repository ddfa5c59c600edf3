"""Undo of a case: everything reversible is restored, the rest is reported, and the watch ends."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot.slack.messages import access
from connectors.contract import AccountId
from connectors.errors import Missing, OutcomeUnknown
from tests.bot.workplace import strings
from tests.workflows.memory import Killed, User
from tests.workflows.office import BOB, CAROL, HR, MAX, SECURITY, Office
from tests.workflows.proof import proven
from workflows.cases.views import CaseView
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import MessageKind


@pytest.fixture
def case_id(office: Office) -> str:
    """Return a case that is locked out everywhere; the CRM account had a token."""
    _dana(office, "crm").tokens["t1"] = "phone"
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    assert office.offboarding.case(case_id).locked_out
    return case_id


def _dana(office: Office, system: str) -> User:
    world = office.directory if system == "directory" else office.crm
    return world.users[AccountId(f"{system}-dana")]


def _is_back(office: Office) -> bool:
    return all(_dana(office, name).active and len(_dana(office, name).groups) == 2 for name in ("directory", "crm"))


def _refused(office: Office, case_id: str) -> Code:
    with pytest.raises(Refused) as caught:
        office.offboarding.undo(case_id, HR, "a mistake")
    return caught.value.code


def _complete(case: CaseView) -> bool:
    return bool(case.restored) and all(line.done for line in case.restored)


def test_account_and_groups_come_back_and_the_rest_is_said(office: Office, case_id: str) -> None:
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    case = office.offboarding.case(case_id)
    assert case.state is CaseState.UNDONE
    assert _is_back(office)
    assert _complete(case)
    assert case.follow_ups == (), "nobody checks it any more"
    crm = next(line for line in case.restored if line.system == "crm")
    assert crm.login == "dana"
    assert crm.back == ("the account is open again", "in group all staff", "in group sales")
    assert [words.split(":")[0] for words in crm.cannot] == [
        "the sessions that were ended",
        "1 personal token(s) that were revoked",
    ]
    assert _dana(office, "crm").tokens == {}
    with office.store.read() as session:
        said = [(e.action, e.actor) for e in session.exec(select(JournalEntry).where(JournalEntry.case_id == case_id))]
    assert ("case.undone", office.vault.seal_id("actor", HR.id)) in said
    assert said.count(("access.restored", "handover")) == 2
    assert proven(office.journal).ok


def test_nobody_watches_an_undone_case_and_a_new_one_can_be_opened(office: Office, case_id: str) -> None:
    office.crm.record("opportunity:1", "crm-dana")
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    office.clock.pass_(days=8)
    office.audits.call()
    assert office.work("revoke", "book", "exports", "follow_up", "audit") == 0
    assert office.audits.run_now(SECURITY).leavers == 0
    assert office.audits.findings() == []
    assert _is_back(office)
    with pytest.raises(Refused):
        office.offboarding.retry(case_id, "crm", SECURITY)
    assert office.offboarding.open(office.request()) != case_id


def test_a_waiting_proposal_is_called_off_and_no_client_moves(office: Office) -> None:
    office.crm.record("opportunity:1", "crm-dana")
    case_id = office.offboarding.open(office.request(successors=(BOB, CAROL)))
    office.work()
    [proposal] = office.handover.proposals.waiting_for(MAX.slack_id)
    office.offboarding.undo(case_id, HR, "a mistake")
    with pytest.raises(Refused):
        office.handover.decisions.decide(
            proposal.id, proposal.digest, Actor(f"slack:{MAX.slack_id}", "Max"), approve=True
        )
    office.work()
    assert office.crm.owned("crm-dana") == {"opportunity:1"}


@pytest.mark.parametrize("method", ["unlock", "restore", "groups", "observe"])
@pytest.mark.parametrize("done", [False, True])
def test_killed_at_any_call_it_is_all_back_and_nothing_done_twice(
    office: Office, case_id: str, method: str, done: bool
) -> None:
    office.offboarding.undo(case_id, HR, "a mistake")
    office.crm.fail(method, Killed(), done=done)
    with pytest.raises(Killed):
        office.handlers["undo"](f"{case_id}:crm")
    assert not _complete(office.offboarding.case(case_id))
    office.work("undo")
    assert _is_back(office)
    assert _complete(office.offboarding.case(case_id))
    again = {key: times for key, times in office.crm.writes.items() if times > 1}
    assert again == {}


def test_a_second_click_changes_nothing(office: Office, case_id: str) -> None:
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    calls = sum(office.crm.calls.values())
    office.offboarding.undo(case_id, SECURITY, "a mistake")
    assert office.work("undo") == 0
    assert sum(office.crm.calls.values()) == calls


def test_a_dead_system_is_said_and_tried_again(office: Office, case_id: str) -> None:
    office.crm.down = True
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    crm = next(line for line in office.offboarding.case(case_id).restored if line.system == "crm")
    assert "not reachable" in crm.problem
    assert crm.next_try_at is not None
    assert _dana(office, "directory").active
    office.crm.down = False
    office.clock.pass_(minutes=1)
    office.work("undo")
    assert _is_back(office)
    assert _complete(office.offboarding.case(case_id))


def test_a_lost_answer_is_read_back_and_a_lie_is_not_believed(office: Office, case_id: str) -> None:
    office.crm.fail("unlock", OutcomeUnknown("?"), done=True)
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    assert _complete(office.offboarding.case(case_id))
    assert _dana(office, "crm").active


def test_an_unlock_that_did_not_happen_is_not_called_done(office: Office, case_id: str) -> None:
    office.crm.fail("unlock", OutcomeUnknown("?"))
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    crm = next(line for line in office.offboarding.case(case_id).restored if line.system == "crm")
    assert (crm.done, "locked" in crm.problem) == (False, True)


def test_an_account_that_a_write_does_not_find_and_a_read_does_is_not_called_deleted(
    office: Office, case_id: str
) -> None:
    office.crm.fail("unlock", Missing("404"))
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    crm = next(line for line in office.offboarding.case(case_id).restored if line.system == "crm")
    assert (crm.done, crm.cannot, "404" in crm.problem) == (False, (), True)
    office.clock.pass_(minutes=1)
    office.work("undo")
    assert _complete(office.offboarding.case(case_id))
    assert _dana(office, "crm").active


def test_who_was_locked_before_stays_locked(office: Office) -> None:
    _dana(office, "crm").active = False
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    crm = next(line for line in office.offboarding.case(case_id).restored if line.system == "crm")
    assert crm.done
    assert "was locked before" in crm.back[0]
    assert not _dana(office, "crm").active


def test_an_account_deleted_meanwhile_is_said(office: Office, case_id: str) -> None:
    del office.crm.users[AccountId("crm-dana")]
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    crm = next(line for line in office.offboarding.case(case_id).restored if line.system == "crm")
    assert crm.done
    assert "deleted" in crm.cannot[0]


def test_a_lock_under_way_while_hr_undoes_is_given_back(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.offboarding.retry(case_id, "crm", SECURITY)
    _dana(office, "crm").active = True

    def undo() -> None:
        office.crm.before_call.clear()
        office.offboarding.undo(case_id, HR, "a mistake")
        office.work("undo")
        assert _complete(office.offboarding.case(case_id))

    office.crm.before_call["lock"] = undo
    office.dispatch.row(f"{case_id}:crm")
    assert not _dana(office, "crm").active
    office.work("undo")
    assert _is_back(office)


def test_a_lock_killed_after_hr_undid_the_case_is_given_back_too(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.offboarding.retry(case_id, "crm", SECURITY)
    _dana(office, "crm").active = True

    def undo() -> None:
        office.crm.before_call.clear()
        office.offboarding.undo(case_id, HR, "a mistake")
        office.work("undo")

    office.crm.before_call["lock"] = undo
    office.crm.fail("lock", Killed(), done=True)
    with pytest.raises(Killed):
        office.dispatch.row(f"{case_id}:crm")
    office.dispatch.row(f"{case_id}:crm")
    office.work("undo")
    assert _is_back(office)


def test_it_is_refused_where_nobody_locked_anything(office: Office) -> None:
    scheduled = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=1)))
    assert _refused(office, scheduled) is Code.NOT_OPEN
    office.offboarding.cancel(scheduled, HR, "a mistake")
    assert _refused(office, scheduled) is Code.NOT_OPEN
    assert _refused(office, "HO-none") is Code.UNKNOWN_CASE
    office.crm.users.clear()
    office.directory.users.clear()
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert _refused(office, case_id) is Code.NOTHING_LOCKED


def test_it_is_refused_after_its_days(office: Office, case_id: str) -> None:
    office.clock.pass_(days=31)
    assert _refused(office, case_id) is Code.TOO_LATE
    assert not _dana(office, "crm").active


def test_an_old_case_is_not_undone_under_a_later_one(office: Office, case_id: str) -> None:
    office.work()
    if office.offboarding.case(case_id).state is CaseState.RUNNING:
        office.clock.pass_(minutes=5)
        office.work()
    office.clock.pass_(days=2)
    later = office.offboarding.open(office.request())
    office.work("revoke")
    with pytest.raises(Refused) as caught:
        office.offboarding.undo(case_id, HR, "a mistake")
    assert (caught.value.code, caught.value.facts["case"]) == (Code.LATER_CASE, later)
    assert not _dana(office, "crm").active


def test_who_gave_access_back_is_told_by_a_new_message(office: Office, case_id: str) -> None:
    """An edited message notifies nobody: the first trouble and the end are messages of their own."""
    office.offboarding.undo(case_id, SECURITY, "a mistake")
    office.crm.down = True
    office.work("undo")
    told = [post.id for post in office.posts().values() if post.kind == MessageKind.RESTORED]
    assert told == [f"restored:{case_id}:1:trouble"]
    office.crm.down = False
    for _ in range(5):
        office.clock.pass_(minutes=5)
        office.work("undo")
    channels = {post.id: post.channel for post in office.posts().values() if post.kind == MessageKind.RESTORED}
    assert channels[f"restored:{case_id}:1:done"] == SECURITY.slack_id != ""
    text = "\n".join(strings(access.build(office.offboarding.case(case_id)).blocks))
    assert "has access back" in text
    assert "cannot come back" in text
