"""Rows changed by somebody with the database alone: nothing moves, nothing opens, and security is told."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from connectors.contract import AccountId, Verdict
from tests.workflows.clients.test_approvals import ADA, say
from tests.workflows.memory import World
from tests.workflows.office import HR, SECURITY, Office
from tests.workflows.stage import CASE, HANNA, Stage, crm
from workflows.clients.approval_policy import AdditionalApproval, ApprovalPolicy
from workflows.people import Actor
from workflows.refusals import Refused
from workflows.storage.marks import Marks
from workflows.storage.rows.clients import PutBack
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.watch import Finding, FindingKind
from workflows.storage.store import Store

PROPOSAL = f"{CASE}-v1"
APPROVED = "update proposal set state = 'approved'"
LINES = "update assignment set state = 'approved'"
DUE = "update book_handover set phase = 'move', state = 'due', due_at = '2026-01-01 00:00:00'"
OTHER = "select sealed from assignment where record_id = 'opportunity:011'"
THREE = (APPROVED, LINES, DUE)


def forge(store: Store, *statements: str, **values: object) -> None:
    """Change the rows as somebody with the database's password could."""
    with store.write() as session:
        for statement in statements:
            session.execute(sa.text(statement), values)


def found(store: Store) -> list[Finding]:
    """Return the findings about changed rows."""
    with store.read() as session:
        return list(session.exec(select(Finding).where(Finding.kind == FindingKind.TAMPERED)))


@pytest.fixture
def world() -> World:
    return crm()


@pytest.fixture
def stage(tmp_path: Path, world: World) -> Stage:
    stage = Stage(tmp_path, world.system())
    stage.tick()
    return stage


def nothing_moves(stage: Stage, world: World) -> None:
    before = world.owned("dana")
    stage.settle(10)
    assert world.owned("dana") == before
    assert not [what for what in world.writes if what.startswith("move:")]
    assert [row.case_id for row in found(stage.store)] == [CASE]


def test_three_updates_move_no_clients_without_approval(stage: Stage, world: World) -> None:
    assert len(world.owned("dana")) == 12
    forge(stage.store, *THREE)
    nothing_moves(stage, world)


def test_an_entry_that_somebody_adds_approves_nothing(stage: Stage, world: World) -> None:
    """An entry without our mark counts for nothing."""
    forge(
        stage.store,
        *THREE,
        "insert into journal (id, at, actor, action, case_id, data, sealed, prev, hash, mark) "
        "select 'x', at, actor, 'proposal.approved', case_id, data, sealed, '', '', mark from journal "
        "where action = 'proposal.made'",
    )
    nothing_moves(stage, world)


@pytest.mark.parametrize(
    "statement",
    [
        "update assignment set successor = (select successor from assignment order by successor limit 1)",
        "update assignment set record_id = 'opportunity:999' where record_id = 'opportunity:003'",
        "update assignment set owner = 'zed' where record_id = 'opportunity:003'",
        f"update assignment set sealed = ({OTHER}) where record_id = 'opportunity:003'",
        "update proposal set digest = 'f'",
        "update proposal set lines = (select sealed from proposal)",
        "delete from journal where action = 'approval.yes'",
        "update journal set data = replace(data, 'proposal', 'proposa1') where action = 'proposal.approved'",
    ],
)
def test_what_was_approved_and_then_changed_does_not_move(stage: Stage, world: World, statement: str) -> None:
    stage.approve()
    forge(stage.store, statement)
    nothing_moves(stage, world)


def test_an_approval_of_another_case_is_none(stage: Stage, world: World) -> None:
    stage.approve()
    forge(
        stage.store,
        "update journal set data = replace(data, 'c1-v1', 'c1-v2')",
        "update assignment set proposal_id = null where record_id = 'opportunity:003'",
    )
    nothing_moves(stage, world)


def test_fewer_people_than_were_asked_approve_nothing(tmp_path: Path, world: World) -> None:
    policy = ApprovalPolicy(rules=(AdditionalApproval("board", ("U0ADA", "U0BEA"), quorum=2),))
    stage = Stage(tmp_path, world.system(), policy=policy)
    stage.tick()
    stage.look()
    forge(stage.store, "delete from approval_request where role = 'board'")
    stage.approve()
    nothing_moves(stage, world)


@pytest.mark.parametrize("act", ["stop", "pause"])
def test_a_stop_that_is_taken_back_in_the_rows_stays_a_stop(stage: Stage, world: World, act: str) -> None:
    stage.approve()
    getattr(stage.handover.halts, act)(CASE, HANNA)
    forge(stage.store, LINES, "update book_handover set phase = 'move', state = 'due', halted = ''")
    nothing_moves(stage, world)


