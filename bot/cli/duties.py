"""`handover duties`: what runs, routes or is owned in the leaver's name, and what becomes of each."""

from collections.abc import Iterator
from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.context import DEFAULT, AsJson, ConfigPath, OnRecord, Whose, open_case
from bot.cli.output import CommandError, finish, moment, say, show_csv, show_table
from bot.services import Services
from bot.slack.messages import duties as messages
from bot.text import N_, _, ngettext
from config.identifiers import address_or_nothing
from connectors.contract import DutyId, DutyKind
from workflows.access.duty_decisions import DutyOrder
from workflows.access.duty_views import DutiesView, DutyItem
from workflows.access.views import DutyComparison, DutyLine
from workflows.authorization import Right
from workflows.cases.views import CaseView
from workflows.storage.rows.duties import DutyChoice

HELP = N_(
    """Lists are read at notice, before anything is locked, and again by this command.

Each duty gets a new owner, is kept, or is stopped. That is done at the case's time, and read back.

Exits with 1 where something is not known now.
"""
)
EXAMPLES = (
    "handover duties dana@example.com",
    "handover duties dana@example.com --give 3f2a91c0 --to bob@example.com",
    "handover duties dana@example.com --stop 77b0e4d1 --all-kind routes",
    'handover duties dana@example.com --keep 91c03f2a --reason "the team shares it"',
)
PER_PAGE = 50
Ids = list[str] | None


