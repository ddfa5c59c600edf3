"""Installation of BottleCRM into a virtual environment of its own, once, with locked versions.

It needs Python 3.12 or newer; with 3.11 pip would install a very old version. So an interpreter is searched: our own
if it is new enough, those on PATH, and those of pyenv.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.sandbox.company.tryton_install import CACHE, NotInstalled, Say, locked

__all__ = ["CACHE", "NotInstalled", "Say", "install", "interpreter", "locked", "version"]

REQUIREMENTS = Path(__file__).with_name("bottlecrm-requirements.txt")
NAMES = ("python3.13", "python3.12", "python3.14", "python3")
NEEDED = "BottleCRM needs Python 3.12 or newer, and there is none on this machine's PATH"
PROBE = "import ensurepip, sys, venv; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 14))"


def interpreter() -> Path | None:
    """Return a Python that BottleCRM can run on, or None."""
    return next((path for path in _candidates() if _fits(path)), None)


def version() -> str:
    """Return the locked version of BottleCRM."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return next(line.split()[0].partition("==")[2] for line in lines if line.startswith("django-crm=="))


def install(cache: Path, say: Say) -> Path:
    """Return the environment's `bin` folder, and make it first if it is missing. Raises `NotInstalled`."""
    python = interpreter()
    if python is None:
        raise NotInstalled(NEEDED)
    home = cache / f"bottlecrm-venv-{version()}-py{_said(python, '-V').split()[1].rpartition('.')[0]}"
    with locked(cache / "bottlecrm-venv.lock"):
        if not (home / "complete").exists():
            say(f"Installing BottleCRM {version()} into {home} (0.4 GB, about a minute)")
            _run(str(python), "-m", "venv", "--clear", str(home))
            pip = (str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            _run(*pip, "--require-hashes", "--no-deps", "-r", str(REQUIREMENTS))
            (home / "complete").touch()
            say("BottleCRM is installed")
    return home / "bin"


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found)
    if pyenv := shutil.which("pyenv"):
        for name in _said(Path(pyenv), "versions", "--bare").split():
            if name.startswith("3.1"):
                yield Path(_said(Path(pyenv), "prefix", name).strip()) / "bin" / "python3"


def _fits(python: Path) -> bool:
    try:
        return subprocess.run([python, "-I", "-c", PROBE], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _said(program: Path, *arguments: str) -> str:
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False).stdout


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"{' '.join(command)} failed with code {done.returncode}:\n{done.stderr[-2000:]}")
