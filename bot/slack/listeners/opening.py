"""The submitted offboarding forms: check the people, open the case once, show the outcome in the same modal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot import workdays
from bot.errors import UserFacingError, user_message
from bot.policies import profile_stages
from bot.slack.forms import clients, fields, notice, offboard
from bot.slack.listeners.answers import Pushed, View
from bot.slack.listeners.channels import ChannelChoice, choose_channel
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import fetch, tell_faults
from bot.slack.listeners.plan import named_successors, stages_line
from bot.slack.messages import case as case_message
from bot.slack.messages.access import why_held
from bot.slack.messages.blocks import section
from bot.slack.messages.phrases import listing
from bot.slack.people import Profile, colleague_objection, leaver_objection
from bot.text import _, moment, mrkdwn, punctuated
from config.settings import ProfileSettings
from workflows.authorization import Right
from workflows.cases.views import OffboardingRequest
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.people import Leaver, Successor
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState, Strategy

CHECK_SECONDS = 1.8
"""Time limit for looking people up before a submission is answered. Slack waits for three seconds."""


def submit(ctx: ListenerContext, call: Call, view: View) -> View | Pushed:
    """Check the form; return the form about clients, or open a case without clients. Raises `InvalidForm`."""
    ctx.allow(call, Right.OPEN)
    leaving = offboard.parse(view, workdays.of(ctx.services.settings, call.fact("zone")), ctx.services.clock.now())
    leaver = _leaver(ctx, call, {}, offboard.WHEN)
    if call.facts.get("clientless"):
        return _carry_out(ctx, call, leaver, leaving, _nobody_named(ctx, call, leaver, leaving))
    proposed, unknown = _proposed(ctx, call, leaving)
    point = _("*{name}:* {what}").format(name=mrkdwn(leaver.name), what=_what(leaving))
    if unknown:
        text = _("⚠ Careful: {text}").format(text=_("the profile names people whom Slack does not know: {people}"))
        point += "\n" + text.format(people=listing(unknown))
    if not leaving.keep_access:
        point += "\n" + stages_line(ctx, _profile(ctx, leaving), leaving.at, call.fact("zone"))
    return Pushed(clients.build(ctx.services.settings.clients, call.facts, leaving, point, proposed))


def _profile(ctx: ListenerContext, leaving: offboard.Departure) -> ProfileSettings:
    return ctx.services.settings.profiles.get(leaving.profile, ProfileSettings())


def _proposed(
    ctx: ListenerContext, call: Call, leaving: offboard.Departure
) -> tuple[clients.ClientInput, tuple[str, ...]]:
    """Return the values that the profile and the directory propose, and the addresses that Slack does not know."""
    profile = _profile(ctx, leaving)
    named = [*profile.successors, *filter(None, [profile.approver])]
    known = {address: person for address in named if (person := ctx.people.by_email(address))}
    approver = known[profile.approver].id if profile.approver in known else call.fact("approver")
    receivers = tuple(known[one].id for one in profile.successors if one in known)
    strategy = Strategy(profile.strategy or ctx.services.settings.clients.default_strategy)
    return clients.ClientInput(approver, strategy, receivers), tuple(one for one in named if one not in known)


def submit_clients(ctx: ListenerContext, call: Call, view: View) -> View:
    """Check the form about clients, open the case, and return the view with the outcome. Raises `InvalidForm`."""
    chosen = filter(None, [fields.picked(view, clients.APPROVER), *fields.picked_all(view, clients.SUCCESSORS)])
    people = ctx.people.find_all(filter(None, [call.fact("leaver"), *chosen]), CHECK_SECONDS)
    wish = clients.parse(view, call.fact("leaver"), objections(ctx, view, call.fact("leaver"), people))
    ctx.allow(call, Right.OPEN)
    leaver = _leaver(ctx, call, people, clients.APPROVER)
    found = {user: profile for user, profile in people.items() if isinstance(profile, Profile)}
    data = fetch(call.client, wish.file) if wish.file else b""
    try:
        if data:
            assignment_file.read(data)
        receivers = named_successors(ctx, leaver, [found[user] for user in wish.successors], wish.strategy, data)
    except InvalidAssignmentFile as unfit:
        return tell_faults(call, unfit)
    named = Receivers(found[wish.approver].successor(), receivers, wish.strategy, data)
    return _carry_out(ctx, call, leaver, offboard.departure(call.facts, wish.note), named)


@dataclass(frozen=True, slots=True)
class Receivers:
    """Approver and receivers of the clients, and how they are split."""

    approver: Successor
    successors: tuple[Successor, ...]
    strategy: Strategy
    file: bytes = b""
    clientless: bool = False


def _leaver(ctx: ListenerContext, call: Call, people: Mapping[str, Profile | UserFacingError], block: str) -> Leaver:
    """Return the leaver, from a fresh profile where Slack knows the person. Raises `InvalidForm` at that block."""
    user = call.fact("leaver")
    if not user:
        return offboard.known_leaver(offboard.unknown_to_slack(call.facts), call.facts)
    person = people.get(user) or ctx.people.find_all([user], CHECK_SECONDS)[user]
    if isinstance(person, UserFacingError):
        raise fields.InvalidForm({block: str(person)})
    if refusal := leaver_objection(person, call.user):
        raise UserFacingError(refusal)
    return offboard.known_leaver(person.leaver(call.fact("zone")), call.facts)


def _nobody_named(ctx: ListenerContext, call: Call, leaver: Leaver, leaving: offboard.Departure) -> Receivers:
    """Return who is asked if clients turn up where there were none: the line manager, else who opens the case."""
    asked = ctx.actor(call).colleague()
    manager, address = call.fact("approver"), call.fact("manager")
    if named := _profile(ctx, leaving).approver:
        asked = _by_address(ctx, named)
    elif manager:
        person = ctx.people.find(manager)
        asked = asked if colleague_objection(person, leaver.slack_id) else person.successor()
    elif address:
        asked = _by_address(ctx, address)
    strategy = Strategy(ctx.services.settings.clients.default_strategy)
    return Receivers(asked, asked.reachable, strategy, clientless=True)


def _by_address(ctx: ListenerContext, address: str) -> Successor:
    """Return a colleague by address, with the Slack profile where Slack gives it."""
    try:
        person = ctx.people.by_email(address)
    except UserFacingError:
        person = None
    return person.successor() if person else Successor(address.lower(), address, address)


def _what(leaving: offboard.Departure) -> str:
    if leaving.keep_access and leaving.back:
        return _("on leave until {day}, access stays").format(day=leaving.back)
    when = moment(leaving.at) if leaving.at else _("now, at once")
    if leaving.back:
        return _("locked out {when}, on leave until {day}").format(when=when, day=leaving.back)
    return _("locked out {when}").format(when=when)


def _carry_out(ctx: ListenerContext, call: Call, leaver: Leaver, leaving: offboard.Departure, named: Receivers) -> View:
    """Open the case that the forms describe, and return the view with the outcome."""
    settings = ctx.services.settings
    place = choose_channel(
        call.client, settings.slack.case_channel, ctx.people, leaver=leaver.slack_id, asker=call.user, bot=call.bot
    )
    request = OffboardingRequest(
        leaver=leaver,
        reason=leaving.reason,
        effective_at=leaving.at,
        approver=named.approver,
        strategy=named.strategy,
        successors=named.successors,
        requested_by=ctx.actor(call),
        channel=place.channel,
        note=leaving.note,
        line_manager=call.fact("approver"),
        return_on=workdays.morning(leaving.back, leaver.timezone) if leaving.back else None,
        clientless=named.clientless,
        keep_access=leaving.keep_access,
        follow_up_days=_profile(ctx, leaving).follow_up_days or (),
        stages=profile_stages(_profile(ctx, leaving)),
        assignment_file=named.file,
    )
    opened = _open_case(ctx, request, place)
    day = leaving.at and leaving.at.astimezone(ZoneInfo(leaver.timezone)).date()
    if day and (careful := workdays.last_day_warning(workdays.of(settings, leaver.timezone), day)):
        opened["blocks"] = [*opened["blocks"], section(_("⚠ Careful: {text}").format(text=mrkdwn(careful)))]
    return notice.outcome(opened)


def objections(
    ctx: ListenerContext, view: View, leaver: str, people: dict[str, Profile | UserFacingError]
) -> dict[str, str]:
    """Return the faults of the chosen approver and receivers, by field."""
    faults: dict[str, str] = {}
    colleagues = [one.successor() for user, one in people.items() if isinstance(one, Profile) and user != leaver]
    gone = ctx.services.offboarding.leaving(colleagues)
    for block, chosen in (
        (clients.APPROVER, [fields.picked(view, clients.APPROVER)]),
        (clients.SUCCESSORS, fields.picked_all(view, clients.SUCCESSORS)),
    ):
        for user in filter(None, chosen):
            person = people[user]
            why = str(person) if isinstance(person, UserFacingError) else colleague_objection(person, leaver)
            if not why and isinstance(person, Profile) and person.successor().key in gone:
                why = _("A case says that this person leaves, too. Choose a colleague who stays.")
            if why:
                name = person.name if isinstance(person, Profile) else user
                faults[block] = punctuated("{name}: {why}").format(name=name, why=why)
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
