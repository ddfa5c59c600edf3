"""The practice company as a whole: what it starts, it ends."""

from pathlib import Path

import pytest

from tests.sandbox.practice import Practice


def test_a_bot_that_does_not_come_up_leaves_no_server_behind(tmp_path: Path) -> None:
    practice = Practice(tmp_path, policy="\nno_such_key = 1\n")
    with pytest.raises(RuntimeError), practice:
        pass
    assert not practice.directory.running
    assert not practice.crm.running
