"""What people do by hand, in Slack and at the command line: who may answer, what is asked, what is shown of it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.slack.client import web_client
from bot.slack.messages import case as case_message
from bot.slack.messages import manual
from bot.slack.notifier import SlackNotifier
from bot.slack.roster import SlackRoster
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.conftest import Office, make_settings, said, strings
from tests.sandbox.company.people import ADMIN, BY_UID, LEAVER, SECURITY
from tests.sandbox.slack import seed
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.records import Message
from workflows.access.views import StepView
from workflows.cases.views import CaseView
from workflows.ports import DeliveryFailed
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.work_state import WorkState

LI = BY_UID["li.wei"].slack_id
BOB = BY_UID["bob.ross"].slack_id


def shown(office: Office, whom: str = LI, ts: str = "") -> Message:
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    where, at = notifier.show(
        OutboxMessage(id="p", kind=MessageKind.MANUAL, subject="case-1:badge", channel=whom, ts=ts)
    )
    message = office.slack.workspace.find(where, at)
    assert message is not None
    return message


def in_channel(office: Office, step: StepView | None = None) -> Message:
    """The step as everybody sees it, escalated to security's channel."""
    office.manual.step = step or office.manual.step
    return shown(office, seed.OFFBOARDING)


def confirm(person: Person, message: Message, note: str = "badge 117 collected", link: str = "") -> None:
    person.click(message, "Mark as Done")
    form = person.modal("Mark as done").fill("note", note)
    (form.fill("link", link) if link else form).submit()


def test_the_assignee_is_asked_and_confirms_with_a_note(office: Office) -> None:
    message = shown(office)
    assert "Switch it off." in said(message)
    assert "Office keys and badge is for you to do by hand" in said(message)
    li = office.person(LI)
    confirm(li, message)
    assert "Nothing was read back" in li.modal("Thank you").text
    assert office.manual.said == [("confirm", f"slack:{LI}", "badge 117 collected", "")]
    assert office.slack.refused() == []


def test_a_confirmed_message_says_who_when_and_what_without_the_question(office: Office) -> None:
    office.manual.step = samples.step(by="Li Wei", note="badge 117", proof="https://x.example/a_b_c?d=1&e=2")
    text = said(shown(office))
    assert "confirmed by Li Wei" in text
    assert "Note: badge 117" in text
    assert "<https://x.example/a_b_c?d=1&amp;e=2>" in text
    assert "rests on that person's word" in text
    assert "Mark as Done" not in text
    assert office.slack.refused() == []


@pytest.mark.parametrize("user", [SECURITY.slack_id, ADMIN.slack_id])
def test_security_and_admin_may_confirm(office: Office, user: str) -> None:
    person = office.person(user)
    confirm(person, in_channel(office))
    person.modal("Thank you")
    assert office.manual.said[0][1] == f"slack:{user}"


def test_anybody_else_may_not_and_the_refusal_is_on_record(office: Office) -> None:
    bob = office.person(BOB)
    bob.click(in_channel(office), "Mark as Done")
    office.private(bob, "not allowed")
    assert bob.view is None
    assert office.journal.notes


@pytest.mark.parametrize("assignee", [LEAVER.slack_id, LI])
def test_the_leaver_never_confirms_not_even_as_assignee(office: Office, assignee: str) -> None:
    office.leaver.click(in_channel(office, samples.step(assignee)), "Mark as Done")
    office.private(office.leaver, "person who leaves cannot answer")
    assert office.leaver.view is None
    assert office.manual.said == []


def test_group_membership_counts_at_the_click_and_again_at_the_submission(office: Office) -> None:
    message = in_channel(office, samples.step(seed.HR_GROUP))
    office.hr.click(message, "Mark as Done")
    form = office.hr.modal("Mark as done").fill("note", "done")
    office.slack.workspace.groups[seed.HR_GROUP].users.clear()
    form.submit()
    assert "not allowed" in office.hr.modal("This did not work").text
    assert office.manual.said == []


