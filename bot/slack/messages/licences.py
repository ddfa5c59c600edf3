"""Licences of a leaver as people read them: what was held, what a stage reclaimed, and what is back."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from bot.slack.messages.phrases import short
from bot.text import _, moment, ngettext, punctuated
from workflows.access.staged_account import OURS, SeatState
from workflows.access.views import LicenceLine, SeatLine
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState

MOST = 10
When = Callable[[datetime], str]
Text = Callable[[str], str]
"""Writes text from outside: escaped for Slack, as it is for a terminal."""


def planned(line: LicenceLine, text: Text = str) -> str:
    """Return the licences of a plan as one sentence: `2 licences: E3, Visio; reclaimed at day 30`."""
    if line.unknown:
        return _("licences are not known: {why}").format(why=text(line.unknown))
    said = _held(line.seats, text)
    return _("{licences}; reclaimed at {stage}").format(licences=said, stage=text(line.stage)) if line.stage else said


def words(line: LicenceLine, when: When, text: Text = str) -> str:
    """Return the licences of one account of a case as one sentence, each state with its time."""
    return punctuated("; ").join(_parts(line, when, text))


def lines(view: CaseView) -> list[str]:
    """Return a line for each account that has licences, or had some, for the details of a case."""
    return [f"• {_named(line, words(line, moment, short))}" for line in view.licences]


def not_back(view: CaseView) -> list[str]:
    """Return a line for each account of an ended case whose licences are not back."""
    left = [(line, [one for one in line.seats if one.state in OURS]) for line in view.licences]
    text = _("? licences not back: {names}")
    return [
        f"• {_named(line, text.format(names=_listed(_with_problem(one, short) for one in seats)))}"
        for line, seats in left
        if seats and view.state in (CaseState.UNDONE, CaseState.CANCELLED)
    ]


def _named(line: LicenceLine, said: str) -> str:
    place = short(line.title) + (punctuated(" ({login})").format(login=short(line.login)) if line.login else "")
    return punctuated("{title}: {what}").format(title=place, what=said)


def _parts(line: LicenceLine, when: When, text: Text) -> Iterator[str]:
    held = [one for one in line.seats if one.state in (SeatState.HELD, SeatState.TAKING)]
    if held and line.read_at:
        said = _("{licences}; read {when}").format(licences=_held(held, text), when=when(line.read_at))
        later = _("{licences}; reclaimed at {stage}").format(licences=said, stage=text(line.stage))
        yield later if line.stage else said
    if taken := _names(line, SeatState.TAKEN, text):
        said = ngettext("{count} licence reclaimed: {names}", "{count} licences reclaimed: {names}", len(taken))
        said = said.format(count=len(taken), names=_listed(taken))
        at = line.reclaimed_at
        yield _("{licences}; none left, read back {when}").format(licences=said, when=when(at)) if at else said
    for state, pattern in (
        (SeatState.GIVING, _("being given back: {names}")),
        (SeatState.GIVEN, _("given back: {names}")),
        (SeatState.GONE, _("no longer there, and not reclaimed by a stage: {names}")),
    ):
        if names := _names(line, state, text):
            yield pattern.format(names=_listed(names))
    for one in line.seats:
        if one.problem and one not in held:
            yield punctuated("{name}: {why}").format(name=_name(one, text), why=text(one.problem))
    if line.unknown:
        yield _("licences are not known: {why}").format(why=text(line.unknown))
    if line.deactivated_at:
        yield _("deactivated since {when}").format(when=when(line.deactivated_at))


def _held(seats: Iterable[SeatLine], text: Text) -> str:
    names = [_with_problem(one, text) for one in seats]
    said = ngettext("{count} licence: {names}", "{count} licences: {names}", len(names))
    return said.format(count=len(names), names=_listed(names))


def _with_problem(seat: SeatLine, text: Text) -> str:
    why = seat.problem or seat.licence.fixed
    name = _name(seat, text)
    return punctuated("{name} ({why})").format(name=name, why=text(why)) if why else name


def _names(line: LicenceLine, state: SeatState, text: Text) -> list[str]:
    return [_name(one, text) for one in line.seats if one.state == state]


def _name(seat: SeatLine, text: Text) -> str:
    return text(" ".join(seat.licence.name.split()))


def _listed(names: Iterable[str]) -> str:
    """Return names in a row, and the number of those that are too many."""
    every = list(names)
    shown = " · ".join(every[:MOST])
    return shown if len(every) <= MOST else _("{names} and {count} more").format(names=shown, count=len(every) - MOST)
