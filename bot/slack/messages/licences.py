"""Licences of a leaver as people read them: what was held, what a stage reclaimed, and what is back."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from bot.slack.messages.phrases import listing, short
from bot.text import _, moment, ngettext, punctuated
from workflows.access.staged_account import OURS, SeatState
from workflows.access.views import LicenceLine, SeatLine
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState

MOST = 10
When = Callable[[datetime], str]


def planned(line: LicenceLine) -> str:
    """Return the licences of a plan as one sentence: `2 licences: E3, Visio; reclaimed at day 30`."""
    if line.unknown:
        return _("licences are not known: {why}").format(why=line.unknown)
    text = _held(line.seats)
    return _("{licences}; reclaimed at {stage}").format(licences=text, stage=line.stage) if line.stage else text


def words(line: LicenceLine, when: When = moment) -> str:
    """Return the licences of one account of a case as one sentence, each state with its time."""
    return punctuated("; ").join(_parts(line, when))


def lines(view: CaseView) -> list[str]:
    """Return a line for each account that has licences, or had some, for the details of a case."""
    return [f"• {_named(line, short(words(line), 900))}" for line in view.licences]


def not_back(view: CaseView) -> list[str]:
    """Return a line for each account of an ended case whose licences are not back."""
    left = [(line, [one for one in line.seats if one.state in OURS]) for line in view.licences]
    text = _("? licences not back: {names}")
    return [
        f"• {_named(line, text.format(names=' · '.join(short(_with_problem(one)) for one in seats[:MOST])))}"
        for line, seats in left
        if seats and view.state in (CaseState.UNDONE, CaseState.CANCELLED)
    ]


def _named(line: LicenceLine, said: str) -> str:
    place = short(line.title) + (punctuated(" ({login})").format(login=short(line.login)) if line.login else "")
    return punctuated("{title}: {what}").format(title=place, what=said)


def _parts(line: LicenceLine, when: When) -> Iterator[str]:
    held = [one for one in line.seats if one.state in (SeatState.HELD, SeatState.TAKING)]
    if held and line.read_at:
        text = _("{licences}; read {when}").format(licences=_held(held), when=when(line.read_at))
        yield _("{licences}; reclaimed at {stage}").format(licences=text, stage=line.stage) if line.stage else text
    if taken := _names(line, SeatState.TAKEN):
        text = ngettext("{count} licence reclaimed: {names}", "{count} licences reclaimed: {names}", len(taken))
        text = text.format(count=len(taken), names=listing(taken, MOST))
        at = line.reclaimed_at
        yield _("{licences}; none left, read back {when}").format(licences=text, when=when(at)) if at else text
    for state, pattern in (
        (SeatState.GIVING, _("being given back: {names}")),
        (SeatState.GIVEN, _("given back: {names}")),
        (SeatState.GONE, _("no longer there, and not reclaimed by a stage: {names}")),
    ):
        if names := _names(line, state):
            yield pattern.format(names=listing(names, MOST))
    others = (one for one in line.seats if one.problem and one not in held)
    yield from (punctuated("{name}: {why}").format(name=one.licence.name, why=one.problem) for one in others)
    if line.unknown:
        yield _("licences are not known: {why}").format(why=line.unknown)
    if line.deactivated_at:
        yield _("deactivated since {when}").format(when=when(line.deactivated_at))


def _held(seats: Iterable[SeatLine]) -> str:
    names = [_with_problem(one) for one in seats]
    text = ngettext("{count} licence: {names}", "{count} licences: {names}", len(names))
    return text.format(count=len(names), names=listing(names, MOST))


def _with_problem(seat: SeatLine) -> str:
    why = seat.problem or seat.licence.fixed
    return punctuated("{name} ({why})").format(name=seat.licence.name, why=why) if why else seat.licence.name


def _names(line: LicenceLine, state: SeatState) -> list[str]:
    return [one.licence.name for one in line.seats if one.state == state]
