"""In a language that marks every message, no message, form or command shows a sentence without the mark."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import pytest
import typer

from bot.cli.app import COMMANDS, make_app
from bot.cli.clients import ANSWERS
from bot.errors import internal_error_message
from bot.slack import forms, messages
from bot.slack.forms import case as case_form
from bot.slack.forms import clients, fields, notice, offboard, people, reasons
from bot.slack.forms import duties as duty_form
from bot.slack.forms import earlier as earlier_form
from bot.slack.forms import enrolment as enrolment_form
from bot.slack.forms import proposal as proposal_form
from bot.slack.forms import stages as stages_form
from bot.slack.forms import stayed as stayed_form
from bot.slack.messages import (
    access,
    acts,
    alarm,
    audit,
    bundle,
    case,
    details,
    duties,
    earlier,
    escalation,
    exports,
    findings,
    guide,
    held,
    home,
    joined,
    leave,
    lockout,
    manual,
    moves,
    news,
    note,
    outcome,
    proposal,
    requests,
    share,
    split,
    stages,
    stayed,
)
from bot.slack.messages import enrolment as enrolment_part
from bot.slack.messages.blocks import Message, button, header, pack, section, table
from config.client_book import ClientSettings
from config.settings import Roles
from connectors.contract import DutyKind, Verdict
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, handover
from tests.bot.slack import test_messages
from tests.marking import FULL_WIDTH, WORD, Data, mark_everything
from workflows.access.views import RestrictionLine, SystemLine
from workflows.business_days import BusinessDays
from workflows.cases.finding_list import URGENCY
from workflows.cases.joinings import JoinedChannel
from workflows.cases.views import CaseView, EarlierFigure, Ended, FindingLine
from workflows.clients.stayed.views import Fate
from workflows.clients.views import (
    DecisionView,
    DelegationView,
    ExclusionLine,
    LeaveView,
    LineFault,
    Preview,
    PutBackView,
    RequestView,
)
from workflows.news import Event
from workflows.people import earlier_leavers
from workflows.storage.rows.case import CaseState, HoldReason, Reason, Strategy
from workflows.storage.rows.clients import (
    AssignmentState,
    Halt,
    IntroductionState,
    LeaveAnswer,
    ProposalState,
    RequestState,
)
from workflows.storage.rows.watch import FindingKind
from workflows.storage.rows.work_state import WorkState

NAME = "Zoë of the Hills".translate(FULL_WIDTH)
LATER = samples.NOW + timedelta(days=30)
ALL = (Verdict.LOCKED, Verdict.OPEN, Verdict.ABSENT, Verdict.UNKNOWN)
ROOMS = tuple(str(Path(room.__path__[0])) for room in (forms, messages))
FOR_PROGRAMS = frozenset(
    {"type", "action_id", "block_id", "value", "callback_id", "private_metadata", "style", "url", "initial_date"}
) | {"initial_time", "timezone", "filetypes", "trigger_actions_on"}
EMPTY: dict[str, Any] = {"state": {"values": {}}, "private_metadata": "{}", "blocks": []}


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Data:
    mark_everything(monkeypatch)
    made = Data(words=("UTC", "CSV", "English", "polski", "because", "careful", "x" * 23), keep=URGENCY)
    made.mark_samples(monkeypatch, samples)
    return made


def texts(thing: Any) -> Iterator[str]:
    """Every text that Slack would show, however deep."""
    if isinstance(thing, Message):
        yield thing.text
        yield from texts(thing.blocks)
    elif isinstance(thing, dict):
        for key, value in thing.items():
            if key not in FOR_PROGRAMS:
                yield from texts(value)
    elif isinstance(thing, list | tuple):
        for one in thing:
            yield from texts(one)
    elif isinstance(thing, str):
        yield thing


def found(data: Data, shown: Any) -> list[str]:
    return [f"{data.left(text)} in {text[:200]!r}" for text in texts(shown) if data.left(text)]


def views() -> Iterator[CaseView]:
    """Cases in every state, with everything that a case can have."""
    restricted = RestrictionLine("crm", "crm", WorkState.DONE, False, LATER, samples.NOW, ("x: y",), "down")
    step = samples.step()
    for state in CaseState:
        view = samples.case(state, *ALL, name=NAME)
        yield view
        yield replace(view, clients=replace(samples.clients(), complete=True, listed=0, absent=("crm",)))
        clients_ = replace(
            samples.clients(samples.proposal()),
            halted=Halt.PAUSED,
            halted_by=NAME,
            halted_at=samples.NOW,
            stopped=3,
            stopped_in=("crm",),
            put_back=4,
            putting_back=1,
            not_put_back=2,
            unreturned=(NAME,),
            put_back_problems=("x",),
            put_back_by=NAME,
            put_back_waits=True,
            moving=True,
            complete=True,
            kept=(ExclusionLine(NAME, NAME, samples.NOW, 1, 3),),
        )
        yield replace(
            view,
            systems=(
                *view.systems,
                *opened(view),
                samples.by_hand(step),
                samples.by_hand(samples.step(by=NAME, note=NAME)),
            ),
            clients=clients_,
            restored=(samples.restored("crm"), samples.restored("ldap", done=False)),
            licences=samples.licences(),
            restrictions=(restricted, replace(restricted, lifted=True), replace(restricted, done_at=None, problem="")),
            findings=(samples.finding(1), replace(samples.finding(1), system="system1", changed_by="x")),
            settled=tuple(settled()),
            can_undo=True,
            duties=samples.duty_items(NAME),
            settled_by=NAME,
            settled_at=samples.NOW,
            ended=Ended(NAME, samples.NOW, NAME),
            leave=LeaveView(LATER, True, samples.NOW, LeaveAnswer.STAY, NAME, samples.NOW),
            stages=samples.stages(),
            hold=samples.hold(),
        )
        yield replace(view, stages=samples.stages()[:1])
        for reason in HoldReason:
            yield replace(view, state=CaseState.HELD, held=reason)
        for answer in LeaveAnswer:
            given = LeaveView(LATER, not answer, samples.NOW, answer, NAME, samples.NOW if answer else None)
            yield replace(view, state=CaseState.ON_LEAVE, systems=(), leave=given)


def opened(view: CaseView) -> Iterator[SystemLine]:
    """Lines with every extra that a line of the case message can have."""
    line = view.systems[0]
    for verdict in ALL:
        known: dict[str, Any] = {"last_good": Verdict.LOCKED, "last_good_at": samples.NOW}
        account = replace(
            samples.account("system1", verdict), residual=NAME, residual_until=LATER, login_refused=True, **known
        )
        bare = replace(line, system="system1", verdict=verdict, reason=NAME, next_try_at=None, **known)
        yield replace(bare, accounts=(account,), read_at=samples.NOW, locked_at=samples.NOW, late=NAME)
        yield replace(bare, accounts=(account,) * 9, word=NAME, read_at=samples.NOW, how="")
        yield replace(bare, working=True, choose=True, last_good=None)


def settled() -> Iterator[FindingLine]:
    for by in ("handover", "slack:U1", "cli:x"):
        yield replace(samples.finding(), closed_at=LATER, closed_by=by)
    changes: list[dict[str, Any]] = [{"locked_by": NAME}, {"relocked_at": LATER}, {"kind": FindingKind.NOT_DELIVERED}]
    for change in changes:
        yield replace(samples.finding(), closed_at=LATER, closed_by="handover", **change)


def asked() -> list[RequestView]:
    ada = samples.BOB
    said = (DecisionView(ada, samples.CAROL, True, samples.NOW, NAME), DecisionView(ada, ada, False, LATER, "", NAME))
    one = RequestView("p#board", "board", 2, RequestState.WAITING, (samples.MAX, ada), said, problem=NAME)
    return [
        replace(one, state=state, share=taker, expires_at=LATER, escalated_at=at)
        for state in RequestState
        for taker in (None, ada)
        for at in (None, samples.NOW)
    ]


def messages_shown(data: Data) -> Iterator[Any]:
    yield from test_messages.messages(NAME)
    for view in map(data.marked, views()):
        yield case.build(view, samples.NOW)
        yield details.blocks(view)
        yield [held.build(view), bundle.build([view, view])]
        yield guide.line(view)
        yield [
            moves.build(view),
            moves.called_off(view, 3),
            access.build(view),
            lockout.build(view),
            joined.build(view, JoinedChannel(view.id, "C1", "U1")),
        ]
        yield lockout.build(view, samples.MAX.slack_id)
        yield [*duties.details(samples.duty_items(NAME), 3), duties.csv(samples.duty_items(NAME))]
        yield [
            duties.build(view, samples.duty_items(NAME)),
            duties.in_proposal(view.id, samples.duty_items(NAME), NAME),
        ]
        for reader in (view.approver.slack_id, "U0SOMEBODY"):
            yield [news.build(view, event, reader) for event in Event if event is not Event.TAKEN_BACK]
        yield manual.by_hand(view)
        if view.leave:
            yield [leave.build(view), leave.blocks(view, LATER + timedelta(days=1))]
        yield access.release_buttons(view)
        yield moves.blocks(replace(view, clients=replace(view.clients, halted=Halt.STOPPED)) if view.clients else view)
        for at in (None, LATER):
            slow_case = replace(view.clients, accepted=3, read_again_at=at, told=(NAME,)) if view.clients else None
            yield case.build(replace(view, clients=slow_case), samples.NOW)
    for state in ProposalState:
        meant = data.marked(
            replace(
                samples.proposal(state, NAME),
                requests=tuple(asked()),
                kept=(ExclusionLine(NAME, NAME, samples.NOW, 1, 3), ExclusionLine(NAME, NAME, samples.NOW, 2, 1)),
                sensitivities={"gold": 2},
                until=LATER,
                staying=4,
            )
        )
        for viewer in (samples.MAX.slack_id, samples.BOB.slack_id, ""):
            yield proposal.build(meant, samples.client_lines(3), 60, viewer=viewer)
            yield from (
                share.build(meant, one, samples.lines(25), 60, 0, viewer) for one in meant.requests if one.share
            )
        yield [outcome.build(meant), outcome.build(meant, samples.MAX.slack_id)]
        slow = replace(meant, told=(NAME,), states={AssignmentState.WAITING: 2, AssignmentState.OBJECTED: 1})
        yield [outcome.build(slow), outcome.build(slow, samples.MAX.slack_id), proposal.build(slow, [], 0)]
        yield [requests.blocks(meant), requests.waiting(meant), requests.needs(meant)]
        yield [split.kept(meant.kept, NAME), share.point(meant, meant.requests[1], samples.BOB.slack_id)]
    yield stages.hold_text(data.marked(samples.hold()), "")
    yield [alarm.build(replace(samples.finding(), closed_at=at)) for at in (None, LATER)]
    yield [escalation.build(samples.audit(2)), note.build(samples.note()), note.introduction(samples.note())]
    yield note.build(replace(samples.note(), records=0, until=LATER))
    sent = {IntroductionState.SENT: 7, IntroductionState.REFUSED: 1}
    yield note.build(data.marked(replace(samples.note(), told=sent, to_tell=3, not_told=samples.introductions())))
    report = data.marked(samples.stay_report())
    whole = replace(report, unknown=(), deals_unknown=("CRM",), lost=0, fates={Fate.NOT_REACHED: 1}, left={})
    many = replace(report, unknown=report.unknown * 9, lost_value={})
    yield [stayed.build(one) for one in (report, whole, replace(whole, deals_unknown=()), many)]
    yield stayed.reminder(data.marked(samples.reminder()))
    yield [news.taken_back(data.marked(replace(samples.note(), records=number))) for number in (0, 45)]
    for step in (samples.step(), samples.step(by=NAME, note=NAME, proof="x"), samples.step(needs_file=True)):
        yield [manual.build(step), manual.waiting(step), manual.headline(step)]
    for kind in URGENCY:
        finding = replace(samples.finding(), kind=kind, changed_by="x", taken_by=NAME, accepted_until=LATER)
        every = (finding, replace(finding, overdue=True, taken_by="", login=""), replace(finding, relocked_at=LATER))
        for buttons in (True, False):
            told = [data.marked(one) for one in (*every, replace(finding, closed_at=LATER))]
            yield [findings.build(lines, buttons=buttons) for lines in (told, told * 9, told[:1], told[3:])]
        seen = replace(
            samples.audit(), findings=every, accepted=every, relocked=every, settled=every, not_looked=("x",)
        )
        yield [audit.build(data.marked(seen), "a-1"), escalation.build(data.marked(seen))]
    states = dict.fromkeys(AssignmentState, 2)
    yield split.client_line(replace(samples.client_lines(1)[0], states=states))
    yield [split.choices(samples.client_lines(9)), split.people([data.marked(samples.BOB)], "bob")]
    for ended in (CaseState.EARLIER, CaseState.CANCELLED):
        group = replace(samples.case(ended, *ALL, name=NAME), leaver=earlier_leavers(3), systems=())
        yield [case.build(group, samples.NOW), moves.build(group), guide.line(group)]
    yield note.build(replace(samples.note(), leaver=earlier_leavers(3)))
    figures = EarlierFigure(2, 9, 1, samples.NOW, (NAME,))
    yield [earlier.figure(figures), audit.build(data.marked(replace(samples.audit(), earlier=figures)))]
    yield [[earlier.standing(data.marked(one)), earlier.who(one)] for one in samples.earlier().owners]
    yield [moves.kept((), 0), exports.build(samples.exports(1)), internal_error_message("x")]
    data.words |= {"offboard", "undo"}  # a command to type
    offered = [(samples.case(), button("x", "y"))] * 2
    yield [
        acts.choices(offered),
        acts.nobody("<@U1>"),
        acts.whom("/offboard undo", ""),
        acts.whom("/offboard undo", NAME),
    ]
    yield [acts.offer(samples.case(state), act, samples.NOW) for act in acts.CANNOT for state in CaseState]
    yield [acts.cannot(act, samples.case(state), NAME) for act in acts.CANNOT for state in CaseState]
    yield [acts.leaving([samples.case(state) for state in CaseState] * 9), acts.leaving([]), acts.leaving([], NAME)]
    yield [guide.guide(), guide.unknown(NAME), guide.bare_name(NAME), guide.cases([samples.case()] * 50, 90)]


def forms_shown(data: Data) -> Iterator[Any]:
    data.words |= set(WORD.findall(test_messages.LINK))
    yield from test_messages.views(NAME)
    today = samples.NOW.date()
    stands = DelegationView("D-1", samples.MAX, samples.BOB, samples.NOW, LATER)
    stands = data.marked(stands)
    yield home.build(
        home.Home(
            waiting=[data.marked(replace(samples.proposal(), requests=tuple(asked())))],
            findings=[samples.finding()],
            all_findings=1,
            may_open=True,
            may_lock=True,
            steps=[samples.step()],
            held=[samples.case(CaseState.HELD)],
            due_back=[samples.case(CaseState.ON_LEAVE)],
            leaving=[samples.case(CaseState.SCHEDULED)],
            own=[samples.case(CaseState.WATCHED)],
            earlier=EarlierFigure(2, 9, 1, samples.NOW),
            links={"proposal-1": test_messages.LINK},
            delegations=[stands],
            user=samples.MAX.slack_id,
            enrolled=False,
        )
    )
    yield [*enrolment_part.part(True), enrolment_form.build("x:"), enrolment_form.done(NAME)]
    yield [duty_form.build("c", samples.duty_items(NAME), page=page, said="x") for page in range(4)]
    yield duty_form.build("c", samples.duty_items(NAME), "x")
    yield [reasons.accept("f", today), people.appoint("p", "board"), people.delegate(today), people.leaver()]
    yield [
        case_form.link("c", "crm", "crm", samples.candidates(), today),
        case_form.link("c", "crm", "crm", (), today, "x"),
    ]
    ended = data.marked(replace(samples.case(name=NAME), can_undo=True))
    yield [
        reasons.cancel(ended),
        reasons.undo(ended),
        reasons.rehired(ended),
        reasons.rehired(replace(ended, can_undo=False)),
    ]
    yield reasons.cancel(replace(ended, leaver=earlier_leavers(2)))
    look = data.marked(samples.earlier())
    yield [earlier_form.browse(look, may_open=True), earlier_form.browse(replace(look, owners=()), NAME, 1)]
    yield earlier_form.hand_over(ClientSettings(), look.offered, "")
    yield [reasons.done(samples.step()), reasons.cannot(samples.step()), reasons.take_back(samples.step())]
    seen = Preview(samples.proposal().shares, 60, 20, 3, (NAME,), (NAME,))
    days = BusinessDays(time(17))
    yield [notice.split_preview(seen), notice.failed(NAME)]
    yield [case_form.reschedule("c", samples.NOW, "Europe/Dublin", days)]
    kept = data.marked(
        PutBackView("c", samples.leaver(), NAME, 60, 40, tuple(put_back_lines()), 3, ((NAME, 2, 5),) * 40, 7)
    )
    yield [case_form.put_back(kept), case_form.put_back(replace(kept, waiting=60, back=0))]
    mine = data.marked(samples.clients_to_mark())
    yield [stayed_form.mark("n", mine, 60, "", 1), stayed_form.mark("n", [], 0, NAME), stayed_form.mark("n", [], 0)]
    yield stayed_form.silent("c", data.marked(samples.client_stays()), 60, NAME, 1)
    yield notice.file_faults(NAME, [LineFault(0, NAME), LineFault(3, NAME)])
    yield [stages_form.change("c", data.marked(one)) for one in samples.stages()]
    yield [stages_form.hold("c", NAME), stages_form.end_hold("c", NAME)]


def put_back_lines() -> Iterator[Any]:
    from tests.bot.fakes import FakePutBacks  # noqa: PLC0415 - its lines are made when they are asked for

    yield from FakePutBacks().csv_lines("c")


def faults_shown() -> Iterator[Any]:
    today, zone = date(2026, 11, 23), "Europe/Dublin"
    days = BusinessDays(time(17))
    parsers: list[Callable[[], Any]] = [
        lambda: reasons.parse_accept(EMPTY, today, today),
        lambda: reasons.parse_done(EMPTY),
        lambda: reasons.parse_rehired(EMPTY),
        lambda: people.parse_appoint(EMPTY),
        lambda: people.parse_leaver(EMPTY),
        lambda: people.parse_delegate(EMPTY, zone),
        lambda: proposal_form.parse_change(EMPTY),
        lambda: stages_form.parse_change(EMPTY),
        lambda: proposal_form.parse_keep(EMPTY),
        lambda: proposal_form.parse_upload(EMPTY),
        lambda: case_form.parse_link(EMPTY, today),
        lambda: case_form.parse_reschedule(EMPTY, zone, days, samples.NOW),
        lambda: offboard.parse(EMPTY, days, samples.NOW),
        lambda: clients.parse(EMPTY, "U1", {}),
        lambda: fields.parse_reason(EMPTY),
    ]
    for parse in parsers:
        with pytest.raises(fields.InvalidForm) as refused:
            parse()
        yield [refused.value.faults, notice.failed(str(refused.value))]
    yield [enrolment_form.parse(EMPTY)]
    values = {
        "duty_choice:a": {"value": {"selected_option": {"value": "keep"}}},
        "duty_colleague:a:": {"value": {"selected_user": "U1"}},
        "duty_colleague:b:": {"value": {"selected_user": "U1"}},
    }
    kept = {"state": {"values": values}, "private_metadata": pack(seen=pack(a="|", b="|"))}
    with pytest.raises(fields.InvalidForm) as refused:
        duty_form.parse(kept)
    yield refused.value.faults
    yield proposal_form.just_typed({"actions": []})


@contextmanager
def called(names: set[str]) -> Iterator[None]:
    """Note which functions of the rooms are called."""

    def see(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(ROOMS):
            names.add(f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        yield
    finally:
        sys.setprofile(before)


def test_no_message_form_or_fault_has_an_unmarked_sentence(data: Data) -> None:
    names: set[str] = set()
    with called(names):
        every = [*messages_shown(data), *forms_shown(data), *faults_shown()]
    assert len(every) > 300
    assert [one for shown in every for one in found(data, shown)] == []
    builders = {
        f"{path.stem}.{line.split('(')[0].removeprefix('def ')}"
        for room in ROOMS
        for path in Path(room).glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("def ") and not line.startswith("def _")
    }
    values = {"fields.picked_time", "offboard.departure", "offboard.known_leaver", "offboard.unknown_to_slack"}
    assert builders - names == ({"blocks.unpack", "people.period"} | values) & (builders - names)


@pytest.mark.parametrize(
    "planted",
    [
        section("Nobody has decided yet."),
        section("_Ｎｏｂｏｄｙ_ has decided"),
        header("Ｓｔａｔｅ: approved"),
        table([["Ｃｏｕｎｔ", "seven"]]),
        {"type": "modal", "title": {"type": "plain_text", "text": "Link Account"}},
    ],
)
def test_a_planted_sentence_is_found(data: Data, planted: dict[str, Any]) -> None:
    assert found(data, planted)


def test_data_and_what_slack_fills_in_are_no_sentence(data: Data) -> None:
    shown = samples.plan()
    assert (
        found(data, section(f"{shown.leaver.name} <@U0MAX> <!date^1^{{date}}|at UTC> :wave: {shown.leaver.email} &lt;"))
        == []
    )


CLICKS = (
    "handover OPTIONS COMMAND ARGS HANDOVER_CONFIG str int float path range yes "
    "http socket help show install completion version"
)
"""Names of options, and words in place of values, in the help."""


FAKES = (
    "Client Zed has it now nobody can stand in for themselves CET The shop cannot end sessions Accounts A shop the is "
    "Address of open SQLite Slack slack case_channel security_channel audit_channel systems data Errno Connection "
    "refused"
)
"""Words of the services in memory, which are data here, and the zone's name."""


