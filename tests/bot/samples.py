"""Sample views of the services, with names that break naive code."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from bot.slack.people import Profile
from connectors.contract import AccountId, Duty, DutyId, DutyKind, IntroductionWay, Licence, LicenceId, Verdict
from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER, SECURITY, Employee
from workflows.access.duty_views import DutiesView, DutyItem
from workflows.access.staged_account import SeatState
from workflows.access.views import (
    AccountLine,
    BookLine,
    Candidate,
    DutyComparison,
    DutyLine,
    LicenceLine,
    RestoredLine,
    SeatLine,
    StepView,
    SystemLine,
    SystemPlan,
)
from workflows.cases.views import AuditView, CaseView, FindingLine, FollowUpLine, Plan
from workflows.clients.stayed.views import (
    ClientAnswerView,
    ClientStay,
    ClientToMark,
    Fate,
    LostDeal,
    Reminder,
    StayReport,
    UsualLoss,
)
from workflows.clients.views import (
    ClientLine,
    ClientsView,
    IntroductionLine,
    NoteLine,
    NoteView,
    ProposalView,
    RecordLine,
    Share,
)
from workflows.exports.views import ExportLine, ExportView
from workflows.people import Actor, Leaver, Successor
from workflows.stage_acts import StageAct
from workflows.stages.views import ActLine, ActSystemLine, HoldLine, PlannedAct, PlannedStage, StageLine, StageState
from workflows.storage.rows.case import CaseState, Strategy
from workflows.storage.rows.clients import AssignmentState, ClientWord, IntroductionState, ProposalState
from workflows.storage.rows.duties import DutyChoice
from workflows.storage.rows.watch import FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.watch.earlier_leavers import EarlierLeavers, OwnerLine, Standing

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NASTY = "<!channel> <script>alert('x')</script> *bold* _it_ `code` & \u202eevil\u2066 O'Neill\nline two"
HEBREW = "נועה לוי"


def successor(person: Employee) -> Successor:
    return Successor(person.email, person.name, person.email, person.slack_id)


MAX, BOB, CAROL = successor(MANAGER), successor(BY_UID["bob.ross"]), successor(BY_UID["carol.diaz"])


def leaver(name: str = LEAVER.name) -> Leaver:
    return Leaver(name, LEAVER.email, LEAVER.slack_id, LEAVER.timezone, LEAVER.title, MANAGER.email)


def introductions() -> tuple[IntroductionLine, ...]:
    """Return a task that is there, and a client who was refused."""
    done = IntroductionLine(
        "crm", "Nordwind", "account:1", BOB, IntroductionWay.TASK, IntroductionState.SENT, "", NOW, NOW
    )
    refused = replace(done, client="Acme", client_id="account:2", state=IntroductionState.REFUSED, reason="inactive")
    return done, refused


def note(who: Successor = BOB) -> NoteView:
    lines = tuple(
        NoteLine("crm", "opportunity", name, f"Client {n}", Decimal(9000 - n), "EUR", "Lead")
        for n, name in enumerate([NASTY, *map("Deal {}".format, range(1, 10))])
    )
    return NoteView(f"case-1:{who.key}", "case-1", leaver(), who, 45, 20, 30, {"EUR": Decimal(123456)}, lines)


def client_stays() -> list[ClientStay]:
    """Return a client in each state, the worst first."""
    word = ClientAnswerView(ClientWord.OBJECTS, NASTY, NOW)
    lost = (LostDeal(NASTY, Decimal(30_000), "EUR"),)
    return [
        ClientStay(
            f"party:{number}",
            "crm",
            "CRM",
            f"Client {number} {NASTY}",
            BOB if number % 2 else CAROL,
            fate,
            word if fate is Fate.OBJECTS else None,
            NOW if fate is Fate.CONTACTED else None,
            "a call may be missing" if fate is Fate.UNKNOWN else "",
            lost if fate is Fate.SILENT else (),
            1,
            fate is not Fate.UNKNOWN,
            fate is Fate.SILENT,
        )
        for number, fate in enumerate(Fate)
    ]


def stay_report() -> StayReport:
    return StayReport(
        "case-1:7",
        "case-1",
        leaver(),
        NOW,
        7,
        44,
        {Fate.CONTACTED: 31, Fate.SILENT: 9, Fate.OBJECTS: 1, Fate.UNKNOWN: 3},
        4,
        6,
        {"EUR": Decimal(120_000)},
        ("CRM: a call may be missing",),
        (),
        (UsualLoss("CRM", 60, 18), UsualLoss("Shop", unknown="no reports"), UsualLoss("Old", 0)),
        {BOB.name: 5},
        (NASTY,),
    )


def clients_to_mark() -> list[ClientToMark]:
    words = [ClientAnswerView(word, NASTY, NOW) for word in ClientWord]
    return [
        ClientToMark(f"party:{number}", "crm", "CRM", f"Client {number} {NASTY}", BOB, word)
        for number, word in enumerate([*words, None])
    ]


def reminder() -> Reminder:
    return Reminder(f"case-1:{BOB.key}", "case-1", leaver(), BOB, 44, 9, MAX.name, NOW)


def account(system: str, verdict: Verdict = Verdict.OPEN, login: str = LEAVER.uid) -> AccountLine:
    return AccountLine(
        system, f"{system}-1", login, "mail", verdict, groups=("sales", NASTY), done=("locked", "3 sessions ended")
    )


def earlier() -> EarlierLeavers:
    """Return a look with two earlier leavers, one owner who is not known, one on leave, and a system not read."""
    known = ("crm", AccountId("17"), "a.ford", f"Ann {NASTY}", Verdict.LOCKED, {"opportunity": 12, "task": 3})
    return EarlierLeavers(
        (
            OwnerLine(*known, Standing.OFFERED, value={"EUR": Decimal(1200)}),
            OwnerLine("crm", AccountId("18"), "", "", Verdict.ABSENT, {"opportunity": 2}, Standing.OFFERED),
            OwnerLine("crm", AccountId("20"), "e.ito", "Eve", Verdict.LOCKED, {"task": 1}, Standing.ON_LEAVE, "case-1"),
            OwnerLine(
                "crm", AccountId("19"), "d.oak", "Dan", Verdict.UNKNOWN, {"task": 1}, Standing.UNKNOWN, why="hidden"
            ),
        ),
        7,
        ("crm",),
        ("Shop: not read",),
        NOW,
    )


def duties() -> DutyLine:
    """Return one duty of each relation, and something that is not known."""
    found = tuple(
        Duty(DutyId(kind), kind, "flow", f"{NASTY} {number}", "EMEA", stops)
        for (number, kind), stops in zip(enumerate(DutyKind), (True, None, False, False), strict=True)
    )
    off = Duty(DutyId("off"), DutyKind.RUNS, "flow", "Nightly", fixed="a key belongs to its user", active=False)
    return DutyLine("system0", "System 0", (*found, off), ("svc may not read queues",), NOW)


def licence_plans() -> tuple[LicenceLine, ...]:
    """Return licences of a plan: with a stage and one that stays, and some that are not known."""
    seats = (Licence(LicenceId("e3"), NASTY), Licence(LicenceId("v"), "Visio", "Visio", "it comes with the group x"))
    held = LicenceLine("system0", "System 0", seats=tuple(SeatLine(one, SeatState.HELD) for one in seats), read_at=NOW)
    return replace(held, stage="day 30"), LicenceLine("system1", "System 1", unknown="svc may not read seats")


def licences() -> tuple[LicenceLine, ...]:
    """Return licences of a case in every state."""
    [plan, dark] = licence_plans()
    every = tuple(
        SeatLine(Licence(LicenceId(f"{state}{why}"), NASTY), state, why)
        for state in SeatState
        for why in ("", "no seat")
    )
    line = replace(plan, login=LEAVER.uid, seats=every, reclaimed_at=NOW, deactivated_at=NOW, unknown="down")
    return line, replace(line, stage="", reclaimed_at=None, unknown=""), dark


def duty_comparison() -> DutyComparison:
    at_notice = duties()
    now = DutyLine("system0", "System 0", at_notice.duties[:2], read_at=NOW)
    return DutyComparison("system0", "System 0", now, at_notice)


def duty_items(name: str = "Max") -> DutiesView:
    """Return duties with every decision, in every state, and one without any."""
    line = duties()
    one = DutyItem("c:system0:0123456789abcdef", "system0", "System 0", line.duties[0], listed=True)
    items = [one]
    for choice in DutyChoice:
        made = replace(one, choice=choice, to=name, by=name, decided_at=NOW)
        items += [
            made,
            replace(made, problem="x", by_hand=True),
            replace(made, problem="x"),
            replace(made, done=True, result="x", by=""),
        ]
    named = (
        replace(item, id=f"c:system0:{number:02}23456789abcdef", duty=replace(item.duty, id=DutyId(f"d{number}")))
        for number, item in enumerate(items)
    )
    return DutiesView(tuple(named), ("System 0: x",), NOW, decidable=True)


def stages() -> tuple[StageLine, ...]:
    """Return a stage in every state, each with an act that some system offers and one that none does."""
    done = ActSystemLine("crm", f"CRM {NASTY}", complete=True, done=(f"licence of {NASTY} reclaimed",))
    nothing = ActSystemLine("ad", "AD", complete=True)
    left = ActSystemLine("crm", "CRM", complete=False, problem=f"not reachable: {NASTY}", waits=True)
    undone = ActSystemLine("crm", "CRM", complete=True, done=("given",), undone=("given back",))
    stuck = ActSystemLine("crm", "CRM", complete=True, done=("given",), not_undone="not reachable")
    untried = ActSystemLine("crm", "CRM", complete=False)
    parts = {
        StageState.DONE: (done, nothing),
        StageState.NOTHING: (),
        StageState.UNDONE: (undone,),
        StageState.UNDOING: (untried,),
        StageState.NOT_UNDONE: (stuck,),
        StageState.WAITS: (done, left),
        StageState.NOT_DONE: (left,),
    }
    return tuple(
        StageLine(
            f"day_{number + 1}",
            state,
            NOW + timedelta(days=number),
            (ActLine(StageAct.RECLAIM_LICENCES, parts.get(state, (untried,))), ActLine(StageAct.TELL_CLIENTS, ())),
            skipped_by=NASTY if state is StageState.SKIPPED else "",
            skipped_why=NASTY if state is StageState.SKIPPED else "",
        )
        for number, state in enumerate(StageState)
    )


def hold(*, ended: bool = False) -> HoldLine:
    """Return a legal hold."""
    end = (NOW, NASTY, f"over {NASTY}") if ended else (None, "", "")
    return HoldLine("case-1", NOW, NASTY, f"a lawsuit {NASTY}", *end)


def planned_stages() -> tuple[PlannedStage, ...]:
    """Return the stages of a plan, one with its day."""
    acts = (
        PlannedAct(StageAct.STOP_NEW_WORK, ((f"CRM {NASTY}", f"leave 2 queues of {NASTY}"),)),
        PlannedAct(StageAct.DEACTIVATE, ()),
    )
    return PlannedStage("last_day", acts), PlannedStage("day_30", acts, NOW)


def plan(who: Leaver | None = None, systems: int = 2) -> Plan:
    who = who or leaver()
    book = BookLine("crm", {"opportunity": 120, "party": 3}, {"EUR": Decimal(1234567)})
    every = [
        SystemPlan(
            f"system{number}",
            f"System {number}",
            (account(f"system{number}"),),
            "mail",
            ("lock the log-in",),
            ("end sessions",),
            book if number == 1 else None,
            "" if number < 3 else "no answer within 10 seconds",
            duties=None if number else duties(),
            licences=licence_plans()[number] if number < 2 else None,
        )
        for number in range(systems)
    ]
    return Plan(who, tuple(every), ("is an approver elsewhere",), (), NOW, stages=planned_stages())


def system(name: str, verdict: Verdict, reason: str = "") -> SystemLine:
    read = NOW if verdict is not Verdict.UNKNOWN else None
    later = NOW + timedelta(minutes=5) if verdict is Verdict.UNKNOWN else None
    return SystemLine(
        name,
        f"The {name}",
        verdict,
        reason,
        "pwdAccountLockedTime",
        read,
        False,
        later,
        2,
        (account(name, verdict),),
        (),
    )


def step(
    assignee: str = BY_UID["li.wei"].slack_id,
    *,
    by: str = "",
    note: str = "",
    proof: str = "",
    name: str = LEAVER.name,
    needs_file: bool = False,
) -> StepView:
    """Return a waiting step. `by`: the person who confirmed the step."""
    return StepView(
        "case-1:badge",
        "case-1",
        leaver(name),
        "badge",
        "Office keys and badge",
        "Take the badge.\nSwitch it off.",
        needs_file,
        assignee,
        SECURITY.slack_id,
        WorkState.DUE,
        NOW,
        NOW + timedelta(hours=24),
        None,
        1,
        not by,
        by,
        NOW if by else None,
        note,
        proof,
        "",
        "",
    )


def by_hand(one: StepView) -> SystemLine:
    said = f"confirmed by {one.confirmed_by}, not read back" if one.confirmed else "not confirmed"
    return SystemLine(
        one.system, one.title, Verdict.UNKNOWN, said, "", None, False, None, 0, (), ("Nothing can be read back.",), one
    )


def follow_up(day: int, *, done: bool) -> FollowUpLine:
    return FollowUpLine(
        f"follow-{day}", day, NOW + timedelta(days=day), NOW if done else None, "still locked" if done else ""
    )


def restored(name: str, *, done: bool = True) -> RestoredLine:
    problem = "" if done else "not reachable: down"
    cannot = ("the sessions that were ended: sign in again",)
    return RestoredLine(name, f"The {name}", LEAVER.uid, ("the account is open again",), cannot, problem, done, None)


def candidates() -> tuple[Candidate, ...]:
    return (
        Candidate("a-1", "d.oneill", NASTY, "dana@private.example", Verdict.OPEN, "login"),
        Candidate("a-2", "boss", "The Boss", "boss@x.example", Verdict.OPEN, "mail", False, "PROTECTED by policy"),
    )


def finding(number: int = 1, name: str = LEAVER.name) -> FindingLine:
    return FindingLine(
        f"finding-{number}",
        "case-1",
        leaver(name),
        FindingKind.OPEN_AGAIN,
        "crm",
        "dana.oneill",
        NOW,
        NOW,
        "enabled by admin",
        None,
        True,
    )


def clients(proposal: ProposalView | None = None) -> ClientsView:
    return ClientsView(
        proposal, 600, 120, 480, ("2 records taken by another",), 4.0, ("opportunity: 600 before = 600 after",), False
    )


def case(
    state: CaseState = CaseState.RUNNING, *verdicts: Verdict, name: str = LEAVER.name, case_id: str = "case-1"
) -> CaseView:
    names = [f"system{number}" for number in range(len(verdicts))]
    return CaseView(
        id=case_id,
        leaver=leaver(name),
        state=state,
        immediate=True,
        effective_at=NOW,
        opened_at=NOW,
        opened_by=Actor(f"slack:{HR.slack_id}", HR.name),
        approver=MAX,
        systems=tuple(
            system(label, verdict, "no answer" if verdict is Verdict.UNKNOWN else "")
            for label, verdict in zip(names, verdicts, strict=True)
        ),
        clients=clients(),
        exports="Exports were read from 1 of 2 systems.",
        follow_ups=(follow_up(1, done=True), follow_up(7, done=False)),
        findings=(),
    )


def proposal(
    state: ProposalState = ProposalState.PENDING, name: str = LEAVER.name, shares: int = 2, version: int = 1
) -> ProposalView:
    colleagues = (
        [BOB, CAROL]
        if shares == 2
        else [Successor(f"s{n}@northwind.example", f"{NASTY} {n}", "") for n in range(shares)]
    )
    parts = tuple(Share(one, 30, 10, {"EUR": Decimal(1000 * (n + 1))}, 0) for n, one in enumerate(colleagues))
    settled = state is not ProposalState.PENDING
    return ProposalView(
        "proposal-1",
        "case-1",
        leaver(name),
        version,
        f"digest-{version}",
        state,
        Strategy.BALANCED,
        MAX,
        parts,
        60,
        20,
        "the first version",
        NOW,
        NOW if settled else None,
        MAX.name if settled else "",
        "too many for Bob" if settled else "",
    )


def lines(count: int, name: str = "Acme") -> list[RecordLine]:
    return [
        RecordLine(
            "crm",
            "opportunity",
            f"{name} {n}",
            f"{name} family",
            Decimal(5000),
            "EUR",
            "lead",
            f"line-{n}",
            f"opportunity:{n}",
            True,
            BOB if n % 2 else CAROL,
            AssignmentState.PROPOSED,
        )
        for n in range(count)
    ]


def client_lines(count: int, name: str = "Acme") -> list[ClientLine]:
    worth = {"EUR": Decimal(5000)}
    return [
        ClientLine(f"line-{n}", "crm", f"party:{n}", f"{name} {n}", 3, 1, worth, BOB if n % 2 else CAROL)
        for n in range(count)
    ]


def exports(systems: int = 2, name: Leaver | None = None, weeks: int = 8) -> ExportView:
    monday = date(2026, 9, 28)
    history = tuple((monday + timedelta(weeks=n), n, 40 * n) for n in range(weeks))
    every = [ExportLine(f"crm{n}", 12, 480, 300, 600, history) for n in range(systems - 1)]
    every.append(ExportLine("directory", 0, None, None, None, (), "the vendor keeps no export log"))
    return ExportView(
        "snapshot-1", "case-1", "Leaver 7F3A", "notice", NOW - timedelta(days=60), NOW, tuple(every), name
    )


def audit(findings: int = 0, not_read: tuple[str, ...] = (), name: str = LEAVER.name) -> AuditView:
    return AuditView(
        date(2026, 11, 23),
        NOW,
        NOW,
        14,
        28,
        {Verdict.LOCKED: 28 - findings, Verdict.OPEN: findings},
        tuple(finding(n, name) for n in range(findings)),
        not_read,
    )


def profile(**flags: object) -> Profile:
    kind = Profile(
        LEAVER.slack_id, LEAVER.name, LEAVER.email, LEAVER.timezone, LEAVER.title, False, False, False, False
    )
    return replace(kind, **flags)  # type: ignore[arg-type]
