"""Attacks by somebody with the database's password and no key: rows that change what happens, or what is said.

Each is one line of a table: the statements, and what must follow.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from connectors.contract import AccountId, Limits, Verdict
from tests.workflows.access.test_manual_steps import badge
from tests.workflows.office import DANA, HR, SECURITY, Office
from tests.workflows.test_tampering import forge, found, is_open
from workflows.cases.holds import CasePolicy
from workflows.people import Actor, Leaver, Successor
from workflows.refusals import Refused
from workflows.storage.outbox import deliver
from workflows.storage.rows.access import ManualStep
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import Finding, FindingKind, FollowUp
from workflows.storage.rows.work_state import WorkState
from workflows.systems.rate_limit import SharedRateLimit

ZOE = Successor("zoe@x.example", "Zoe", "zoe@x.example", "U0ZOE")
LATER = "'2036-01-01 00:00:00'"
AUDITED = "'2026-03-03 09:00:00'"
NOW = "'2026-03-02 09:00:00'"
PUT_OFF = (
    f"update case_ set effective_at = {LATER}",
    f"update access set due_at = {LATER}",
    f"update access set due_at = {LATER}, attempt = 7",
    f"update case_ set effective_at = {LATER}; update access set due_at = {LATER}",
    "update access set state = 'done'",
    f"update access set state = 'done', verdict = 'locked', read_at = {NOW}, locked_at = {NOW}",
    f"update access set state = 'done', verdict = 'absent', read_at = {NOW}, locked_at = {NOW}, attempt = 3",
    "update access set state = 'planned'",
    "update access set state = 'x'",
    "update access set system = 'crm-' where system = 'crm'",
    "update access set state = 'cancelled'",
    "delete from inventory; delete from access",
    "delete from access where system = 'crm'",
    *(f"update case_ set state = '{state}'" for state in CaseState if state not in ("scheduled", "running")),
    "update case_ set state = 'closed'; update access set state = 'cancelled'",
    "update case_ set sealed = '\\x00'",
)
"""Each moves, ends or hides a lock-out that is an hour ahead."""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Return services on SQLite; `--rows postgresql` runs the module on PostgreSQL."""
    made = Office(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def ahead(office: Office) -> str:
    """Return a case whose lock-out is an hour ahead, and that was compared once."""
    case_id = office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(hours=1)))
    office.work("inventory")
    office.audits.rows.check()
    assert found(office.store) == []
    return case_id


@pytest.fixture
def locked(office: Office) -> str:
    """Return a case that is locked out everywhere, and that was compared once."""
    case_id = office.offboarding.open(office.request())
    office.work("revoke", "exports", "book")
    assert office.audits.rows.check() == 0
    assert office.offboarding.case(case_id).locked_out
    return case_id


def attack(office: Office, statements: str) -> None:
    for statement in statements.split("; "):
        if "\\x00" in statement:
            forge(office.store, statement.replace("'\\x00'", ":nothing"), nothing=b"\0" * 40)
        else:
            forge(office.store, statement)


@pytest.mark.parametrize("statements", PUT_OFF)
def test_no_row_puts_a_lock_out_off(office: Office, ahead: str, statements: str) -> None:
    attack(office, statements)
    office.clock.pass_(hours=2)
    office.audits.rows.check()
    office.work("revoke")
    office.audits.rows.check()
    assert not is_open(office)
    assert found(office.store)
    assert {post.channel for post in office.posts().values() if post.kind == MessageKind.ALARM} == {"C0SEC"}
    case = office.offboarding.case(ahead)
    assert {line.verdict for line in case.systems} == {Verdict.LOCKED}
    assert case.effective_at < office.clock.now()


