"""`handover duties`: what runs, routes or is owned in the leaver's name, at notice and now."""

from collections.abc import Iterator

import typer

from bot.cli.context import DEFAULT, AsJson, ConfigPath, Whose, open_case
from bot.cli.output import finish, moment, say, show_table
from bot.slack.messages import duties as messages
from bot.text import N_, _
from workflows.access.views import DutyComparison, DutyLine

HELP = N_(
    """Lists are read at notice, before anything is locked, and again by this command.

Exits with 1 where something is not known now.
"""
)
EXAMPLES = ("handover duties dana@example.com",)


def duties(ctx: typer.Context, who: Whose, as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Print the duties of a case's leaver."""
    with open_case(ctx, config, who) as (services, case):
        found, zone = services.duties.of_case(case.id), services.settings.company.timezone
    known = not any(one.now.unknown for one in found)
    finish(found, lambda: show(found, zone), as_json=as_json, good=known)


def show(found: tuple[DutyComparison, ...], zone: str) -> None:
    """Print a table of all duties, the time of each reading, and what is not known."""
    rows = [row for one in found for row in _rows(one)]
    if rows:
        show_table([_("System"), _("In their name"), _("Where"), _("At notice"), _("Now")], rows)
    for one in found:
        at_notice = moment(one.at_notice.read_at, zone) if one.at_notice else ""
        now = moment(one.now.read_at, zone)
        said = _("{system}: read at notice {at_notice}, and now {now}") if at_notice else _("{system}: read now {now}")
        say(said.format(system=one.title, at_notice=at_notice, now=now) if now else _not_read(one, at_notice))
        say(*(f"  - {text}" for text in messages.unknown(one.now)))
    if not found:
        say(_("No configured system lists what runs in a person's name."))


def _not_read(one: DutyComparison, at_notice: str) -> str:
    said = _("{system}: read at notice {at_notice}, and not now") if at_notice else _("{system}: not read")
    return said.format(system=one.title, at_notice=at_notice)


def _rows(one: DutyComparison) -> Iterator[tuple[str, ...]]:
    before = {duty.id: duty for duty in one.at_notice.duties} if one.at_notice else {}
    now = {duty.id: duty for duty in one.now.duties}
    for key, duty in (before | now).items():
        yield (
            one.title,
            messages.words(duty),
            duty.place,
            _state(one.at_notice, key in before),
            _state(one.now, key in now),
        )


def _state(line: DutyLine | None, is_there: bool) -> str:
    if is_there:
        return _("there")
    return _("not there") if line and line.read_at and not line.unknown else _("not known")
