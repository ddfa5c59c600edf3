"""The whole story over both transports; after each step the servers must say what the bot said."""

from pathlib import Path

import pytest

from tests.sandbox.practice import Practice
from tests.sandbox.story import Chapter, Story


@pytest.mark.parametrize("http", [False, True], ids=["socket mode", "signed http"])
def test_the_story_is_true_from_beginning_to_end(tmp_path: Path, http: bool) -> None:
    told: list[Chapter] = []
    with Practice(tmp_path, http=http) as practice:
        Story(practice, told.append).play()
        assert [call.error for call in practice.slack.refused()] == []
    assert [chapter.title for chapter in told if not chapter.true] == []
    assert {"directory": "open", "crm": "locked"} in [chapter.claims for chapter in told]
    log = (tmp_path / "bot.log").read_text(encoding="utf-8")
    assert "Traceback" not in log, log[-3000:]