def test_a_receiver_who_was_added_outlives_a_changed_row(office: Office) -> None:
    zed = Successor("zed@x.example", "Zed Ng", "zed@x.example")
    office.crm.user("crm-zed", zed.email)
    office.crm.record("opportunity:1", "crm-dana")
    office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(hours=1)))
    office.work("inventory", "book")
    office.audits.rows.check()
    proposals = office.services.proposals
    [shown] = proposals.waiting_for("U0MAX")
    [client], _total = proposals.client_page(shown.id)
    max_ = Actor("slack:U0MAX", "Max")
    new = office.services.edits.assign(shown.id, shown.digest, {client.id: zed.key}, max_, [zed])
    attack(office, "update case_ set sealed = '\\x00'")
    office.clock.pass_(hours=2)
    office.audits.rows.check()
    assert found(office.store)
    assert zed in proposals.successors(new)


def test_the_check_itself_reports_nothing_of_ordinary_work(office: Office, locked: str) -> None:
    office.clock.pass_(days=1)
    office.work()
    office.audits.run_now(SECURITY)
    office.offboarding.retry(locked, "crm", SECURITY)
    office.audits.rows.check(everything=True)
    office.work()
    assert office.audits.rows.check(everything=True) == 0
    office.offboarding.undo(locked, HR, "a mistake")
    office.work()
    assert office.audits.rows.check(everything=True) == 0
    assert found(office.store) == []


UNSEEN = (
    "delete from leaver_account where system = 'crm'",
    "update leaver_account set account_id = 'crm-bob' where system = 'crm'",
    "update leaver_account set id = replace(id, 'dana', 'bob'), account_id = 'crm-bob' where system = 'crm'",
    "update leaver_account set sealed = '\\x00' where system = 'crm'",
    "update leaver_account set system = 'x' where system = 'crm'",
    "update leaver_account set access_id = replace(access_id, 'crm', 'directory') where system = 'crm'",
    "update access set system = 'x' where system = 'crm'",
)
"""Each hides the account of a past leaver, that opens again, from the audits."""


@pytest.mark.parametrize("statements", UNSEEN)
def test_no_row_hides_an_account_that_opens_again(office: Office, locked: str, statements: str) -> None:
    attack(office, statements)
    office.crm.users[AccountId("crm-dana")].active = True
    office.audits.rows.check()
    office.work("revoke")
    assert office.crm.users[AccountId("crm-bob")].active
    assert not is_open(office), "locked again by the retry"
    assert [row.system for row in found(office.store)] == ["crm"]


def test_a_verdict_that_no_read_showed_is_no_verdict(office: Office) -> None:
    office.crm.down = True
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    attack(office, f"update access set state = 'done', verdict = 'locked', read_at = {NOW}, locked_at = {NOW}")
    office.audits.rows.check()
    lines = {line.system: line.verdict for line in office.offboarding.case(case_id).systems}
    assert lines == {"directory": Verdict.LOCKED, "crm": Verdict.UNKNOWN}
    office.crm.down = False
    office.work("revoke")
    assert not is_open(office)


def test_an_account_added_to_a_case_locks_nobody(office: Office, ahead: str) -> None:
    forge(
        office.store,
        "insert into leaver_account (id, access_id, case_id, system, account_id, verdict, note, sealed) "
        "select access.id || :own, access.id, case_id, system, 'crm-bob', 'open', note, case_.sealed "
        "from access join case_ on case_.id = case_id where system = 'crm'",
        own=":crm-bob",
    )
    office.clock.pass_(hours=2)
    office.work("revoke")
    assert office.crm.users[AccountId("crm-bob")].active
    assert not is_open(office)
    assert [row.system for row in found(office.store)] == ["crm"]


@pytest.mark.parametrize(
    "statement", ["delete from inventory", "update inventory set sealed = ''", "update inventory set sealed = '\\x00'"]
)
def test_accounts_kept_at_notice_are_locked_though_the_row_is_empty(office: Office, ahead: str, statement: str) -> None:
    """The CRM's account is renamed after notice, so that only its id finds it."""
    user = office.crm.users[AccountId("crm-dana")]
    user.email, user.login = "other@x.example", "other"
    if "sealed = ''" in statement:
        forge(office.store, "update inventory set sealed = :nothing", nothing=b"")
    else:
        attack(office, statement)
    office.clock.pass_(hours=2)
    office.work("revoke")
    assert not is_open(office)
    assert found(office.store)


