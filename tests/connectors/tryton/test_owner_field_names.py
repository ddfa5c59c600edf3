"""`owner_fields` in the settings, and Tryton's own description of a field; no server."""

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.contract import AccountId, MoveOrder, MoveOutcome, RecordId
from connectors.tryton import owners, records, settings, wire
from connectors.tryton.owners import OPPORTUNITY, OwnerField

MANAGED = OwnerField("party.party", "account_manager", users=True, party="", active=True)
VISITS = OwnerField("northwind.visit", "employee", party="party.", company=True, state=True)
DANA, BOB = AccountId("1"), AccountId("2")


def named(*fields: str) -> settings.TrytonSettings:
    return settings.TrytonSettings.model_validate(
        {
            "url": "https://crm.example.com",
            "database": "crm",
            "login": "handover",
            "password": "env:PW",
            "owner_fields": fields,
        },
        context={"env": {"PW": "x"}},
    )


def test_fields_are_taken_as_tryton_writes_them() -> None:
    fields = ("party.party:account_manager", "company.employee:supervisor", "product.product-party.party:user")
    assert named(*fields).owner_fields == fields
    assert named().owner_fields == ()
    assert OPPORTUNITY.text == settings.ALWAYS


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (("party.party",), "must be MODEL:FIELD"),
        (("party.party.account_manager",), "must be MODEL:FIELD"),
        (("party.party:account_manager.name",), "must be MODEL:FIELD"),
        (("party.party:",), "must be MODEL:FIELD"),
        ((":account_manager",), "must be MODEL:FIELD"),
        (("party.party: account_manager",), "must be MODEL:FIELD"),
        (("party.party:account_manager\n",), "must be MODEL:FIELD"),
        (("pärty.party:manager",), "must be MODEL:FIELD"),
        (("party.party:a", "sale.sale:b", "party.party:a"), "named twice: party.party:a"),
        (("sale.opportunity:employee",), "part of every book"),
        (("res.user:employee",), "rights, keys and views"),
        (("res.user.application:user",), "rights, keys and views"),
        (("ir.export:user",), "rights, keys and views"),
        (("sale.opportunity:create_uid",), "history"),
        (("party.party:write_uid",), "history"),
    ],
)
def test_a_fault_says_what_would_be_right(fields: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        named(*fields)


EMPLOYEE: dict[str, Any] = {"type": "many2one", "relation": "company.employee", "readonly": False, "searchable": True}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (EMPLOYEE, ""),
        ({**EMPLOYEE, "relation": "res.user"}, ""),
        (None, "has no field f"),
        ({**EMPLOYEE, "relation": "party.party"}, "m:f is many2one party.party"),
        ({**EMPLOYEE, "type": "one2many"}, "m:f is one2many company.employee"),
        ({"type": "char", "readonly": False}, "m:f is char in Tryton"),
        ({**EMPLOYEE, "searchable": False}, "cannot search by m:f"),
        ({**EMPLOYEE, "readonly": True}, "m:f is read-only"),
    ],
)
def test_what_a_field_is_decides(found: dict[str, Any] | None, said: str) -> None:
    why = owners.fault("m:f", found)
    assert (said in why) if said else not why


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ("opportunity:7", ("sale.opportunity:employee", 7)),
        ("northwind.visit:employee:7", ("northwind.visit:employee", 7)),
        ("opportunity:-7", None),
        ("opportunity:", None),
        ("opportunity", None),
        ("7", None),
        ("deal:7", None),
        ("a:b:c:7", None),
        ("northwind.visit:employee:７", None),
        ("", None),
    ],
)
def test_an_id_tells_model_field_and_number(record: str, place: tuple[str, int] | None) -> None:
    assert records.place(RecordId(record)) == place


def test_ids_go_there_and_back() -> None:
    for field in (OPPORTUNITY, MANAGED, VISITS):
        assert records.place(records.record_id(field, 7)) == (field.text, 7)


