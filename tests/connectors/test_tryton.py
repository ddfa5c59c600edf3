"""The Tryton connector against a real server: the conformance suites, and Tryton's own behaviour."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import AccountsSuite, newcomer
from connectors.conformance.book_owners import BookOwnersSuite
from connectors.conformance.client_book import ClientBookSuite
from connectors.conformance.export_log import FAR_OFF, LONG_AGO, ExportLogSuite
from connectors.conformance.sessions import SessionsSuite
from connectors.contract import AccountId, MoveOrder, MoveOutcome, Verdict
from connectors.errors import BadCredential, Forbidden, Missing
from connectors.tryton.connector import Tryton as Connector
from tests.connectors.tryton.world import AccountsWorld, BookWorld, ExportWorld, SessionsWorld, number
from tests.sandbox.company.clients import LEAVERS_DEALS, clients
from tests.sandbox.company.people import LEAVER
from tests.sandbox.company.tryton import Tryton
from tests.sandbox.company.tryton_rpc import Failed
from tests.sandbox.company.tryton_seed import HISTORY


class TestAccounts(AccountsSuite):
    @pytest.fixture
    def world(self, tryton: Tryton) -> AccountsWorld:
        return AccountsWorld(tryton)


class TestSessions(SessionsSuite):
    @pytest.fixture
    def world(self, tryton: Tryton) -> SessionsWorld:
        return SessionsWorld(tryton)


class TestClientBook(ClientBookSuite):
    @pytest.fixture
    def world(self, tryton: Tryton) -> BookWorld:
        return BookWorld(tryton)


class TestBookOwners(BookOwnersSuite):
    @pytest.fixture
    def world(self, tryton: Tryton) -> BookWorld:
        return BookWorld(tryton)


class TestExportLog(ExportLogSuite):
    @pytest.fixture
    def world(self, tryton: Tryton) -> ExportWorld:
        return ExportWorld(tryton)


@pytest.fixture
def book(tryton: Tryton) -> BookWorld:
    return BookWorld(tryton)


def test_a_client_is_known_by_segment_language_and_region(book: BookWorld) -> None:
    owner = book.seller()
    plain, told = book.add(owner, ["Plain", "Told"])
    admin = book.server.as_admin()
    [row] = admin.call("sale.opportunity.read", [number(told)], ["party"])
    categories = admin.call("party.category.create", [{"name": f"{name} {told}"} for name in ("Key", "Retail")])
    [french] = admin.call("ir.lang.search", [["code", "=", "fr"]])
    [country] = admin.call("country.country.create", [{"name": "France", "code": "FR"}])
    [address] = admin.call("party.address.create", [{"party": row["party"], "country": country}])
    admin.call("party.party.write", [row["party"]], {"lang": french, "categories": [["add", categories]]})
    admin.call("sale.opportunity.write", [number(told)], {"address": address})
    found = {record.id: dict(record.traits) for record in book.connect().records(owner)}
    segments = found[told].pop("segment").split(";")
    assert sorted(segments) == [f"Key {told}", f"Retail {told}"]
    assert found[told] == {"language": "fr", "region": "FR"}
    assert found[plain].keys() <= {"language"}


def test_what_tryton_refuses_stands_alone_and_the_rest_moves(book: BookWorld) -> None:
    """Closed opportunities keep their employee; one of them makes Tryton refuse the whole call."""
    owner, one, two = book.seller(), book.seller(), book.seller()
    records = book.add(owner, [f"Client {n}" for n in range(12)])
    book.server.as_admin().call("sale.opportunity.lost", [number(records[3]), number(records[8])])
    batch = [MoveOrder(record, owner, one if n % 2 else two) for n, record in enumerate(records)]
    contents, moved = book.contents(), book.connect().move(batch)
    refused = [answer for answer in moved if answer.outcome is MoveOutcome.REFUSED]
    assert [answer.record for answer in refused] == [records[3], records[8]]
    assert all("Employee" in answer.reason and answer.owner == owner for answer in refused)
    assert {answer.outcome for answer in moved if answer not in refused} == {MoveOutcome.MOVED}
    owners = book.owners()
    assert {a.record: owners[a.record] for a in batch} == {
        a.record: owner if a.record in (records[3], records[8]) else a.successor for a in batch
    }
    assert book.contents() == contents


def test_a_write_between_our_read_and_our_write_is_not_overwritten(book: BookWorld) -> None:
    """Tryton itself refuses by the time stamp; the others of the batch still move."""
    owner, successor, taker = book.seller(), book.seller(), book.seller()
    first, taken, last = book.add(owner, ["A", "B", "C"])
    connector = book.connect()
    write, done = connector._rpc.write, False

    def late(*arguments: Any, **context: Any) -> None:
        nonlocal done
        if not done:
            done = True
            book.take(taken, by=taker)
        write(*arguments, **context)

    connector._rpc.write = late  # type: ignore[method-assign]
    moved = connector.move([MoveOrder(record, owner, successor) for record in (first, taken, last)])
    assert [answer.outcome for answer in moved] == [MoveOutcome.MOVED, MoveOutcome.TAKEN, MoveOutcome.MOVED]
    assert book.owners()[taken] == taker == moved[1].owner


def test_the_seeded_book_is_what_the_company_says(tryton: Tryton, book: BookWorld) -> None:
    leaver, connector = AccountId(str(tryton.user_id(LEAVER.uid))), book.connect()
    expected = [(client.name, deal) for client in clients() if client.owner == LEAVER.uid for deal in client.deals]
    records = list(connector.records(leaver))
    assert [(r.family_name, r.name, r.value, r.stage) for r in records] == [
        (name, deal.title, deal.amount, deal.state) for name, deal in expected
    ]
    assert {record.currency for record in records} == {"EUR"}
    assert len({record.family for record in records}) == len({name for name, _ in expected})
    assert connector.count(leaver) == {"opportunity": LEAVERS_DEALS}
    assert [record.open for record in records] == [deal.state in ("lead", "opportunity") for _, deal in expected]


def test_the_seeded_history_is_on_record(tryton: Tryton) -> None:
    connector = ExportWorld(tryton).connect()
    leaver, now = AccountId(str(tryton.user_id(LEAVER.uid))), datetime.now(UTC)
    events = list(connector.exports(leaver, now - timedelta(days=40), now))
    counted = [size or None for _, uid, _, _, size in HISTORY if uid == LEAVER.uid]
    assert [event.records for event in events] == [*counted, 25, 25]
    assert events[0].at < now - timedelta(days=30)


def test_an_export_under_another_name_is_still_ones_own(tryton: Tryton) -> None:
    """The log-in in the log is the client's claim; Tryton checks only the user id and the key."""
    world = ExportWorld(tryton)
    account, other = world.person(), world.person()
    world.disguise(account, world.login(other))
    world.export(account, 0, 6)
    world.export(other, 0, 2)
    connector = world.connect()
    assert [event.records for event in connector.exports(other, LONG_AGO, FAR_OFF)] == [2]
    [event] = connector.exports(account, LONG_AGO, FAR_OFF)
    assert (event.records, event.actor) == (6, world.login(account))
    assert world.login(other) in event.detail


