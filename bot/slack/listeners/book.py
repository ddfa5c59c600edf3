"""Reading and changing the clients of a proposal: search, another successor, exclusion, assignment file."""

from collections.abc import Callable
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.slack.forms import browse, change, notice, upload
from bot.slack.forms.fields import FIELD, typed
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import fetch, tell_faults
from bot.slack.listeners.handover import live, redraw, still, whole
from bot.slack.listeners.submission import answer as answer_submission
from bot.slack.listeners.submission import fill
from bot.slack.messages import clients, proposal, requests, split
from bot.slack.messages.blocks import paragraphs, section, unpack
from bot.slack.messages.phrases import short
from bot.text import _
from workflows.clients.split.assignment_file import InvalidAssignmentFile

Form = Callable[[str, str, str, str], dict[str, Any]]


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""
    _opens(app, ctx, proposal.CHANGE, change.build)
    _opens(app, ctx, proposal.KEEP, change.keep)
    _opens(app, ctx, proposal.UPLOAD, upload.build)
    _register_looking(app, ctx)
    _register_searches(app, ctx)
    _register_forms(app, ctx)


def _opens(app: App, ctx: ListenerContext, action: str, form: Form) -> None:
    @app.action(action, middleware=[acknowledge])
    def opened(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        view = whole(ctx, call, str(call.value.get("proposal", "")))
        digest = str(call.value.get("digest", ""))
        still(view, digest)
        call.open(form(view.id, digest, body["channel"]["id"], body["message"]["ts"]))


def _register_looking(app: App, ctx: ListenerContext) -> None:
    @app.action(proposal.FIND, middleware=[acknowledge])
    def find(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        view = whole(ctx, call, str(call.value.get("proposal", "")))
        opened = call.open(notice.notice(_("Clients"), [section(_("Reading the clients …"))]))
        ctx.later.submit(fill, call, opened, lambda: _page(ctx, view.id, "", 0))

    @app.action({"block_id": browse.SEARCH, "action_id": FIELD}, middleware=[acknowledge])
    def searched(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        view = whole(ctx, call, str(call.metadata.get("proposal", "")))
        call.show(str(body["view"]["id"]), _page(ctx, view.id, browse.just_typed(body), 0))

    for way in ("previous", "next"):

        @app.action(f"{browse.TURN}:{way}", middleware=[acknowledge])
        def turn(body: dict[str, Any], client: WebClient) -> None:
            call = Call(body, client)
            view = whole(ctx, call, str(call.value.get("proposal", "")))
            asked = call.value
            page = _page(ctx, view.id, str(asked.get("search", "")), int(asked.get("page", 0)))
            call.show(str(body["view"]["id"]), page)

    @app.action(split.SUCCESSORS, middleware=[acknowledge])
    def successors(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        view = whole(ctx, call, str(call.value.get("proposal", "")))
        call.open(notice.notice(_("All colleagues"), paragraphs(split.lines(view.shares))))

    @app.view(browse.CALLBACK)
    def submitted(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        call, words = Call(body, client), typed(view, browse.SEARCH)
        answer_submission(
            ack,
            call,
            notice.loading(),
            lambda: _page(ctx, whole(ctx, call, str(call.metadata.get("proposal", ""))).id, words, 0),
        )


def _page(ctx: ListenerContext, proposal_id: str, search: str, page: int) -> dict[str, Any]:
    found, total = ctx.services.proposals.client_page(proposal_id, page * browse.PER_PAGE, browse.PER_PAGE, search)
    return browse.build(proposal_id, found, total, search, page)


def _register_searches(app: App, ctx: ListenerContext) -> None:
    # One listener for all fields: Bolt matches options by action id alone, whatever block id it is given.
    @app.options(FIELD)
    def search(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        meta, words = unpack(str(body["view"]["private_metadata"])), str(body.get("value") or "")
        view = whole(ctx, Call(body, client), str(meta.get("proposal", "")))
        if body.get("block_id") == change.CLIENTS:
            found, _total = ctx.services.proposals.client_page(view.id, 0, clients.CHOICES, words)
            ack(options=clients.choices(found))
        else:
            ack(options=clients.people(ctx.services.proposals.successors(view.id), words))


def _register_forms(app: App, ctx: ListenerContext) -> None:
    def taken(ack: Ack, call: Call, faults: dict[str, str], work: Callable[[], str]) -> None:
        if faults:
            ack(response_action="errors", errors=faults)
        else:
            answer_submission(ack, call, notice.starting(), lambda: _changed(ctx, call, work))

    @app.view(change.CALLBACK)
    def changed(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        call, (assignment, faults) = Call(body, client), change.parse(view)
        taken(ack, call, faults, lambda: _assign(ctx, call, *assignment))

    @app.view(change.KEEP)
    def kept(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        call, (chosen, why, faults) = Call(body, client), change.parse_keep(view)
        taken(ack, call, faults, lambda: ctx.services.edits.exclude(*_bound(call), chosen, why, ctx.actor(call)))

    @app.view(upload.CALLBACK)
    def uploaded(ack: Ack, body: dict[str, Any], client: WebClient, view: dict[str, Any]) -> None:
        call, (file, faults) = Call(body, client), upload.parse(view)
        taken(ack, call, faults, lambda: ctx.services.edits.upload(*_bound(call), fetch(client, file), ctx.actor(call)))


def _bound(call: Call) -> tuple[str, str]:
    return str(call.metadata.get("proposal", "")), str(call.metadata.get("digest", ""))


def _assign(ctx: ListenerContext, call: Call, chosen: tuple[str, ...], every: str, successor: str) -> str:
    old, digest = _bound(call)
    lines = [*chosen, *(ctx.services.proposals.clients_of(old, every) if every else ())]
    return ctx.services.edits.assign(old, digest, dict.fromkeys(lines, successor), ctx.actor(call))


def _changed(ctx: ListenerContext, call: Call, work: Callable[[], str]) -> dict[str, Any]:
    """Carry out a form, and return its outcome. The old message loses its buttons; a file's faults are listed."""
    live(ctx, call)
    try:
        new = ctx.services.proposals.view(work())
    except InvalidAssignmentFile as unfit:
        return tell_faults(call, unfit)
    old, meta = _bound(call)[0], call.metadata
    redraw(ctx, call, ctx.services.proposals.view(old), str(meta.get("channel", "")), str(meta.get("ts", "")))
    said = _("Version {version} is {what}.").format(version=new.version, what=short(new.why))
    asked = _("It waits for approval by {name}. The older version can no longer be decided.").format(
        name=requests.waits_for(new)
    )
    return notice.notice(_("Changed"), [section(said), section(asked)])
