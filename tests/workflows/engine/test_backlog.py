"""The backlog gives out work while its lane has slots, lane after lane, each piece once."""

import threading
from concurrent.futures import ThreadPoolExecutor

from workflows.engine.backlog import Backlog, Piece

PATIENCE = 60.0


def piece(task: str, number: int = 0) -> Piece:
    return task, str(number), 0


def filled(*pieces: Piece, slots: int = 2) -> Backlog:
    backlog = Backlog()
    for one in pieces:
        backlog.add(one[0], slots, one)
    return backlog


def test_a_full_lane_waits_and_holds_up_no_other() -> None:
    books = [piece("book", number) for number in range(3)]
    backlog = filled(*books, piece("audit"))
    assert [backlog.take() for _ in range(3)] == [("book", books[0]), ("audit", piece("audit")), ("book", books[1])]
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(backlog.take)
        backlog.free("audit", piece("audit"))
        assert not third.done(), "the lane of books is full"
        backlog.free("book", books[0])
        assert third.result(PATIENCE) == ("book", books[2])


def test_a_piece_is_known_until_it_has_ended_and_is_not_queued_twice() -> None:
    one = piece("book")
    backlog = filled(one, one)
    assert backlog.take() == ("book", one)
    backlog.add("book", 2, one)
    assert backlog.pieces() == {one}, "it has not ended"
    backlog.free("book", one)
    assert backlog.pieces() == frozenset()
    backlog.close()
    assert backlog.take() is None, "it was queued once"


def test_a_piece_that_could_not_be_begun_comes_first_again_and_frees_its_slot() -> None:
    one, two = piece("book", 1), piece("book", 2)
    backlog = filled(one, two, slots=1)
    assert backlog.take() == ("book", one)
    backlog.put_back("book", one)
    assert backlog.take() == ("book", one)


def test_closing_ends_the_wait() -> None:
    backlog, ended = Backlog(), threading.Event()

    def wait() -> None:
        assert backlog.take() is None
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    backlog.close()
    assert ended.wait(PATIENCE)
    thread.join()
