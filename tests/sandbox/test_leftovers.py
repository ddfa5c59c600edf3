"""A practice company ends what an earlier one left, and nothing of one that still runs."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.sandbox.leftovers import MARK, end_leftovers, mark

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_processes_and_folders_of_a_dead_owner_end_and_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(MARK, "")
    prefix = mark()
    own = subprocess.Popen(SLEEP)
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    orphan = subprocess.Popen(SLEEP, env={**os.environ, MARK: f"{gone.pid}.12345"})
    reused = subprocess.Popen(SLEEP, env={**os.environ, MARK: f"{os.getpid()}.1"})
    kept, left = tmp_path / f"{prefix}kept", tmp_path / f"handover-practice-{gone.pid}.12345-left"
    for folder in (kept, left):
        folder.mkdir()
    try:
        assert end_leftovers() >= 2
        assert orphan.wait(60) == reused.wait(60) == -signal.SIGKILL
        assert own.poll() is None
        assert (kept.exists(), left.exists()) == (True, False)
    finally:
        own.kill()
        own.wait()
