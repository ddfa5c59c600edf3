"""Architecture: the origin of the four packages, the direction of imports, the contents of the wheel."""

import importlib.util
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("bot", "connectors", "workflows", "config")
PLANTED = {
    "bot > workflows > connectors | config": ("workflows/planted.py", "import bot.text"),
    "The floors of workflows": ("workflows/storage/planted.py", "import workflows.watch.audit"),
    "The floors of workflows.clients": (
        "workflows/clients/split/planted.py",
        "import workflows.clients.proposals.listing",
    ),
    "Only bot.wiring builds connectors": ("bot/planted.py", "import connectors.ldap.connector"),
    "Connectors do not know each other": ("connectors/ldap/planted.py", "import connectors.tryton"),
    "Messages import no forms": ("bot/slack/messages/planted.py", "import bot.slack.forms.notice"),
    "Only bot knows Slack": ("workflows/planted.py", "import slack_sdk"),
}
"""For each contract, a file with an import that it forbids."""


@pytest.mark.parametrize("room", ROOMS)
def test_packages_are_ours(room: str) -> None:
    found = importlib.util.find_spec(room)
    assert found is not None
    assert found.origin == str(ROOT / room / "__init__.py")


def owners(room: str, distributions: Iterable[metadata.Distribution]) -> set[str]:
    """Return the distributions that bring files of that top-level name, by those files."""
    return {
        dist.metadata["Name"]
        for dist in distributions
        if any(file.parts[0] == room for file in dist.files or () if len(file.parts) > 1)
    }


@pytest.mark.parametrize("room", ROOMS)
def test_no_other_distribution_owns_our_names(room: str) -> None:
    assert owners(room, metadata.distributions()) <= {"handover-bot"}


def test_another_owner_is_noticed(tmp_path: Path) -> None:
    info = tmp_path / "intruder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: intruder\nVersion: 1.0\n")
    (info / "RECORD").write_text("config/__init__.py,,\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "__init__.py").touch()
    assert owners("config", metadata.distributions(path=[str(tmp_path)])) == {"intruder"}
    assert owners("bot", metadata.distributions(path=[str(tmp_path)])) == set()


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the four packages and their rules, to plant faults in."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def verdicts(said: str) -> dict[str, bool]:
    """Return, for each contract, whether it was kept."""
    found = re.findall(r"^(.+) (KEPT|BROKEN)\b", said, re.MULTILINE)
    return {name: word == "KEPT" for name, word in found}


def test_import_rules_are_kept(copy: Path) -> None:
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(done.stdout) == dict.fromkeys(PLANTED, True), done.stdout


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_import_breaks_its_contract(copy: Path, contract: str) -> None:
    where, line = PLANTED[contract]
    (copy / where).write_text(f'"""A fault."""\n\n{line}\n')
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert verdicts(done.stdout)[contract] is False, done.stdout


def wheel(source: Path, into: Path) -> set[str]:
    """Build the wheel and return the names in it."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", into],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = into.glob("*.whl")
    return {name for name in zipfile.ZipFile(built).namelist() if not name.split("/")[0].endswith(".dist-info")}


def expected(source: Path) -> set[str]:
    """Return what belongs into the wheel: all of the four but caches, and `config/*.toml`, which is somebody's own."""
    inside = (path for room in ROOMS for path in (source / room).rglob("*") if path.is_file())
    return {
        str(path.relative_to(source))
        for path in inside
        if "__pycache__" not in path.parts and not (path.suffix == ".toml" and path.parent == source / "config")
    }


def test_wheel_holds_the_four_packages_and_nothing_else(copy: Path) -> None:
    for name in ("README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy)
    (copy / "config" / "handover.toml").write_text('[company]\nname = "somebody\'s own"\n')
    catalogue = copy / "bot" / "locales" / "xx" / "LC_MESSAGES" / "handover.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.touch()
    (copy / "stray").mkdir()
    (copy / "stray" / "__init__.py").touch()
    names = wheel(copy, copy / "dist")
    assert names == expected(copy)
    assert {name.split("/")[0] for name in names} == set(ROOMS)
    assert any(name.startswith("config/examples/") and name.endswith(".toml") for name in names)
    assert any(name.startswith("workflows/storage/migrations/versions/") for name in names)
    assert str(catalogue.relative_to(copy)) in names
