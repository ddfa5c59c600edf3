"""Access in Slack: undo, reschedule, close, choose an account, release, reject, the warning about a day."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.slack.forms import offboard, reasons
from bot.slack.messages import access, case
from config.client_book import ApprovalSettings
from connectors.contract import AccountId, Verdict
from tests.bot import samples
from tests.bot.slack.test_offboard import form, of_kind
from tests.bot.workplace import Workplace, make_settings, said, workplace_in
from tests.sandbox.company.people import ADMIN, BY_UID
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import Message
from workflows.cases.holds import CasePolicy
from workflows.people import Actor, Leaver
from workflows.storage.rows.case import CaseState

DAY = timedelta(days=1)
RAJ = BY_UID["raj.patel"]
DANA = AccountId("crm-dana.oneill")


@pytest.fixture
def locked(workplace: Workplace) -> str:
    """Return a watched case with the leaver locked out."""
    case_id = workplace.open()
    workplace.run()
    assert workplace.office.offboarding.case(case_id).state is CaseState.WATCHED
    return case_id


def shown(workplace: Workplace, case_id: str) -> Message:
    return workplace.post(f"case:{case_id}")


# -- undo


def test_hr_and_security_undo_and_others_do_not(workplace: Workplace, locked: str) -> None:
    message = shown(workplace, locked)
    stranger = workplace.person(RAJ.slack_id)
    stranger.click(message, "Give Access Back")
    workplace.private(stranger, "not allowed")
    assert workplace.actors("case.undone") == []
    workplace.hr.click(message, "Give Access Back")
    workplace.hr.modal("Give access back?").fill("reason", "  ").submit()
    assert "goes on record" in workplace.hr.modal("Give access back?").errors["reason"]
    workplace.hr.modal("Give access back?").fill("reason", "the wrong Dana").submit()
    assert "what came back and what cannot" in workplace.hr.modal("Undone").text
    assert workplace.actors("case.undone") == [f"slack:{workplace.hr.id}"]
    workplace.run()
    assert workplace.crm.users[DANA].active
    told = said(shown(workplace, locked))
    assert "By Hanna" in told
    assert "the wrong Dana" in told


def test_undo_asks_first_is_never_emphasised_and_only_where_something_was_locked() -> None:
    view = replace(samples.case(CaseState.WATCHED, Verdict.LOCKED, Verdict.UNKNOWN), can_undo=True)
    [undo, _close] = access.blocks(view, samples.NOW)[-1]["elements"]
    assert "style" not in undo, "the emphasised button is the remedy, and giving access back is none"
    assert "Clients are not moved back" in str(reasons.undo(view))
    assert "Give Access Back" not in str(case.build(replace(view, can_undo=False), samples.NOW).blocks)


def test_a_refused_undo_says_why(workplace: Workplace, locked: str) -> None:
    message = shown(workplace, locked)
    workplace.office.clock.pass_(days=31)
    workplace.hr.click(message, "Give Access Back")
    workplace.hr.modal("Give access back?").fill("reason", "a mistake").submit()
    assert "can be undone for 30 days" in workplace.hr.modal("This did not work").text


def test_an_undone_case_says_what_is_back_and_what_is_not(workplace: Workplace) -> None:
    case_id = workplace.hand_over()
    workplace.run()
    workplace.office.offboarding.undo(case_id, Actor(f"slack:{workplace.hr.id}", "Hanna"), "a mistake")
    workplace.directory.down = True
    workplace.run()
    words = said(shown(workplace, case_id))
    assert "still to do in DIRECTORY" in words
    assert "cannot come back: the sessions that were ended" in words
    assert "Clients are not moved back: 3 records" in words
    assert "Try Again Now" in words
    assert "✓ locked" not in words


# -- holds


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Workplace]:
    """Return a workplace that holds the second case in an hour, with one case open."""
    with workplace_in(tmp_path, rules=CasePolicy(mass_cases_per_hour=1, hold_channel="C0SECURITYALERTS")) as workplace:
        workplace.open(leaver=Leaver(RAJ.name, RAJ.email, RAJ.slack_id, RAJ.timezone))
        yield workplace


@pytest.fixture
def careful(tmp_path: Path) -> Iterator[Workplace]:
    """Return a workplace where a lock-out at once needs a second person."""
    rules = CasePolicy(immediate_needs_second=True, hold_channel="C0SECURITYALERTS")
    with workplace_in(tmp_path, rules=rules) as workplace:
        yield workplace


def state(workplace: Workplace, case_id: str) -> CaseState:
    return workplace.office.offboarding.case(case_id).state


def test_security_releases_a_held_case_from_its_channel(crowded: Workplace) -> None:
    case_id = crowded.open()
    message = crowded.post(f"held:{case_id}")
    assert "More cases were opened within an hour" in said(message)
    crowded.hr.click(message, "Release")
    crowded.private(crowded.hr, "not allowed")
    admin = crowded.person(ADMIN.slack_id)
    admin.click(message, "Release")
    crowded.private(admin, "not allowed")
    assert state(crowded, case_id) is CaseState.HELD
    crowded.security.click(message, "Release")
    crowded.private(crowded.security, "is released")
    assert crowded.actors("case.released") == [f"slack:{crowded.security.id}"]
    crowded.run()
    assert not crowded.crm.users[DANA].active


def test_who_opened_it_does_not_release_it_even_with_the_role(crowded: Workplace) -> None:
    crowded.slack.workspace.groups[seed.HR_GROUP].users.append(crowded.security.id)
    case_id = crowded.open(requested_by=Actor(f"slack:{crowded.security.id}", "Sam"))
    crowded.security.click(crowded.post(f"held:{case_id}"), "Release")
    crowded.private(crowded.security, "needs a second person")
    assert state(crowded, case_id) is CaseState.HELD


def test_an_immediate_case_may_be_released_by_hr_too(careful: Workplace) -> None:
    case_id = careful.open(requested_by=Actor("cli:root", "root"))
    assert careful.office.offboarding.case(case_id).held == "immediate"
    careful.hr.click(shown(careful, case_id), "Release")
    careful.private(careful.hr, "is released")


def test_a_held_case_is_rejected_and_its_post_settles(crowded: Workplace) -> None:
    case_id = crowded.open()
    crowded.slack.workspace.users[crowded.security.id].real_name = "Sam *Okafor*"
    crowded.security.click(crowded.post(f"held:{case_id}"), "Reject")
    crowded.private(crowded.security, "is rejected")
    assert crowded.actors("case.rejected") == [f"slack:{crowded.security.id}"]
    settled = crowded.post(f"held:{case_id}")
    assert "was rejected; nothing was locked, by Sam \u2217Okafor\u2217, <!date^" in said(settled)
    assert not [block for block in settled.blocks if block["type"] == "actions"]
    assert crowded.crm.users[DANA].active


def test_the_form_says_that_the_case_is_held(careful: Workplace) -> None:
    form(careful).fill("when", "now").fill("reason", "resignation").submit()
    shown = careful.hr.modal("Case opened").text
    assert "HELD, nothing is locked" in shown
    assert "being locked out now" not in shown


# -- reschedule, hired again


def test_hr_moves_a_case_in_the_leavers_zone_and_is_warned_of_a_sunday(workplace: Workplace) -> None:
    case_id = workplace.open(effective_at=samples.NOW + DAY)
    workplace.hr.click(shown(workplace, case_id), "Reschedule")
    workplace.hr.modal("Reschedule").fill("day", "2026-11-29").fill("time", "12:30").submit()
    assert "on a weekend" in workplace.hr.modal("Rescheduled").text
    assert workplace.actors("case.rescheduled") == [f"slack:{workplace.hr.id}"]
    assert workplace.office.offboarding.case(case_id).effective_at == datetime(2026, 11, 29, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(("day", "warned"), [("2026-12-04", False), ("2026-12-05", True)])
def test_the_day_that_is_warned_of_is_the_leavers_own(workplace: Workplace, day: str, *, warned: bool) -> None:
    leaver = replace(samples.leaver(), timezone="Pacific/Honolulu")  # a working day there ends on the next day in UTC
    case_id = workplace.open(leaver=leaver, effective_at=samples.NOW + 3 * DAY)
    workplace.hr.click(shown(workplace, case_id), "Reschedule")
    workplace.hr.modal("Reschedule").fill("day", day).submit()
    assert ("on a weekend" in workplace.hr.modal("Rescheduled").text) is warned


def test_a_day_in_the_past_keeps_the_form_open(workplace: Workplace) -> None:
    case_id = workplace.open(effective_at=samples.NOW + DAY)
    message = shown(workplace, case_id)
    workplace.security.click(message, "Reschedule")
    workplace.private(workplace.security, "not allowed")
    workplace.hr.click(message, "Reschedule")
    workplace.hr.modal("Reschedule").fill("day", "2020-01-01").submit()
    assert "has passed" in workplace.hr.modal("Reschedule").errors["day"]
    assert workplace.actors("case.rescheduled") == []


def test_a_person_hired_again_is_no_longer_watched(workplace: Workplace, locked: str) -> None:
    message = shown(workplace, locked)
    workplace.security.click(message, "Hired Again")
    workplace.private(workplace.security, "not allowed")
    workplace.hr.click(message, "Hired Again")
    workplace.hr.modal("Hired again?").fill("access", "Leave it locked").submit()
    assert "case is closed" in workplace.hr.modal("Closed").text
    assert workplace.actors("case.closed") == [f"slack:{workplace.hr.id}"]
    assert state(workplace, locked) is CaseState.CLOSED
    workplace.run()
    assert not workplace.crm.users[DANA].active
    workplace.hr.click(shown(workplace, locked), "Give Access Back")
    workplace.hr.modal("Give access back?").fill("reason", "she needs it after all").submit()
    workplace.run()
    assert state(workplace, locked) is CaseState.UNDONE
    assert workplace.crm.users[DANA].active


def test_a_person_hired_again_gets_the_former_access_back(workplace: Workplace, locked: str) -> None:
    workplace.hr.click(shown(workplace, locked), "Hired Again")
    workplace.hr.modal("Hired again?").fill("access", "Give the former access back").submit()
    workplace.run()
    assert state(workplace, locked) is CaseState.UNDONE
    assert workplace.crm.users[DANA].active
    assert "Hired again" in said(shown(workplace, locked))


# -- choose account


@pytest.fixture
def waiting(workplace: Workplace) -> str:
    """Return a case that waits for a choice of two accounts. Security has the form open."""
    workplace.crm.users[DANA].name = samples.NASTY
    workplace.crm.user("crm-boss", samples.leaver().email, login="boss", name="The Boss", protected="an administrator")
    workplace.crm.user("crm-private", "dana@private.example", login="d.oneill", name=samples.NASTY)
    case_id = workplace.open()
    workplace.run("revoke")
    workplace.security.click(shown(workplace, case_id), "Choose Account")
    return case_id


def test_security_chooses_one_of_the_matches(workplace: Workplace, waiting: str) -> None:
    view = workplace.security.modal("Choose account")
    assert "dana.oneill" in view.text
    assert "an administrator" in view.text
    assert "<!channel>" not in view.text
    options = next(block for block in view.blocks if block.get("block_id") == "choice")["element"]["options"]
    assert [one["text"]["text"].split(" ")[0] for one in options] == ["dana.oneill", "They"]
    view.fill("choice", options[0]["value"]).submit()
    assert "dana.oneill is linked" in workplace.security.modal("Linked").text
    assert workplace.actors("account.linked") == [f"slack:{workplace.security.id}"]
    workplace.run("revoke")
    assert not workplace.crm.users[DANA].active
    assert workplace.crm.users[AccountId("crm-boss")].active
    assert workplace.slack.refused() == []


def test_a_search_shows_the_form_again_with_what_was_found(workplace: Workplace, waiting: str) -> None:
    workplace.security.modal("Choose account").fill("search", "x<!here>").submit()
    view = workplace.security.modal("Choose account")
    assert "No account there has exactly" in view.text
    assert "<!here>" not in view.text
    view.fill("search", "d.oneill").submit()
    assert "dana@private.example" in workplace.security.modal("Choose account").text
    assert workplace.actors("account.linked") == []


def test_they_may_have_no_account_and_nothing_chosen_is_said(workplace: Workplace, waiting: str) -> None:
    workplace.security.modal("Choose account").submit()
    view = workplace.security.modal("Choose account")
    assert "Choose an account" in view.errors["choice"]
    view.fill("choice", "none").submit()
    view = workplace.security.modal("Choose account")
    assert "Write a reason" in view.errors["reason"]
    view.fill("reason", "never worked in sales").submit()
    assert "no account there" in workplace.security.modal("Linked").text
    assert workplace.actors("account.linked") == [f"slack:{workplace.security.id}"]
    workplace.run("revoke")
    assert workplace.crm.users[DANA].active


def test_hr_alone_does_not_link(workplace: Workplace, waiting: str) -> None:
    workplace.hr.click(shown(workplace, waiting), "Choose Account")
    workplace.private(workplace.hr, "not allowed")
    assert workplace.actors("account.linked") == []


# -- the day


def test_a_weekend_as_last_day_is_warned_of_in_the_form(workplace: Workplace) -> None:
    view = of_kind(workplace, "last_day").fill("reason", "resignation").fill("day", "2026-11-28")
    workplace.hr.wait_for(
        lambda: workplace.hr.view if workplace.hr.view and "on a weekend" in workplace.hr.view.text else None
    )
    view = workplace.hr.modal("Offboard someone")
    assert view.value("reason")["value"] == "resignation"
    view.fill("day", "2026-11-30")
    workplace.hr.wait_for(
        lambda: workplace.hr.view if workplace.hr.view and "weekend" not in workplace.hr.view.text else None
    )
    view.fill("day", "2026-11-28").submit()
    assert "on a weekend" in workplace.hr.modal("Case opened").text
    assert workplace.actors("case.opened") == [f"slack:{workplace.hr.id}"]


def test_the_weekend_is_that_of_the_leavers_own_country(workplace: Workplace) -> None:
    approvals = ApprovalSettings(calendars={"Europe/Dublin": "IL"})
    object.__setattr__(workplace.services.settings, "approvals", approvals)
    view = of_kind(workplace, "last_day").fill("day", "2026-11-29").fill("day", "2026-11-27")  # a Friday
    workplace.hr.wait_for(lambda: "2026-11-27 is on a weekend" in view.text)
    view.fill("day", "2026-11-29")
    workplace.hr.wait_for(lambda: "weekend" not in view.text)


def test_a_warning_replaces_the_one_before() -> None:
    settings = make_settings()
    chosen = {offboard.WHEN: {"value": {"selected_option": {"value": offboard.LAST_DAY}}}}
    view = {"type": "modal", "blocks": [], "hash": "x", "state": {"values": chosen}}
    once = offboard.reshaped(view, settings, "one")
    twice = offboard.reshaped({**once, "state": view["state"]}, settings, "two")
    shown = [block.get("block_id") for block in twice["blocks"]]
    assert shown[:3] == [offboard.WHEN, offboard.DAY, offboard.CAREFUL]
    assert shown.count(offboard.CAREFUL) == 1
    assert "hash" not in twice


def test_how_late_it_was_is_said(workplace: Workplace) -> None:
    case_id = workplace.open(effective_at=samples.NOW + DAY)
    workplace.office.clock.pass_(days=1, hours=3, minutes=12)
    workplace.run()
    assert "3 h 12 min late: Handover was not running" in said(shown(workplace, case_id))
