"""Puts Tryton into a virtual environment of its own, once, with pinned versions."""

import fcntl
import hashlib
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("tryton-requirements.txt")
CACHE = Path(__file__).resolve().parents[3] / ".cache"
"""Under the repository's root, ignored by git; a `cache` argument takes its place."""

Say = Callable[[str], None]


class NotInstalled(Exception):
    """Tryton could not be installed; the message has the command and the end of what it printed."""


def version() -> str:
    """Return the pinned version of the server, and a key for the set of modules."""
    pins = REQUIREMENTS.read_text(encoding="utf-8")
    server = next(pin.partition("==")[2] for pin in pins.splitlines() if pin.startswith("trytond=="))
    return f"{server}-{hashlib.sha256(pins.encode()).hexdigest()[:8]}"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file lock, so that two test processes do not build the same thing at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install(cache: Path, say: Say) -> Path:
    """Return the environment's `bin` folder, and make the environment first if it is missing."""
    home = cache / f"tryton-venv-{version()}-py{sys.version_info.major}.{sys.version_info.minor}"
    with locked(cache / "tryton-venv.lock"):
        if not (home / "complete").exists():
            say(f"Installing Tryton {version()} into {home}")
            venv.create(home, with_pip=True, clear=True)
            _pip(home)
            (home / "complete").touch()
            say("Tryton is installed")
    return home / "bin"


def _pip(home: Path) -> None:
    command = [str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"{' '.join(command)} failed with code {done.returncode}:\n{done.stderr[-2000:]}")
