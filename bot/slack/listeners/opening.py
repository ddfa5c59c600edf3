"""The submitted offboarding form: check the people, open the case once, show the outcome in the same modal."""

from datetime import datetime
from zoneinfo import ZoneInfo

from bot import workdays
from bot.errors import UserFacingError, user_message
from bot.slack.forms import fields, notice, offboard
from bot.slack.listeners.answers import View
from bot.slack.listeners.channels import ChannelChoice, choose_channel
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import fetch, tell_faults
from bot.slack.listeners.plan import named_successors
from bot.slack.messages import case as case_message
from bot.slack.messages.access import why_held
from bot.slack.messages.blocks import section
from bot.slack.people import Profile, colleague_objection, leaver_objection
from bot.text import _, moment, mrkdwn
from bot.workdays import known_zone
from workflows.authorization import Right
from workflows.cases.views import OffboardingRequest
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.people import Leaver
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState

CHECK_SECONDS = 1.8
"""Time limit for looking people up before a submission is answered. Slack waits for three seconds."""


def submit(ctx: ListenerContext, call: Call, view: View) -> View:
    """Check the form, open the case, and return the view with the outcome. Raises `InvalidForm`."""
    leaver = call.fact("leaver")
    chosen = filter(None, [fields.picked(view, offboard.APPROVER), *fields.picked_all(view, offboard.SUCCESSORS)])
    people = ctx.people.find_all([leaver, *chosen], CHECK_SECONDS)
    person = people[leaver]
    zone = known_zone(person.timezone if isinstance(person, Profile) else "", ctx.services.settings.company.timezone)
    today = ctx.services.clock.now().astimezone(ZoneInfo(zone)).date()
    wish = offboard.parse(view, leaver, today, _objections(ctx, view, leaver, people))
    if isinstance(person, UserFacingError):
        raise fields.InvalidForm({offboard.WHEN: str(person)})
    ctx.allow(call, Right.OPEN)
    if refusal := leaver_objection(person, call.user):
        raise UserFacingError(refusal)
    found = {user: profile for user, profile in people.items() if isinstance(profile, Profile)}
    return _carry_out(ctx, call, wish, offboard.known_leaver(person.leaver(zone), call.facts), zone, found)


def _carry_out(
    ctx: ListenerContext,
    call: Call,
    wish: offboard.OffboardingInput,
    leaver: Leaver,
    zone: str,
    people: dict[str, Profile],
) -> View:
    """Open the case that the form describes, and return the view with the outcome."""
    settings, days = ctx.services.settings, workdays.of(ctx.services.settings.company)
    place = choose_channel(
        call.client, settings.slack.case_channel, ctx.people, leaver=leaver.slack_id, asker=call.user, bot=call.bot
    )
    data = fetch(call.client, wish.file) if wish.file else b""
    try:
        if data:
            assignment_file.read(data)
        receivers = named_successors(ctx, leaver, [people[user] for user in wish.successors], wish.strategy, data)
    except InvalidAssignmentFile as unfit:
        return tell_faults(call, unfit)
    request = OffboardingRequest(
        leaver=leaver,
        reason=wish.reason,
        effective_at=days.end_of(wish.day, zone) if wish.day else None,
        approver=people[wish.approver].successor(),
        strategy=wish.strategy,
        successors=receivers,
        requested_by=ctx.actor(call),
        channel=place.channel,
        note=wish.note,
        return_on=workdays.morning(wish.back, zone) if wish.back else None,
        keep_access=wish.keep_access,
        assignment_file=data,
    )
    opened = _open_case(ctx, request, place)
    if wish.day and (careful := workdays.last_day_warning(days, wish.day)):
        opened["blocks"] = [*opened["blocks"], section(_("⚠ Careful: {text}").format(text=mrkdwn(careful)))]
    return opened


def _objections(
    ctx: ListenerContext, view: View, leaver: str, people: dict[str, Profile | UserFacingError]
) -> dict[str, str]:
    faults: dict[str, str] = {}
    colleagues = [one.successor() for user, one in people.items() if isinstance(one, Profile) and user != leaver]
    gone = ctx.services.offboarding.leaving(colleagues)
    for block, chosen in (
        (offboard.APPROVER, [fields.picked(view, offboard.APPROVER)]),
        (offboard.SUCCESSORS, fields.picked_all(view, offboard.SUCCESSORS)),
    ):
        for user in filter(None, chosen):
            person = people[user]
            why = str(person) if isinstance(person, UserFacingError) else colleague_objection(person, leaver)
            if not why and isinstance(person, Profile) and person.successor().key in gone:
                why = _("A case says that this person leaves, too. Choose a colleague who stays.")
            if why:
                name = person.name if isinstance(person, Profile) else user
                faults[block] = f"{name}: {why}"
    return faults


def _open_case(ctx: ListenerContext, request: OffboardingRequest, place: ChannelChoice) -> View:
    """Open the case and return the view with the outcome. A second submission shows the case of the first."""
    offboarding = ctx.services.offboarding
    try:
        case_id = offboarding.open(request)
    except InvalidAssignmentFile as unfit:
        return notice.file_faults(_("No case was opened"), unfit.faults)
    except Refused as refused:
        why = user_message(refused, markup=True)
        if refused.code is not Code.OPEN_CASE or not refused.facts.get("case"):
            return notice.build(_("No case was opened"), why)
        case = offboarding.case(refused.facts["case"])
        if case.opened_by.id != request.requested_by.id:
            blocks = case_message.build(case, ctx.services.clock.now()).blocks
            return notice.build(_("No case was opened"), why, *blocks)
        at = case.effective_at if case.state is CaseState.SCHEDULED else None
        return _opened(case.id, request.leaver.name, at, place, why_held(case))
    if request.keep_access and request.return_on:
        text = _("✓ *Nobody is locked out.* The clients of {name} are proposed to others, until {when}.").format(
            name=mrkdwn(request.leaver.name), when=moment(request.return_on)
        )
        return notice.build(_("Case opened"), text, _closing(case_id))
    # Only a held case is read whole: while a lock-out runs, its processor time comes first.
    held = why_held(offboarding.case(case_id)) if offboarding.held(case_id) else ""
    return _opened(case_id, request.leaver.name, request.effective_at, place, held)


def _opened(case_id: str, name: str, at: datetime | None, place: ChannelChoice, held: str) -> View:
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
    outcome = _("HELD, nothing is locked: {why}").format(why=held) if held else f"✓ *{what}*"
    return notice.build(_("Case opened"), outcome, where, _closing(case_id))


def _closing(case_id: str) -> str:
    return _("Case {id}. You may close this.").format(id=mrkdwn(case_id))