def test_a_held_case_that_a_row_releases_is_locked_and_told(tmp_path: Path) -> None:
    office = Office(tmp_path, rules=CasePolicy(immediate_needs_second=True, hold_channel="C0SEC"))
    office.offboarding.open(office.request())
    attack(office, "update case_ set state = 'scheduled', hold_reason = ''; update access set state = 'due'")
    office.work("revoke")
    office.audits.rows.check()
    assert not is_open(office)
    assert "" in {row.account_id for row in found(office.store)}
    office.store.close()


@pytest.mark.parametrize("checked", [False, True])
def test_a_case_that_ended_is_not_taken_up_by_old_rows(office: Office, ahead: str, checked: bool) -> None:
    office.offboarding.cancel(ahead, HR, "a mistake")
    attack(office, "update case_ set state = 'scheduled'; update access set state = 'due'")
    office.clock.pass_(hours=2)
    if checked:
        office.audits.rows.check()
    office.work("revoke")
    assert is_open(office)
    assert office.offboarding.case(ahead).state == CaseState.CANCELLED
    assert [row.case_id for row in found(office.store)] == [ahead]


def test_a_case_that_was_deleted_is_told_to_security(office: Office, locked: str) -> None:
    with office.store.write() as session:
        for table in reversed(SQLModel.metadata.sorted_tables):
            if "case_id" in table.columns and table.name != "journal":
                session.execute(sa.delete(table))
        session.execute(sa.text("delete from case_"))
    office.audits.rows.check()
    assert [row.account_id for row in found(office.store)] == [locked]
    assert [post.channel for post in office.posts().values() if post.kind == MessageKind.ALARM] == ["C0SEC"]


@pytest.mark.parametrize(
    "statement",
    [
        "update follow_up set state = 'done', done_at = due_at",
        "update follow_up set state = 'cancelled'",
        f"update follow_up set due_at = {LATER}",
        "delete from follow_up",
        "update follow_up set day = day + 90",
    ],
)
def test_the_checks_of_a_case_are_not_taken_out(office: Office, locked: str, statement: str) -> None:
    forge(office.store, statement)
    office.audits.rows.check()
    with office.store.read() as session:
        rows = session.exec(select(FollowUp)).all()
    assert {(row.day, row.state) for row in rows} == {(1, WorkState.DUE), (7, WorkState.DUE)}
    assert len(found(office.store)) == 2
    office.clock.pass_(days=1)
    assert office.work("follow_up") == 1


