"""App Home: built when the user opens the tab, and anew after an act there; delegations, and the search of cases."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import UserFacingError
from bot.slack.forms import case as forms
from bot.slack.forms import fields, notice, people
from bot.slack.forms.proposal import just_typed
from bot.slack.listeners import language
from bot.slack.listeners.acts import leaving_this_week
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.enrolment import enrolled
from bot.slack.messages import guide, home
from bot.slack.people import decider_objection
from bot.text import _, mrkdwn
from workflows.access.views import StepView
from workflows.authorization import Right
from workflows.cases.views import CaseBrief, CaseView
from workflows.clients.views import ProposalView
from workflows.people import Actor
from workflows.storage.case import is_about
from workflows.storage.rows.case import CaseState, HoldReason
from workflows.storage.rows.outbox import AT, MessageKind, OutboxMessage

log = logging.getLogger(__name__)
EVENT = "app_home_opened"
LOOKED_SECONDS = 3600.0
"""Seconds after a look at Home in which it is kept up to date after that person's forms."""


def register(on: Listeners) -> None:
    """Listen."""
    ctx, looked = on.ctx, dict[str, float]()

    @on.app.event(EVENT)
    def opened(event: dict[str, Any], client: WebClient) -> None:
        if event.get("tab") == "home":
            looked[event["user"]] = time.monotonic()
            _publish(ctx, client, event["user"])

    language.register(on, lambda call: _publish(ctx, call.client, call.user))

    def publish_again(call: Call) -> None:
        view = call.body.get("view") or {}
        submitted = call.body.get("type") == "view_submission"
        recent = time.monotonic() - looked.get(call.user, float("-inf")) < LOOKED_SECONDS
        if view.get("type") == "home" or (submitted and recent):
            ctx.later.submit(_publish_quietly, ctx, call)

    on.after = publish_again
    _register_delegations(on, ctx)
    _register_search(on, ctx)


def _publish_quietly(ctx: ListenerContext, call: Call) -> None:
    try:
        _publish(ctx, call.client, call.user)
    except (SlackApiError, OSError) as error:
        log.warning("Home of %s is not brought up to date: %s", call.user, error)


