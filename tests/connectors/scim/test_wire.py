"""Payloads with any content, filters with user input, and unsafe settings."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from scim2_models import PatchOp, User

from connectors.contract import Person
from connectors.credentials import FixedToken
from connectors.scim import filters, wire
from connectors.scim.faults import fault
from connectors.scim.settings import ScimSettings

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "value",
                    "userName",
                    "emails",
                    "meta",
                    "version",
                    "primary",
                    "name",
                    "formatted",
                    "active",
                    "patch",
                    "supported",
                    "pagination",
                    "cursor",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(ANYTHING)
def test_no_payload_breaks_the_reading(payload: object) -> None:
    user = wire.User.read(payload)
    assert wire.account(user, "x").verdict is wire.verdict(user)
    assert wire.observation(user).how
    assert isinstance(wire.read_features(payload), wire.Features)
    assert wire.matched_by(user, Person("", (), ())) == ""


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_is_one_value_of_a_filter(text: str) -> None:
    attribute, operator, value = filters.equals("userName", text).split(" ", 2)
    assert (attribute, operator, json.loads(value)) == ("userName", "eq", text)
    assert '"' not in json.dumps(text, ensure_ascii=False)[1:-1].replace("\\\\", "").replace('\\"', "")


def test_a_nameless_person_matches_nobody() -> None:
    blank = wire.User.read({"userName": "", "emails": [{"value": " "}], "externalId": None})
    assert wire.matched_by(blank, Person("X", ("", " "), ("",))) == ""
    assert set(map(tuple, filters.terms(Person("X", ("", " "), ("",))).values())) == {()}


def test_what_is_sent_is_what_the_standard_has() -> None:
    body = wire.patch({"op": "replace", "path": "active", "value": False})
    assert PatchOp[User[Any]].model_validate(body).operations


def test_what_the_server_says_it_supports_is_read_whatever_its_types() -> None:
    said: dict[str, Any] = {"patch": {"supported": "False"}, "filter": {"supported": 0}, "etag": None}
    assert wire.read_features(said | {"pagination": {"cursor": "true"}}) == wire.Features(False, False, True, True)
    assert wire.read_features("<html>") == wire.Features()


def test_a_token_that_the_server_repeats_is_not_shown() -> None:
    request = httpx.Request("GET", "https://app.example/Users?filter=x")
    answer = httpx.Response(403, json={"detail": "token hush-123 lacks users:write\n" * 40}, request=request)
    error = fault(FixedToken(SecretStr("hush-123")), answer)
    assert "hush" not in str(error)
    assert "users:write" in str(error)
    assert len(str(error)) < 300
    assert "filter" not in str(error).partition(",")[0]


GOOD = {"url": "https://app.example/scim/v2/", "token": SecretStr("x"), "inactive_means": "suspended"}


def test_settings_are_safe() -> None:
    good = ScimSettings.model_validate(GOOD)
    assert (good.url, good.inactive_means) == ("https://app.example/scim/v2", "suspended")
    assert "SecretStr('**********')" in repr(good)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://app.example/scim"},
        {"url": "ftp://x"},
        {"url": "app.example"},
        {"url": "https://x/?a=b"},
        {"token": SecretStr("")},
        {"inactive_means": "deleted"},
        {"headers": {"authorization": "Bearer y"}},
        {"auth_scheme": "Bear er\r\n"},
        {"ca_file": "/nowhere.pem"},
        {"page_size": 0},
        {"pages": 3},
    ],
)
def test_unsafe_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScimSettings.model_validate(GOOD | wrong)


def test_what_inactive_means_is_never_guessed() -> None:
    with pytest.raises(ValidationError, match="inactive_means"):
        ScimSettings.model_validate({key: value for key, value in GOOD.items() if key != "inactive_means"})
