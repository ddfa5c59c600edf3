"""`handover undo`, `cancel`, `retry`, `link`, `reschedule`, `release`, `close`: Slack's acts at the terminal."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, document, handover
from workflows.cases.views import Ended
from workflows.storage.rows.case import CaseState


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


def _wiring(state: CaseState, **change: object) -> Wiring:
    wiring = Wiring()
    wiring.offboarding.known["case-1"] = replace(samples.case(state, Verdict.LOCKED), **change)  # type: ignore[arg-type]
    return wiring


def _who(wiring: Wiring) -> list[tuple[str, str]]:
    assert all(by.startswith("cli:") for _what, _case, by in wiring.offboarding.done)
    return [(what, case) for what, case, _by in wiring.offboarding.done]


def test_undo_asks_does_and_says(config: str) -> None:
    wiring = _wiring(CaseState.WATCHED)
    why = ("--reason", "the wrong Dana", "--config", config)
    assert handover(wiring, "undo", "case-1", *why, typed="n\n").exit_code == 1
    assert handover(wiring, "undo", "case-1", *why, typed="").exit_code == 2
    no_reason = handover(wiring, "undo", "case-1", "--yes", "--config", config)
    assert no_reason.exit_code == 2
    assert "Add it with --reason" in no_reason.stderr
    assert wiring.offboarding.done == []
    result = handover(wiring, "undo", samples.leaver().email, "--yes", *why)
    assert result.exit_code == 0, result.output
    assert "sessions that were ended" in result.stdout
    assert "not moved back: 120 records" in result.stdout
    assert _who(wiring) == [("undo", "case-1")]
    assert wiring.offboarding.reasons == ["the wrong Dana"]
    found = document(handover(wiring, "undo", "case-1", "--yes", "--json", "--config", config))
    assert found["state"] == "undone"
    unknown = handover(wiring, "undo", "nobody@x.example", "--yes", "--config", config)
    assert unknown.exit_code == 2
    assert "no case" in unknown.stderr


def test_status_of_an_undone_case_is_good_only_when_all_is_back(config: str) -> None:
    done = _wiring(CaseState.UNDONE, restored=(samples.restored("crm"),))
    assert handover(done, "status", "case-1", "--config", config).exit_code == 0
    nothing = _wiring(CaseState.UNDONE, restored=())
    assert handover(nothing, "status", "case-1", "--config", config).exit_code == 1
    left = _wiring(CaseState.UNDONE, restored=(samples.restored("crm", done=False),))
    result = handover(left, "status", "case-1", "--config", config)
    assert result.exit_code == 1
    assert "not reachable" in result.stdout
    held = handover(_wiring(CaseState.HELD, held="mass"), "status", "case-1", "--config", config)
    assert held.exit_code == 1
    assert "handover release case-1" in held.stdout


def test_link_shows_searches_and_links(config: str) -> None:
    wiring = _wiring(CaseState.RUNNING)
    fake = wiring.linking
    shown = handover(wiring, "link", "case-1", "crm", "--config", config)
    assert shown.exit_code == 0, shown.output
    assert "d.oneill" in shown.stdout
    assert "PROTECTED" in shown.stdout
    found = handover(wiring, "link", "case-1", "crm", "--search", "zzz", "--config", config)
    assert "Nothing matches" in found.stdout
    assert (fake.linked, wiring.modes) == ([], ["visit", "visit"])
    assert handover(wiring, "link", "case-1", "crm", "--login", "d.oneill", "--config", config).exit_code == 0
    assert wiring.modes[2:] == ["run"], "without a bot that runs, this very process locks what was linked"
    assert handover(wiring, "link", "case-1", "crm", "--account", "a-1", "--config", config).exit_code == 0
    none = ("link", "case-1", "crm", "--none", "--config", config)
    assert handover(wiring, *none).exit_code == 2, "no last day"
    assert handover(wiring, *none, "--until", "2026-12-01").exit_code == 2, "no reason"
    assert handover(wiring, *none, "--until", "2026-12-01", "--reason", "never sold").exit_code == 0
    assert [one[2] for one in fake.linked] == ["d.oneill", "a-1", "none until 2026-12-01: never sold"]
    assert handover(wiring, "link", "case-1", "crm", "--login", "x", "--none", "--config", config).exit_code == 2
    refused = handover(wiring, "link", "case-1", "crm", "--login", "nobody", "--config", config)
    assert refused.exit_code == 2
    assert "not exactly one account" in refused.stderr


def test_reschedule_reads_the_time_as_offboard_does(config: str) -> None:
    wiring = _wiring(CaseState.SCHEDULED, effective_at=samples.NOW + timedelta(days=1))
    moved = handover(wiring, "reschedule", "case-1", "--at", "end-of-day 2026-11-29", "--config", config)
    assert moved.exit_code == 0, moved.output
    assert "weekend" in moved.stderr
    assert _who(wiring) == [("reschedule", "case-1 2026-11-29T17:00:00+00:00")]
    for bad in ("now", "2026-11-29", "2020-01-01T10:00", "soon"):
        assert handover(wiring, "reschedule", "case-1", "--at", bad, "--config", config).exit_code == 2
    assert len(wiring.offboarding.done) == 1


def test_cancel_asks_for_the_reason_and_for_a_yes(config: str) -> None:
    wiring = _wiring(CaseState.SCHEDULED)
    assert handover(wiring, "cancel", "case-1", "--yes", "--config", config).exit_code == 2
    why = ("--reason", "she stays", "--config", config)
    assert handover(wiring, "cancel", "case-1", *why, typed="n\n").exit_code == 1
    assert wiring.offboarding.done == []
    done = handover(wiring, "cancel", "case-1", "--yes", *why)
    assert done.exit_code == 0, done.output
    assert _who(wiring) == [("cancel", "case-1")]
    assert wiring.offboarding.reasons == ["she stays"]
    ended = _wiring(CaseState.CANCELLED, ended=Ended("Hanna", samples.NOW, "she stays"))
    shown = handover(ended, "status", "case-1", "--config", config).stdout
    assert "Ended by Hanna" in shown
    assert "she stays" in shown


def test_retry_tries_one_system_or_all(config: str) -> None:
    wiring = _wiring(CaseState.RUNNING)
    systems = [line.system for line in wiring.offboarding.known["case-1"].systems]
    one = handover(wiring, "retry", "case-1", systems[0], "--config", config)
    assert one.exit_code == 0, one.output
    assert handover(wiring, "retry", "case-1", "--config", config).exit_code == 0
    assert _who(wiring) == [("retry", f"case-1 {name}") for name in (systems[0], *systems)]
    unknown = handover(wiring, "retry", "case-1", "nothing", "--config", config)
    assert unknown.exit_code == 2
    assert systems[0] in unknown.stderr


def test_a_name_is_revealed_with_a_reason_alone(config: str) -> None:
    known = samples.exports().pseudonym
    assert handover(Wiring(), "reveal", known, "--config", config).exit_code == 2
    why = ("--reason", "theft suspected", "--config", config)
    shown = handover(Wiring(), "reveal", known, *why)
    assert samples.leaver().name in shown.stdout, shown.output
    unknown = handover(Wiring(), "reveal", "L-0", *why)
    assert unknown.exit_code == 2
    assert "no longer exists" in unknown.stderr


def test_release_reject_and_close(config: str) -> None:
    wiring = _wiring(CaseState.HELD, held="mass")
    assert handover(wiring, "release", "case-1", "--config", config, typed="n\n").exit_code == 1
    assert wiring.offboarding.done == []
    released = handover(wiring, "release", "case-1", "--yes", "--config", config)
    assert released.exit_code == 0, released.output
    assert handover(wiring, "release", "case-1", "--reject", "--yes", "--config", config).exit_code == 0
    assert handover(wiring, "close", "case-1", "--yes", "--config", config).exit_code == 2
    assert handover(wiring, "close", "case-1", "--rehired", "--yes", "--config", config).exit_code == 0
    assert _who(wiring) == [("release", "case-1"), ("reject", "case-1"), ("close", "case-1")]


def test_offboard_says_that_a_case_is_held_and_is_not_good(config: str) -> None:
    wiring = Wiring()
    wiring.offboarding.hold = "immediate"
    result = handover(
        wiring,
        "offboard",
        samples.leaver().email,
        "--approver",
        samples.MAX.email,
        "--successor",
        samples.BOB.email,
        "--yes",
        "--config",
        config,
    )
    assert result.exit_code == 1
    assert "HELD, nothing is locked" in result.stderr
