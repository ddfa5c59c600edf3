"""The lighter step before the day: taken at notice, shown, given back where the case is called off."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.slack.messages import case as message
from bot.slack.messages import lockout
from connectors.contract import AccountId, Group, GroupId
from connectors.errors import Missing, OutcomeUnknown, Unavailable
from tests.bot.workplace import strings
from tests.workflows.memory import Killed, MemoryCrm
from tests.workflows.office import DANA, HR, SECURITY, Office
from workflows.access.views import RestrictionLine
from workflows.cases.holds import CasePolicy
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind
from workflows.storage.rows.work_state import WorkState
from workflows.systems.registry import Systems

WEEK = timedelta(days=7)
DANAS = AccountId("crm-dana")


def _office(
    folder: Path,
    kind: type = MemoryCrm,
    rules: CasePolicy = CasePolicy(hold_channel="C0SEC"),  # noqa: B008 - frozen
    url: str = "",
) -> Office:
    made = Office(folder, url=url, rules=rules)
    systems: Systems = made.systems
    systems._systems["crm"] = replace(
        made.crm.system(kind), restrict_before=WEEK, restrict_groups=("exporters", "Price Lists")
    )
    for name in ("dana", "bob"):
        made.crm.users[AccountId(f"crm-{name}")].groups |= {"Exporters", "price lists"}
    return made


@pytest.fixture
def office(tmp_path: Path, url: str) -> Iterator[Office]:
    made = _office(tmp_path, url=url)
    yield made
    made.store.close()


def _schedule(office: Office, days: float = 10) -> str:
    return office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(days=days)))


def _line(office: Office, case_id: str) -> RestrictionLine:
    [line] = office.offboarding.case(case_id).restrictions
    return line


def _groups(office: Office, name: str = "dana") -> set[str]:
    return office.crm.users[AccountId(f"crm-{name}")].groups


def _said(office: Office, case_id: str) -> str:
    return str(message.build(office.offboarding.case(case_id), office.clock.now()))


def test_a_week_before_the_day_the_named_groups_and_no_others_are_left(office: Office) -> None:
    case_id = _schedule(office)
    office.clock.pass_(days=2, hours=23)
    assert office.work("restrict") == 0
    office.clock.pass_(hours=2)
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff"}
    assert _groups(office, "bob") >= {"Exporters", "price lists"}
    assert office.crm.users[DANAS].active
    assert "dana: Exporters, price lists" in _line(office, case_id).taken
    assert "taken out of sensitive groups" in _said(office, case_id)
    assert office.work("restrict") == 0, "done once"
    assert office.directory.writes == {}


def test_groups_that_are_not_left_are_told_to_who_asked_by_a_new_message_once(office: Office) -> None:
    """The case message alone was edited, which notifies nobody: the person kept the groups unseen."""
    case_id = _schedule(office)
    office.crm.down = True
    office.clock.pass_(days=4)
    for _ in range(3):
        office.work("restrict")
        office.clock.pass_(minutes=10)
    told = [post for post in office.posts().values() if post.kind == MessageKind.LOCKOUT_FAILED]
    assert sorted((post.channel, post.wanted_version) for post in told) == [("C0CASES", 1), (HR.slack_id, 1)]
    text = "\n".join(strings(lockout.build(office.offboarding.case(case_id)).blocks))
    assert "sensitive groups need attention" in text
    assert "still to do: not reachable" in text
    assert "NOT LOCKED OUT" not in text
    office.crm.down = False
    office.clock.pass_(hours=2)
    office.work("restrict")
    assert "need attention" not in "\n".join(strings(lockout.build(office.offboarding.case(case_id)).blocks))


def test_notice_shorter_than_that_restricts_at_once_and_an_immediate_case_has_no_such_step(office: Office) -> None:
    _schedule(office, days=1)
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff"}
    bob = replace(DANA, email="zoe@x.example", slack_id="U0ZOE", directory_id="")
    assert office.offboarding.case(office.offboarding.open(office.request(leaver=bob))).restrictions == ()


def test_a_cancel_gives_back_exactly_what_was_taken(office: Office) -> None:
    _groups(office).discard("price lists")
    case_id = _schedule(office)
    office.clock.pass_(days=4)
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff"}
    office.offboarding.cancel(case_id, HR, "a mistake")
    assert "being given back" in _said(office, case_id)
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff", "Exporters"}
    assert "given back" in _said(office, case_id)
    assert _line(office, case_id).state is WorkState.DONE
    assert office.work("restrict") == 0


def test_a_cancel_before_anything_was_taken_leaves_nothing_to_say(office: Office) -> None:
    case_id = _schedule(office)
    office.offboarding.cancel(case_id, HR, "a mistake")
    office.clock.pass_(days=30)
    assert office.work("restrict") == 0
    assert "sensitive groups" not in _said(office, case_id)
    assert _groups(office) >= {"Exporters"}


def test_an_undo_after_the_lock_out_gives_these_back_too(office: Office) -> None:
    case_id = _schedule(office)
    office.clock.pass_(days=4)
    office.work("restrict")
    office.clock.pass_(days=7)
    office.work("revoke")
    assert _groups(office) == set()
    office.offboarding.undo(case_id, SECURITY, "a mistake")
    office.work("undo", "restrict")
    assert _groups(office) == {"sales", "all staff", "Exporters", "price lists"}
    told = office.offboarding.case(case_id).restored
    assert any("in group Exporters" in line.back for line in told)


def test_an_undo_where_the_lock_out_never_reached_the_system(office: Office) -> None:
    case_id = _schedule(office)
    office.clock.pass_(days=4)
    office.work("restrict")
    office.clock.pass_(days=7)
    office.crm.down = True
    office.work("revoke")
    office.crm.down = False
    office.offboarding.undo(case_id, SECURITY, "a mistake")
    office.work("undo", "restrict")
    assert _groups(office) >= {"Exporters", "price lists"}


@pytest.mark.parametrize("error", [Unavailable("down"), OutcomeUnknown("?")])
@pytest.mark.parametrize("done", [False, True])
def test_trouble_in_the_middle_is_said_and_tried_again(office: Office, error: Exception, done: bool) -> None:
    case_id = _schedule(office, days=1)
    office.crm.fail("remove", error, skip=1, done=done)
    office.work("restrict")
    assert _line(office, case_id).problem
    assert _line(office, case_id).done_at is None
    office.clock.pass_(minutes=6)
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff"}
    assert (_line(office, case_id).problem, _line(office, case_id).done_at is None) == ("", False)
    office.offboarding.cancel(case_id, HR, "a mistake")
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff", "Exporters", "price lists"}


@pytest.mark.parametrize("where", ["groups", "remove", "restore"])
@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("done", [False, True])
def test_a_kill_anywhere_loses_and_repeats_nothing(office: Office, where: str, skip: int, done: bool) -> None:
    case_id = _schedule(office, days=1)
    office.crm.fail(where, Killed(), skip=skip, done=done)
    for step in ("restrict", "lift"):
        if step == "lift":
            assert where == "restore" or _groups(office) == {"sales", "all staff"}
            office.offboarding.cancel(case_id, HR, "a mistake")
        for _ in range(3):
            try:
                office.work("restrict")
            except Killed:
                continue
    assert _groups(office) == {"sales", "all staff", "Exporters", "price lists"}
    assert max(office.crm.writes.values()) == 1


def test_a_cancel_while_it_is_being_done_gives_all_back(office: Office) -> None:
    case_id = _schedule(office, days=1)

    def cancelled() -> None:
        office.crm.before_call.clear()
        office.offboarding.cancel(case_id, HR, "a mistake")

    office.crm.before_call["remove"] = cancelled
    office.work("restrict")
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff", "Exporters", "price lists"}
    assert office.work("restrict") == 0


def test_a_held_case_restricts_nobody_before_its_release(tmp_path: Path) -> None:
    office = _office(tmp_path, rules=CasePolicy(mass_cases_per_hour=0, hold_channel="C0SEC"))
    case_id = _schedule(office, days=1)
    assert office.work("restrict") == 0
    office.offboarding.release(case_id, SECURITY)
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff"}


def test_a_rejected_case_gives_back_what_an_earlier_stage_took(tmp_path: Path) -> None:
    office = _office(tmp_path, rules=CasePolicy(mass_cases_per_hour=99, mass_share=0.0001, hold_channel="C0SEC"))
    case_id = _schedule(office, days=5)
    office.work("restrict")
    for number in range(2):
        office.offboarding.open(
            office.request(leaver=replace(DANA, email=f"p{number}@x", slack_id=f"U{number}", directory_id=""))
        )
    office.offboarding.reschedule(case_id, office.clock.now() + timedelta(hours=3), HR)
    assert office.offboarding.case(case_id).state is CaseState.HELD
    office.offboarding.reject(case_id, SECURITY)
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff", "Exporters", "price lists"}


def test_a_moved_day_moves_the_step(office: Office) -> None:
    case_id = _schedule(office)
    office.offboarding.reschedule(case_id, office.clock.now() + timedelta(days=20), HR)
    office.clock.pass_(days=4)
    assert office.work("restrict") == 0
    office.clock.pass_(days=10)
    assert office.work("restrict") == 1


def test_several_accounts_wait_for_a_person_and_a_protected_one_stays(office: Office) -> None:
    office.crm.user("crm-dana2", "dana@x.example", login="dana2", groups={"Exporters"})
    case_id = _schedule(office, days=1)
    office.work("restrict")
    assert "2 accounts match" in _line(office, case_id).problem
    assert office.crm.writes == {}
    office.crm.users.pop(AccountId("crm-dana2"))
    office.crm.users[DANAS].login = "boss"
    office.clock.pass_(minutes=6)
    office.work("restrict")
    assert "PROTECTED" in _line(office, case_id).problem
    assert _groups(office) >= {"Exporters"}


class Nested(MemoryCrm):
    """A CRM whose group `sales` is nested in `Exporters`."""

    def groups(self, account: AccountId) -> list[Group]:
        brings = {"sales": ("Exporters",)}
        return [Group(GroupId(one.id), one.name, brings.get(one.name, ())) for one in super().groups(account)]


def test_who_keeps_the_right_through_another_group_is_not_called_restricted(tmp_path: Path) -> None:
    office = _office(tmp_path, Nested)
    case_id = _schedule(office, days=1)
    office.work("restrict")
    assert "still in Exporters, through sales" in _line(office, case_id).problem
    assert _line(office, case_id).done_at is None


def test_what_is_gone_meanwhile_does_not_hold_the_rest_up(office: Office) -> None:
    case_id = _schedule(office, days=1)
    office.work("restrict")
    office.offboarding.cancel(case_id, HR, "a mistake")
    office.crm.fail("restore", Missing("no group Exporters"))
    office.work("restrict")
    assert _groups(office) == {"sales", "all staff", "price lists"}
    assert _line(office, case_id).done_at is not None


def test_the_plan_says_it(office: Office) -> None:
    [crm] = [one for one in office.offboarding.plan(DANA).systems if one.system == "crm"]
    assert "7 days before the day of a scheduled case: leave exporters, Price Lists" in crm.does


def test_nothing_of_it_stands_in_clear(office: Office, tmp_path: Path) -> None:
    _schedule(office, days=1)
    office.work("restrict")
    rows = b"".join(file.read_bytes() for file in tmp_path.glob("*.sqlite*"))
    assert b"price lists" not in rows
