"""`/offboard`: from the command to the case, and every way in which it must refuse."""

import pytest

from bot.slack.forms import offboard
from bot.slack.listeners import submission
from bot.slack.messages.blocks import pack
from connectors.errors import Unavailable
from tests.bot.conftest import Office, said
from tests.bot.samples import NOW
from tests.bot.workplace import Workplace
from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER
from tests.sandbox.slack import seed
from tests.sandbox.slack.forms import OpenView
from workflows.refusals import Code, Refused

BOB = BY_UID["bob.ross"].slack_id


def form(office: Office | Workplace, text: str = f"@{LEAVER.uid}") -> OpenView:
    delivery = office.hr.command("/offboard", text)
    assert delivery.acked
    return office.hr.wait_for(lambda: office.hr.view if office.hr.view and office.hr.view.submit_label else None)


def filled(office: Office) -> OpenView:
    view = form(office)
    return view.fill("when", "now").fill("reason", "resignation").fill("successors", [BOB])


def test_the_plan_is_shown_and_a_case_is_opened(office: Office) -> None:
    view = filled(office)
    point = "Dana O'Neill has 2 accounts in 2 of 2 systems, and 123 records of clients, open value 1,234,567 EUR"
    assert view.text.index(point) < view.text.index("Last working day") < view.text.index("Cannot be done here")
    assert view.value("approver") == MANAGER.slack_id
    view.submit()
    done = office.hr.modal("Case opened")
    assert "being locked out now" in done.text
    [request] = office.offboarding.requests
    assert request.leaver.slack_id == LEAVER.slack_id
    assert request.effective_at is None
    assert request.channel == seed.OFFBOARDING
    assert request.approver.email == MANAGER.email
    assert office.slack.refused() == []


def test_now_promises_nothing_for_a_system_that_does_not_answer(office: Office) -> None:
    office.offboarding.systems = 4  # the last of them gave no answer
    said = form(office).text
    assert "log-ins in 3 systems lock within seconds" in said
    assert "1 more follows when it answers" in said


def test_nobody_receives_clients_unless_hr_says_so(office: Office) -> None:
    view = form(office).fill("when", "now").fill("reason", "resignation")
    assert not view.value("successors")
    view.submit()
    assert set(office.hr.modal().errors) == {"successors"}
    assert office.offboarding.requests == []


def test_the_server_too_refuses_a_form_without_successors() -> None:
    view = {"private_metadata": pack(clients=1), "state": {"values": {}}}
    assert "at least one colleague" in offboard.parse(view, LEAVER.slack_id, NOW.date())[1]["successors"]
    assert "successors" not in offboard.parse({**view, "private_metadata": pack(clients=0)}, "U1", NOW.date())[1]


def test_the_case_is_keyed_by_what_the_directory_knows_and_not_by_the_address_alone(office: Office) -> None:
    filled(office).submit()
    office.hr.modal("Case opened")
    [request] = office.offboarding.requests
    assert (request.leaver.directory_id, request.leaver.logins) == ("entry-7", ("dana.oneill", "Dana O'Neill"))


def test_a_plan_that_takes_long_still_answers_at_once(office: Office) -> None:
    office.offboarding.slow.clear()
    delivery = office.hr.command("/offboard", f"@{LEAVER.uid}")
    assert delivery.acked
    assert delivery.ms < 3000
    assert "Looking in every system" in office.hr.modal("One moment").text
    office.offboarding.slow.set()
    office.hr.modal("Offboard someone")


def test_the_last_day_ends_in_the_zone_of_the_leaver(office: Office) -> None:
    view = form(office).fill("when", "last_day").fill("day", "2026-11-30").fill("reason", "retirement")
    view.fill("successors", [BOB])
    assert "17:00 in Europe/Dublin" in view.text
    view.submit()
    office.hr.modal("Case opened")
    [request] = office.offboarding.requests
    assert request.effective_at is not None
    assert request.effective_at.isoformat() == "2026-11-30T17:00:00+00:00"


