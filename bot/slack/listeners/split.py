"""The split of the clients while a case is being opened: who receives, and a preview before anybody is asked."""

from collections.abc import Iterable
from typing import Any

from slack_bolt import App
from slack_sdk import WebClient

from bot.errors import UserFacingError
from bot.slack.authorize import Right
from bot.slack.forms import notice, offboard, preview, upload
from bot.slack.forms.fields import picked, picked_all
from bot.slack.listeners.acknowledgement import acknowledge
from bot.slack.listeners.context import Call, ListenerContext
from bot.slack.listeners.files import fetch, tell_faults
from bot.slack.listeners.submission import fill
from bot.slack.people import Profile
from bot.split_rules import named_in_rules
from bot.text import _
from bot.workdays import known_zone
from workflows.clients.split import assignment_file
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.people import Leaver, Successor
from workflows.storage.rows.case import Strategy


def register(app: App, desk: ListenerContext) -> None:
    """Listen."""

    @app.action(offboard.PREVIEW, middleware=[acknowledge])
    def show(body: dict[str, Any], client: WebClient) -> None:
        call = Call(body, client)
        desk.allow(call, Right.OPEN)
        pushed = call.push(notice.loading())
        desk.later.submit(fill, call, pushed, lambda: _preview(desk, call, body["view"]))


def _preview(desk: ListenerContext, call: Call, view: dict[str, Any]) -> dict[str, Any]:
    """Read the books as the form stands now, and return the split."""
    company, leaver = desk.services.settings.company, desk.people.find(str(call.metadata.get("leaver", "")))
    chosen = [desk.people.find(user) for user in picked_all(view, offboard.SUCCESSORS)]
    how = Strategy(picked(view, offboard.STRATEGY) or desk.services.settings.clients.default_strategy)
    file, _faults = upload.parse(view)
    data = fetch(call.client, file) if file else b""
    who = offboard.known_leaver(leaver.leaver(known_zone(leaver.timezone, company.timezone)), call.metadata)
    try:
        receivers = named_successors(desk, who, chosen, how, data)
    except InvalidAssignmentFile as unfit:
        return tell_faults(call, unfit)
    if not receivers:
        raise UserFacingError(_("Choose who receives the clients first: the form behind this one is still open."))
    seen = desk.services.proposals.preview(who, receivers, how, data)
    return tell_faults(call, InvalidAssignmentFile(seen.faults)) if seen.faults else preview.build(seen)


def named_successors(
    desk: ListenerContext, leaver: Leaver, chosen: Iterable[Profile], strategy: Strategy, data: bytes
) -> tuple[Successor, ...]:
    """Return who receives: who is chosen, whom the file names, and whom the company's rules name.

    Raises `Unfit` where the file cannot be read; single lines at fault are for whoever splits by it to tell.

    Somebody whom Slack does not know goes by the address: whether they can receive is for the systems to say.
    """
    found = {one.key: one for one in (person.successor() for person in chosen)}
    named = assignment_file.addresses(assignment_file.read_valid_rows(data)[0]) if data else ()
    ruled = named_in_rules(desk.services.settings.clients) if strategy is Strategy.RULES else ()
    for address in (*named, *ruled):
        if address not in found and address != leaver.email.lower():
            person = desk.people.by_email(address)
            known = person.successor() if person else Successor(address, address, address)
            found[address] = Successor(address, known.name, known.email, known.slack_id)
    return tuple(found.values())
