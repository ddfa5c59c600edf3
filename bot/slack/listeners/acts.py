"""Commands that act on one person's case by the buttons of its message, and the list of who leaves this week."""

from collections.abc import Mapping, Sequence

from bot import workdays
from bot.errors import UserFacingError
from bot.slack.listeners.answers import Listeners
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.messages import access, acts
from bot.slack.messages.blocks import Block
from bot.slack.messages.case import CANCEL
from bot.text import _
from workflows.authorization import Right
from workflows.cases.views import CaseBrief, CaseView
from workflows.storage.case import is_about
from workflows.storage.rows.case import CaseState

ACTS: Mapping[str, tuple[str, Right]] = {
    "cancel": (CANCEL, Right.CANCEL),
    "undo": (access.UNDO, Right.UNDO),
    "reschedule": (access.RESCHEDULE, Right.RESCHEDULE),
}
"""Button and right of the act, by the command."""
FORMS = (CANCEL, access.UNDO, access.RESCHEDULE)
"""Buttons that open a form, except where access is given back already: what is left is then tried again at once."""


def names(ctx: ListenerContext, user: str, email: str, case: str) -> tuple[str, ...]:
    """Return what a person's cases are found by: a person in Slack is known by their address, too."""
    if not user:
        return (email or case,)
    try:
        return user, ctx.people.find(user).email
    except UserFacingError:  # the id alone finds most cases
        return (user,)


def cases_of(ctx: ListenerContext, call: Call, known: Sequence[str]) -> list[CaseView]:
    """Return a person's cases, newest first. Nobody is shown their own."""
    by = ctx.actor(call)
    return [view for view in ctx.services.offboarding.cases_of(*known) if not is_about(view.leaver, by)]


def tell_act(on: Listeners, call: Call, asked: tuple[str, Right], words: str, who: str, known: Sequence[str]) -> None:
    """Open the form of an act for a person's case, or send its button, or the reason for which it does not fit."""
    ctx, (act, right) = on.ctx, asked
    ctx.allow(call, right, fresh=False)
    command = next(f"/offboard {word}" for word, pair in ACTS.items() if pair == asked)
    if not who:
        call.tell(_("Whose case?"), acts.whom(command, words))
        return
    found, now = cases_of(ctx, call, known), ctx.services.clock.now()
    offered = [(view, button) for view in found if (button := acts.offer(view, act, now))]
    if not found:
        call.tell(_("No case"), acts.nobody(who))
    elif not offered:
        call.tell(_("This does not fit the case"), acts.cannot(act, found[0], who))
    elif len(offered) == 1 and _opens_form(*offered[0]):
        on.press(act, call, case=offered[0][0].id)
    else:
        call.tell(_("Press the button to go on"), acts.choices(offered))


def _opens_form(view: CaseView, button: Block) -> bool:
    return button["action_id"] in FORMS and view.state is not CaseState.UNDONE


def tell_week(ctx: ListenerContext, call: Call, words: str, who: str, known: Sequence[str]) -> None:
    """Answer who leaves this week: to people who may see cases, everybody; to others, whose clients they decide on."""
    if words:
        call.tell(_("Whose case?"), acts.whom("/offboard week", words))
        return
    views = leaving_this_week(ctx, call)
    if any(known):
        wanted = {view.id for view in cases_of(ctx, call, known)}
        views = [view for view in views if view.id in wanted]
    call.tell(_("Leaving this week"), acts.leaving(views, who))


def leaving_this_week(ctx: ListenerContext, call: Call) -> list[CaseBrief]:
    """Return the cases of this week that a person may see, without their own."""
    by, services = ctx.actor(call), ctx.services
    sees = ctx.authorizer.may(call.user, Right.SEE)
    if not sees and not ctx.authorizer.stands(call.user):
        ctx.allow(call, Right.SEE)
    week = workdays.week(services.settings, services.clock.now())
    every = services.offboarding.leaving_between(*week, decided_by="" if sees else call.user)
    return [view for view in every if not is_about(view.leaver, by)]
