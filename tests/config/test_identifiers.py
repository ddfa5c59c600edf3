"""Identifiers as people type them: what nobody sees is taken away, and nothing is linked by looks."""

import pytest

from config.identifiers import (
    address,
    address_or_nothing,
    distinct,
    is_among,
    is_like_any,
    relatives,
    variants,
    visible,
)


@pytest.mark.parametrize(
    "typed",
    [
        "dana@x.example",
        " dana@x.example ",
        "dana@x\u200b.example",
        "\ufeffdana@x.example",
        "da\u00adna@x.example",
        "\u202adana@x.example\u202c",
        "\u2066dana@x.example\u2069",
        "dana@x.example\u00a0",
        "\u3000dana@x.example",
        "dana\u2060@x.example",
        "dana\ufe0f@x.example",
        "dana\u034f@x.example",
        "mailto:dana@x.example",
        "MAILTO:dana@x.example?subject=hello",
        "<dana@x.example>",
        "Dana O'Neill <dana@x.example>",
        "<mailto:dana@x.example>",
        "dana@x.example.",
    ],
)
def test_an_address_is_looked_up_without_what_nobody_sees(typed: str) -> None:
    assert address(typed) == "dana@x.example"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "dana",
        "dana@x",
        "@x.example",
        "da na@x.example",
        "da\u00a0na@x.example",
        "dana@x..example",
        "dana@x.example, bob@x.example",
        "dana@bob@x.example",
        "dana\uff20x.example",
        "dana\n@x.example",
        "dana@x.example\ud83d",
        "\u200b",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        address(typed)
    assert address_or_nothing(typed) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("strauss", "strau\u00df"),
        ("kim", "\u212aim"),
        ("inci", "\u0131nci"),
        ("inci", "\u0130nci"),
        ("zo\u00eb", "zoe\u0308"),
        ("\u0160ime", "\u0161ime"),
        ("sam", "\u017fam"),
    ],
)
def test_what_only_folding_makes_equal_is_a_candidate_and_never_the_same(one: str, other: str) -> None:
    assert is_like_any(one, [other])
    assert is_like_any(other, [one])
    assert not is_among(one, [other])


def test_the_case_of_ascii_letters_alone_does_not_count() -> None:
    assert is_among(" Dana@X.Example", ["dana@x.example"])
    assert not is_like_any("Dana@X.Example", ["dana@x.example"])
    assert not is_among("", [""])
    assert not is_like_any("dana", ["dan"])
    assert distinct(["Dana@x.example", "", "dana@X.example", "d@x.example"]) == ("Dana@x.example", "d@x.example")
    assert visible("d.o\u2019neill \u200f") == "d.o\u2019neill"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("strauss@x.example", "strau\u00df@x.example"),
        ("strau\u00df@x.example", "strauss@x.example"),
        ("mike@x.example", "mi\u212ae@x.example"),
        ("inci@x.example", "\u0131nci@x.example"),
        ("inci@x.example", "inc\u0131@x.example"),
        ("zo\u00eb@x.example", "zoe\u0308@x.example"),
        ("zoe\u0308@x.example", "zo\u00eb@x.example"),
    ],
)
def test_a_lookup_also_searches_for_what_only_looks_alike(one: str, other: str) -> None:
    assert other in variants(one)
    assert one not in variants(one)


def test_plain_names_have_no_variants_and_relatives_by_usual_affixes() -> None:
    assert variants("dana@x.example") == ()
    assert {"adm-dana", "dana.admin", "dana_guest"} <= set(relatives(["dana"]))
    assert {"admin.dana@x.example", "dana-ext@x.example"} <= set(relatives(["dana@x.example"]))
    assert "dana" not in relatives(["dana"])
