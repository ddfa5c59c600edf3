"""`/offboard` and the form that opens a case: ack, parse, call one service, render."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack, App, BoltContext
from slack_sdk import WebClient

from bot.authorize import Right
from bot.errors import Told, sentence
from bot.forms import choose, notice, offboard
from bot.forms.fields import picked, picked_all
from bot.listeners import channels
from bot.listeners.command import COMMAND, Asked, Verb, parse
from bot.listeners.desk import Call, Desk
from bot.listeners.submission import answer as answer_submission
from bot.messages import case as case_message
from bot.messages import help as help_message
from bot.messages import plan as plan_message
from bot.messages.audit import build as build_audit
from bot.messages.blocks import Block, section
from bot.people import Profile, against_colleague, against_leaver, warnings
from bot.text import _, moment, mrkdwn
from workflows.model import CaseState, Strategy
from workflows.refusals import Code, Refused
from workflows.views import Actor, CaseView, Request

OPEN_STATES = (CaseState.SCHEDULED, CaseState.RUNNING)
CHECK_SECONDS = 1.8
"""How long people are looked up before a submission must be answered; Slack waits for three."""


def register(app: App, desk: Desk) -> None:
    """Listen."""

    @app.command(COMMAND)
    def command(ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> None:
        ack()
        answer(desk, Call(body, client), parse(body.get("text") or ""), context)

    @app.action(help_message.CHOOSE)
    def choose_person(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        ack()
        call = Call(body, client)
        desk.allow(call, Right.OPEN)
        call.open(choose.build())

    @app.view(choose.CALLBACK)
    def chosen(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        person, faults = choose.parse(view)
        if faults:
            ack(response_action="errors", errors=faults)
            return
        call = Call(body, client)

        def work() -> dict[str, Any]:
            desk.allow(call, Right.OPEN)
            return plan_of(desk, call, person)

        answer_submission(ack, call, notice.loading(), work)

    @app.view(offboard.CALLBACK)
    def submitted(
        ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext, view: dict[str, Any]
    ) -> None:
        submit(desk, Call(body, client), ack, view, context.bot_user_id or "")


def answer(desk: Desk, call: Call, asked: Asked, context: BoltContext) -> None:
    """Do what the command asks."""
    match asked.verb:
        case Verb.HELP:
            call.tell(_("What you can type"), help_message.guide())
        case Verb.UNKNOWN:
            call.tell(_("I do not know these words"), help_message.unknown(asked.words))
        case Verb.NAME:
            call.tell(_("Nobody is looked up by name"), help_message.bare_name(asked.words))
        case Verb.CHOOSE:
            desk.allow(call, Right.OPEN, fresh=False)
            call.open(choose.build())
        case Verb.START:
            desk.allow(call, Right.OPEN, fresh=False)
            start(desk, call, asked, context)
        case Verb.STATUS | Verb.LIST:
            desk.allow(call, Right.SEE)
            tell_status(desk, call, asked)
        case Verb.AUDIT:
            desk.allow(call, Right.AUDIT)
            call.tell(_("Checking every past leaver in every system. The result follows here."))
            shown = build_audit(desk.services.audits.run_now(desk.actor(call)))
            call.tell(shown.text, list(shown.blocks))


def start(desk: Desk, call: Call, asked: Asked, context: BoltContext) -> None:
    """Open the modal at once, then fill it."""
    view_id = call.open(notice.loading())
    context["view_id"] = view_id
    user = asked.user
    if asked.email:
        found = desk.people.by_email(asked.email)
        if found is None:
            call.show(
                view_id,
                choose.build(
                    _("Slack knows nobody with the address {email}. Choose the person:").format(
                        email=mrkdwn(asked.email)
                    )
                ),
            )
            return
        user = found.id
    call.show(view_id, plan_of(desk, call, user))


def plan_of(desk: Desk, call: Call, user: str) -> dict[str, Any]:
    """Return the form with the plan of one person, or why there can be none."""
    try:
        person = desk.people.find(user, fresh=True)
    except Told as error:
        return choose.build(str(error))
    refusal = against_leaver(person, call.user)
    if refusal:
        desk.refuse(call, f"open a case for {user}")
        return choose.build(refusal)
    running = desk.services.offboarding.find_case(person.id) or desk.services.offboarding.find_case(person.email)
    if running and running.state in OPEN_STATES:
        return already_open(desk, running)
    return plan_view(desk, person)


def plan_view(desk: Desk, person: Profile) -> dict[str, Any]:
    """Return the form under a fresh plan, or the plan's own refusals."""
    company = desk.services.settings.company
    zone = offboard.known_zone(person.timezone, company.timezone)
    plan = desk.services.offboarding.plan(person.leaver(zone))
    shown = plan_message.build(plan, warnings(person))
    if plan.refusals:
        stops: list[Block] = [section(_("✗ {why}").format(why=mrkdwn(why, 600))) for why in plan.refusals]
        return notice.notice(_("No case can be opened"), [*stops, *shown])
    defaults = offboard.Defaults(
        leaver=person.id,
        zone=zone,
        end_of_day=company.end_of_day,
        approver=_approver(desk, plan.leaver.manager_email, person.id),
        strategy=Strategy(desk.services.settings.clients.default_strategy),
        systems=len(plan.systems),
    )
    return offboard.build(shown, defaults)


def _approver(desk: Desk, email: str, leaver: str) -> str:
    found = desk.people.by_email(email)
    return found.id if found and not against_colleague(found, leaver) else ""


def already_open(desk: Desk, view: CaseView) -> dict[str, Any]:
    """Return where the open case of this person stands, instead of a second one."""
    said = section(_("There is an open case for this person already; here is where it stands."))
    return notice.notice(_("A case is open"), [said, *case_message.build(view, desk.services.clock.now()).blocks])


