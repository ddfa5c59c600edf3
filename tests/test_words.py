"""No sentence for people stands bare where workflows and connectors make errors, verdicts and findings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("workflows", "connectors")
SPEAKERS = {
    "Unavailable": 0,
    "OutcomeUnknown": 0,
    "BadCredential": 0,
    "Forbidden": 0,
    "Missing": 0,
    "Conflict": 0,
    "Unreadable": 0,
    "Lookup": 1,
    "Observation": 1,
    "Result": 1,
    "Locked": 2,
    "Sighting": 3,
    "Restored": 1,
    "Known": 1,
}
"""Constructors whose arguments from that place on are words for people."""
KEYS = frozenset({"finding", "kind", "system", "case_id", "account_id", "login", "retry_after"})
WORDS = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}")
"""Two words in a row; names of attributes and paths are none."""
CANNOT = {"cannot"}


def bare(source: str) -> Iterator[int]:
    """Yield the lines with a sentence that is given to a speaker and goes through no catalogue."""
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        given = [word.value for word in call.keywords if word.arg in CANNOT]
        if name in SPEAKERS:
            given += call.args[SPEAKERS[name] :]
            given += [word.value for word in call.keywords if word.arg not in KEYS]
        yield from (line for value in given for line in _sentences(value))


def _sentences(value: ast.AST) -> Iterator[int]:
    """Yield the lines of literals that are words, but for those inside of a call, which has its own rules."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and WORDS.search(value.value):
        yield value.lineno
    elif isinstance(value, ast.JoinedStr):
        if any(isinstance(part, ast.Constant) and re.search(r"[^\W\d_]{2,}", str(part.value)) for part in value.values):
            yield value.lineno
    elif not isinstance(value, ast.Call):
        for part in ast.iter_child_nodes(value):
            yield from _sentences(part)


@pytest.mark.parametrize("room", ROOMS)
def test_every_sentence_goes_through_the_catalogue(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line in bare(path.read_text(encoding="utf-8"))
    ]
    assert found == [], "wrap these: _() in functions, N_() in constants"


@pytest.mark.parametrize(
    "source",
    [
        'raise Missing(f"no user {name}")',
        'raise Conflict("changed since then")',
        'Result(v, "a b" if x else "still to do", how)',
        'Result(v, reason=f"{n} left")',
        'Observation(v, "read back twice")',
        'Manifest(kind="x", cannot=("It cannot fly.",))',
    ],
)
def test_a_bare_sentence_is_found(source: str) -> None:
    assert list(bare(source)) == [1]


@pytest.mark.parametrize(
    "source",
    [
        'raise Missing(_("no user {name}").format(name=name))',
        'raise Missing(f"{where}: {why}")',
        'Observation(v, "res.user.active")',
        'Sighting("not verified", case, system, account)',
        'Result(v, _("a b"), how, finding="not linked")',
        'Manifest(kind="x", cannot=(N_("It cannot fly."),))',
    ],
)
def test_what_is_translated_or_no_sentence_is_left_alone(source: str) -> None:
    assert list(bare(source)) == []
