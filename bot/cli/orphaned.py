"""`handover orphaned`: records of earlier leavers, and one handover for all of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from bot.cli.actor import author
from bot.cli.arguments import leaver_named, refuse_several
from bot.cli.case_request import colleague, profiles
from bot.cli.context import (
    DEFAULT,
    AsJson,
    ConfigPath,
    SplitStrategy,
    Yes,
    open_services,
    open_services_to_work,
    poll,
    read,
    require_yes,
)
from bot.cli.output import CommandError, finish, moment, money, say, show_csv, show_table, warn
from bot.cli.status import show_case
from bot.services import Services
from bot.slack.messages.earlier import standing
from bot.slack.messages.phrases import verdict
from bot.text import N_, _, listed, ngettext, punctuated
from config.identifiers import plain
from config.settings import Settings
from connectors.contract import AccountId
from workflows.authorization import Right
from workflows.cases.earlier_handover import EarlierOpening, EarlierRequest
from workflows.cases.views import CaseView
from workflows.people import Actor
from workflows.storage.rows.case import Strategy
from workflows.watch.earlier_leavers import EarlierLeavers, OwnerLine, Progress, csv

HELP = N_(
    """Lists the owners of records whose account is locked or gone, and about whom no case is open. Writes nothing.

Owners in a case, on leave, or whose records stay on purpose are listed apart.

Exits with 1 while something is not known.

