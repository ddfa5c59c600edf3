"""Manual steps in Slack and at the command line: permission, questions, answers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.slack.client import web_client
from bot.slack.members import SlackMembers
from bot.slack.messages import case as case_message
from bot.slack.messages import manual
from connectors.contract import Verdict
from connectors.manual import MANIFEST
from connectors.manual.settings import ManualSettings
from tests.bot import samples
from tests.bot.workplace import Workplace, make_settings, said, strings, workplace_in
from tests.sandbox.company.people import ADMIN, BY_UID, LEAVER, SECURITY
from tests.sandbox.slack import seed
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.records import Message
from workflows.access.views import StepView
from workflows.cases.views import CaseView
from workflows.people import Actor
from workflows.ports import DeliveryFailed
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind
from workflows.systems.registry import System, titled

LI = BY_UID["li.wei"].slack_id
BOB = BY_UID["bob.ross"].slack_id
Opens = Callable[..., Workplace]


def badge(**change: Any) -> System:
    own = {
        "title": "Office keys and badge",
        "instructions": "Take the badge.\nSwitch it off.",
        "assignee": LI,
        "due_hours": 24,
        "remind_hours": 8,
        "escalate_to": BOB,
        "ask_again_days": 90,
    }
    settings = ManualSettings.model_validate({**own, **change})
    return titled(System("badge", MANIFEST, MANIFEST.connector(settings)), settings.title)  # type: ignore[call-arg]


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    """Return a function that opens a workplace with a manual step and Dana's case."""
    with ExitStack() as stack:

        def opened(**change: Any) -> Workplace:
            workplace = stack.enter_context(workplace_in(tmp_path, badge(**change)))
            workplace.open()
            workplace.run("manual")
            return workplace

        yield opened


@pytest.fixture
def asked(opens: Opens) -> Workplace:
    """Return a workplace in which Li Wei has been asked."""
    return opens()


def step(workplace: Workplace) -> StepView:
    [case] = workplace.services.offboarding.cases()
    return workplace.services.manual.view(f"{case.id}:badge")


def shown(workplace: Workplace) -> Message:
    """Return the newest message that asks for the step, in any channel."""
    workplace.deliver()
    posts = [post for post in workplace.posts().values() if post.kind == MessageKind.MANUAL]
    newest = max(posts, key=lambda post: float(post.ts))
    message = workplace.slack.workspace.find(newest.channel, newest.ts)
    assert message is not None
    return message


def in_channel(workplace: Workplace) -> Message:
    """Return the case message. It has the step's buttons for all readers."""
    [case] = workplace.services.offboarding.cases()
    return workplace.post(f"case:{case.id}")


def confirm(person: Person, message: Message, note: str = "badge 117 collected", link: str = "") -> None:
    person.click(message, "Mark as Done")
    form = person.modal("Mark as done").fill("note", note)
    (form.fill("link", link) if link else form).submit()


def test_the_assignee_is_asked_and_confirms_with_a_note(asked: Workplace) -> None:
    message = shown(asked)
    assert "Switch it off." in said(message)
    assert "please do Office keys and badge by hand" in said(message)
    li = asked.person(LI)
    confirm(li, message)
    assert "Nothing was read back" in li.modal("Thank you").text
    assert (step(asked).confirmed_by, step(asked).note) == (BY_UID["li.wei"].name, "badge 117 collected")
    assert asked.actors("manual.confirmed") == [f"slack:{LI}"]
    assert asked.slack.refused() == []


def test_a_confirmed_message_says_who_when_and_what_without_the_question(opens: Opens) -> None:
    asked = opens(proof="file")
    li = asked.person(LI)
    confirm(li, shown(asked), "badge 117", "https://x.example/a_b_c?d=1&e=2")
    li.modal("Thank you")
    text = said(shown(asked))
    assert f"confirmed by {BY_UID['li.wei'].name}" in text
    assert "Note: badge 117" in text
    assert "<https://x.example/a_b_c?d=1&amp;e=2>" in text
    assert "rests on that person's statement" in text
    assert "Mark as Done" not in text
    assert asked.slack.refused() == []


@pytest.mark.parametrize("user", [SECURITY.slack_id, ADMIN.slack_id])
def test_security_and_admin_may_confirm(asked: Workplace, user: str) -> None:
    person = asked.person(user)
    confirm(person, in_channel(asked))
    person.modal("Thank you")
    assert asked.actors("manual.confirmed") == [f"slack:{user}"]


def test_anybody_else_may_not_and_the_refusal_is_on_record(opens: Opens) -> None:
    asked = opens(escalate_to="")
    bob = asked.person(BOB)
    bob.click(in_channel(asked), "Mark as Done")
    asked.private(bob, "not allowed")
    assert bob.view is None
    assert asked.actors("refused") == [f"slack:{BOB}"]


@pytest.mark.parametrize("assignee", [LEAVER.slack_id, LI])
def test_the_leaver_never_confirms_not_even_as_assignee(opens: Opens, assignee: str) -> None:
    asked = opens(assignee=assignee)
    asked.leaver.click(in_channel(asked), "Mark as Done")
    asked.private(asked.leaver, "This case is about you")
    assert asked.leaver.view is None
    assert not step(asked).confirmed


def test_group_membership_counts_at_the_click_and_again_at_the_submission(opens: Opens) -> None:
    asked = opens(assignee=seed.HR_GROUP)
    asked.hr.click(in_channel(asked), "Mark as Done")
    form = asked.hr.modal("Mark as done").fill("note", "done")
    asked.slack.workspace.groups[seed.HR_GROUP].users.clear()
    form.submit()
    assert "not allowed" in asked.hr.modal("This did not work").text
    assert not step(asked).confirmed


