"""Ticks keep their pace while the machine's clock is set back by a day, or ahead by a week or a year."""

import threading
import time
from datetime import datetime, timedelta, tzinfo
from typing import Self

import apscheduler.schedulers.base
import pytest

import workflows.engine.ticker
from workflows.engine.ticker import Ticker

EVERY = 0.05
PATIENCE = 10.0


class Machine(datetime):
    """The machine's clock, set wrong by `off`."""

    off = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.off


@pytest.mark.parametrize("leap", [timedelta(days=-1), timedelta(hours=-1), timedelta(days=7), timedelta(days=365)])
def test_a_leap_of_the_clock_stops_no_tick(monkeypatch: pytest.MonkeyPatch, leap: timedelta) -> None:
    monkeypatch.setattr(Machine, "off", timedelta(0))
    for module in (apscheduler.schedulers.base, workflows.engine.ticker):
        monkeypatch.setattr(module, "datetime", Machine)
    monkeypatch.setattr(workflows.engine.ticker, "WATCH_SECONDS", EVERY)
    ticked = threading.Semaphore(0)
    ticker = Ticker()
    ticker.every(EVERY, ticked.release, "count")
    ticker.start()
    try:
        assert ticked.acquire(timeout=PATIENCE)
        Machine.off = leap
        began = time.monotonic()
        for _ in range(10):
            assert ticked.acquire(timeout=PATIENCE)
        assert time.monotonic() - began > 8 * EVERY, "what a leap left out is not made up for"
    finally:
        ticker.stop()


def test_a_tick_that_fails_comes_again() -> None:
    called = threading.Semaphore(0)

    def fail() -> None:
        called.release()
        raise RuntimeError("this once")

    ticker = Ticker()
    ticker.every(EVERY, fail, "fail")
    ticker.start()
    try:
        for _ in range(3):
            assert called.acquire(timeout=PATIENCE)
    finally:
        ticker.stop()
