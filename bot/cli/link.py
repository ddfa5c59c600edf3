"""`handover link`: a person's statement that an account is the leaver's."""

from dataclasses import replace
from datetime import date
from typing import Annotated

import typer

from bot.cli.actor import author
from bot.cli.arguments import day, refuse_several
from bot.cli.context import (
    DEFAULT,
    AsJson,
    ConfigPath,
    Whose,
    find_case,
    open_case,
    open_services_to_work,
    wait_for_verdicts,
)
from bot.cli.output import finish, say, show_table
from bot.services import Services
from bot.slack.messages.phrases import verdict
from bot.text import N_, _
from workflows.access.views import Candidate
from workflows.authorization import Right
from workflows.cases.views import CaseView

HELP = N_(
    """Without --login, --account, --none or --deny the command only lists the accounts that match.

The link goes on record with your name, and counts for later cases of the same person. If the case has begun, the
account is locked at once. With --none your word counts until a day. Then an audit asks again.
"""
)
EXAMPLES = (
    "handover link dana@example.com crm",
    "handover link dana@example.com crm --login d.oneill",
    'handover link dana@example.com crm --none --until 2027-12-01 --reason "never worked in sales"',
    'handover link dana@example.com crm --deny 42 --reason "a namesake in sales"',
)
VERDICT_SECONDS = 60.0
"""Time limit of the wait for the verdict."""


def link(
    ctx: typer.Context,
    who: Whose,
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help=N_("The system's name in the configuration."))],
    login: Annotated[str, typer.Option(help=N_("The account's exact log-in or address in the system."))] = "",
    account: Annotated[str, typer.Option(help=N_("The id of one of the listed accounts."))] = "",
    none: Annotated[
        bool, typer.Option("--none", help=N_("The leaver has no account in the system. Needs --until and --reason."))
    ] = False,
    until: Annotated[str, typer.Option(metavar="DATE", help=N_("Last day for which --none counts."))] = "",
    reason: Annotated[str, typer.Option(help=N_("How you know it, for --none and --deny. Goes on record."))] = "",
    deny: Annotated[str, typer.Option(metavar="ID", help=N_("The account is not the leaver's. Needs --reason."))] = "",
    search: Annotated[str, typer.Option(help=N_("Search for this exact address or log-in. Links nothing."))] = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """List candidate accounts, or link one."""
    refuse_several({"--login or --account": login or account, "--none": none, "--deny": deny, "--search": search})
    last_day = day(until) if none else date.max
    if not (none or deny or login or account):
        with open_case(ctx, config, who) as (services, case):
            found = services.linking.candidates(case.id, system, search)
        finish(found, lambda: _show(found), as_json=as_json)
        return
    with open_services_to_work(ctx, config) as (services, _bot_runs):
        case = find_case(services, who)
        by = author(ctx, services, Right.LINK)
        if none:
            services.linking.none(case.id, system, by, reason, last_day)
            said = _("On record until {day}: {name} has no account in {system}.")
            say(said.format(day=last_day, name=case.leaver.name, system=system))
        elif deny:
            denied = services.linking.deny(case.id, system, by, account=deny, reason=reason)
            said = _("On record: {login} in {system} is not an account of {name}.")
            say(said.format(login=denied, system=system, name=case.leaver.name))
        else:
            linked = services.linking.link(case.id, system, by, account=account, login=login)
            said = _("{login} in {system} is linked to {name}.")
            say(said.format(login=linked, system=system, name=case.leaver.name))
        if any(line.working for line in _one_system(services, case.id, system).systems):
            wait_for_verdicts(lambda: _one_system(services, case.id, system), VERDICT_SECONDS, say)


def _one_system(services: Services, case_id: str, system: str) -> CaseView:
    """Return the case with the linked system alone."""
    case = services.offboarding.case(case_id)
    return replace(case, systems=tuple(line for line in case.systems if line.system == system))


def _show(found: tuple[Candidate, ...]) -> None:
    show_table(
        [_("Account"), _("Log-in"), _("Name"), _("Address"), _("Verdict"), _("Matched by"), _("Remark")],
        [
            (
                one.account_id,
                one.login,
                one.name,
                one.email,
                verdict(one.verdict),
                one.matched_by,
                one.reason or (_("linked already") if one.linked else ""),
            )
            for one in found
        ],
        empty=_("Nothing matches. Use --search with an exact address or log-in."),
    )
