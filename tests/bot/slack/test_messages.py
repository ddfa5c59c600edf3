"""Messages: Slack's limits, escaping of names, and no verdict better than its read."""

import re
from dataclasses import replace

import pytest

from bot.slack.forms import case as case_forms
from bot.slack.forms import clients, notice, offboard, people, reasons
from bot.slack.forms import duties as duty_form
from bot.slack.forms import proposal as proposal_form
from bot.slack.messages import audit, case, duties, exports, follow_up, guide, home, outcome, plan, proposal, split
from bot.slack.messages.blocks import (
    Message,
    actions,
    button,
    context,
    message,
    pack,
    paragraphs,
    section,
    size,
    unpack,
)
from bot.slack.messages.split import choices, client_line
from config.settings import ProfileSettings
from config.text import language
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.conftest import make_settings, strings
from tests.sandbox.slack.records import JSON
from tests.sandbox.slack.validation import problems
from workflows.clients.views import DecisionView, DelegationView, ExclusionLine, LineFault, RequestView
from workflows.storage.rows.case import CaseState, Reason, Strategy
from workflows.storage.rows.clients import AssignmentState, ProposalState, RequestState

NAMES = [samples.NASTY, samples.HEBREW, "Pat *Star* (Sr.)", "x" * 5000, ""]
BUTTONS = [button("Lock Again", "lock")]
KINDS = (offboard.NOW, offboard.LAST_DAY, offboard.LEAVE)
ALL = (Verdict.LOCKED, Verdict.OPEN, Verdict.ABSENT, Verdict.UNKNOWN)


