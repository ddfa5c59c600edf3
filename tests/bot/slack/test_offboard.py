"""`/offboard`: from the command to the case, and every refusal."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.slack.forms import clients, offboard
from bot.slack.forms.fields import InvalidForm
from bot.slack.listeners import answers
from bot.slack.messages import plan
from bot.slack.messages.blocks import unpack
from bot.slack.people import SlackProfiles
from config.settings import ProfileSettings
from connectors.errors import Unavailable
from tests.bot import samples
from tests.bot.conftest import Office, make_settings
from tests.bot.samples import NOW
from tests.bot.workplace import Workplace, said, workplace_in
from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER
from tests.sandbox.slack import seed
from tests.sandbox.slack.forms import OpenView
from tests.workflows.memory import MemoryDirectory, MemoryListing, World
from workflows.cases.views import Plan
from workflows.people import Leaver
from workflows.storage.rows.case import Case

PATIENCE = 60
BOB = BY_UID["bob.ross"].slack_id


def form(office: Office | Workplace, text: str = f"@{LEAVER.uid}") -> OpenView:
    delivery = office.hr.command("/offboard", text)
    assert delivery.acked
    return office.hr.wait_for(lambda: office.hr.view if office.hr.view and office.hr.view.submit_label else None)


def void(_: object) -> None:
    """Accept a value and return None."""


def raising(error: Exception) -> Callable[..., Any]:
    """Return a function that always raises an error."""

    def fail(*_: object) -> None:
        raise error

    return fail


def clients_form(workplace: Workplace, when: str = "now", reason: str = "resignation") -> OpenView:
    """Give Dana a client, and return the form about clients."""
    if not workplace.crm.owned("crm-dana.oneill"):
        workplace.crm.record("opportunity:1", "crm-dana.oneill")
    return following(workplace, form(workplace).fill("when", when).fill("reason", reason))


def of_kind(workplace: Workplace, kind: str) -> OpenView:
    """Return the first form with the fields for one kind of case."""
    view = form(workplace).fill("when", kind)
    return workplace.hr.wait_for(lambda: view if shaped(view, kind) else None)


def inputs(view: OpenView) -> list[str]:
    return [block["block_id"] for block in view.blocks if block["type"] == "input"]


def shaped(view: OpenView, kind: str) -> list[str]:
    """Return the fields once they are those of a kind of case; empty until then."""
    fields = inputs(view)
    return fields if ("day" in fields, "return" in fields) == (kind != "now", kind == "leave") else []


def following(workplace: Workplace, view: OpenView) -> OpenView:
    """Submit the first form and return the one about clients."""
    assert view.submit().acked
    return workplace.hr.wait_for(
        lambda: workplace.hr.view if workplace.hr.view and workplace.hr.view.submit_label != view.submit_label else None
    )


def filled(workplace: Workplace) -> OpenView:
    """Return the form about clients, ready to submit."""
    return clients_form(workplace).fill("successors", [BOB])


def test_the_plan_is_shown_and_a_case_is_opened(workplace: Workplace) -> None:
    workplace.office.systems._systems["crm"] = workplace.crm.system(cannot=("revoke tokens",))
    for number in range(3):
        workplace.crm.record(f"opportunity:{number}", "crm-dana.oneill", value=1001)
    first = form(workplace)
    point = "*Dana O'Neill has 2 accounts in 2 of 2 systems*\nClients: 3 records, open value 3,003 EUR. _1 more point"
    assert first.text.index(point) < first.text.index("When")
    first.click("Details")
    shown = workplace.hr.modal("Details of the plan")
    assert "Cannot be done here" in shown.text
    shown.close()
    view = following(workplace, form(workplace).fill("when", "now").fill("reason", "resignation"))
    view.fill("successors", [BOB])
    assert view.value("approver") == MANAGER.slack_id
    view.submit()
    done = workplace.hr.modal("Case opened")
    assert "being locked out now" in done.text
    [case] = workplace.cases()
    assert case.leaver.slack_id == LEAVER.slack_id
    assert case.immediate
    assert workplace.office.started
    assert workplace.posts()[f"case:{case.id}"].channel == seed.OFFBOARDING
    assert case.approver.email == MANAGER.email
    assert workplace.slack.refused() == []


def test_now_promises_nothing_for_a_system_that_does_not_answer(tmp_path: Path) -> None:
    wiki, board = World("wiki"), World("board")
    wiki.user("wiki-dana", LEAVER.email)
    board.down = True
    with workplace_in(tmp_path, wiki.system(MemoryDirectory), board.system(MemoryDirectory)) as workplace:
        workplace.crm.record("opportunity:1", "crm-dana.oneill")
        told = clients_form(workplace).text
    assert "Accounts in 3 systems are locked within seconds" in told
    assert "1 more system follows when it answers" in told


def test_nobody_receives_clients_unless_hr_says_so(workplace: Workplace) -> None:
    view = clients_form(workplace)
    assert not view.value("successors")
    view.submit()
    assert set(workplace.hr.modal().errors) == {"successors"}
    assert workplace.cases() == []


def test_the_server_too_refuses_a_form_without_successors() -> None:
    with pytest.raises(InvalidForm) as refused:
        clients.parse({"state": {"values": {}}}, LEAVER.slack_id, {})
    assert "at least one colleague" in refused.value.faults["successors"]


def test_without_clients_nothing_about_clients_is_asked(workplace: Workplace) -> None:
    view = form(workplace)
    assert view.submit_label == "Start Offboarding"
    assert inputs(view) == ["when", "reason", "note"]
    assert "No clients." in view.text
    view.fill("when", "now").fill("reason", "resignation").submit()
    workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    assert case.approver.email == MANAGER.email
    workplace.crm.record("opportunity:1", "crm-dana.oneill")
    workplace.run()
    [proposal] = workplace.services.proposals.waiting_for(MANAGER.slack_id)
    assert [share.successor.email for share in proposal.shares] == [MANAGER.email]


def test_a_guest_without_accounts_and_manager_needs_no_approver(workplace: Workplace) -> None:
    workplace.office.systems._systems["crm"] = workplace.crm.system(MemoryListing)
    view = form(workplace, "@gwen.guest")
    assert "is a guest" in view.text
    view.fill("when", "now").fill("reason", "end of contract").submit()
    workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    assert case.approver.email == HR.email, "who opened the case is asked if clients turn up"


def test_clients_that_could_not_be_counted_are_asked_about(workplace: Workplace) -> None:
    workplace.crm.fail("count", Unavailable("busy"), times=9)
    view = form(workplace)
    assert "Clients: not known." in view.text
    assert "approver" in inputs(following(workplace, view.fill("when", "now").fill("reason", "other")))


@pytest.mark.parametrize("owns", [True, False])
def test_at_most_six_things_are_asked_at_a_time(workplace: Workplace, owns: bool) -> None:
    if owns:
        workplace.crm.record("opportunity:1", "crm-dana.oneill")
    view = form(workplace)
    shapes = {}
    for kind in ("leave", "now", "last_day"):
        view.fill("when", kind)
        shapes[kind] = workplace.hr.wait_for(partial(shaped, view, kind))
        assert len(shapes[kind]) <= 6
    assert shapes["now"] == ["when", "reason", *([] if owns else ["note"])]
    assert ("access" in shapes["leave"]) is owns
    view.fill("day", "2026-11-30").fill("reason", "other")
    if owns:
        assert len(inputs(following(workplace, view))) <= 6
    assert workplace.slack.refused() == []


def test_what_was_filled_in_stays_when_the_kind_changes(workplace: Workplace) -> None:
    view = of_kind(workplace, "last_day").fill("day", "2026-11-30").fill("reason", "retirement").fill("note", "thanks")
    view.fill("when", "now")
    workplace.hr.wait_for(lambda: "day" not in inputs(view))
    assert "takes effect when you press Start Offboarding" in view.text
    view.fill("when", "last_day")
    workplace.hr.wait_for(lambda: "day" in inputs(view))
    assert (view.value("reason")["value"], view.value("note")) == ("retirement", "thanks")
    assert "takes effect when you press" not in view.text


def test_a_leave_is_a_kind_of_case_and_needs_its_day_of_return(workplace: Workplace) -> None:
    workplace.crm.record("opportunity:1", "crm-dana.oneill")
    view = of_kind(workplace, "leave").fill("day", "2026-11-30")
    assert "reason" not in inputs(view)
    view.fill("return", "2026-11-30").submit()
    assert set(workplace.hr.modal().errors) == {"return"}
    view = following(workplace, view.fill("return", "2027-01-11").fill("access", ["keep"]))
    assert "on leave until 2027-01-11, access stays" in view.text
    view.fill("successors", [BOB]).submit()
    assert "Nobody is locked out" in workplace.hr.modal("Case opened").text
    [case] = workplace.cases()
    assert case.state == "on leave"
    with workplace.office.store.read() as session:
        assert session.get_one(Case, case.id).reason == "leave"


def test_a_time_of_day_is_the_leavers_own(workplace: Workplace) -> None:
    view = of_kind(workplace, "last_day").fill("day", "2026-11-30").fill("time", "12:30").fill("reason", "retirement")
    view.submit()
    workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    assert case.effective_at.isoformat() == "2026-11-30T12:30:00+00:00"


def test_the_case_is_keyed_by_what_the_directory_knows_and_not_by_the_address_alone(workplace: Workplace) -> None:
    filled(workplace).submit()
    workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    assert case.leaver.directory_id == "entry-dana.oneill"
    assert LEAVER.uid in case.leaver.logins


def test_a_plan_that_takes_long_still_answers_at_once(workplace: Workplace) -> None:
    answer = threading.Event()
    workplace.crm.before_call["find"] = lambda: void(answer.wait(PATIENCE))
    delivery = workplace.hr.command("/offboard", f"@{LEAVER.uid}")
    assert delivery.acked
    assert delivery.ms < 3000
    assert "Reading every system" in workplace.hr.modal("One moment").text
    answer.set()
    workplace.hr.modal("Offboard someone")


def test_the_last_day_ends_in_the_zone_of_the_leaver(workplace: Workplace) -> None:
    view = of_kind(workplace, "last_day").fill("day", "2026-11-30").fill("reason", "retirement")
    assert "17:00 in Europe/Dublin" in view.text
    view.submit()
    workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    assert not case.immediate
    assert case.effective_at.isoformat() == "2026-11-30T17:00:00+00:00"


def test_every_fault_of_the_form_is_said_at_once_and_nothing_is_lost(workplace: Workplace) -> None:
    of_kind(workplace, "last_day").fill("day", "2020-01-01").fill("reason", "other").fill("note", "keep me").submit()
    assert set(workplace.hr.modal().errors) == {"day"}
    assert workplace.hr.modal().value("note") == "keep me"
    workplace.hr.modal().close()
    view = clients_form(workplace, reason="other").fill("note", "keep me")
    view.fill("approver", LEAVER.slack_id).fill("successors", [seed.GUEST, seed.OTHER_BOT])
    view.submit()
    errors = workplace.hr.modal().errors
    assert set(errors) == {"approver", "successors"}
    assert "person who leaves" in errors["approver"]
    assert workplace.hr.modal().value("note") == "keep me"
    assert workplace.cases() == []


@pytest.mark.parametrize("user", [seed.GUEST, seed.OTHER_BOT, seed.STRANGER, seed.DEACTIVATED])
def test_who_cannot_decide_is_refused_as_approver(workplace: Workplace, user: str) -> None:
    filled(workplace).fill("approver", user).submit()
    assert "approver" in workplace.hr.modal().errors
    assert workplace.cases() == []


def bob_leaves(workplace: Workplace) -> None:
    bob = BY_UID["bob.ross"]
    leaver = Leaver(bob.name, bob.email, bob.slack_id)
    workplace.open(leaver=leaver, effective_at=NOW + timedelta(days=9), successors=(samples.CAROL,))


def test_who_leaves_too_is_neither_approver_nor_receiver(workplace: Workplace) -> None:
    bob_leaves(workplace)
    filled(workplace).fill("approver", BOB).submit()
    errors = workplace.hr.modal().errors
    assert "leaves, too" in errors["approver"]
    assert "leaves, too" in errors["successors"]
    assert len(workplace.cases()) == 1


def test_a_split_gives_nothing_to_who_leaves_too(workplace: Workplace) -> None:
    bob_leaves(workplace)
    workplace.propose(4)
    [proposal] = workplace.services.proposals.waiting_for(MANAGER.slack_id)
    assert {share.successor.email: share.records for share in proposal.shares if share.records} == {
        samples.CAROL.email: 4
    }
    assert "is leaving, too" in said(workplace.manager.messages()[-1])


def test_a_person_who_cannot_be_looked_up_is_never_taken_as_good(workplace: Workplace) -> None:
    view = filled(workplace)
    workplace.slack.fault("users.info", "internal_error", times=5)
    view.submit()
    assert workplace.hr.modal().errors
    assert workplace.cases() == []


def test_a_double_submit_opens_one_case(workplace: Workplace) -> None:
    view = filled(workplace)
    before = len(workplace.slack.workspace.deliveries)
    workplace.slack.fault("interactive", "twice")
    view.submit()
    done = workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    assert case.id in done.text
    workplace.hr.wait_for(lambda: sum(1 for one in workplace.slack.workspace.deliveries[before:] if one.acked) == 2)
    assert workplace.actors("case.opened") == [f"slack:{workplace.hr.id}"]
    assert workplace.hr.modal().title == "Case opened"


def test_faults_found_late_are_shown_in_the_modal(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    find_all, view = SlackProfiles.find_all, clients_form(workplace)

    def find_late(profiles: SlackProfiles, users: Iterable[str], seconds: float) -> Any:
        workplace.hr.modal("One moment")  # the submission is answered already
        return find_all(profiles, users, seconds)

    monkeypatch.setattr(SlackProfiles, "find_all", find_late)
    monkeypatch.setattr(answers, "ANSWER_WITHIN", 0.2)
    assert view.submit().acked
    assert "Choose at least one colleague to receive the clients" in workplace.hr.modal("This did not work").text
    assert workplace.cases() == []


def test_a_slow_submit_is_answered_in_time_and_never_closes_in_silence(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answers.ANSWER_WITHIN < 2.5, "Slack waits for three seconds, and the way there takes time"
    monkeypatch.setattr(answers, "ANSWER_WITHIN", 0.5)  # what is left of Slack's time is a busy machine's
    view = filled(workplace)
    with workplace.office.store.write():  # nobody else writes meanwhile
        delivery = view.submit()
        assert delivery.acked
        assert delivery.ms < 3000
        assert "Starting" in workplace.hr.modal("One moment").text
    workplace.hr.modal("Case opened")
    assert len(workplace.cases()) == 1


@pytest.mark.parametrize("how", ["refused", "closed"])
def test_an_outcome_that_no_modal_shows_comes_by_direct_message(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(answers, "ANSWER_WITHIN", 0.5)
    view = filled(workplace)
    with workplace.office.store.write():  # nobody else writes meanwhile
        view.submit()
        if how == "closed":
            workplace.hr.modal("One moment").close(everything=True)
        else:
            workplace.slack.fault("views.update", "internal_error", times=9)
    told = workplace.hr.wait_for(lambda: next((m for m in workplace.hr.messages() if "Case opened" in m.text), None))
    assert "being locked out now" in said(told)
    assert len(workplace.cases()) == 1


def test_an_open_case_is_shown_instead_of_a_second_one(workplace: Workplace) -> None:
    filled(workplace).submit()
    workplace.hr.modal("Case opened").close(everything=True)
    workplace.hr.command("/offboard", f"@{LEAVER.uid}")
    shown = workplace.hr.modal("A case is open")
    [case] = workplace.cases()
    assert case.id in shown.text
    assert shown.submit_label == ""


@pytest.mark.parametrize(
    ("user", "words"),
    [("buildbot", "is a bot"), (HR.uid, "cannot offboard yourself"), ("ellen.external", "not known to belong")],
)
def test_who_cannot_be_offboarded(workplace: Workplace, user: str, words: str) -> None:
    workplace.hr.command("/offboard", f"@{user}")
    view = workplace.hr.wait_for(
        lambda: workplace.hr.view if workplace.hr.view and words in workplace.hr.view.text else None
    )
    assert view.submit_label == "Show Plan"
    assert workplace.cases() == []


@pytest.mark.parametrize(
    ("user", "words"), [("gwen.guest", "is a guest"), ("former.fred", "deactivated in Slack already")]
)
def test_who_can_be_offboarded_with_a_warning(workplace: Workplace, user: str, words: str) -> None:
    assert words in form(workplace, f"@{user}").text


def test_a_protected_account_is_said_before_anyone_confirms(tmp_path: Path) -> None:
    with workplace_in(tmp_path, protected=(LEAVER.email,)) as workplace:
        workplace.hr.command("/offboard", f"@{LEAVER.uid}")
        shown = workplace.hr.modal("No case can be opened")
        assert "This account is protected" in shown.text
        assert shown.submit_label == ""
        assert "Will be done" not in shown.text, "nothing is done"


def test_now_counts_the_systems_with_an_account_alone() -> None:
    has, none = samples.plan().systems
    none = replace(none, accounts=(), book=None)
    meant = replace(samples.plan(), systems=(has, none), owns_nothing=True)
    assert "Accounts in 1 system are locked" in danger_of(meant)
    nowhere = replace(none, problem="no account was found, and that is not proven", how="mail")
    assert plan.headline(replace(meant, systems=(none, nowhere))) == (
        f"{LEAVER.name} has 0 accounts in 0 of 2 systems; not certain in 1"
    )
    assert danger_of(replace(meant, systems=(none, nowhere))) == ""
    dark = replace(nowhere, how="")
    assert "0 of 2 systems; 1 could not be read" in plan.headline(replace(meant, systems=(none, dark)))
    assert "1 more system follows" in danger_of(replace(meant, systems=(has, dark)))


def danger_of(meant: Plan) -> str:
    built = offboard.build(meant, make_settings(), "", zone="Europe/Dublin")
    return "".join(block["text"]["text"] for block in offboard.danger(unpack(built["private_metadata"]), now=True))


def test_without_a_person_the_form_asks_whom(workplace: Workplace) -> None:
    workplace.hr.command("/offboard")
    workplace.hr.modal("Offboard someone").fill("person", LEAVER.slack_id).submit()
    view = workplace.hr.wait_for(
        lambda: (
            workplace.hr.view if workplace.hr.view and workplace.hr.view.submit_label == "Start Offboarding" else None
        )
    )
    assert "Dana O'Neill has" in view.text


def test_a_bare_name_is_refused_and_a_choice_offered(workplace: Workplace) -> None:
    workplace.hr.command("/offboard", "@dana")
    answer = workplace.private(workplace.hr, "names are not unique")
    assert workplace.hr.view is None
    workplace.hr.click(answer, "Choose Person")
    assert workplace.hr.modal("Offboard someone").submit_label == "Show Plan"
    assert workplace.slack.refused() == []


def test_an_exact_address_is_no_guess(workplace: Workplace) -> None:
    assert "Dana O'Neill has" in form(workplace, LEAVER.email).text


SALES = ProfileSettings(
    strategy="single", approver=HR.email, successors=(BY_UID["bob.ross"].email,), follow_up_days=(2, 20)
)


def with_profile(workplace: Workplace, profile: ProfileSettings) -> None:
    object.__setattr__(workplace.services.settings, "profiles", {"sales": profile})


def test_a_profile_fills_in_the_form(workplace: Workplace) -> None:
    with_profile(workplace, SALES)
    workplace.crm.record("opportunity:1", "crm-dana.oneill")
    view = form(workplace).fill("when", "now").fill("reason", "other").fill("profile", "sales")
    view = following(workplace, view)
    assert (view.value("approver"), view.value("successors")) == (HR.slack_id, [BOB])
    assert view.value("strategy")["value"] == "single"
    view.fill("approver", MANAGER.slack_id).submit()
    workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    assert case.approver.email == MANAGER.email
    assert [one.day for one in case.follow_ups] == [2, 20]


def test_people_of_a_profile_whom_slack_does_not_know_are_named(workplace: Workplace) -> None:
    with_profile(workplace, ProfileSettings(approver="nobody@northwind.example"))
    workplace.crm.record("opportunity:1", "crm-dana.oneill")
    view = form(workplace).fill("when", "now").fill("reason", "other").fill("profile", "sales")
    view = following(workplace, view)
    assert "whom Slack does not know: nobody@northwind.example" in view.text
    assert view.value("approver") == MANAGER.slack_id


def test_a_profile_without_clients_says_who_is_asked_and_when_is_checked(workplace: Workplace) -> None:
    with_profile(workplace, SALES)
    form(workplace).fill("when", "now").fill("reason", "other").fill("profile", "sales").submit()
    workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    assert case.approver.slack_id == HR.slack_id
    assert [one.day for one in case.follow_ups] == [2, 20]


GONE = Leaver("Nadia Gone", "nadia.gone@northwind.example")


def test_who_is_not_found_in_slack_is_offboarded_by_address(workplace: Workplace) -> None:
    workplace.directory.user("entry-gone", GONE.email, name=GONE.name, manager_email=MANAGER.email)
    view = form(workplace, GONE.email)
    assert "Nadia Gone has 1 account" in view.text
    assert "Slack finds nobody by the address" in view.text
    view.fill("when", "now").fill("reason", "other").submit()
    assert "Slack does not tell whether the leaver is a member" in workplace.hr.modal("Case opened").text
    [case] = workplace.cases()
    assert (case.leaver.name, case.leaver.email, case.leaver.slack_id) == (GONE.name, GONE.email, "")
    assert workplace.posts()[f"case:{case.id}"].channel == HR.slack_id
    workplace.hr.modal("Case opened").close(everything=True)
    workplace.hr.command("/offboard", GONE.email)
    assert case.id in workplace.hr.modal("A case is open").text


def test_the_form_that_asks_whom_takes_an_address_too(workplace: Workplace) -> None:
    workplace.directory.user("entry-gone", GONE.email, name=GONE.name)
    workplace.hr.command("/offboard")
    workplace.hr.modal("Offboard someone").submit()
    assert set(workplace.hr.modal().errors) == {"person"}
    workplace.hr.modal("Offboard someone").fill("email", GONE.email).submit()
    workplace.hr.wait_for(lambda: workplace.hr.view and "Nadia Gone has 1 account" in workplace.hr.view.text)


def test_another_address_of_somebody_in_slack_is_that_person(workplace: Workplace) -> None:
    workplace.directory.users["entry-dana.oneill"].also = ("d.oneill@northwind.example",)  # type: ignore[index]
    view = form(workplace, "d.oneill@northwind.example")
    assert "Slack finds nobody" not in view.text
    view.fill("when", "now").fill("reason", "other").submit()
    workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    assert case.leaver.slack_id == LEAVER.slack_id


@pytest.mark.parametrize("trouble", ["ratelimited", "missing_scope", "user_not_visible", "internal_error"])
def test_trouble_with_slack_is_never_told_as_nobody_has_this_address(workplace: Workplace, trouble: str) -> None:
    workplace.slack.fault("users.lookupByEmail", trouble, times=9)
    view = form(workplace, LEAVER.email)
    assert "nobody" not in view.text
    assert ("must give it the scope" if trouble == "missing_scope" else "Slack gave no answer") in view.text
    assert view.submit_label == "Show Plan"


def test_a_watched_leaver_is_shown_before_another_case_is_opened(workplace: Workplace) -> None:
    case_id = workplace.open()
    workplace.run()
    workplace.office.clock.pass_(days=3)
    workplace.hr.command("/offboard", f"@{LEAVER.uid}")
    shown = workplace.hr.modal("Offboarded before")
    assert case_id in shown.text
    assert shown.submit_label == ""
    shown.click("Offboard Again")
    view = workplace.hr.modal("Offboard someone")
    assert "Already locked in" in view.text
    view.fill("when", "now").fill("reason", "other").submit()
    workplace.hr.modal("Case opened")
    assert len(workplace.cases()) == 2


def test_unknown_words_get_help(workplace: Workplace) -> None:
    workplace.hr.command("/offboard", "<!channel> make coffee")
    answer = workplace.private(workplace.hr, "What you can type")
    assert "&lt;!channel&gt;" in said(answer)
    assert "<!channel>" not in said(answer)


@pytest.mark.parametrize("text", [f"@{LEAVER.uid}", "", "list", "status", "audit"])
def test_who_has_no_role_is_refused_in_private_and_on_record(workplace: Workplace, text: str) -> None:
    stranger = workplace.person(BY_UID["raj.patel"].slack_id)
    stranger.command("/offboard", text)
    workplace.private(stranger, "not allowed")
    assert stranger.view is None
    assert workplace.actors("refused") == [f"slack:{stranger.id}"]


def test_a_group_that_is_not_known_gives_nobody_a_role(workplace: Workplace) -> None:
    workplace.slack.workspace.groups_in_plan = False
    workplace.hr.command("/offboard", f"@{LEAVER.uid}")
    workplace.private(workplace.hr, "not allowed")


def test_an_expired_trigger_is_said_with_what_to_do(workplace: Workplace) -> None:
    workplace.slack.fault("views.open", "expired_trigger_id")
    workplace.hr.command("/offboard", f"@{LEAVER.uid}")
    workplace.private(workplace.hr, "Please try again")


def test_a_fault_of_ours_shows_a_reference_and_no_trace(
    workplace: Workplace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workplace.services.offboarding, "plan", raising(ZeroDivisionError("secret detail")))
    workplace.hr.command("/offboard", f"@{LEAVER.uid}")
    text = workplace.hr.modal("This did not work").text
    assert "secret detail" not in text
    assert "Traceback" not in text
    token = text.split("reference: `")[1].split("`")[0]
    assert any(token in record.getMessage() for record in caplog.records)


def test_a_system_in_trouble_is_said_as_a_sentence(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    view = filled(workplace)
    monkeypatch.setattr(workplace.services.offboarding, "open", raising(Unavailable("crm does not answer")))
    view.submit()
    assert "crm does not answer" in workplace.hr.modal("This did not work").text


@pytest.mark.parametrize("trouble", ["member", "public", "no bot", "not known"])
def test_the_case_message_never_stands_where_the_leaver_can_read_it(workplace: Workplace, trouble: str) -> None:
    channel = workplace.slack.workspace.channels[seed.OFFBOARDING]
    view = filled(workplace)
    if trouble == "member":
        channel.members.add(LEAVER.slack_id)
    elif trouble == "public":
        channel.private = False
    elif trouble == "no bot":
        channel.members.remove(seed.BOT)
    else:
        workplace.slack.fault("conversations.members", "internal_error")
    view.submit()
    assert "direct message, because" in workplace.hr.modal("Case opened").text
    [case] = workplace.cases()
    assert workplace.posts()[f"case:{case.id}"].channel == HR.slack_id


def test_status_and_list_and_help(workplace: Workplace) -> None:
    workplace.hr.command("/offboard", f"status @{LEAVER.uid}")
    workplace.private(workplace.hr, f"You can see no case of <@{LEAVER.slack_id}>")
    filled(workplace).submit()
    workplace.hr.modal("Case opened")
    [case] = workplace.cases()
    workplace.run("revoke")
    workplace.hr.command("/offboard", f"status @{LEAVER.uid}")
    workplace.private(workplace.hr, f"Case {case.id}, running")
    workplace.hr.command("/offboard", "list")
    workplace.private(workplace.hr, f"(case {case.id})")
    workplace.hr.command("/offboard", "help")
    workplace.private(workplace.hr, "What you can type")
    workplace.hr.command("/offboard", "status dana")
    workplace.private(workplace.hr, "names are not unique")
    assert workplace.slack.refused() == []


def test_an_audit_by_hand(workplace: Workplace) -> None:
    workplace.open()
    workplace.run()
    for world in (workplace.directory, workplace.crm):
        next(one for one in world.users.values() if one.login == LEAVER.uid).active = True
    workplace.security.command("/offboard", "audit")
    workplace.private(workplace.security, "2 findings among")
    assert workplace.slack.refused() == []


def test_slow_plans_keep_nobody_else_waiting(workplace: Workplace) -> None:
    workplace.slack.workspace.limits.on = False
    answer = threading.Event()
    workplace.crm.before_call["find"] = lambda: void(answer.wait(PATIENCE))
    for _command in range(24):
        assert workplace.hr.command("/offboard", f"@{LEAVER.uid}").acked
    delivery = workplace.hr.command("/offboard", "help")
    assert delivery.acked
    assert delivery.ms < 3000
    answer.set()
    workplace.hr.wait_for(lambda: len(workplace.slack.calls("views.update")) >= 24)