def of_click() -> set[str]:
    """Names of commands and options, and what stands for their values: no words to translate."""
    group: Any = typer.main.get_command(make_app())
    names = [CLICKS, *group.commands]
    for one in (one for command in group.commands.values() for one in command.load().params):
        names += [*one.opts, *one.secondary_opts, one.name, f"{one.metavar} {one.envvar} {one.default}"]
    names += [*Strategy, *Reason, *DutyKind, *ANSWERS]
    return set(WORD.findall(" ".join(map(str, names))))


def test_the_help_of_every_command_is_marked(data: Data) -> None:
    data.words |= of_click()
    for command in ("", *COMMANDS):
        shown = handover(Wiring(), *filter(None, [command]), "--help")
        assert shown.exit_code == 0
        text = re.sub(r"^ +handover .*(?:\n .*)*", "", shown.output, flags=re.MULTILINE)  # examples to type
        assert data.left(text) == [], text


OUTPUTS = (
    ("plan", samples.leaver().email),
    ("plan", "nobody"),
    ("status",),
    ("status", "case-1"),
    ("status", "case-1", "--why"),
    ("status", "--all"),
    ("status", "HO-404"),
    ("week",),
    ("moves", "case-1"),
    ("moves", "case-1", "--pause"),
    ("moves", "case-1", "--pause", "--stop"),
    ("putback", "case-1", "--dry-run"),
    ("putback", "case-1", "--yes"),
    ("putback", "case-1", "--cancel"),
    ("duties", "case-1"),
    ("duties", "case-1", "--give", "0123"),
    ("duties", "case-1", "--give", "0123", "--keep", "0123", "--to", "b@x.example"),
    ("duties", "case-1", "--stop", "all", "--all-kind", "routes"),
    ("orphaned",),
    ("orphaned", "--search", "ford"),
    ("orphaned", "--owner", "crm:17"),
    ("orphaned", "--hand-over"),
    ("orphaned", "--hand-over", "--to", "bob@n.example", "--approver", "max@n.example", "--dry-run"),
    ("notes", "case-1"),
    ("introductions", "case-1"),
    ("introductions", "case-1", "--send", "--yes"),
    ("notes", "case-1", "--introduction"),
    ("clients", "case-1"),
    ("clients", "case-1", "--mark", "party:0", "contacted"),
    ("clients", "case-1", "--mark", "party:0", "perhaps"),
    ("clients", "case-1", "--mark", "Client", "contacted"),
    ("clients", "case-1", "--mark", "nobody", "contacted"),
    ("returning", "case-1", "--stay"),
    ("proposal", "case-1"),
    ("proposal", "case-1", "--search", "acme"),
    ("decide", "case-1"),
    ("decide", "case-1", "--approve", "--yes"),
    ("waiting",),
    ("delegate",),
    ("delegate", "U0MAX"),
    ("delegate", "U0MAX", "--to", "U0MAX", "--from", "2026-12-21", "--until", "2027-01-04"),
    ("confirm", "case-1", "badge", "--note", "done"),
    ("undo", "case-1"),
    ("undo", "case-1", "--reason", "careful", "--yes"),
    ("cancel", "case-1"),
    ("cancel", "case-1", "--reason", "careful", "--yes"),
    ("retry", "case-1"),
    ("reveal", samples.exports().pseudonym),
    ("reveal", samples.exports().pseudonym, "--reason", "careful"),
    ("retry", "case-1", "nothing"),
    ("link", "case-1", "crm"),
    ("link", "case-1", "crm", "--login", "nobody"),
    ("reschedule", "case-1", "--at", "end-of-day 2020-01-01"),
    ("release", "case-1", "--yes"),
    ("close", "case-1", "--yes"),
    ("audit",),
    ("findings",),
    ("findings", "--take", "f", "--accept", "g"),
    ("connectors",),
    ("doctor",),
    ("enrol",),
    ("enrol", "nobody"),
    ("enrol", "tess"),
    ("enrol", "tess", "--reset"),
    ("verify",),
    ("offboard", "nobody"),
)


