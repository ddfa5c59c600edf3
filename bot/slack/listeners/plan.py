"""The plan in the modal, and the preview of a split, before a case is opened."""

from collections.abc import Sequence
from datetime import datetime

from bot.errors import UserFacingError, user_message
from bot.policies import case_plan, named_in_rules, profile_stages
from bot.slack.forms import clients, fields, notice, offboard, people
from bot.slack.listeners.answers import View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import fetch, tell_faults
from bot.slack.messages import case as case_message
from bot.slack.messages import plan as plan_message
from bot.slack.messages import stages
from bot.slack.messages.blocks import actions, button, pack
from bot.slack.people import Profile, colleague_objection, leaver_objection, warnings
from bot.text import _, mrkdwn
from bot.workdays import known_zone
from config.settings import ProfileSettings
from workflows.cases.views import CaseView, Plan
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.people import Leaver, Successor
from workflows.stages.foresight import dated, planned
from workflows.storage.rows.case import CaseState, Strategy

OPEN_STATES = (CaseState.SCHEDULED, CaseState.RUNNING, CaseState.HELD)
SHOWN_FIRST = (*OPEN_STATES, CaseState.WATCHED, CaseState.ON_LEAVE)
"""States of a case that is shown before another one is opened."""
AGAIN = "offboard_again"


def show_plan(ctx: ListenerContext, call: Call, user: str) -> View:
    """Return the form with the plan of one person, or the reason why no case can be opened."""
    try:
        person = ctx.people.find(user, fresh=True)
    except UserFacingError as error:
        return people.leaver(str(error))
    if refusal := leaver_objection(person, call.user):
        ctx.refuse(call, f"open a case for {user}")
        return people.leaver(refusal)
    offboarding = ctx.services.offboarding
    known = offboarding.find_case(person.id) or offboarding.find_case(person.email)
    return _known_case(ctx, known, pack(user=person.id)) if known and known.state in SHOWN_FIRST else _show(ctx, person)


def show_plan_by_address(ctx: ListenerContext, call: Call, address: str) -> View:
    """Return the form for a person whom Slack does not find by their address, or the case that there is already."""
    known = ctx.services.offboarding.find_case(address)
    if known and known.state in SHOWN_FIRST:
        return _known_case(ctx, known, pack(email=address))
    return _show_by_address(ctx, call, address)


def show_fresh(ctx: ListenerContext, call: Call) -> View:
    """Return the form for a person who has a case already, by a button's value."""
    if user := call.fact("user"):
        return _show(ctx, ctx.people.find(user, fresh=True))
    return _show_by_address(ctx, call, call.fact("email"))


def _known_case(ctx: ListenerContext, case: CaseView, value: str) -> View:
    """Return the case of a person, with the button to open another one where this one is over but watched."""
    blocks = case_message.build(case, ctx.services.clock.now()).blocks
    if case.state in OPEN_STATES:
        return notice.build(_("A case is open"), _("This person has an open case already:"), *blocks)
    told = _("This person was offboarded before, and is still checked. The state of that case:")
    again = actions(AGAIN, button(_("Offboard Again"), AGAIN, value))
    return notice.build(_("Offboarded before"), told, again, *(one for one in blocks if one["type"] != "actions"))


def _show(ctx: ListenerContext, person: Profile) -> View:
    """Return the form with a fresh plan, or the plan's own refusals."""
    zone = known_zone(person.timezone, ctx.services.settings.company.timezone)
    return _form(ctx, ctx.services.offboarding.plan(person.leaver(zone)), zone, warnings(person))


def _show_by_address(ctx: ListenerContext, call: Call, address: str) -> View:
    """Return the form for an address that Slack does not know. Slack may know another address of the same person."""
    zone = ctx.services.settings.company.timezone
    plan = ctx.services.offboarding.plan(Leaver("", address, timezone=zone))
    for other in plan.leaver.addresses:
        if person := ctx.people.by_email(other):
            return show_plan(ctx, call, person.id)
    told = _(
        "Slack finds nobody by the address {email}: a deactivated account is not found, or Slack has another address. "
        "The case goes by what the systems know."
    )
    return _form(ctx, plan, zone, [told.format(email=mrkdwn(address))])


