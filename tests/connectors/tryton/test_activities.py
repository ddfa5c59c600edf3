"""Activities in a real Tryton: e-mails that people sent, opportunities that were lost, and what it cannot tell."""

import sqlite3
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer
from connectors.conformance.activities import ActivitiesSuite, ago
from connectors.contract import AccountId, MoveOrder, RecordId
from connectors.errors import Unavailable
from connectors.tryton.connector import Tryton as Connector
from tests.connectors.tryton.world import AccountsWorld, BookWorld, number
from tests.sandbox.company.tryton import Tryton
from tests.sandbox.company.tryton_template import FILE


class ActivitiesWorld(BookWorld):
    """Ends deals as a seller does. E-mails are rows in its database, since no mail server is there to take them."""

    many = 210

    def person(self) -> AccountId:
        return self.seller()

    def deals(self, owner: AccountId, number: int) -> Sequence[RecordId]:
        return self.add(owner, [f"Client {n}" for n in range(number)])

    def refused(self) -> Connector:
        """Sign in as somebody without rights on opportunities. Everybody may read the e-mails of what they may read."""
        who = newcomer("weak")
        self.create(who, companies=[["add", [1]]], company=1)
        return Connector(self.settings(login=who.login, password=SecretStr(who.password)))

    def execute(self, sql: str, *rows: Sequence[object]) -> None:
        connection = sqlite3.connect(self.server.folder / FILE, timeout=20)
        with connection:
            connection.executemany(sql, rows)
        connection.close()

    def email(self, resource: str, user: int, times: Sequence[datetime], *, notification: int | None = None) -> None:
        rows = [(f"{at:%Y-%m-%d %H:%M:%S.%f}", user, resource, notification) for at in times]
        sql = "INSERT INTO ir_email (create_date, create_uid, resource, notification_email) VALUES (?, ?, ?, ?)"
        self.execute(sql, *rows)

    def contact(self, record: RecordId, by: AccountId, times: Sequence[datetime]) -> None:
        self.email(f"sale.opportunity,{number(record)}", int(by), times)

    def no_contact(self, record: RecordId, by: AccountId, at: datetime) -> None:
        resource, admin = f"sale.opportunity,{number(record)}", self.server.as_admin()
        self.email(resource, int(by), [at], notification=1)
        self.email(resource, 0, [at])
        self.email(f"sale.opportunity,{number(record)}9", int(by), [at])
        admin.call("ir.note.create", [{"resource": resource, "message": "To do"}])
        admin.call("sale.opportunity.write", [number(record)], {"comment": "Not called yet"})

    def end(self, record: RecordId, *, won: bool) -> None:
        admin, one = self.server.as_admin(), number(record)
        if not won:
            admin.call("sale.opportunity.lost", [one])
            return
        # A won one has a confirmed sale, with products and accounts: here it is written as that writes it.
        self.execute("UPDATE sale_opportunity SET state = 'won', end_date = date('now') WHERE id = ?", [one])
        names = [row[1] for row in self.server.query("PRAGMA table_info(sale_opportunity)") if row[1] != "write_date"]
        columns = ", ".join(f'"{name}"' for name in names)
        now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
        self.execute(
            f"INSERT INTO sale_opportunity__history ({columns}, write_date) "
            f"SELECT {columns}, {now} FROM sale_opportunity WHERE id = ?",
            [one],
        )

    def value(self, record: RecordId) -> tuple[Decimal, str]:
        [(amount,)] = self.server.query("SELECT amount FROM sale_opportunity WHERE id = ?", number(record))
        return Decimal(amount.decode()), "EUR"  # kept as bytes in SQLite

    def ends(self) -> Sequence[tuple[date, bool]]:
        sql = "SELECT end_date, state FROM sale_opportunity WHERE state IN ('won', 'lost') AND end_date IS NOT NULL"
        return [(date.fromisoformat(day), state == "lost") for day, state in self.server.query(sql)]

    def give(self, record: RecordId, owner: AccountId) -> None:
        connector = self.connect()
        held = connector.owners([record])[record]
        assert held is not None
        connector.move([MoveOrder(record, held, owner)])

    def writes(self) -> int:
        return AccountsWorld.writes(self)  # type: ignore[arg-type]  # the bot's changes of any model


@pytest.fixture
def own(tryton: Tryton) -> ActivitiesWorld:
    return ActivitiesWorld(tryton)


class TestActivities(ActivitiesSuite):
    @pytest.fixture
    def world(self, own: ActivitiesWorld) -> ActivitiesWorld:
        return own


def test_an_email_to_the_party_is_contact_with_every_deal_of_it(own: ActivitiesWorld) -> None:
    bob = own.person()
    [deal] = own.deals(bob, 1)
    [(party,)] = own.server.query("SELECT party FROM sale_opportunity WHERE id = ?", number(deal))
    own.email(f"party.party,{party}", int(bob), [ago(hours=1)])
    assert own.connect().activities([deal], ago(days=2))[deal].contacted_by == bob


def test_no_email_is_never_said_to_be_no_contact(own: ActivitiesWorld) -> None:
    [deal] = own.deals(own.person(), 1)
    found = own.connect().activities([deal], ago(days=2))[deal]
    assert found.contacted_at is None
    assert "no calls" in found.unseen


def test_a_deal_that_was_lost_reopened_and_lost_again_counts_once_it_is_lost_again(own: ActivitiesWorld) -> None:
    [deal] = own.deals(own.person(), 1)
    admin = own.server.as_admin()
    own.end(deal, won=False)
    admin.call("sale.opportunity.lead", [number(deal)])
    since = ago(seconds=0)
    assert not own.connect().activities([deal], since)[deal].lost
    own.end(deal, won=False)
    assert own.connect().activities([deal], since)[deal].lost


def test_records_of_a_further_field_have_contacts_and_no_losses(own: ActivitiesWorld) -> None:
    bob, admin = own.person(), own.server.as_admin()
    [party] = admin.call("party.party.create", [{"name": "Ada"}])
    row = {"party": party, "company": 1, "supervisor": own.server.employee_id(own.login(bob))}
    [made] = admin.call("company.employee.create", [row])
    record = RecordId(f"company.employee:supervisor:{made}")
    own.email(f"company.employee,{made}", int(bob), [ago(hours=1)])
    found = own.connect().activities([record], ago(days=2))[record]
    assert (found.contacted_by, found.lost, found.currency) == (bob, False, "")


def test_many_records_take_few_calls(own: ActivitiesWorld) -> None:
    deals = own.deals(own.person(), 200)
    connector, before = own.connect(), 0
    connector.activities(deals[:1], ago(days=2))
    calls = connector.connections()
    assert calls is not None
    before = calls.call_counts().calls
    connector.activities(deals, ago(days=2))
    assert calls.call_counts().calls - before <= 4


def test_a_server_that_repeats_a_page_of_emails_is_not_believed(
    own: ActivitiesWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = own.person()
    [deal] = own.deals(bob, 1)
    own.contact(deal, bob, [ago(hours=1)])
    connector = own.connect()
    asked = connector._rpc.read

    def same_page(method: str, *arguments: Any, **more: Any) -> Any:
        if method != "ir.email.search_read":
            return asked(method, *arguments, **more)
        first, _later, *others = arguments[0]
        return asked(method, [["id", ">", 0], _later, *others], *arguments[1:], **more) if first else None

    monkeypatch.setattr(connector._rpc, "read", same_page)
    with pytest.raises(Unavailable, match="same page"):
        connector.activities([deal], ago(days=2))
