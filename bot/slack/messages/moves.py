"""Parts of the case message about moves: pause, resume, stop, and records put back."""

from collections.abc import Sequence

from bot.slack.messages import requests
from bot.slack.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    message,
    pack,
    paragraphs,
    section,
)
from bot.slack.messages.phrases import clients as count_clients
from bot.slack.messages.phrases import listing, records, short
from bot.slack.messages.systems import RETRY
from bot.text import _, moment, mrkdwn, ngettext, number, plain, punctuated
from workflows.cases.views import CaseView
from workflows.clients.views import ClientsView, PutBackLine, RequestView
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import Halt, ProposalState

PAUSE, RESUME, STOP, PUT_BACK = "moves_pause", "moves_resume", "moves_stop", "moves_put_back"
KEEP_THERE = "put_back_cancel"
MOST, MOST_GIVERS = 10, 30
NEVER = (CaseState.CANCELLED, CaseState.HELD)


def blocks(view: CaseView) -> list[Block]:
    """Return the lines and buttons about moves of a case; empty if there are none."""
    clients = view.clients
    if clients is None or view.state in NEVER:
        return []
    shown = [*paragraphs(_halted(view, clients)), *_again(view, clients), *paragraphs(_put_back(clients))]
    buttons = _buttons(view, clients)
    return [*shown, actions("case_moves", *buttons)] if buttons else shown


def build(view: CaseView) -> Message:
    """Return the new message about clients: what an undo put back, and what keeps the handover from going on."""
    clients = view.clients
    told = clients.problems[:MOST] if clients else ()
    problems = [_("✗ to do: {problem}").format(problem=short(problem, 600)) for problem in told]
    problems += [requests.line(one) for one in _unanswered(clients)]
    back = put_back(view)
    point = headline(view)
    if problems or (clients and clients.put_back_problems):
        point = _("Clients of {name}: something is to be done").format(name=plain(view.leaver.name, 80))
    where = _("Case {id}. The case message has everything, and the buttons.").format(id=mrkdwn(view.id))
    lines = [*back, *problems] or [_("You have nothing to do.")]
    return message(mrkdwn(point, 400), [header(point), *paragraphs(lines), context(where)])


def _unanswered(clients: ClientsView | None) -> list[RequestView]:
    """Return the requests of a waiting proposal that nobody can answer."""
    proposal = clients.proposal if clients else None
    waits = proposal is not None and proposal.state is ProposalState.PENDING
    return [one for one in proposal.requests if one.problem and not one.awaited] if proposal and waits else []


def headline(view: CaseView) -> str:
    """Return the headline of an undo of the handover, in plain text."""
    name = plain(view.leaver.name, 80)
    if not put_back(view):
        return _("Clients of {name}").format(name=name)
    if view.clients and view.clients.not_put_back:
        return _("Clients of {name}: not all were put back").format(name=name)
    return _("Clients of {name}: put back").format(name=name)


def put_back(view: CaseView) -> list[str]:
    """Return lines about records that an undo put back, or left where they are."""
    return _put_back(view.clients) if view.clients else []


def called_off(view: CaseView, left: int) -> str:
    """Return the answer to somebody who called a request off; `left`: the number of records that stay."""
    if view.clients and view.clients.put_back:
        text = _("Cancelled: {left} stay where they are. What went back before stays with {name}.")
        return text.format(left=records(left), name=plain(view.leaver.name, 80))
    return _("Cancelled: {left} stay where they are. Nothing was put back.").format(left=records(left))


def _halted(view: CaseView, clients: ClientsView) -> list[str]:
    if not clients.halted or clients.halted_at is None:
        return []
    text = _("*Moves stopped* by {by}, {when}: {left} not moved, still with the leaver. Retry proposes them again.")
    if view.leaver.is_group:
        text = _("*Moves stopped* by {by}, {when}: {left} not moved. Retry proposes them again.")
    if clients.halted is Halt.PAUSED:
        text = _("*Moves paused* by {by}, {when}. Nothing moves until somebody resumes.")
    when = moment(clients.halted_at)
    return [text.format(by=mrkdwn(clients.halted_by), when=when, left=records(clients.stopped))]