def _form(ctx: ListenerContext, plan: Plan, zone: str, told: list[str]) -> View:
    if plan.refusals:
        stops = [_("✗ {why}").format(why=user_message(why, markup=True)) for why in plan.refusals]
        return notice.build(_("No case can be opened"), *stops)
    manager = _manager(ctx, plan.leaver.manager_email)
    return offboard.build(
        plan,
        ctx.services.settings,
        plan_message.summary(plan, told),
        zone=zone,
        approver=manager.id if manager and not colleague_objection(manager, plan.leaver.slack_id) else "",
    )


def show_details(ctx: ListenerContext, call: Call) -> View:
    """Return what a fresh plan says of each system."""
    leaver, told = _leaver(ctx, call)
    return notice.build(_("Details of the plan"), *plan_message.details(ctx.services.offboarding.plan(leaver), told))


def stages_line(ctx: ListenerContext, profile: ProfileSettings, at: datetime | None, zone: str) -> str:
    """Return the stages of a case with their days, in one line; empty if no system offers an act. `at` None: now."""
    now, own = ctx.services.clock.now(), profile_stages(profile)
    wanted = case_plan(ctx.services.settings.stages) if own is None else own
    coming = dated(planned(ctx.services.stages.offered(wanted)), at or now, now, zone)
    return _("Stages: {stages}").format(stages=stages.summary(coming)) if coming else ""


def _leaver(ctx: ListenerContext, call: Call) -> tuple[Leaver, list[str]]:
    """Return the leaver of a form, with the warnings about their Slack account."""
    if not call.fact("leaver"):
        return offboard.known_leaver(offboard.unknown_to_slack(call.facts), call.facts), []
    person = ctx.people.find(call.fact("leaver"))
    return offboard.known_leaver(person.leaver(call.fact("zone")), call.facts), warnings(person)


def _manager(ctx: ListenerContext, address: str) -> Profile | None:
    """Return the line manager, whom the form proposes as approver, or None: the form also opens without one."""
    try:
        return ctx.people.by_email(address)
    except UserFacingError:
        return None


def show_preview(ctx: ListenerContext, call: Call, view: View) -> View:
    """Read the client books, and return the split for the form's present values."""
    chosen = [ctx.people.find(user) for user in fields.picked_all(view, clients.SUCCESSORS)]
    how = Strategy(fields.picked(view, clients.STRATEGY) or ctx.services.settings.clients.default_strategy)
    file = fields.picked_file(view)
    data = fetch(call.client, file) if file else b""
    who, _told = _leaver(ctx, call)
    try:
        receivers = named_successors(ctx, who, chosen, how, data)
    except InvalidAssignmentFile as unfit:
        return tell_faults(call, unfit)
    if not receivers:
        raise UserFacingError(
            _("First choose the colleagues who receive the clients. The form behind this one is still open.")
        )
    seen = ctx.services.proposals.preview(who, receivers, how, data)
    return tell_faults(call, InvalidAssignmentFile(seen.faults)) if seen.faults else notice.split_preview(seen)


def named_successors(
    ctx: ListenerContext, leaver: Leaver, chosen: Sequence[Profile], strategy: Strategy, data: bytes
) -> tuple[Successor, ...]:
    """Return the successors from the form, from the assignment file and from the company's rules.

    Raises `InvalidAssignmentFile` if the file cannot be read. Faults of single lines are reported by the split.

    A person unknown to Slack is returned with the address only. The systems check whether they have an account.
    Raises `UserFacingError` for a person who may not receive clients, and if Slack does not answer about one.
    """
    for one in chosen:
        _refuse_receiver(one, one.name, leaver)
    found = {successor.key: successor for successor in map(Profile.successor, chosen)}
    named = assignment_file.addresses(assignment_file.read_valid_rows(data)[0]) if data else ()
    ruled = named_in_rules(ctx.services.settings.clients) if strategy is Strategy.RULES else ()
    for address in (*named, *ruled):
        if address not in found and address != leaver.email.lower():
            person = ctx.people.by_email(address)
            if person:
                _refuse_receiver(person, address, leaver)
            known = person.successor() if person else Successor(address, address, address)
            found[address] = Successor(address, known.name, known.email, known.slack_id)
    return tuple(found.values())


def _refuse_receiver(person: Profile, named: str, leaver: Leaver) -> None:
    if why := colleague_objection(person, leaver.slack_id):
        raise UserFacingError(_("{name} cannot receive clients. {why}").format(name=mrkdwn(named), why=why))
