"""Further fields that name an employee or a user, on a real Tryton: the client book suite, and their own cases."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.conformance.accounts import Newcomer
from connectors.conformance.client_book import ClientBookSuite, assignments, outcomes
from connectors.contract import AccountId, MoveOrder, MoveOutcome, RecordId
from connectors.errors import Forbidden, Missing, OutcomeUnknown
from connectors.tryton import MANIFEST
from connectors.tryton.connector import Tryton as Connector
from tests.connectors.tryton.world import FieldWorld, NotificationWorld, SupervisorWorld, number
from tests.sandbox.company.tryton import Tryton
from tests.workflows.stage import BOB, CASE, HANNA, LEAVER, Stage
from workflows.storage.rows.clients import AssignmentState, PutBack
from workflows.storage.rows.work_state import WorkState
from workflows.systems.registry import System

BOTH = (SupervisorWorld.field, NotificationWorld.field)
REPORTS, NOTICES = "employee.supervisor", "email.fallback_recipients"
"""The two kinds, as people read them."""


@pytest.fixture(scope="module")
def reports(tryton: Tryton) -> Iterator[SupervisorWorld]:
    world = SupervisorWorld(tryton)
    with world.allowed():
        yield world


@pytest.fixture(scope="module")
def notices(tryton: Tryton) -> Iterator[NotificationWorld]:
    world = NotificationWorld(tryton)
    with world.allowed():
        yield world


@pytest.fixture
def both(reports: SupervisorWorld, notices: NotificationWorld) -> Connector:
    assert notices.field in BOTH
    return Connector(reports.settings(owner_fields=BOTH))


class TestUsers(ClientBookSuite):
    """The suite on a field that points to users; one that points to employees works like the opportunities."""

    @pytest.fixture
    def world(self, notices: NotificationWorld) -> FieldWorld:
        return notices


def test_all_of_a_party_are_one_family_and_move_together(both: Connector, reports: SupervisorWorld) -> None:
    owner, successor = reports.seller(), reports.seller()
    [deal] = reports.server.add(reports.login(owner), ["Both"])
    admin = reports.server.as_admin()
    [row] = admin.call("sale.opportunity.read", [deal], ["party"])
    subordinate = {"party": row["party"], "company": 1, "supervisor": reports.hand(owner)}
    [employee] = admin.call("company.employee.create", [subordinate])
    records = list(both.records(owner))
    assert [(one.id, one.kind) for one in records] == [
        (f"opportunity:{deal}", "opportunity"),
        (f"company.employee:supervisor:{employee}", REPORTS),
    ]
    assert {(one.family, one.family_name) for one in records} == {(f"party:{row['party']}", "Both")}
    batch = [MoveOrder(one.id, owner, successor) for one in records]
    assert outcomes(both.move(batch)) == [(one.id, MoveOutcome.MOVED, successor) for one in records]
    assert both.owners([one.id for one in records]) == dict.fromkeys((one.id for one in records), successor)
    assert both.count(owner) == {"opportunity": 0, REPORTS: 0, NOTICES: 0}
    assert both.count(successor) == {"opportunity": 1, REPORTS: 1, NOTICES: 0}


def test_records_that_are_inactive_are_in_the_book(reports: SupervisorWorld) -> None:
    """Tryton leaves them out of every list that does not ask for them."""
    owner, successor = reports.seller(), reports.seller()
    here, left = reports.add(owner, ["Here", "Left"])
    gone = date(2026, 1, 31)
    ended = {"end_date": {"__class__": "date", "year": gone.year, "month": gone.month, "day": gone.day}}
    reports.server.as_admin().call("company.employee.write", [number(left)], ended)
    connector = reports.connect()
    assert {one.id: one.open for one in connector.records(owner)} == {here: True, left: False}
    assert connector.count(owner)[REPORTS] == 2
    moved = connector.move(assignments([here, left], owner, successor))
    assert {one.outcome for one in moved} == {MoveOutcome.MOVED}
    assert (reports.owners()[here], reports.owners()[left]) == (successor, successor)


def test_a_write_between_our_read_and_our_write_is_not_overwritten(reports: SupervisorWorld) -> None:
    owner, successor, taker = reports.seller(), reports.seller(), reports.seller()
    first, taken, last = reports.add(owner, ["A", "B", "C"])
    connector, done = reports.connect(), list[RecordId]()
    write = connector._rpc.write

    def late(*arguments: Any, **context: Any) -> None:
        if not done:
            done.append(taken)
            reports.take(taken, by=taker)
        write(*arguments, **context)

    connector._rpc.write = late  # type: ignore[method-assign]
    moved = connector.move(assignments([first, taken, last], owner, successor))
    assert [answer.outcome for answer in moved] == [MoveOutcome.MOVED, MoveOutcome.TAKEN, MoveOutcome.MOVED]
    assert reports.owners()[taken] == taker == moved[1].owner


def test_a_field_that_the_settings_do_not_name_any_more_is_read_and_never_written(reports: SupervisorWorld) -> None:
    owner, successor = reports.seller(), reports.seller()
    mine, moved = reports.add(owner, ["A", "B"])
    reports.connect().move(assignments([moved], owner, successor))
    without, writes = Connector(reports.settings(owner_fields=())), reports.writes()
    assert without.owners([mine, moved, reports.missing()]) == {mine: owner, moved: successor}
    assert without.count(owner) == {"opportunity": 0}
    answers = without.move(assignments([mine, moved, reports.missing()], owner, successor))
    assert [one.outcome for one in answers] == [MoveOutcome.REFUSED, MoveOutcome.MOVED, MoveOutcome.GONE]
    assert "owner_fields" in answers[0].reason
    assert reports.writes() == writes


def test_trouble_after_a_part_was_written_is_no_plain_trouble(reports: SupervisorWorld) -> None:
    """The caller must read back: a part of the batch was written."""
    owner, successor = reports.seller(), reports.seller()
    [mine] = reports.add(owner, ["A"])
    connector = Connector(reports.settings(owner_fields=(reports.field, "no.such:field")))
    batch = assignments([mine, RecordId("no.such:field:7")], owner, successor)
    with pytest.raises(OutcomeUnknown, match=r"no model no\.such"):
        connector.move(batch)
    assert reports.owners()[mine] == successor
    with pytest.raises(Missing, match=r"no model no\.such"):
        connector.move(batch)


def test_a_book_with_a_field_that_tryton_has_not_is_no_empty_book(reports: SupervisorWorld) -> None:
    owner, connector = reports.seller(), Connector(reports.settings(owner_fields=("company.employee:boss",)))
    with pytest.raises(Missing, match="boss"):
        connector.count(owner)
    with pytest.raises(Missing, match="boss"):
        list(connector.records(owner))


def test_every_field_that_cannot_be_used_is_named_with_what_to_do(reports: SupervisorWorld) -> None:
    wrong = {
        "no.such:field": "no model no.such; activate its module there",
        "company.employee:boss": "company.employee has no field boss; correct",
        "party.party:name": "party.party:name is char in Tryton; name a field that points",
        "company.employee:party": "is many2one party.party in Tryton; name a field that points",
    }
    with pytest.raises(Missing) as caught:
        Connector(reports.settings(owner_fields=(reports.field, *wrong))).check()
    assert [said for said in wrong.values() if said not in str(caught.value)] == []
    assert "supervisor" not in str(caught.value)
    assert reports.connect().check()


def test_a_right_that_is_missing_is_named(reports: SupervisorWorld) -> None:
    connector = Connector(reports.settings(owner_fields=("company.company:party", "sale.sale:quoted_by")))
    with pytest.raises(Missing, match=r"company\.company:party"):
        connector.check()
    admin = reports.server.as_admin()
    [bot] = admin.call("res.group.search", [["name", "=", "Handover bot"]])
    shut = {"model": "sale.sale", "group": bot, "perm_read": True, "perm_write": False}
    made = admin.call("ir.model.access.create", [shut])
    try:
        with pytest.raises(Forbidden, match=r"lacks write on sale\.sale$"):
            Connector(reports.settings(owner_fields=("sale.sale:quoted_by",))).check()
    finally:
        admin.call("ir.model.access.delete", made)


def test_a_field_that_the_bot_may_only_read_is_named(reports: SupervisorWorld) -> None:
    admin = reports.server.as_admin()
    [bot] = admin.call("res.group.search", [["name", "=", "Handover bot"]])
    shut = {"model": reports.model, "field": reports.column, "group": bot, "perm_read": True, "perm_write": False}
    made = admin.call("ir.model.field.access.create", [shut])
    try:
        with pytest.raises(Missing, match=r"supervisor is read-only\. Let the bot's user write it"):
            reports.connect().check()
    finally:
        admin.call("ir.model.field.access.delete", made)


class Practice:
    """Dana, whose name stands only in further fields, and Bob, who may own some of their records."""

    def __init__(self, reports: SupervisorWorld, notices: NotificationWorld, folder: Path) -> None:
        self.connector = Connector(reports.settings(owner_fields=BOTH))
        self.reports, self.notices = reports, notices
        self.dana = self.join(Newcomer("dana.alone", LEAVER.name, LEAVER.email, ""))
        self.bob = self.join(
            Newcomer(BOB.email, BOB.name, "", "")
        )  # a recipient of notices must have an address in Tryton
        self.led = reports.add(self.dana, ["One", "Two", "Three"])
        self.noticed = notices.add(self.dana, ["First", "Second"])
        self.stage = Stage(folder, System("crm", MANIFEST, self.connector), successors=(BOB,))

    def join(self, who: Newcomer) -> AccountId:
        admin = self.reports.server.as_admin()
        [party] = admin.call("party.party.create", [{"name": who.name}])
        [employee] = admin.call("company.employee.create", [{"party": party, "company": 1}])
        place = {"companies": [["add", [1]]], "company": 1, "employees": [["add", [employee]]], "employee": employee}
        return self.reports.create(who, password=False, **place)

    def leave(self) -> None:
        for account in (self.dana, self.bob):
            values = {"login": f"was-{account}", "email": f"was-{account}@x.example"}
            self.reports.server.as_admin().call("res.user.write", [int(account)], values)


@pytest.fixture
def practice(reports: SupervisorWorld, notices: NotificationWorld, tmp_path: Path) -> Iterator[Practice]:
    made = Practice(reports, notices, tmp_path)
    yield made
    made.leave()


def test_who_stands_in_such_fields_alone_hands_over_and_gets_back_and_what_is_left_is_explained(
    practice: Practice,
) -> None:
    stage = practice.stage
    stage.tick()
    assert {(line.kind, line.record_id) for line in stage.lines()} == {
        *((REPORTS, record) for record in practice.led),
        *((NOTICES, record) for record in practice.noticed),
    }
    stage.approve()
    stage.tick()
    assert [practice.reports.owners()[record] for record in practice.led] == [practice.bob] * 3
    assert [practice.notices.owners()[record] for record in practice.noticed] == [practice.dana] * 2
    told = stage.clients().balance
    assert told == (
        "crm, email.fallback_recipients: 2 before, 2 after; 2 still with the leaver (2 refused)",
        "crm, employee.supervisor: 3 before, 3 after",
        "crm, opportunity: 0 before, 0 after",
    )
    assert all("Recipients Fallback" in line.note for line in stage.lines() if line.kind == NOTICES)
    assert stage.handover.put_backs.begin(CASE, HANNA) == 3
    with stage.store.read() as session:
        row = session.get_one(PutBack, f"{CASE}:crm")
    stage.handover.put_backs.run(row.id)
    assert [practice.reports.owners()[record] for record in practice.led] == [practice.dana] * 3
    states = {key: line.state for key, line in stage.rows().items()}
    assert states == {
        **dict.fromkeys(practice.led, AssignmentState.PUT_BACK),
        **dict.fromkeys(practice.noticed, AssignmentState.REFUSED),
    }
    assert stage.book().state == WorkState.DONE
