"""`handover plan`: what an offboarding would do, without doing it."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bot.cli import split
from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.context import open_services
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import counts, money, plain, say, show_json, show_table
from bot.cli.refusals import refused
from bot.cli.split import Csv
from bot.slack.messages.phrases import verdict
from bot.split_rules import named_in_rules
from bot.text import _
from config.settings import Settings
from workflows.access.views import AccountLine, BookLine, SystemPlan
from workflows.cases.views import Plan
from workflows.people import Leaver, Successor
from workflows.storage.rows.case import Strategy

Split = Annotated[Strategy | None, typer.Option("--strategy", help="How clients are split; else as configured.")]
Successors = Annotated[list[str] | None, typer.Option("--successor", metavar="EMAIL", help="Gets clients; repeatable.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The leaver's address in the company's directory.")]


def plan(
    ctx: typer.Context,
    email: Email,
    successor: Successors = None,
    strategy: Split = None,
    clients: Csv = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show what offboarding a person would do. A dry run: nothing is written anywhere.

    With successors it also shows how the clients would be split between them: by a strategy, by a CSV file, or both.

    Exits with 1 where a system could not be looked up, or where no case could be opened.

    For example:
      handover plan dana@example.com
      handover plan dana@example.com --successor bob@example.com --successor carol@example.com --strategy affinity
    """
    data = split.content(clients)
    with open_services(ctx, config) as services:
        found = services.offboarding.plan(leaver_named(email))
        how = strategy or Strategy(services.settings.clients.default_strategy)
        wanted = named_successors(services.settings, email, how, successor or [], data)
        seen = None
        if wanted and not found.refusals:
            people = [Successor(one.lower(), one, one) for one in wanted]
            seen = services.handover.preview(found.leaver, people, how, data)
    if as_json:
        show_json({**plain(found), "split": plain(seen)} if seen else found)
    else:
        show(found)
        if seen:
            split.show(seen)
    if found.refusals or any(system.problem for system in found.systems):
        raise typer.Exit(EXIT_FAILURE)


def named_successors(
    settings: Settings, leaver: str, strategy: Strategy, named: Sequence[str], data: bytes
) -> tuple[str, ...]:
    """Return whose address may receive clients: who is named, whom a file names, and whom the company's rules name."""
    ruled = named_in_rules(settings.clients) if strategy is Strategy.RULES else ()
    every = [leaver_named(one).email.lower() for one in named]
    others = [one for one in (*split.named(data), *ruled) if one != leaver.strip().lower()]
    return tuple(dict.fromkeys([*every, *others]))


def leaver_named(email: str) -> Leaver:
    """Return whom to look for; the name is the directory's to say."""
    address = email.strip()
    user, _at, domain = address.partition("@")
    if not user or "." not in domain or any(c.isspace() for c in address):
        raise CommandError(
            _("{text!r} is not an e-mail address.").format(text=email),
            _("Give the person's address in the company's directory; nobody is looked up by name."),
        )
    return Leaver("", address)


def show(plan: Plan) -> None:
    """Print a plan for people."""
    who = f"{plan.leaver.name} <{plan.leaver.email}>".strip()
    show_table(
        [_("System"), _("Accounts"), _("Groups"), _("Will be done"), _("Clients")],
        [_row(system) for system in plan.systems],
        _("Plan for {who}: nothing has been written").format(who=who),
    )
    for heading, lines in (
        (_("Cannot be done:"), [f"{s.title}: {line}" for s in plan.systems for line in s.cannot]),
        (_("Warnings:"), plan.warnings),
        (_("No case can be opened:"), [refused(refusal) for refusal in plan.refusals]),
    ):
        if lines:
            say(heading)
            for line in lines:
                say(f"  - {line}")


def _row(system: SystemPlan) -> tuple[str, ...]:
    if system.problem:
        return system.title, _("? not looked up: {problem}").format(problem=system.problem), "", "", ""
    if system.by_hand:
        return system.title, _("by hand, by a person"), "", "\n".join(system.does), ""
    accounts = "\n".join(_account(line) for line in system.accounts) or _("no account ({how})").format(how=system.how)
    groups = "\n".join(dict.fromkeys(group for line in system.accounts for group in line.groups))
    return system.title, accounts, groups, "\n".join(system.does), _book(system.book)


def _account(line: AccountLine) -> str:
    state = _("{login}: {verdict} (found by {attribute})").format(
        login=line.login, verdict=verdict(line.verdict), attribute=line.matched_by
    )
    return f"{state}: {line.reason}" if line.reason else state


def _book(book: BookLine | None) -> str:
    if book is None:
        return ""
    if book.problem:
        return _("? not counted: {problem}").format(problem=book.problem)
    value = money(book.value)
    return counts(book.counts) + (f"\n{value}" if value else "")