@pytest.mark.parametrize("arguments", OUTPUTS, ids=" ".join)
def test_what_a_command_prints_is_marked(data: Data, arguments: tuple[str, ...]) -> None:
    wiring = Wiring()
    view = samples.case(CaseState.RUNNING, *ALL, name=NAME)
    short = replace(view.leaver, email="d@n.example")  # a table folds longer ones
    wiring.offboarding.known = {"case-1": data.marked(replace(view, leaver=short))}
    with TemporaryDirectory(prefix="h") as folder:
        config = [] if arguments[0] == "connectors" else ["--config", str(configuration(Path(folder)))]
        shown = handover(wiring, *arguments, *config)
    text = shown.output.replace(folder, "")
    data.words |= {"actors", "roles", "cli", "tess", *Roles.model_fields}
    data.words |= {*of_click(), *WORD.findall(f"{FAKES} {samples.NASTY}"), *WORD.findall(" ".join(arguments))}
    assert data.left(text) == [], text


WRONG = (
    ("statu",),
    ("xyzzy",),
    ("status", "--colour"),
    ("decide",),
    ("delegate", "--to"),
    ("manifest", "--mode", "ftp"),
    ("manifest", "a", "b"),
    ("manifest", "--json=x"),
)


@pytest.mark.parametrize("typed", WRONG, ids=" ".join)
def test_wrong_use_is_told_through_the_catalogue(typed: tuple[str, ...], data: Data) -> None:
    data.words |= of_click() | set(WORD.findall(" ".join(typed)))
    shown = handover(Wiring(), *typed)
    assert shown.exit_code == 2
    assert shown.stderr
    assert data.left(shown.stderr) == [], shown.stderr
