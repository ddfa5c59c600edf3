"""A leave in Slack and at the terminal: the form's fields, the question, its two answers."""

from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.slack.forms import offboard
from bot.slack.forms.fields import InvalidForm
from bot.slack.messages import case, guide, leave, note, proposal
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, handover
from tests.bot.slack.test_buttons import newest
from tests.bot.slack.test_moves import DONE
from tests.bot.workplace import OPENER, Workplace, said
from tests.sandbox.company.people import BY_UID, HR
from tests.sandbox.slack.records import Message
from workflows.business_days import BusinessDays
from workflows.cases.views import CaseView
from workflows.clients.views import LeaveView
from workflows.storage.rows.case import CaseState, Reason
from workflows.storage.rows.clients import LeaveAnswer
from workflows.storage.rows.outbox import MessageKind

BACK = samples.NOW + timedelta(days=30)
WAITS = LeaveView(BACK, True, samples.NOW, LeaveAnswer.NONE, "", None)


def view(way_back: LeaveView = WAITS) -> CaseView:
    return replace(samples.case(CaseState.ON_LEAVE, Verdict.UNKNOWN), systems=(), clients=DONE, leave=way_back)


def answered(answer: str) -> LeaveView:
    return replace(WAITS, answer=LeaveAnswer(answer), answered_by=samples.NASTY, answered_at=samples.NOW)


@pytest.fixture
def returned(workplace: Workplace) -> Message:
    """Return the question of a leave on the day of return."""
    workplace.hand_over(
        reason=Reason.LEAVE, effective_at=samples.NOW, return_on=samples.NOW + timedelta(days=30), keep_access=True
    )
    workplace.run()
    workplace.office.clock.pass_(days=30)
    workplace.run()
    return newest(workplace, MessageKind.RETURN)


@pytest.mark.usefixtures("returned")
def test_the_question_waits_on_home_until_it_is_answered(workplace: Workplace) -> None:
    waits = f"{samples.leaver().name}* is due back"
    workplace.hr.home()
    workplace.hr.wait_for(lambda: (shown := workplace.hr.home_now) and waits in shown.text)
    workplace.manager.home()
    assert waits not in workplace.manager.wait_for(lambda: workplace.manager.home_now).text, "nobody without the right"
    [case] = workplace.cases()
    workplace.services.leaves.stay(case.id, OPENER)
    workplace.hr.home()
    workplace.hr.wait_for(lambda: (shown := workplace.hr.home_now) and waits not in shown.text)


def test_the_question_is_answered_once(workplace: Workplace, returned: Message) -> None:
    assert "3 records wait for an answer" in said(returned)
    stranger = workplace.person(BY_UID["raj.patel"].slack_id)
    stranger.click(returned, "Leave Them There", stale=True)
    workplace.private(stranger, "not allowed")
    workplace.hr.click(returned, "Leave Them There", stale=True)
    workplace.private(workplace.hr, "stay where they are")
    workplace.security.click(returned, "Leave Them There", stale=True)
    workplace.private(workplace.security, f"{HR.name} has answered this already")
    assert workplace.actors("leave.stay") == [f"slack:{workplace.hr.id}"]


def test_the_case_says_where_the_return_stands() -> None:
    def told(one: CaseView, days: int = 0) -> str:
        return str(case.build(one, samples.NOW + timedelta(days=days)).blocks)

    assert "Handover then asks" in told(view())
    assert "waits for an answer" in told(view(), days=31)
    assert "Exports" not in told(replace(view(), exports="not recorded yet"))
    assert ", on leave ·" in told(view())
    assert ", back ·" in told(view(answered("put back")))
    assert "– back," in guide.line(view(answered("put back")))


def test_who_decides_and_who_receives_hear_that_it_is_for_a_time() -> None:
    for_a_time = str(proposal.build(replace(samples.proposal(), until=BACK), [], 0).blocks)
    assert "*For a time:*" in for_a_time
    assert "For a time" not in str(proposal.build(samples.proposal(), [], 0).blocks)
    told = str(note.build(replace(samples.note(), until=BACK)).blocks)
    assert "*For a time:*" in told
    assert "while Dana O'Neill is away" in told
    assert "in place of" not in told
    assert "in place of" in str(note.build(samples.note()).blocks)


