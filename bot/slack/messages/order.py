"""Order of acts in a plan: what the vendor will refuse, and which lists an act destroys or hides."""

from collections.abc import Iterable, Iterator, Sequence

from bot.slack.messages.phrases import listing
from bot.text import _, mrkdwn, punctuated
from workflows.access.views import EffectLine, SystemPlan

NAMES = 4
"""Lists that a line names."""


def refusals(systems: Iterable[SystemPlan]) -> Iterator[str]:
    """Yield what each vendor will refuse, with its remedy, as plain text."""
    line = punctuated("{title}, {login}: {why} {remedy}")
    for system in systems:
        for one in system.blockers:
            yield line.format(title=system.title, login=one.login, why=one.why, remedy=one.remedy).rstrip()


def summary(systems: Iterable[SystemPlan]) -> list[str]:
    """Return a line for each system whose acts destroy or hide lists, what is gone for good first."""
    return [_line(system) for system in systems if system.effects]


def _line(system: SystemPlan) -> str:
    gone = _names([one for one in system.effects if one.destroys])
    hidden = _names([one for one in system.effects if not one.destroys])
    if gone and hidden:
        text = _("{title}: later gone for good: {gone}; later unreadable: {hidden}")
    else:
        text = _("{title}: later gone for good: {gone}") if gone else _("{title}: later unreadable: {hidden}")
    return text.format(title=mrkdwn(system.title), gone=gone, hidden=hidden)


def _names(effects: Sequence[EffectLine]) -> str:
    return listing(list(dict.fromkeys(one.what for one in effects)), NAMES)
