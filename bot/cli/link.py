"""`handover link`: say whose an account is, where no address leads to it."""

from dataclasses import replace
from typing import Annotated

import typer

from bot.cli.command_errors import CommandError
from bot.cli.context import actor, open_services, open_services_to_work, read
from bot.cli.options import DEFAULT, AsJson, ConfigPath, Whose
from bot.cli.output import say, show_json, show_table
from bot.cli.status import find
from bot.cli.verdict_wait import wait_for_verdicts
from bot.services import Services
from bot.slack.messages.phrases import verdict
from bot.text import _
from workflows.access.views import Candidate
from workflows.cases.views import CaseView

SECONDS = 60.0
"""How long the verdict is waited for."""
Where = Annotated[str, typer.Argument(metavar="SYSTEM", help="The system's name in the configuration.")]
Login = Annotated[str, typer.Option("--login", help="The account's exact log-in or address there.")]
AccountId = Annotated[str, typer.Option("--account", help="The id of one of the accounts that match.")]
Nobody = Annotated[bool, typer.Option("--none", help="Say that the leaver has no account there.")]
Search = Annotated[str, typer.Option("--search", help="Look for this exact address or log-in; links nothing.")]


def link(
    ctx: typer.Context,
    who: Whose,
    system: Where,
    login: Login = "",
    account: AccountId = "",
    none: Nobody = False,
    search: Search = "",
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Say which account in a system is the leaver's; without a choice, show those that match.

    It is remembered for the person, on record with your name, and locked at once where the case has begun.

    For example:
      handover link dana@example.com crm
      handover link dana@example.com crm --login d.oneill
    """
    if bool(login or account) + none + bool(search) > 1:
        raise CommandError(_("One thing at a time."), _("Give --login or --account, or --none, or --search."))
    if not (none or login or account):
        with open_services(ctx, config) as services:
            case = find(services.offboarding.find_case(who), who)
            found = services.linking.candidates(case.id, system, search)
        show_json(found) if as_json else show(found)
        return
    with open_services_to_work(ctx, read(ctx, config)) as (services, _beside):
        case = find(services.offboarding.find_case(who), who)
        if none:
            services.linking.none(case.id, system, actor())
            say(_("On record: {name} has no account in {system}.").format(name=case.leaver.name, system=system))
        else:
            linked = services.linking.link(case.id, system, actor(), account=account, login=login)
            say(
                _("{login} in {system} is linked to {name}.").format(login=linked, system=system, name=case.leaver.name)
            )
        if any(line.working for line in _there(services, case.id, system).systems):
            wait_for_verdicts(lambda: _there(services, case.id, system), SECONDS, say)


def _there(services: Services, case_id: str, system: str) -> CaseView:
    """Return the case with the one system that was linked."""
    case = services.offboarding.case(case_id)
    return replace(case, systems=tuple(line for line in case.systems if line.system == system))


def show(found: tuple[Candidate, ...]) -> None:
    """Print the accounts to choose from."""
    if not found:
        say(_("Nothing matches there. Search with --search, by exact address or log-in."))
        return
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
    )
