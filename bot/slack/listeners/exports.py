"""Revealing the name behind a pseudonym, with a reason that goes on record."""

from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.slack.forms import notice, reasons
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.messages import exports
from bot.slack.messages.blocks import Block, section
from bot.text import _, mrkdwn
from workflows.authorization import Right


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.action(exports.REVEAL, middleware=[acknowledge])
    def ask(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.REVEAL)
        call.open(reasons.reveal(str(call.value.get("snapshot", ""))))

    @app.view(reasons.REVEAL)
    def reveal(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        why, faults = reasons.parse(view)
        if faults:
            ack(response_action="errors", errors=faults)
            return
        call = Call(body, client)
        answer_submission(ack, call, notice.starting(), lambda: _open(ctx, call, why))


def _open(ctx: ListenerContext, call: Call, why: str) -> dict[str, Any]:
    ctx.allow(call, Right.REVEAL)
    opened = ctx.services.exports.reveal(str(call.metadata.get("snapshot", "")), ctx.actor(call), why)
    name = opened.leaver.name if opened.leaver else _("no name")
    said: list[Block] = [
        section(_("{pseudonym} is *{name}*.").format(pseudonym=mrkdwn(opened.pseudonym), name=mrkdwn(name))),
        section(_("Only you see this. Your look at the name and your reason are on record.")),
    ]
    return notice.notice(_("Name revealed"), said)
