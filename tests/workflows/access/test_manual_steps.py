"""Manual steps: asked, reminded, escalated, confirmed by a person, and never shown as read back."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from connectors.contract import Verdict
from connectors.manual import MANIFEST
from connectors.manual.settings import ManualSettings
from tests.workflows.memory import Killed
from tests.workflows.office import HR, SECURITY, Office
from workflows.access.manual_steps import KEEP_BYTES, Proof, cancel, reschedule
from workflows.access.views import SystemLine
from workflows.people import Actor
from workflows.ports import DeliveryFailed
from workflows.refusals import Code, Refused
from workflows.storage.case import advance_case
from workflows.storage.outbox import deliver
from workflows.storage.rows.access import ManualStep
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import BookHandover
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.work_state import WorkState
from workflows.systems.registry import System, titled

ADA = Actor("slack:U0ADA", "Ada")
MAX = Actor("slack:U0MAX", "Max")
DANA = Actor("slack:U0DANA", "Dana O'Neill")


def badge(**change: Any) -> System:
    own = {
        "title": "Office keys and badge",
        "instructions": "Take the badge.",
        "assignee": "U0ADA",
        "due_hours": 24,
        "remind_hours": 8,
        "escalate_to": "U0EVE",
        "ask_again_days": 90,
    }
    settings = ManualSettings.model_validate({**own, **change})
    return titled(System("badge", MANIFEST, MANIFEST.connector(settings)), settings.title)  # type: ignore[call-arg]


def make(folder: Path, **change: Any) -> Office:
    return Office(folder, badge(**change))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return make(tmp_path)


class Delivers:
    """Slack on a good day."""

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        return post.channel, "1.0"


def opened(office: Office, **change: Any) -> str:
    """Open a case for now and do all that is due."""
    case_id = office.offboarding.open(office.request(**change))
    office.work("revoke", "manual", "exports")
    return f"{case_id}:badge"


def case_of(step: str) -> str:
    return step.partition(":")[0]


def line(office: Office, step: str) -> SystemLine:
    found = next(one for one in office.offboarding.case(case_of(step)).systems if one.system == "badge")
    assert found.step is not None
    return found


def asked(office: Office) -> list[str]:
    return sorted(post.channel for post in office.posts().values() if post.kind == MessageKind.MANUAL)


def later(office: Office, hours: float) -> None:
    """Let time pass, the clock ticking every quarter of an hour."""
    for _ in range(int(hours * 4)):
        office.clock.pass_(minutes=15)
        office.work("manual")


def journalled(office: Office, action: str) -> list[JournalEntry]:
    with office.store.read() as session:
        return list(session.exec(select(JournalEntry).where(JournalEntry.action == action)))


def refused(call: Any, *args: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*args)
    return caught.value


# --- asking


def test_the_assignee_is_asked_at_once_and_once(office: Office) -> None:
    step = opened(office)
    assert ("manual", step, 0) in office.started
    assert ("revoke", step, 0) not in office.started
    office.manual.run(step)
    office.manual.run(step)
    assert asked(office) == ["U0ADA"]
    said = line(office, step)
    assert (said.verdict, said.read_at, said.title) == (Verdict.UNKNOWN, None, "Office keys and badge")
    assert "not confirmed" in said.reason


def test_nothing_is_asked_before_the_day_and_nothing_can_be_confirmed(office: Office) -> None:
    at = office.clock.now() + timedelta(days=3)
    step = opened(office, effective_at=at)
    assert asked(office) == []
    assert refused(office.manual.confirm, step, ADA, "done early").code is Code.NOT_OPEN
    office.clock.pass_(days=3)
    office.work("manual")
    assert asked(office) == ["U0ADA"]
    assert office.manual.view(step).deadline == at + timedelta(hours=24)


def test_a_case_cancelled_meanwhile_asks_nobody_and_takes_no_answer(office: Office) -> None:
    step = opened(office, effective_at=office.clock.now() + timedelta(days=3))
    office.offboarding.cancel(case_of(step), HR, "a mistake")
    office.clock.pass_(days=4)
    office.work("manual")
    assert asked(office) == []
    assert refused(office.manual.confirm, step, ADA, "done").code is Code.NOT_OPEN


def test_what_was_asked_is_called_off_in_the_message_that_asked(office: Office) -> None:
    step = opened(office)
    deliver(office.store, Delivers(), office.clock)
    with office.store.write() as session:
        cancel(session, case_of(step))
    [post] = [post for post in office.posts().values() if post.kind == MessageKind.MANUAL]
    assert post.shown_version < post.wanted_version
    assert office.manual.view(step).state is WorkState.CANCELLED
    assert office.manual.waiting_for("U0ADA") == []
    assert refused(office.manual.confirm, step, ADA, "done").code is Code.NOT_OPEN


@pytest.mark.parametrize("told", [True, False])
def test_a_case_put_off_asks_on_its_new_day(office: Office, told: bool) -> None:
    step = opened(office, effective_at=office.clock.now() + timedelta(days=1))
    with office.store.write() as session:
        case = session.get_one(Case, case_of(step))
        case.effective_at += timedelta(days=1)
        session.add(case)
        if told:
            reschedule(session, case)
    later(office, 30)
    assert asked(office) == []
    assert office.offboarding.case(case_of(step)).state is CaseState.SCHEDULED
    later(office, 20)
    assert asked(office).count("U0ADA") == 1


def test_looking_who_is_there_redraws_nothing(office: Office) -> None:
    opened(office)
    deliver(office.store, Delivers(), office.clock)
    later(office, 7)
    assert [post.id for post in office.posts().values() if post.shown_version < post.wanted_version] == []


def test_every_member_of_a_group_is_asked_but_never_the_leaver(tmp_path: Path) -> None:
    office = make(tmp_path, assignee="S0DESK")
    office.roster.groups["S0DESK"] = ("U0ADA", "U0DANA", "U0BOB")
    step = opened(office)
    assert asked(office) == ["U0ADA", "U0BOB"]
    assert [one.id for one in office.manual.waiting_for("U0BOB")] == [step]
    assert office.manual.waiting_for("U0DANA") == []


def test_the_leaver_as_the_only_assignee_is_passed_over_to_the_next_at_once(tmp_path: Path) -> None:
    office = make(tmp_path, assignee="U0DANA")
    opened(office)
    assert asked(office) == ["U0EVE"]


def test_reminders_come_at_their_pace_then_once_a_day(office: Office) -> None:
    opened(office)
    later(office, 7.5)
    assert asked(office).count("U0ADA") == 1
    later(office, 1)
    assert asked(office).count("U0ADA") == 2
    later(office, 15)
    assert asked(office).count("U0ADA") == 3
    later(office, 48)
    assert 4 <= asked(office).count("U0ADA") <= 5


def test_overdue_is_escalated_once_and_is_a_finding(office: Office) -> None:
    step = opened(office)
    later(office, 23.5)
    assert "U0EVE" not in asked(office)
    assert office.audits.findings() == []
    later(office, 30)
    assert asked(office).count("U0EVE") == 1
    assert [one.id for one in office.manual.waiting_for("U0EVE")] == [step]
    [finding] = office.audits.findings()
    assert (finding.kind, finding.system, finding.can_lock_again) == ("not verified", "badge", False)
    office.manual.confirm(step, ADA, "done")
    assert office.audits.findings() == []


def test_a_deactivated_assignee_is_escalated_at_once(office: Office) -> None:
    office.roster.gone.add("U0ADA")
    step = opened(office)
    assert asked(office) == ["U0EVE"]
    assert "active" in office.manual.view(step).problem


def test_one_deactivated_later_is_noticed_within_the_hour_and_not_written_to_for_ever(office: Office) -> None:
    opened(office)
    office.roster.gone.add("U0ADA")
    later(office, 1.5)
    assert "U0EVE" in asked(office)
    posts = [post for post in office.posts().values() if post.kind == MessageKind.MANUAL]
    assert [post.channel for post in posts if post.shown_version < post.wanted_version] == ["U0EVE"]


def test_with_nobody_left_to_escalate_to_security_is_told(tmp_path: Path) -> None:
    office = make(tmp_path, escalate_to="U0EVE")
    office.roster.gone |= {"U0ADA", "U0EVE"}
    opened(office)
    assert asked(office) == ["C0SEC"]


def test_without_an_escalation_security_is_told(tmp_path: Path) -> None:
    office = make(tmp_path, escalate_to="")
    step = opened(office)
    office.manual.cannot(step, ADA, "she took it home")
    office.work("manual")
    assert asked(office) == ["C0SEC", "U0ADA"]


def test_cannot_do_it_escalates_at_once_with_the_reason_and_a_second_click_only_once(office: Office) -> None:
    step = opened(office)
    office.manual.cannot(step, ADA, "I am on leave")
    office.work("manual")
    office.manual.cannot(step, ADA, "I am on leave")
    office.work("manual")
    assert asked(office) == ["U0ADA", "U0EVE"]
    assert "Ada cannot do it: I am on leave" in line(office, step).reason


# --- Slack down, death


def test_slack_down_holds_nothing_up_and_the_question_goes_out_later(office: Office) -> None:
    office.roster.down = True
    step = opened(office)
    assert asked(office) == ["U0ADA"]
    assert office.manual.view(step).waiting

    class Notifier:
        down = True

        def show(self, post: OutboxMessage) -> tuple[str, str]:
            if self.down:
                raise DeliveryFailed("Slack does not answer")
            return post.channel, "1.0"

    tell = Notifier()
    assert deliver(office.store, tell, office.clock) == 0
    tell.down, office.roster.down = False, False
    later(office, 0.5)
    assert deliver(office.store, tell, office.clock) > 0
    assert next(post.ts for post in office.posts().values() if post.kind == MessageKind.MANUAL) == "1.0"
    assert asked(office) == ["U0ADA"]


def test_a_group_that_slack_does_not_name_is_asked_as_soon_as_it_does(tmp_path: Path) -> None:
    office = make(tmp_path, assignee="S0DESK")
    office.roster.groups["S0DESK"] = ("U0ADA",)
    office.roster.down = True
    opened(office)
    assert asked(office) == []
    office.roster.down = False
    office.clock.pass_(minutes=1)
    office.work("manual")
    assert asked(office) == ["U0ADA"]


def test_killed_before_the_rows_are_written_it_asks_once_when_run_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = office.offboarding.open(office.request())
    step = f"{case_id}:badge"

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("workflows.access.manual_steps.advance_case", die)
        with pytest.raises(Killed):
            office.manual.run(step)
    assert asked(office) == []
    assert journalled(office, "manual.asked") == []
    office.manual.run(step)
    assert asked(office) == ["U0ADA"]


def test_killed_while_confirming_nothing_is_half_confirmed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    step = opened(office)

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("workflows.access.manual_steps.advance_case", die)
        with pytest.raises(Killed):
            office.manual.confirm(step, ADA, "done")
    assert not office.manual.view(step).confirmed
    assert journalled(office, "manual.confirmed") == []
    assert office.manual.confirm(step, ADA, "done").confirmed


def test_an_answer_that_comes_between_look_and_write_is_not_asked_over(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = office.offboarding.open(office.request())
    step = f"{case_id}:badge"

    def answer(_: str) -> tuple[str, ...]:
        office.manual.confirm(step, ADA, "done already")
        return ("U0ADA",)

    monkeypatch.setattr(office.roster, "reach", answer)
    office.manual.run(step)
    assert asked(office) == []
    assert office.manual.view(step).confirmed_by == "Ada"


# --- confirming


def test_a_confirmation_is_a_persons_word_and_the_verdict_stays_unknown(office: Office) -> None:
    step = opened(office)
    case_id = case_of(step)
    assert not office.offboarding.case(case_id).locked_out
    office.manual.confirm(step, ADA, "badge 117 collected")
    said = line(office, step)
    assert said.verdict is Verdict.UNKNOWN
    assert said.read_at is None
    assert said.reason == "confirmed by Ada on 2026-03-02, not read back"
    assert office.offboarding.case(case_id).locked_out
    assert office.manual.waiting_for("U0ADA") == []


def test_a_confirmed_step_makes_up_for_no_system_that_is_open(office: Office) -> None:
    office.crm.down = True
    step = opened(office)
    office.manual.confirm(step, ADA, "done")
    assert not office.offboarding.case(case_of(step)).locked_out


def test_the_case_goes_on_to_watched_only_with_the_confirmation(office: Office) -> None:
    step = opened(office)
    case_id = case_of(step)
    with office.store.write() as session:
        for book in session.exec(select(BookHandover)).all():
            book.state = WorkState.DONE
            session.add(book)
        session.flush()
        advance_case(session, office.journal, case_id)
    office.work("revoke", "manual")
    assert office.offboarding.case(case_id).state is CaseState.RUNNING
    office.manual.confirm(step, ADA, "done")
    assert office.offboarding.case(case_id).state is CaseState.WATCHED


def test_the_second_confirmation_is_refused_with_the_first(office: Office) -> None:
    step = opened(office)
    office.manual.confirm(step, ADA, "done")
    again = refused(office.manual.confirm, step, SECURITY, "me too")
    assert (again.code, again.facts["by"]) == (Code.ALREADY_CONFIRMED, "Ada")
    assert refused(office.manual.cannot, step, ADA, "no").code is Code.ALREADY_CONFIRMED
    assert len(journalled(office, "manual.confirmed")) == 1


def test_the_leaver_confirms_nothing(office: Office) -> None:
    step = opened(office)
    for call in (office.manual.confirm, office.manual.cannot, office.manual.retract):
        assert refused(call, step, DANA, "all done").code is Code.OWN_CASE
    assert not office.manual.view(step).confirmed


@pytest.mark.parametrize("note", ["", "  \n "])
def test_without_a_note_nothing_is_confirmed(office: Office, note: str) -> None:
    step = opened(office)
    assert refused(office.manual.confirm, step, ADA, note).code is Code.NEEDS_REASON
    assert not office.manual.view(step).confirmed


def test_an_unknown_step_is_refused(office: Office) -> None:
    assert refused(office.manual.confirm, "HO-1:badge", ADA, "done").code is Code.UNKNOWN_STEP


def test_a_file_that_is_asked_for_must_come_and_its_hash_is_journalled(tmp_path: Path) -> None:
    office = make(tmp_path, proof="file")
    step = opened(office)
    assert refused(office.manual.confirm, step, ADA, "done").code is Code.NEEDS_PROOF
    assert refused(office.manual.confirm, step, ADA, "done", Proof("empty.pdf", b"")).code is Code.NEEDS_PROOF
    proof = Proof("receipt Dana.pdf", b"signed by Dana")
    view = office.manual.confirm(step, ADA, "done", proof)
    assert (view.proof, view.proof_sha256) == ("receipt Dana.pdf", proof.sha256)
    [entry] = journalled(office, "manual.confirmed")
    assert proof.sha256 in entry.data
    assert "receipt" not in entry.data
    with office.store.read() as session:
        row = session.get_one(ManualStep, step)
        assert b"signed by Dana" not in row.proof
        assert row.proof
        assert b"receipt" not in row.sealed


def test_a_large_file_leaves_its_hash_only(office: Office) -> None:
    step = opened(office)
    office.manual.confirm(step, ADA, "done", Proof("film.mp4", b"x" * (KEEP_BYTES + 1)))
    assert office.manual.view(step).proof_sha256
    with office.store.read() as session:
        assert session.get_one(ManualStep, step).proof == b""


def test_a_confirmation_taken_back_counts_no_more_and_is_asked_for_again(office: Office) -> None:
    step = opened(office)
    assert refused(office.manual.retract, step, ADA, "oops").code is Code.NOT_CONFIRMED
    office.manual.confirm(step, ADA, "done")
    office.manual.retract(step, ADA, "wrong badge")
    case = office.offboarding.case(case_of(step))
    assert not case.locked_out
    assert [one.kind for one in case.findings] == ["not verified"]
    office.work("manual")
    assert asked(office) == ["U0ADA", "U0ADA"]
    assert "wrong badge" in line(office, step).reason
    office.manual.confirm(step, ADA, "the right one now")
    assert office.audits.findings() == []


# --- afterwards


def confirmed(office: Office) -> str:
    step = opened(office)
    office.manual.confirm(step, ADA, "done")
    return step


def test_after_its_interval_it_is_asked_again_and_silence_is_a_finding(office: Office) -> None:
    step = confirmed(office)
    office.clock.pass_(days=89, hours=23)
    office.work("manual")
    assert asked(office) == ["U0ADA"]
    later(office, 2)
    assert asked(office) == ["U0ADA", "U0ADA"]
    said = line(office, step)
    assert "confirmed by Ada on 2026-03-02, not read back; asked again on 2026-05-31" in said.reason
    assert office.audits.findings() == []
    later(office, 25)
    assert [one.kind for one in office.audits.findings()] == ["not verified"]
    assert "U0EVE" in asked(office)
    office.manual.confirm(step, SECURITY, "looked: still off")
    assert office.audits.findings() == []
    assert "confirmed by Sam" in line(office, step).reason


def test_follow_up_and_audit_say_what_people_said(office: Office) -> None:
    step = confirmed(office)
    office.clock.pass_(days=1, hours=1)
    office.work("follow_up")
    case = office.offboarding.case(case_of(step))
    assert "badge: confirmed by Ada on 2026-03-02, not read back" in case.follow_ups[0].summary
    sheet = office.audits.csv("audit")
    assert 'badge,,unknown,"confirmed by Ada on 2026-03-02, not read back"' in sheet
    office.audits.call()
    office.work("audit")
    assert office.audits.findings() == []


def test_retry_is_not_for_what_people_do(office: Office) -> None:
    step = opened(office)
    assert refused(office.offboarding.retry, case_of(step), "badge", SECURITY).code is Code.NOT_OPEN


def test_a_step_gone_from_the_configuration_is_said_and_waits(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.systems._systems.pop("badge")
    office.work("manual")
    step = next(one for one in office.offboarding.case(case_id).systems if one.system == "badge")
    assert "no longer in the configuration" in step.reason
    assert asked(office) == []


def test_the_plan_says_that_someone_will_be_asked(office: Office) -> None:
    plan = office.offboarding.plan(office.request().leaver)
    found = next(one for one in plan.systems if one.system == "badge")
    assert (found.title, found.by_hand, found.problem, found.accounts) == ("Office keys and badge", True, "", ())
    assert found.does == ("someone will be asked to do this by hand, within 24 hours: Take the badge.",)


def test_words_of_people_stand_sealed_alone(office: Office) -> None:
    step = opened(office)
    office.manual.confirm(step, ADA, "secret words of Ada")
    raw = b"".join(path.read_bytes() for path in Path(office.store.url.removeprefix("sqlite:///")).parent.iterdir())
    assert b"secret words" not in raw
    with office.store.read() as session:
        row = session.get_one(ManualStep, step)
        case = office.offboarding.case(case_of(step))
        assert case.steps[0].note == "secret words of Ada"
        assert row.confirmed_by == ADA.id