def duties(
    ctx: typer.Context,
    who: Whose,
    give: Annotated[Ids, typer.Option(metavar="ID", help=N_("Give this duty to --to; repeatable."))] = None,
    to: Annotated[str, typer.Option(metavar="EMAIL", help=N_("The colleague who gets the duties of --give."))] = "",
    keep: Annotated[Ids, typer.Option(metavar="ID", help=N_("Leave this duty as it is; repeatable."))] = None,
    stop: Annotated[
        Ids, typer.Option(metavar="ID", help=N_("Take the leaver out of this duty, or switch it off; repeatable."))
    ] = None,
    all_kind: Annotated[
        DutyKind | None, typer.Option(help=N_("Do the same with every undecided duty of this kind. ID may be all."))
    ] = None,
    reason: OnRecord = "",
    search: Annotated[str, typer.Option(metavar="WORDS", help=N_("List only duties that match every word."))] = "",
    page: Annotated[int, typer.Option(min=1, help=N_("Page of the list, with 50 duties each."))] = 1,
    csv: Annotated[bool, typer.Option("--csv", help=N_("Print every duty as CSV."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the duties of a case's leaver, or decide on some."""
    chosen = _choice(give, keep, stop)
    if bool(give) != bool(to):
        raise CommandError(_("--give and --to belong together."), _("Name duties with --give, and the colleague."))
    if all_kind and not chosen:
        raise CommandError(_("--all-kind needs --give, --keep or --stop."), _("ID may be all."))
    if to and not address_or_nothing(to):
        raise CommandError(_("{text!r} is not an e-mail address.").format(text=to))
    with open_case(ctx, config, who) as (services, case):
        found = services.duty_reviews.refresh(case.id)
        if chosen:
            _decide(ctx, services, case, *chosen, to, all_kind, reason)
        view, zone = services.duty_decisions.view(case.id), services.settings.company.timezone
    if csv:
        show_csv(messages.csv(view))
        return
    known = not any(one.now.unknown for one in found)
    value = {"lists": found, "duties": view.items, "unknown": view.unknown}
    finish(value, lambda: show(found, zone, view, search, page), as_json=as_json, good=known)


def _choice(give: Ids, keep: Ids, stop: Ids) -> tuple[DutyChoice, list[str]] | None:
    """Return the one decision that is asked for, with the ids; None for a list alone. Raises `CommandError`."""
    asked = {DutyChoice.GIVE: give, DutyChoice.KEEP: keep, DutyChoice.STOP: stop}
    named = [(choice, ids) for choice, ids in asked.items() if ids]
    if len(named) > 1:
        raise CommandError(_("Choose one of --give, --keep and --stop."))
    return named[0] if named else None


def _decide(
    ctx: typer.Context,
    services: Services,
    case: CaseView,
    choice: DutyChoice,
    ids: list[str],
    to: str,
    kind: DutyKind | None,
    reason: str,
) -> None:
    by = author(ctx, services, Right.DUTIES, case.approver.slack_id)
    items = services.duty_decisions.view(case.id).undecided
    every = [one.id for one in items if kind and one.duty.kind is kind]
    named = [one for one in ids if one != "all" or not kind]
    orders = [DutyOrder(one, choice, to) for one in dict.fromkeys([*named, *every])]
    if not orders:
        raise CommandError(_("No duty of this kind waits for a decision."))
    services.duty_decisions.decide(case.id, orders, by, reason)


def show(
    found: tuple[DutyComparison, ...], zone: str, view: DutiesView | None = None, search: str = "", page: int = 1
) -> None:
    """Print a table of a page of all duties, the time of each reading, and what is not known."""
    view = view or DutiesView()
    known = {(one.system, one.duty.id): one for one in view.items}
    rows = [row for one in found for row in _rows(one, known)]
    listed = {
        (one.system, duty.id) for one in found for line in (one.at_notice, one.now) if line for duty in line.duties
    }
    rows += [_gone(one) for key, one in known.items() if key not in listed]
    rows = [row for row in rows if all(word in " ".join(row).casefold() for word in search.casefold().split())]
    if rows:
        start = (page - 1) * PER_PAGE
        columns = [_("Id"), _("System"), _("In their name"), _("Where"), _("At notice"), _("Now"), _("Decision")]
        show_table(columns, rows[start : start + PER_PAGE], _where(len(rows), start))
    for one in found:
        at_notice = moment(one.at_notice.read_at, zone) if one.at_notice else ""
        now = moment(one.now.read_at, zone)
        said = _("{system}: read at notice {at_notice}, and now {now}") if at_notice else _("{system}: read now {now}")
        say(said.format(system=one.title, at_notice=at_notice, now=now) if now else _not_read(one, at_notice))
        say(*(f"  - {text}" for text in messages.unknown(one.now)))
    if view.undecided:
        text = ngettext(
            "{count} duty waits for a decision.", "{count} duties wait for a decision.", len(view.undecided)
        )
        say(text.format(count=len(view.undecided)))
    if not found:
        say(_("No configured system lists what runs in a person's name."))


def _where(total: int, start: int) -> str:
    if total <= PER_PAGE:
        return ""
    last = min(total, start + PER_PAGE)
    return _("Duties {first} to {last} of {total}").format(first=min(start + 1, last), last=last, total=total)


def _not_read(one: DutyComparison, at_notice: str) -> str:
    said = _("{system}: read at notice {at_notice}, and not now") if at_notice else _("{system}: not read")
    return said.format(system=one.title, at_notice=at_notice)


def _rows(one: DutyComparison, known: dict[tuple[str, DutyId], DutyItem] | None = None) -> Iterator[tuple[str, ...]]:
    before = {duty.id: duty for duty in one.at_notice.duties} if one.at_notice else {}
    now = {duty.id: duty for duty in one.now.duties}
    for key, duty in (before | now).items():
        item = (known or {}).get((one.system, key))
        yield (
            item.key if item else "",
            one.title,
            messages.words(duty),
            duty.place,
            _state(one.at_notice, key in before),
            _state(one.now, key in now),
            messages.decision(item) if item else "",
        )


def _gone(item: DutyItem) -> tuple[str, ...]:
    """Return the row of a decided duty that no list of now or of the notice has."""
    unread = _("not known")
    return (item.key, item.title, messages.words(item.duty), item.duty.place, unread, unread, messages.decision(item))


def _state(line: DutyLine | None, is_there: bool) -> str:
    if is_there:
        return _("there")
    return _("not there") if line and line.read_at and not line.unknown else _("not known")
