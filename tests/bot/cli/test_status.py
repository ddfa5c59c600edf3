"""`handover status` and `handover audit`: only what was read, lately, and found good is good."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, document, handover
from tests.bot.fakes import FakeAudits
from workflows.storage.rows.case import CaseState
from workflows.watch.views import AuditView

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
