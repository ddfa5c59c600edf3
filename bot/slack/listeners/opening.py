"""The submitted offboarding form: check the people, open the case once, show the outcome in the same modal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack

from bot import workdays
from bot.errors import UserFacingError, user_message
from bot.slack.forms import notice, offboard, upload
from bot.slack.forms.fields import picked, picked_all
from bot.slack.listeners import channels
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import fetch, tell_faults
from bot.slack.listeners.split import named_successors
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.messages import case as case_message
from bot.slack.messages.access import why_held
from bot.slack.messages.blocks import Block, section
from bot.slack.people import Profile, colleague_objection, leaver_objection
from bot.text import _, moment, mrkdwn
from bot.workdays import known_zone
from workflows.authorization import Right
from workflows.cases.views import CaseView, OffboardingRequest
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState

CHECK_SECONDS = 1.8
"""Time limit for looking people up before a submission is answered. Slack waits for three seconds."""


def submit(ctx: ListenerContext, call: Call, ack: Ack, view: dict[str, Any], bot: str) -> None:
    """Check the form, open the case, and show the outcome in the same modal."""
    leaver = str(call.metadata.get("leaver", ""))
    people = ctx.people.find_all(
        [leaver, *filter(None, [picked(view, offboard.APPROVER)]), *picked_all(view, offboard.SUCCESSORS)],
        CHECK_SECONDS,
    )
    person = people[leaver]
    company = ctx.services.settings.company
    zone = known_zone(person.timezone if isinstance(person, Profile) else "", company.timezone)
    today = ctx.services.clock.now().astimezone(ZoneInfo(zone)).date()
    wish, faults = offboard.parse(view, leaver, today)
    faults = {**_unfit(view, leaver, people), **faults}
    if wish is None or faults or isinstance(person, UserFacingError):
        ack(response_action="errors", errors=faults or {offboard.WHEN: str(person)})
        return
    found = {user: profile for user, profile in people.items() if isinstance(profile, Profile)}
    submitted = Submitted(wish, person, found, zone, bot)
    answer_submission(ack, call, notice.starting(), lambda: carry_out(ctx, call, submitted))


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form without faults, with the profiles of its people."""

    wish: offboard.OffboardingInput
    leaver: Profile
    people: dict[str, Profile]
    zone: str
    bot: str


def carry_out(ctx: ListenerContext, call: Call, form: Submitted) -> dict[str, Any]:
    """Open the case that the form describes, and return the view with the outcome."""
    ctx.allow(call, Right.OPEN)
    refusal = leaver_objection(form.leaver, call.user)
    if refusal:
        raise UserFacingError(refusal)
    wish, settings = form.wish, ctx.services.settings
    days = workdays.of(settings.company)
    at = days.end_of(wish.day, form.zone) if wish.day else None
    place = channels.choose(
        call.client, settings.slack.case_channel, leaver=form.leaver.id, asker=call.user, bot=form.bot
    )
    leaver = offboard.known_leaver(form.leaver.leaver(form.zone), call.metadata)
    data = fetch(call.client, wish.file) if wish.file else b""
    try:
        if data:
            assignment_file.read(data)
        receivers = named_successors(ctx, leaver, [form.people[user] for user in wish.successors], wish.strategy, data)
    except InvalidAssignmentFile as unfit:
        return tell_faults(call, unfit)
    request = OffboardingRequest(
        leaver=leaver,
        reason=wish.reason,
        effective_at=at,
        approver=form.people[wish.approver].successor(),
        strategy=wish.strategy,
        successors=receivers,
        requested_by=ctx.actor(call),
        channel=place.channel,
        note=wish.note,
        return_on=workdays.morning(wish.back, form.zone) if wish.back else None,
        keep_access=wish.keep_access,
        assignment_file=data,
    )
    opened = open_case(ctx, request, place)
    if wish.day and (careful := workdays.last_day_warning(days, wish.day)):
        opened["blocks"] = [*opened["blocks"], section(_("⚠ Careful: {text}").format(text=mrkdwn(careful)))]
    return opened


def _unfit(view: dict[str, Any], leaver: str, people: dict[str, Profile | UserFacingError]) -> dict[str, str]:
    faults: dict[str, str] = {}
    for block, chosen in (
        (offboard.APPROVER, [picked(view, offboard.APPROVER)]),
        (offboard.SUCCESSORS, picked_all(view, offboard.SUCCESSORS)),
    ):
        for user in filter(None, chosen):
            person = people[user]
            why = str(person) if isinstance(person, UserFacingError) else colleague_objection(person, leaver)
            if why:
                name = person.name if isinstance(person, Profile) else user
                faults[block] = f"{name}: {why}"
    return faults


def open_case(ctx: ListenerContext, request: OffboardingRequest, place: channels.ChannelChoice) -> dict[str, Any]:
    """Open the case and return the view with the outcome. A second submission shows the case of the first."""
    try:
        case_id = ctx.services.offboarding.open(request)
    except InvalidAssignmentFile as unfit:
        return notice.notice(_("No case was opened"), upload.faults(unfit.faults))
    except Refused as refused:
        view = _own_case(ctx, refused, request.requested_by)
        if view is not None:
            return _opened(
                view.id,
                request.leaver.name,
                view.effective_at if view.state is CaseState.SCHEDULED else None,
                place,
                why_held(view),
            )
        return notice.notice(_("No case was opened"), _stopped(ctx, refused))
    if request.keep_access and request.return_on:
        return _on_leave(case_id, request.leaver.name, request.return_on)
    # Only a held case is read whole: while a lock-out runs, its processor time comes first.
    held = why_held(ctx.services.offboarding.case(case_id)) if ctx.services.offboarding.held(case_id) else ""
    return _opened(case_id, request.leaver.name, request.effective_at, place, held)


def _on_leave(case_id: str, name: str, until: datetime) -> dict[str, Any]:
    said = _("✓ *Nobody is locked out.* The clients of {name} are proposed to others, until {when}.").format(
        name=mrkdwn(name), when=moment(until)
    )
    return notice.notice(
        _("Case opened"), [section(said), section(_("Case {id}. You may close this.").format(id=mrkdwn(case_id)))]
    )


def _own_case(ctx: ListenerContext, refused: Refused, asker: Actor) -> CaseView | None:
    if refused.code is not Code.OPEN_CASE or not refused.facts.get("case"):
        return None
    view = ctx.services.offboarding.case(refused.facts["case"])
    return view if view.opened_by.id == asker.id else None


def _stopped(ctx: ListenerContext, refused: Refused) -> list[Block]:
    blocks = [section(user_message(refused, markup=True))]
    if refused.code is Code.OPEN_CASE and refused.facts.get("case"):
        view = ctx.services.offboarding.case(refused.facts["case"])
        blocks += case_message.build(view, ctx.services.clock.now()).blocks
    return blocks


def _opened(
    case_id: str, name: str, at: datetime | None, place: channels.ChannelChoice, held: str = ""
) -> dict[str, Any]:
    what = (
        _("{name} will be locked out {when}.").format(name=mrkdwn(name), when=moment(at))
        if at
        else _("{name} is being locked out now.").format(name=mrkdwn(name))
    )
    where = (
        _("The case message comes to you in a direct message, because {why}.").format(why=place.why)
        if place.why
        else _("The case message is in <#{channel}> and is kept up to date there.").format(channel=place.channel)
    )
    return notice.notice(
        _("Case opened"),
        [
            section(_("HELD, nothing is locked: {why}").format(why=held) if held else f"✓ *{what}*"),
            section(where),
            section(_("Case {id}. You may close this.").format(id=mrkdwn(case_id))),
        ],
    )