def messages(name: str) -> list[Message]:
    who = samples.leaver(name)
    many = samples.client_lines(20, name)
    return [
        *(case.build(samples.case(state, *ALL * 15, name=name), samples.NOW) for state in CaseState),
        *(proposal.build(samples.proposal(state, name, shares=70), many, 600) for state in ProposalState),
        *(outcome.build(samples.proposal(state, name, shares=70)) for state in ProposalState),
        exports.build(samples.exports(9, who, weeks=40)),
        exports.build(samples.exports(9, who, weeks=40), chart=False),
        follow_up.build(samples.case(name=name), samples.follow_up(7, done=True)),
        follow_up.build(samples.case(name=name), samples.follow_up(7, done=False)),
        duties.build(samples.case(CaseState.SCHEDULED, name=name), samples.duty_items(name)),
        audit.build(samples.audit(), "audit-1"),
        audit.build(samples.audit(120, (name, name), name), "audit-1"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_messages_keep_slacks_limits_and_ping_nobody(name: str) -> None:
    for built in messages(name):
        assert problems({"text": built.text, "blocks": list(built.blocks)}) == []
        assert built.text
        harmless(built)


def test_buttons_between_texts_are_never_kept_without_their_text() -> None:
    blocks = [block for n in range(40) for block in (section(f"{n} " + "x" * 600), actions(f"row{n}", *BUTTONS))]
    shown = message("point", [*blocks, context("the end")])
    kept = [block for block in shown.blocks if block["type"] in ("section", "actions")]
    assert [block["type"] for block in kept[:2]] == ["section", "actions"]
    rows = [block["block_id"] for block in kept if block["type"] == "actions"]
    texts = [block["text"]["text"].split()[0] for block in kept if block["type"] == "section"]
    assert set(rows) <= {f"row{text}" for text in texts}
    assert shown.blocks[-1] == context("the end")
    assert size(shown.blocks) < 13_000
    assert any("30 xxx" in line for line in shown.rest)


def harmless(built: Message) -> None:
    for text in marked(built):
        assert "<!channel" not in text
        assert "<script" not in text
        assert "*bold*" not in text
        assert "\u202e" not in text


def marked(built: Message) -> list[str]:
    found = [built.text]

    def walk(thing: object) -> None:
        if isinstance(thing, dict):
            if thing.get("type") == "mrkdwn":
                assert thing["verbatim"] is True
                found.append(str(thing["text"]))
            for one in thing.values():
                walk(one)
        elif isinstance(thing, list | tuple):
            for one in thing:
                walk(one)

    walk(built.blocks)
    return found


def chosen(form: JSON, kind: str) -> JSON:
    """Return a form in which a kind of case is chosen."""
    return {**form, "state": {"values": {offboard.WHEN: {"value": {"selected_option": {"value": kind}}}}}}


LINK = "https://x.slack.com/archives/C1/p1"
"""Address of a message."""


def crowded_home(name: str) -> home.Home:
    """Return a Home with more of everything than it shows."""
    return home.Home(
        waiting=[samples.proposal(name=name)] * 30,
        findings=[samples.finding(n, name) for n in range(30)],
        all_findings=300,
        open=[samples.case(state, *ALL, name=name) for state in CaseState],
        all_open=300,
        ended=[samples.case(CaseState.WATCHED, *ALL, name=name)] * 30,
        all_ended=30,
        held=[samples.case(CaseState.HELD, *ALL, name=name)] * 30,
        due_back=[samples.case(CaseState.ON_LEAVE, *ALL, name=name)] * 30,
        leaving=[samples.case(CaseState.SCHEDULED, *ALL, name=name)] * 90,
        own=[samples.case(CaseState.WATCHED, *ALL, name=name)] * 30,
        links={"case-1": LINK},
        may_open=True,
        may_lock=True,
        steps=[samples.step()] * 30,
        delegations=[
            DelegationView(
                "D", replace(samples.MAX, name=name), replace(samples.BOB, name=name), samples.NOW, samples.NOW
            )
        ]
        * 3,
        enrolled=False,
    )


def views(name: str) -> list[JSON]:
    meant = samples.plan(samples.leaver(name), 60)
    summary, shown = plan.summary(meant, ["careful"]), plan.details(meant, ["careful"])
    settings = make_settings().model_copy(update={"profiles": {"sales": ProfileSettings()}})
    forms = [
        offboard.build(replace(meant, owns_nothing=owns_nothing), settings, summary, zone="Europe/Dublin")
        for owns_nothing in (True, False)
    ]
    leaving = offboard.Departure(None, Reason.OTHER, back=samples.NOW.date(), keep_access=True)
    facts = {**unpack(forms[1]["private_metadata"]), "later": 2}
    proposed = clients.ClientInput("U2", Strategy.BALANCED, ("U3",))
    waiting = crowded_home(name)
    return [
        *forms,
        *(offboard.reshaped(chosen(form, kind), settings, "careful") for form in forms for kind in KINDS),
        clients.build(settings.clients, facts, leaving, f"{name[:500]}: X", proposed),
        notice.outcome(notice.starting()),
        people.leaver("because"),
        notice.loading(),
        notice.starting(),
        notice.build("x" * 50, *shown * 3),
        proposal_form.decline(pack(proposal="p")),
        reasons.reveal("s"),
        proposal_form.change(pack(proposal="p")),
        proposal_form.keep(pack(proposal="p")),
        proposal_form.upload(pack(proposal="p")),
        proposal_form.browse("p", samples.client_lines(proposal_form.PER_PAGE, name), 20_000, name[:200], 3),
        proposal_form.browse("p", [], 0, name[:200]),
        *(duty_form.build("c" * 40, samples.duty_items(name), page=page, said=name) for page in range(4)),
        duty_form.build("c" * 40, samples.duty_items(name), name[:200]),
        notice.file_faults("x", [LineFault(n, name) for n in range(500)]),
        notice.build("x", *paragraphs(split.lines(samples.proposal(shares=500).shares))),
        home.build(waiting),
        home.build(home.Home(may_open=True)),
        case_forms.find([guide.line(view, LINK) for view in waiting.open], 300, name),
        case_forms.find([], 0, name),
    ]


def test_no_form_of_an_offboarding_asks_more_than_six_things() -> None:
    asked = [
        sum(block["type"] == "input" for block in view["blocks"])
        for view in views("Dana")
        if view.get("callback_id") in (offboard.CALLBACK, clients.CALLBACK)
    ]
    assert max(asked) == 6
    assert len(asked) == 9


@pytest.mark.parametrize("name", NAMES)
def test_a_crowded_home_is_not_cut(name: str) -> None:
    shown = home.build(crowded_home(name))
    assert len(shown["blocks"]) <= 92
    assert size(shown["blocks"]) < 100_000
    assert "more parts do not fit" not in str(shown)


@pytest.mark.parametrize("name", NAMES)
def test_views_keep_slacks_limits(name: str) -> None:
    for view in views(name):
        assert problems(view) == []


@pytest.mark.parametrize("name", NAMES)
def test_answers_to_the_command_keep_slacks_limits(name: str) -> None:
    cases = [samples.case(CaseState.RUNNING, *ALL, name=name)] * 80
    lists = guide.cases(cases, 3 * len(cases)), guide.cases([], 0)
    for blocks in (guide.guide(), guide.unknown(name), guide.bare_name(name), *lists):
        assert problems(blocks) == []


def test_search_answers_keep_slacks_limits() -> None:
    for choice in choices(samples.client_lines(150, samples.NASTY)):
        assert 0 < len(choice["text"]["text"]) <= 75
        assert len(choice["description"]["text"]) <= 75


def test_locked_everywhere_is_the_only_good_news() -> None:
    good = case.headline(samples.case(CaseState.RUNNING, Verdict.LOCKED, Verdict.ABSENT))
    assert good == "Dana O'Neill is locked out of 2 of 2 systems"


@pytest.mark.parametrize(
    ("verdict", "words"), [(Verdict.UNKNOWN, "unknown in The system1"), (Verdict.OPEN, "still OPEN in The system1")]
)
def test_unknown_and_open_are_never_shown_as_good(verdict: Verdict, words: str) -> None:
    view = samples.case(CaseState.RUNNING, Verdict.LOCKED, verdict)
    shown = case.build(view, samples.NOW)
    assert words in case.headline(view)
    assert "locked out of 1 of 2" in case.headline(view)
    assert "is locked out of" not in shown.text
    text = "\n".join(strings(shown.blocks))
    assert text.index("system1") < text.index("The system0*")


def test_retry_stands_only_beside_a_system_that_is_not_good() -> None:
    shown = case.build(samples.case(CaseState.RUNNING, Verdict.LOCKED, Verdict.UNKNOWN, Verdict.ABSENT), samples.NOW)
    beside = [block["text"]["text"] for block in shown.blocks if "accessory" in block]
    assert len(beside) == 1
    assert "? unknown" in beside[0]


def test_only_a_scheduled_case_can_be_cancelled_and_it_asks_first() -> None:
    for state in CaseState:
        shown = case.build(samples.case(state, Verdict.LOCKED), samples.NOW)
        every = [one for block in shown.blocks if block["type"] == "actions" for one in block["elements"]]
        buttons = [one for one in every if one["action_id"] == case.CANCEL]
        assert bool(buttons) is (state is CaseState.SCHEDULED)
        assert all(button["style"] == "danger" for button in buttons)


def test_progress_shows_pace_and_expected_end() -> None:
    text = "\n".join(strings(case.build(samples.case(CaseState.RUNNING, Verdict.LOCKED), samples.NOW).blocks))
    assert "120 of 600 records moved, 480 left at 4.0 a second, done about <!date^1795424520^" in text


def labels(shown: Message) -> list[str]:
    return [one["text"]["text"] for block in shown.blocks if block["type"] == "actions" for one in block["elements"]]


def test_a_settled_proposal_cannot_be_decided_or_changed_and_says_who_and_when() -> None:
    for state in ProposalState:
        if state is not ProposalState.PENDING:
            assert labels(proposal.build(samples.proposal(state), samples.client_lines(10), 10)) == []
            long = proposal.build(samples.proposal(state), samples.client_lines(10), 60)
            assert labels(long) == ["Next", "Find Clients", "Get CSV"]
    text = "\n".join(strings(proposal.build(samples.proposal(ProposalState.DECLINED), [], 0).blocks))
    assert "Declined by Max Weber <!date^" in text
    assert "too many for Bob" in text


def test_a_replaced_version_leaves_the_rest_to_the_newer_one() -> None:
    stays = ExclusionLine("a lawsuit", "Max Weber", samples.NOW, 1, 3)
    view = replace(samples.proposal(ProposalState.SUPERSEDED), kept=(stays,))
    shown = proposal.build(view, [], 0)
    assert [block["type"] for block in shown.blocks] == ["header", "section", "section", "context"]
    assert "Replaced by a newer version" in str(shown.blocks)
    assert "a lawsuit" not in str(shown.blocks)


def test_one_approvers_word_is_said_once() -> None:
    request = RequestView(
        "p#manager",
        "manager",
        1,
        RequestState.APPROVED,
        (samples.MAX,),
        (DecisionView(samples.MAX, samples.MAX, True, samples.NOW),),
    )
    view = replace(samples.proposal(ProposalState.APPROVED), requests=(request,))
    assert str(proposal.build(view, [], 0).blocks).count("pproved by") == 1


def test_of_a_declined_proposal_no_client_says_so_again() -> None:
    client = replace(samples.client_lines(1)[0], states={AssignmentState.DECLINED: 3})
    assert "declined" not in client_line(client)


def test_several_are_not_one_who_approves() -> None:
    alone = str(proposal.build(samples.proposal(), [], 0).blocks)
    assert f"until {samples.MAX.name} approves exactly this" in alone
    both = RequestView("p#board", "board", 2, RequestState.WAITING, (samples.MAX, samples.BOB), ())
    text = str(proposal.build(replace(samples.proposal(), requests=(both,)), [], 0).blocks)
    assert f"until {samples.MAX.name} · {samples.BOB.name} (board) approve exactly this." in text


def test_one_of_several_is_not_each_of_them() -> None:
    """Two directors are asked and one must say yes: 'each of them' was wrong, and nobody knew how many it needed."""
    manager = RequestView("p#manager", "manager", 1, RequestState.WAITING, (samples.MAX,), ())
    board = RequestView("p#director", "director", 1, RequestState.WAITING, (samples.BOB, samples.CAROL), ())
    text = str(proposal.build(replace(samples.proposal(), requests=(manager, board)), [], 0).blocks)
    one_of = f"1 of {samples.BOB.name} · {samples.CAROL.name} (director)"
    assert f"Nothing moves until {samples.MAX.name}, and {one_of} approve exactly this." in text
    agreed = replace(manager, state=RequestState.APPROVED)
    text = str(proposal.build(replace(samples.proposal(), requests=(agreed, board)), [], 0).blocks)
    assert f"Nothing moves until {one_of} approves exactly this." in text
    share = replace(board, role="receiver", share=samples.BOB, approvers=(samples.BOB,))
    text = str(proposal.build(replace(samples.proposal(), requests=(manager, share, share)), [], 0).blocks)
    assert f"until {samples.MAX.name}, and each of 2 receiving colleagues approve exactly this." in text


def test_a_proposal_says_who_asks_and_for_which_day_but_no_reason() -> None:
    view = replace(samples.proposal(), asked_by="Hanna", last_day=samples.NOW)
    text = str(proposal.build(view, [], 0).blocks)
    assert "Hanna asks. Last day: <!date^" in text
    away = str(proposal.build(replace(view, until=samples.NOW), [], 0).blocks)
    assert "Hanna asks, for a leave from <!date^" in away
    assert "*For a time:*" in away


def test_the_answer_comes_before_the_list_and_the_rest_is_in_the_menu() -> None:
    shown = proposal.build(samples.proposal(), samples.client_lines(10), 60)
    kinds = [block["type"] for block in shown.blocks]
    assert kinds.index("actions") < kinds.index("table")
    answers = next(block for block in shown.blocks if block["type"] == "actions")["elements"]
    assert [one["type"] for one in answers] == ["button", "button", "overflow"]
    inside = [one["text"]["text"] for one in answers[2]["options"]]
    assert inside == ["Find Clients", "Get CSV", "Change Clients", "Keep Clients", "Upload CSV"]
    assert all(len(one["value"]) <= 150 for one in answers[2]["options"])


def test_who_declined_is_whom_hr_must_talk_to() -> None:
    view = replace(samples.proposal(ProposalState.DECLINED), settled_by="Li Wei")
    text = str(outcome.build(view).blocks)
    assert "Agree with Li Wei" in text
    assert "Retry in the case message" in text


def test_a_pending_proposal_has_one_emphasised_button() -> None:
    shown = proposal.build(samples.proposal(), samples.client_lines(20), 60)
    styled = [
        one for block in shown.blocks if block["type"] == "actions" for one in block["elements"] if "style" in one
    ]
    assert [(one["text"]["text"], one["style"]) for one in styled] == [("Approve 60 Records", "primary")]


def test_exports_say_what_is_not_known_and_name_nobody() -> None:
    text = "\n".join(strings(exports.build(samples.exports()).blocks))
    assert "the vendor keeps no export log" in text
    assert "1 log was not read" in text
    assert "Dana" not in text
    assert "50.0% of 600" in text


def test_an_audit_without_findings_is_one_line_and_never_hides_what_was_not_read() -> None:
    good = audit.build(samples.audit())
    assert len(good.blocks) == 1
    assert "all still locked out" in good.text
    dark = audit.build(samples.audit(0, ("crm: no answer",)))
    assert "all still locked out" not in dark.text
    assert "NOT READ" in "\n".join(strings(dark.blocks))


def test_what_is_left_of_the_clients_can_be_tried_again() -> None:
    view = samples.case(CaseState.WATCHED, Verdict.LOCKED, Verdict.LOCKED)
    left = replace(samples.clients(), problems=("system1: 5 records were refused", "not about a system"))
    shown = case.build(replace(view, clients=left), samples.NOW)
    [again] = [block["accessory"]["value"] for block in shown.blocks if "accessory" in block]
    assert again == '{"case":"case-1","system":"system1"}'


def test_a_finding_about_no_account_has_no_empty_brackets() -> None:
    found = replace(samples.finding(), login="")
    text = "\n".join(strings(audit.build(replace(samples.audit(1), findings=(found,))).blocks))
    assert "open again in crm, since" in text
    assert "()" not in text


def test_numbers_of_one_read_as_one() -> None:
    alone = replace(samples.audit(1), leavers=1, accounts=1)
    assert audit.headline(alone) == "1 finding among 1 past leaver with 1 account"


def test_what_does_not_fit_is_counted_and_never_dropped_in_silence() -> None:
    shown = message("point", [section(f"line {number}") for number in range(70)])
    assert problems({"text": shown.text, "blocks": list(shown.blocks)}) == []
    assert "21 more parts do not fit here" in "\n".join(strings(shown.blocks))
    assert len(message("point", [section("x")] * 50).blocks) == 50


def test_systems_beyond_what_one_message_holds_are_named_still() -> None:
    text = "\n".join(strings(case.build(samples.case(CaseState.RUNNING, *[Verdict.LOCKED] * 45), samples.NOW).blocks))
    assert all(f"The system{number}" in text for number in range(45))


@pytest.mark.parametrize("locale", ["zh-CN", "zh-TW"])
def test_no_mark_of_half_width_stands_beside_chinese(locale: str) -> None:
    chinese = "[\u3001\u3002\u4e00-\u9fff\uff08-\uff1b]"
    half = re.compile(rf"{chinese}[*_]*(?:[;:,]| \()|(?:[;:,]|\)) ?{chinese}")
    with language(locale):
        every = [*(one.blocks for one in messages("Zoë")), *views("Zoë")]
    shown = [re.sub(r"<[^>]*>", "x", text) for one in every for text in strings(one)]
    assert any("已" in text for text in shown)
    assert [text for text in shown if half.search(text)] == []