def test_every_fault_of_the_form_is_said_at_once_and_nothing_is_lost(office: Office) -> None:
    view = (
        form(office).fill("when", "last_day").fill("day", "2020-01-01").fill("reason", "other").fill("note", "keep me")
    )
    view.fill("approver", LEAVER.slack_id).fill("successors", [seed.GUEST, seed.OTHER_BOT])
    view.submit()
    errors = office.hr.modal().errors
    assert set(errors) == {"day", "approver", "successors"}
    assert "person who leaves" in errors["approver"]
    assert office.hr.modal().value("note") == "keep me"
    assert office.offboarding.requests == []


@pytest.mark.parametrize("user", [seed.GUEST, seed.OTHER_BOT, seed.STRANGER, seed.DEACTIVATED])
def test_who_cannot_decide_is_refused_as_approver(office: Office, user: str) -> None:
    filled(office).fill("approver", user).submit()
    assert "approver" in office.hr.modal().errors
    assert office.offboarding.requests == []


def test_a_person_who_cannot_be_looked_up_is_never_taken_as_good(office: Office) -> None:
    view = filled(office)
    office.slack.fault("users.info", "internal_error", times=5)
    view.submit()
    assert office.hr.modal().errors
    assert office.offboarding.requests == []


def test_a_double_submit_opens_one_case(office: Office) -> None:
    office.slack.fault("interactive", "twice")
    filled(office).submit()
    done = office.hr.modal("Case opened")
    assert "case-1" in done.text
    office.hr.wait_for(
        lambda: sum(1 for one in office.slack.workspace.deliveries if one.kind == "interactive" and one.acked) == 2
    )
    assert len(office.offboarding.requests) == 1
    assert office.hr.modal().title == "Case opened"


