"""The case message at first sight: what opened again, what is not known, whose word it is, and what helps."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.slack.messages import case, details
from connectors.contract import AccountId, Observation, Verdict
from tests.bot import samples
from tests.bot.conftest import strings
from tests.bot.workplace import Workplace
from tests.sandbox.company.people import BY_UID
from tests.workflows import memory
from workflows.cases.views import CaseView
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.watch import FindingKind

DANA = AccountId("crm-dana.oneill")


def shown(view: CaseView) -> str:
    return "\n".join(strings(case.build(view, samples.NOW).blocks))


def buttons(view: CaseView) -> list[dict[str, Any]]:
    return list(_buttons(case.build(view, samples.NOW).blocks))


def _buttons(thing: Any) -> Any:
    if isinstance(thing, dict):
        if thing.get("type") == "button":
            yield thing
        thing = list(thing.values())
    if isinstance(thing, list | tuple):
        for one in thing:
            yield from _buttons(one)


@pytest.fixture
def watched(workplace: Workplace) -> str:
    """Return a case that was locked out, a day ago."""
    case_id = workplace.open()
    workplace.run()
    assert "is locked out of 2 of 2 systems" in shown(workplace.office.offboarding.case(case_id))
    workplace.office.clock.pass_(days=1)
    return case_id


def audit(workplace: Workplace) -> None:
    workplace.services.audits.call()
    workplace.run("audit")


def test_what_was_locked_and_is_open_is_open_again_and_lock_again_is_the_remedy(
    workplace: Workplace, watched: str
) -> None:
    audit(workplace)
    seen_locked = int(workplace.office.clock.now().timestamp())
    workplace.crm.users[DANA].active = True
    workplace.office.clock.pass_(days=1)
    audit(workplace)
    view = workplace.office.offboarding.case(watched)
    text = shown(view)
    assert "OPEN again in CRM" in text
    assert "still OPEN" not in text
    assert f"last seen ✓ locked <!date^{seen_locked}" in text, "by the audit of the day before, not by the lock-out"
    assert text.count("open again in crm") == 0, "the finding says it no second time"
    [emphasised] = [one for one in buttons(view) if "style" in one]
    assert emphasised["text"]["text"] == "Lock Again"
    workplace.security.click(workplace.post(f"case:{watched}"), "Lock Again")
    workplace.private(workplace.security, "is being locked again")
    workplace.run("revoke")
    assert not workplace.crm.users[DANA].active
    view = workplace.office.offboarding.case(watched)
    assert "is locked out of 2 of 2 systems" in shown(view)
    evidence = "\n".join(strings(details.blocks(view)))
    assert "O'Neill*: open again in crm (dana.oneill), <!date^" in evidence
    assert "settled by a fresh read, after Lock Again by" in evidence


def test_what_cannot_be_read_keeps_its_last_good_reading(workplace: Workplace, watched: str) -> None:
    audit(workplace)
    seen_locked = int(workplace.office.clock.now().timestamp())
    workplace.crm.down = True
    workplace.office.clock.pass_(days=1)
    audit(workplace)
    text = shown(workplace.office.offboarding.case(watched))
    assert "unknown in CRM" in text
    assert f"last seen ✓ locked <!date^{seen_locked}" in text
    workplace.crm.down = False
    workplace.office.clock.pass_(days=1)
    audit(workplace)
    assert "last seen" not in shown(workplace.office.offboarding.case(watched))


def test_an_account_that_cannot_be_read_keeps_its_last_good_reading_however_often_it_is_tried(
    workplace: Workplace, watched: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system answers, and not about this account: its row is written with every audit."""
    audit(workplace)
    seen_locked = int(workplace.office.clock.now().timestamp())
    monkeypatch.setattr(memory._Accounts, "_observe", lambda *_: Observation(Verdict.UNKNOWN, "", "hidden from us"))
    monkeypatch.setattr(memory._Accounts, "locked", lambda _: frozenset())
    for _day in range(2):
        workplace.office.clock.pass_(days=1)
        audit(workplace)
        text = shown(workplace.office.offboarding.case(watched))
        assert "hidden from us" in text
        assert text.count(f"last seen ✓ locked <!date^{seen_locked}") == 2, "in both systems"


