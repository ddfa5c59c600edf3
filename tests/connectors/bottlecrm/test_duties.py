"""Duties in a real BottleCRM: rules and webhooks that act for a member, forms and settings, teams."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from connectors.bottlecrm.connector import BottleCrm as Connector
from connectors.conformance.duties import DutiesSuite, fresh
from connectors.contract import AccountId, DutyKind
from tests.connectors.bottlecrm.front import Front
from tests.connectors.bottlecrm.test_conformance import Parts
from tests.connectors.bottlecrm.world import World
from tests.sandbox.company.bottlecrm import BottleCrm, bare

RULE = {"object_key": "lead", "trigger": {"event": "created"}, "match": "all", "conditions": [], "is_active": True}


class DutiesWorld(World):
    """Makes each duty through the API as the bot, an administrator, and names the member in the database."""

    kinds: Sequence[str] = ("team", "automation rule", "automation action", "web form:assign_to")
    many = 210

    def __init__(self, server: BottleCrm, front: Front, folder: Path) -> None:
        super().__init__(server, front, folder)
        self._file = self.session()
        signed_in = server.sign_in(server.bot)
        assert signed_in is not None
        self._proof = signed_in.access

    def connect(self, password: str = "good") -> Connector:
        token = self.server.token if password == "good" else f"bcrm_pat_{password}"
        return self.connector(token=SecretStr(token), session_file=self._file)

    def give(self, account: AccountId, what: str, titles: Sequence[str]) -> None:
        if what == "team":
            self._teams(account, titles)
            return
        for title in titles:
            if what == "web form:assign_to":
                self.post("webforms", {"name": title, "assign_to": account})
                self.server.execute("UPDATE web_form SET is_published = 1 WHERE name = ?", [title])
            else:
                self.rule(account, title, owns=what == "automation rule")

    def rule(self, account: AccountId, title: str, *, owns: bool) -> None:
        people = [self.server.profile_id(self.server.bot)] if owns else [account]
        action = {"type": "assign", "people": people, "mode": "replace"}
        made = self.post("automation/rules", {**RULE, "name": title, "actions": [action]})
        if owns:
            self.server.execute(
                "UPDATE automation_rule SET owner_id = ? WHERE id = ?", [bare(account), bare(made["id"])]
            )

    def post(self, path: str, content: object) -> Any:
        status, made = self.server.call("POST", f"/api/{path}/", content, self._proof)
        assert status in (200, 201), made
        return made

    def _teams(self, account: AccountId, titles: Sequence[str]) -> None:
        source = self.server.query("SELECT id FROM teams LIMIT 1")[0][0]
        made = {str(uuid4()): title for title in titles}
        self.server.clones("teams", source, [{"id": bare(number), "name": title} for number, title in made.items()])
        rows = [[bare(number), bare(account)] for number in made]
        self.server.execute("INSERT INTO teams_users (teams_id, profile_id) VALUES (?, ?)", *rows)

    def give_disabled(self, account: AccountId, title: str) -> bool:
        self.rule(account, title, owns=True)
        self.server.execute("UPDATE automation_rule SET is_active = 0 WHERE name = ?", [title])
        return True

    def lock(self, account: AccountId) -> None:
        connector = self.connect()
        connector.lock(connector.before(account))

    def refused(self) -> Connector:
        """Connect without a session: a personal token may not read rules."""
        return self.connector()

    def writes(self) -> int:
        return self.written("profile")


@pytest.fixture
def own(parts: Parts) -> Iterator[DutiesWorld]:
    with closing(DutiesWorld(*parts)) as world:
        yield world


class TestDuties(DutiesSuite):
    @pytest.fixture
    def world(self, own: DutiesWorld) -> DutiesWorld:
        return own


def test_a_rule_is_paused_with_its_owner_and_is_listed_as_switched_off(own: DutiesWorld) -> None:
    account, title = own.person(), fresh("rule")
    own.give(account, "automation rule", [title])
    connector = own.connect()
    [before] = connector.duties(account)
    assert (before.kind, before.title, before.place, before.stops, before.active) == (
        DutyKind.RUNS,
        title,
        "lead",
        True,
        True,
    )
    own.lock(account)
    [after] = connector.duties(account)
    assert (after.id, after.active) == (before.id, False)


def test_webhooks_lead_settings_and_rotations_name_their_member(own: DutiesWorld) -> None:
    account, other = own.person(), own.person()
    url = "https://hooks.northwind.example/1"
    hook = own.post("webhooks", {"url": "https://9.9.9.9/", "description": fresh(), "events": ["lead.deleted"]})
    sql = "UPDATE webhook_endpoint SET url = ?, is_active = 0, created_by_id = ? WHERE id = ?"
    [(user,)] = own.server.query("SELECT user_id FROM profile WHERE id = ?", bare(account))
    own.server.execute(sql, [url, user, bare(hook["id"])])  # nothing is ever sent there
    setting = {"title": fresh(), "website": "https://www.northwind.example", "lead_assigned_to": [account]}
    own.post("api-settings", setting)
    form = {"name": fresh(), "assignment_mode": "rotation", "rotation_members": [account, other]}
    own.post("webforms", {**form, "notify_profiles": [other]})
    found = {one.what: one for one in own.connect().duties(account)}
    assert found.keys() == {"webhook", "lead setting", "web form:rotation_members"}
    assert (found["webhook"].kind, found["webhook"].place) == (DutyKind.RUNS, url)
    assert found["lead setting"].title == setting["title"]
    assert [one.kind for one in found.values() if one.what != "webhook"] == [DutyKind.ROUTES] * 2
    keys = own.server.query("SELECT apikey FROM apiSettings")
    assert keys
    assert not any(key in str(found) for (key,) in keys)


def test_without_a_session_what_cannot_be_read_is_named(own: DutiesWorld) -> None:
    account, title = own.person(), fresh()
    own.give(account, "team", [title])
    connector = own.refused()
    assert [one.title for one in connector.duties(account)] == [title]
    said = list(connector.unseen_duties(account))
    assert [words.partition(" ")[0] for words in said] == ["automation/rules", "webhooks", "api-settings"]
    assert all("set session_file" in words for words in said)