def test_the_other_answer_opens_the_look_first(workplace: Workplace, returned: Message) -> None:
    workplace.hr.click(returned, "Put Clients Back", stale=True)
    assert "would go back" in workplace.hr.modal("Put clients back").text


@pytest.mark.parametrize("answer", ["put back", "stay", "nothing"])
def test_an_answered_question_has_no_buttons_and_says_by_whom(answer: str) -> None:
    message = leave.build(view(answered(answer)))
    assert not [block for block in message.blocks if block["type"] == "actions"]
    assert "<!channel>" not in str(message.blocks)


def test_the_case_says_that_access_stays_and_when_the_person_is_back() -> None:
    message = case.build(view(), samples.NOW)
    assert "access stays" in message.text
    assert "Handover then asks whether the clients go back" in str(message.blocks)
    assert "back from leave" in case.build(view(answered("stay")), samples.NOW).text


def test_the_form_reads_a_leave() -> None:
    keep = {"selected_options": [{"value": offboard.KEEP}]}
    values: dict[str, Any] = {
        offboard.WHEN: {"value": {"selected_option": {"value": offboard.LEAVE}}},
        offboard.DAY: {"value": {"selected_date": "2026-11-23"}},
        offboard.RETURN: {"value": {"selected_date": "2027-01-10"}},
        offboard.ACCESS: {"value": keep},
    }
    good = {"state": {"values": values}, "blocks": [{"block_id": offboard.RETURN}]}
    days = BusinessDays(time(17))
    wish = offboard.parse(good, days, samples.NOW)
    assert (wish.back, wish.keep_access, wish.reason) == (date(2027, 1, 10), True, Reason.LEAVE)
    assert offboard.departure(wish.facts(), "") == wish
    for day in ("2026-11-23", None):
        values[offboard.RETURN] = {"value": {"selected_date": day}}
        with pytest.raises(InvalidForm) as refused:
            offboard.parse(good, days, samples.NOW)
        assert set(refused.value.faults) == {offboard.RETURN}
    good["blocks"] = []
    with pytest.raises(InvalidForm) as refused:
        offboard.parse(good, days, samples.NOW)
    assert set(refused.value.faults) == {offboard.WHEN}, "Slack refuses a fault of a field that is not there"


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


def test_the_terminal_shows_answers_and_moves_the_day(config: str) -> None:
    wiring = Wiring()
    wiring.offboarding.known["case-1"] = view()
    shown = handover(wiring, "returning", "case-1", "--config", config)
    assert "Back on 2026-12-23" in shown.stdout
    assert handover(wiring, "returning", "case-1", "--on", "2027-03-01T08:00", "--config", config).exit_code == 0
    assert handover(wiring, "returning", "case-1", "--on", "now", "--config", config).exit_code == 2
    assert handover(wiring, "returning", "case-1", "--on", "x", "--stay", "--config", config).exit_code == 2
    assert handover(wiring, "returning", "case-1", "--stay", "--config", config).exit_code == 2  # answered already
    assert [one[0] for one in wiring.leaves.done] == ["2027-03-01T08:00:00+00:00"]


def test_the_terminal_opens_a_leave(config: str) -> None:
    wiring = Wiring()
    base = (
        "offboard",
        samples.leaver().email,
        "--approver",
        samples.MAX.email,
        "--successor",
        samples.BOB.email,
        "--yes",
        "--keep-access",
        "--config",
        config,
    )
    assert handover(wiring, *base).exit_code == 2
    handover(wiring, *base, "--return-on", "2027-03-01T08:00")
    [request] = wiring.offboarding.requests
    assert request.keep_access
    assert request.return_on is not None
    asked = handover(wiring, *[one for one in base if one != "--yes"], "--return-on", "2027-03-01T08:00", typed="n\n")
    assert "Lock nothing." in asked.output
