"""Jobs that run when something happened, and seldom otherwise.

A job runs once its trigger fires: after a commit of this process, of another one, or when a piece of work has ended. A
lost trigger heals with the next run, which comes within seconds in any case; a doubled one runs a job that finds
nothing to do.
"""

import threading
import time
from collections.abc import Callable

from workflows.engine.ticker import logged

SAFETY_SECONDS = 5.0
"""A job runs this often when no trigger fires."""
FAILED_SECONDS = 1.0
"""How long a job rests that has failed."""
REST_RATIO, MAX_REST_SECONDS = 19, 2.0
"""A job rests for so many times its own processor time, at most for two seconds: it takes a twentieth of a core."""
Job = Callable[[], float | None]
"""Returns in how many seconds it must run again at the latest; None where it knows of nothing."""


class TriggeredJob:
    """A job in a thread of its own, never twice at a time, going on after a failure."""

    def __init__(self, job: Job, name: str, *, delay: float = 0.0, rest: float = 0.1) -> None:
        """`delay`: seconds between a trigger and the run, so that one run serves several. `rest`: between runs."""
        self._job = logged(lambda: (job(),), name)
        self._delay, self._rest = delay, rest
        self._fired, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def fire(self) -> None:
        """Have the job run soon; from any thread, and at next to no cost."""
        self._fired.set()

    def start(self) -> None:
        """Run the job for the first time, and whenever its trigger fires."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; a run under way is waited for."""
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
            [wish] = done
            if self._fired.wait(SAFETY_SECONDS if wish is None else min(wish, SAFETY_SECONDS)):
                self._stopped.wait(self._delay)


class Triggers:
    """All triggered jobs of a process."""

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