def test_what_was_put_back_is_not_moved_again_by_old_rows(stage: Stage, world: World) -> None:
    stage.approve()
    stage.settle(1)
    stage.handover.put_backs.begin(CASE, HANNA)
    stage.handover.put_backs.run(f"{CASE}:crm")
    assert len(world.owned("dana")) == 12
    world.writes.clear()
    forge(stage.store, LINES, "update book_handover set phase = 'move', state = 'due'")
    nothing_moves(stage, world)


@pytest.mark.parametrize("again", [False, True])
def test_clients_go_back_only_if_somebody_asked(stage: Stage, world: World, again: bool) -> None:
    stage.approve()
    stage.settle(1)
    if again:  # asked once, done, given to the successor once more: the old rows ask for nothing
        stage.handover.put_backs.begin(CASE, HANNA)
        stage.handover.put_backs.run(f"{CASE}:crm")
        for record in world.records.values():
            object.__setattr__(record, "owner", AccountId("bob"))
        forge(stage.store, "update assignment set owner_after = 'bob'")
    else:
        with stage.store.write() as session:
            now = stage.time.now()
            session.add(PutBack(id=f"{CASE}:crm", case_id=CASE, system="crm", due_at=now, asked_by="x", asked_at=now))
    world.writes.clear()
    before = world.owned("dana")
    forge(stage.store, "update assignment set state = 'being put back'", "update put_back set state = 'due'")
    stage.handover.put_backs.run(f"{CASE}:crm")
    assert world.owned("dana") == before
    assert not world.writes
    assert [row.system for row in found(stage.store)] == ["crm"]


def test_re_approve_asks_the_people_again(stage: Stage, world: World) -> None:
    stage.approve()
    stage.journal._marks = Marks(b"x" * 32)  # the key is lost
    nothing_moves(stage, world)
    assert stage.handover.halts.approve_again(CASE, ADA) == 12
    stage.settle(10)
    assert stage.proposal().version == 2
    assert len(world.owned("dana")) == 12


def test_old_keys_verify_and_only_the_newest_signs() -> None:
    master, old, new = b"m" * 32, b"o" * 32, b"n" * 32
    facts = ["id", "approved"]
    marks = [Marks(master).make(facts), Marks(master, [old]).make(facts)]
    rotated = Marks(master, [new, old])
    assert all(rotated.fits(mark, facts) for mark in marks)
    assert not any(rotated.fits(mark, ["id", "declined"]) for mark in marks)
    assert len({mark.partition(":")[0] for mark in (*marks, rotated.make(facts))}) == 3
    assert not Marks(master).fits(rotated.make(facts), facts)
    assert not rotated.fits("", facts)


@pytest.mark.parametrize(("value", "currency"), [(9_000_000, "EUR"), (1003, "USD")])
def test_a_deal_that_is_worth_something_else_now_is_asked_again(
    stage: Stage, world: World, value: int, currency: str
) -> None:
    stage.approve()
    world.record("opportunity:003", "dana", family="party:1", value=value, currency=currency)
    stage.settle(10)
    assert world.owned("dana") == {"opportunity:003"}
    assert stage.proposal().version == 2
    assert [line.record_id for line in stage.lines()] == ["opportunity:003"]
    assert found(stage.store) == []


def test_a_value_above_the_limit_at_execution_needs_the_second_approval(tmp_path: Path, world: World) -> None:
    limit: dict[str, Any] = {"EUR": 100_000}
    policy = ApprovalPolicy(rules=(AdditionalApproval("board", ("U0ADA",), above_value=limit),))
    stage = Stage(tmp_path, world.system(), policy=policy)
    stage.tick()
    stage.look()
    stage.approve()
    world.record("opportunity:003", "dana", family="party:1", value=9_000_000)
    stage.settle(10)
    assert {row.role for row in stage.requests() if row.proposal_id == stage.proposal().id} == {"manager", "board"}


def test_a_delegation_that_nobody_made_gives_no_right(stage: Stage, world: World) -> None:
    now = stage.time.now()
    stage.handover.delegations.make("U0MAX", "U0ZOE", now, now + timedelta(days=3), HANNA)
    forge(stage.store, "update delegation set to_id = 'U0EVE'")
    stage.look()
    with pytest.raises(Refused):
        say(stage, Actor("slack:U0EVE", "Eve"))
    with pytest.raises(Refused):
        say(stage, Actor("slack:U0ZOE", "Zoe"))