With --hand-over, one proposal covers the records of all of them, or of those named with --owner. The approver decides.
No account is changed. An undo gives nothing back to an account that is still locked.
"""
)
EXAMPLES = (
    "handover orphaned",
    "handover orphaned --system crm --csv > earlier-leavers.csv",
    "handover orphaned --hand-over --to bob@example.com --to carol@example.com --approver max@example.com --dry-run",
    "handover orphaned --hand-over --owner crm:17 --to bob@example.com --approver max@example.com",
)
PER_PAGE = 50
WAIT = 20.0
"""Seconds to wait for the proposal of a new handover."""


def orphaned(
    ctx: typer.Context,
    system: Annotated[str, typer.Option(metavar="SYSTEM", help=N_("Look in this system only."))] = "",
    search: Annotated[str, typer.Option(metavar="WORDS", help=N_("List only owners that match every word."))] = "",
    page: Annotated[int, typer.Option(min=1, help=N_("Page of the list, with 50 owners each."))] = 1,
    values: Annotated[
        bool, typer.Option("--values", help=N_("Add the value of open records. Reads every record."))
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help=N_("Print every owner as CSV."))] = False,
    hand_over: Annotated[bool, typer.Option("--hand-over", help=N_("Open one handover for all of them."))] = False,
    owner: Annotated[
        list[str] | None, typer.Option(metavar="SYSTEM:ID", help=N_("Hand over this owner's records; repeatable."))
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(metavar="EMAIL", help=N_("A colleague who receives clients; repeatable."))
    ] = None,
    strategy: SplitStrategy = None,
    approver: Annotated[str, typer.Option(metavar="EMAIL", help=N_("The approver of the split."))] = "",
    note: Annotated[str, typer.Option(help=N_("A note for the case, stored encrypted."))] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help=N_("Show whose records would be proposed."))] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """List earlier leavers, or open one handover for them."""
    settings = read(ctx, config)
    if system and system not in settings.systems:
        raise CommandError(
            _("There is no system {name!r}.").format(name=system),
            _("Known: {names}.").format(names=listed(settings.systems)),
        )
    refuse_several({"--csv": as_csv, "--json": as_json, "--hand-over": hand_over and as_csv})
    if not hand_over and (owner or to or approver or dry_run):
        raise CommandError(_("--owner, --to, --approver and --dry-run need --hand-over."))
    if hand_over and not (to and approver):
        raise CommandError(_("--hand-over needs --to EMAIL and --approver EMAIL."))
    with open_services(ctx, config) as services:
        found = services.earlier.read(system, values=values, progress=_progress(quiet=as_csv or as_json))
    if as_csv:
        show_csv(csv(found))
        return
    if not hand_over:
        known = not found.not_looked and not found.unknown
        lines = found.matching(search)
        finish(found, lambda: _show(found, lines, page, settings.company.timezone), as_json=as_json, good=known)
        return
    chosen = _chosen(found, owner or [])
    with open_services(ctx, config) as services:
        by = author(ctx, services, Right.OPEN)
        request = replace(_request(settings, chosen, to or [], approver, strategy, by), note=note)
        plan = services.earlier_handovers.plan(request)
    if dry_run:
        finish(_plain(plan), lambda: _show_plan(plan, found), as_json=as_json)
        return
    if not as_json:
        _show_plan(plan, found)
    require_yes(_question(request, plan), yes)
    with open_services_to_work(ctx, config) as (services, _bot_runs):
        case = _open(services, request)
    finish(case, lambda: show_case(case, settings.company.timezone), as_json=as_json)


def _progress(*, quiet: bool) -> Progress:
    def tell(system: str, what: str) -> None:
        if not quiet:
            warn(punctuated("{system}: {what}").format(system=system, what=what))

    return tell


def _chosen(found: EarlierLeavers, named: Sequence[str]) -> Mapping[str, Sequence[AccountId]]:
    """Return the chosen owners by system: those named, or all that are offered. Raises `CommandError`."""
    lines: Sequence[OwnerLine] = found.offered
    if named:
        known = {one.key: one for one in found.owners}
        if unknown := [one for one in named if one not in known]:
            raise CommandError(
                _("No earlier leaver is called {names}.").format(names=listed(unknown)),
                _("`handover orphaned` lists them, each with system and id."),
            )
        lines = [known[one] for one in named]
    if not lines:
        raise CommandError(_("There is no earlier leaver to hand over."))
    chosen: dict[str, list[AccountId]] = defaultdict(list)
    for one in lines:
        chosen[one.system].append(one.account)
    return chosen


def _request(
    settings: Settings,
    chosen: Mapping[str, Sequence[AccountId]],
    to: Sequence[str],
    approver: str,
    strategy: Strategy | None,
    by: Actor,
) -> EarlierRequest:
    successors = [plain(leaver_named(one).email) for one in dict.fromkeys(to)]
    people, trouble = profiles(settings.slack, [approver, *successors])
    if trouble:
        warn(_("Slack profiles are not available ({trouble}). People are known by address.").format(trouble=trouble))
    how = strategy or Strategy(settings.clients.default_strategy)
    receivers = tuple(colleague(one, people) for one in successors)
    return EarlierRequest(chosen, colleague(approver, people), receivers, how, by, settings.slack.case_channel)


def _open(services: Services, request: EarlierRequest) -> CaseView:
    case_id = services.earlier_handovers.open(request)
    warn(_("Case {id} is open.").format(id=case_id))
    return poll(
        lambda: services.offboarding.case(case_id),
        lambda case: bool(case.clients and (case.clients.proposal or case.clients.complete or case.clients.problems)),
        WAIT,
    )


def _question(request: EarlierRequest, plan: EarlierOpening) -> str:
    text = ngettext(
        "After approval by {approver}, hand over the records of {count:,} owner to {successors} ({strategy}). No "
        "account is changed. Continue?",
        "After approval by {approver}, hand over the records of {count:,} owners to {successors} ({strategy}). No "
        "account is changed. Continue?",
        plan.number,
    )
    return text.format(
        count=plan.number,
        approver=request.approver.name,
        successors=listed(one.name for one in request.successors),
        strategy=request.strategy.value,
    )


def _plain(plan: EarlierOpening) -> dict[str, Any]:
    """Return a plan for programs."""
    left_out = {name: {key: str(why) for key, why in of.items()} for name, of in plan.left_out.items() if of}
    return {"owners": plan.owners, "left_out": left_out}


def _show_plan(plan: EarlierOpening, found: EarlierLeavers) -> None:
    lines = {(one.system, one.account): one for one in found.owners}
    records = sum(
        line.records for name, of in plan.owners.items() for one in of if (line := lines.get((name, one.account)))
    )
    text = ngettext(
        "{count:,} earlier leaver with {records:,} records would be proposed.",
        "{count:,} earlier leavers with {records:,} records would be proposed.",
        plan.number,
    )
    say(text.format(count=plan.number, records=records))
    for name, left_out in plan.left_out.items():
        said = _("left out: {owner}: {why}")
        say(*(said.format(owner=f"{name}:{account}", why=why) for account, why in left_out.items()))
    say(_("An undo gives nothing back to an account that is still locked."))


def _show(found: EarlierLeavers, lines: Sequence[OwnerLine], page: int, zone: str) -> None:
    first = (page - 1) * PER_PAGE
    shown = lines[first : first + PER_PAGE]
    say(*found.not_looked)
    offered = len(found.offered)
    text = ngettext(
        "{count:,} earlier leaver owns {records:,} records, as read {at}. {active:,} other owners are active.",
        "{count:,} earlier leavers own {records:,} records, as read {at}. {active:,} other owners are active.",
        offered,
    )
    at = moment(found.read_at, zone)
    if found.systems:
        say(text.format(count=offered, records=found.records, at=at, active=found.active))
    title = _("Owners {first} to {last} of {total}").format(
        first=first + 1 if shown else 0, last=first + len(shown), total=len(lines)
    )
    columns = [_("Owner"), _("Name"), _("State"), _("Records"), _("Value"), _("Case")]
    rows = [
        (
            one.key,
            one.name or one.login,
            verdict(one.verdict),
            punctuated(", ").join(f"{kind} {count:,}" for kind, count in sorted(one.kinds.items())),
            money(one.value),
            standing(one),
        )
        for one in shown
    ]
    if rows:
        show_table(columns, rows, title)
    say(*(punctuated("{owner}: {why}").format(owner=one.key, why=one.why) for one in shown if one in found.unknown))