def test_who_it_was_escalated_to_may_confirm_only_then(office: Office) -> None:
    step = replace(samples.step(), escalate_to=BOB)
    bob = office.person(BOB)
    bob.click(in_channel(office, step), "Mark as Done")
    office.private(bob, "not allowed")
    confirm(bob, in_channel(office, replace(step, escalated_at=samples.NOW)))
    bob.modal("Thank you")


def test_someone_deactivated_meanwhile_confirms_nothing(office: Office) -> None:
    message = shown(office)
    li = office.person(LI)
    li.click(message, "Mark as Done")
    form = li.modal("Mark as done").fill("note", "done")
    office.slack.workspace.users[LI].deleted = True
    form.submit()
    li.wait_for(lambda: li.view and "active member" in li.view.text)
    assert office.manual.said == []


def test_a_blank_note_is_no_note(office: Office) -> None:
    li = office.person(LI)
    confirm(li, shown(office), "   ")
    assert "goes on record" in li.modal("Mark as done").errors["note"]
    assert office.manual.said == []


NO_LINKS = ("receipt.pdf", "http://x.example/a", "https://x.example/a b", "https://x<!here>/", "https://")


@pytest.mark.parametrize("link", NO_LINKS)
def test_what_is_no_link_is_refused_in_the_form(office: Office, link: str) -> None:
    li = office.person(LI)
    confirm(li, shown(office), link=link)
    assert "https://" in li.modal("Mark as done").errors["link"]
    assert office.manual.said == []


def test_a_link_is_kept_where_a_file_is_asked_for(office: Office) -> None:
    office.manual.step = samples.step(needs_file=True)
    li = office.person(LI)
    confirm(li, shown(office), link="https://northwind.slack.com/files/U0/F1/receipt.pdf")
    li.modal("Thank you")
    assert office.manual.said[0][3] == "https://northwind.slack.com/files/U0/F1/receipt.pdf"


def test_an_old_message_says_who_was_first_and_opens_nothing(office: Office) -> None:
    message = shown(office)
    office.manual.step = samples.step(by="Ada")
    li = office.person(LI)
    li.click(message, "Mark as Done", stale=True)
    office.private(li, "confirmed by Ada already")
    assert li.view is None


def test_two_who_confirm_at_once_are_one_confirmation(office: Office) -> None:
    message = in_channel(office)
    forms = []
    for user in (LI, SECURITY.slack_id):
        person = office.person(user)
        person.click(message, "Mark as Done")
        forms.append((person, person.modal("Mark as done").fill("note", "done")))
    for _person, form in forms:
        form.submit()
    assert len(office.manual.said) == 1
    assert "already" in forms[1][0].modal("This did not work").text


def test_cannot_do_it_passes_the_reason_on(office: Office) -> None:
    li = office.person(LI)
    li.click(shown(office), "Cannot Do It")
    li.modal("Cannot do it").fill("reason", "on leave").submit()
    li.modal("Passed on")
    assert office.manual.said == [("cannot", f"slack:{LI}", "on leave", "")]


def test_a_confirmation_is_taken_back_with_a_reason(office: Office) -> None:
    office.manual.step = samples.step(by="Li Wei")
    li = office.person(LI)
    li.click(shown(office), "Take Back")
    li.modal("Take it back").fill("reason", "wrong badge").submit()
    li.modal("Taken back")
    assert office.manual.said == [("retract", f"slack:{LI}", "wrong badge", "")]


def test_home_shows_what_waits_and_takes_the_answer(office: Office) -> None:
    li = office.person(LI)
    li.home()
    view = li.wait_for(lambda: li.home_now)
    assert "Office keys and badge" in view.text
    assert "Nothing waits for you" not in view.text
    view.click("Mark as Done")
    li.modal("Mark as done")


def test_a_step_called_off_asks_nothing(office: Office) -> None:
    office.manual.step = replace(samples.step(), state=WorkState.CANCELLED, waiting=False)
    text = said(shown(office))
    assert "Not needed any more" in text
    assert "Mark as Done" not in text


# --- the case message


