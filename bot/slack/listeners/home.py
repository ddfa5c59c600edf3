"""App Home, built when the user opens the tab, and its delegations."""

from typing import Any
from zoneinfo import ZoneInfo

from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.slack.forms import notice, people
from bot.slack.listeners import language
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.enrolment import enrolled
from bot.slack.messages import home
from bot.slack.people import decider_objection
from bot.text import _, mrkdwn
from workflows.authorization import Right

EVENT = "app_home_opened"


def register(on: Listeners) -> None:
    """Listen."""
    ctx = on.ctx

    @on.app.event(EVENT)
    def opened(event: dict[str, Any], client: WebClient) -> None:
        if event.get("tab") == "home":
            _publish(ctx, client, event["user"])

    language.register(on, lambda call: _publish(ctx, call.client, call.user))

    @on.button(home.NAME_DELEGATE)
    def ask(call: Call) -> None:
        call.open(people.delegate(ctx.services.clock.now().astimezone(ZoneInfo(_zone(ctx, call))).date()))

    @on.form(people.DELEGATE)
    def named(call: Call, view: View) -> View:
        delegate, since, until = people.parse_delegate(view, _zone(ctx, call))
        if objection := decider_objection(ctx.people.find(call.user, fresh=True)):
            ctx.refuse(call, "name a stand-in")
            raise UserFacingError(objection)
        made = ctx.services.delegations.make(call.user, delegate, since, until, ctx.actor(call))
        _publish(ctx, call.client, call.user)
        text = _("{name} decides for you, {period}. You can end this on the Home tab.")
        return notice.build(
            _("Delegate named"), text.format(name=mrkdwn(made.delegate.name, 60), period=home.period(made))
        )

    @on.button(home.END_DELEGATION)
    def end(call: Call) -> None:
        ctx.services.delegations.end(call.fact("delegation"), ctx.actor(call))
        _publish(ctx, call.client, call.user)


def _zone(ctx: ListenerContext, call: Call) -> str:
    return ctx.people.find(call.user).timezone or ctx.services.settings.company.timezone


def _publish(ctx: ListenerContext, client: WebClient, user: str) -> None:
    client.views_publish(user_id=user, view=home.build(_gather(ctx, user)))


def _gather(ctx: ListenerContext, user: str) -> home.Home:
    """Return the parts of App Home that the user may see."""
    services, may = ctx.services, ctx.authorizer.may
    offboarding, audits, sees = services.offboarding, services.audits, may(user, Right.SEE)
    audited, stands = may(user, Right.AUDIT), ctx.authorizer.stands(user)
    return home.Home(
        waiting=services.proposals.waiting_for(user) if stands else (),
        findings=audits.findings(home.MOST) if audited else (),
        all_findings=audits.count_findings() if audited else 0,
        open=offboarding.briefs(home.MOST, still_open=True) if sees else (),
        all_open=offboarding.count(still_open=True) if sees else 0,
        ended=offboarding.briefs(home.MOST, still_open=False) if sees else (),
        all_ended=offboarding.count(still_open=False) if sees else 0,
        may_open=may(user, Right.OPEN),
        may_lock=may(user, Right.LOCK_AGAIN),
        steps=services.manual.waiting_for(user) if stands else (),
        delegations=services.delegations.present(user) if stands else (),
        user=user,
        enrolled=enrolled(ctx.authorizer, services.enrolments, user),
        language=ctx.languages.choice(user),
        default_language=ctx.languages.default(user),
    )
