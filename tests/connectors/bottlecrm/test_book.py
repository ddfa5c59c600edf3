"""The client book of a real BottleCRM: many owners, seven kinds, and the effects of a write."""

from collections import Counter
from collections.abc import Callable

import pytest

from connectors.conformance.client_book import assignments
from connectors.contract import AccountId, Change, MoveOrder, MoveOutcome, RecordId
from tests.connectors.bottlecrm.front import Answer, Manners
from tests.connectors.bottlecrm.world import BookWorld
from tests.sandbox.company.bottlecrm import RECORDS, bare
from tests.sandbox.company.bottlecrm_template import CLIENTS, SHARED_WITH
from tests.sandbox.company.clients import few
from tests.sandbox.company.people import LEAVER


def held(book: BookWorld, record: RecordId) -> set[str]:
    """Return the people whom a record is assigned to."""
    kind, _, number = record.partition(":")
    return set(book.server.holders(kind)[number])


def test_every_kind_moves_and_keeps_co_owners_and_all_that_hangs_on_it(book: BookWorld) -> None:
    owner, friend, successor = book.seller(), book.seller(), book.seller()
    mine, connector = book.some(owner, friend), book.connect()
    before = {kind: book.rows(kind) for kind in RECORDS}
    assert connector.count(owner) == dict.fromkeys(RECORDS, 1)
    assert {record.id: record.co_owners for record in connector.records(owner)} == dict.fromkeys(mine, (friend,))
    moved = connector.move(assignments(mine, owner, successor))
    expected = (MoveOutcome.MOVED, Change.MADE, "")
    assert [(one.outcome, one.change, one.reason) for one in moved] == [expected] * len(RECORDS)
    assert [held(book, record) for record in mine] == [{friend, successor}] * len(RECORDS)
    assert {kind: book.rows(kind) for kind in RECORDS} == before
    assert {record: sorted(ids) for record, ids in connector.holders(mine).items()} == {
        record: sorted((friend, successor)) for record in mine
    }
    assert set(connector.count(owner).values()) == {0}


def test_a_successor_who_shares_the_record_already_keeps_it_once(book: BookWorld) -> None:
    owner, successor = book.seller(), book.seller()
    [record] = book.some(owner, successor)[-1:]
    connector = book.connect()
    assert connector.move(assignments([record], owner, successor))[0].change is Change.MADE
    assert held(book, record) == {successor}
    assert connector.move(assignments([record], owner, successor))[0].change is Change.ALREADY


def test_an_inactive_co_owner_is_lost_and_named(book: BookWorld) -> None:
    owner, gone, successor = book.seller(), book.seller(active=False), book.seller()
    [record] = book.some(owner, gone)[-1:]
    [moved] = book.connect().move(assignments([record], owner, successor))
    assert moved.outcome is MoveOutcome.MOVED
    name = book.server.query("SELECT u.name FROM users u JOIN profile p ON p.user_id = u.id WHERE p.id = ?", bare(gone))
    assert name[0][0] in moved.reason
    assert held(book, record) == {successor}


def test_a_locked_leavers_records_move(book: BookWorld) -> None:
    owner, friend, successor = book.seller(), book.seller(), book.seller()
    mine = book.some(owner, friend)
    book.server.set_active(owner, active=False)
    assert {one.outcome for one in book.connect().move(assignments(mine, owner, successor))} == {MoveOutcome.MOVED}
    assert held(book, mine[0]) == {friend, successor}


def test_a_record_without_an_owner_is_given_to_nobody(book: BookWorld) -> None:
    owner, successor = book.seller(), book.seller()
    [record] = book.add(owner, ["A"])
    book.server.assign("task", {record.partition(":")[2]: []})
    [moved] = book.connect().move(assignments([record], owner, successor))
    assert (moved.outcome, moved.owner) == (MoveOutcome.REFUSED, None)
    assert "by hand" in moved.reason
    assert held(book, record) == set()


def test_a_successor_locked_in_between_leaves_no_owner_and_it_is_said(book: BookWorld) -> None:
    """The server answers 200, and the record has no owner."""
    owner, successor = book.seller(), book.seller()
    [record] = book.add(owner, ["A"])
    with book.front.behaving(_before("PATCH", lambda: book.server.set_active(successor, active=False))):
        [moved] = book.connect().move(assignments([record], owner, successor))
    assert (moved.outcome, moved.owner) == (MoveOutcome.REFUSED, None)
    assert "without an owner" in moved.reason
    assert held(book, record) == set()