def case(*verdicts: Verdict, step: StepView | None = None, state: CaseState = CaseState.RUNNING) -> CaseView:
    view = samples.case(state, *verdicts)
    return replace(view, systems=(*view.systems, samples.by_hand(step or samples.step())))


def text_of(view: CaseView) -> str:
    return "\n".join(strings(case_message.build(view, samples.NOW).blocks))


def test_a_confirmation_is_shown_as_a_persons_word_beside_what_was_read() -> None:
    view = case(Verdict.LOCKED, Verdict.ABSENT, step=samples.step(by="Ada", note="keys returned"))
    text = text_of(view)
    assert "is locked out of 2 of 2 systems that can be read; Office keys and badge: confirmed by Ada" in text
    assert "? unknown, not read back; confirmed by a person: Ada" in text
    assert "Note: keys returned" in text
    assert "✓" not in text.split("Office keys and badge* – ")[1].split("\n")[0]
    assert "Retry" not in text


def test_an_unconfirmed_step_is_never_shown_as_locked_out() -> None:
    view = case(Verdict.LOCKED, Verdict.LOCKED)
    assert not view.locked_out
    text = text_of(view)
    assert "Office keys and badge: not confirmed by anybody" in text
    assert f"<@{LI}> is asked, until" in text
    assert "Mark as Done" in text


def test_bad_news_comes_first_whatever_is_confirmed() -> None:
    view = case(Verdict.OPEN, Verdict.LOCKED, step=samples.step(by="Ada"))
    assert not view.locked_out
    assert "still OPEN in The system0 (locked out of 1 of 2 systems); Office keys and badge: confirmed by Ada" in (
        case_message.headline(view)
    )


def test_before_the_day_it_says_who_will_be_asked() -> None:
    text = text_of(case(Verdict.UNKNOWN, state=CaseState.SCHEDULED, step=replace(samples.step(), waiting=False)))
    assert f"by hand: <@{LI}> will be asked on the day" in text


def test_words_of_people_are_data() -> None:
    step = replace(
        samples.step(by=samples.NASTY, note=samples.NASTY, proof=samples.NASTY),
        problem=samples.NASTY,
        title=samples.NASTY,
        instructions=samples.NASTY,
    )
    for one in (step, replace(step, waiting=True, confirmed_at=None)):
        whole = case_message.build(case(Verdict.LOCKED, step=one), samples.NOW)
        for text in marked((*manual.build(one).blocks, *whole.blocks)):
            assert not any(bad in text for bad in ("<!channel>", "<script>", "*bold*", "`code`")), text


def marked(thing: Any) -> Iterator[str]:
    """Every text in which Slack reads markup."""
    if isinstance(thing, dict):
        if thing.get("type") == "mrkdwn":
            yield str(thing["text"])
        for value in thing.values():
            yield from marked(value)
    elif isinstance(thing, list | tuple):
        for one in thing:
            yield from marked(one)


# --- who is there


@pytest.fixture
def roster(office: Office) -> SlackRoster:
    return SlackRoster(web_client(office.services.settings.slack))


def test_the_roster_knows_who_is_active(roster: SlackRoster) -> None:
    assert roster.reach(LI) == (LI,)
    assert roster.reach(seed.DEACTIVATED) == ()
    assert roster.reach("U0NOBODY") == ()
    assert roster.reach("S0NOGROUP") == ()
    assert BY_UID["hanna.lind"].slack_id in roster.reach(seed.HR_GROUP)


def test_a_deactivated_member_of_a_group_is_not_asked(office: Office, roster: SlackRoster) -> None:
    office.slack.workspace.groups[seed.HR_GROUP].users.append(seed.DEACTIVATED)
    assert seed.DEACTIVATED not in roster.reach(seed.HR_GROUP)


def test_slack_down_is_not_nobody() -> None:
    settings = make_settings("http://127.0.0.1:9/api/")
    with pytest.raises(DeliveryFailed):
        SlackRoster(web_client(settings.slack, seconds=1)).reach(LI)
