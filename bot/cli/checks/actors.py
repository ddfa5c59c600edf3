"""Check of the people and scripts who can act at the terminal."""

from collections.abc import Collection

from bot.cli.actor import named
from bot.cli.checks import CheckResult
from bot.text import _, listed
from config.actors import ActorSettings
from config.settings import Settings


def results(settings: Settings, enrolled: Collection[str]) -> list[CheckResult]:
    """Return a line for each table, and a fault if nobody could act while Slack is down. Pure."""
    people = any(not one.service for one in settings.actors.values())
    lines = [_line(name, one, named(name, one).id in enrolled) for name, one in settings.actors.items()]
    if people or enrolled:
        return [*lines, CheckResult(_("Actors"), True, _("{count} with one-time codes").format(count=len(enrolled)))]
    said = _("nobody can act at the terminal, so nobody can while Slack is down")
    return [
        *lines,
        CheckResult(_("Actors"), False, said, _("Add [actors.NAME] tables, and run `handover enrol NAME`.")),
    ]


def _line(name: str, table: ActorSettings, enrolled: bool) -> CheckResult:
    rights = listed((*table.roles, *table.commands)) or _("the roles in [roles]")
    if table.service:
        said = _("script: {rights}")
    else:
        said = _("person with one-time codes: {rights}") if enrolled else _("person without one-time codes: {rights}")
    return CheckResult(f"actors.{name}", True, said.format(rights=rights))