def test_what_the_server_will_not_write_stays_with_its_sentence(book: BookWorld) -> None:
    owner, successor = book.seller(), book.seller()
    deal = next(record for record in book.some(owner) if record.startswith("opportunity"))
    book.server.execute(
        "UPDATE opportunity SET stage = 'CLOSED_WON', amount = NULL WHERE id = ?", [bare(deal.partition(":")[2])]
    )
    [moved] = book.connect().move(assignments([deal], owner, successor))
    assert (moved.outcome, moved.owner) == (MoveOutcome.REFUSED, owner)
    assert "worth" in moved.reason
    assert held(book, deal) == {owner}


def test_an_answer_about_another_record_is_not_believed(book: BookWorld) -> None:
    """Its people would be written to the record: whoever shares that one would have this one."""
    owner, friend, successor = book.seller(), book.seller(), book.seller()
    [shared, *_others], [own, *_more] = book.some(owner, friend), book.some(owner)
    asked, told = own.partition(":")[2], shared.partition(":")[2]

    def mixed_up(method: str, path: str, pass_on: Callable[[], Answer | None]) -> Answer | None:
        answer = pass_on()
        if method != "GET" or asked not in path or answer is None:
            return answer
        return answer[0], answer[1].replace(asked.encode(), told.encode())

    with book.front.behaving(mixed_up):
        [moved] = book.connect().move(assignments([own], owner, successor))
    assert (moved.outcome, "another record" in moved.reason) == (MoveOutcome.REFUSED, True)
    assert held(book, own) == {owner}


def test_a_module_that_is_switched_off_has_nothing_to_see(book: BookWorld) -> None:
    owner, connector = book.seller(), book.connect()
    book.some(owner)
    book.server.execute("UPDATE organization SET modules_off = ?", ['["leads"]'])
    try:
        assert connector.count(owner) == {**dict.fromkeys(RECORDS, 1), "lead": 0}
        assert "lead" not in {record.kind for record in connector.records(owner)}
    finally:
        book.server.execute("UPDATE organization SET modules_off = ?", ["[]"])


def test_the_seeded_book_is_what_the_company_says(book: BookWorld) -> None:
    leaver, connector = AccountId(book.server.profile_id(LEAVER.email)), book.connect()
    hers = [client for client in few(CLIENTS) if client.owner == LEAVER.uid]
    records = list(connector.records(leaver))
    deals = [record for record in records if record.kind == "opportunity"]
    assert Counter((r.family_name, r.value, r.open) for r in deals) == Counter(
        (c.name, d.amount, d.state in ("lead", "opportunity")) for c in hers for d in c.deals
    )
    assert {record.currency for record in deals} == {"EUR"}
    families = {record.family for record in records if record.kind != "lead"}
    assert families == {str(record.id) for record in records if record.kind == "account"}
    assert len(families) == len(hers)
    assert connector.count(leaver) == {**dict.fromkeys(RECORDS, 0), **Counter(record.kind for record in records)}
    shared = AccountId(book.server.profile_id(SHARED_WITH.email))
    assert {record.co_owners for record in records} == {(), (shared,)}


@pytest.mark.parametrize("by_list", [True, False])
def test_owners_are_read_from_the_list_or_one_by_one(
    book: BookWorld, monkeypatch: pytest.MonkeyPatch, by_list: bool
) -> None:
    owner = book.seller()
    mine = [*book.add(owner, ["A", "B", "C"]), book.missing()]
    monkeypatch.setattr("connectors.bottlecrm.book.CHEAPER", 1_000_000 if by_list else 0)
    connector, asked = book.connect(), len(book.front.requests)
    assert connector.owners(mine) == dict.fromkeys(mine[:3], owner)
    single = [path for _, path in book.front.requests[asked:] if path.startswith("/api/tasks/") and "limit" not in path]
    assert len(single) == (1 if by_list else 4)


def test_ids_that_are_none_are_gone(book: BookWorld) -> None:
    owner, successor = book.seller(), book.seller()
    for text in ("task:../users", "task:", "invoice:1", "", "task:12345678123456781234567812345678"):
        record = RecordId(text)
        assert book.connect().holders([record]) == {}
        [moved] = book.connect().move([MoveOrder(record, owner, successor)])
        assert moved.outcome is MoveOutcome.GONE


def _before(method: str, act: object) -> Manners:
    """Run a function right before the first request of a method."""
    done = False

    def manners(asked: str, _: str, pass_on: object) -> Answer:
        nonlocal done
        if asked == method and not done:
            done = True
            act()  # type: ignore[operator]
        return pass_on()  # type: ignore[operator, no-any-return]

    return manners
