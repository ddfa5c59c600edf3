"""Every refusal and trouble has a sentence with what to do."""

import pytest
from slack_sdk.errors import SlackApiError

from bot.errors import CONNECTOR_ERROR_MESSAGES, REFUSALS, UserFacingError, user_message
from connectors import errors
from workflows.refusals import Code, Refused

SIX = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.ConnectorError) and kind is not errors.ConnectorError
]


@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_has_a_sentence(code: Code) -> None:
    said = user_message(Refused(code))
    assert said.endswith(".")
    assert "{" not in said
    assert len(said) > 30
    assert set(REFUSALS) == set(Code)


def test_every_trouble_has_a_sentence() -> None:
    assert len(SIX) == 6
    assert set(CONNECTOR_ERROR_MESSAGES) == set(SIX)
    for kind in SIX:
        assert "&lt;crm&gt;" in user_message(kind("<crm>"), markup=True)
        assert "<crm>" in user_message(kind("<crm>"))


def test_facts_are_data_and_moments_are_tokens() -> None:
    refused = Refused(Code.ALREADY_SETTLED, by="<!channel>", at="2026-11-23T09:00:00+00:00")
    assert "<!channel>" not in user_message(refused, markup=True)
    assert "<!date^1795424400^" in user_message(refused, markup=True)
    assert "<!date" not in user_message(refused)


def test_what_only_the_log_can_explain_has_no_sentence() -> None:
    assert user_message(ZeroDivisionError("x")) is None
    assert user_message(UserFacingError("ready")) == "ready"
    assert "ratelimited" in user_message(SlackApiError("x", {"ok": False, "error": "ratelimited"}))  # type: ignore[no-untyped-call]
