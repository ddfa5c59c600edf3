"""Triggered jobs: they run after an event, and rarely otherwise.

A job runs once its trigger fires: after a commit of this process or another one, or when a piece of work has ended. The
next run, seconds later in any case, repairs a lost trigger. A doubled trigger runs a job that finds nothing to do.
"""

import threading
import time
from collections.abc import Callable

from workflows.engine.ticker import logged

SAFETY_SECONDS = 5.0
"""A job runs this often when no trigger fires."""
FAILED_SECONDS = 1.0
"""Pause of a job after a failure."""
REST_RATIO, MAX_REST_SECONDS = 19, 2.0
"""Pause as a multiple of the job's own processor time, and its limit. The job takes a twentieth of a core at most."""
Job = Callable[[], float | None]
"""Function that returns the seconds until it must run again; None if it knows no time."""


class TriggeredJob:
    """Job in a thread of its own. It never runs twice at a time, and continues after a failure."""

    def __init__(self, job: Job, name: str, *, delay: float = 0.0, rest: float = 0.1) -> None:
        """Take the `delay` from a trigger to the run, in which triggers gather, and the `rest` between runs."""
        self._job = logged(lambda: (job(),), name)
        self._delay, self._rest = delay, rest
        self._fired, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def fire(self) -> None:
        """Have the job run soon. Any thread may call this, at almost no cost."""
        self._fired.set()

    def start(self) -> None:
        """Run the job for the first time, and then whenever its trigger fires."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, after a running job has ended."""
        self._stopped.set()
        self._fired.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._fired.clear()
            began = time.thread_time()
            done = self._job()
            taken = time.thread_time() - began
            if done is None:
                self._stopped.wait(FAILED_SECONDS)
                continue
            self._stopped.wait(max(self._rest, min(REST_RATIO * taken, MAX_REST_SECONDS)))
            [seconds] = done
            if self._fired.wait(SAFETY_SECONDS if seconds is None else min(seconds, SAFETY_SECONDS)):
                self._stopped.wait(self._delay)


class Triggers:
    """Triggered jobs of a process."""

    def __init__(self) -> None:
        self._jobs: list[TriggeredJob] = []

    def add(self, job: Job, name: str, *, delay: float = 0.0, rest: float = 0.1) -> TriggeredJob:
        """Add a job; `delay` and `rest` are as for `TriggeredJob`."""
        self._jobs.append(TriggeredJob(job, name, delay=delay, rest=rest))
        return self._jobs[-1]

    def fire(self) -> None:
        """Have every job run soon."""
        for job in self._jobs:
            job.fire()

    def start(self) -> None:
        """Start all jobs."""
        for job in self._jobs:
            job.start()

    def stop(self) -> None:
        """Stop all jobs."""
        for job in self._jobs:
            job.stop()
