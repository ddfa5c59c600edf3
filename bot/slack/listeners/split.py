"""The split in the offboarding form: the successors, and a preview before anybody is asked."""

from collections.abc import Iterable
from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.policies import named_in_rules
from bot.slack.forms import notice, offboard, preview, upload
from bot.slack.forms.fields import picked, picked_all
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import fetch, tell_faults
from bot.slack.listeners.submission import fill
from bot.slack.people import Profile
from bot.text import _
from bot.workdays import known_zone
from workflows.authorization import Right
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.people import Leaver, Successor
from workflows.storage.rows.case import Strategy


def register(app: App, ctx: ListenerContext) -> None:
    """Listen."""

    @app.action(offboard.PREVIEW, middleware=[acknowledge])
    def show(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        ctx.allow(call, Right.OPEN)
        pushed = call.push(notice.loading())
        ctx.later.submit(fill, call, pushed, lambda: _preview(ctx, call, body["view"]))


def _preview(ctx: ListenerContext, call: Call, view: dict[str, Any]) -> dict[str, Any]:
    """Read the client books, and return the split for the form's present values."""
    company, leaver = ctx.services.settings.company, ctx.people.find(str(call.metadata.get("leaver", "")))
    chosen = [ctx.people.find(user) for user in picked_all(view, offboard.SUCCESSORS)]
    how = Strategy(picked(view, offboard.STRATEGY) or ctx.services.settings.clients.default_strategy)
    file, _faults = upload.parse(view)
    data = fetch(call.client, file) if file else b""
    who = offboard.known_leaver(leaver.leaver(known_zone(leaver.timezone, company.timezone)), call.metadata)
    try:
        receivers = named_successors(ctx, who, chosen, how, data)
    except InvalidAssignmentFile as unfit:
        return tell_faults(call, unfit)
    if not receivers:
        raise UserFacingError(
            _("First choose the colleagues who receive the clients. The form behind this one is still open.")
        )
    seen = ctx.services.proposals.preview(who, receivers, how, data)
    return tell_faults(call, InvalidAssignmentFile(seen.faults)) if seen.faults else preview.build(seen)


def named_successors(
    ctx: ListenerContext, leaver: Leaver, chosen: Iterable[Profile], strategy: Strategy, data: bytes
) -> tuple[Successor, ...]:
    """Return the successors from the form, from the assignment file and from the company's rules.

    Raises `InvalidAssignmentFile` if the file cannot be read. Faults of single lines are reported by the split.

    A person unknown to Slack is returned with the address only. The systems check whether they have an account.
    """
    found = {one.key: one for one in (person.successor() for person in chosen)}
    named = assignment_file.addresses(assignment_file.read_valid_rows(data)[0]) if data else ()
    ruled = named_in_rules(ctx.services.settings.clients) if strategy is Strategy.RULES else ()
    for address in (*named, *ruled):
        if address not in found and address != leaver.email.lower():
            person = ctx.people.by_email(address)
            known = person.successor() if person else Successor(address, address, address)
            found[address] = Successor(address, known.name, known.email, known.slack_id)
    return tuple(found.values())
