"""Duties given and stopped in a real Tryton: fallback recipients and supervisors, and keys that are left alone."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.conformance.accounts import newcomer
from connectors.conformance.duty_changes import DutyChangesSuite, Made, duty, fresh
from connectors.contract import AccountId, Change, DutyAct
from connectors.errors import Conflict, Forbidden
from connectors.tryton.connector import Tryton as Connector
from tests.connectors.tryton.lossy import relay
from tests.connectors.tryton.test_duties import FALLBACK, SUPERVISOR, DutiesWorld
from tests.sandbox.company.tryton import Tryton

MODELS = {"company.employee": "company_employee", "notification.email": "notification_email"}
TITLED = {
    "company.employee": "SELECT e.id FROM company_employee e JOIN party_party p ON p.id = e.party WHERE p.name = ?",
    "notification.email": "SELECT n.id FROM notification_email n JOIN ir_action a ON a.name = ? "
    "JOIN ir_action_report r ON r.action = a.id WHERE n.content = r.id",
}
"""The record with a title, by model."""
STAMPS = {"write_date", "write_uid"}


class DutyChangesWorld(DutiesWorld):
    """Lets the bot write employees and notifications."""

    offered: Mapping[str, Collection[DutyAct]] = dict.fromkeys((SUPERVISOR, FALLBACK), tuple(DutyAct))
    shared: Collection[str] = ()

    def person(self) -> AccountId:
        account = super().person()
        self.server.as_admin().call("res.user.write", [int(account)], {"email": f"{self.login(account)}@x.example"})
        return account

    @contextmanager
    def lossy(self) -> Iterator[Connector]:
        with relay(self.server.url) as address:
            yield Connector(self.settings(url=address))

    def reader(self) -> Connector:
        """Sign in as somebody who may read the same, and write nothing."""
        admin, who = self.server.as_admin(), newcomer("reader")
        [group] = admin.call("res.group.create", [{"name": fresh("readers")}])
        modes = dict.fromkeys(("perm_write", "perm_create", "perm_delete"), False)
        every = ("res.user", "party.party", *MODELS)
        rights = [{"model": model, "group": group, "perm_read": True, **modes} for model in every]
        admin.call("ir.model.access.create", rights)
        self.create(who, companies=[["add", [1]]], company=1, groups=[["add", [group]]])
        return Connector(self.settings(login=who.login, password=SecretStr(who.password)))

    def place(self, what: str, title: str) -> tuple[int, str, str] | None:
        """Return number, table and column of a duty."""
        model, _colon, column = what.partition(":")
        rows = self.server.query(TITLED[model], title)
        return (rows[0][0], MODELS[model], column) if rows else None

    def hold(self, what: str, title: str, holders: Collection[AccountId]) -> None:
        found, model = self.place(what, title), what.partition(":")[0]
        assert found
        [holder] = holders
        value = self.server.employee_id(self.login(holder)) if what == SUPERVISOR else int(holder)
        self.server.as_admin().call(f"{model}.write", [found[0]], {found[2]: value})

    def holders(self, what: str, title: str) -> Collection[AccountId]:
        found = self.place(what, title)
        assert found
        number, table, column = found
        by = "u.employee" if what == SUPERVISOR else "u.id"
        rows = self.server.query(
            f"SELECT u.id FROM {table} d JOIN res_user u ON {by} = d.{column} WHERE d.id = ?", number
        )
        [(value,)] = self.server.query(f"SELECT {column} FROM {table} WHERE id = ?", number)
        assert len(rows) == (value is not None)
        return frozenset(AccountId(str(row[0])) for row in rows)

    def rest(self, what: str, title: str) -> object:
        found = self.place(what, title)
        if found is None:
            return None
        number, table, column = found
        names = [name for _, name, *_ in self.server.query(f"PRAGMA table_info({table})")]
        kept = [name for name in names if name not in STAMPS | {column}]
        return self.server.query(f"SELECT {', '.join(kept)} FROM {table} WHERE id = ?", number)

    def delete(self, what: str, title: str) -> None:  # type: ignore[override]  # of a duty
        found = self.place(what, title)
        assert found
        self.server.as_admin().call(f"{what.partition(':')[0]}.delete", [found[0]])


@contextmanager
def allowed(server: Tryton, model: str) -> Iterator[None]:
    """Let the bot write a model, which its group may not in the practice company."""
    admin = server.as_admin()
    rows = admin.call("ir.model.access.search", [["group.name", "=", "Handover bot"], ["model", "=", model]])
    admin.call("ir.model.access.write", rows, {"perm_write": True})
    try:
        yield
    finally:
        admin.call("ir.model.access.write", rows, {"perm_write": False})


@pytest.fixture
def own(tryton: Tryton) -> Iterator[DutyChangesWorld]:
    with ExitStack() as stack:
        for model in MODELS:
            stack.enter_context(allowed(tryton, model))
        yield DutyChangesWorld(tryton)


class TestDutyChanges(DutyChangesSuite):
    @pytest.fixture
    def world(self, own: DutyChangesWorld) -> DutyChangesWorld:
        return own


@pytest.mark.parametrize("field", ["secondary", "hidden"])
def test_each_fallback_recipient_is_changed_alone(own: DutyChangesWorld, field: str) -> None:
    one = Made(own, f"{FALLBACK}_{field}")
    admin, found = own.server.as_admin(), own.place(one.what, one.title)
    assert found
    admin.call("notification.email.write", [found[0]], {"fallback_recipients": int(one.account)})
    one.rest = own.rest(one.what, one.title)
    assert one.write(DutyAct.STOP) is Change.MADE
    assert (one.holders, own.holders(FALLBACK, one.title), one.is_as_before()) == (set(), {one.account}, True)
    assert one.put_back(DutyAct.STOP) is Change.MADE
    assert one.write(DutyAct.GIVE) is Change.MADE
    assert (one.holders, own.holders(FALLBACK, one.title)) == ({one.successor}, {one.account})


def test_a_key_is_left_alone_since_a_cancelled_one_never_works_again(own: DutyChangesWorld) -> None:
    account, successor, connector = own.person(), own.person(), own.connect()
    key = own.give_key(account)
    [found] = connector.duties(account)
    image = connector.duty_image(account, found.id)
    assert (image.acts, "a cancelled key never works again" in image.why_not) == (frozenset(), True)
    with pytest.raises(Forbidden, match="a cancelled key"):
        connector.give(image, successor)
    with pytest.raises(Forbidden, match="a cancelled key"):
        connector.stop(image)
    assert own.answers(key) == 200


def test_without_the_right_to_write_nothing_is_offered(tryton: Tryton) -> None:
    own = DutyChangesWorld(tryton)
    account, title = own.person(), fresh()
    own.give(account, SUPERVISOR, [title])
    connector = own.connect()
    image = connector.duty_image(account, duty(connector, account, title).id)
    assert (image.acts, "may not write supervisor of company.employee" in image.why_not) == (frozenset(), True)


def test_a_right_that_ended_after_the_image_is_forbidden(tryton: Tryton) -> None:
    with allowed(tryton, "company.employee"):
        one = Made(DutyChangesWorld(tryton), SUPERVISOR)
    with pytest.raises(Forbidden):
        one.write(DutyAct.GIVE)
    assert one.holders == {one.account}


def test_a_report_does_not_become_their_own_supervisor(own: DutyChangesWorld) -> None:
    account, report, connector = own.person(), own.person(), own.connect()
    employee, hand = (own.server.employee_id(own.login(one)) for one in (report, account))
    own.server.as_admin().call("company.employee.write", [employee], {"supervisor": hand})
    [found] = connector.duties(account)
    with pytest.raises(Forbidden, match="their own record"):
        connector.give(connector.duty_image(account, found.id), report)


def test_somebody_of_another_company_supervises_nobody(own: DutyChangesWorld) -> None:
    one, admin = Made(own, SUPERVISOR), own.server.as_admin()
    hand = own.server.employee_id(own.login(one.successor))
    admin.call("res.user.write", [int(one.successor)], {"employee": None, "employees": [["remove", [hand]]]})
    with pytest.raises(Forbidden, match="no employee of its company"):
        one.write(DutyAct.GIVE)
    assert one.holders == {one.account}


def test_a_successor_without_an_address_is_refused_by_tryton_itself(own: DutyChangesWorld) -> None:
    one = Made(own, FALLBACK)
    own.server.as_admin().call("res.user.write", [int(one.successor)], {"email": None})
    with pytest.raises(Forbidden, match="Tryton: "):
        one.write(DutyAct.GIVE)
    assert one.holders == {one.account}


def test_another_change_between_read_and_write_is_a_conflict(own: DutyChangesWorld) -> None:
    one, changes = Made(own, FALLBACK), one_change_before_each_write
    with changes(own, one), pytest.raises(Conflict):
        one.write(DutyAct.GIVE)
    assert one.holders == {one.account}
    assert one.write(DutyAct.GIVE) is Change.MADE


@contextmanager
def one_change_before_each_write(own: DutyChangesWorld, one: Made) -> Iterator[None]:
    """Let an administrator write another field of the record right before each write."""
    found = own.place(one.what, one.title)
    assert found
    rpc: Any = one.connector._rpc  # type: ignore[attr-defined]
    send = rpc.write

    def write(method: str, *arguments: Any, **more: Any) -> None:
        own.server.as_admin().call("notification.email.write", [found[0]], {"from_": fresh("from")})
        send(method, *arguments, **more)

    rpc.write = write
    try:
        yield
    finally:
        rpc.write = send