def submit(desk: Desk, call: Call, ack: Ack, view: dict[str, Any], bot: str) -> None:
    """Check the form, open the case, and say what came of it in the same modal."""
    leaver = str(call.metadata.get("leaver", ""))
    people = desk.people.find_all(
        [leaver, *filter(None, [picked(view, offboard.APPROVER)]), *picked_all(view, offboard.SUCCESSORS)],
        CHECK_SECONDS,
    )
    person = people[leaver]
    company = desk.services.settings.company
    zone = offboard.known_zone(person.timezone if isinstance(person, Profile) else "", company.timezone)
    today = desk.services.clock.now().astimezone(ZoneInfo(zone)).date()
    wish, faults = offboard.parse(view, leaver, today)
    faults = {**_unfit(view, leaver, people), **faults}
    if wish is None or faults or isinstance(person, Told):
        ack(response_action="errors", errors=faults or {offboard.WHEN: str(person)})
        return
    found = {user: profile for user, profile in people.items() if isinstance(profile, Profile)}
    submitted = Submitted(wish, person, found, zone, bot)
    answer_submission(ack, call, notice.starting(), lambda: carry_out(desk, call, submitted))


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form without faults, and the people in it as they were found."""

    wish: offboard.Wish
    leaver: Profile
    people: dict[str, Profile]
    zone: str
    bot: str


def carry_out(desk: Desk, call: Call, form: Submitted) -> dict[str, Any]:
    """Open the case that the form asks for; return the view that says what came of it."""
    desk.allow(call, Right.OPEN)
    refusal = against_leaver(form.leaver, call.user)
    if refusal:
        raise Told(refusal)
    wish, settings = form.wish, desk.services.settings
    at = offboard.end_of_day(wish.day, settings.company.end_of_day, form.zone) if wish.day else None
    place = channels.choose(
        call.client, settings.slack.case_channel, leaver=form.leaver.id, asker=call.user, bot=form.bot
    )
    request = Request(
        leaver=form.leaver.leaver(form.zone),
        reason=wish.reason,
        effective_at=at,
        approver=form.people[wish.approver].successor(),
        strategy=wish.strategy,
        successors=tuple(form.people[user].successor() for user in wish.successors),
        requested_by=desk.actor(call),
        channel=place.channel,
        note=wish.note,
    )
    return open_case(desk, request, place)


def _unfit(view: dict[str, Any], leaver: str, people: dict[str, Profile | Told]) -> dict[str, str]:
    faults: dict[str, str] = {}
    for block, chosen in (
        (offboard.APPROVER, [picked(view, offboard.APPROVER)]),
        (offboard.SUCCESSORS, picked_all(view, offboard.SUCCESSORS)),
    ):
        for user in filter(None, chosen):
            person = people[user]
            why = str(person) if isinstance(person, Told) else against_colleague(person, leaver)
            if why:
                name = person.name if isinstance(person, Profile) else user
                faults[block] = f"{name}: {why}"
    return faults


def open_case(desk: Desk, request: Request, place: channels.Place) -> dict[str, Any]:
    """Open the case and return the view that says so; a double submit shows the case that the first one opened."""
    try:
        case_id = desk.services.offboarding.open(request)
    except Refused as refused:
        view = _own_case(desk, refused, request.requested_by)
        if view is not None:
            return _opened(
                view.id, request.leaver.name, view.effective_at if view.state is CaseState.SCHEDULED else None, place
            )
        return notice.notice(_("No case was opened"), _stopped(desk, refused))
    return _opened(case_id, request.leaver.name, request.effective_at, place)


def _own_case(desk: Desk, refused: Refused, asker: Actor) -> CaseView | None:
    if refused.code is not Code.OPEN_CASE or not refused.facts.get("case"):
        return None
    view = desk.services.offboarding.case(refused.facts["case"])
    return view if view.opened_by.id == asker.id else None


def _stopped(desk: Desk, refused: Refused) -> list[Block]:
    blocks = [section(sentence(refused, markup=True))]
    if refused.code is Code.OPEN_CASE and refused.facts.get("case"):
        view = desk.services.offboarding.case(refused.facts["case"])
        blocks += case_message.build(view, desk.services.clock.now()).blocks
    return blocks


def _opened(case_id: str, name: str, at: datetime | None, place: channels.Place) -> dict[str, Any]:
    what = (
        _("{name} will be locked out {when}.").format(name=mrkdwn(name), when=moment(at))
        if at
        else _("{name} is being locked out now.").format(name=mrkdwn(name))
    )
    where = (
        _("The case message comes to you in a direct message, because {why}.").format(why=place.why)
        if place.why
        else _("The case message stands in <#{channel}> and is kept up to date there.").format(channel=place.channel)
    )
    return notice.notice(
        _("Case opened"),
        [
            section(f"✓ *{what}*"),
            section(where),
            section(_("Case {id}. You may close this.").format(id=mrkdwn(case_id))),
        ],
    )


def tell_status(desk: Desk, call: Call, asked: Asked) -> None:
    """Answer `status` and `list`."""
    offboarding = desk.services.offboarding
    who = asked.user or asked.email
    if not who:
        views = offboarding.cases(open_only=asked.verb is Verb.STATUS)
        call.tell(_("Cases"), help_message.cases(views))
        return
    view = offboarding.find_case(who)
    if view is None:
        call.tell(_("There is no case for this person. `/offboard @person` shows what one would do."))
        return
    shown = case_message.build(view, desk.services.clock.now())
    call.tell(shown.text, list(shown.blocks))
