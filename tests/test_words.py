"""Every sentence for people is marked for gettext, in the whole source and in errors, verdicts and findings."""

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
    """Yield the lines of literals that are words, except those inside a call, which has its own rules."""
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


EVERYWHERE = ("bot", "config", "connectors", "workflows")
MARKS = frozenset({"_", "N_", "gettext_lazy", "ngettext", "ngettext_lazy"})
LOGGING = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
FOR_PROGRAMMERS = frozenset({"RuntimeError", "TypeError", "AssertionError", "NotImplementedError"})
SENTENCE = re.compile(r"[^\W\d_]+(?:'s)?,? [^\W\d_]+,? [^\W\d_]+")
"""Three words in a row."""
FOR_PROGRAMS = {
    "bot/cli/": ('"handover ', "'handover "),  # commands to type
    "bot/cli/configuration_draft.py": ("# Handover's configuration.",),  # comments of a file, like its reference
    "bot/cli/notes.py": ("{line.family_name}: {line.name}",),  # data, side by side
    "bot/log_limit.py": ("WORDS = ", "lines about the storage", "text = f"),  # for the log
    "bot/cli/wrong_use.py": ('r"',),  # the parser's words, to be found
    "bot/locales/": ("",),  # for contributors and translators
    "bot/running.py": (".tick", "_seal", "_TICK", "forget", "take over"),  # names of ticks, for the log
    "workflows/authorization.py": (' = "',),  # rights, as the journal has them
    "bot/slack/listeners/": ("ctx.refuse(",),  # rights
    "bot/slack/messages/audit.py": ('"exported after leaving": N_',),  # a kind of finding
    "bot/slack/metrics.py": ("Counter(", "_seconds", '"handover_'),  # for who reads metrics
    "config/reference.py": ("",),  # a document
    "connectors/bottlecrm/rest.py": ("NO_ORGANIZATION",),  # the vendor's words
    "connectors/contract.py": ("TAKEN = ",),  # as rows have it
    "connectors/ldap/active_directory.py": ("GONE_FOR_GOOD = ",),  # sealed, for who opens a row by hand
    "connectors/ldap/faults.py": ("_CODE",),  # the vendor's words
    "connectors/scim/filters.py": (" eq {json",),  # a filter
    "connectors/new_package.py": ("",),  # the text of programs
    "workflows/": ('"exported after leaving"', "launch comes first"),  # a kind of finding; for programmers
    "workflows/engine/replicas.py": ("self._end(",),  # for the log
    "bot/slack/forms/duties.py": ("texts = {",),  # the text that is searched
    "connectors/recording.py": (" digits>",),  # the form of a number
    "workflows/refusals.py": ("put back", '"nothing handed over"', '"nothing to tell"'),  # codes
    "workflows/storage/heads.py": ("handover journal {", "handover-head {"),  # what is signed
    "workflows/storage/verification.py": ("select ", "where "),  # SQL
    "workflows/storage/rows/": (' = "', " null"),  # reasons as rows have them, SQL
    "workflows/storage/store.py": ("set local", "select pg_"),  # SQL
    "workflows/storage/": ("PENDING = ",),  # a key
}
"""By file or folder: parts of lines whose words in a row are for programs."""


def unmarked(source: str, *, value_errors: bool = False) -> Iterator[int]:
    """Yield the lines with an unmarked sentence, without docstrings and log messages.

    A `ValueError` is for programmers, except in settings (`value_errors`), whose faults people read.
    """
    silent = FOR_PROGRAMMERS if value_errors else FOR_PROGRAMMERS | {"ValueError"}

    def walk(node: ast.AST) -> Iterator[int]:
        if isinstance(node, ast.Call):
            named = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if named in MARKS | LOGGING | silent:
                return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "word" for part in node.values]
            if SENTENCE.search("".join(map(str, parts))):
                yield node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SENTENCE.search(node.value):
            yield node.lineno
        else:
            for part in ast.iter_child_nodes(node):
                yield from walk(part)

    yield from walk(ast.parse(source))


def is_for_programs(name: str, text: str) -> bool:
    return any(part in text for start, parts in FOR_PROGRAMS.items() if name.startswith(start) for part in parts)


@pytest.mark.parametrize("room", EVERYWHERE)
def test_no_sentence_stands_unmarked_in_the_source(room: str) -> None:
    found = []
    for path in sorted((ROOT / room).rglob("*.py")):
        name, source = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        if "migrations" in path.parts or name.startswith("connectors/conformance/"):
            continue  # SQL, and tests for programmers
        lines = unmarked(source, value_errors=room == "config" or path.name == "settings.py")
        found += [f"{name}:{n}" for n in lines if not is_for_programs(name, source.splitlines()[n - 1])]
    assert found == [], "wrap these: _() in functions, N_() in constants, gettext_lazy() for what is stored"


@pytest.mark.parametrize(
    "source",
    [
        'x = "the account is open"',
        'notes.append(f"{name} gets nothing in {system}: {why}")',
        'PROBLEM = {"a": "nobody has it now"}',
        'say(f"{one} has it")',
        'help="Do not ask for confirmation."',
    ],
)
def test_an_unmarked_sentence_is_found(source: str) -> None:
    assert list(unmarked(source)) == [1]


@pytest.mark.parametrize(
    "source",
    [
        'x = _("the account is open")',
        'x = gettext_lazy("{name} gets nothing", name=name)',
        '"""Make sentences for people."""',
        'log.warning("the book %s was put off", book)',
        'raise ValueError("an item stands twice")',
        'kind = "exported after"',
        'f"{system}: {words}"',
    ],
)
def test_what_is_marked_or_for_no_person_is_left_alone(source: str) -> None:
    assert list(unmarked(source)) == []
    assert list(unmarked('raise ValueError("must be a table")', value_errors=True)) == [1]
