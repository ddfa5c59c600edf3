"""A full disk writes ten lines, and every other line still passes."""

import logging
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from bot.log_limit import StorageFaultLimit, limit_storage_faults
from workflows.storage.store import StorageFailed

FULL = "database or disk is full"


class Lines(logging.Handler):
    """Handler that keeps what would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.text += self.format(record).splitlines()


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, logger = Lines(), logging.getLogger("disk")
    handler.addFilter(StorageFaultLimit())
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def test_a_full_disk_writes_ten_lines_and_not_25000(lines: Lines) -> None:
    log = logging.getLogger("disk")
    for number in range(25_000 // 5):
        log.warning("post %s not delivered: %s", number, StorageFailed(FULL))
        log.error("%s could not be begun: %s; it is tried again", number, f"(sqlite3.OperationalError) {FULL}")
        for error in (StorageFailed(FULL), sa.exc.OperationalError("insert", {}, Exception(FULL))):
            try:
                raise error
            except type(error):
                log.exception("tick failed")
        log.warning("OSError: No space left on device")
    assert 5 <= len(lines.text) <= 10
    assert FULL in lines.text[0]
    assert "16384 lines about the storage so far" in lines.text[-1]


def test_other_lines_pass_with_their_traces(lines: Lines) -> None:
    log = logging.getLogger("disk")
    for _ in range(3):
        log.warning("the directory does not answer: %s", TimeoutError("10 s"))
        try:
            int("a bug")
        except ValueError:
            log.exception("tick failed")
    assert sum("Traceback" in line for line in lines.text) == 3
    assert sum("does not answer" in line for line in lines.text) == 3


def test_after_a_quiet_time_the_first_line_passes_again(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("disk")
    for _ in range(3):
        log.error("tick failed: %s", StorageFailed(FULL))
    assert len(lines.text) == 1
    monkeypatch.setattr("bot.log_limit.QUIET_SECONDS", -1.0)
    log.error("tick failed: %s", StorageFailed(FULL))
    assert len(lines.text) == 2


def test_the_library_of_the_engine_adds_no_handler_of_its_own() -> None:
    library = logging.getLogger("dbos")
    before = list(library.handlers)
    try:
        limit_storage_faults()
        assert library.handlers
    finally:
        library.handlers[:] = before
