"""Wording of messages: short, without empty brackets, without repetition."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.slack.messages import case, details, exports, outcome, plan, proposal
from bot.slack.messages.blocks import Message
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.conftest import strings
from workflows.access.views import BookLine
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import ProposalState

LIMITS = ("Sessions stay open. " * 20, "Tokens are not known.", "Reports are not on record.")


def said(built: Message) -> str:
    return "\n".join(strings(built.blocks))


def shown(verdict: Verdict, how: str, done: tuple[str, ...] = (), attempt: int = 2) -> tuple[str, str]:
    """Return the case message and its details."""
    view = samples.case(CaseState.RUNNING, verdict)
    account = replace(samples.account("system0", verdict), done=done)
    line = replace(view.systems[0], how=how, read_at=samples.NOW, attempt=attempt, accounts=(account,))
    view = replace(view, systems=(line,))
    return said(case.build(view, samples.NOW)), "\n".join(strings(details.blocks(view)))


def test_a_system_that_was_not_read_says_so_without_empty_brackets() -> None:
    text, evidence = shown(Verdict.UNKNOWN, "", ("locked", "1 session ended"))
    assert "? unknown, could not be read (<!date^" in text
    assert "dana.oneill – last known: locked · 1 session ended" in evidence
    assert "()" not in text + evidence
    assert "read back" not in text + evidence


def test_an_unclear_read_says_how_it_was_read() -> None:
    text, evidence = shown(Verdict.UNKNOWN, "userAccountControl")
    assert "? unknown, read back <!date^" in text
    assert "userAccountControl" not in text
    assert re.search("Read <!date[^>]*>: userAccountControl", evidence)


@pytest.mark.parametrize(("attempt", "words"), [(1, "(tried 1 time)"), (2, "(tried 2 times)")])
def test_a_try_is_counted_in_grammar(attempt: int, words: str) -> None:
    view = samples.case(CaseState.RUNNING, Verdict.UNKNOWN)
    line = replace(view.systems[0], attempt=attempt)
    assert words in said(case.build(replace(view, systems=(line,)), samples.NOW))


def test_limits_stand_in_the_details_alone_and_all_of_them() -> None:
    """The plan said them before anybody confirmed: the case message does not repeat them for ever."""
    view = samples.case(CaseState.RUNNING, Verdict.LOCKED)
    view = replace(view, systems=(replace(view.systems[0], cannot=LIMITS),))
    evidence = "\n".join(strings(details.blocks(view)))
    for limit in LIMITS:
        assert limit[:100] in evidence
        assert limit[:20] not in said(case.build(view, samples.NOW))


def test_the_plan_has_all_limits_under_a_heading() -> None:
    meant = samples.plan()
    meant = replace(meant, systems=(replace(meant.systems[0], cannot=LIMITS[1:] * 6),))
    text = "\n".join(strings(plan.details(meant, [])))
    assert text.count("• Tokens are not known.") == 6
    assert text.index("_Will be done_") < text.index("• lock the log-in") < text.index("_Cannot be done here_")


def test_groups_are_quoted_so_that_their_count_can_be_followed() -> None:
    meant = samples.plan()
    account = replace(samples.account("crm"), groups=("Sales, EMEA", "crm users"))
    meant = replace(meant, systems=(replace(meant.systems[0], accounts=(account,)),))
    assert "in 2 groups: “Sales, EMEA” · “crm users”" in "\n".join(strings(plan.details(meant, [])))
    account = replace(account, groups=("Sales",))
    meant = replace(meant, systems=(replace(meant.systems[0], accounts=(account,)),))
    assert "in 1 group: “Sales”" in "\n".join(strings(plan.details(meant, [])))


def test_one_kind_of_record_is_not_counted_twice() -> None:
    meant = samples.plan()
    book = BookLine("crm", {"opportunity": 60, "party": 0}, {"EUR": Decimal(5)})
    meant = replace(meant, systems=(replace(meant.systems[0], book=book),))
    assert "clients: 60 records (opportunity), open value 5 EUR" in "\n".join(strings(plan.details(meant, [])))


def test_the_point_of_a_plan_never_counts_clients_that_were_not_read() -> None:
    meant = samples.plan()
    dark = replace(meant, systems=(replace(meant.systems[0], book=BookLine("crm", {}, {}, "no answer")),))
    assert plan.summary(dark, []).splitlines()[1].startswith("Clients: not known.")


@pytest.mark.parametrize("state", [ProposalState.APPROVED, ProposalState.DECLINED, ProposalState.CANCELLED])
def test_what_is_settled_waits_for_nobody(state: ProposalState) -> None:
    assert "Nothing moves until Max Weber" in said(proposal.build(samples.proposal(), [], 0))
    text = said(proposal.build(samples.proposal(state), [], 0))
    assert "Nothing moves until" not in text
    assert "60 records of 20 clients, proposed for 2 colleagues." in text


def test_a_first_version_is_said_once_and_a_record_without_value_says_so() -> None:
    line = replace(samples.client_lines(1)[0], value={})
    text = said(proposal.build(samples.proposal(), [line], 1))
    assert "Acme 0\n–\nCarol" in text
    assert "Clients 1 to 1 of 1" in text
    assert "Version" not in text
    assert "Version 2 of case case-1" in said(proposal.build(samples.proposal(version=2), [], 0))


def test_the_outcome_says_when_everything_has_moved() -> None:
    view = samples.proposal(ProposalState.APPROVED)
    assert "0 of 30 records moved so far" in said(outcome.build(view))
    text = said(outcome.build(replace(view, shares=tuple(replace(one, moved=one.records) for one in view.shares))))
    assert "60 of 60 records moved" in text
    assert "• Bob Ross: 30 records (" in text
    assert "so far" not in text
    assert "being moved now" not in text


@pytest.mark.parametrize(("moment", "words"), [("lock", "At the lock"), ("day 7", "On day 7"), ("<b>", "&lt;b&gt;")])
def test_exports_say_when_they_were_read_and_what_the_system_is_called(moment: str, words: str) -> None:
    built = exports.build(replace(samples.exports(), moment=moment), titles={"crm0": "Tryton"})
    text = said(built)
    assert f"{words} (<!date^" in text
    assert ", looking back to <!date^" in text
    assert "*Tryton* (crm0): 12 exports" in text
    assert "1 log was not read" in text
