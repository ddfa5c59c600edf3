"""Findings in the digest and at the command line."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cli.audit import concerns
from bot.slack.messages import audit, escalation
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, document, handover
from tests.bot.conftest import strings
from tests.bot.fakes import FakeAudits
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.watch import FindingKind

LATER = samples.NOW + timedelta(days=9)


def text(message: Any) -> str:
    return "\n".join(strings(message.blocks))


def test_an_escalation_has_the_overdue_ones_only_and_says_when_none_is_left() -> None:
    view = samples.audit(3)
    late = replace(view, findings=(replace(view.findings[0], overdue=True), *view.findings[1:]))
    assert "Nobody has taken 1 finding" in escalation.build(late).text
    assert "finding-1" not in text(escalation.build(late))
    assert "taken or settled" in escalation.build(view).text


def test_the_digest_says_who_and_what_is_known_and_escapes_it() -> None:
    line = replace(
        samples.finding(),
        changed_by="cn=<!channel>",
        taken_by="Sam",
        relocked_at=samples.NOW,
        kind=FindingKind.ORPHAN,
        case_id="",
        can_lock_again=False,
    )
    said = text(audit.build(replace(samples.audit(1), findings=(line,))))
    for words in ("last changed by", "taken by Sam", "locked again by the bot", "disabled in the directory"):
        assert words in said
    assert "<!channel>" not in said


def test_accepted_and_relocked_are_listed_apart_and_never_called_all_good() -> None:
    waits = replace(
        samples.finding(1), accepted_until=LATER, accepted_by="Sam", accepted_reason="till the contract ends"
    )
    done = replace(samples.finding(2), relocked_at=samples.NOW, closed_at=samples.NOW)
    for view in (
        replace(samples.audit(0), accepted=(waits,)),
        replace(samples.audit(0), relocked=(done,)),
        replace(samples.audit(0), by_verdict={**samples.audit(0).by_verdict, Verdict.UNKNOWN: 1}),
    ):
        assert "all still locked out" not in audit.build(view).text
    said = text(audit.build(replace(samples.audit(0), accepted=(waits,), relocked=(done,))))
    assert "till the contract ends" in said
    assert "Locked again at once, by policy: 1" in said


def test_an_audit_that_could_not_look_somewhere_is_not_good() -> None:
    blind = replace(samples.audit(0), not_looked=("orphans were not looked for in crm",))
    assert "all still locked out" not in audit.headline(blind)
    assert "1 check was not possible" in audit.headline(blind)
    assert concerns(blind, samples.NOW) == ["1 check was not possible."]
    assert concerns(samples.audit(0), samples.NOW) == []


def test_what_was_not_looked_for_is_said_even_where_all_is_well() -> None:
    said = text(audit.build(replace(samples.audit(0), not_looked=("orphans were not looked for in crm",))))
    assert "orphans were not looked for in crm" in said
    many = text(audit.build(replace(samples.audit(0), not_looked=tuple(f"not in system {n}" for n in range(7)))))
    assert "and 2 more; `handover audit` shows all" in many


def test_many_of_everything_stay_within_slacks_limits() -> None:
    view = samples.audit(120)
    full = audit.build(
        replace(view, accepted=view.findings, relocked=view.findings, not_looked=("x" * 400,) * 9), "audit-1"
    )
    assert len(full.blocks) <= 50
    assert "The CSV has all" in text(full)
    assert "and 105 more, in the CSV" in "\n".join(full.rest), "what does not fit is attached"


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


@pytest.fixture
def audits() -> FakeAudits:
    return FakeAudits()


def test_findings_are_shown_taken_and_accepted_at_the_command_line(config: str, audits: FakeAudits) -> None:
    shown = handover(Wiring(audits=audits), "findings", "--config", config)
    assert shown.exit_code == 1, shown.output
    assert "finding-0" in shown.output
    handover(Wiring(audits=audits), "findings", "--take", "finding-0", "--config", config)
    assert [finding for finding, _ in audits.taken] == ["finding-0"]
    accept = ("--accept", "finding-1", "--until", "2026-12-01", "--reason", "agreed")
    done = handover(Wiring(audits=audits), "findings", *accept, "--json", "--config", config)
    assert document(done)["findings"][0]["id"] == "finding-0"
    assert [one[:3] for one in audits.waived] == [("finding-1", date(2026, 12, 1), "agreed")]


def test_no_finding_is_good(config: str, audits: FakeAudits) -> None:
    audits.run = samples.audit(0)
    result = handover(Wiring(audits=audits), "findings", "--config", config)
    assert result.exit_code == 0
    assert "No finding is open" in result.output


@pytest.mark.parametrize(
    "words", [("--accept", "finding-1"), ("--accept", "f", "--until", "soon"), ("--accept", "f", "--take", "f")]
)
def test_wrong_use_does_nothing(config: str, audits: FakeAudits, words: tuple[str, ...]) -> None:
    result = handover(Wiring(audits=audits), "findings", *words, "--config", config)
    assert result.exit_code == 2
    assert (audits.taken, audits.waived) == ([], [])


def test_what_was_settled_since_is_said_without_buttons_and_is_not_all_good() -> None:
    done = replace(samples.finding(), closed_at=samples.NOW)
    message = audit.build(replace(samples.audit(0), settled=(done,)), "audit-1")
    said = text(message)
    assert "Settled since this audit: 1" in said
    assert "1 settled" in message.text
    assert "✓ Audit of" not in message.text
    assert audit.TAKE not in str(message.blocks)


def test_what_was_settled_keeps_since_when_by_whom_and_what_fixed_it() -> None:
    until = samples.NOW + timedelta(hours=2)
    done = replace(samples.finding(), closed_at=until, closed_by="handover")
    cases = (
        (replace(done, locked_by="Sam"), "settled by a fresh read, after Lock Again by Sam"),
        (replace(done, relocked_at=samples.NOW), "settled by a fresh read, after the bot locked it again"),
        (replace(done, closed_by="slack:U0SAM"), "settled by <@U0SAM>"),
        (replace(done, kind=FindingKind.NOT_DELIVERED), "delivered since"),
    )
    for line, how in cases:
        said = text(audit.build(replace(samples.audit(0), settled=(line,))))
        assert re.search(
            f"✓ \\*Dana O'Neill\\*: .* <!date.{int(samples.NOW.timestamp())}.* to <!date.{int(until.timestamp())}", said
        )
        assert how in said


def test_a_tally_of_the_audit_stands_beside_no_settled_finding_as_if_it_were_now() -> None:
    done = replace(samples.finding(), closed_at=samples.NOW, closed_by="handover")
    seen = {Verdict.LOCKED: 27, Verdict.OPEN: 1, Verdict.UNKNOWN: 0}
    said = text(audit.build(replace(samples.audit(0), settled=(done,), by_verdict=seen)))
    assert "As the audit read: 1 ✗ OPEN · 27 ✓ locked" in said
    assert "unknown" not in said


def test_an_audit_of_nobody_is_not_all_locked_out() -> None:
    nobody = replace(samples.audit(0), leavers=0, accounts=0, by_verdict={})
    assert audit.headline(nobody) == "No finding on 2026-11-23, and nobody has left yet"
    blind = replace(nobody, not_read=("crm: no answer",))
    assert "1 system was not read" in audit.headline(blind)


def test_a_finding_is_one_sentence_and_no_finding_is_told_twice() -> None:
    line = replace(samples.finding(), changed_by="cn=admin", taken_by="Sam")
    said = text(audit.build(replace(samples.audit(1), findings=(line,))))
    assert re.search(r"since <[^>]*>, last changed by cn=admin, taken by Sam: enabled by admin\.", said)
    many = audit.build(samples.audit(12))
    rows = next(block for block in many.blocks if block["type"] == "table")["rows"]
    assert len(rows) == 1 + 12 - audit.WITH_BUTTON, "those with a button are told above"


def test_every_kind_of_finding_has_words() -> None:
    assert set(FindingKind) == set(audit.KINDS)


def test_an_account_is_locked_again_and_listed_as_csv_at_the_command_line(config: str, audits: FakeAudits) -> None:
    first = audits.run.findings[0].id
    wiring = Wiring(audits=audits)
    wiring.offboarding.known["case-1"] = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    done = handover(wiring, "findings", "--lock-again", first, "--config", config)
    assert audits.locked == [first]
    assert "locked" in done.output, "what a fresh read shows is said"
    assert wiring.modes[0] == "run", "who visits starts no work"
    listed = handover(Wiring(audits=audits), "findings", "--csv", "--config", config)
    assert listed.output.startswith("account,verdict")
    both = handover(Wiring(audits=audits), "findings", "--lock-again", first, "--take", first, "--config", config)
    assert both.exit_code == 2
    assert audits.locked == [first]
