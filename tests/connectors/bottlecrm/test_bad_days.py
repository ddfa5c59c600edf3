"""A real BottleCRM with faults: killed during a batch, slow, broken, changing while it is read."""

import signal
from typing import Any

import pytest

from connectors.conformance.client_book import assignments
from connectors.contract import MoveOrder, MoveOutcome
from connectors.errors import OutcomeUnknown, Unavailable
from tests.connectors.bottlecrm.front import Answer, failing, losing, rewriting, slow
from tests.connectors.bottlecrm.world import BookWorld


def test_a_server_killed_in_the_middle_of_a_batch_is_taken_up_again(book: BookWorld) -> None:
    """The server is killed with -9 at the third write and started on the same data.

    No write is repeated or left out.
    """
    owner, successor = book.seller(), book.seller()
    batch = assignments(book.add(owner, [f"Client {n}" for n in range(6)]), owner, successor)
    writes, asked = book.writes(), 0

    def manners(method: str, _: str, pass_on: Any) -> Answer | None:
        nonlocal asked
        asked += method == "PATCH"
        if asked == 3:
            book.server.stop(signal.SIGKILL)
            return None
        found: Answer = pass_on()
        return found

    connector = book.connect()
    with book.front.behaving(manners), pytest.raises(OutcomeUnknown):
        connector.move(batch)
    book.server.start()
    assert connector.holders([one.record for one in batch])[batch[0].record] == (successor,)
    assert {moved.outcome for moved in connector.move(batch)} == {MoveOutcome.MOVED}
    assert book.writes() == writes + len(batch)
    assert all(book.owners()[one.record] == successor for one in batch)


def test_a_500_after_it_wrote_is_read_back(book: BookWorld) -> None:
    owner, successor = book.seller(), book.seller()
    batch = assignments(book.add(owner, ["A", "B", "C"]), owner, successor)
    writes = book.writes()
    with book.front.behaving(failing("PATCH", "/api/tasks/")):
        moved = book.connect().move(batch)
    assert {one.outcome for one in moved} == {MoveOutcome.MOVED}
    assert book.writes() == writes + 3


def test_a_500_before_it_wrote_is_unknown_and_asked_again_later(book: BookWorld) -> None:
    owner, successor = book.seller(), book.seller()
    batch = assignments(book.add(owner, ["A", "B"]), owner, successor)

    def manners(method: str, _: str, pass_on: Any) -> Answer:
        found: Answer = (500, b"") if method == "PATCH" else pass_on()
        return found

    with book.front.behaving(manners), pytest.raises(OutcomeUnknown):
        book.connect().move(batch)
    assert all(book.owners()[one.record] == owner for one in batch)
    assert {one.outcome for one in book.connect().move(batch)} == {MoveOutcome.MOVED}


def test_slow_answers_take_their_time(book: BookWorld) -> None:
    owner, successor = book.seller(), book.seller()
    batch = assignments(book.add(owner, ["A"]), owner, successor)
    with book.front.behaving(slow(0.3)):
        assert book.connect().move(batch)[0].outcome is MoveOutcome.MOVED


def test_one_unreadable_record_among_fifty_stands_alone(book: BookWorld) -> None:
    owner, successor = book.seller(), book.seller()
    mine = book.add(owner, [f"Client {n}" for n in range(50)])
    broken = mine[20].partition(":")[2]
    nonsense = {"task_obj": {"id": 7, "assigned_to": None}}
    with book.front.behaving(rewriting(f"/api/tasks/{broken}/", lambda _: nonsense)):
        moved = book.connect().move([MoveOrder(record, owner, successor) for record in mine[18:23]])
    refused = [one for one in moved if one.outcome is not MoveOutcome.MOVED]
    assert [(one.record, one.outcome) for one in refused] == [(mine[20], MoveOutcome.REFUSED)]
    assert "cannot be read" in refused[0].reason
    assert book.owners()[mine[20]] == owner


def test_an_unreadable_row_is_no_short_book(book: BookWorld) -> None:
    """A book is never reported as complete if a part of it could not be read."""
    owner = book.seller()
    book.add(owner, [f"Client {n}" for n in range(50)])

    def change(answer: dict[str, Any]) -> dict[str, Any]:
        if len(answer["tasks"]) > 1:
            answer["tasks"][30] = {"id": None}
        return answer

    with book.front.behaving(rewriting("/api/tasks/?", change)), pytest.raises(Unavailable):
        list(book.connect().records(owner))


@pytest.mark.parametrize("answer", [b"<html>sign in</html>", b"[]", b'{"tasks": []}', b""])
def test_what_is_not_bottlecrms_answer_is_unavailable(book: BookWorld, answer: bytes) -> None:
    owner = book.seller()

    def manners(_: str, path: str, pass_on: Any) -> Answer:
        found: Answer = (200, answer) if path.startswith("/api/tasks/") else pass_on()
        return found

    with book.front.behaving(manners), pytest.raises(Unavailable):
        book.connect().count(owner)


def test_a_book_that_changes_between_two_pages_is_read_whole(book: BookWorld) -> None:
    owner, taker = book.seller(), book.seller()
    mine = book.add(owner, [f"Client {n}" for n in range(230)])
    pages = 0

    def manners(method: str, path: str, pass_on: Any) -> Answer:
        nonlocal pages
        pages += "/api/tasks/?" in path
        if pages == 2 and "/api/tasks/?" in path:
            for record in sorted(mine)[-3:]:  # the list begins with the highest ids: those on the second page move up
                book.take(record, by=taker)
        found: Answer = pass_on()
        return found

    with book.front.behaving(manners):
        seen = [record.id for record in book.connect().records(owner)]
    assert len(seen) == len(set(seen))
    assert set(sorted(mine)[:-3]) <= set(seen)


def test_a_list_that_never_stands_still_is_unavailable(book: BookWorld) -> None:
    owner = book.seller()
    book.add(owner, ["A"])

    def more(answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"tasks_count": answer["tasks_count"] + 1}

    with book.front.behaving(rewriting("/api/tasks/?", more)), pytest.raises(Unavailable, match="changing"):
        list(book.connect().records(owner))


def test_planted_faults_are_caught_on_the_real_server(book: BookWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connector believes the 200, and one replaces all owners; the records show each fault."""
    owner, friend, gone = book.seller(), book.seller(), book.seller(active=False)
    first, second = book.add(owner, ["A", "B"])
    book.server.assign("task", {second.partition(":")[2]: [owner, friend]})
    monkeypatch.setattr("connectors.bottlecrm.book.decide", lambda one, _present, _people: [one.successor])
    book.connect().move(assignments([first], owner, gone))
    assert first not in book.owners(), "the trap is gone: BottleCRM keeps the owner now"
    book.connect().move(assignments([second], owner, book.seller()))
    assert friend not in book.owners()[second].split(",")


def test_a_lost_answer_and_no_read_back_is_unknown(book: BookWorld) -> None:
    owner, successor = book.seller(), book.seller()
    batch = assignments(book.add(owner, ["A"]), owner, successor)
    lost = False

    def manners(method: str, path: str, pass_on: Any) -> Answer | None:
        nonlocal lost
        lost |= method == "PATCH"
        return None if lost and method == "GET" else losing("PATCH")(method, path, pass_on)

    with book.front.behaving(manners), pytest.raises(OutcomeUnknown):
        book.connect().move(batch)
    assert book.connect().move(batch)[0].outcome is MoveOutcome.MOVED
