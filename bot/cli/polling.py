"""Polling of a case until its work is done."""

import time
from collections.abc import Callable

from bot.slack.messages.phrases import GOOD_VERDICTS, verdict
from bot.text import _
from workflows.access.views import SystemLine
from workflows.cases.views import CaseView

POLL_SECONDS = 0.25
"""Seconds between two reads. A read costs the same for any number of systems."""


def poll(look: Callable[[], CaseView], done: Callable[[CaseView], bool], seconds: float) -> CaseView:
    """Read a case until `done` or until the time is over, and return the last reading."""
    end = time.monotonic() + seconds
    case = look()
    while not done(case) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        case = look()
    return case


def wait_for_verdicts(look: Callable[[], CaseView], seconds: float, tell: Callable[[str], None]) -> CaseView:
    """Read a case until every system is settled. Tell each verdict once, and again when it changes."""
    told: dict[str, str] = {}

    def all_settled(case: CaseView) -> bool:
        for line in case.systems:
            if settled(line) and told.get(line.system) != line.verdict:
                told[line.system] = line.verdict
                tell(f"{line.title}: {verdict(line.verdict)}" + (f" ({line.reason})" if line.reason else ""))
        return bool(case.systems) and all(settled(line) for line in case.systems)

    case = poll(look, all_settled, seconds)
    if not all_settled(case):
        tell(_("Not every system is settled after {seconds:g} seconds. The case stays open.").format(seconds=seconds))
    return case


def settled(line: SystemLine) -> bool:
    """Return whether to stop waiting for a system: a good verdict, a postponed try, or a manual step. Pure."""
    if line.step or line.verdict in GOOD_VERDICTS:
        return True
    return line.next_try_at is not None or (line.attempt > 0 and not line.working)
