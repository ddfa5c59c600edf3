"""Slow periodic jobs, by APScheduler."""

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
"""Clock corrections below this delay no job for long."""
THREADS = 4


class Ticker:
    """Periodic jobs in the background. A job never runs twice at a time, and continues after a failure.

    The scheduler follows the machine's clock. After the clock went back by a day, it would pause for a day. After the
    clock went ahead by a year, it would first count every tick of that year (2 GB a minute, until memory ends).
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
        """Start the jobs."""
        self._scheduler.start()
        self._watcher.start()

    def stop(self) -> None:
        """Stop, after the running jobs have ended."""
        self._stopped.set()
        self._watcher.join()
        self._scheduler.shutdown(wait=True)

    def _watch(self) -> None:
        """Wake jobs that a clock set back has postponed. This waits by elapsed time, not by the clock."""
        while not self._stopped.wait(WATCH_SECONDS):
            now = datetime.now(UTC)
            for job in self._scheduler.get_jobs():
                if job.next_run_time > now + job.trigger.span + CLOCK_TOLERANCE:
                    job.modify(next_run_time=now)


class _IntervalTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler gives no types
    """Trigger that counts from the present moment, not from the last run. Ticks skipped by a jump stay skipped."""

    def __init__(self, span: timedelta) -> None:
        self.span = span

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return the time of the next run."""
        return now + self.span


def logged(job: Callable[[], R], name: str) -> Callable[[], R | None]:
    """Return the job in a form that logs every failure and raises nothing."""

    def run() -> R | None:
        try:
            return job()
        except StorageFailed as error:  # no stack trace several times a second on a full disk
            log.error("tick %s failed: %s; it is tried again at the next tick", name, error)  # noqa: TRY400
        except Exception:  # the next tick must come after any failure; the log has the error
            log.exception("tick %s failed; it is tried again at the next tick", name)
        return None

    return run
