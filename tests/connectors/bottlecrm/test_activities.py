"""Activities in a real BottleCRM: calls, meetings and messages that people log, and deals that end."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from pydantic import SecretStr

from connectors.bottlecrm.connector import BottleCrm as Connector
from connectors.conformance.activities import ActivitiesSuite, ago
from connectors.contract import AccountId, MoveOrder, RecordId
from connectors.errors import Unavailable
from tests.connectors.bottlecrm.front import Answer
from tests.connectors.bottlecrm.test_conformance import Parts
from tests.connectors.bottlecrm.world import BookWorld
from tests.sandbox.company.bottlecrm import RECORDS, bare, dashed

INTERACTION = (
    "INSERT INTO interaction (id, created_at, updated_at, org_id, kind, direction, occurred_at, duration_estimated, "
    "outcome, subject, body, logged_by_id, participants, {home}_id, home, origin, external_id) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, '', '', ?, '[]', ?, ?, ?, '')"
)


class ActivitiesWorld(BookWorld):
    """Makes contacts in the database, as of any time and by anybody; ends deals over the API."""

    many = 210

    def person(self) -> AccountId:
        return self.seller()

    def deals(self, owner: AccountId, number: int) -> Sequence[RecordId]:
        [(source,)] = self.server.query("SELECT id FROM opportunity WHERE stage = 'PROPOSAL' LIMIT 1")
        made = [str(uuid4()) for _ in range(number)]
        rows = [{"id": bare(one), "name": f"Deal {one}", "account_id": None} for one in made]
        self.server.clones("opportunity", source, rows)
        self.server.assign("opportunity", {one: [owner] for one in made})
        return [RecordId(f"opportunity:{one}") for one in made]

    def refused(self) -> Connector:
        """Hold a token that may read records and no timelines."""
        [(kept,)] = self.server.query("SELECT id FROM personal_access_token WHERE name = 'Handover'")
        scopes = json.dumps([f"{name}:read" for name in ("users", "profile", "opportunities", "tasks", "accounts")])
        token, secret = uuid4().hex, f"bcrm_pat_{uuid4().hex}"
        hashed = hashlib.sha256(secret.encode()).hexdigest()
        self.server.clone(
            "personal_access_token", kept, id=token, scopes=scopes, name="weak", token_hash=hashed, token_prefix="weak"
        )
        return self.connector(token=SecretStr(secret))

    def log(
        self,
        record: RecordId,
        by: AccountId | None,
        times: Sequence[datetime],
        *,
        kind: str = "call",
        outcome: str = "",
        origin: str = "manual",
    ) -> None:
        home, _colon, number = record.partition(":")
        [(org,)] = self.server.query("SELECT id FROM organization LIMIT 1")
        now, who = f"{datetime.now(UTC):%F %T.%f}", bare(by) if by else None
        head = (now, now, org, kind, "outbound")
        rows = [(uuid4().hex, *head, f"{at:%F %T.%f}", outcome, who, bare(number), home, origin) for at in times]
        self.server.execute(INTERACTION.format(home=home), *rows)

    def contact(self, record: RecordId, by: AccountId, times: Sequence[datetime]) -> None:
        self.log(record, by, times)

    def no_contact(self, record: RecordId, by: AccountId, at: datetime) -> None:
        for outcome in ("no_answer", "voicemail", "busy", "wrong_number"):
            self.log(record, by, [at], outcome=outcome)
        self.log(record, by, [at], kind="enquiry", origin="intake")
        kind, _colon, number = record.partition(":")
        status, answer = self.server.call(
            "POST", f"/api/opportunities/{number}/", {"comment": "Not called yet"}, self.server.token
        )
        assert (kind, status) == ("opportunity", 200), answer

    def end(self, record: RecordId, *, won: bool) -> None:
        number = record.partition(":")[2]
        change = {"stage": "CLOSED_WON" if won else "CLOSED_LOST", "closed_on": datetime.now(UTC).date().isoformat()}
        status, answer = self.server.call("PATCH", f"/api/opportunities/{number}/", change, self.server.token)
        assert status == 200, answer

    def value(self, record: RecordId) -> tuple[Decimal, str]:
        sql = "SELECT amount, currency FROM opportunity WHERE id = ?"
        [(amount, currency)] = self.server.query(sql, bare(record.partition(":")[2]))
        return Decimal(str(amount)), currency

    def ends(self) -> Sequence[tuple[date, bool]]:
        sql = "SELECT closed_on, stage FROM opportunity WHERE stage LIKE 'CLOSED%'"
        return [(date.fromisoformat(day), stage == "CLOSED_LOST") for day, stage in self.server.query(sql)]

    def give(self, record: RecordId, owner: AccountId) -> None:
        connector = self.connect()
        held = connector.owners([record])[record]
        assert held is not None
        connector.move([MoveOrder(record, held, owner)])

    def missing(self) -> RecordId:
        return RecordId(f"opportunity:{uuid4()}")

    def delete(self, record: RecordId) -> None:
        number = bare(record.partition(":")[2])
        self.server.execute("DELETE FROM opportunity_assigned_to WHERE opportunity_id = ?", [number])
        self.server.execute("DELETE FROM opportunity WHERE id = ?", [number])

    def writes(self) -> int:
        return self.written(*RECORDS, "profile")


@pytest.fixture
def own(parts: Parts) -> Iterator[ActivitiesWorld]:
    with closing(ActivitiesWorld(*parts)) as world:
        yield world


class TestActivities(ActivitiesSuite):
    @pytest.fixture
    def world(self, own: ActivitiesWorld) -> ActivitiesWorld:
        return own


@pytest.mark.parametrize("kind", ["account", "contact", "lead", "opportunity", "case"])
def test_every_kind_with_a_timeline_shows_its_contacts(own: ActivitiesWorld, kind: str) -> None:
    bob = own.person()
    made = {record.partition(":")[0]: record for record in own.some(bob)}
    own.log(made[kind], bob, [ago(hours=1)], kind="meeting")
    assert own.connect().activities([made[kind]], ago(days=2))[made[kind]].contacted_by == bob


def test_contact_with_the_company_counts_for_its_deals_and_tasks(own: ActivitiesWorld) -> None:
    bob = own.person()
    sql = "SELECT o.id, o.account_id FROM opportunity o JOIN task t ON t.account_id = o.account_id LIMIT 1"
    [(deal, company)] = own.server.query(sql)
    [(task,)] = own.server.query("SELECT id FROM task WHERE account_id = ? LIMIT 1", company)
    records = [RecordId(f"opportunity:{dashed(deal)}"), RecordId(f"task:{dashed(task)}")]
    since = ago(minutes=10)
    own.log(RecordId(f"account:{dashed(company)}"), bob, [ago(minutes=5)], kind="email")
    found = own.connect().activities(records, since)
    assert [found[one].contacted_by for one in records] == [bob, bob]


def test_a_task_alone_has_no_timeline_and_that_is_said(own: ActivitiesWorld) -> None:
    [task] = own.add(own.person(), ["Alone"])
    assert own.connect().activities([task], ago(days=2))[task].unseen


def test_contact_by_a_program_names_nobody(own: ActivitiesWorld) -> None:
    [deal] = own.deals(own.person(), 1)
    own.log(deal, None, [ago(hours=1)], kind="email", origin="gateway")
    found = own.connect().activities([deal], ago(days=2))[deal]
    assert found.contacted_at is not None
    assert found.contacted_by is None


def test_a_company_that_nobody_sees_any_more_is_no_error(own: ActivitiesWorld) -> None:
    bob = own.person()
    [deal] = own.deals(bob, 1)
    own.contact(deal, bob, [ago(hours=1)])
    assert own.connect().activities([deal], ago(days=2))[deal].contacted_by == bob


def test_a_timeline_that_repeats_its_page_is_no_timeline(own: ActivitiesWorld) -> None:
    bob = own.person()
    [deal] = own.deals(bob, 1)
    own.log(deal, bob, [ago(hours=2)] * own.many, outcome="busy")

    def same_page(_method: str, path: str, pass_on: Callable[[], Answer | None]) -> Answer | None:
        answer = pass_on()
        if "/interactions/" not in path or answer is None:
            return answer
        told = json.loads(answer[1])
        rows = kept.setdefault("rows", told["interactions"])
        return answer[0], json.dumps({"interactions": rows, "count": 100_000}).encode()

    kept: dict[str, object] = {}
    with own.front.behaving(same_page), pytest.raises(Unavailable, match="repeats itself"):
        own.connect().activities([deal], ago(days=2))


def test_the_timeline_of_a_company_is_read_once_for_all_its_records(own: ActivitiesWorld) -> None:
    deals = own.deals(own.person(), 20)
    [(company,)] = own.server.query("SELECT id FROM accounts LIMIT 1")
    for deal in deals:
        number = bare(deal.partition(":")[2])
        own.server.execute("UPDATE opportunity SET account_id = ? WHERE id = ?", [company, number])
    connector = own.connect()
    before = len(own.front.requests)
    assert len(connector.activities(deals, ago(days=2))) == 20
    read = [path for _method, path in own.front.requests[before:] if "/interactions/" in path]
    assert len(read) == 21