def test_an_audit_that_nobody_did_is_done(office: Office, locked: str) -> None:
    office.crm.users[AccountId("crm-dana")].active = True
    for day in (3, 4, 5):
        forge(
            office.store,
            "insert into audit_run (id, state, due_at, attempt, started_at, finished_at, result) "
            f"values ('audit-2026-03-0{day}', 'done', {NOW}, 0, {NOW}, {NOW}, '{{}}')",
        )
    office.clock.pass_(days=1)
    office.audits.call()
    assert office.work("audit") == 1
    with office.store.read() as session:
        opened = session.exec(select(Finding.kind).where(col(Finding.closed_at).is_(None))).all()
    assert set(opened) == {FindingKind.TAMPERED, FindingKind.OPEN_AGAIN}
    office.audits.call()
    assert office.work("audit") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "update finding set system = 'directory'",
        "update finding set case_id = null",
        "update finding set account_id = 'crm-bob'",
        "update finding set key = 'x'",
        f"update finding set closed_at = {NOW}, closed_by = 'slack:U0SEC'",
        f"update finding set accepted_until = {LATER}, accepted_by = 'slack:U0SEC'",
        "update finding set kind = 'dormant'",
        "delete from finding",
    ],
)
def test_a_finding_is_not_settled_by_a_row(office: Office, locked: str, statement: str) -> None:
    office.crm.users[AccountId("crm-dana")].active = True
    office.audits.run_now(SECURITY)
    assert [line.kind for line in office.audits.findings()] == [FindingKind.OPEN_AGAIN]
    forge(office.store, statement)
    office.audits.rows.check()
    told = [line.kind for line in office.audits.findings()]
    assert told == [FindingKind.TAMPERED] if "delete" in statement else [FindingKind.TAMPERED, FindingKind.OPEN_AGAIN]
    assert office.audits.rows.check() == 0
    office.audits.run_now(SECURITY)
    assert [line.kind for line in office.audits.findings()] == [FindingKind.TAMPERED, FindingKind.OPEN_AGAIN]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from outbox_message where kind = 'alarm'",
        "update outbox_message set shown_version = wanted_version",
        "update outbox_message set channel = 'D0EVE' where kind = 'alarm'",
    ],
)
def test_the_message_to_security_is_sent_all_the_same(office: Office, ahead: str, statement: str) -> None:
    forge(office.store, "update access set state = 'done'")
    office.clock.pass_(hours=2)
    office.audits.rows.check()
    forge(office.store, statement)
    office.audits.rows.check()
    alarms = [post for post in office.posts().values() if post.kind == MessageKind.ALARM]
    assert {post.channel for post in alarms} == {"C0SEC"}
    assert len(alarms) >= 2
    assert all(post.shown_version < post.wanted_version for post in alarms)


def test_a_made_up_conversation_is_found_out_by_an_edit(office: Office, ahead: str) -> None:
    forge(office.store, "update access set state = 'done'")
    office.clock.pass_(hours=2)
    office.audits.rows.check()
    forge(office.store, "update outbox_message set shown_version = wanted_version, ts = '1.2' where kind = 'alarm'")
    office.audits.rows.check()
    alarms = [post for post in office.posts().values() if post.kind == MessageKind.ALARM]
    assert all(post.shown_version < post.wanted_version for post in alarms)


CUT = (
    "delete from journal where seq = (select max(seq) from journal)",
    "delete from journal where seq = 2",
    "update journal set hash = 'x' where seq = (select max(seq) from journal)",
    "delete from journal",
    "delete from journal_head",
    "update journal_head set signature = 'x'",
)


@pytest.mark.parametrize("statement", CUT)
def test_a_journal_that_is_cut_is_told(office: Office, locked: str, statement: str) -> None:
    forge(office.store, statement)
    office.audits.rows.check()
    assert "journal" in {row.system for row in found(office.store)}


def test_an_entry_of_another_hand_is_told_and_moves_nothing(office: Office, ahead: str) -> None:
    forge(
        office.store,
        "insert into journal (id, at, actor, action, case_id, data, sealed, prev, hash, mark) "
        "select 'x', at, 'slack:U0HR', 'case.cancelled', case_id, '{}', sealed, '', '', mark from journal "
        "where action = 'case.opened'",
        "update case_ set state = 'cancelled'",
    )
    office.clock.pass_(hours=2)
    office.audits.rows.check()
    office.work("revoke")
    assert not is_open(office)
    assert "journal" in {row.system for row in found(office.store)}


def test_a_time_that_another_hand_wrote_stops_no_work(office: Office, ahead: str) -> None:
    forge(office.store, f"update journal set at = {LATER}, mark = '' where seq is null or seq > 0")
    assert office.services.clock_record.fault() == ""


