"""Waiting for verdicts: one line per system as it comes."""

import time
from collections.abc import Callable

from bot.slack.messages.phrases import GOOD_VERDICTS, verdict
from bot.text import _
from workflows.access.views import SystemLine
from workflows.cases.views import CaseView

POLL_SECONDS = 0.25
"""Seconds between two looks: one read of the rows, however many systems."""


def wait_for_verdicts(look: Callable[[], CaseView], seconds: float, tell: Callable[[str], None]) -> CaseView:
    """Look until every system is settled or the time is over; tell each verdict once, and each change of it."""
    end = time.monotonic() + seconds
    told: dict[str, str] = {}
    while True:
        case = look()
        for line in case.systems:
            if settled(line) and told.get(line.system) != line.verdict:
                told[line.system] = line.verdict
                tell(f"{line.title}: {verdict(line.verdict)}" + (f" ({line.reason})" if line.reason else ""))
        if case.systems and all(settled(line) for line in case.systems):
            return case
        if time.monotonic() >= end:
            tell(
                _("Not every system is settled after {seconds:g} seconds; the case stays open.").format(seconds=seconds)
            )
            return case
        time.sleep(POLL_SECONDS)


def settled(line: SystemLine) -> bool:
    """Whether waiting on makes no sense: good, tried and put off, or left to people. Pure."""
    if line.step or line.verdict in GOOD_VERDICTS:
        return True
    return line.next_try_at is not None or (line.attempt > 0 and not line.working)
