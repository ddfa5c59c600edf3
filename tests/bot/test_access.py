"""Slack's side of access: Undo, Reschedule, Hired Again, Choose Account, Release and Reject, and the warned day."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.slack.forms import offboard
from bot.slack.messages import access, case
from config.settings import Company
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.conftest import Office, said
from tests.bot.test_buttons import post
from tests.bot.test_offboarding import form
from tests.sandbox.company.people import ADMIN, BY_UID
from tests.sandbox.slack import seed
from workflows.cases.views import CaseView
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind


def _case(office: Office, state: CaseState, **change: object) -> CaseView:
    view = replace(samples.case(state, Verdict.LOCKED, Verdict.UNKNOWN), **change)  # type: ignore[arg-type]
    office.offboarding.known["case-1"] = view
    return view


# -- undo


def test_hr_and_security_undo_and_others_do_not(office: Office) -> None:
    _case(office, CaseState.WATCHED, can_undo=True)
    message = post(office, MessageKind.CASE, seed.OFFBOARDING)
    stranger = office.person(BY_UID["raj.patel"].slack_id)
    stranger.click(message, "Give Access Back")
    office.private(stranger, "not allowed")
    assert office.offboarding.done == []
    office.hr.click(message, "Give Access Back")
    office.private(office.hr, "what came back and what cannot")
    assert office.offboarding.done == [("undo", "case-1", f"slack:{office.hr.id}")]


def test_undo_is_asked_for_as_a_danger_and_only_where_something_was_locked(office: Office) -> None:
    view = _case(office, CaseState.WATCHED, can_undo=True)
    [undo, _close] = access.blocks(view, samples.NOW)[-1]["elements"]
    assert undo["style"] == "danger"
    assert "clients are not moved back" in undo["confirm"]["text"]["text"]
    assert "Give Access Back" not in str(case.build(replace(view, can_undo=False), samples.NOW).blocks)


def test_a_refused_undo_says_why(office: Office) -> None:
    _case(office, CaseState.WATCHED, can_undo=True)
    message = post(office, MessageKind.CASE, seed.OFFBOARDING)
    office.offboarding.fails = Refused(Code.TOO_LATE, days="30")
    office.hr.click(message, "Give Access Back")
    office.private(office.hr, "can be undone for 30 days")


def test_an_undone_case_says_what_is_back_and_what_is_not(office: Office) -> None:
    lines = (samples.restored("crm"), samples.restored("directory", done=False))
    _case(office, CaseState.UNDONE, restored=lines)
    words = said(post(office, MessageKind.CASE, seed.OFFBOARDING))
    assert "still to do in The directory" in words
    assert "cannot come back: the sessions that were ended" in words
    assert "Clients are not moved back: 120 records" in words
    assert "Try Again Now" in words
    assert "✓ locked" not in words


# -- holds


def test_security_releases_a_held_case_from_its_channel(office: Office) -> None:
    _case(office, CaseState.HELD, held="mass")
    message = post(office, MessageKind.HELD, seed.SECURITY_ALERTS)
    assert "More cases were opened within an hour" in said(message)
    office.hr.click(message, "Release")
    office.private(office.hr, "not allowed")
    admin = office.person(ADMIN.slack_id)
    admin.click(message, "Release")
    office.private(admin, "not allowed")
    assert office.offboarding.done == []
    office.security.click(message, "Release")
    office.private(office.security, "is released")
    assert office.offboarding.done == [("release", "case-1", f"slack:{office.security.id}")]


def test_who_opened_it_does_not_release_it_even_with_the_role(office: Office) -> None:
    _case(office, CaseState.HELD, held="mass", opened_by=Actor(f"slack:{office.security.id}", "Sam"))
    office.security.click(post(office, MessageKind.HELD, seed.SECURITY_ALERTS), "Release")
    office.private(office.security, "needs a second person")
    assert office.offboarding.done == []


def test_an_immediate_case_may_be_released_by_hr_too(office: Office) -> None:
    _case(office, CaseState.HELD, held="immediate", opened_by=Actor("cli:root", "root"))
    office.hr.click(post(office, MessageKind.CASE, seed.OFFBOARDING), "Release")
    office.private(office.hr, "is released")


def test_a_held_case_is_rejected_and_its_post_settles(office: Office) -> None:
    _case(office, CaseState.HELD, held="mass")
    office.security.click(post(office, MessageKind.HELD, seed.SECURITY_ALERTS), "Reject")
    office.private(office.security, "is rejected")
    assert office.offboarding.done == [("reject", "case-1", f"slack:{office.security.id}")]
    _case(office, CaseState.CANCELLED, settled_by="Sam *Okafor*", settled_at=samples.NOW)
    settled = post(office, MessageKind.HELD, seed.SECURITY_ALERTS)
    assert "was rejected; nothing was locked, by Sam \u2217Okafor\u2217, <!date^" in said(settled)
    assert not [block for block in settled.blocks if block["type"] == "actions"]


def test_the_form_says_that_the_case_is_held(office: Office) -> None:
    office.offboarding.hold = "immediate"
    form(office).fill("when", "now").fill("reason", "resignation").fill("successors", [office.manager.id]).submit()
    shown = office.hr.modal("Case opened").text
    assert "HELD, nothing is locked" in shown
    assert "being locked out now" not in shown


# -- reschedule, hired again


def test_hr_moves_a_case_in_the_leavers_zone_and_is_warned_of_a_sunday(office: Office) -> None:
    _case(office, CaseState.SCHEDULED, effective_at=samples.NOW + timedelta(days=1))
    office.hr.click(post(office, MessageKind.CASE, seed.OFFBOARDING), "Reschedule")
    office.hr.modal("Reschedule").fill("day", "2026-11-29").fill("time", "12:30").submit()
    assert "on a weekend" in office.hr.modal("Rescheduled").text
    assert office.offboarding.done == [("reschedule", "case-1 2026-11-29T12:30:00+00:00", f"slack:{office.hr.id}")]


@pytest.mark.parametrize(("day", "warned"), [("2026-12-04", False), ("2026-12-05", True)])
def test_the_day_that_is_warned_of_is_the_leavers_own(office: Office, day: str, *, warned: bool) -> None:
    leaver = replace(samples.leaver(), timezone="Pacific/Honolulu")  # a working day there ends on the next day in UTC
    _case(office, CaseState.SCHEDULED, effective_at=samples.NOW + timedelta(days=3), leaver=leaver)
    office.hr.click(post(office, MessageKind.CASE, seed.OFFBOARDING), "Reschedule")
    office.hr.modal("Reschedule").fill("day", day).submit()
    assert ("on a weekend" in office.hr.modal("Rescheduled").text) is warned


def test_a_day_in_the_past_keeps_the_form_open(office: Office) -> None:
    _case(office, CaseState.SCHEDULED, effective_at=samples.NOW + timedelta(days=1))
    message = post(office, MessageKind.CASE, seed.OFFBOARDING)
    office.security.click(message, "Reschedule")
    office.private(office.security, "not allowed")
    office.hr.click(message, "Reschedule")
    office.hr.modal("Reschedule").fill("day", "2020-01-01").submit()
    assert "has passed" in office.hr.modal("Reschedule").errors["day"]
    assert office.offboarding.done == []


def test_a_person_hired_again_is_no_longer_watched(office: Office) -> None:
    _case(office, CaseState.WATCHED)
    message = post(office, MessageKind.CASE, seed.OFFBOARDING)
    office.security.click(message, "Hired Again")
    office.private(office.security, "not allowed")
    office.hr.click(message, "Hired Again")
    office.private(office.hr, "case is closed")
    assert office.offboarding.done == [("close", "case-1", f"slack:{office.hr.id}")]


# -- choose account


@pytest.fixture
def waiting(office: Office) -> Office:
    """Return the office with a case that waits for somebody to choose an account."""
    view = samples.case(CaseState.RUNNING, Verdict.UNKNOWN)
    line = replace(view.systems[0], choose=True)
    office.offboarding.known["case-1"] = replace(view, systems=(line,))
    office.security.click(post(office, MessageKind.CASE, seed.OFFBOARDING), "Choose Account")
    return office


def test_security_chooses_one_of_the_matches(waiting: Office) -> None:
    view = waiting.security.modal("Choose account")
    assert "d.oneill" in view.text
    assert "PROTECTED" in view.text
    assert "<!channel>" not in view.text
    options = next(block for block in view.blocks if block.get("block_id") == "choice")["element"]["options"]
    assert [one["text"]["text"].split(" ")[0] for one in options] == ["d.oneill", "They"]
    view.fill("choice", options[0]["value"]).submit()
    assert "d.oneill is linked" in waiting.security.modal("Linked").text
    assert waiting.linking.linked == [("case-1", "system0", "a-1", f"slack:{waiting.security.id}")]
    assert waiting.slack.refused() == []


def test_a_search_shows_the_form_again_with_what_was_found(waiting: Office) -> None:
    waiting.security.modal("Choose account").fill("search", "x<!here>").submit()
    view = waiting.security.modal("Choose account")
    assert "Nothing there has exactly" in view.text
    assert "<!here>" not in view.text
    view.fill("search", "d.oneill").submit()
    assert "dana@private.example" in waiting.security.modal("Choose account").text
    assert waiting.linking.searched == ["", "x<!here>", "d.oneill"]
    assert waiting.linking.linked == []


def test_they_may_have_no_account_and_nothing_chosen_is_said(waiting: Office) -> None:
    waiting.security.modal("Choose account").submit()
    view = waiting.security.modal("Choose account")
    assert "Choose an account" in view.errors["choice"]
    view.fill("choice", "none").submit()
    assert "no account there" in waiting.security.modal("Linked").text
    assert waiting.linking.linked == [("case-1", "system0", "none", f"slack:{waiting.security.id}")]


def test_hr_alone_does_not_link(waiting: Office) -> None:
    waiting.hr.click(post(waiting, MessageKind.CASE, seed.OFFBOARDING), "Choose Account")
    waiting.private(waiting.hr, "not allowed")
    assert waiting.linking.linked == []


# -- the day


def test_a_weekend_as_last_day_is_warned_of_in_the_form(office: Office) -> None:
    view = form(office).fill("reason", "resignation").fill("day", "2026-11-28")
    office.hr.wait_for(lambda: office.hr.view if office.hr.view and "on a weekend" in office.hr.view.text else None)
    view = office.hr.modal("Offboard someone")
    assert view.value("reason")["value"] == "resignation"
    view.fill("day", "2026-11-30")
    office.hr.wait_for(lambda: office.hr.view if office.hr.view and "weekend" not in office.hr.view.text else None)
    view = office.hr.modal("Offboard someone").fill("when", "last_day").fill("day", "2026-11-28")
    view.fill("successors", [office.manager.id]).submit()
    assert "on a weekend" in office.hr.modal("Case opened").text
    assert len(office.offboarding.requests) == 1


def test_a_warning_replaces_the_one_before() -> None:
    view = {"type": "modal", "blocks": [{"type": "input", "block_id": offboard.DAY}], "hash": "x"}
    twice = offboard.warned(offboard.warned(view, "one"), "two")
    assert [block.get("block_id") for block in twice["blocks"]] == [offboard.DAY, offboard.CAREFUL]
    assert "hash" not in twice
    assert Company(name="x", directory="d").friday_end is None


def test_how_late_it_was_is_said(office: Office) -> None:
    view = _case(office, CaseState.RUNNING)
    late = replace(view.systems[0], late="3 h 12 min late: Handover was not running")
    office.offboarding.known["case-1"] = replace(view, systems=(late, view.systems[1]))
    assert "3 h 12 min late: Handover was not running" in said(post(office, MessageKind.CASE, seed.OFFBOARDING))
