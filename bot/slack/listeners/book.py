"""Reading and changing the clients of a proposal: search, another successor, exclusion, assignment file."""

import re
from collections.abc import Callable
from typing import Any

from slack_bolt import Ack
from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.slack.forms import fields, notice
from bot.slack.forms import proposal as forms
from bot.slack.listeners.answers import Listeners, View
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import fetch, tell_faults
from bot.slack.listeners.handover import bind, check_decider, find_whole, redraw
from bot.slack.messages import proposal, requests, split
from bot.slack.messages.blocks import paragraphs
from bot.slack.messages.phrases import short
from bot.slack.people import Profile, colleague_objection
from bot.text import _, mrkdwn
from config.identifiers import address_or_nothing
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.clients.views import LineFault
from workflows.people import Successor


def register(on: Listeners) -> None:
    """Listen."""
    for action, form in ((proposal.CHANGE, forms.change), (proposal.KEEP, forms.keep), (proposal.UPLOAD, forms.upload)):
        _register_opening(on, on.ctx, action, form)
    _register_reading(on, on.ctx)
    _register_search(on, on.ctx)
    _register_changes(on, on.ctx)


def _register_opening(on: Listeners, ctx: ListenerContext, action: str, form: Callable[[str], View]) -> None:
    @on.button(action)
    def opened(call: Call) -> None:
        call.open(form(bind(call, find_whole(ctx, call))))


def _register_reading(on: Listeners, ctx: ListenerContext) -> None:
    @on.button(proposal.FIND)
    def find(call: Call) -> None:
        view = find_whole(ctx, call)
        on.load(call, lambda: _page(ctx, view.id), notice.build(_("Clients"), _("Reading the clients …")))

    @on.button({"block_id": forms.SEARCH, "action_id": fields.FIELD})
    def searched(call: Call) -> None:
        call.show(str(call.body["view"]["id"]), _page(ctx, find_whole(ctx, call).id, forms.just_typed(call.body)))

    @on.button(re.compile(f"^{forms.TURN}:"))
    def turn(call: Call) -> None:
        page = _page(ctx, find_whole(ctx, call).id, call.fact("search"), int(call.facts.get("page", 0)))
        call.show(str(call.body["view"]["id"]), page)

    @on.button(split.SUCCESSORS)
    def successors(call: Call) -> None:
        call.open(notice.build(_("All colleagues"), *paragraphs(split.lines(find_whole(ctx, call).shares))))

    @on.form(forms.BROWSE, notice.loading)
    def submitted(call: Call, view: View) -> View:
        return _page(ctx, find_whole(ctx, call).id, fields.typed(view, forms.SEARCH))


def _page(ctx: ListenerContext, proposal_id: str, search: str = "", page: int = 0) -> View:
    found, total = ctx.services.proposals.client_page(proposal_id, page * forms.PER_PAGE, forms.PER_PAGE, search)
    return forms.browse(proposal_id, found, total, search, page)


def _register_search(on: Listeners, ctx: ListenerContext) -> None:
    # One listener for all fields: Bolt matches options by action id alone, whatever block id it is given.
    @on.app.options(fields.FIELD)
    def search(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        words, view = str(body.get("value") or ""), find_whole(ctx, Call(body, client))
        if body.get("block_id") == forms.CLIENTS:
            found, _total = ctx.services.proposals.client_page(view.id, 0, split.CHOICES, words)
            ack(options=split.choices(found))
        else:
            ack(options=split.people(ctx.services.proposals.successors(view.id), words))


def _register_changes(on: Listeners, ctx: ListenerContext) -> None:
    edits = ctx.services.edits

    @on.form(forms.CHANGE)
    def changed(call: Call, view: View) -> View:
        chosen, every, successor, new = forms.parse_change(view)
        check_decider(ctx, call)
        people = [_receiver(ctx, call, ctx.people.find(new, fresh=True))] if new else []
        receiver = people[0].key if people else successor
        lines = [*chosen, *(ctx.services.proposals.clients_of(call.fact("proposal"), every) if every else ())]
        return _changed(ctx, call, edits.assign(*_bound(call), dict.fromkeys(lines, receiver), ctx.actor(call), people))

    @on.form(forms.KEEP)
    def kept(call: Call, view: View) -> View:
        chosen, reason = forms.parse_keep(view)
        check_decider(ctx, call)
        return _changed(ctx, call, edits.exclude(*_bound(call), chosen, reason, ctx.actor(call)))

    @on.form(forms.UPLOAD)
    def uploaded(call: Call, view: View) -> View:
        file = forms.parse_upload(view)
        check_decider(ctx, call)
        data = fetch(call.client, file)
        people, objections = _named(ctx, call, data)
        try:
            new = edits.upload(*_bound(call), data, ctx.actor(call), people)
        except InvalidAssignmentFile as unfit:
            faults = [LineFault(fault.line, objections.get(fault.line, fault.what)) for fault in unfit.faults]
            return tell_faults(call, InvalidAssignmentFile(faults))
        return _changed(ctx, call, new)


def _receiver(ctx: ListenerContext, call: Call, person: Profile) -> Successor:
    """Return a colleague as a receiver. Raises `UserFacingError` for somebody who may not receive clients."""
    if why := _objection(ctx, call, person):
        raise UserFacingError(mrkdwn(why))
    return person.successor()


def _objection(ctx: ListenerContext, call: Call, person: Profile) -> str:
    """Return why a colleague may not receive clients, in plain text; empty if they may."""
    leaver = ctx.services.proposals.view(call.fact("proposal")).leaver
    why = colleague_objection(person, leaver.slack_id)
    return _("{name} cannot receive clients. {why}").format(name=person.name, why=why) if why else ""


def _named(ctx: ListenerContext, call: Call, data: bytes) -> tuple[list[Successor], dict[int, str]]:
    """Return the people of a file who are not among the receivers, with their Slack profiles where Slack has one.

    Those who may not receive clients are left out, so that the upload refuses their lines. The second value has the
    reason by line.
    """
    known = {one.key for one in ctx.services.proposals.successors(call.fact("proposal"))}
    people: list[Successor] = []
    objections: dict[str, str] = {}
    try:
        rows, _faults = assignment_file.read_valid_rows(data)
    except InvalidAssignmentFile:
        return people, {}  # the upload tells every fault
    for address in assignment_file.addresses(rows):
        if address in known or not address_or_nothing(address):
            continue
        person = ctx.people.by_email(address)
        if person and (why := _objection(ctx, call, person)):
            objections[address] = why
        else:
            people.append(person.successor() if person else Successor(address, address, address))
    return people, {row.line: objections[row.address] for row in rows if row.address in objections}


def _bound(call: Call) -> tuple[str, str]:
    return call.fact("proposal"), call.fact("digest")


def _changed(ctx: ListenerContext, call: Call, new_id: str) -> View:
    """Return the outcome of a change. The old message loses its buttons."""
    proposals = ctx.services.proposals
    new = proposals.view(new_id)
    redraw(ctx, call, proposals.view(call.fact("proposal")))
    waiting = _("It waits for approval by {name}. The older version can no longer be decided.")
    return notice.build(
        _("Changed"),
        _("Version {version} is {what}.").format(version=new.version, what=short(new.why)),
        waiting.format(name=requests.needs(new)),
    )
