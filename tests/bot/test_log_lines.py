"""The bot's log: one JSON object a line, in UTC, with the events of cases and without a person's data."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.log_lines import CHATTY, JsonLines, write_log
from tests.workflows.office import DANA, Office


class Lines(logging.Handler):
    """Handler that keeps what would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))

    @property
    def objects(self) -> list[dict[str, object]]:
        assert all("\n" not in line and line.isascii() and line.isprintable() for line in self.text)
        return [json.loads(line) for line in self.text]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_line_is_an_object_in_utc_whatever_a_name_holds(lines: Lines) -> None:
    log = logging.getLogger("bot.test")
    log.warning("asked by %s", 'Eve\n{"event": "forged"}\x1b[2J\u202e\u2028\x85')
    try:
        int("of two\nlines")
    except ValueError:
        log.exception("failed")
    named, failed = lines.objects
    assert named["event"] == 'asked by Eve\n{"event": "forged"}\x1b[2J\u202e\u2028\x85'
    assert str(named["time"]).endswith("+00:00")
    assert (failed["level"], failed["logger"]) == ("error", "bot.test")
    assert "ValueError: invalid literal" in str(failed["error"])


def test_a_case_leaves_an_event_for_each_step_and_names_nobody(tmp_path: Path, lines: Lines) -> None:
    office = Office(tmp_path)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.journal.seal()
    events = [one for one in lines.objects if one["logger"] == "handover"]
    assert [one["event"] for one in events] == ["case.opened", "case.running", "access.read_back", "access.read_back"]
    assert {one["system"]: one["verdict"] for one in events if one["event"] == "access.read_back"} == {
        "directory": "locked",
        "crm": "locked",
    }
    assert all(one["case"] == case_id for one in events if str(one["event"]).startswith("case."))
    written = "".join(lines.text).casefold()
    secrets = (DANA.email, DANA.name, DANA.slack_id, "directory-dana", "crm-dana", "dismissal", "resignation")
    assert [word for word in secrets if word.casefold() in written] == []
    office.store.close()


def test_libraries_are_quiet_and_the_level_is_the_settings_own() -> None:
    root, levels = logging.getLogger(), {name: logging.getLogger(name).level for name in CHATTY}
    before, handlers = root.level, root.handlers[:]
    root.handlers = []
    try:
        write_log("error")
        assert root.level == logging.ERROR
        assert isinstance(root.handlers[0].formatter, JsonLines)
        assert not logging.getLogger("slack_bolt").isEnabledFor(logging.INFO)
        assert logging.getLogger("apscheduler").level >= logging.WARNING
    finally:
        root.setLevel(before)
        root.handlers = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