def test_a_step_that_nobody_confirmed_is_asked_for_again(tmp_path: Path) -> None:
    office = Office(tmp_path, badge())
    office.offboarding.open(office.request())
    office.work("revoke", "manual")
    assert office.audits.rows.check() == 0
    forge(office.store, f"update manual_step set confirmed_at = {LATER}, confirmed_by = 'slack:U0ADA'")
    office.audits.rows.check()
    with office.store.read() as session:
        step = session.exec(select(ManualStep)).one()
    assert step.confirmed_at is None
    assert [row.system for row in found(office.store)] == ["badge"]
    office.store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update sweep_status set failed_at = null",
        f"update sweep_status set read_at = {LATER}, failed_at = null",
        "delete from sweep_status",
        f"update access set read_at = {LATER} where system = 'crm'",
        f"update access set read_at = {AUDITED} where system = 'crm'; update leaver_account set read_at = {AUDITED}",
    ],
)
def test_no_row_says_that_accounts_were_read(office: Office, locked: str, statement: str) -> None:
    """The CRM does not answer the audit. The row says that it did."""
    office.audits.run_now(SECURITY)
    office.clock.pass_(days=1)
    office.crm.down = True
    office.audits.run_now(SECURITY)
    attack(office, statement.replace("sweep_status set", "sweep_status set problem = '',"))
    office.audits.rows.check()
    lines = {line.system: line.verdict for line in office.offboarding.case(locked).systems}
    assert lines == {"directory": Verdict.LOCKED, "crm": Verdict.UNKNOWN}
    assert {row.system for row in found(office.store)} <= {"crm", "directory"}
    assert found(office.store)


def test_the_counts_of_an_audit_are_those_of_the_journal(office: Office, locked: str) -> None:
    office.crm.users[AccountId("crm-dana")].active = True
    before = office.audits.run_now(SECURITY)
    forge(office.store, "update audit_run set result = replace(result, '1', '0')")
    office.audits.rows.check()
    after = office.audits.latest()
    assert after is not None
    assert after.by_verdict == before.by_verdict
    assert after.by_verdict[Verdict.OPEN] == 1
    assert len(found(office.store)) == 1


@pytest.mark.parametrize("result", ["nothing", "[]", '{"verdicts": {}, "cases": 1, "not_read": [], "not_looked": []}'])
def test_what_an_audit_could_not_read_is_not_taken_out_of_its_result(office: Office, locked: str, result: str) -> None:
    """The CRM does not answer the audit. The row says that all was read, or nothing that can be read."""
    office.crm.down = True
    before = office.audits.run_now(SECURITY)
    assert before.not_read
    forge(office.store, "update audit_run set result = :result", result=result)
    now = office.audits.latest()
    assert now is not None
    office.audits.rows.check()
    after = office.audits.latest()
    assert after is not None
    assert len(after.not_read) == len(before.not_read)
    assert after.by_verdict == before.by_verdict
    office.audits.rows.check()
    assert len(found(office.store)) == 1
    assert office.audits.run_now(SECURITY).not_read


@pytest.mark.parametrize("change", ["state = 'done'", f"due_at = {LATER}"])
def test_a_step_by_hand_is_not_called_off_by_a_row(tmp_path: Path, change: str) -> None:
    office = Office(tmp_path, badge())
    office.offboarding.open(office.request())
    forge(office.store, f"update manual_step set {change}")
    office.audits.rows.check()
    assert office.work("manual") == 1
    assert [row.system for row in found(office.store)] == ["badge"]
    office.store.close()


def test_a_vendors_pause_until_2036_stops_no_lock_out(office: Office) -> None:
    limiter = SharedRateLimit(office.store, "crm", Limits(requests=60, window=timedelta(minutes=1)))
    limiter.take()
    forge(office.store, f"update tenant_rate_limit set next_at = {LATER}")
    assert limiter.take() < 5


def test_a_claim_until_2036_stops_no_message(office: Office, locked: str) -> None:
    forge(office.store, f"update outbox_message set claimed_by = 'eve/1', claimed_until = {LATER}")

    class Slack:
        def show(self, post: OutboxMessage) -> tuple[str, str]:
            return post.channel, "1.1"

    assert deliver(office.store, Slack(), office.clock) > 0