def test_a_party_is_its_own_family_and_a_visit_its_partys() -> None:
    party = {"id": 3, "rec_name": "Zürcher AG", "lang.": {"code": "de"}, "categories.": [{"name": "Key"}]}
    own = records.record(MANAGED, {**party, "account_manager": 1, "active": False}, DANA)
    visit = {"id": 9, "rec_name": "Visit 9", "employee": 4, "state": "planned", "party": 3, "party.": party}
    theirs = records.record(VISITS, visit, DANA)
    alone = records.record(VISITS, {**visit, "party": None, "party.": None, "rec_name": ""}, DANA)
    assert (own.family, theirs.family, alone.family) == ("party:3", "party:3", "northwind.visit:9")
    assert (own.family_name, theirs.family_name, alone.family_name) == ("Zürcher AG", "Zürcher AG", "northwind.visit 9")
    assert (own.open, theirs.open, theirs.stage) == (False, True, "planned")
    assert own.traits == theirs.traits == {"segment": "Key", "language": "de"}
    assert (own.kind, theirs.kind) == ("party.account_manager", "visit.employee")


def test_what_is_read_is_what_is_shown() -> None:
    assert records.fields(MANAGED) == ["rec_name", "account_manager", "active", "lang.code", "categories.name"]
    assert records.fields(VISITS) == [
        "rec_name",
        "employee",
        "party",
        "state",
        "company",
        "party.rec_name",
        "party.lang.code",
        "party.categories.name",
    ]
    assert records.moving_fields(MANAGED) == ["account_manager", "_timestamp"]
    assert records.moving_fields(VISITS) == ["employee", "company", "state", "_timestamp"]


def seller(account: AccountId, hands: dict[int, int | None]) -> wire.OwnerAccount:
    return wire.OwnerAccount(account, f"Name {account}", True, hands, frozenset(hands))


def test_a_visit_goes_to_the_employee_in_its_company() -> None:
    sellers = {DANA: seller(DANA, {10: 1}), BOB: seller(BOB, {20: 2, 21: 1})}
    rows = {n: records.RecordState(n, 10, "employee:10", company, "t", "") for n, company in ((7, 1), (8, 2), (9, 3))}
    batch = [MoveOrder(records.record_id(VISITS, n), DANA, BOB) for n in rows]
    writes, refused = records.decide(batch, rows, sellers)
    assert {write.row.record: write.taker for write in writes} == {7: 21, 8: 20}
    assert refused == {9: "Name 2 is no employee of the record's company"}


def test_a_record_without_a_company_goes_to_any_employee_and_to_nobody_else() -> None:
    rows = {7: records.RecordState(7, 10, "employee:10", None, "t", "")}
    batch = [MoveOrder(records.record_id(VISITS, 7), DANA, BOB)]
    writes, _ = records.decide(batch, rows, {DANA: seller(DANA, {10: 1}), BOB: seller(BOB, {20: 2})})
    assert [write.taker for write in writes] == [20]
    writes, refused = records.decide(batch, rows, {DANA: seller(DANA, {10: 1}), BOB: seller(BOB, {})})
    assert (writes, refused) == ([], {7: "Name 2 is no employee"})


def test_an_employee_and_a_user_of_one_number_are_two() -> None:
    """A value of a user field is no employee's id, whatever the expected owner is called."""
    row = records.holding(MANAGED, {"id": 7, "account_manager": 10, "_timestamp": "t"})
    batch = [MoveOrder(records.record_id(MANAGED, 7), AccountId("employee:10"), BOB)]
    sellers = {BOB: seller(BOB, {2: None})}
    assert records.decide(batch, {7: row}, sellers) == ([], {})
    told = records.report(batch[0], {7: row}, sellers, {}, set(), lambda owner: AccountId(str(owner)))
    assert (told.outcome, told.owner) == (MoveOutcome.TAKEN, "10")
