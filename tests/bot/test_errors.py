"""Every refusal and every connector error has a sentence with what to do, in words that fit the place."""

import re
from itertools import product

import pytest
from slack_sdk.errors import SlackApiError

from bot import errors as slack_words
from bot.cli import explanations as terminal_words
from bot.cli.explanations import refused
from bot.errors import CONNECTOR_ERROR_MESSAGES, UserFacingError, user_message
from connectors import errors
from workflows.refusals import Code, Next, Refused

SIX = [kind for kind in vars(errors).values() if isinstance(kind, type) and errors.ConnectorError in kind.__bases__]
SLACK_ONLY = re.compile(
    r"click|button|press|\bform\b|message|\bHome\b|/offboard|@person|<!|&(amp|lt|gt);", re.IGNORECASE
)
"""Words that mean nothing at a terminal."""
TERMINAL_ONLY = re.compile(r"handover [a-z]+|(?<!\w)--[a-z]")
"""Words that mean nothing in Slack."""
FACTS = {"by": "Max Weber", "at": "2026-11-23T09:00:00+00:00", "case": "case-1", "changed": "Acme: Bob → Carol"}


@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_has_a_sentence(code: Code) -> None:
    said = user_message(Refused(code))
    assert said.endswith(".")
    assert "{" not in said
    assert len(said) > 30
    assert code.sentence.endswith(".")


@pytest.mark.parametrize(("code", "facts"), list(product(Code, ({}, FACTS))))
def test_each_place_has_its_own_words_for_what_to_do_next(code: Code, facts: dict[str, str]) -> None:
    in_slack, at_terminal = user_message(Refused(code, **facts), markup=True), refused(Refused(code, **facts))
    assert not SLACK_ONLY.search(at_terminal)
    assert not TERMINAL_ONLY.search(in_slack)
    assert at_terminal.endswith(".")
    assert not SLACK_ONLY.search(code.sentence)
    assert not TERMINAL_ONLY.search(code.sentence)


def test_words_for_the_other_place_are_found() -> None:
    for planted in ("Press Retry.", "Open the form again.", "Your click changed nothing.", "`/offboard list`"):
        assert SLACK_ONLY.search(planted)
    for planted in ("`handover findings` shows them.", "Add it with --proof."):
        assert TERMINAL_ONLY.search(planted)


def test_both_places_know_every_next_step_and_each_is_used() -> None:
    assert set(slack_words.NEXT) == set(terminal_words.NEXT) == set(Next) == {code.next for code in Code} - {None}


@pytest.mark.parametrize(
    "said", [*(code.sentence for code in Code), *slack_words.NEXT.values(), *terminal_words.NEXT.values()]
)
def test_a_sentence_has_at_most_twenty_words(said: str) -> None:
    for sentence in re.split(r"(?<=[.?]) ", said):
        assert len(sentence.split()) <= 20, sentence


def test_a_missing_fact_is_said_to_be_missing() -> None:
    assert "by somebody (at a time not on record)" in user_message(Refused(Code.ALREADY_SETTLED))
    assert "(not known)" in refused(Refused(Code.OPEN_CASE))


def test_a_code_is_the_word_that_the_journal_has() -> None:
    assert f"{Code.STALE_PROPOSAL}" == "stale proposal"
    assert str(Refused(Code.OPEN_CASE, case="c-1")) == "open case case=c-1"


def test_every_connector_error_has_a_sentence() -> None:
    assert len(SIX) == 6
    assert set(CONNECTOR_ERROR_MESSAGES) == set(SIX)
    for kind in SIX:
        assert "&lt;crm&gt;" in user_message(kind("<crm>"), markup=True)
        assert "<crm>" in user_message(kind("<crm>"))


def test_facts_are_data_and_moments_are_tokens() -> None:
    already = Refused(Code.ALREADY_SETTLED, by="<!channel>", at="2026-11-23T09:00:00+00:00")
    assert "<!channel>" not in user_message(already, markup=True)
    assert "<!date^1795424400^" in user_message(already, markup=True)
    assert "<!date" not in user_message(already)


def test_a_terminal_shows_names_as_they_are() -> None:
    assert "by נועה & co (" in refused(Refused(Code.ALREADY_SETTLED, by="נועה & co"))


def test_what_only_the_log_can_explain_has_no_sentence() -> None:
    assert user_message(ZeroDivisionError("x")) is None
    assert user_message(UserFacingError("ready")) == "ready"
    assert "ratelimited" in user_message(SlackApiError("x", {"ok": False, "error": "ratelimited"}))  # type: ignore[no-untyped-call]
