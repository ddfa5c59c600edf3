"""`handover clients`: what became of the clients of a case, read now; and the word of a successor on one of them."""

from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, open_case
from bot.cli.output import EXIT_FAILURE, CommandError, finish, moment, money, say, show_csv, show_table
from bot.services import Services
from bot.slack.messages.phrases import clients as count_clients
from bot.slack.messages.stayed import figures
from bot.text import N_, _, listed
from workflows.authorization import Right
from workflows.clients.stayed.checks import csv_of, select_clients
from workflows.clients.stayed.views import ClientStay, ClientToMark, StayReport, UsualLoss
from workflows.storage.rows.clients import ClientWord

HELP = N_(
    """Reads the systems now. Silent: nobody marked the client, and a whole history shows no contact.

A client is not known if a history was not read, or does not record all contacts.

Exits with 1 where something is not known.
"""
)
EXAMPLES = (
    "handover clients dana@example.com --silent",
    "handover clients dana@example.com --lost --csv > lost.csv",
    'handover clients dana@example.com --mark "Northwind Ltd" contacted',
)
PER_PAGE = 25
ANSWERS = {word.value.replace(" ", "_"): word for word in ClientWord}
"""Words as they are typed."""


def clients(
    ctx: typer.Context,
    who: Whose,
    silent: Annotated[bool, typer.Option("--silent", help=N_("Only clients without a known contact."))] = False,
    lost: Annotated[bool, typer.Option("--lost", help=N_("Only clients with a lost deal."))] = False,
    search: Annotated[str, typer.Option(metavar="TEXT", help=N_("Only clients or successors with this text."))] = "",
    page: Annotated[int, typer.Option(min=1, help=N_("Which page of the list."))] = 1,
    mark: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="CLIENT ANSWER", help=N_("Answer for a client: contacted, not_reached or objects.")),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help=N_("Print the clients as CSV."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """List the clients of a case, or answer for one."""
    with open_case(ctx, config, who) as (services, case):
        if mark:
            told = _mark(ctx, services, case.id, *mark)
            finish({"changed": told[0], "client": told[1]}, lambda: say(told[2]), as_json=as_json)
            return
        report, every = services.stay_checks.now(case.id)
        zone = services.settings.company.timezone
    found = select_clients(every, search, silent=silent, lost=lost)
    if csv:
        show_csv(csv_of(found))
        return
    value = {"report": report, "clients": found}
    finish(value, lambda: _show(report, found, page, zone), as_json=as_json, good=report.whole)


def _mark(ctx: typer.Context, services: Services, case_id: str, text: str, said: str) -> tuple[bool, ClientToMark, str]:
    """Record the word; return whether it changed anything, the client, and a sentence. Raises `CommandError`."""
    word = ANSWERS.get(said.strip().casefold())
    if word is None:
        fault = _("{word!r} is no answer. Use one of: {known}.").format(word=said, known=listed(ANSWERS))
        raise CommandError(fault)
    found = services.answers.find(case_id, text)
    if len({(one.system, one.id) for one in found}) != 1:
        fault = _("No client matches {text!r}.") if not found else _("Several clients match {text!r}: {names}.")
        names = listed(f"{one.name} ({one.id})" for one in found[:10])
        raise CommandError(fault.format(text=text, names=names), _("Use the client's id or whole name."), EXIT_FAILURE)
    one = found[0]
    by = author(ctx, services, Right.ANSWER, *services.answers.asked(case_id, one.system, one.id))
    changed = services.answers.give(case_id, one.system, one.id, word, by)
    text = _("{name}: {word}.") if changed else _("{name} was marked so already: {word}.")
    return changed, one, text.format(name=one.name, word=_(word.value))


def _show(report: StayReport, found: list[ClientStay], page: int, zone: str) -> None:
    head = _("{clients} of {name}: {figures}")
    say(head.format(clients=count_clients(report.clients), name=report.leaver.name, figures=figures(report)))
    first = (page - 1) * PER_PAGE
    columns = [_("Client"), _("System"), _("Successor"), _("State"), _("Marked"), _("Last contact"), _("Lost")]
    rows = [_row(one, zone) for one in found[first : first + PER_PAGE]]
    show_table(columns, rows, empty=_("No client is on this page."))
    if len(found) > PER_PAGE:
        shown = _("Clients {first:,} to {last:,} of {total:,}")
        say(shown.format(first=first + 1 if rows else 0, last=first + len(rows), total=len(found)))
    say(*(_("Not known: {why}").format(why=why) for why in report.unknown))
    if report.deals_unknown:
        say(_("? Lost deals are not known in {systems}.").format(systems=listed(report.deals_unknown)))
    say(*map(_usual, report.usual))


def _row(one: ClientStay, zone: str) -> tuple[str, ...]:
    successor = _("{name} (has left)").format(name=one.successor.name) if one.successor_left else one.successor.name
    marked = f"{_(one.answer.word.value)}, {one.answer.by}" if one.answer else ""
    lost = listed(f"{deal.name} {money({deal.currency: deal.value})}" for deal in one.lost)
    contact = moment(one.contacted_at, zone)
    unknown = "" if one.deals_known else _("not known")
    return one.name, one.title, successor, _(one.fate.value), marked, contact, lost or unknown


def _usual(loss: UsualLoss) -> str:
    if loss.ended is None:
        return _("Usual loss in {title}: not known ({why}).").format(title=loss.title, why=loss.unknown)
    if not loss.ended:
        text = _("Usual loss in {title}: not known, as no deal ended in these days last year.")
        return text.format(title=loss.title)
    share = f"{loss.lost / loss.ended:.0%}"
    text = _("Usual loss in {title}, same days last year: {lost} of {ended} deals that ended ({share}).")
    return text.format(title=loss.title, lost=loss.lost, ended=loss.ended, share=share)
