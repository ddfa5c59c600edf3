"""Duties of a leaver as people read them: what each is, and what becomes of it at the lock."""

from collections.abc import Iterable, Sequence

from bot.slack.messages.phrases import listing
from bot.text import N_, _, mrkdwn, ngettext, punctuated
from connectors.contract import Duty, DutyKind
from workflows.access.views import DutyLine

KINDS = {
    DutyKind.RUNS: N_("runs with their rights"),
    DutyKind.ROUTES: N_("sends work to them"),
    DutyKind.OWNED: N_("is owned by them"),
    DutyKind.NAMED: N_("names them"),
}
SHOWN, NAMES = 15, 3
"""Duties of one system in the details, and in the summary of all."""


def words(duty: Duty) -> str:
    """Return one duty: name, type, relation, and what becomes of it."""
    title = " ".join(duty.title.split())
    text = _("{title} ({what}): {relation}").format(title=title, what=duty.what, relation=_(KINDS[duty.kind]))
    if not duty.active:
        text = _("{duty}; switched off now").format(duty=text)
    elif duty.kind in (DutyKind.RUNS, DutyKind.ROUTES):
        fate = {
            True: _("{duty}; stops with the lock"),
            False: _("{duty}; goes on after the lock"),
            None: _("{duty}; whether the lock stops it is not known"),
        }
        text = fate[duty.stops].format(duty=text)
    return punctuated("; ").join((text, duty.fixed)) if duty.fixed else text


def summary(lines: Iterable[DutyLine]) -> list[str]:
    """Return at most two sentences on all systems: what was found, worst first, and where it is not known."""
    lines = list(lines)
    found = sorted((one for line in lines for one in line.duties), key=lambda one: (not one.active, _rank(one)))
    dark = [line.title for line in lines if line.unknown]
    said = []
    if found:
        text = ngettext(
            "{count} thing runs in their name or points to them: {names}",
            "{count} things run in their name or point to them: {names}",
            len(found),
        )
        said.append(text.format(count=len(found), names=listing((one.title for one in found), NAMES)))
    if dark:
        text = _("What runs in their name is not fully known: {systems}")
        said.append(text.format(systems=listing(dark, NAMES)))
    return said


def bullets(line: DutyLine) -> list[str]:
    """Return the duties of one system, a line each, and what is not known."""
    every = [f"• {mrkdwn(words(one), 400)}" for one in line.duties[:SHOWN]]
    if left := len(line.duties) - SHOWN:
        every += [_("… and {count} more").format(count=left)] if left > 0 else []
    return [*every, *(f"• {mrkdwn(text, 400)}" for text in unknown(line))]


def unknown(line: DutyLine) -> Sequence[str]:
    """Return, as sentences, what is not known."""
    return [_("What runs in their name is not fully known: {why}").format(why=why) for why in line.unknown]


def _rank(duty: Duty) -> int:
    return list(DutyKind).index(duty.kind)