def test_what_was_never_seen_locked_is_not_open_again() -> None:
    view = samples.case(CaseState.RUNNING, Verdict.LOCKED, Verdict.OPEN)
    text = shown(view)
    assert "still OPEN in The system1" in text
    assert "again" not in text
    assert "last seen" not in text
    assert [one["text"]["text"] for one in buttons(view) if "style" in one] == ["Retry"]


def test_a_new_account_is_neither_still_open_nor_open_again() -> None:
    view = samples.case(CaseState.WATCHED, Verdict.LOCKED, Verdict.OPEN)
    line = replace(view.systems[1], locked_at=samples.NOW, accounts=(samples.account("system1", Verdict.LOCKED),))
    headline = case.headline(replace(view, systems=(view.systems[0], line)))
    assert "OPEN in The system1" in headline
    assert "still" not in headline
    assert "again" not in headline


def test_a_refused_log_in_is_told_of_the_lock_alone_and_only_for_every_account() -> None:
    view = samples.case(CaseState.RUNNING, Verdict.LOCKED)
    refused = replace(samples.account("system0", Verdict.LOCKED), login_refused=True)
    line = replace(view.systems[0], locked_at=samples.NOW, accounts=(refused,))

    def text(**change: Any) -> str:
        return shown(replace(view, systems=(replace(line, **change),)))

    assert "✓ locked, log-in refused, <!date^" in text()
    later = text(read_at=samples.NOW + timedelta(days=1))
    assert "log-in refused" not in later, "the read of a later audit tried no log-in"
    assert "✓ locked, read back <!date^" in later
    assert "log-in refused" not in text(accounts=(refused, samples.account("system0", Verdict.LOCKED)))


def test_a_persons_word_for_an_absence_and_access_that_outlives_the_lock_stay_at_first_sight() -> None:
    view = samples.case(CaseState.RUNNING, Verdict.ABSENT, Verdict.LOCKED)
    absent = replace(view.systems[0], accounts=(), word="Ada until 2026-12-01")
    tickets = replace(samples.account("system1", Verdict.LOCKED), residual="tickets", residual_until=samples.NOW)
    systems = (absent, replace(view.systems[1], accounts=(tickets,)))
    text = shown(replace(view, systems=systems))
    assert "✓ no account, on the word of Ada until 2026-12-01" in text
    assert text.count("tickets may work until") == 1, "the headline says it"
    opened = replace(view.systems[1], system="other", title="Other", verdict=Verdict.OPEN)
    text = shown(replace(view, systems=(*systems, opened)))
    assert "tickets may work until <!date^" in text, "the headline tells of the open system"


def test_what_was_exported_leaves_no_trace_in_the_case() -> None:
    view = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    found = replace(samples.finding(), kind=FindingKind.EXPORTED, detail="9 exports since the lock-out")
    with_it = replace(view, findings=(found,), settled=(replace(found, closed_at=samples.NOW, closed_by="handover"),))
    assert case.build(with_it, samples.NOW) == case.build(view, samples.NOW)
    assert details.blocks(with_it) == details.blocks(view)


def test_a_count_that_differs_stays_at_first_sight() -> None:
    view = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    counts = ("crm, party: 9 before, 9 after", "crm, deal: 9 before, 8 after; 1 fewer for a reason outside")
    text = shown(replace(view, clients=replace(samples.clients(), balance=counts, differing=counts[1:])))
    assert "1 fewer" in text
    assert "party" not in text


def test_the_details_open_for_those_who_may_see_cases(workplace: Workplace, watched: str) -> None:
    message = workplace.post(f"case:{watched}")
    workplace.hr.click(message, "Details")

    def filled() -> str:
        text = workplace.hr.view.text if workplace.hr.view else ""
        return text if "dana.oneill" in text else ""

    text = workplace.hr.wait_for(filled)
    assert "✓ locked" in text
    assert "approver" in text
    stranger = workplace.person(BY_UID["raj.patel"].slack_id)
    stranger.click(message, "Details")
    workplace.private(stranger, "not allowed")
    assert stranger.view is None
