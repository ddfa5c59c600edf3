"""The plan in the modal: the effects of a case for one person, or the reasons against a case."""

from typing import Any

from bot.errors import UserFacingError, user_message
from bot.slack.forms import choose, notice, offboard
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.messages import case as case_message
from bot.slack.messages import plan as plan_message
from bot.slack.messages.blocks import Block, section
from bot.slack.people import Profile, colleague_objection, leaver_objection, warnings
from bot.text import _
from bot.workdays import known_zone
from connectors.contract import ClientBook
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState, Strategy

OPEN_STATES = (CaseState.SCHEDULED, CaseState.RUNNING, CaseState.HELD)


def plan_of(ctx: ListenerContext, call: Call, user: str) -> dict[str, Any]:
    """Return the form with the plan of one person, or the reason why no case can be opened."""
    try:
        person = ctx.people.find(user, fresh=True)
    except UserFacingError as error:
        return choose.build(str(error))
    refusal = leaver_objection(person, call.user)
    if refusal:
        ctx.refuse(call, f"open a case for {user}")
        return choose.build(refusal)
    running = ctx.services.offboarding.find_case(person.id) or ctx.services.offboarding.find_case(person.email)
    if running and running.state in OPEN_STATES:
        return already_open(ctx, running)
    return plan_view(ctx, person)


def plan_view(ctx: ListenerContext, person: Profile) -> dict[str, Any]:
    """Return the form with a fresh plan, or the plan's own refusals."""
    company = ctx.services.settings.company
    zone = known_zone(person.timezone, company.timezone)
    plan = ctx.services.offboarding.plan(person.leaver(zone))
    summary, details = plan_message.summary(plan, warnings(person)), plan_message.details(plan)
    if plan.refusals:
        stops: list[Block] = [section(_("✗ {why}").format(why=user_message(why, markup=True))) for why in plan.refusals]
        return notice.notice(_("No case can be opened"), [*stops, *summary, *details])
    later = sum(bool(one.problem or one.by_hand) for one in plan.systems)
    defaults = offboard.Defaults(
        leaver=person.id,
        zone=zone,
        end_of_day=company.end_of_day,
        approver=_approver(ctx, plan.leaver.manager_email, person.id),
        strategy=Strategy(ctx.services.settings.clients.default_strategy),
        systems=len(plan.systems) - later,
        later=later,
        directory_id=plan.leaver.directory_id,
        logins=plan.leaver.logins,
        clients=any(system.has(ClientBook) for system in ctx.services.systems.values())
        or any(system.book for system in plan.systems),
        friday_end=company.friday_end,
        rules=bool(ctx.services.settings.clients.rules),
    )
    return offboard.build(summary, details, defaults)


def _approver(ctx: ListenerContext, email: str, leaver: str) -> str:
    found = ctx.people.by_email(email)
    return found.id if found and not colleague_objection(found, leaver) else ""


def already_open(ctx: ListenerContext, view: CaseView) -> dict[str, Any]:
    """Return the message of the person's open case. A second case cannot be opened."""
    said = section(_("This person has an open case already:"))
    return notice.notice(_("A case is open"), [said, *case_message.build(view, ctx.services.clock.now()).blocks])
