"""Stages and legal holds in Slack: the next stage in the case message, all of them and their buttons in its details."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.slack.messages import case, details, news, plan, stages
from connectors.errors import Unavailable
from tests.bot import samples
from tests.bot.workplace import Workplace, said, strings, workplace_in
from tests.workflows.acts import MemoryAct
from tests.workflows.memory import World
from workflows.news import Event
from workflows.stage_acts import StageAct
from workflows.stages.views import OPEN_STATES, SETTLED, StageState, stage_words

SOON = timedelta(days=2)
CRM = World("crm")


@pytest.fixture
def act() -> MemoryAct:
    return MemoryAct(StageAct.RECLAIM_LICENCES, {"crm": World("faults")})


@pytest.fixture
def workplace(tmp_path: Path, act: MemoryAct) -> Iterator[Workplace]:
    """Return a workplace in which one system has licences."""
    with workplace_in(tmp_path, handlers=[act]) as opened:
        yield opened


@pytest.fixture
def ahead(workplace: Workplace) -> str:
    """Return a case that takes effect in two days."""
    case_id = workplace.open(effective_at=workplace.office.clock.now() + SOON)
    workplace.run("inventory")
    return case_id


def change(workplace: Workplace, case_id: str, stage: str = "day 30") -> None:
    message = workplace.post(f"case:{case_id}")
    workplace.hr.click(message, "Details")
    workplace.hr.wait_for(lambda: stage in workplace.hr.modal("Details").text)
    name = stage.replace(" ", "_")
    workplace.hr.modal("Details").click("Change Stage", value=f'{{"case":"{case_id}","stage":"{name}"}}')


def test_the_case_message_has_one_line_about_the_next_stage(workplace: Workplace, ahead: str) -> None:
    text = said(workplace.post(f"case:{ahead}"))
    assert text.count("Next: ") == 1
    assert "Next: day 30" in text
    assert "no system offers this" not in text  # an act that nobody offers is a detail


def test_a_stage_is_moved_skipped_and_run_behind_the_details(workplace: Workplace, ahead: str, act: MemoryAct) -> None:
    change(workplace, ahead)
    form = workplace.hr.modal("Change stage")
    form.fill("what", "skip").submit()
    assert "goes on record" in workplace.hr.modal("Change stage").errors["reason"]
    day = (workplace.office.clock.now() + timedelta(days=50)).date()
    workplace.hr.modal("Change stage").fill("what", "move").fill("day", day.isoformat()).submit()
    workplace.hr.modal("Moved")
    [line] = [one for one in workplace.services.stages.of_case(ahead).stages if one.name == "day_30"]
    assert line.planned_at.date() == day
    workplace.office.clock.pass_(days=3)
    workplace.run()
    change(workplace, ahead)
    workplace.hr.modal("Change stage").fill("what", "run").submit()
    workplace.hr.modal("Runs now")
    workplace.run("stage")
    assert act.writes == {"do:crm": 1}
    assert workplace.actors("stage.run_now") == [f"slack:{workplace.hr.id}"]


def test_a_skipped_stage_says_by_whom_and_why(workplace: Workplace, ahead: str, act: MemoryAct) -> None:
    change(workplace, ahead)
    workplace.hr.modal("Change stage").fill("what", "skip").fill("reason", "seats are paid anyway").submit()
    workplace.hr.modal("Skipped")
    text = "\n".join(strings(details.blocks(workplace.office.offboarding.case(ahead))))
    assert "Skipped by Hanna" in text
    assert "seats are paid anyway" in text
    workplace.office.clock.pass_(days=40)
    workplace.run()
    assert act.writes == {}


def test_security_sets_and_ends_a_hold_and_hr_does_not(workplace: Workplace, ahead: str) -> None:
    message = workplace.post(f"case:{ahead}")
    for person in (workplace.hr, workplace.security):
        person.click(message, "Details")
        person.wait_for(lambda who=person: "legal hold" in who.modal("Details").text)  # type: ignore[misc]
        person.modal("Details").click("Set Hold")
    hr = workplace.hr
    hr.wait_for(lambda: any("not allowed" in said(one) for one in (*hr.ephemerals, *hr.messages())))
    workplace.security.modal("Set legal hold").fill("reason", "a lawsuit").submit()
    workplace.security.modal("Legal hold")
    assert "Legal hold since" in said(workplace.post(f"case:{ahead}"))
    workplace.security.click(workplace.post(f"case:{ahead}"), "Details")
    workplace.security.wait_for(lambda: "a lawsuit" in workplace.security.modal("Details").text)
    workplace.security.modal("Details").click("End Hold")
    workplace.security.modal("End legal hold").fill("reason", "it is over").submit()
    workplace.security.modal("Legal hold")
    assert workplace.office.offboarding.case(ahead).hold is None
    assert "Legal hold since" not in said(workplace.post(f"case:{ahead}"))


def test_who_asked_gets_a_message_about_a_stage_that_failed(workplace: Workplace, ahead: str, act: MemoryAct) -> None:
    act.worlds["crm"].fail("reclaim_licences", Unavailable("gone"), times=9)
    workplace.office.clock.pass_(days=33)
    for _try in range(6):
        workplace.run()
        workplace.office.clock.pass_(minutes=6)
    workplace.deliver()
    told = [one for one in workplace.hr.messages() if "Stage day 30" in said(one)]
    assert len(told) == 1
    assert "not reachable: gone" in said(told[0])


def test_nothing_is_called_done_that_was_not() -> None:
    for stage in samples.stages():
        lines = stages.stage_lines(stage, "today")
        assert ("done: " in "\n".join(lines)) == any(one.done for act in stage.acts for one in act.systems)
        assert "tell the clients (no system offers this)" in "\n".join(lines)
        if stage.state is not StageState.DONE:
            assert not lines[0].endswith(": done")


def test_what_is_open_comes_before_what_is_next_and_ended_stages_have_no_button() -> None:
    view = replace(samples.case(), stages=samples.stages(), hold=samples.hold())
    [line] = stages.next_line(view)
    first = next(one for one in view.stages if one.state in OPEN_STATES)
    assert line == f"⚠ Stage {stage_words(first.name)}: {first.state}. Details say why."
    buttons = [block for block in stages.details(view) if "accessory" in block]
    assert len(buttons) == sum(one.state not in SETTLED for one in view.stages) + 1
    assert "⚖ Legal hold since" in str(case.build(view, samples.NOW).blocks)
    assert "not reachable" in str(news.build(view, Event.STAGE, "U0HR").blocks)


def test_the_plan_shows_the_stages_and_what_each_would_do() -> None:
    text = plan.summary(samples.plan(), [])
    assert "Stages: last day: stop new work for the leaver" in text
    whole = "\n".join(strings(plan.details(samples.plan(), [])))
    assert "leave 2 queues of" in whole
    assert "deactivate the accounts (no system offers this)" in whole