def _register_search(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(home.FIND, Right.SEE)
    def find(call: Call) -> None:
        on.load(call, lambda: _found(ctx, call, ""))

    @on.button({"block_id": forms.FOUND, "action_id": fields.FIELD})
    def searched(call: Call) -> None:
        ctx.allow(call, Right.SEE)
        call.show(str(call.body["view"]["id"]), _found(ctx, call, just_typed(call.body)))

    @on.form(forms.FIND, notice.loading)
    def submitted(call: Call, view: View) -> View:
        ctx.allow(call, Right.SEE)
        return _found(ctx, call, fields.typed(view, forms.FOUND))


def _found(ctx: ListenerContext, call: Call, words: str) -> View:
    """Return the form with the cases found. Nobody finds their own."""
    by, (found, total) = ctx.actor(call), ctx.services.offboarding.search(words, guide.MOST)
    views = [view for view in found if not is_about(view.leaver, by)]
    links = _case_links(ctx, views)
    lines = [guide.line(view, links.get(view.id, "")) for view in views]
    return forms.find(lines, total - len(found) + len(views), words)


def _register_delegations(on: Listeners, ctx: ListenerContext) -> None:
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
    client.views_publish(user_id=user, view=home.build(_gather(ctx, Call({"user_id": user}, client))))


def _gather(ctx: ListenerContext, call: Call) -> home.Home:
    """Return the parts of App Home that the user may see. Nobody sees anything about themselves."""
    services, user, by, may = ctx.services, call.user, ctx.actor(call), ctx.authorizer.may
    sees, audited, stands = may(user, Right.SEE), may(user, Right.AUDIT), ctx.authorizer.stands(user)
    opened, all_open = _newest(ctx, by, still_open=True) if sees else ([], 0)
    ended, all_ended = _newest(ctx, by, still_open=False) if sees else ([], 0)
    own = _own(ctx, by, user) if stands and not sees else []
    leaving = leaving_this_week(ctx, call) if sees or own else None
    held, due_back = _waiting(ctx, by, user) if stands else ([], [])
    findings = services.audits.findings(home.MOST) if audited else []
    others = [one for one in findings if not is_about(one.leaver, by)]
    proposals = services.proposals.waiting_for(user) if stands else []
    steps = [one for one in services.manual.waiting_for(user) if not is_about(one.leaver, by)] if stands else []
    links = _case_links(ctx, [*opened, *ended, *(leaving or []), *held, *due_back]) if sees else {}
    told = held if may(user, Right.RELEASE) else []  # the others are not in security's channel
    return home.Home(
        waiting=proposals,
        findings=others,
        all_findings=services.audits.count_findings() - len(findings) + len(others) if audited else 0,
        open=opened,
        all_open=all_open,
        ended=ended,
        all_ended=all_ended,
        held=held,
        due_back=due_back,
        leaving=leaving,
        own=own,
        links=links | _links(ctx, user, told, proposals, steps),
        may_open=may(user, Right.OPEN),
        may_lock=may(user, Right.LOCK_AGAIN),
        steps=steps,
        earlier=services.earlier.figure() if sees else None,
        delegations=services.delegations.present(user) if stands else (),
        user=user,
        enrolled=enrolled(ctx.authorizer, services.enrolments, user),
        language=ctx.languages.choice(user),
        default_language=ctx.languages.default(user),
    )


def _newest(ctx: ListenerContext, by: Actor, *, still_open: bool) -> tuple[list[CaseBrief], int]:
    """Return the newest cases of others, and the number of all."""
    newest = ctx.services.offboarding.briefs(home.MOST, still_open)
    others = [view for view in newest if not is_about(view.leaver, by)]
    return others, ctx.services.offboarding.count(still_open) - len(newest) + len(others)


def _own(ctx: ListenerContext, by: Actor, user: str) -> list[CaseBrief]:
    """Return the cases, not ended, whose clients the user decides on."""
    every = ctx.services.offboarding.decided_by(user, guide.MOST)
    return [view for view in every if not is_about(view.leaver, by)]


def _waiting(ctx: ListenerContext, by: Actor, user: str) -> tuple[list[CaseView], list[CaseView]]:
    """Return the held cases that the user may release, and the returns that they may answer."""
    may = ctx.authorizer.may
    if not any(may(user, right) for right in (Right.RELEASE, Right.RELEASE_IMMEDIATE, Right.PUT_BACK)):
        return [], []
    every = [view for view in ctx.services.offboarding.waiting() if not is_about(view.leaver, by)]
    held = [
        view
        for view in every
        if view.state is CaseState.HELD
        and not view.opened_by.may_be(by)
        and may(user, Right.RELEASE_IMMEDIATE if view.held == HoldReason.IMMEDIATE else Right.RELEASE)
    ]
    due_back = [view for view in every if view.state is not CaseState.HELD] if may(user, Right.PUT_BACK) else []
    return held, due_back


def _case_links(ctx: ListenerContext, cases: Sequence[CaseBrief]) -> dict[str, str]:
    """Return the addresses of the case messages in channels. A direct message opens for its own reader alone."""
    posts = ctx.services.offboarding.messages(MessageKind.CASE, {view.id for view in cases})
    return _addresses(ctx, {post.subject: post for post in posts if post.channel[:1] in ("C", "G")})


def _links(
    ctx: ListenerContext,
    user: str,
    held: Sequence[CaseView],
    proposals: Sequence[ProposalView],
    steps: Sequence[StepView],
) -> dict[str, str]:
    """Return the addresses of the messages that ask this user: by the id of the case, the proposal or the step."""
    messages = ctx.services.offboarding.messages
    asked = {f"{view.id}{AT}{user}": view.id for view in proposals}
    asked |= {view.id: view.id for view in proposals if view.approver.slack_id == user}
    found = {asked[post.subject]: post for post in reversed(messages(MessageKind.PROPOSAL, asked))}
    by_hand = messages(MessageKind.MANUAL, {step.id for step in steps})
    found |= {post.subject: post for post in reversed(by_hand) if post.id.endswith(f":{user}")}
    found |= {post.subject: post for post in messages(MessageKind.HELD, {view.id for view in held})}
    return _addresses(ctx, found)


def _addresses(ctx: ListenerContext, posts: Mapping[str, OutboxMessage]) -> dict[str, str]:
    try:
        team = ctx.people.home()
    except (SlackApiError, OSError) as error:
        log.info("Home has no links: %s", error)
        return {}
    return {about: link for about, post in posts.items() if (link := team.link(post.channel, post.ts))}
