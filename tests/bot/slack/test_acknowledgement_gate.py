"""Acknowledgements go first: what comes after one waits until nobody is inside, and never long."""

import threading
import time

from bot.slack.acknowledgement_gate import AcknowledgementGate, DeferringPool


def _run(door: AcknowledgementGate, pool: DeferringPool, ran: threading.Event, *, answered: bool) -> None:
    with door.pending_request():
        if answered:
            door.mark_acknowledged()
        pool.submit(ran.set)


def test_what_comes_after_an_answer_waits_until_the_last_request_has_left() -> None:
    door, ran = AcknowledgementGate(patience=60), threading.Event()
    with DeferringPool(door, 2, "test") as pool:
        with door.pending_request():
            _run(door, pool, ran, answered=True)
            assert not ran.wait(0.3), "work began while somebody waited for an answer"
        assert ran.wait(30)


def test_what_an_answer_depends_on_begins_at_once() -> None:
    door, ran = AcknowledgementGate(patience=60), threading.Event()
    with DeferringPool(door, 2, "test") as pool, door.pending_request():
        _run(door, pool, ran, answered=False)
        assert ran.wait(30), "a request waited for itself"


def test_an_answer_does_not_stick_to_the_thread() -> None:
    door, first, second = AcknowledgementGate(patience=60), threading.Event(), threading.Event()
    with DeferringPool(door, 2, "test") as pool:
        _run(door, pool, first, answered=True)
        with door.pending_request():
            pool.submit(second.set)
            assert second.wait(30), "the next request of the same thread was taken for an answered one"


def test_an_endless_queue_at_the_door_delays_but_does_not_stop() -> None:
    door, ran = AcknowledgementGate(patience=0.2), threading.Event()
    with DeferringPool(door, 2, "test", always_later=True) as pool, door.pending_request():
        started = time.monotonic()
        pool.submit(ran.set)
        assert ran.wait(30)
        assert time.monotonic() - started >= 0.2


def test_a_gap_between_two_requests_of_a_crowd_lets_nothing_in() -> None:
    door, ran, entered = AcknowledgementGate(patience=60, calm=2.0), threading.Event(), 0.0
    with DeferringPool(door, 2, "test") as pool:
        _run(door, pool, ran, answered=True)
        for _request in range(3):  # the door is free between two of them, but never calm
            with door.pending_request():
                entered = time.monotonic()
                assert not ran.wait(0.2), "work began in a gap"
        assert ran.wait(30)
        assert time.monotonic() - entered >= 2.0
