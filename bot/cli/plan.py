"""`handover plan`: a dry run of an offboarding."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer

from bot import workdays
from bot.cli import split
from bot.cli.arguments import content, effective, leaver_named, named_successors
from bot.cli.case_request import profile_named
from bot.cli.context import DEFAULT, AsJson, AssignmentFile, ConfigPath, Email, SplitStrategy, Successors, open_services
from bot.cli.explanations import refused
from bot.cli.output import finish, money, plain, say, show_table
from bot.policies import profile_stages
from bot.services import Services
from bot.slack.messages import duties, licences, order, stages
from bot.slack.messages.phrases import verdict
from bot.text import N_, _, listed, punctuated
from workflows.access.views import AccountLine, BookLine, DutyLine, SystemPlan
from workflows.cases.views import Plan
from workflows.clients.views import Preview
from workflows.people import Successor
from workflows.storage.rows.case import Strategy

HELP = N_(
    """With successors, a strategy or a CSV file, the plan includes the split of the clients.

Exits with 1 where a system could not be looked up, or where no case can be opened.
"""
)
EXAMPLES = (
    "handover plan dana@example.com",
    "handover plan dana@example.com --successor bob@example.com --successor carol@example.com --strategy affinity",
)


def plan(
    ctx: typer.Context,
    email: Email,
    successor: Successors = None,
    strategy: SplitStrategy = None,
    clients: AssignmentFile = None,
    at: Annotated[
        str, typer.Option(help=N_('Last day, for the days of the stages: now, "end-of-day 2026-12-01", or ISO 8601.'))
    ] = "",
    profile: Annotated[
        str, typer.Option(metavar="NAME", help=N_("A profile of the configuration, for its stages."))
    ] = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Print the plan of an offboarding."""
    data = content(clients)
    with open_services(ctx, config) as services:
        own = profile_stages(profile_named(services.settings, profile))
        zone = services.settings.company.timezone
        found = services.offboarding.plan(replace(leaver_named(email), timezone=zone), own, _last_day(services, at))
        how = strategy or Strategy(services.settings.clients.default_strategy)
        wanted = named_successors(services.settings, email, how, successor or [], data)
        preview = None
        if wanted and not found.refusals:
            people = [Successor(one.lower(), one, one) for one in wanted]
            preview = services.proposals.preview(found.leaver, people, how, data)
    good = not found.refusals and not any(system.problem for system in found.systems)
    value = {**plain(found), "split": preview} if preview else found
    finish(value, lambda: show(found, preview), as_json=as_json, good=good)


def _last_day(services: Services, at: str) -> datetime | None:
    """Return the time of the lock-out that an option names, or None without one."""
    if not at:
        return None
    now, zone = services.clock.now(), services.settings.company.timezone
    return effective(at, now, zone, workdays.of(services.settings, zone)) or now


def show(plan: Plan, preview: Preview | None = None) -> None:
    """Print a plan, with the split of the clients where there is one."""
    who = f"{plan.leaver.name} <{plan.leaver.email}>".strip()
    show_table(
        [_("System"), _("Accounts"), _("Groups"), _("Will be done"), _("Clients")],
        [_row(system) for system in plan.systems],
        _("Plan for {who}: nothing has been written").format(who=who),
    )
    if ahead := list(order.refusals(plan.systems)):
        say(_("Will be refused:"), *(f"  - {one}" for one in ahead))
    named = [system.duties for system in plan.systems if system.duties]
    seats = [system.licences for system in plan.systems if system.licences]
    line = punctuated("{title}: {what}")
    for heading, lines in (
        (_("Licences:"), [line.format(title=one.title, what=licences.planned(one)) for one in seats]),
        (_("In their name:"), [line.format(title=one.title, what=what) for one in named for what in _duties(one)]),
        (
            _("Order of acts:"),
            [line.format(title=one.title, what=what.words) for one in plan.systems for what in one.effects],
        ),
        (
            _("Cannot be done:"),
            [line.format(title=one.title, what=what) for one in plan.systems for what in one.cannot],
        ),
        (_("Stages:"), stages.foreseen(plan.stages)),
        (_("Warnings:"), plan.warnings),
        (_("No case can be opened:"), [refused(refusal) for refusal in plan.refusals]),
    ):
        if lines:
            say(heading, *(f"  - {one}" for one in lines))
    if preview:
        split.show(preview)


def _duties(line: DutyLine) -> list[str]:
    return [*map(duties.words, line.duties), *duties.unknown(line)]


def _row(system: SystemPlan) -> tuple[str, ...]:
    if system.problem:
        unproven = _("? no account found, which is no proof: {problem}")
        words = unproven if system.how and not system.accounts else _("? not looked up: {problem}")
        return system.title, words.format(problem=system.problem), "", "", ""
    if system.by_hand:
        return system.title, _("manual step"), "", "\n".join(system.does), ""
    accounts = "\n".join(_account(line) for line in system.accounts) or _("no account ({how})").format(how=system.how)
    groups = "\n".join(dict.fromkeys(group for line in system.accounts for group in line.groups))
    return system.title, accounts, groups, "\n".join(system.does), _book(system.book)


def _account(line: AccountLine) -> str:
    state = _("{login}: {verdict} (found by {attribute})").format(
        login=line.login, verdict=verdict(line.verdict), attribute=line.matched_by
    )
    return punctuated(": ").join((state, line.reason)) if line.reason else state


def _book(book: BookLine | None) -> str:
    if book is None:
        return ""
    if book.problem:
        return _("? not counted: {problem}").format(problem=book.problem)
    counts = listed(f"{number} {kind}" for kind, number in sorted(book.counts.items()) if number) or "0"
    return f"{counts}\n{money(book.value)}".rstrip()
