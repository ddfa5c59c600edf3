"""Duties given and stopped in a real BottleCRM: steps of rules, assignees of forms, people of lead settings."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest

from connectors.bottlecrm.connector import BottleCrm as Connector
from connectors.bottlecrm.duty_changes import swapped
from connectors.conformance.duty_changes import DutyChangesSuite, Made, duty, fresh
from connectors.contract import AccountId, Change, DutyAct
from connectors.errors import Forbidden, Missing, OthersTouched
from tests.connectors.bottlecrm.front import losing
from tests.connectors.bottlecrm.test_conformance import Parts
from tests.connectors.bottlecrm.test_duties import RULE, DutiesWorld
from tests.sandbox.company.bottlecrm import bare, dashed

ASSIGN_TO, ROTATION, SETTING, ACTION = (
    "web form:assign_to",
    "web form:rotation_members",
    "lead setting",
    "automation action",
)
TABLES = {"web form": "web_form", SETTING: "apiSettings", ACTION: "automation_rule"}
PATHS = {"web form": "webforms", SETTING: "api-settings", ACTION: "automation/rules"}
FIELDS = {ASSIGN_TO: "assign_to", ROTATION: "rotation_members", SETTING: "lead_assigned_to", ACTION: "actions"}
ALL, GIVE = tuple(DutyAct), (DutyAct.GIVE,)


class DutyChangesWorld(DutiesWorld):
    """Makes and reads each duty through the API as the bot, past the connector and the front."""

    offered: Mapping[str, Collection[DutyAct]] = {SETTING: ALL, ASSIGN_TO: ALL, ACTION: GIVE}
    shared: Collection[str] = (SETTING,)

    def reader(self) -> None:
        """Return nothing: whoever is no administrator may not read these lists."""

    @contextmanager
    def lossy(self) -> Iterator[Connector]:
        with self.front.behaving(losing("PATCH", "PUT")):
            yield self.connect()

    def give(self, account: AccountId, what: str, titles: Sequence[str]) -> None:
        for title in titles:
            if what == SETTING:
                site = "https://www.northwind.example"
                self.post("api-settings", {"title": title, "website": site, "lead_assigned_to": [account]})
            elif what == ROTATION:
                self.post("webforms", {"name": title, "rotation_members": [account]})
                self.server.execute("UPDATE web_form SET is_published = 1 WHERE name = ?", [title])
            else:
                super().give(account, what, [title])

    def writes(self) -> int:
        return sum(
            method in ("PATCH", "PUT", "POST", "DELETE")
            for method, path in self.front.requests
            if "refresh" not in path
        )

    def place(self, what: str, title: str) -> tuple[str, Any] | None:
        """Return path and content of the object with a title."""
        kind = what.partition(":")[0]
        column = "title" if what == SETTING else "name"
        rows = self.server.query(f'SELECT id FROM "{TABLES[kind]}" WHERE {column} = ?', title)
        if not rows:
            return None
        path = f"/api/{PATHS[kind]}/{dashed(rows[0][0])}/"
        status, found = self.server.call("GET", path, None, self._proof)
        assert status == 200, found
        return path, found["domain"] if what == SETTING else found

    def hold(self, what: str, title: str, holders: Collection[AccountId]) -> None:
        found = self.place(what, title)
        assert found
        value: Any = list(holders)
        if what == ASSIGN_TO:
            [value] = holders
        elif what == ACTION:
            value = [{"type": "assign", "people": value, "mode": "replace"}]
        method = "PUT" if what.startswith("web form") else "PATCH"
        status, said = self.server.call(method, found[0], {FIELDS[what]: value}, self._proof)
        assert status == 200, said

    def holders(self, what: str, title: str) -> Collection[AccountId]:
        found = self.place(what, title)
        assert found
        value = found[1][FIELDS[what]]
        if what == SETTING:
            value = [one["id"] for one in value]
        elif what == ACTION:
            [action] = value
            value = action["people"]
        return frozenset(map(AccountId, value if isinstance(value, list) else [value] if value else []))

    def rest(self, what: str, title: str) -> object:
        found = self.place(what, title)
        left = {FIELDS[what], "updated_at", "assign_to_details", "rotation_members_details"}
        return found and {name: value for name, value in found[1].items() if name not in left}

    def delete(self, what: str, title: str) -> None:
        found = self.place(what, title)
        assert found
        status, said = self.server.call("DELETE", found[0], None, self._proof)
        assert status in (200, 204), said


@pytest.fixture
def own(parts: Parts) -> Iterator[DutyChangesWorld]:
    with closing(DutyChangesWorld(*parts)) as world:
        yield world


class TestDutyChanges(DutyChangesSuite):
    @pytest.fixture
    def world(self, own: DutyChangesWorld) -> DutyChangesWorld:
        return own


@pytest.mark.parametrize(("what", "why"), [("automation rule", "becomes its owner"), ("team", "records of the team")])
def test_what_cannot_be_put_back_is_not_offered(own: DutyChangesWorld, what: str, why: str) -> None:
    account, successor, title, connector = own.person(), own.person(), fresh(), own.connect()
    own.give(account, what, [title])
    image = connector.duty_image(account, duty(connector, account, title).id)
    assert (image.acts, why in image.why_not) == (frozenset(), True)
    with pytest.raises(Forbidden, match=why):
        connector.give(image, successor)
    with pytest.raises(Missing):
        connector.duty_image(successor, image.duty)


def test_whoever_switches_a_rule_on_becomes_its_owner(own: DutyChangesWorld) -> None:
    account, title = own.person(), fresh()
    own.give(account, "automation rule", [title])
    found = own.place(ACTION, title)
    assert found
    for switched in (False, True):
        own.server.call("PATCH", found[0], {"is_active": switched}, own._proof)
    after = own.place(ACTION, title)
    assert after
    assert after[1]["owner"]["id"] != account, "the reason why no rule is stopped"


def test_a_form_that_rotates_keeps_its_last_member(own: DutyChangesWorld) -> None:
    one = Made(own, ROTATION)
    found = own.place(ROTATION, one.title)
    assert found
    own.server.call("PUT", found[0], {"assignment_mode": "rotation"}, own._proof)
    image = one.connector.duty_image(one.account, one.id)
    assert (image.acts, "somebody must be left" in image.why_not) == (frozenset(GIVE), True)
    assert one.connector.give(image, one.successor) is Change.MADE
    assert one.holders == {one.successor}


def test_a_step_that_rotates_loses_one_of_three_and_no_step_loses_its_last(own: DutyChangesWorld) -> None:
    account, successor, other, connector = own.person(), own.person(), own.person(), own.connect()
    third, title = own.person(), fresh()
    steps = [
        {"type": "assign", "people": [account, other, third], "mode": "rotate"},
        {"type": "notify", "to": [], "people": [other, account], "message": "a new lead"},
    ]
    made = own.post("automation/rules", {**RULE, "name": title, "actions": steps, "object_key": "lead"})
    image = connector.duty_image(account, duty(connector, account, title).id)
    assert image.acts == frozenset(DutyAct)
    assert connector.stop(image) is Change.MADE
    found = own.place(ACTION, title)
    assert found
    assert [step["people"] for step in found[1]["actions"]] == [[other, third], [other]]
    assert connector.put_back(image, None) is Change.MADE
    assert connector.give(image, successor) is Change.MADE
    found = own.place(ACTION, title)
    assert found
    assert [step["people"] for step in found[1]["actions"]] == [[successor, other, third], [other, successor]]
    assert found[1]["owner"] == made["owner"], "a change of the steps takes nothing over"
    two = [{"type": "assign", "people": [account, other], "mode": "rotate"}]
    own.server.call("PATCH", found[0], {"actions": two}, own._proof)
    image = connector.duty_image(account, image.duty)
    assert (image.acts, "somebody must be left" in image.why_not) == (frozenset(GIVE), True)


def test_without_a_session_what_needs_one_is_forbidden(own: DutyChangesWorld) -> None:
    one = Made(own, SETTING)
    with pytest.raises(Forbidden, match="set session_file"):
        own.connector().duty_image(one.account, one.id)


def test_a_rule_that_does_not_take_the_successor_says_so(own: DutyChangesWorld) -> None:
    one = Made(own, ACTION)
    own.lock(one.account)
    assert one.write(DutyAct.GIVE) is Change.MADE, "an inactive leaver is no reason"
    with pytest.raises(Forbidden, match=r"BottleCRM refuses it: .*active member"):
        one.put_back(DutyAct.GIVE)
    assert one.holders == {one.successor}


def test_an_object_that_changes_more_is_said(own: DutyChangesWorld) -> None:
    one = Made(own, ASSIGN_TO)
    found = own.place(one.what, one.title)
    assert found

    def manners(method: str, path: str, pass_on: Any) -> Any:
        answer = pass_on()
        if method == "PUT":
            own.server.execute("UPDATE web_form SET success_message = 'x' WHERE id = ?", [bare(found[0].split("/")[3])])
        return answer

    with own.front.behaving(manners), pytest.raises(OthersTouched, match=r"success_message of .* changed as well"):
        one.write(DutyAct.GIVE)


def test_nobody_is_named_twice() -> None:
    a, b, c = map(AccountId, "abc")
    assert swapped(["b", "a"], a, b) == ["b"]
    assert swapped(["a", "b"], a, c) == ["c", "b"]
    assert swapped([{"people": ["a", "b"], "person": "a"}], a, None) == [{"people": ["b"], "person": None}]
    assert (swapped("a", a, None), swapped("b", a, c)) == (None, "b")
