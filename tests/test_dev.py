"""`./dev` on machines that lack something: it says exactly what, and stops with 2 before it changes anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("awk", "bash", "cat", "cut", "dirname", "env", "flock", "grep", "id", "mkdir", "readlink", "sha256sum", "tail")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder for PATH with everyday tools and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        program = shutil.which(tool)
        assert program is not None, tool
        (folder / tool).symlink_to(program)
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that `./dev` needs, in a folder with a space in its name."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("dev", "pyproject.toml", "requirements-dev.lock"):
        shutil.copy(ROOT / name, folder)
    return folder


def add(folder: Path, name: str, script: str) -> None:
    """Write a stand-in for a program into the folder."""
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)


def dev(checkout: Path, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(checkout, {"PATH": str(path)}, *arguments)


def run(checkout: Path, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(checkout / "dev"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=90)


def test_without_apt_it_prints_the_packages(checkout: Path, bare: Path) -> None:
    done = dev(checkout, bare, "test")
    assert done.returncode == 2
    assert "no apt-get" in done.stderr
    for package in ("gcc", "libldap2-dev", "slapd", "ldap-utils", "chromium", "fonts-noto-cjk"):
        assert package in done.stderr
    assert not (checkout / ".venv").exists()


def test_without_root_and_sudo_it_prints_the_command(checkout: Path, bare: Path) -> None:
    add(bare, "apt-get", "echo apt-get was run; exit 99")
    add(bare, "dpkg-query", "printf 'ii  gcc\\nii  openssl\\nrc  slapd\\n'")
    (bare / "id").unlink()
    add(bare, "id", "echo 1000")
    done = dev(checkout, bare, "bench")
    assert done.returncode == 2
    [command] = [line for line in done.stderr.splitlines() if "apt-get install" in line]
    wanted = command.split()
    assert "slapd" in wanted  # removed with its configuration left behind is not installed
    assert "gcc" not in wanted
    assert "openssl" not in wanted
    assert "apt-get was run" not in done.stdout + done.stderr


def test_node_from_elsewhere_is_taken_without_debians_packages(checkout: Path, bare: Path) -> None:
    add(bare, "apt-get", "exit 99")
    add(bare, "dpkg-query", "exit 0")
    for name, program in (("id", "echo 1000"), ("node", "exit 0"), ("npm", "exit 0")):
        (bare / name).unlink(missing_ok=True)
        add(bare, name, program)
    done = dev(checkout, bare, "test")
    [command] = [line for line in done.stderr.splitlines() if "apt-get install" in line]
    assert "samba-ad-dc" in command.split()
    assert not {"nodejs", "npm"} & {*command.split()}  # Debian's npm conflicts with a Node.js that brings its own


def test_sudo_that_refuses_is_said(checkout: Path, bare: Path) -> None:
    add(bare, "apt-get", "exit 99")
    add(bare, "dpkg-query", "exit 0")
    add(bare, "sudo", "exit 1")
    (bare / "id").unlink()
    add(bare, "id", "echo 1000")
    done = dev(checkout, bare, "check")
    assert done.returncode == 2
    assert "sudo was refused" in done.stderr
    assert "apt-get install --no-install-recommends" in done.stderr


def test_a_failing_install_is_shown_and_stops(checkout: Path, bare: Path) -> None:
    add(bare, "apt-get", "exit 0")
    add(bare, "dpkg-query", "exit 0")
    add(bare, "sudo", "[ ${!#} = true ] || { echo the mirror is on fire; exit 100; }")
    (bare / "id").unlink()
    add(bare, "id", "echo 1000")
    done = dev(checkout, bare, "check")
    assert done.returncode == 2
    assert "the mirror is on fire" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_that_is_too_old_is_named(checkout: Path, bare: Path) -> None:
    add(bare, "python3.10", "exit 1")
    env = {"PATH": str(bare), "HANDOVER_PYTHON": "python3.10", "HANDOVER_SYSTEM_READY": "1"}
    done = run(checkout, env, "check")
    assert done.returncode == 2
    assert "HANDOVER_PYTHON=python3.10" in done.stderr