def test_who_it_was_escalated_to_may_confirm_only_then(asked: Workplace) -> None:
    bob = asked.person(BOB)
    bob.click(in_channel(asked), "Mark as Done")
    asked.private(bob, "not allowed")
    asked.office.clock.pass_(days=1, minutes=1)
    asked.run("manual")
    assert step(asked).escalated_at
    confirm(bob, shown(asked))
    bob.modal("Thank you")


def test_someone_deactivated_meanwhile_confirms_nothing(asked: Workplace) -> None:
    message = shown(asked)
    li = asked.person(LI)
    li.click(message, "Mark as Done")
    form = li.modal("Mark as done").fill("note", "done")
    asked.slack.workspace.users[LI].deleted = True
    form.submit()
    li.wait_for(lambda: li.view and "active, full member" in li.view.text)
    assert not step(asked).confirmed


def test_a_blank_note_is_no_note(asked: Workplace) -> None:
    li = asked.person(LI)
    confirm(li, shown(asked), "   ")
    assert "goes on record" in li.modal("Mark as done").errors["note"]
    assert not step(asked).confirmed


NO_LINKS = ("receipt.pdf", "http://x.example/a", "https://x.example/a b", "https://x<!here>/", "https://")


@pytest.mark.parametrize("link", NO_LINKS)
def test_what_is_no_link_is_refused_in_the_form(asked: Workplace, link: str) -> None:
    li = asked.person(LI)
    confirm(li, shown(asked), link=link)
    assert "https://" in li.modal("Mark as done").errors["link"]
    assert not step(asked).confirmed


def test_a_link_is_kept_where_a_file_is_asked_for(opens: Opens) -> None:
    asked = opens(proof="file")
    li = asked.person(LI)
    confirm(li, shown(asked), link="https://northwind.slack.com/files/U0/F1/receipt.pdf")
    li.modal("Thank you")
    assert step(asked).proof == "https://northwind.slack.com/files/U0/F1/receipt.pdf"


def test_an_old_message_says_who_was_first_and_opens_nothing(asked: Workplace) -> None:
    message = shown(asked)
    asked.services.manual.confirm(step(asked).id, Actor(f"slack:{ADMIN.slack_id}", "Ada"), "done")
    li = asked.person(LI)
    li.click(message, "Mark as Done", stale=True)
    asked.private(li, "confirmed by Ada already")
    assert li.view is None


def test_two_who_confirm_at_once_are_one_confirmation(asked: Workplace) -> None:
    message = in_channel(asked)
    forms = []
    for user in (LI, SECURITY.slack_id):
        person = asked.person(user)
        person.click(message, "Mark as Done")
        forms.append((person, person.modal("Mark as done").fill("note", "done")))
    for _person, form in forms:
        form.submit()
    assert "already" in forms[1][0].modal("This did not work").text
    assert len(asked.actors("manual.confirmed")) == 1


def test_cannot_do_it_passes_the_reason_on(asked: Workplace) -> None:
    li = asked.person(LI)
    li.click(shown(asked), "Cannot Do It")
    li.modal("Cannot do it").fill("reason", "on leave").submit()
    li.modal("Passed on")
    assert asked.actors("manual.cannot") == [f"slack:{LI}"]
    assert "on leave" in step(asked).problem


def test_a_confirmation_is_taken_back_with_a_reason(asked: Workplace) -> None:
    li = asked.person(LI)
    confirm(li, shown(asked))
    li.modal("Thank you").close()
    li.click(shown(asked), "Take Back")
    li.modal("Take back confirmation").fill("reason", "wrong badge").submit()
    li.modal("Taken back")
    assert asked.actors("manual.retracted") == [f"slack:{LI}"]
    assert not step(asked).confirmed


def test_home_shows_what_waits_and_takes_the_answer(asked: Workplace) -> None:
    li = asked.person(LI)
    li.home()
    view = li.wait_for(lambda: li.home_now)
    assert "Office keys and badge" in view.text
    assert "You have nothing to do" not in view.text
    view.click("Mark as Done")
    li.modal("Mark as done")


def test_a_step_called_off_asks_nothing(asked: Workplace) -> None:
    assert "Mark as Done" in said(shown(asked))
    asked.run("revoke")
    asked.services.offboarding.undo(step(asked).case_id, Actor(f"slack:{asked.hr.id}", "Hanna"), "a mistake")
    text = said(shown(asked))
    assert "No longer needed" in text
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
    assert f"by hand: <@{LI}> will be asked at the effective time" in text


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
    """Yield every text with Slack's markup."""
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
def roster(workplace: Workplace) -> SlackMembers:
    return SlackMembers(web_client(workplace.services.settings.slack))


def test_the_roster_knows_who_is_active(roster: SlackMembers) -> None:
    assert roster.reach(LI) == (LI,)
    assert roster.reach(seed.DEACTIVATED) == ()
    assert roster.reach("U0NOBODY") == ()
    assert roster.reach("S0NOGROUP") == ()
    assert BY_UID["hanna.lind"].slack_id in roster.reach(seed.HR_GROUP)


def test_a_deactivated_member_of_a_group_is_not_asked(workplace: Workplace, roster: SlackMembers) -> None:
    workplace.slack.workspace.groups[seed.HR_GROUP].users.append(seed.DEACTIVATED)
    assert seed.DEACTIVATED not in roster.reach(seed.HR_GROUP)


def test_slack_down_is_not_nobody() -> None:
    settings = make_settings("http://127.0.0.1:9/api/")
    with pytest.raises(DeliveryFailed):
        SlackMembers(web_client(settings.slack, seconds=1)).reach(LI)
