"""Commands on one person's case, however the person is named, and the list of who leaves this week."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import workdays
from bot.slack.listeners.offboarding import ABOUT, ParsedCommand, Verb, parse
from bot.slack.messages import acts, guide
from bot.slack.messages.blocks import unpack
from tests.bot import samples
from tests.bot.conftest import make_settings
from tests.bot.workplace import OPENER, Workplace, said, workplace_in
from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER
from tests.sandbox.slack import seed
from workflows.cases.holds import CasePolicy
from workflows.people import Actor, Leaver
from workflows.storage.rows.case import CaseState, Reason

SOON = samples.NOW + timedelta(days=2)
ID, BERLIN = "HO-261124-0a1b2c", ZoneInfo("Europe/Berlin")


def named(how: str, case_id: str) -> tuple[str, str]:
    """Return how a person is typed and how the answer names them."""
    forms = {"mention": (f"@{LEAVER.uid}", f"<@{LEAVER.slack_id}>"), "address": (LEAVER.email,) * 2}
    return forms.get(how, (case_id.lower() if how == "lower case id" else case_id, case_id))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("cancel <@U1|dana>", ParsedCommand(Verb.CANCEL, user="U1")),
        ("UNDO dana@example.com", ParsedCommand(Verb.UNDO, email="dana@example.com")),
        (f"reschedule {ID.lower()}", ParsedCommand(Verb.RESCHEDULE, case=ID)),
        (ID, ParsedCommand(Verb.STATUS, case=ID)),
        (f"status {ID}", ParsedCommand(Verb.STATUS, case=ID)),
        ("cancel", ParsedCommand(Verb.CANCEL)),
        ("cancel dana", ParsedCommand(Verb.CANCEL, words="dana")),
        ("cancel <@U1> <@U2>", ParsedCommand(Verb.CANCEL, words="<@U1> <@U2>")),
        ("week", ParsedCommand(Verb.WEEK)),
        ("week next", ParsedCommand(Verb.WEEK, words="next")),
        ("cancelled @dana", ParsedCommand(Verb.UNKNOWN, words="cancelled @dana")),
    ],
)
def test_a_command_names_one_person_or_nobody(text: str, meant: ParsedCommand) -> None:
    assert parse(text) == meant


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("cancle <@U0DANA|dana.oneill>", "cancle @dana.oneill"),
        ("cancle <@U0DANA>", "cancle @U0DANA"),
        ("cancle <mailto:dana@x.example|dana@x.example>", "cancle dana@x.example"),
        ("cancle <script> <!channel>", "cancle &lt;script&gt; &lt;!channel&gt;"),
        ("cancle < & >", "cancle &lt; &amp; &gt;"),
    ],
)
def test_what_is_no_command_is_repeated_as_it_was_typed(sent: str, typed: str) -> None:
    assert guide.as_typed(sent) == typed


@pytest.mark.parametrize("how", ["mention", "address", "id", "lower case id"])
def test_a_case_is_cancelled_in_the_form_that_the_command_opens(workplace: Workplace, how: str) -> None:
    workplace.open(effective_at=SOON)
    [case] = workplace.cases()
    workplace.hr.command("/offboard", f"cancel {named(how, case.id)[0]}")
    form = workplace.hr.modal("Cancel offboarding")
    assert workplace.actors("case.cancelled") == [], "a command alone cancels nothing"
    form.fill("reason", "she stays").submit()
    assert "is cancelled" in workplace.hr.modal("Cancelled").text
    assert workplace.actors("case.cancelled") == [f"slack:{HR.slack_id}"]


@pytest.mark.parametrize("how", ["mention", "address", "id"])
def test_a_case_is_rescheduled_in_the_form_that_the_command_opens(workplace: Workplace, how: str) -> None:
    case_id = workplace.open(effective_at=SOON)
    workplace.hr.command("/offboard", f"reschedule {named(how, case_id)[0]}")
    workplace.hr.modal("Reschedule").fill("day", "2026-12-01").submit()
    assert "New effective time" in workplace.hr.modal("Rescheduled").text
    assert workplace.services.offboarding.case(case_id).effective_at.date().isoformat() == "2026-12-01"


def test_a_case_is_undone_in_the_form_that_the_command_opens(workplace: Workplace) -> None:
    case_id = workplace.open()
    workplace.run()
    workplace.hr.command("/offboard", f"undo @{LEAVER.uid}")
    workplace.hr.modal("Give access back?").fill("reason", "she stays").submit()
    workplace.hr.modal("Undone")
    assert workplace.services.offboarding.case(case_id).state is CaseState.UNDONE


@pytest.mark.parametrize("how", ["mention", "address", "id"])
def test_an_act_on_nobodys_case_says_so_in_the_form_that_was_typed(workplace: Workplace, how: str) -> None:
    typed, shown = named(how, ID)
    for verb in ("cancel", "undo", "reschedule", "status"):
        workplace.hr.command("/offboard", f"{verb} {typed}")
        workplace.private(workplace.hr, f"You can see no case of {shown}")
        workplace.hr.ephemerals.clear()
    assert workplace.hr.view is None
    assert workplace.slack.refused() == []


@pytest.mark.parametrize(
    ("begun", "verb", "why", "way"),
    [
        (True, "cancel", "cannot be cancelled now", "`/offboard undo @person` gives access back"),
        (True, "reschedule", "cannot be rescheduled now", "`/offboard undo @person` gives access back"),
        (False, "undo", "cannot be undone now: scheduled", "`/offboard cancel @person` ends the case"),
    ],
)
def test_an_act_that_does_not_fit_says_why_and_what_does(
    workplace: Workplace, begun: bool, verb: str, why: str, way: str
) -> None:
    workplace.open(effective_at=None if begun else SOON)
    workplace.run()
    workplace.hr.command("/offboard", f"{verb} {LEAVER.email}")
    answer = said(workplace.private(workplace.hr, why))
    assert LEAVER.email in answer
    assert way in answer
    assert workplace.hr.view is None


def test_nobody_is_sent_to_an_undo_that_has_nothing_to_undo(workplace: Workplace) -> None:
    workplace.directory.users.clear()
    workplace.crm.users.clear()
    workplace.open()
    workplace.run()
    workplace.hr.command("/offboard", f"cancel {LEAVER.email}")
    answer = said(workplace.private(workplace.hr, "cannot be cancelled now"))
    assert "/offboard undo" not in answer
    assert "`/offboard status @person` shows where the case stands" in answer


def test_a_new_day_keeps_a_time_of_day_that_somebody_chose(workplace: Workplace) -> None:
    chosen = SOON.astimezone(ZoneInfo("Europe/Dublin")).replace(hour=12, minute=30)
    case_id = workplace.open(effective_at=chosen)
    workplace.hr.command("/offboard", f"reschedule @{LEAVER.uid}")
    form = workplace.hr.modal("Reschedule")
    assert form.value("time") == "12:30"
    form.fill("day", "2026-12-01").submit()
    workplace.hr.modal("Rescheduled").close()
    moved = workplace.services.offboarding.case(case_id).effective_at.astimezone(ZoneInfo("Europe/Dublin"))
    assert f"{moved:%Y-%m-%d %H:%M}" == "2026-12-01 12:30"
    workplace.hr.command("/offboard", f"reschedule @{LEAVER.uid}")
    workplace.hr.modal("Reschedule").fill("time", None).fill("day", "2026-12-02").submit()
    workplace.hr.modal("Rescheduled").close()
    workplace.hr.command("/offboard", f"reschedule @{LEAVER.uid}")
    assert workplace.hr.modal("Reschedule").value("time") is None, "the end of the day is the day's own"


def test_a_list_says_opened_beside_the_day_on_which_a_case_was_opened() -> None:
    cancelled = replace(samples.case(CaseState.CANCELLED), effective_at=SOON)
    assert "cancelled, opened <!date" in guide.line(cancelled)
    scheduled = replace(samples.case(CaseState.SCHEDULED), effective_at=SOON)
    assert f"scheduled, <!date^{int(SOON.timestamp())}^" in guide.line(scheduled)


def test_a_case_that_is_over_takes_no_act(workplace: Workplace) -> None:
    case_id = workplace.open(effective_at=SOON)
    workplace.services.offboarding.cancel(case_id, OPENER, "she stays")
    for verb, why in (
        ("cancel", "cancelled now: cancelled"),
        ("undo", "undone now"),
        ("reschedule", "rescheduled now"),
    ):
        workplace.hr.command("/offboard", f"{verb} @{LEAVER.uid}")
        assert "`/offboard status @person`" in said(workplace.private(workplace.hr, why))


def test_of_several_cases_only_those_that_fit_are_offered(workplace: Workplace) -> None:
    old = workplace.open()
    workplace.run()
    workplace.office.clock.pass_(days=3)
    new = workplace.open(effective_at=workplace.office.clock.now() + timedelta(days=9))
    workplace.hr.command("/offboard", f"cancel @{LEAVER.uid}")
    assert unpack(workplace.hr.modal("Cancel offboarding").raw.body["private_metadata"]) == {"case": new}
    workplace.hr.modal("Cancel offboarding").close()
    workplace.hr.command("/offboard", f"undo @{LEAVER.uid}")
    assert unpack(workplace.hr.modal("Give access back?").raw.body["private_metadata"]) == {"case": old}


def test_a_held_case_is_rejected_or_rescheduled(tmp_path: Path) -> None:
    rules = CasePolicy(mass_cases_per_hour=1, hold_channel=seed.SECURITY_ALERTS)
    with workplace_in(tmp_path, rules=rules) as workplace:
        workplace.open(leaver=replace(samples.leaver("Eve"), email="eve@x.example", slack_id="", directory_id="d-eve"))
        case_id = workplace.open(effective_at=SOON)
        assert workplace.services.offboarding.case(case_id).state is CaseState.HELD
        workplace.hr.command("/offboard", f"reschedule @{LEAVER.uid}")
        workplace.hr.modal("Reschedule").fill("day", "2026-12-01").submit()
        workplace.hr.modal("Rescheduled").close()
        workplace.hr.command("/offboard", f"cancel @{LEAVER.uid}")
        workplace.hr.click(workplace.private(workplace.hr, case_id), "Reject")
        workplace.hr.wait_for(lambda: workplace.services.offboarding.case(case_id).state is CaseState.CANCELLED)


def test_where_several_cases_fit_each_has_its_button(workplace: Workplace) -> None:
    old = workplace.open()
    workplace.run()
    workplace.office.clock.pass_(days=3)
    new = workplace.open()
    workplace.run()
    workplace.hr.command("/offboard", f"undo @{LEAVER.uid}")
    answer = workplace.private(workplace.hr, "Which case?")
    assert old in said(answer)
    assert new in said(answer)
    assert str(answer.blocks).count("Give Access Back") >= 2
    assert workplace.hr.view is None


@pytest.mark.parametrize("verb", ["cancel", "undo", "reschedule"])
def test_without_the_right_nobody_learns_whether_there_is_a_case(workplace: Workplace, verb: str) -> None:
    case_id = workplace.open(effective_at=SOON)
    for uid in ("raj.patel", MANAGER.uid):
        person = workplace.person(BY_UID[uid].slack_id)
        person.command("/offboard", f"{verb} @{LEAVER.uid}")
        assert case_id not in said(workplace.private(person, "not allowed"))
        assert person.view is None


def test_nobody_acts_on_their_own_case_or_learns_of_it(workplace: Workplace) -> None:
    own = Leaver(HR.name, HR.email, HR.slack_id, "Europe/Berlin", directory_id="directory-hanna")
    case_id = workplace.open(leaver=own, requested_by=Actor("cli:root", "root"), effective_at=SOON)
    for verb in ("cancel", "undo", "reschedule", "status"):
        for name in (f"@{HR.uid}", case_id):
            workplace.hr.command("/offboard", f"{verb} {name}")
    for text in ("list", "status", "week"):
        workplace.hr.command("/offboard", text)
    workplace.private(workplace.hr, "You can see nobody who leaves this week")
    assert not any("last day" in said(one) or "scheduled" in said(one) for one in workplace.hr.ephemerals)
    assert workplace.hr.view is None


@pytest.mark.parametrize("words", ["", "dana", "<!channel>", "@dana.oneill please", "HO-1"])
@pytest.mark.parametrize("verb", ["cancel", "undo", "reschedule"])
def test_words_that_name_nobody_are_answered_with_what_to_type(workplace: Workplace, verb: str, words: str) -> None:
    workplace.open(effective_at=SOON)
    workplace.hr.command("/offboard", f"{verb} {words}")
    answer = said(workplace.private(workplace.hr, f"Type `/offboard {verb} @person`"))
    assert "<!channel>" not in answer
    assert workplace.slack.refused() == []


@pytest.mark.parametrize("words", ["\ud83d", "dana \ud83d", "<@U1|\ud83d>", "dana\ud83d@x.example"])
@pytest.mark.parametrize("verb", list(ABOUT))
def test_half_an_emoji_is_answered_like_every_other_word(verb: Verb, words: str) -> None:
    """Socket Mode delivers it; no form over HTTP can hold it."""
    asked = parse(f"{verb} {words}")
    shown = acts.whom(f"/offboard {verb}", asked.words), acts.nobody(asked.who), guide.bare_name(asked.words)
    assert json.dumps(shown, ensure_ascii=False).encode()


def test_the_week_shows_last_days_without_reasons_to_those_who_may_see_them(workplace: Workplace) -> None:
    workplace.open(effective_at=SOON, reason=Reason.SUSPECTED_THEFT)
    later = replace(samples.leaver("Eve Late"), email="eve@northwind.example", slack_id="", directory_id="d-eve")
    workplace.open(leaver=later, effective_at=SOON + timedelta(days=7))
    for person in (workplace.hr, workplace.security, workplace.manager):
        person.command("/offboard", "week")
        told = said(workplace.private(person, "Dana O'Neill"))
        assert "scheduled" in told
        assert "Eve" not in told
        assert "theft" not in told
    stranger = workplace.person(BY_UID["raj.patel"].slack_id)
    stranger.command("/offboard", "week")
    workplace.private(stranger, "You can see nobody who leaves this week")


def test_the_week_of_one_person_says_so_in_the_form_that_was_typed(workplace: Workplace) -> None:
    workplace.open(effective_at=SOON + timedelta(days=7))
    workplace.hr.command("/offboard", f"week @{LEAVER.uid}")
    workplace.private(workplace.hr, f"You can see no last day of <@{LEAVER.slack_id}> this week")
    workplace.office.clock.pass_(days=7)
    workplace.hr.command("/offboard", f"week {LEAVER.email}")
    workplace.private(workplace.hr, "scheduled")


def test_a_lock_out_that_is_not_read_back_is_not_called_done(workplace: Workplace) -> None:
    workplace.crm.down = True
    workplace.open()
    workplace.run()
    workplace.hr.command("/offboard", "week")
    workplace.private(workplace.hr, "NOT locked out everywhere")


def test_help_lists_every_command(workplace: Workplace) -> None:
    workplace.hr.command("/offboard", "help")
    told = said(workplace.private(workplace.hr, "What you can type"))
    for verb in ("cancel", "undo", "reschedule", "week", "status", "list", "audit"):
        assert f"`/offboard {verb}" in told


@pytest.mark.parametrize(
    ("country", "now", "first"),
    [
        ("DE", datetime(2026, 11, 24, 9, tzinfo=BERLIN), "2026-11-23"),
        ("DE", datetime(2026, 11, 29, 9, tzinfo=BERLIN), "2026-11-23"),
        ("IL", datetime(2026, 11, 29, 9, tzinfo=BERLIN), "2026-11-29"),
        ("IL", datetime(2026, 11, 28, 9, tzinfo=BERLIN), "2026-11-22"),
        ("", datetime(2026, 11, 23, 0, 30, tzinfo=BERLIN), "2026-11-23"),
    ],
)
def test_a_week_begins_after_the_companys_weekend(country: str, now: datetime, first: str) -> None:
    settings = make_settings()
    company = settings.company.model_copy(update={"holidays": country})
    since, until = workdays.week(settings.model_copy(update={"company": company}), now)
    assert since.astimezone(BERLIN).isoformat() == f"{first}T00:00:00+01:00"
    assert until - since == timedelta(days=7)
