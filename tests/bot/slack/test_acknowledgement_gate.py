"""The acknowledgement gate: background work waits for pending requests, for a bounded time."""

import threading
import time

from bot.slack.acknowledgement_gate import AcknowledgementGate, DeferringPool


def _run(gate: AcknowledgementGate, pool: DeferringPool, ran: threading.Event, *, answered: bool) -> None:
    with gate.pending_request():
        if answered:
            gate.mark_acknowledged()
        pool.submit(ran.set)


def test_what_comes_after_an_answer_waits_until_the_last_request_has_left() -> None:
    gate, ran = AcknowledgementGate(patience=60), threading.Event()
    with DeferringPool(gate, 2, "test") as pool:
        with gate.pending_request():
            _run(gate, pool, ran, answered=True)
            assert not ran.wait(0.3), "work began while somebody waited for an answer"
        assert ran.wait(30)


def test_what_an_answer_depends_on_begins_at_once() -> None:
    gate, ran = AcknowledgementGate(patience=60), threading.Event()
    with DeferringPool(gate, 2, "test") as pool, gate.pending_request():
        _run(gate, pool, ran, answered=False)
        assert ran.wait(30), "a request waited for itself"


def test_an_answer_does_not_stick_to_the_thread() -> None:
    gate, first, second = AcknowledgementGate(patience=60), threading.Event(), threading.Event()
    with DeferringPool(gate, 2, "test") as pool:
        _run(gate, pool, first, answered=True)
        with gate.pending_request():
            pool.submit(second.set)
            assert second.wait(30), "the next request of the same thread was taken for an answered one"


def test_an_endless_queue_at_the_door_delays_but_does_not_stop() -> None:
    gate, ran = AcknowledgementGate(patience=0.2), threading.Event()
    with DeferringPool(gate, 2, "test", always_later=True) as pool, gate.pending_request():
        started = time.monotonic()
        pool.submit(ran.set)
        assert ran.wait(30)
        assert time.monotonic() - started >= 0.2


def test_a_gap_between_two_requests_of_a_crowd_lets_nothing_in() -> None:
    gate, ran, entered = AcknowledgementGate(patience=60, calm=2.0), threading.Event(), 0.0
    with DeferringPool(gate, 2, "test") as pool:
        _run(gate, pool, ran, answered=True)
        for _request in range(3):  # the gate is free between two of them, but never calm
            with gate.pending_request():
                entered = time.monotonic()
                assert not ran.wait(0.2), "work began in a gap"
        assert ran.wait(30)
        assert time.monotonic() - entered >= 2.0
