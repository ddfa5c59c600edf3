"""Arguments as people type them: addresses, days and times, and files with the successor of each client."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.cli.output import EXIT_FAILURE, CommandError, warn
from bot.policies import named_in_rules
from bot.text import _, listed
from bot.workdays import last_day_warning
from config.identifiers import address, plain
from config.settings import Settings
from workflows.business_days import BusinessDays
from workflows.clients.split import assignment_file
from workflows.clients.views import LineFault
from workflows.people import Leaver
from workflows.storage.rows.case import Strategy

END_OF_DAY = re.compile(r"end[- ]of[- ]day(?:[ :=]+(\S+))?", re.IGNORECASE)


def refuse_several(options: Mapping[str, object]) -> None:
    """Raise `CommandError` where more than one of these options is given."""
    if sum(map(bool, options.values())) > 1:
        raise CommandError(_("Choose one of {options}.").format(options=listed(options)))


def leaver_named(email: str) -> Leaver:
    """Return a person to look up. The name comes from the directory. Raises `CommandError`."""
    try:
        return Leaver("", address(email))
    except ValueError:
        raise CommandError(
            _("{text!r} is not an e-mail address.").format(text=email),
            _("Give the person's address in the company's directory. Names are not looked up."),
        ) from None


def named_successors(
    settings: Settings, leaver: str, strategy: Strategy, named: Sequence[str], data: bytes
) -> tuple[str, ...]:
    """Return all addresses that may receive clients: from options, from a file, from the company's rules."""
    ruled = named_in_rules(settings.clients) if strategy is Strategy.RULES else ()
    every = [plain(leaver_named(one).email) for one in named]
    others = [one for one in (*_named(data), *ruled) if one != plain(leaver_named(leaver).email)]
    return tuple(dict.fromkeys([*every, *others]))


def effective(text: str, now: datetime, zone: str, days: BusinessDays) -> datetime | None:
    """Return the moment in UTC, or None for `now`. Raises `CommandError`.

    Takes `now`, `end-of-day 2026-12-01` (without a date: today), or ISO 8601. Times without a zone are in the leaver's
    zone. A bare date is refused, since it names no hour.
    """
    said = text.strip()
    if said.lower() == "now":
        return None
    if match := END_OF_DAY.fullmatch(said):
        chosen = day(match[1]) if match[1] else now.astimezone(ZoneInfo(zone)).date()
        return _future(days.end_of(chosen, zone), now, text)
    if _is_day(said):
        raise CommandError(
            _("{text} is a day without an hour.").format(text=said),
            _('Write "end-of-day {day}" or {day}T17:00.').format(day=date.fromisoformat(said)),
        )
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise CommandError(
            _("{text!r} is not a time.").format(text=said),
            _('Write now, "end-of-day 2026-12-01", or ISO 8601 such as 2026-12-01T17:00+01:00.'),
        ) from None
    return _future(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)), now, text)


def _is_day(text: str) -> bool:
    """Return whether a text is a day in any form of ISO 8601, such as 20261203 or 2026-W49-4, without an hour."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def warn_of_day_off(at: datetime | None, zone: str, days: BusinessDays) -> None:
    """Print a warning where a lock-out that is not immediate is on no working day."""
    if at and (warning := last_day_warning(days, at.astimezone(ZoneInfo(zone)).date())):
        warn(warning)


def day(text: str) -> date:
    """Return a date written as 2026-12-01. Raises `CommandError`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(_("{text!r} is not a date.").format(text=text), _("Write it as 2026-12-01.")) from None


def _future(moment: datetime, now: datetime, text: str) -> datetime:
    if moment <= now:
        raise CommandError(_("{text!r} has passed already.").format(text=text), _("Choose a later time."))
    return moment.astimezone(UTC)


def content(path: Path | None) -> bytes:
    """Read an assignment file, one byte beyond the limit at most. Raises `CommandError`."""
    if path is None:
        return b""
    try:
        with path.open("rb") as file:
            return file.read(assignment_file.MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(_("{path} cannot be read: {why}").format(path=path, why=error.strerror)) from error


def _named(data: bytes) -> tuple[str, ...]:
    """Return all addresses in an assignment file. Raises `CommandError` where no line is valid."""
    try:
        return assignment_file.addresses(assignment_file.read_valid_rows(data)[0]) if data else ()
    except assignment_file.InvalidAssignmentFile as invalid:
        raise faulty(invalid.faults) from invalid


def faulty(faults: Sequence[LineFault]) -> CommandError:
    """Return an error that lists every fault of a file by line."""
    lines = [_("line {line:,}").format(line=one.line) + f": {one.what}" if one.line else one.what for one in faults]
    return CommandError(
        _("The file has faults, so nothing of it was used:") + "\n" + "\n".join(lines), code=EXIT_FAILURE
    )
