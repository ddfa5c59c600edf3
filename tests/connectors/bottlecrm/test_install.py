"""The Python for the practice BottleCRM on a machine with several, with shims, or with none that fits."""

import sys
from pathlib import Path

import pytest

from tests.sandbox.company import bottlecrm_install
from tests.sandbox.company.bottlecrm_install import NEEDED, NotInstalled, install, interpreter, version


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is all of PATH; our own Python does not fit."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "own", "exit 1")))
    return tmp_path


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_where_none_fits_it_says_what_is_needed(programs: Path) -> None:
    program(programs / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    assert interpreter() is None
    with pytest.raises(NotInstalled, match=NEEDED):
        install(programs / "cache", lambda _: None)
    assert not (programs / "cache").exists()


def test_one_on_the_path_is_taken(programs: Path) -> None:
    program(programs / "python3.13", "exit 1")
    fitting = program(programs / "python3.12", "exit 0")
    assert interpreter() == fitting


def test_one_that_only_pyenv_knows_is_taken(programs: Path) -> None:
    fitting = program(programs / "versions" / "3.12.1" / "bin" / "python3", "exit 0")
    known = f'case $1 in versions) echo 3.9.1; echo 3.12.1 ;; prefix) echo "{programs}/versions/$2" ;; esac'
    program(programs / "pyenv", known)
    assert interpreter() == fitting


def test_our_own_is_taken_first(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitting = program(programs / "better", "exit 0")
    program(programs / "python3.12", "exit 0")
    monkeypatch.setattr(sys, "executable", str(fitting))
    assert interpreter() == fitting


def test_every_package_is_locked_by_its_hash() -> None:
    text = bottlecrm_install.REQUIREMENTS.read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if "==" in line and not line.startswith("#")]
    assert version() == "1.35.0"
    assert len(pins) > 50
    assert all(line.endswith(" \\") for line in pins)
    assert text.count("--hash=sha256:") >= len(pins)