def test_a_slow_submit_is_answered_in_time_and_never_closes_in_silence(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert submission.ANSWER_WITHIN < 2.5, "Slack waits for three seconds, and the way there takes time"
    monkeypatch.setattr(submission, "ANSWER_WITHIN", 0.5)  # what is left of Slack's time is a busy machine's
    view = filled(office)
    office.offboarding.opening.clear()
    delivery = view.submit()
    assert delivery.acked
    assert delivery.ms < 3000
    assert "Starting" in office.hr.modal("One moment").text
    office.offboarding.opening.set()
    office.hr.modal("Case opened")
    assert len(office.offboarding.requests) == 1


def test_an_open_case_is_shown_instead_of_a_second_one(office: Office) -> None:
    filled(office).submit()
    office.hr.modal("Case opened").close(everything=True)
    office.hr.command("/offboard", f"@{LEAVER.uid}")
    shown = office.hr.modal("A case is open")
    assert "case-1" in shown.text
    assert shown.submit_label == ""


@pytest.mark.parametrize(
    ("user", "words"),
    [("buildbot", "is a bot"), (HR.uid, "cannot offboard yourself"), ("ellen.external", "another organisation")],
)
def test_who_cannot_be_offboarded(office: Office, user: str, words: str) -> None:
    office.hr.command("/offboard", f"@{user}")
    view = office.hr.wait_for(lambda: office.hr.view if office.hr.view and words in office.hr.view.text else None)
    assert view.submit_label == "Show Plan"
    assert office.offboarding.requests == []


@pytest.mark.parametrize(
    ("user", "words"), [("gwen.guest", "is a guest"), ("former.fred", "deactivated in Slack already")]
)
def test_who_can_be_offboarded_with_a_warning(office: Office, user: str, words: str) -> None:
    assert words in form(office, f"@{user}").text


def test_a_protected_account_is_said_before_anyone_confirms(office: Office) -> None:
    office.offboarding.refusals = (Refused(Code.PROTECTED),)
    office.hr.command("/offboard", f"@{LEAVER.uid}")
    shown = office.hr.modal("No case can be opened")
    assert "This account is protected" in shown.text
    assert shown.submit_label == ""


def test_without_a_person_the_form_asks_whom(office: Office) -> None:
    office.hr.command("/offboard")
    office.hr.modal("Offboard someone").fill("person", LEAVER.slack_id).submit()
    view = office.hr.wait_for(
        lambda: office.hr.view if office.hr.view and office.hr.view.submit_label == "Start Offboarding" else None
    )
    assert "Dana O'Neill has" in view.text


def test_a_bare_name_is_refused_and_a_choice_offered(office: Office) -> None:
    office.hr.command("/offboard", "@dana")
    answer = office.private(office.hr, "names are not unique")
    assert office.hr.view is None
    office.hr.click(answer, "Choose Person")
    assert office.hr.modal("Offboard someone").submit_label == "Show Plan"
    assert office.slack.refused() == []


def test_an_exact_address_is_no_guess(office: Office) -> None:
    assert "Dana O'Neill has" in form(office, LEAVER.email).text


def test_unknown_words_get_help(office: Office) -> None:
    office.hr.command("/offboard", "<!channel> make coffee")
    answer = office.private(office.hr, "What you can type")
    assert "&lt;!channel&gt;" in said(answer)
    assert "<!channel>" not in said(answer)


@pytest.mark.parametrize("text", [f"@{LEAVER.uid}", "", "list", "status", "audit"])
def test_who_has_no_role_is_refused_in_private_and_on_record(office: Office, text: str) -> None:
    stranger = office.person(BY_UID["raj.patel"].slack_id)
    stranger.command("/offboard", text)
    office.private(stranger, "not allowed")
    assert stranger.view is None
    assert [note[1] for note in office.journal.notes] == [f"slack:{stranger.id}"]


def test_a_group_that_is_not_known_gives_nobody_a_role(office: Office) -> None:
    office.slack.workspace.groups_in_plan = False
    office.hr.command("/offboard", f"@{LEAVER.uid}")
    office.private(office.hr, "not allowed")


def test_an_expired_trigger_is_said_with_what_to_do(office: Office) -> None:
    office.slack.fault("views.open", "expired_trigger_id")
    office.hr.command("/offboard", f"@{LEAVER.uid}")
    office.private(office.hr, "do it again")


def test_a_fault_of_ours_shows_a_reference_and_no_trace(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.offboarding.fails = ZeroDivisionError("secret detail")
    office.hr.command("/offboard", f"@{LEAVER.uid}")
    text = office.hr.modal("This did not work").text
    assert "secret detail" not in text
    assert "Traceback" not in text
    token = text.split("reference: `")[1].split("`")[0]
    assert any(token in record.getMessage() for record in caplog.records)


def test_a_system_in_trouble_is_said_as_a_sentence(office: Office) -> None:
    view = filled(office)
    office.offboarding.fails = Unavailable("crm does not answer")
    view.submit()
    assert "crm does not answer" in office.hr.modal("This did not work").text


@pytest.mark.parametrize("trouble", ["member", "public", "no bot", "not known"])
def test_the_case_message_never_stands_where_the_leaver_can_read_it(office: Office, trouble: str) -> None:
    channel = office.slack.workspace.channels[seed.OFFBOARDING]
    view = filled(office)
    if trouble == "member":
        channel.members.add(LEAVER.slack_id)
    elif trouble == "public":
        channel.private = False
    elif trouble == "no bot":
        channel.members.remove(seed.BOT)
    else:
        office.slack.fault("conversations.members", "internal_error")
    view.submit()
    assert "direct message, because" in office.hr.modal("Case opened").text
    assert office.offboarding.requests[0].channel == HR.slack_id


def test_status_and_list_and_help(office: Office) -> None:
    office.hr.command("/offboard", f"status @{LEAVER.uid}")
    office.private(office.hr, "There is no case for this person")
    filled(office).submit()
    office.hr.modal("Case opened")
    office.hr.command("/offboard", f"status @{LEAVER.uid}")
    office.private(office.hr, "Case case-1, running")
    office.hr.command("/offboard", "list")
    office.private(office.hr, "(case case-1)")
    office.hr.command("/offboard", "help")
    office.private(office.hr, "What you can type")
    office.hr.command("/offboard", "status dana")
    office.private(office.hr, "names are not unique")
    assert office.slack.refused() == []


def test_an_audit_by_hand(office: Office) -> None:
    office.security.command("/offboard", "audit")
    office.private(office.security, "2 findings among")
    assert office.slack.refused() == []


def test_slow_plans_keep_nobody_else_waiting(office: Office) -> None:
    office.slack.workspace.limits.on = False
    office.offboarding.slow.clear()
    for _command in range(24):
        assert office.hr.command("/offboard", f"@{LEAVER.uid}").acked
    delivery = office.hr.command("/offboard", "help")
    assert delivery.acked
    assert delivery.ms < 3000
    office.offboarding.slow.set()
    office.hr.wait_for(lambda: len(office.slack.calls("views.update")) >= 24)