def _again(view: CaseView, clients: ClientsView) -> list[Block]:
    """Return the buttons that propose stopped records again, one for each system."""
    systems = clients.stopped_in if clients.stopped else ()
    return [section(mrkdwn(system), button(_("Retry"), RETRY, pack(case=view.id, system=system))) for system in systems]


def _put_back(clients: ClientsView) -> list[str]:
    if not (clients.put_back or clients.putting_back or clients.not_put_back or clients.put_back_problems):
        return []
    by, back = mrkdwn(clients.put_back_by), records(clients.put_back)
    if not clients.put_back and not clients.not_put_back:
        waits = _("*Clients are being put back*, as asked by {by}: {count} on the way")
        lines = [waits.format(by=by, count=records(clients.putting_back))]
    else:
        lines = [_("*Handover undone* by {by}: {back} put back").format(by=by, back=back)]
    if clients.putting_back and (clients.put_back or clients.not_put_back):
        lines[0] += _(", {count} on the way").format(count=records(clients.putting_back))
    if clients.not_put_back:
        lines[0] += _(", {count} not, for the reasons below").format(count=records(clients.not_put_back))
    lines += [f"• {short(line)}" for line in clients.unreturned]
    if clients.not_put_back > len(clients.unreturned):
        lines.append(_("… all of them: `handover putback CASE --csv`"))
    return lines + [_("✗ still to do: {what}").format(what=short(problem)) for problem in clients.put_back_problems]


def _buttons(view: CaseView, clients: ClientsView) -> list[Block]:
    case = pack(case=view.id)
    if not clients.moving:
        back = [button(_("Put Clients Back"), PUT_BACK, case)] if clients.moved else []
        return [*back, button(_("Do Not Put Back"), KEEP_THERE, case)] if clients.put_back_waits else back
    paused = clients.halted is Halt.PAUSED
    first = button(_("Resume Moves"), RESUME, case) if paused else button(_("Pause Moves"), PAUSE, case)
    text = _(
        "Moved records stay with their new owners. {left} of {name} will not be moved. They can be proposed "
        "again later."
    ).format(left=records(clients.left), name=plain(view.leaver.name, 60))
    ask = confirm(_("Stop moving clients?"), text, _("Stop Moves"))
    return [first, button(_("Stop Moves"), STOP, case, "danger", ask)]


def givers(found: Sequence[tuple[str, int, int]]) -> list[Block]:
    """Return whose clients go back: a line for each colleague, and the number of those that do not fit."""
    rows = [
        _("• {name}: {clients} with {records}").format(
            name=mrkdwn(name, 60), clients=count_clients(number), records=records(count)
        )
        for name, number, count in found[:MOST_GIVERS]
    ]
    if (rest := len(found) - MOST_GIVERS) > 0:
        rows.append(_("… and {count} more").format(count=rest))
    return paragraphs(rows)


def still_accepted(count: int) -> str:
    """Return a sentence on records that no put-back can name, because their move was accepted and is not done."""
    text = ngettext(
        "{count} record is not in this plan: the system has accepted its move and not done it yet.",
        "{count} records are not in this plan: the system has accepted their moves and not done them yet.",
        count,
    )
    return text.format(count=number(count))


def kept(lines: tuple[PutBackLine, ...], rest: int) -> list[Block]:
    """Return the records that stay, with the owner of each, and the number of records that do not fit."""
    notes = dict.fromkeys(line.note for line in lines)
    rows = [_kept([line for line in lines if line.note == note], note) for note in notes]
    if rest > len(lines):
        rows.append(_("… and {count} more").format(count=number(rest - len(lines))))
    if not rows:
        return [context(_("Nobody has changed these records since."))]
    return [section(_("*These stay where they are*")), *paragraphs(rows)]


def _kept(lines: Sequence[PutBackLine], note: str) -> str:
    """Return all records with the same note as one line."""
    of = punctuated("{name} ({client})")
    named = [
        of.format(name=line.name, client=line.family_name) if line.family_name != line.name else line.name
        for line in lines
    ]
    return _("• {note}: {names}").format(note=mrkdwn(note, 120), names=listing(named, 50))
