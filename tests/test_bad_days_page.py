"""The page of bad days names tests, and each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "bad-days.md"


def named() -> set[str]:
    return set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))


def written() -> set[str]:
    files = (file for room in ("tests", "connectors/conformance") for file in (ROOT / room).rglob("*.py"))
    sources = (file.read_text(encoding="utf-8") for file in files)
    return {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}


def test_every_test_that_the_page_names_is_there() -> None:
    assert len(named()) > 20
    assert sorted(named() - written()) == []