def test_a_larger_company_in_a_row_lifts_no_limit(tmp_path: Path) -> None:
    """Four people in the directory: the third case of a day waits for a second person."""
    office = Office(tmp_path, rules=CasePolicy(mass_share=0.5, hold_channel="C0SEC"))
    forge(office.store, f"insert into headcount (system, number, read_at) values ('directory', 100000, {NOW})")
    for name in ("max", "bob", "carol"):
        email = f"{name}@x.example"
        leaver = Leaver(name, email, f"U0{name.upper()}2", directory_id=f"directory-{name}")
        case_id = office.offboarding.open(office.request(leaver=leaver, approver=ZOE, successors=(ZOE,)))
    assert office.offboarding.case(case_id).state == CaseState.HELD
    office.store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "delete from case_name",
        "update case_ set mail_key = 'x', slack_key = 'x'",
        "delete from case_name; update case_ set mail_key = 'x', slack_key = 'x', leaver_key = 'x'",
    ],
)
def test_somebody_locked_out_does_not_act_because_no_name_finds_their_case(office: Office, statement: str) -> None:
    """Dana has a role, and a case has locked her out. Another case is hers to act on, if nobody knows that."""
    case_id = office.offboarding.open(office.request(leaver=replace(DANA, slack_id=SECURITY.slack_id)))
    office.work("revoke")
    with pytest.raises(Refused):
        office.audits.run_now(SECURITY)
    attack(office, statement)
    office.audits.rows.check()
    with pytest.raises(Refused, match="locked you out"):
        office.audits.run_now(replace(SECURITY, email=DANA.email))
    assert [row.case_id for row in found(office.store)] == [case_id]


@pytest.mark.parametrize(
    "statement",
    [
        "update access set verdict = 'x'",
        "update access set note = '\\x00'",
        "update leaver_account set verdict = 'x'",
        "update leaver_account set note = '\\x00'",
    ],
)
def test_a_verdict_that_cannot_be_read_is_read_again(office: Office, locked: str, statement: str) -> None:
    attack(office, statement)
    office.audits.rows.check()
    assert {line.verdict for line in office.offboarding.case(locked).systems} <= {Verdict.UNKNOWN, Verdict.LOCKED}
    office.work("revoke")
    assert office.offboarding.case(locked).locked_out
    assert {row.system for row in found(office.store)} == {"crm", "directory"}


def test_a_key_that_is_taken_out_of_an_open_case_is_told(office: Office, ahead: str) -> None:
    forge(office.store, "update case_ set wrapped_key = :nothing", nothing=b"")
    office.audits.rows.check()
    assert [row.account_id for row in found(office.store)]
    assert [post.channel for post in office.posts().values() if post.kind == MessageKind.ALARM] == ["C0SEC"]


def test_one_case_that_cannot_be_mended_hides_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first = office.offboarding.open(office.request())
    office.work("revoke")
    attack(office, "update access set state = 'cancelled'")

    def fail(*_all: object) -> None:
        raise ValueError("a row that nobody foresaw")

    monkeypatch.setattr(office.audits.rows, "_put_back", fail)
    office.audits.run_now(SECURITY)
    assert [row.account_id for row in found(office.store)] == [f"rows:{first}"]


def test_a_trigger_that_swallows_messages_is_told(office: Office, locked: str) -> None:
    """Each message to security vanishes in the database. The audit says so, and is not good."""
    if office.store.postgres:
        forge(
            office.store,
            "create function swallow() returns trigger language plpgsql as "
            "'begin if new.kind = ''alarm'' then return null; end if; return new; end'",
            "create trigger swallow before insert on outbox_message for each row execute function swallow()",
        )
    else:
        forge(
            office.store,
            "create trigger swallow after insert on outbox_message when new.kind = 'alarm' "
            "begin delete from outbox_message where id = new.id; end",
        )
    outcome = office.audits.run_now(SECURITY)
    assert any("trigger swallow" in said for said in outcome.not_looked)
    assert [row.system for row in found(office.store)] == ["tables"]
