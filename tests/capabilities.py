"""The capability table of README.md, made from the connectors' own declarations. `./dev docs` writes it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from connectors import registry
from connectors.contract import (
    Accounts,
    Activities,
    Administrators,
    Blockers,
    BookOwners,
    ClientBook,
    Deactivation,
    Duties,
    DutyChanges,
    ExportLog,
    Groups,
    Introductions,
    Licences,
    Manifest,
    Roster,
    Sessions,
    Tokens,
    Trace,
)

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- capabilities: written by ./dev docs from the connectors' own declarations -->"
END = "<!-- end of capabilities -->"
HEADINGS: dict[type, str] = {
    Accounts: "find, lock, watch accounts",
    Roster: "list everybody",
    Trace: "tell who changed an account",
    Sessions: "end sessions",
    Tokens: "revoke tokens",
    Groups: "leave groups",
    ClientBook: "hand over clients",
    ExportLog: "export log",
    Administrators: "spare the last administrator",
    Duties: "list duties",
    DutyChanges: "give and stop duties",
    Blockers: "foresee refusals",
    Licences: "reclaim licences",
    Deactivation: "deactivate later",
    Introductions: "introduce new contacts",
    BookOwners: "find records of earlier leavers",
    Activities: "tell what became of clients",
}


def manifests() -> tuple[Manifest, ...]:
    """Return what every kind of system declares."""
    return tuple(registry.manifest(kind) for kind in registry.own())


def table(manifests: Sequence[Manifest]) -> str:
    """Return the table in Markdown, a line per kind of system."""
    rows = [["system", "`kind`", *HEADINGS.values()], ["---"] * (2 + len(HEADINGS))]
    rows += [[m.title, f"`{m.kind}`", *("yes" if c in m.capabilities else "–" for c in HEADINGS)] for m in manifests]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def cannot(manifests: Sequence[Manifest]) -> str:
    """Return what the systems have no way to do, a line each."""
    return "\n".join(f"- {m.title}: {sentence}" for m in manifests for sentence in m.cannot)


def section(manifests: Sequence[Manifest]) -> str:
    """Return the text between the two marks."""
    return "\n\n".join(part for part in (table(manifests), cannot(manifests)) if part)


def written(readme: str) -> str:
    """Return the present text between the two marks. Raises `ValueError` if a mark is missing."""
    start, end = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    return readme[start:end].strip()


def renewed(readme: str, manifests: Sequence[Manifest]) -> str:
    """Return the README with the section replaced."""
    start, end = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    return f"{readme[:start]}\n{section(manifests)}\n{readme[end:]}"


def main() -> int:
    """Write the README's section."""
    before = README.read_text(encoding="utf-8")
    after = renewed(before, manifests())
    README.write_text(after, encoding="utf-8")
    print("README.md: the capability table is", "as it was" if after == before else "written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
