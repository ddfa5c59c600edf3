"""`handover release`, `handover close`, `handover reschedule`: what becomes of a case, from the terminal."""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bot import workdays
from bot.cli.command_errors import CommandError
from bot.cli.context import actor, open_services, open_services_to_work, read
from bot.cli.effective_time import effective
from bot.cli.options import DEFAULT, ConfigPath, Whose, Yes
from bot.cli.output import moment, say, warn
from bot.cli.status import find
from bot.cli.undo import confirm
from bot.text import _
from workflows.storage.rows.case import CaseState

Reject = Annotated[bool, typer.Option("--reject", help="Call the held case off instead.")]
Rehired = Annotated[bool, typer.Option("--rehired", help="Say that the person was hired again.")]
At = Annotated[str, typer.Option(help='"end-of-day 2026-12-01" in the leaver\'s zone, or ISO 8601.')]


def release(
    ctx: typer.Context, who: Whose, reject: Reject = False, yes: Yes = False, config: ConfigPath = DEFAULT
) -> None:
    """Release a held case, so that it goes on as planned; or reject it.

    Needs another person than the one who opened the case.

    For example:
      handover release HO-261201-a1b2c3
      handover release HO-261201-a1b2c3 --reject
    """
    settings = read(ctx, config)
    with open_services_to_work(ctx, settings) as (services, beside):
        case = find(services.offboarding.find_case(who), who)
        if not yes:
            question = _("Reject the case of {name}?") if reject else _("Release the case of {name}, so that it runs?")
            confirm(question.format(name=case.leaver.name))
        if reject:
            services.offboarding.reject(case.id, actor())
        else:
            services.offboarding.release(case.id, actor())
    said = _("Case {id} is rejected; nothing was locked.") if reject else _("Case {id} is released.")
    say(said.format(id=case.id))
    if not (reject or beside):
        warn(_("No bot runs on this data now: start `handover run`, or the case waits."))


def close(
    ctx: typer.Context, who: Whose, rehired: Rehired = False, yes: Yes = False, config: ConfigPath = DEFAULT
) -> None:
    """Stop checking a leaver who was hired again. Nothing is unlocked by this; `handover undo` does that.

    For example:
      handover close dana@example.com --rehired
    """
    if not rehired:
        raise CommandError(
            _("A case is closed only for a reason."), _("Add --rehired where the person was hired again.")
        )
    with open_services(ctx, config) as services:
        case = find(services.offboarding.find_case(who), who)
        if not yes:
            confirm(_("Stop checking {name}? Nothing is unlocked by this.").format(name=case.leaver.name))
        services.offboarding.close(case.id, actor())
    say(_("Case {id} is closed: {name} is not checked any more.").format(id=case.id, name=case.leaver.name))


def reschedule(ctx: typer.Context, who: Whose, at: At, config: ConfigPath = DEFAULT) -> None:
    """Move the day of a case that has not begun.

    For example:
      handover reschedule dana@example.com --at "end-of-day 2026-12-01"
    """
    with open_services(ctx, config) as services:
        case = find(services.offboarding.find_case(who), who)
        days, zone = workdays.of(services.settings.company), case.leaver.timezone
        when = effective(at, services.clock.now(), zone, days)
        if when is None:
            raise CommandError(
                _("A scheduled case cannot be moved to now."),
                _("Cancel it, then `handover offboard EMAIL` locks at once."),
            )
        services.offboarding.reschedule(case.id, when, actor())
        held = services.offboarding.case(case.id).state is CaseState.HELD
    if careful := workdays.last_day_warning(days, when.astimezone(ZoneInfo(zone)).date()):
        warn(careful)
    say(_("Case {id} takes effect at {at}.").format(id=case.id, at=moment(when, zone)))
    if held:
        say(_("It is still held until a second person releases it."))
