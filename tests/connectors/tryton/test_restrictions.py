"""Restrictions of the bot's user in Tryton, on companies, records and users: said before anybody relies on a count."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from bot.cli.checks.systems import checks
from connectors.conformance.accounts import newcomer, person
from connectors.contract import AccountId, MoveOrder, MoveOutcome, Person, Verdict
from connectors.errors import Forbidden
from connectors.tryton import MANIFEST, wire
from connectors.tryton.connector import Tryton as Connector
from tests.connectors.tryton.world import BookWorld
from tests.sandbox.company.people import LEAVER, PEOPLE
from tests.sandbox.company.tryton import Tryton
from workflows.cases.plan import look
from workflows.people import Leaver
from workflows.systems.registry import System

GROUP = "Handover bot"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    """Serve a CRM of its own: a second company changes what other tests count."""
    with Tryton(tmp_path_factory.mktemp("tryton")) as server:
        yield server


@pytest.fixture
def world(server: Tryton) -> BookWorld:
    return BookWorld(server)


def _bot(server: Tryton, **values: Any) -> None:
    server.as_admin().call("res.user.write", [server.user_id(server.bot.login)], values)


@pytest.fixture(scope="module")
def south(server: Tryton) -> int:
    """Return a second company, in which the leaver has one opportunity."""
    admin = server.as_admin()
    [party] = admin.call("party.party.create", [{"name": "Northwind South, Inc."}])
    [currency] = admin.call("currency.currency.search", [])
    company: int
    [company] = admin.call("company.company.create", [{"party": party, "currency": currency}])
    admin.call("res.user.write", [admin.user], {"companies": [["add", [company]]], "company_filter": "all"})
    leaver = server.user_id(LEAVER.uid)
    [employee] = admin.call("company.employee.create", [{"party": party, "company": company}])
    admin.call("res.user.write", [leaver], {"companies": [["add", [company]]], "employees": [["add", [employee]]]})
    admin.context = {"company": company}
    deal = {"party": party, "company": company, "currency": currency, "employee": employee, "description": "south"}
    admin.call("sale.opportunity.create", [deal])
    admin.context = {"company": 1}
    return company


@contextmanager
def _rule(server: Tryton, model: str, domain: str, **rule: Any) -> Iterator[None]:
    admin = server.as_admin()
    group = {"name": f"rule of {model}", "model": model, "global_p": True, "default_p": False}
    [made] = admin.call("ir.rule.group.create", [{**group, "rules": [["create", [{"domain": domain}]]], **rule}])
    try:
        yield
    finally:
        admin.call("ir.rule.group.delete", [made])


def test_a_bot_that_sees_everything_has_no_blind_spots(world: BookWorld) -> None:
    assert world.connect().blind_spots() == ()


@pytest.mark.parametrize(("filtered", "named"), [("one", True), ("one", False), ("all", False)])
def test_a_company_that_the_bot_does_not_see_is_named(world: BookWorld, south: int, filtered: str, named: bool) -> None:
    leaver = AccountId(str(world.server.user_id(LEAVER.uid)))
    [(every,)] = world.server.query("SELECT count(*) FROM sale_opportunity")
    _bot(world.server, companies=[["add" if named else "remove", [south]]], company_filter=filtered)
    [said] = world.connect().blind_spots()
    assert "1 of 2 companies" in said
    assert "Northwind South, Inc." in said
    before = world.connect().count(leaver)["opportunity"]
    _bot(world.server, companies=[["add", [south]]], company_filter="all")
    connector = world.connect()
    assert (connector.blind_spots(), connector.count(leaver)["opportunity"]) == ((), before + 1)
    assert connector._rpc.read("sale.opportunity.search_count", []) == every


def test_doctor_and_plan_say_what_the_bot_does_not_see(world: BookWorld, south: int) -> None:
    _bot(world.server, companies=[["add", [south]]], company_filter="one")
    system = System("crm", MANIFEST, world.connect())
    [check] = checks({"crm": system})
    unseen = [result.said for result in check.look() if result.unseen]
    leaver = Leaver(LEAVER.name, LEAVER.email, logins=(LEAVER.uid,))
    assert [("1 of 2 companies" in one) for one in unseen] == [True]
    assert unseen[0] in look(system, leaver).warnings
    _bot(world.server, company_filter="all")
    assert [result.said for result in check.look() if result.unseen] == []


@pytest.mark.parametrize("model", ["sale.opportunity", "party.party", "company.employee", "company.company"])
@pytest.mark.parametrize("whose", ["global", "default", "group", "another group"])
def test_a_record_rule_that_hides_records_is_named_if_it_applies(
    world: BookWorld, south: int, model: str, whose: str
) -> None:
    _bot(world.server, companies=[["add", [south]]], company_filter="all")
    admin = world.server.as_admin()
    group = GROUP if whose == "group" else "Sales"
    groups = admin.call("res.group.search", [["name", "=", group]]) if "group" in whose else []
    rule = {"global_p": whose == "global", "default_p": whose == "default", "groups": [["add", groups]]}
    with _rule(world.server, model, '[["id", "<", 5]]', **rule):
        said = world.connect().blind_spots()
    assert bool([one for one in said if f"rule of {model}" in one]) is (whose != "another group")


@pytest.mark.parametrize("gone", [True, False])
def test_users_that_a_record_rule_hides_are_not_absent(world: BookWorld, gone: bool) -> None:
    who = newcomer()
    account = world.nobody() if gone else world.create(who)
    bot = world.server.user_id(world.server.bot.login)
    connector = world.connect()
    with _rule(world.server, "res.user", f'[["id", "=", {bot}]]'):
        assert connector.observe([account])[account].verdict is Verdict.UNKNOWN
        lookup = connector.find(person(who))
        assert (lookup.accounts, bool(lookup.doubts)) == ((), True)
        assert any("res.user" in one for one in connector.blind_spots())
    assert connector.find(person(newcomer())).doubts == ()


def test_rules_that_cannot_be_read_leave_it_open_what_is_hidden(world: BookWorld) -> None:
    admin = world.server.as_admin()
    [bot] = admin.call("res.group.search", [["name", "=", GROUP]])
    shut = {"model": "ir.rule.group", "field": "rules", "group": bot, "perm_read": False, "perm_write": False}
    access = admin.call("ir.model.field.access.create", [shut])
    try:
        assert any("cannot tell what" in one for one in world.connect().blind_spots())
        gone = world.nobody()
        assert world.connect().observe([gone])[gone].verdict is Verdict.UNKNOWN
    finally:
        admin.call("ir.model.field.access.delete", access)


def test_fewer_opportunities_than_expected_are_said(world: BookWorld) -> None:
    [(every,)] = world.server.query("SELECT count(*) FROM sale_opportunity WHERE company = 1")
    settings = world.settings(opportunities_at_least=every + 1_000)
    connector = type(world.connect())(settings)
    assert any(f"says {every + 1_000}" in one for one in connector.shortfalls())
    assert type(connector)(world.settings(opportunities_at_least=every)).shortfalls() == ()


def _compared(world: BookWorld, **changes: Any) -> Connector:
    password = SecretStr(world.server.admin.password)
    second = {"compare_login": world.server.admin.login, "compare_password": password}
    return Connector(world.settings(**second | changes))


def test_records_that_only_a_second_user_sees_are_a_fault(world: BookWorld, south: int) -> None:
    _bot(world.server, companies=[["add", [south]]], company_filter="all")
    assert _compared(world).shortfalls() == ()
    [check] = checks({"crm": System("crm", MANIFEST, _compared(world))})
    assert [(one.ok, one.unseen) for one in check.look()] == [(True, False)]
    _bot(world.server, company_filter="one")
    faults = [one.said for one in check.look() if not one.ok]
    _bot(world.server, company_filter="all")
    assert [one.split(" sees ")[0] for one in faults] == [world.server.admin.login]
    assert "records of sale.opportunity" in faults[0]


def test_a_user_that_only_a_second_one_sees_is_never_absent(world: BookWorld) -> None:
    who = newcomer()
    account, bot = world.create(who), world.server.user_id(world.server.bot.login)
    colleague = PEOPLE[1]
    connector = _compared(world, compare_login=colleague.uid, compare_password=SecretStr(colleague.password))
    [group] = world.server.as_admin().call("res.group.search", [["name", "=", GROUP]])
    with _rule(world.server, "res.user", f'[["id", "!=", {int(account)}]]', global_p=False, groups=[["add", [group]]]):
        [fault, *_more] = connector.shortfalls()
        lookup, seen = connector.find(person(who)), connector.observe([account, AccountId(str(bot))])
    assert f"sees 1 account that {world.server.bot.login} does not see" in fault
    assert any(f"sees the account {who.login}" in one for one in lookup.doubts)
    assert seen[account].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("wrong", [{"compare_login": "x"}, {"compare_login": ""}, {"compare_login": "bot"}])
def test_a_second_user_needs_a_password_and_is_another_one(world: BookWorld, wrong: dict[str, Any]) -> None:
    password = {} if wrong["compare_login"] == "x" else {"compare_password": SecretStr("x")}
    wrong = {"compare_login": world.server.bot.login} if wrong["compare_login"] == "bot" else wrong
    with pytest.raises(ValidationError, match="compare_login"):
        world.settings(**wrong, **password)


def test_a_model_of_the_book_that_may_not_be_read_is_an_error_and_not_nothing(world: BookWorld) -> None:
    admin, leaver = world.server.as_admin(), AccountId(str(world.server.user_id(LEAVER.uid)))
    [access] = admin.call("ir.model.access.search", [["group.name", "=", GROUP], ["model", "=", "sale.opportunity"]])
    admin.call("ir.model.access.write", [access], {"perm_read": False})
    try:
        connector = world.connect()
        with pytest.raises(Forbidden):
            connector.check()
        with pytest.raises(Forbidden):
            connector.count(leaver)
        with pytest.raises(Forbidden):
            list(connector.records(leaver))
    finally:
        admin.call("ir.model.access.write", [access], {"perm_read": True})


def test_who_can_own_an_opportunity_is_known_before_the_move(world: BookWorld, south: int) -> None:
    """An employee of the other company, an ended contract, one that ends soon, and a user who is no employee."""
    _bot(world.server, companies=[["add", [south]]], company_filter="all")
    here, ended, ending, plain = world.seller(), world.seller(), world.seller(), world.create(newcomer())
    today = datetime.now(UTC).date()
    for account, end in ((ended, today - timedelta(days=1)), (ending, today + timedelta(days=10))):
        day = {"__class__": "date", "year": end.year, "month": end.month, "day": end.day}
        employee = world.server.employee_id(world.login(account))
        world.server.as_admin().call("company.employee.write", [employee], {"end_date": day})
    leaver, connector = AccountId(str(world.server.user_id(LEAVER.uid))), world.connect()
    records = {record.name: record for record in connector.records(leaver)}
    pools = {record.owner_pool for record in records.values()}
    assert pools == {"company:1", f"company:{south}"} == {records["south"].owner_pool, "company:1"}
    everybody = [here, ended, ending, plain, leaver]
    now, later = (connector.owner_faults(everybody, pools, today + timedelta(days=days)) for days in (0, 14))
    assert {one: {pool for pool in pools if not by[pool]} for one, by in now.items()} == {
        here: {"company:1"},
        ended: set(),
        ending: {"company:1"},
        plain: set(),
        leaver: pools,
    }
    assert "is no employee of Northwind South, Inc. on " in now[here][f"company:{south}"]
    assert (bool(later[ending]["company:1"]), later[here]["company:1"]) == (True, "")
    north = next(record.id for record in records.values() if record.owner_pool == "company:1" and not record.fixed)
    tried = [(records["south"].id, here), (north, ended), (north, plain), (north, here)]
    outcomes = [connector.move([MoveOrder(record, leaver, to)])[0].outcome for record, to in tried]
    assert outcomes == [*[MoveOutcome.REFUSED] * 3, MoveOutcome.MOVED]


@pytest.mark.parametrize(
    ("there", "sought"),
    [
        ("strauss@x.example", "strau\xdf@x.example"),
        ("\u212aim@x.example", "kim@x.example"),
        ("jose\u0301@x.example", "jos\xe9@x.example"),
    ],
)
def test_what_unicode_folds_together_is_asked_about_and_never_linked(world: BookWorld, there: str, sought: str) -> None:
    account = world.create(newcomer(), email=there)
    lookup = world.connect().find(Person("", (sought,)))
    login = world.login(account)
    assert (lookup.accounts, any(login in doubt for doubt in lookup.doubts)) == ((), True)


def test_letters_whose_case_the_database_does_not_know_are_asked_about(world: BookWorld) -> None:
    account = world.create(newcomer(), email="M\xdcLLER@x.example")
    lookup = world.connect().find(Person("", ("m\xfcller@x.example",)))
    assert [one.id for one in lookup.accounts] == [account] or lookup.doubts


@pytest.mark.parametrize(("active", "verdict"), [(1, "open"), (0, "locked"), (None, "unknown"), ("no", "unknown")])
def test_an_active_that_is_missing_is_not_no(active: object, verdict: str) -> None:
    row = {"id": 1, "login": "x", "name": "X", "email": None, "active": active, "sessions": 0}
    assert wire.observation(row).verdict == verdict
    assert wire.account(row, "login").verdict == verdict


def test_exports_without_a_log_or_in_another_log_are_not_taken_for_none(world: BookWorld, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    other.write_text("2026-01-01 00:00:00,000 INFO trytond.protocols.dispatcher x.y() from somebody@::1/x in 1 ms\n")
    without, wrong = (Connector(world.settings(server_log=one)) for one in (None, other))
    assert ["no server_log" in one for one in without.blind_spots()] == [True]
    assert "exports" not in without.check(), "a green line of doctor says nothing of what is not seen"
    assert [f"{other} does not show the calls" in one for one in wrong.blind_spots()] == [True]
    leaver, until = AccountId(str(world.server.user_id(LEAVER.uid))), datetime.now(UTC)
    with pytest.raises(Forbidden, match="does not show the calls"):
        list(wrong.exports(leaver, until - timedelta(days=60), until))


def test_a_log_that_begins_late_is_said(world: BookWorld, tmp_path: Path) -> None:
    late, lines = tmp_path / "server.log", world.server.log.read_text().splitlines(keepends=True)
    begun = datetime.now(UTC) - timedelta(days=5)
    late.write_text("".join((f"{begun:%Y-%m-%d %H:%M:%S},000 INFO trytond x\n", *lines[-50:])))
    assert [
        f"begins on {begun:%Y-%m-%d}" in one for one in Connector(world.settings(server_log=late)).blind_spots()
    ] == [True]
