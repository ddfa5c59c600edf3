"""Nothing in the database identifies a person: every column of every table after a whole case."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from connectors.contract import AccountId, RecordId, Verdict
from connectors.errors import Unavailable
from tests.workflows.access.test_manual_steps import badge
from tests.workflows.clients.test_approvals import say
from tests.workflows.office import HR, MAX, SECURITY, Office
from tests.workflows.proof import proven
from tests.workflows.stage import Stage, crm
from tests.workflows.tables import VAULT
from workflows.access.views import SystemLine
from workflows.cases.joinings import JoinedChannel
from workflows.clients.split.sealed import line_id
from workflows.people import Actor
from workflows.refusals import Refused
from workflows.storage.journal import Journal, Personal
from workflows.storage.rows.case import Case, Reason
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.watch import FindingKind
from workflows.storage.vault import SEALED, Vault
from workflows.tampering import acts

SOMEBODY = ("dana", "neill", "max", "bob", "carol", "hanna", "sam", "zoe", "eve", "ada", "u0", "@x.example", "cli:")
"""Parts of every name, address, log-in, account id and Slack id of the people of this story, in lower case."""
IN_BYTES = ("o'neill", "crm-dana", "directory-dana", "dana@x", "dana.other", "u0dana", "u0max", "slack:", "bob@x")
"""Those that chance does not write into encrypted bytes."""
KEYED = re.compile(r"sealed\.[A-Za-z0-9+/]+=*|[0-9a-f]{12,}")
"""Values that a key made of a text: chance writes short names into them."""
EXCEPTIONS = {("journal_head", "signature"): "bytes of a signature", ("journal_head", "public_key"): "bytes of a key"}
"""Columns that may hold such a text, each with why."""
ADA, ZOE = Actor("slack:U0ADA", "Ada"), Actor("slack:U0ZOE", "Zoe")
AT_TERMINAL = replace(HR, terminal=True, login="cli:hr")
APPROVER = Actor(f"slack:{MAX.slack_id}", "Max", "max@x.example", terminal=True, login="cli:max")


@pytest.fixture
def office(tmp_path: Path, url: str) -> Iterator[Office]:
    """An office with a manual step beside the systems."""
    made = Office(tmp_path, badge(), url=url, crm_lists=True)
    yield made
    made.store.close()


@pytest.fixture
def whole(office: Office) -> str:
    """Carry out a whole case, and more than a case often has; return its id."""
    crm = office.crm
    for n in range(4):
        crm.record(f"opportunity:{n}", "crm-dana", family=f"party:{n}", value=n)
    crm.users[AccountId("crm-dana")].tokens["t-1"] = "dana's laptop"
    crm.fail("count", Unavailable("no answer about uid=dana"))
    crm.user("crm-dana-2", "dana@x.example", login="dana.other")
    office.handover.delegations.make(
        "U0MAX", "U0ZOE", office.clock.now(), office.clock.now() + timedelta(days=3), AT_TERMINAL
    )
    case_id = office.offboarding.open(
        office.request(
            effective_at=office.clock.now() + timedelta(hours=5), reason=Reason.DISMISSAL, requested_by=AT_TERMINAL
        )
    )
    office.work()
    with pytest.raises(Refused):
        office.offboarding.cancel(case_id, Actor("slack:U0DANA", "Dana"), "a mistake")
    office.offboarding.reschedule(case_id, office.clock.now() + timedelta(hours=1), HR)
    office.services.joinings.record(JoinedChannel(case_id, "C0CASES", "U0DANA"), "E1")
    office.clock.pass_(hours=2)
    office.work()
    office.linking.link(case_id, "crm", SECURITY, account="crm-dana")
    office.work()
    [proposal] = office.handover.proposals.waiting_for(MAX.slack_id)
    line = line_id(case_id, "crm", RecordId("opportunity:0"))
    edited = office.handover.edits.exclude(proposal.id, proposal.digest, [line], "hers", APPROVER)
    proposal = office.handover.proposals.view(edited)
    office.work()
    assert "U0ZOE" in {post.channel for post in office.posts().values()}, "a delegation made at the terminal counts"
    office.handover.decisions.decide(proposal.id, proposal.digest, APPROVER, approve=True)
    office.work()
    office.manual.confirm(f"{case_id}:badge", ADA, note="Dana gave it to Ada")
    crm.users[AccountId("crm-dana")].active = True
    crm.user("crm-dana-3", "dana@x.example", login="dana.third")
    office.clock.pass_(days=1)
    office.audits.run_now(SECURITY)
    office.work()
    found = {one.kind: one.id for one in office.audits.findings()}
    assert len(found) > 1
    office.audits.take(next(iter(found.values())), SECURITY)
    office.linking.deny(case_id, "crm", SECURITY, account="crm-dana-2", reason="a namesake")
    office.handover.put_backs.begin(case_id, HR)
    office.work()
    office.offboarding.undo(case_id, SECURITY, "a mistake")
    office.work()
    office.journal.seal()
    return case_id


def dump(office: Office) -> Iterator[tuple[str, str, Any]]:
    """Yield table, column and value of every field, as the database itself holds them."""
    engine = sa.create_engine(office.store.url)
    with engine.connect() as connection:
        tables = sa.MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in connection.execute(sa.select(table)).mappings():
                yield from ((table.name, str(name), value) for name, value in row.items())
    engine.dispose()


def _names(value: Any) -> bool:
    """Return whether a value tells who somebody is."""
    if isinstance(value, bytes | memoryview):
        return any(one.encode() in bytes(value).lower() for one in IN_BYTES)
    return any(one in KEYED.sub("", str(value)).lower() for one in SOMEBODY)


def test_no_column_of_no_table_identifies_anybody(office: Office, whole: str) -> None:
    rows = list(dump(office))
    told = {
        (table, column, str(value))
        for table, column, value in rows
        if (table, column) not in EXCEPTIONS and _names(value)
    }
    assert not told, "\n".join(map(str, sorted(told)))
    filled = {table for table, _column, _value in rows}
    assert filled >= {"leaver_account", "account_link", "finding", "decision", "delegation", "exclusion", "put_back"}
    assert proven(office.journal).ok
    assert office.offboarding.case(whole).leaver.name == "Dana O'Neill"


def crm_line(office: Office, case_id: str) -> SystemLine:
    return next(one for one in office.offboarding.case(case_id).systems if one.system == "crm")


def test_entries_name_people_and_accounts_as_long_as_the_keys_live(office: Office, whole: str) -> None:
    def linked() -> list[tuple[str, str]]:
        with office.store.read() as session:
            found = acts(office.context, session, whole, "account.linked")
        return [(act.actor, str(act.data["account"])) for act in found]

    assert linked() == [(SECURITY.id, "crm-dana")]
    with office.store.write() as session:
        session.get_one(Case, whole).wrapped_key = b""
    [(actor, account)] = linked()
    assert actor == SECURITY.id
    assert account.startswith(SEALED)
    assert proven(office.journal).ok


@pytest.mark.parametrize("changed", ["nobody", f"{SEALED}AAAA", VAULT.seal_id("finding", "crm-dana")])
def test_an_id_that_somebody_changed_in_the_database_is_never_taken_for_gone(office: Office, changed: str) -> None:
    case_id = office.offboarding.open(office.request())
    office.work()
    assert crm_line(office, case_id).verdict is Verdict.LOCKED
    office.crm.users[AccountId("crm-dana")].active = True
    with office.store.write() as session:
        statement = sa.text("update leaver_account set account_id = :new where system = 'crm'")
        session.execute(statement, {"new": changed})
    office.audits.run_now(SECURITY)
    line = crm_line(office, case_id)
    assert line.verdict is Verdict.OPEN, "the id is put back from the row's own, and the account is read"
    assert FindingKind.TAMPERED in [one.kind for one in office.offboarding.case(case_id).findings]


def test_entries_of_an_earlier_version_count_beside_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = crm()
    stage = Stage(tmp_path, world.system())
    stage.tick()
    with monkeypatch.context() as earlier:
        earlier.setattr(Journal, "_person", lambda _journal, actor_id: actor_id)
        earlier.setattr(Journal, "_sealed_facts", lambda _journal, _session, _case, data: plain(data))
        say(stage, replace(APPROVER, terminal=False, login=""))
    with stage.store.read() as session:
        assert "slack:U0MAX" in session.exec(select(JournalEntry.actor)).all()
    stage.settle()
    assert not world.owned("dana")


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as version 0.2.0 wrote them."""
    return {name: fact.value if isinstance(fact, Personal) else fact for name, fact in data.items()}


def test_an_identifier_is_the_same_for_one_purpose_and_key_alone() -> None:
    sealed = VAULT.seal_id("account", "uid=dana,ou=people")
    assert sealed == Vault(b"m" * 32).seal_id("account", "uid=dana,ou=people")
    assert VAULT.open_id("account", sealed) == "uid=dana,ou=people"
    assert VAULT.seal_id("actor", "uid=dana,ou=people") != sealed
    for purpose, vault in (("actor", VAULT), ("account", Vault(b"n" * 32))):
        assert vault.open_id(purpose, sealed) == sealed, "what no key opens is no id of anybody"
    assert VAULT.open_id("account", "crm-dana") == f"{SEALED}crm-dana"
    assert VAULT.open_ids("account", [sealed, ""]) == ["uid=dana,ou=people", ""]