def test_a_delegation_that_ended_stays_ended(stage: Stage) -> None:
    now = stage.time.now()
    made = stage.handover.delegations.make("U0MAX", "U0ZOE", now, now + timedelta(days=3), HANNA)
    stage.handover.delegations.end(made.id, HANNA)
    forge(stage.store, "update delegation set ended_at = null")
    stage.look()
    with pytest.raises(Refused):
        say(stage, Actor("slack:U0ZOE", "Zoe"))


# Access


@pytest.fixture
def case_id(office: Office) -> str:
    """Return a case that is locked out everywhere."""
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    assert office.offboarding.case(case_id).locked_out
    return case_id


def restore(office: Office, case_id: str) -> None:
    """Add due restorations, as somebody with the database could."""
    for system in ("directory", "crm"):
        forge(
            office.store,
            "insert into restoration (id, case_id, system, state, due_at, attempt, sealed) "
            "values (:id, :case, :system, 'due', '2026-01-01 00:00:00', 0, :sealed)",
            id=f"{case_id}:{system}",
            case=case_id,
            system=system,
            sealed=b"",
        )


def is_open(office: Office) -> bool:
    return any(world.users[AccountId(f"{world.name}-dana")].active for world in (office.directory, office.crm))


def alarms(office: Office) -> list[str]:
    return [post.channel for post in office.posts().values() if post.kind == MessageKind.ALARM]


@pytest.mark.parametrize("state", ["", "update case_ set state = 'undone'"])
def test_a_restoration_that_nobody_asked_for_opens_nothing(office: Office, case_id: str, state: str) -> None:
    restore(office, case_id)
    if state:
        forge(office.store, state)
    office.work("undo")
    assert not is_open(office)
    assert {row.system for row in found(office.store)} == {"directory", "crm"}
    assert alarms(office) == ["C0SEC", "C0SEC"]


def test_a_restoration_is_not_done_again_by_old_rows(office: Office, case_id: str) -> None:
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    assert is_open(office)
    for world in (office.directory, office.crm):
        world.users[AccountId(f"{world.name}-dana")].active = False
    forge(office.store, "update restoration set state = 'due'")
    office.work("undo")
    assert not is_open(office)
    assert len(found(office.store)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "update leaver_account set sealed = (select sealed from leaver_account where system = 'crm')",
        "update leaver_account set account_id = 'crm-bob' where system = 'crm'",
    ],
)
def test_another_before_image_or_account_opens_nothing(office: Office, case_id: str, statement: str) -> None:
    office.crm.users[AccountId("crm-bob")].active = False
    office.offboarding.undo(case_id, HR, "a mistake")
    forge(office.store, statement)
    office.work("undo")
    assert not office.crm.users[AccountId("crm-bob")].active
    assert found(office.store)


@pytest.mark.parametrize("state", ["cancelled", "undone", "closed", "held"])
def test_a_state_that_nobody_gave_stops_no_lock_out(office: Office, state: str) -> None:
    case_id = office.offboarding.open(office.request())
    forge(office.store, "update case_ set state = :state", state=state)
    office.work("revoke")
    assert not is_open(office)
    assert found(office.store)
    case = office.offboarding.case(case_id)
    assert {line.verdict for line in case.systems} == {Verdict.LOCKED}


def test_an_audit_finds_a_case_that_nobody_closed(office: Office, case_id: str) -> None:
    forge(office.store, "update case_ set state = 'closed'")
    office.audits.run_now(SECURITY)
    assert [row.case_id for row in found(office.store)] == [case_id]


def test_a_case_that_somebody_ended_is_no_finding(office: Office, case_id: str) -> None:
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    office.audits.run_now(SECURITY)
    assert found(office.store) == []


def test_a_link_that_nobody_made_locks_nobody_else(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    key = office.vault.new_key()
    blob = office.vault.seal(key, "bob", "link:x")
    forge(
        office.store,
        'insert into account_link (id, person_key, system, account_id, "by", at, wrapped_key, sealed) '
        "select 'x', leaver_key, 'crm', 'crm-bob', 'slack:U0SEC', '2026-01-01 00:00:00', :key, :blob from case_",
        key=key,
        blob=blob,
    )
    office.work("revoke")
    assert office.crm.users[AccountId("crm-bob")].active
    assert not is_open(office)
    assert [row.system for row in found(office.store)] == ["crm"]
    assert office.offboarding.case(case_id).locked_out


def test_a_link_that_is_taken_out_is_locked_all_the_same(office: Office) -> None:
    office.crm.user("crm-old", "old@x.example", login="d.old")
    case_id = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(hours=1)))
    office.linking.link(case_id, "crm", SECURITY, login="d.old")
    forge(office.store, "delete from account_link")
    office.clock.pass_(hours=2)
    office.work("revoke")
    assert not office.crm.users[AccountId("crm-old")].active
    assert [row.system for row in found(office.store)] == ["crm"]
