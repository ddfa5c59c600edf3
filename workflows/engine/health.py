"""Health of a running process, from its memory: an answer never waits for the database."""

from collections.abc import Callable

from config.text import _
from workflows.engine.triggers import Job
from workflows.storage.database_clock import elapsed

SILENT_SECONDS = 20.0
"""Longest time without a look for due work. A look comes every five seconds, and takes seconds in a mass run."""


class Health:
    """Faults of the engine, the database and the clock."""

    def __init__(self, sources: Callable[[], list[str]], elapsed: Callable[[], float] = elapsed) -> None:
        """Take `sources`, which returns the faults that others know; empty sentences do not count."""
        self._sources, self._elapsed = sources, elapsed
        self._ended = elapsed()
        self._failure = ""

    def watched(self, tick: Job) -> Job:
        """Return the look for due work in a form that records its time and its failure."""

        def run() -> float | None:
            try:
                pause = tick()
            except Exception as error:
                self._failure = str(error) or type(error).__name__
                raise
            self._ended, self._failure = self._elapsed(), ""
            return pause

        return run

    def faults(self) -> tuple[str, ...]:
        """Return a sentence for each fault; none while all is well."""
        found = self._sources()
        silent = self._elapsed() - self._ended
        if self._failure:
            found.append(_("due work cannot be read: {why}").format(why=self._failure))
        if silent > SILENT_SECONDS:
            found.append(_("due work was last looked for {seconds:.0f} s ago").format(seconds=silent))
        return tuple(filter(None, found))