def test_a_record_of_an_employee_without_a_user_is_named_so(book: BookWorld) -> None:
    owner, successor, admin = book.seller(), book.seller(), book.server.as_admin()
    [record] = book.add(owner, ["A"])
    employee = book.server.employee_id(book.login(owner))
    admin.call("res.user.write", [int(owner)], {"employee": None, "employees": [["remove", [employee]]]})
    nobody, connector = AccountId(f"employee:{employee}"), book.connect()
    assert connector.owners([record]) == {record: nobody}
    assert connector.count(nobody) == {"opportunity": 1}
    assert connector.move([MoveOrder(record, nobody, successor)])[0].outcome is MoveOutcome.MOVED
    assert book.owners()[record] == successor


def test_a_session_that_ran_out_is_opened_again_once(tryton: Tryton) -> None:
    world = SessionsWorld(tryton)
    connector, account = world.connect(), world.person()
    assert connector.sessions(account) == 0
    tryton.forget_sessions(tryton.bot.login)
    assert connector.sessions(account) == 0
    assert tryton.sessions(tryton.bot.login) == 1


def test_a_locked_bot_is_a_bad_credential_and_tries_once(tryton: Tryton) -> None:
    world = SessionsWorld(tryton)
    connector = world.connect()
    tryton.set_active(tryton.bot.login, active=False)
    try:
        for _ in range(3):
            with pytest.raises(BadCredential, match=tryton.bot.login):
                connector.check()
        assert tryton.query("SELECT count(*) FROM res_user_login_attempt WHERE login = ?", tryton.bot.login) == [(1,)]
    finally:
        tryton.reopen(tryton.bot.login)
        tryton.forget_attempts()
    assert world.connect().check()


def test_a_bot_without_rights_is_forbidden_and_told_which(tryton: Tryton) -> None:
    world, who = AccountsWorld(tryton), newcomer("weak")
    world.create(who, companies=[["add", [1]]], company=1)
    weak = Connector(world.settings(login=who.login, password=SecretStr(who.password)))
    with pytest.raises(Forbidden, match=r"write on res\.user, write on sale\.opportunity"):
        weak.check()
    with pytest.raises(Forbidden, match=r"res\.user"):
        weak.lock(weak.before(AccountId(str(tryton.user_id("max.weber")))))
    assert tryton.user_active("max.weber")


def test_the_bot_cannot_give_itself_rights(tryton: Tryton) -> None:
    bot = tryton.sign_in(tryton.bot.login, tryton.bot.password)
    for values in ({"administrator": True}, {"password": "Practice-new-2026"}, {"login": "x"}):
        with pytest.raises(Failed, match="not allowed"):
            bot.call("res.user.write", [tryton.user_id(tryton.bot.login)], values)


def test_without_a_log_exports_are_forbidden_with_what_to_do(tryton: Tryton) -> None:
    world = ExportWorld(tryton)
    account = AccountId(str(tryton.user_id(LEAVER.uid)))
    with pytest.raises(Forbidden, match="server_log"):
        list(Connector(world.settings(server_log=None)).exports(account, LONG_AGO, FAR_OFF))
    with pytest.raises(Missing, match=r"nowhere\.log"):
        Connector(world.settings(server_log=tryton.folder / "nowhere.log")).check()


def test_no_such_database_is_missing(tryton: Tryton) -> None:
    with pytest.raises(Missing):
        Connector(AccountsWorld(tryton).settings(database="elsewhere")).check()


def test_records_of_an_employee_without_a_user_are_counted_and_never_called_an_earlier_leavers(book: BookWorld) -> None:
    """Salespeople may have no log-in. Tryton does not tell whether they have left, so they are not known."""
    owner = book.seller()
    book.add(owner, ["A", "B"])
    admin = book.server.as_admin()
    [row] = admin.call("res.user.read", [int(owner)], ["employees"])
    admin.call("res.user.write", [int(owner)], {"employees": [["remove", row["employees"]]], "employee": None})
    connector, unlinked = book.connect(), AccountId(f"employee:{row['employees'][0]}")
    assert sum(connector.owner_counts()[unlinked].values()) == 2
    seen = connector.observe([unlinked])[unlinked]
    assert (seen.verdict, seen.reason) == (
        Verdict.UNKNOWN,
        "an employee without a user: Tryton does not tell whether the person has left",
    )
