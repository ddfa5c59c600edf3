"""Order of acts: lists are kept before an act hides or destroys them, and are unknown afterwards, never none."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from connectors.contract import (
    AccountId,
    Accounts,
    Act,
    Change,
    ClientBook,
    Deactivation,
    Duty,
    DutyId,
    DutyKind,
    Effect,
    Group,
    Groups,
    Sessions,
    Subject,
    Token,
    Tokens,
    Verdict,
)
from connectors.errors import BadCredential, Unavailable
from tests.workflows.memory import Killed, MemoryCrm, MemoryFlows, World
from tests.workflows.office import DANA, Office
from workflows.access import duties, kept_lists
from workflows.access.account_state import AccountData
from workflows.access.order import comes_first
from workflows.cases.views import CaseView
from workflows.people import Actor
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, AssignmentState, BookHandover
from workflows.storage.rows.watch import FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.systems.effects import effects_of, why_unread
from workflows.systems.registry import System

DANAS = AccountId("vendor-dana")
ARCHIVED = "An archived user is in no list."
BLINDS_GROUPS = Effect(Act.LOCK, Subject.GROUPS, ARCHIVED)
BLINDS_TOKENS = Effect(Act.LOCK, Subject.TOKENS, ARCHIVED)
BLINDS_RECORDS = Effect(Act.LOCK, Subject.RECORDS, ARCHIVED)
BLINDS_DUTIES = Effect(Act.LOCK, Subject.DUTIES, ARCHIVED)
BLINDS_EXPORTS = Effect(Act.LOCK, Subject.EXPORTS, ARCHIVED)
ENDS_RECORDS = Effect(Act.DEACTIVATE, Subject.RECORDS, "Deactivation deletes what the user owns.", destroys=True)
ENDS_DUTIES = Effect(Act.DEACTIVATE, Subject.DUTIES, "Deactivation deletes the flows of the user.", destroys=True)
ENDS_TOKENS = Effect(Act.DEACTIVATE, Subject.TOKENS, "Deactivation deletes tokens.", destroys=True)


class HidesAfterTheLock(MemoryCrm):
    """Answers every list of a locked account with nothing, whatever is there."""

    def _locked(self, account: AccountId) -> bool:
        user = self.world.users.get(account)
        return user is not None and not user.active

    def groups(self, account: AccountId) -> Sequence[Group]:
        return [] if self._locked(account) else super().groups(account)

    def tokens(self, account: AccountId) -> Sequence[Token]:
        return [] if self._locked(account) else super().tokens(account)

    def count(self, owner: AccountId) -> Mapping[str, int]:
        return {} if self._locked(owner) else super().count(owner)


class RefusesAfterTheLock(HidesAfterTheLock):
    """Answers 401 to every list of a locked account."""

    def groups(self, account: AccountId) -> Sequence[Group]:
        if self._locked(account):
            raise BadCredential("401")
        return super().groups(account)

    tokens = MemoryCrm.tokens


class DeactivatingCrm(MemoryCrm, Accounts, Sessions, Groups, Tokens, ClientBook, Deactivation):
    """A CRM with two steps, whose second one deletes records."""

    def deactivated(self, account: AccountId) -> bool:
        return account in self.world.writes

    def deactivate(self, account: AccountId) -> Change:
        return Change.MADE

    def reactivate(self, account: AccountId) -> Change:
        return Change.MADE


@pytest.fixture
def vendor() -> World:
    world = World("vendor")
    world.user(DANAS, "dana@x.example", groups={"sales", "all staff"}, tokens={"t1": "laptop", "t2": "script"})
    world.user("vendor-bob", "bob@x.example")
    world.record("deal:1", DANAS)
    world.record("deal:2", DANAS)
    return world


def office(folder: Path, system: System) -> Office:
    return Office(folder, system)


def later(made: Office) -> str:
    case_id = made.offboarding.open(made.request(effective_at=made.clock.now() + timedelta(days=3)))
    made.work("inventory")
    made.clock.pass_(days=3, hours=1)
    return case_id


def view(made: Office, case_id: str) -> CaseView:
    return made.offboarding.case(case_id)


def data_of(made: Office, case_id: str) -> AccountData:
    with made.store.read() as session:
        row = session.get_one(LeaverAccount, f"{case_id}:vendor:{DANAS}")
        key = session.get_one(Case, case_id).wrapped_key
        return AccountData(**made.vault.open(key, row.sealed, f"account:{row.id}"))


def line(made: Office, case_id: str) -> str:
    [found] = [one for one in view(made, case_id).systems if one.system == "vendor"]
    return f"{found.verdict}: {found.reason}"


def hidden(made: Office, case_id: str) -> list[str]:
    return [one.detail for one in view(made, case_id).findings if one.kind is FindingKind.LIST_HIDDEN]


@pytest.mark.parametrize("kind", [HidesAfterTheLock, RefusesAfterTheLock])
def test_a_scheduled_case_reads_what_the_lock_hides_and_leaves_the_groups_all_the_same(
    tmp_path: Path, vendor: World, kind: type[MemoryCrm]
) -> None:
    made = office(tmp_path, vendor.system(kind, effects=(BLINDS_GROUPS,)))
    case_id = later(made)
    made.work("revoke")
    assert not vendor.users[DANAS].active
    assert vendor.users[DANAS].groups == set()
    kept = kept_lists.load(data_of(made, case_id).lists, Subject.GROUPS)
    assert kept
    assert (kept.count, set(kept.names)) == (2, {"sales", "all staff"})
    assert "groups: cannot be read after the lock-out" in line(made, case_id)
    assert ARCHIVED in hidden(made, case_id)[0]
    [account] = [one for found in view(made, case_id).systems if found.system == "vendor" for one in found.accounts]
    assert "there were 2" in account.unread[0]


def test_an_immediate_case_locks_first_and_says_what_cannot_be_read(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system(HidesAfterTheLock, effects=(BLINDS_GROUPS, BLINDS_TOKENS)))
    case_id = made.offboarding.open(made.request())
    made.work("revoke")
    assert vendor.calls["groups"] == 0
    assert vendor.calls["tokens"] == 0
    assert not vendor.users[DANAS].active
    said = line(made, case_id)
    assert said.startswith("unknown: "), "tokens that nobody could list may work on"
    assert "personal tokens: cannot be read after the lock-out" in said
    [account] = [one for found in view(made, case_id).systems if found.system == "vendor" for one in found.accounts]
    assert any("locks first" in words for words in account.unread)


def test_tokens_that_were_kept_are_revoked_though_the_lock_hides_them(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system(HidesAfterTheLock, effects=(BLINDS_TOKENS,)))
    case_id = later(made)
    made.work("revoke")
    assert vendor.users[DANAS].tokens == {}
    assert line(made, case_id).startswith("locked: ")
    assert "personal tokens" in hidden(made, case_id)[0]


def test_a_list_that_gets_shorter_without_a_declaration_is_noticed(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system(HidesAfterTheLock))
    case_id = later(made)
    made.work("revoke")
    said = line(made, case_id)
    assert "groups: 2 before the lock-out, and 0 after it" in said
    assert "personal tokens: 2 before the lock-out, and 0 after it" in said
    assert "client records: 2 before the lock-out, and 0 after it" in said
    assert hidden(made, case_id)
    assert (vendor.users[DANAS].groups, vendor.users[DANAS].tokens) == (set(), {}), "they are taken all the same"


def test_an_honest_system_is_not_doubted(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system())
    case_id = later(made)
    made.work("revoke")
    assert hidden(made, case_id) == []
    assert line(made, case_id) == "locked: "
    made.offboarding.retry(case_id, "vendor", made.request().requested_by)
    made.work("revoke")
    assert hidden(made, case_id) == []


def test_groups_left_between_notice_and_lock_raise_no_doubt(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system())
    case_id = later(made)
    vendor.users[DANAS].groups = {"sales"}
    made.work("revoke")
    assert hidden(made, case_id) == []


def test_a_system_that_hangs_before_the_lock_is_locked_in_time(
    tmp_path: Path, vendor: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = office(tmp_path, vendor.system(HidesAfterTheLock, effects=(BLINDS_GROUPS,)))
    case_id = later(made)
    monkeypatch.setattr(kept_lists, "SECONDS", 0.0)
    monkeypatch.setattr(kept_lists.read, "__defaults__", (0.0,))
    made.work("revoke")
    assert not vendor.users[DANAS].active
    kept = kept_lists.load(data_of(made, case_id).lists, Subject.GROUPS)
    assert kept
    assert "cannot be read" in line(made, case_id)


def test_a_read_that_fails_holds_up_no_lock_and_is_said(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system(HidesAfterTheLock, effects=(BLINDS_GROUPS,)))
    case_id = later(made)
    vendor.fail("groups", Unavailable("down for a minute"), times=1)
    made.work("revoke")
    assert not vendor.users[DANAS].active
    [account] = [one for found in view(made, case_id).systems if found.system == "vendor" for one in found.accounts]
    assert any("down for a minute" in words for words in account.unread)
    assert vendor.users[DANAS].groups == set(), "those of the notice are left"


def test_a_kill_right_after_the_lock_loses_no_list(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system(HidesAfterTheLock, effects=(BLINDS_GROUPS,)))
    case_id = later(made)
    vendor.fail("lock", Killed(), done=True)
    with pytest.raises(Killed):
        made.work("revoke")
    assert not vendor.users[DANAS].active
    made.work("revoke")
    assert vendor.users[DANAS].groups == set()
    kept = kept_lists.load(data_of(made, case_id).lists, Subject.GROUPS)
    assert kept
    assert kept.count == 2, "what was read before the lock stays"


def test_after_a_hiding_lock_no_reader_says_none(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system(HidesAfterTheLock, effects=(BLINDS_RECORDS, BLINDS_EXPORTS)))
    case_id = made.offboarding.open(made.request())
    made.work("revoke")
    made.work("book", "exports")
    with made.store.read() as session:
        book = session.get_one(BookHandover, f"{case_id}:vendor")
    assert book.state == WorkState.DUE
    clients = view(made, case_id).clients
    assert clients
    assert any("client records: cannot be read after the lock-out" in one for one in clients.problems)
    assert "exports: cannot be read after the lock-out" in view(made, case_id).exports
    made.clock.pass_(days=2)
    made.work("follow_up")
    assert any("client records: cannot be read" in one.summary for one in view(made, case_id).follow_ups)


def test_duties_after_a_hiding_lock_are_not_known(tmp_path: Path) -> None:
    world = World("vendor")
    world.user(DANAS, "dana@x.example")
    world.duties = {DANAS: [Duty(DutyId("a"), DutyKind.RUNS, "flow", "Nightly")]}
    made = office(tmp_path, world.system(MemoryFlows, effects=(BLINDS_DUTIES,)))
    case_id = later(made)
    made.work("revoke")
    world.duties = {}
    [one] = [one for one in duties.DutyLists(made.context).of_case(case_id) if one.system == "vendor"]
    assert one.at_notice
    assert len(one.at_notice.duties) == 1
    assert (one.now.duties, one.now.read_at) == ((), None)
    assert "cannot be read after the lock-out" in one.now.unknown[0]


def test_a_plan_for_somebody_locked_before_says_not_known(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system(HidesAfterTheLock, effects=(BLINDS_RECORDS, BLINDS_GROUPS)))
    vendor.users[DANAS].active = False
    plan = made.offboarding.plan(DANA)
    [system] = [one for one in plan.systems if one.system == "vendor"]
    assert system.book
    assert "cannot be read" in system.book.problem
    assert any("groups: cannot be read" in words for words in plan.warnings)
    assert not plan.owns_nothing


def test_the_plan_names_effects_worst_first(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system(effects=(BLINDS_GROUPS, ENDS_TOKENS)))
    [system] = [one for one in made.offboarding.plan(DANA).systems if one.system == "vendor"]
    assert [(one.act, one.destroys) for one in system.effects] == [(Act.DEACTIVATE, True), (Act.LOCK, False)]
    assert system.effects[0].words == (
        "personal tokens: gone for good after the account is deactivated. Deactivation deletes tokens."
    )


def test_an_effect_that_does_not_hold_for_a_system_is_none(vendor: World) -> None:
    class Configured(MemoryCrm):
        def has_effect(self, effect: Effect) -> bool:
            return effect is not BLINDS_GROUPS

    assert effects_of(vendor.system(Configured, effects=(BLINDS_GROUPS, ENDS_TOKENS))) == (ENDS_TOKENS,)

    class Dark(MemoryCrm):
        def has_effect(self, effect: Effect) -> bool:
            raise Unavailable("down")

    assert effects_of(vendor.system(Dark, effects=(BLINDS_GROUPS,))) == (BLINDS_GROUPS,)


def test_deactivation_waits_for_the_lock_and_for_the_handover(tmp_path: Path, vendor: World) -> None:
    system = vendor.system(DeactivatingCrm, effects=(ENDS_RECORDS,))
    made = office(tmp_path, system)
    case_id = later(made)
    first = comes_first(made.context, case_id, system, Act.DEACTIVATE)
    assert "The lock-out comes first" in first[0]
    made.work("revoke")
    made.work("book")
    [handover] = comes_first(made.context, case_id, system, Act.DEACTIVATE)
    assert handover.startswith("The handover of clients comes first.")
    assert "deletes what the user owns" in handover
    with made.store.write() as session:  # ended by hand: two records stay
        book = session.get_one(BookHandover, f"{case_id}:vendor")
        book.state = WorkState.DONE
        session.add(book)
    [left] = comes_first(made.context, case_id, system, Act.DEACTIVATE)
    assert left.startswith("2 records stay with the leaver and would be gone for good.")
    with made.store.write() as session:
        for row in session.exec(select(Assignment).where(Assignment.system == "vendor")):
            row.state = AssignmentState.MOVED
    assert comes_first(made.context, case_id, system, Act.DEACTIVATE) == ()


def test_an_act_that_destroys_duties_waits_for_each(tmp_path: Path) -> None:
    world = World("vendor")
    world.user(DANAS, "dana@x.example")
    world.duties = {DANAS: [Duty(DutyId("a"), DutyKind.RUNS, "flow", "Nightly")]}
    system = world.system(MemoryFlows, effects=(ENDS_DUTIES,))
    made = office(tmp_path, system)
    case_id = later(made)
    made.work("revoke")
    [first] = comes_first(made.context, case_id, system, Act.DEACTIVATE)
    assert first == "1 duty would be gone for good; give it to somebody else first: Nightly"
    world.duties = {}
    assert comes_first(made.context, case_id, system, Act.DEACTIVATE) == ()


def test_a_list_is_kept_right_before_the_act_and_not_believed_once_it_has_begun(tmp_path: Path, vendor: World) -> None:
    system = vendor.system(DeactivatingCrm, effects=(ENDS_TOKENS,))
    made = office(tmp_path, system)
    case_id = made.offboarding.open(made.request())
    made.work("revoke")
    vendor.users[DANAS].tokens = {"t9": "new"}
    vendor.fail("tokens", Unavailable("down"), times=1)
    [first] = comes_first(made.context, case_id, system, Act.DEACTIVATE)
    assert first.startswith("personal tokens must be read and kept first: ")
    asked = (made.store, made.vault, case_id, system, Subject.TOKENS, [DANAS])
    assert why_unread(*asked) is None
    assert comes_first(made.context, case_id, system, Act.DEACTIVATE) == ()
    assert data_of(made, case_id).lists[Subject.TOKENS]["names"] == {"t9": "new"}
    assert "gone for good" in str(why_unread(*asked))
    vendor.users[DANAS].tokens = {}
    assert comes_first(made.context, case_id, system, Act.DEACTIVATE) == (), "a killed act is finished"
    assert data_of(made, case_id).lists[Subject.TOKENS]["count"] == 1
    with made.store.read() as session:
        assert len(list(made.journal.entries(session, case_id, "act.begun"))) == 1


def test_a_list_that_was_never_kept_is_a_persons_decision(tmp_path: Path, vendor: World) -> None:
    system = vendor.system(HidesAfterTheLock, effects=(BLINDS_TOKENS, ENDS_TOKENS))
    made = office(tmp_path, system)
    case_id = made.offboarding.open(made.request())
    made.work("revoke")
    first = comes_first(made.context, case_id, system, Act.DEACTIVATE)
    assert any("The lock-out comes first" in one for one in first), "its verdict is unknown"
    vendor.users[DANAS].tokens = {}
    with made.store.write() as session:  # a person has judged the account
        session.get_one(Access, f"{case_id}:vendor").verdict = Verdict.LOCKED
    [said] = comes_first(made.context, case_id, system, Act.DEACTIVATE)
    assert said.startswith("personal tokens were never kept, and cannot be read any more.")


def test_moves_that_were_approved_are_made_though_the_lock_hides_the_records(tmp_path: Path, vendor: World) -> None:
    made = office(tmp_path, vendor.system(HidesAfterTheLock, effects=(BLINDS_RECORDS,)))
    case_id = made.offboarding.open(made.request(effective_at=made.clock.now() + timedelta(days=3)))
    made.work("inventory", "book")
    clients = view(made, case_id).clients
    assert clients
    assert clients.proposal
    made.handover.decisions.decide(
        clients.proposal.id, clients.proposal.digest, Actor("slack:U0MAX", "Max"), approve=True
    )
    made.clock.pass_(days=3, hours=1)
    made.work("revoke")
    made.work("book")
    assert vendor.owned(DANAS) == set()
    clients = view(made, case_id).clients
    assert clients
    assert any("client records: cannot be read after the lock-out" in one for one in clients.problems)
