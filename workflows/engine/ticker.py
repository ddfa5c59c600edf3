"""Slow ticks, each at its own pace, by APScheduler."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from workflows.storage.store import StorageFailed

log = logging.getLogger(__name__)
R = TypeVar("R")
WATCH_SECONDS = 2.0
CLOCK_TOLERANCE = timedelta(seconds=1)
"""A clock that is set right by less puts off no job for long."""
THREADS = 4


class Ticker:
    """Runs jobs in the background, each at its own pace, never twice at a time, each going on after a failure.

    The scheduler goes by the machine's clock: after that was set back by a day it would rest for a day, and after it
    was set ahead by a year it would first count every tick of that year (2 GB a minute, until there is no more).
    """

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="ticker's watch", daemon=True)

    def every(self, seconds: float, job: Callable[[], object], name: str) -> None:
        """Add a job."""
        self._scheduler.add_job(logged(job, name), _IntervalTrigger(timedelta(seconds=seconds)), id=name)

    def start(self) -> None:
        """Begin ticking."""
        self._scheduler.start()
        self._watcher.start()

    def stop(self) -> None:
        """Stop; a job under way is waited for."""
        self._stopped.set()
        self._watcher.join()
        self._scheduler.shutdown(wait=True)

    def _watch(self) -> None:
        """Wake jobs that a clock set back has put off; waits by seconds that pass, whatever the clock says."""
        while not self._stopped.wait(WATCH_SECONDS):
            now = datetime.now(UTC)
            for job in self._scheduler.get_jobs():
                if job.next_run_time > now + job.trigger.span + CLOCK_TOLERANCE:
                    job.modify(next_run_time=now)


class _IntervalTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler gives no types
    """So long after the present moment, and not after the last run: what a leap of the clock left out is left out."""

    def __init__(self, span: timedelta) -> None:
        self.span = span

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return when to run next."""
        return now + self.span


def logged(job: Callable[[], R], name: str) -> Callable[[], R | None]:
    """Return the job such that a failure is logged, and no exception leaves it."""

    def run() -> R | None:
        try:
            return job()
        except StorageFailed as error:  # no stack trace several times a second, on a disk that is full
            log.error("tick %s failed: %s; it is tried again at the next tick", name, error)  # noqa: TRY400
        except Exception:  # the tick must come again whatever this one met; the log says what
            log.exception("tick %s failed; it is tried again at the next tick", name)
        return None

    return run
