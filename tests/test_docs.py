"""Documents match the program: the table is generated, links resolve, commands exist, no machine is named."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.app import COMMANDS
from tests import capabilities
from tests.capabilities import manifests

ROOT = Path(__file__).resolve().parents[1]
OTHERS = {".git", "__pycache__", "node_modules", "dist", "build"}
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
PIN = re.compile(r"([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)(?: ;.*?)?((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

# Written in pieces, so that this file does not name what it looks for.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("ghcr", "io"),
        ("docker", "io"),
    )
]
PATHS = [
    "/".join(parts)
    for parts in (
        ("", "work", ""),
        ("", "tmp", "w", ""),
        ("", "opt", "pypi"),
        ("", "opt", "wheels"),
        ("", "root", ""),
        (".pyenv", ""),
    )
]
NAMED = re.compile(
    "|".join(
        [*(rf"(?<![\w-]){re.escape(host)}\b" for host in HOSTS), *(rf"(?<![\w.~-]){re.escape(path)}" for path in PATHS)]
    )
)


def files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the repository's files, without caches, environments and foreign folders."""
    for path in sorted(root.iterdir()):
        hidden = path.name.startswith(".") and path.name not in {".ci", ".gitignore"}
        if hidden or path.name in OTHERS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


def documents() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def anchor(heading: str) -> str:
    """Return the name that a heading gets in a rendered page."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def broken(document: Path, text: str) -> list[str]:
    """Return the broken links of a document; addresses on the web are not checked."""
    faults = []
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, part = target.partition("#")
        there = (document.parent / name) if name else document
        if not there.exists() or (part and part not in anchors(there)):
            faults.append(target)
    return faults


def anchors(document: Path) -> set[str]:
    return {anchor(heading) for heading in HEADING.findall(FENCE.sub("", document.read_text(encoding="utf-8")))}


def named(text: str) -> list[str]:
    """Return the registry hosts and machine paths that a text names."""
    return NAMED.findall(text)


def test_readme_table_is_what_the_connectors_declare() -> None:
    declared = manifests()
    said = capabilities.written(capabilities.README.read_text(encoding="utf-8"))
    assert said == capabilities.section(declared), "run ./dev docs"
    assert all(f"`{manifest.kind}`" in said for manifest in declared)


def test_a_table_that_claims_more_than_the_class_is_noticed() -> None:
    declared = list(manifests())
    poorer = type("Poorer", (), {})
    planted = [replace(declared[0], connector=poorer), *declared[1:]]
    assert capabilities.section(planted) != capabilities.section(declared)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    assert broken(document, document.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_noticed() -> None:
    readme = ROOT / "README.md"
    text = "[a](docs/none.md) [b](#no-such-heading) [c](LICENSE)"
    assert broken(readme, text) == ["docs/none.md", "#no-such-heading"]
    assert broken(readme, "[try](#try-it-in-two-commands)") == []


def offered() -> set[str]:
    """Return the commands that `./dev help` lists."""
    said = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True, check=True, timeout=90).stdout
    return set(re.findall(r"^  ([a-z]+) {2,}", said, re.MULTILINE))


def used(text: str) -> set[str]:
    """Return the `./dev` commands in a text."""
    return set(re.findall(r"\./dev ([a-z]+)", text))


def test_every_dev_command_of_the_documents_exists() -> None:
    commands = offered()
    assert {"demo", "test"} <= used((ROOT / "README.md").read_text(encoding="utf-8"))
    for document in documents():
        assert used(document.read_text(encoding="utf-8")) <= commands, document


def typed(text: str) -> set[str]:
    """Return the `handover` commands in a text."""
    return set(re.findall(r"(?:`|[$#] |-- |/bin/)handover ([a-z]+(?:-[a-z]+)*)", text))


def test_every_handover_command_of_the_documents_exists() -> None:
    commands = set(COMMANDS)
    assert {"manifest", "init", "doctor", "plan", "run"} <= typed((ROOT / "README.md").read_text(encoding="utf-8"))
    for document in documents():
        assert typed(document.read_text(encoding="utf-8")) <= commands, document
    assert typed("`handover party`, $ handover dance") == {"party", "dance"}


def test_an_unknown_dev_command_is_refused_with_the_list() -> None:
    done = subprocess.run([ROOT / "dev", "party"], capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 2
    assert "demo" in done.stderr
    assert "party" not in offered()


def test_no_file_names_a_registry_or_this_machine() -> None:
    found = {}
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a compiled catalogue
        if names := named(text):
            found[str(path.relative_to(ROOT))] = names
    assert found == {}


def test_a_named_host_or_path_is_noticed() -> None:
    for host in HOSTS:
        assert named(f"index-url = https://{host}/simple")
    for path in PATHS:
        assert named(f"cd {path}main"), path
    assert not named("https://api.slack.com/apps and ./work/in/progress, /var/lib/handover")


def test_lock_files_pin_all_that_the_project_names_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runs_on, develops_with = (pins(ROOT / name) for name in ("requirements.lock", "requirements-dev.lock"))
    assert names(project["project"]["dependencies"]) <= runs_on.keys()
    assert names(project["dependency-groups"]["dev"]) <= develops_with.keys()
    assert runs_on.items() <= develops_with.items()


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-") for line in requirements}


def pins(lock: Path) -> dict[str, str]:
    """Return the pins of a lock file. A line that is neither a pin with hashes nor a comment is a fault."""
    text = re.sub(r"\\\n", " ", lock.read_text(encoding="utf-8"))
    found = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pin = PIN.fullmatch(line)
        assert pin, f"{lock.name}: {line[:80]}"
        found[pin[1]] = pin[2]
    return found
