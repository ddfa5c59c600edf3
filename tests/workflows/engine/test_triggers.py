"""Triggered jobs: they run at once when fired, after a failure again, seldom otherwise, and never twice at a time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from workflows.engine import triggers as engine_triggers
from workflows.engine.triggers import TriggeredJob, Triggers

PATIENCE = 60.0


class Counted:
    """A job that counts its runs, and returns a time for the next one if a test sets it."""

    def __init__(self) -> None:
        self.ran = threading.Semaphore(0)
        self.wish: float | None = None
        self.failures = 0
        self.inside = 0
        self.together = False

    def __call__(self) -> float | None:
        self.inside += 1
        self.together |= self.inside > 1
        try:
            if self.failures:
                self.failures -= 1
                raise RuntimeError("this once")
            return self.wish
        finally:
            self.inside -= 1
            self.ran.release()

    def runs(self, times: int = 1) -> bool:
        return all(self.ran.acquire(timeout=PATIENCE) for _ in range(times))


@contextmanager
def running(job: Counted, rest: float = 0.0) -> Iterator[TriggeredJob]:
    one = TriggeredJob(job, "count", rest=rest)
    one.start()
    try:
        assert job.runs(), "a job runs once at the start"
        yield one
    finally:
        one.stop()


@pytest.fixture
def no_safety(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing but triggers and wishes to run a job again."""
    monkeypatch.setattr(engine_triggers, "SAFETY_SECONDS", 10 * PATIENCE)


@pytest.mark.usefixtures("no_safety")
def test_a_job_runs_when_it_is_fired_and_not_before() -> None:
    job = Counted()
    with running(job) as one:
        assert not job.ran.acquire(timeout=0.3)
        for _ in range(3):
            one.fire()
            assert job.runs()


@pytest.mark.usefixtures("no_safety")
def test_many_triggers_at_once_are_served_by_few_runs_and_none_is_lost() -> None:
    job = Counted()
    with running(job, rest=0.2) as one:
        for _ in range(100):
            one.fire()
        assert job.runs()
        assert not job.ran.acquire(timeout=0.6) or not job.ran.acquire(timeout=0.6)
    assert not job.together


@pytest.mark.usefixtures("no_safety")
def test_a_trigger_during_a_run_leads_to_another_run() -> None:
    began, go, runs = threading.Semaphore(0), threading.Semaphore(0), []

    def slow() -> None:
        began.release()
        assert go.acquire(timeout=PATIENCE)
        runs.append(time.monotonic())

    one = TriggeredJob(slow, "slow", rest=0.0)
    one.start()
    assert began.acquire(timeout=PATIENCE)
    one.fire()
    go.release()
    assert began.acquire(timeout=PATIENCE), "the change may have come after the job looked"
    go.release()
    one.stop()
    assert len(runs) == 2


@pytest.mark.usefixtures("no_safety")
def test_a_job_runs_at_the_time_that_it_asks_for() -> None:
    job = Counted()
    job.wish = 0.05
    with running(job):
        assert job.runs(3)


def test_a_lost_trigger_heals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_triggers, "SAFETY_SECONDS", 0.05)
    job = Counted()
    with running(job):
        assert job.runs(3)


@pytest.mark.usefixtures("no_safety")
def test_a_job_that_fails_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_triggers, "FAILED_SECONDS", 0.05)
    job = Counted()
    job.failures = 2
    with running(job):
        assert job.runs(2)


@pytest.mark.usefixtures("no_safety")
def test_all_jobs_are_fired_together() -> None:
    jobs, triggers = [Counted(), Counted()], Triggers()
    for job in jobs:
        triggers.add(job, "count", rest=0.0)
    triggers.start()
    assert all(job.runs() for job in jobs)
    triggers.fire()
    assert all(job.runs() for job in jobs)
    triggers.stop()
