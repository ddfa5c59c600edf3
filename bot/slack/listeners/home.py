"""App Home, built when the user opens the tab."""

from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.slack.listeners.context import ListenerContext
from bot.slack.messages.home import MOST, Cases, Home, ListedFindings, build
from workflows.authorization import Right
from workflows.cases.offboarding import Offboarding
from workflows.watch.audit import Audits

EVENT = "app_home_opened"


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.event(EVENT)
    def opened(event: dict[str, Any], client: WebClient) -> None:
        if event.get("tab") == "home":
            client.views_publish(user_id=event["user"], view=build(gather(ctx, event["user"])))


def gather(ctx: ListenerContext, user: str) -> Home:
    """Return the parts of App Home that the user may see."""
    services, may = ctx.services, ctx.authorizer.may
    return Home(
        waiting=services.proposals.waiting_for(user),
        findings=findings(services.audits) if may(user, Right.AUDIT) else ListedFindings(),
        open=cases(services.offboarding, still_open=True) if may(user, Right.SEE) else Cases(),
        ended=cases(services.offboarding, still_open=False) if may(user, Right.SEE) else Cases(),
        may_open=may(user, Right.OPEN),
        may_lock=may(user, Right.LOCK_AGAIN),
        steps=services.manual.waiting_for(user),
        delegations=services.delegations.present(user),
        user=user,
    )


def findings(audits: Audits) -> ListedFindings:
    """Return the most urgent findings."""
    return ListedFindings(audits.findings(MOST), audits.count_findings())


def cases(offboarding: Offboarding, *, still_open: bool) -> Cases:
    """Return the newest open cases, or the newest ended ones."""
    return Cases(offboarding.briefs(MOST, still_open), offboarding.count(still_open))
