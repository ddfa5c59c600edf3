"""Everybody who is concerned knows: for each event of a case, who gets a new message about it, and who does not."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import AccountId
from tests.bot import samples
from tests.bot.workplace import Workplace, said, workplace_in
from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER
from tests.sandbox.company.people import SECURITY as SAM
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import Message
from workflows.cases.holds import CasePolicy
from workflows.clients.approval_policy import ApprovalPolicy
from workflows.people import Actor, Leaver
from workflows.storage.findings import FindingReport
from workflows.storage.rows.case import Reason
from workflows.storage.rows.watch import FindingKind

DIRECTOR, BOB, JANA = BY_UID["grace.muller"], BY_UID["bob.ross"], BY_UID["jana.novak"]
SECRET = ("theft", "dismissal", "secret words")
WHY = "the word of HR to HR"
COLLEAGUE = Actor(f"slack:{JANA.slack_id}", JANA.name, JANA.email)
"""A member of the HR team who has no part in the case."""
HOURS, DAY = timedelta(hours=3), timedelta(days=1)
DANA = AccountId("crm-dana.oneill")
ASKED, LINE, APPROVER, RECEIVER, SECURITY = "who asked", "line manager", "approver", "receiver", "security"
FIVE = (ASKED, LINE, APPROVER, RECEIVER, SECURITY)


class Story:
    """A case for the same day in which five people have a role each, and nobody has two."""

    def __init__(self, workplace: Workplace, **change: Any) -> None:
        self.workplace, self.at = workplace, samples.NOW + HOURS
        for number in range(4):
            workplace.crm.record(f"opportunity:{number}", DANA, family_name=f"Client {number}")
        usual = {
            "approver": samples.successor(DIRECTOR),
            "successors": (samples.BOB,),
            "line_manager": MANAGER.slack_id,
            "reason": Reason.SUSPECTED_THEFT,
            "note": "secret words",
            "effective_at": self.at,
        }
        self.id = workplace.open(**{**usual, **change})
        workplace.run()
        self.known: set[str] = set()
        self.new()

    def messages(self) -> dict[str, list[Message]]:
        """Return all messages to each of the five, and to the leaver."""
        people = {ASKED: HR, LINE: MANAGER, APPROVER: DIRECTOR, RECEIVER: BOB, "leaver": LEAVER}
        found = {role: self.workplace.person(one.slack_id).messages() for role, one in people.items()}
        return {**found, SECURITY: self.workplace.security.messages("security-alerts")}

    def new(self) -> dict[str, list[str]]:
        """Return what each was told since the last look. An edited message is not new."""
        found = self.messages()
        new = {role: [said(one) for one in every if one.ts not in self.known] for role, every in found.items()}
        self.known |= {one.ts for every in found.values() for one in every}
        return new

    def begin(self) -> None:
        self.workplace.office.clock.at = self.at
        self.workplace.run()

    def decide(self, *, approve: bool) -> None:
        [proposal] = self.workplace.services.proposals.waiting()
        by = Actor(f"slack:{proposal.approver.slack_id}", proposal.approver.name)
        self.workplace.services.decisions.decide(proposal.id, proposal.digest, by, approve, "not now")
        self.workplace.deliver()

    def hand_over(self) -> None:
        self.decide(approve=True)
        self.begin()
        self.new()


def locked(story: Story) -> None:
    story.begin()


def not_locked(story: Story) -> None:
    story.workplace.crm.down = True
    story.begin()


def approved(story: Story) -> None:
    story.decide(approve=True)


def declined(story: Story) -> None:
    story.decide(approve=False)


def moved(story: Story) -> None:
    story.decide(approve=True)
    story.workplace.office.clock.at = story.at
    story.workplace.run("revoke")
    story.new()
    story.workplace.run()


def not_moved(story: Story) -> None:
    story.decide(approve=True)
    story.workplace.crm.fix("opportunity:1", "won meanwhile")
    story.workplace.office.clock.at = story.at
    story.workplace.run("revoke")
    story.new()
    story.workplace.run()


def found(story: Story) -> None:
    story.hand_over()
    story.workplace.crm.users[DANA].active = True
    story.workplace.office.clock.at += DAY
    story.workplace.run()


def undone(story: Story) -> None:
    story.hand_over()
    story.workplace.services.offboarding.undo(story.id, COLLEAGUE, WHY)
    story.workplace.run()


def put_back(story: Story) -> None:
    story.hand_over()
    story.workplace.crm.users[DANA].active = True
    story.workplace.services.put_backs.begin(story.id, COLLEAGUE)
    story.workplace.run()


def cancelled(story: Story) -> None:
    story.workplace.services.offboarding.cancel(story.id, COLLEAGUE, WHY)
    story.workplace.deliver()


def rescheduled(story: Story) -> None:
    story.workplace.services.offboarding.reschedule(story.id, story.at + HOURS, COLLEAGUE)
    story.workplace.deliver()


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (locked, {ASKED: "is locked out of 2 of 2 systems", LINE: "is locked out of 2 of 2 systems"}),
        (not_locked, {ASKED: "NOT LOCKED OUT", SECURITY: "NOT LOCKED OUT"}),
        (approved, {ASKED: "approved"}),
        (declined, {ASKED: "declined"}),
        (moved, dict.fromkeys((ASKED, LINE, APPROVER), "4 records moved") | {RECEIVER: "You have 4 clients"}),
        (not_moved, dict.fromkeys((ASKED, LINE, APPROVER), "3 of 4 records moved") | {RECEIVER: "You have 3 clients"}),
        (found, {ASKED: "open again", SECURITY: "open again"}),
        (undone, {ASKED: "has access back", LINE: "has access back", APPROVER: "has access back"}),
        (put_back, dict.fromkeys((ASKED, LINE, APPROVER), "put back") | {RECEIVER: "no longer yours"}),
        (cancelled, dict.fromkeys((ASKED, LINE, APPROVER), "was cancelled")),
        (rescheduled, dict.fromkeys((ASKED, LINE, APPROVER), "Last day")),
    ],
)
def test_who_is_told_of_an_event(workplace: Workplace, event: Callable[[Story], None], told: dict[str, str]) -> None:
    """Each of those who are concerned gets one new message, and nobody else; no text says why somebody leaves."""
    story = Story(workplace)
    event(story)
    new = story.new()
    for role in FIVE:
        wanted = [told[role]] if role in told else []
        assert len(new[role]) == len(wanted), (role, new[role])
        assert all(words in text for words, text in zip(wanted, new[role], strict=True)), (role, new[role])
    assert new["leaver"] == []
    for role, every in story.messages().items():
        secret = SECRET if role in (ASKED, SECURITY) else (*SECRET, WHY.casefold())
        assert not [word for one in every for word in secret if word in said(one).casefold()], role


def count(new: dict[str, list[str]]) -> dict[str, int]:
    return {role: len(every) for role, every in new.items() if every}


def test_the_line_manager_is_told_who_leaves_when_and_what_is_asked(workplace: Workplace) -> None:
    story = Story(workplace)
    [message] = story.messages()[LINE]
    for words in ("Dana O'Neill is leaving", "Last day", "Grace Müller is asked about the clients"):
        assert words in said(message)


def test_a_proposal_and_the_news_of_a_leaver_are_one_message(workplace: Workplace) -> None:
    story = Story(workplace, approver=samples.MAX)
    [message] = story.messages()[LINE]
    assert "Approve the handover" in message.text
    assert "Last day" in said(message)


def test_a_manager_who_is_asked_nothing_is_told_all_the_same(workplace: Workplace) -> None:
    story = Story(workplace, approver=samples.MAX, line_manager="", clientless=True, successors=())
    assert any("is leaving" in one.text for one in story.messages()[LINE])


def test_one_person_in_two_roles_gets_one_message(workplace: Workplace) -> None:
    story = Story(workplace, approver=samples.MAX)
    story.decide(approve=True)
    story.workplace.office.clock.at = story.at
    story.workplace.run("revoke")
    assert count(story.new()) == {ASKED: 2, LINE: 1}  # the decision, and the lock-out
    story.workplace.run()
    assert count(story.new()) == {ASKED: 1, LINE: 1, RECEIVER: 1}
    story.workplace.services.offboarding.undo(story.id, COLLEAGUE, WHY)
    story.workplace.run()
    assert count(story.new()) == {ASKED: 1, LINE: 1}


def test_who_opened_a_case_and_approves_it_gets_no_news_of_their_own_act(workplace: Workplace) -> None:
    story = Story(workplace, approver=samples.successor(HR))
    story.decide(approve=True)
    assert count(story.new()) == {}
    workplace.services.offboarding.cancel(story.id, Actor(f"slack:{HR.slack_id}", HR.name), WHY)
    workplace.deliver()
    assert count(story.new()) == {LINE: 1}


def test_who_receives_every_client_and_approved_that_gets_the_note_alone(workplace: Workplace) -> None:
    story = Story(workplace, approver=samples.BOB)
    story.decide(approve=True)
    story.begin()
    [_proposal, note] = story.messages()[RECEIVER]
    assert "You have 4 clients" in note.text


@pytest.mark.parametrize("event", [locked, not_locked, found, undone, cancelled, rescheduled])
def test_the_leaver_is_told_nothing_in_any_role(workplace: Workplace, event: Callable[[Story], None]) -> None:
    story = Story(workplace, line_manager=LEAVER.slack_id)
    event(story)
    assert story.messages()["leaver"] == []


def test_somebody_whom_another_case_has_locked_out_is_told_nothing(workplace: Workplace) -> None:
    story = Story(workplace)
    gone = Leaver(MANAGER.name, MANAGER.email, MANAGER.slack_id, MANAGER.timezone)
    workplace.open(leaver=gone, approver=samples.successor(DIRECTOR), clientless=True, successors=())
    workplace.run("revoke")
    story.new()
    story.begin()
    assert story.new()[LINE] == []


def test_nobody_is_told_of_a_held_case_before_it_is_released(tmp_path: Path) -> None:
    rules = CasePolicy(immediate_needs_second=True, hold_channel=seed.SECURITY_ALERTS)
    with workplace_in(tmp_path, rules=rules) as workplace:
        story = Story(workplace, effective_at=None)
        assert {role for role, every in story.messages().items() if every} == {SECURITY}
        workplace.services.offboarding.release(story.id, COLLEAGUE)
        workplace.deliver()
        assert count(story.new())[LINE] == 1


def test_a_rejected_case_is_told_to_who_asked_alone(tmp_path: Path) -> None:
    rules = CasePolicy(immediate_needs_second=True, hold_channel=seed.SECURITY_ALERTS)
    with workplace_in(tmp_path, rules=rules) as workplace:
        story = Story(workplace, effective_at=None)
        workplace.services.offboarding.reject(story.id, COLLEAGUE)
        workplace.deliver()
        assert count(story.new()) == {ASKED: 1}


def test_receivers_are_told_beforehand_where_the_policy_says_so(tmp_path: Path) -> None:
    with workplace_in(tmp_path, approvals=ApprovalPolicy(tell_receivers=True)) as workplace:
        story = Story(workplace)
        story.decide(approve=True)
        [text] = story.new()[RECEIVER]
        assert "You will have 4 clients of Dana O'Neill" in text
        cancelled(story)
        [text] = story.new()[RECEIVER]
        assert "was cancelled" in text


def test_a_proposal_that_waits_shows_the_new_last_day(workplace: Workplace) -> None:
    story = Story(workplace)
    before = said(story.messages()[APPROVER][0])
    rescheduled(story)
    after = said(story.messages()[APPROVER][0])
    assert "Last day" in after
    assert before != after


def test_a_day_that_comes_back_is_told_again(workplace: Workplace) -> None:
    story = Story(workplace)
    for hours in (HOURS, 2 * HOURS, HOURS):
        workplace.services.offboarding.reschedule(story.id, story.at + hours, COLLEAGUE)
        workplace.deliver()
        new = story.new()
        assert [len(new[role]) for role in (ASKED, LINE, APPROVER)] == [1, 1, 1]


def test_a_settled_finding_is_brought_up_to_date_where_it_was_told(workplace: Workplace) -> None:
    story = Story(workplace)
    found(story)
    workplace.services.offboarding.retry(story.id, "crm", Actor(f"slack:{SAM.slack_id}", SAM.name))
    workplace.run()
    for role in (ASKED, SECURITY):
        [message] = [one for one in story.messages()[role] if "inding" in one.text]
        assert "Every finding has been taken or settled" in message.text


def test_exports_are_told_to_security_alone(workplace: Workplace) -> None:
    story = Story(workplace)
    story.begin()
    story.new()
    with workplace.office.store.write() as session:
        report = FindingReport(FindingKind.EXPORTED, story.id, "crm", detail="2 exports since the lock-out")
        workplace.office.context.findings.report(session, report, "follow-up")
    workplace.deliver()
    assert count(story.new()) == {SECURITY: 1}


def test_the_findings_of_an_audit_are_one_message_to_who_opened_the_cases(workplace: Workplace) -> None:
    story = Story(workplace)
    other = BY_UID["omar.haddad"]
    leaver = Leaver(other.name, other.email, other.slack_id, other.timezone)
    workplace.open(leaver=leaver, approver=samples.successor(DIRECTOR), clientless=True, successors=())
    story.begin()
    story.new()
    for one in (DANA, AccountId(f"crm-{other.uid}")):
        workplace.crm.users[one].active = True
    workplace.services.audits.run_now(Actor(f"slack:{SAM.slack_id}", SAM.name))
    workplace.deliver()
    new = story.new()
    assert count(new) == {ASKED: 1}
    assert "2 new findings" in new[ASKED][0]


BUDGET = {ASKED: 4, LINE: 4, RECEIVER: 2, SECURITY: 1}
"""New messages in eight days of an ordinary case whose line manager approves. Who asked: decision, lock-out, moves, and
what became of the clients on day 7. The manager: proposal, lock-out, moves, and the same. Who receives clients: the
note, and one reminder. Security: the exports, kept up to date in place."""


def test_an_ordinary_case_sends_each_no_more_than_is_needed(workplace: Workplace) -> None:
    story = Story(workplace, approver=samples.MAX)
    story.decide(approve=True)
    story.begin()
    for _day in range(8):
        workplace.office.clock.at += DAY
        workplace.run()
    found = {role: len(every) for role, every in story.messages().items() if every}
    assert found == BUDGET


def test_no_view_of_a_case_says_why_somebody_leaves(workplace: Workplace) -> None:
    """Lists, `handover status --json` and Home are made from these views."""
    story = Story(workplace)
    story.decide(approve=True)
    offboarding = workplace.services.offboarding
    shown = repr([offboarding.case(story.id), *offboarding.briefs(9), *workplace.services.audits.findings()])
    assert not [word for word in SECRET if word in shown.casefold()]


def test_no_file_says_why_somebody_leaves(workplace: Workplace) -> None:
    story = Story(workplace)
    services = workplace.services
    [proposal] = services.proposals.waiting()
    files = [*services.proposals.csv(proposal.id)]
    story.hand_over()
    files += [line for one in services.notes.of_case(story.id) for line in services.notes.csv(one.id)]
    assert len(files) > 8
    assert not [word for word in SECRET if word in "".join(files).casefold()]


def test_the_answer_of_an_approver_shows_what_happens_next(workplace: Workplace) -> None:
    story = Story(workplace)
    story.decide(approve=True)
    assert "The records move on" in said(story.messages()[APPROVER][0])
    story.begin()
    assert "The records move on" not in said(story.messages()[APPROVER][0])


def test_a_new_day_of_return_is_told_and_shown_to_who_has_the_clients(workplace: Workplace) -> None:
    back = samples.NOW + 30 * DAY
    story = Story(workplace, approver=samples.MAX, reason=Reason.LEAVE, return_on=back, keep_access=True)
    story.decide(approve=True)
    story.begin()
    story.new()
    before = story.messages()[RECEIVER][0].blocks
    workplace.services.leaves.move(story.id, back + DAY, COLLEAGUE)
    workplace.deliver()
    assert count(story.new()) == {ASKED: 1, LINE: 1}
    assert story.messages()[RECEIVER][0].blocks != before


def test_a_person_who_is_hired_again_is_told_of_to_whom_the_case_concerned(workplace: Workplace) -> None:
    story = Story(workplace)
    story.hand_over()
    workplace.services.offboarding.close(story.id, COLLEAGUE)
    workplace.deliver()
    new = story.new()
    assert count(new) == {ASKED: 1, LINE: 1, APPROVER: 1}
    assert f"By {JANA.name}" in new[LINE][0]


def test_the_decision_on_a_case_from_the_terminal_goes_to_the_channel_of_hr(workplace: Workplace) -> None:
    story = Story(workplace, requested_by=Actor("cli:root", "root"))
    before = len(workplace.hr.messages("offboarding"))
    story.decide(approve=False)
    [message] = workplace.hr.messages("offboarding")[before:]
    assert "declined" in message.text


def locked_later(story: Story) -> None:
    story.workplace.crm.down = False
    story.workplace.office.clock.at += HOURS
    story.workplace.run()


def undone_at_once(story: Story) -> None:
    story.workplace.services.offboarding.undo(story.id, COLLEAGUE, WHY)
    story.workplace.run()


@pytest.mark.parametrize("over", [locked_later, undone_at_once])
def test_a_failure_that_is_over_shows_so_everywhere(workplace: Workplace, over: Callable[[Story], None]) -> None:
    story = Story(workplace)
    not_locked(story)

    def places() -> list[list[Message]]:
        return [*story.messages().values(), workplace.hr.messages("offboarding")]

    alarms = [[one for one in every if "NOT LOCKED OUT" in one.text] for every in places()]
    assert [len(every) for every in alarms if every] == [1, 1, 1], "who asked, security, the channel"
    over(story)
    assert not [one for every in places() for one in every if "NOT LOCKED" in one.text or "Next automatic" in said(one)]


def test_who_has_a_finding_and_until_when_is_shown_where_it_was_told(workplace: Workplace) -> None:
    story = Story(workplace)
    found(story)
    [finding] = workplace.services.audits.findings()
    by = Actor(f"slack:{SAM.slack_id}", SAM.name)

    def told() -> list[str]:
        workplace.deliver()
        return [said(one) for role in (ASKED, SECURITY) for one in story.messages()[role] if "inding" in one.text]

    workplace.services.audits.take(finding.id, by)
    assert [f"taken by {SAM.name}" in text for text in told()] == [True, True]
    workplace.services.audits.accept(finding.id, workplace.office.clock.now() + DAY, "secret words", by)
    assert ["accepted until the end of" in text and SAM.name in text for text in told()] == [True, True]
    assert not [text for text in told() if "secret words" in text]


def test_what_was_told_of_an_approval_stays_true(workplace: Workplace) -> None:
    """The records move on the last day, and no message says afterwards that they are still to be moved."""
    story = Story(workplace)
    story.decide(approve=True)
    told = said(story.messages()[ASKED][-1])
    assert "The records move on" in told
    assert "being moved now" not in told
    story.begin()
    every = "\n".join(said(one) for one in story.messages()[ASKED])
    assert "All records were read back" in every
    assert not [words for words in ("being moved now", "moved so far", "The records move on") if words in every]


def test_who_asked_is_told_that_nobody_is_left_to_approve(workplace: Workplace) -> None:
    """The approver leaves, too. The message is over once somebody else was asked and has answered."""
    story = Story(workplace)
    story.begin()
    gone = Leaver(DIRECTOR.name, DIRECTOR.email, DIRECTOR.slack_id, DIRECTOR.timezone)
    workplace.open(leaver=gone, approver=samples.MAX, clientless=True, successors=())
    workplace.run("revoke")
    story.new()
    workplace.office.clock.at += 2 * DAY
    workplace.run("approval")
    told = [text for text in story.new()[ASKED] if "Clients of Dana O'Neill" in text]
    assert len(told) == 1
    assert "nobody can be asked" in told[0]
    workplace.office.clock.at += DAY
    workplace.run("approval")
    assert not [text for text in story.new()[ASKED] if "Clients of Dana O'Neill" in text], "once"
    [proposal] = [one for one in workplace.services.proposals.waiting() if one.leaver.slack_id == LEAVER.slack_id]
    workplace.services.appointments.appoint(proposal.id, MANAGER.slack_id, COLLEAGUE, "manager")
    workplace.run("approval")
    over = [said(one) for one in story.messages()[ASKED] if "Clients of Dana O'Neill" in one.text]
    assert ["nobody can be asked" in text for text in over] == [False]
