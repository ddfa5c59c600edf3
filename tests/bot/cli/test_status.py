"""`handover status` and `handover audit`: only what was read, lately, and found good is good."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, document, handover
from tests.bot.fakes import FakeAudits
from workflows.cases.views import AuditView
from workflows.storage.rows.case import CaseState

DANA = samples.leaver().email


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


def test_status_lists_cases_and_tells_good_from_not_good(config: str) -> None:
    wiring = Wiring()
    assert "No case is open" in handover(wiring, "status", "--config", config).output
    wiring.offboarding.known = {"HO-1": samples.case(CaseState.WATCHED, Verdict.LOCKED, Verdict.ABSENT, case_id="HO-1")}
    good = handover(wiring, "status", "--all", "--config", config)
    assert good.exit_code == 0
    assert "HO-1" in good.output
    wiring.offboarding.known["HO-2"] = samples.case(CaseState.RUNNING, Verdict.LOCKED, Verdict.UNKNOWN, case_id="HO-2")
    bad = handover(wiring, "status", "--config", config)
    assert bad.exit_code == 1
    assert "NOT" in bad.output


def test_the_week_lists_who_leaves_and_calls_nothing_locked_that_was_not_read(config: str) -> None:
    wiring, now = Wiring(), samples.NOW
    assert "Nobody leaves this week" in handover(wiring, "week", "--config", config).output
    states = (
        (CaseState.SCHEDULED, Verdict.UNKNOWN),
        (CaseState.RUNNING, Verdict.UNKNOWN),
        (CaseState.WATCHED, Verdict.LOCKED),
    )
    wiring.offboarding.known = {
        f"HO-{number}": replace(samples.case(state, verdict, case_id=f"HO-{number}"), effective_at=now)
        for number, (state, verdict) in enumerate(states)
    }
    later = samples.case(CaseState.SCHEDULED, case_id="HO-later")
    wiring.offboarding.known["HO-later"] = replace(later, effective_at=now + timedelta(days=7))
    shown = handover(wiring, "week", "--config", config).output
    assert [word in shown for word in ("scheduled", "NOT locked out everywhere", "locked out", "HO-later")] == [
        True,
        True,
        True,
        False,
    ]
    listed = json.loads(handover(wiring, "week", "--json", "--config", config).stdout)
    assert [case["id"] for case in listed] == ["HO-0", "HO-1", "HO-2"]


def many() -> Wiring:
    """Return a company with 120 cases that are good."""
    wiring = Wiring()
    names = [f"HO-{number:03}" for number in range(120)]
    wiring.offboarding.known = {name: samples.case(CaseState.WATCHED, Verdict.LOCKED, case_id=name) for name in names}
    return wiring


def test_all_cases_come_in_pages_that_say_what_is_left(config: str) -> None:
    first = handover(many(), "status", "--all", "--config", config)
    assert ("HO-049" in first.stdout, "HO-050" in first.stdout) == (True, False)
    assert "Cases 1 to 50 of 120. --page 2 shows the next." in first.stderr
    last = handover(many(), "status", "--all", "--page", "3", "--config", config)
    assert ("HO-100" in last.stdout, "HO-119" in last.stdout, "HO-099" in last.stdout) == (True, True, False)
    assert "Cases 101 to 120 of 120." in last.stderr
    assert "shows the next" not in last.stderr
    past = handover(many(), "status", "--all", "--page", "4", "--config", config)
    assert "Page 4 is past the last of 120 cases." in past.stderr


def test_a_page_of_json_holds_only_cases_and_every_case_can_be_had_at_once(config: str) -> None:
    page = handover(many(), "status", "--all", "--limit", "7", "--page", "2", "--json", "--config", config)
    assert [case["id"] for case in json.loads(page.stdout)] == [f"HO-{number:03}" for number in range(7, 14)]
    assert "Cases 8 to 14 of 120" in page.stderr
    every = handover(many(), "status", "--all", "--limit", "0", "--json", "--config", config)
    assert (len(json.loads(every.stdout)), every.stderr) == (120, "")


def test_open_cases_are_listed_to_the_last_unless_a_page_is_asked_for(config: str) -> None:
    shown = handover(many(), "status", "--config", config)
    assert ("HO-119" in shown.stdout, shown.stderr) == (True, "")


def test_what_was_undone_is_not_listed_as_locked(config: str) -> None:
    wiring = Wiring()
    undone = samples.case(CaseState.UNDONE, Verdict.LOCKED, Verdict.LOCKED)
    lines = (samples.restored("crm"), samples.restored("directory", done=False))
    wiring.offboarding.known = {"case-1": replace(undone, restored=lines)}
    listed = handover(wiring, "status", "--all", "--config", config).output
    assert "locked" not in listed
    assert "crm given back" in listed
    assert "directory not yet" in listed


def test_status_of_one_case_shows_what_was_read_and_what_comes_next(config: str) -> None:
    wiring = Wiring()
    wiring.offboarding.known = {
        "HO-1": samples.case(CaseState.RUNNING, Verdict.LOCKED, Verdict.UNKNOWN, case_id="HO-1")
    }
    result = handover(wiring, "status", DANA, "--config", config)
    text = " ".join(result.output.split())
    assert result.exit_code == 1
    for words in ("✓ locked", "? unknown", "no answer", "tried again at 2026-11-23 10:05 CET", "600 listed, 120 moved"):
        assert words in text, words
    assert document(handover(wiring, "status", "HO-1", "--json", "--config", config))["id"] == "HO-1"


def test_a_case_that_is_not_due_is_good_and_an_open_finding_is_not(config: str) -> None:
    wiring = Wiring()
    later = replace(samples.case(CaseState.SCHEDULED, Verdict.UNKNOWN), effective_at=samples.NOW + timedelta(days=1))
    wiring.offboarding.known = {"case-1": later}
    assert handover(wiring, "status", "--config", config).exit_code == 0
    wiring.offboarding.known = {"case-1": replace(later, effective_at=samples.NOW - timedelta(minutes=1))}
    assert handover(wiring, "status", "--config", config).exit_code == 1, "its time has come, and nobody did it"
    found = replace(samples.case(CaseState.WATCHED, Verdict.LOCKED), findings=(samples.finding(),))
    wiring.offboarding.known = {"case-1": found}
    assert handover(wiring, "status", "case-1", "--config", config).exit_code == 1


def test_an_unknown_case_says_what_to_do(config: str) -> None:
    result = handover(Wiring(), "status", "HO-404", "--config", config)
    assert result.exit_code == 2
    assert "handover status --all" in result.stderr


class Audited(FakeAudits):
    def __init__(self, run: AuditView | None) -> None:
        super().__init__()
        self.answer = run

    def latest(self) -> AuditView | None:
        return self.answer


@pytest.mark.parametrize(
    ("run", "words", "code"),
    [
        (samples.audit(0), "all still locked out, 14 past leavers with 28 accounts", 0),
        (samples.audit(1), "open again", 1),
        (samples.audit(0, ("crm: no answer",)), "crm: no answer", 1),
        (replace(samples.audit(0), finished_at=None), "has not finished", 1),
        (replace(samples.audit(0), started_at=samples.NOW - timedelta(hours=37)), "older than 36 hours", 1),
        (replace(samples.audit(0), by_verdict={Verdict.UNKNOWN: 2}), "2 unknown", 1),
    ],
)
def test_audit_is_good_only_when_all_was_read_lately_and_nothing_found(
    run: AuditView, words: str, code: int, config: str
) -> None:
    result = handover(Wiring(audits=Audited(run)), "audit", "--config", config)
    assert result.exit_code == code, result.output
    assert words in result.output


def test_without_any_audit_nothing_is_claimed(config: str) -> None:
    wiring = Wiring(audits=Audited(None))
    result = handover(wiring, "audit", "--config", config)
    assert result.exit_code == 1
    assert "No audit has run" in result.stderr
    now = handover(wiring, "audit", "--now", "--json", "--config", config)
    assert document(now)["day"] == "2026-11-23"
    assert now.exit_code == 1, "the fakes' audit has findings"


def test_why_adds_the_evidence_and_what_was_settled(config: str) -> None:
    view = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    gone = replace(samples.finding(), closed_at=samples.NOW + timedelta(hours=1), closed_by="handover", locked_by="Sam")
    wiring = Wiring()
    wiring.offboarding.known = {"case-1": replace(view, settled=(gone,))}
    plain = handover(wiring, "status", "case-1", "--config", config).output
    assert "3 sessions ended" not in plain
    assert "Settled" not in plain
    shown = " ".join(handover(wiring, "status", "case-1", "--why", "--config", config).output.split())
    assert "3 sessions ended" in shown
    assert "settled by a fresh read, after Lock Again by Sam" in shown
