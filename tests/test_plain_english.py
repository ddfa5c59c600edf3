"""Plain English: docstrings open with a verb or a noun, and their sentences are short."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("bot", "connectors", "workflows", "config", "tests")
QUESTION = re.compile(
    r"(What|Who|Whom|Whose|How|Which|Where|When|Whether|Whoever|Whatever|Wherever|Whenever|Why)\b", re.IGNORECASE
)
PRONOUN = re.compile(r"^(Return|Give|Read|Write|Do|Say|Show|Put|Make|Take) (it|them|that|one)[.;,:]", re.IGNORECASE)
MOST_WORDS = 25


def sources() -> list[Path]:
    """Return every Python file of the project."""
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each docstring, those of attributes included."""
    name = path.relative_to(ROOT)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for statement in node.body:
                constant = statement.value if isinstance(statement, ast.Expr) else None
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    yield f"{name}:{statement.lineno}", constant.value


def sentences(text: str) -> list[str]:
    """Split a text into sentences; lists, code and headings stand alone."""
    prose = "\n".join(line for line in inspect.cleandoc(text).splitlines() if not line.startswith("    "))
    plain = re.sub(r"``?[^`]*``?", "CODE", prose)
    parts = re.split(r"\n\s*\n|\n\s*(?:[-*]|\d+\.) |(?<=[.!?:;])\s+", plain)
    return [" ".join(part.split()) for part in parts if part.strip()]


def words(sentence: str) -> int:
    """Count the words of a sentence."""
    return len([word for word in sentence.split() if re.search(r"\w", word)])


def faults(text: str) -> list[str]:
    """Return the faults of a docstring: its opening, and its long sentences."""
    first = text.strip().splitlines()[0] if text.strip() else ""
    found = [f"opens with “{first[:40]}”"] if QUESTION.match(first) or PRONOUN.match(first) else []
    return found + [f"{words(one)} words: “{one[:60]}…”" for one in sentences(text) if words(one) > MOST_WORDS]


def test_docstrings_are_plain() -> None:
    found = [f"{place}: {fault}" for path in sources() for place, text in docstrings(path) for fault in faults(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text", ["Who waits for an answer goes first.", "Return it.", " ".join(["word"] * (MOST_WORDS + 1)) + "."]
)
def test_a_fault_is_found(text: str) -> None:
    assert faults(text)


def test_a_plain_text_has_no_fault() -> None:
    assert not faults("Return the case's stored split rules. Raises `Refused` where there is none.")
