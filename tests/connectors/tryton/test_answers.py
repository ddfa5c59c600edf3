"""Answers that are not Tryton's, or lack what was asked for: an absent value is taken for no value."""

from typing import Any

import pytest

from connectors.errors import Unavailable
from connectors.tryton import wire

USER = {"id": 7, "login": "dana", "active": True}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "is not Tryton's"),
        ({"id": 7}, "is not Tryton's"),
        ([None], "is not Tryton's"),
        ([{"login": "dana", "active": True}], "is not Tryton's"),
        ([{**USER, "id": "7"}], "is not Tryton's"),
        ([USER, {"id": 8, "login": "max"}], "lacks active"),
    ],
)
def test_rows_have_their_id_and_every_field_that_was_asked_for(found: Any, said: str) -> None:
    with pytest.raises(Unavailable, match=said):
        wire.rows("res.user.search_read", found, ["login", "active"])


def test_whole_rows_are_given_as_they_are() -> None:
    assert wire.rows("res.user.search_read", [USER], ["login", "active", "party.name"]) == [USER]


def test_a_read_without_a_result_is_no_empty_one() -> None:
    assert wire.result("res.user.search_count", 0) == 0
    with pytest.raises(Unavailable, match="has no result"):
        wire.result("res.user.search_count", None)
