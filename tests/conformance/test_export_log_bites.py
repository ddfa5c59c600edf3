"""Wrong connectors for the export log suite: each planted fault fails the test named beside it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.conformance.export_log import ExportLogSuite
from connectors.contract import AccountId, ExportEvent, ExportLog
from connectors.errors import Missing


@dataclass(frozen=True)
class Line:
    at: datetime
    who: AccountId
    ids: tuple[int, ...] | None
    failed: bool = False


class Memory:
    """A system in memory, and its world."""

    def __init__(self, wrong: type["Honest"] | None = None) -> None:
        self.people: set[AccountId] = set()
        self.old: list[Line] = []
        self.log: list[Line] = []
        self.connector = wrong or Honest
        self._at = datetime.now(UTC)

    def connect(self) -> ExportLog:
        return self.connector(self)

    def person(self) -> AccountId:
        account = AccountId(f"a{len(self.people)}")
        self.people.add(account)
        return account

    def nobody(self) -> AccountId:
        return AccountId("nobody")

    def export(self, account: AccountId, start: int, size: int) -> None:
        self._write(account, tuple(range(start, start + size)))

    def export_uncounted(self, account: AccountId) -> None:
        self._write(account, None)

    def export_in_vain(self, account: AccountId) -> None:
        self._write(account, (1, 2), failed=True)

    def _write(self, account: AccountId, ids: tuple[int, ...] | None, *, failed: bool = False) -> None:
        self._at += timedelta(milliseconds=1)
        self.log.append(Line(self._at, account, ids, failed))

    def rotate(self) -> None:
        self.old, self.log = [*self.old, *self.log], []

    def client_base(self) -> int:
        return 600


class Honest(ExportLog):
    """A correct connector."""

    def __init__(self, system: Memory) -> None:
        self.system = system

    def check(self) -> str:
        return "memory"

    def close(self) -> None:
        return

    def lines(self) -> list[Line]:
        return [*self.system.old, *self.system.log]

    def wanted(self, line: Line, account: AccountId) -> bool:
        return line.who == account and not line.failed

    def exports(self, account: AccountId, since: datetime, until: datetime) -> Iterator[ExportEvent]:
        if account not in self.system.people:
            raise Missing(account)
        return (self.event(line) for line in self.lines() if self.wanted(line, account) and since <= line.at < until)

    def event(self, line: Line) -> ExportEvent:
        ids = frozenset(f"client:{number}" for number in line.ids or ())
        return ExportEvent(line.at, line.who, "client", None if line.ids is None else len(line.ids), ids)

    def client_base(self) -> int:
        return 600


class SeesEverybodys(Honest):
    def wanted(self, line: Line, account: AccountId) -> bool:
        return not line.failed


class CountsElidedAsZero(Honest):
    def event(self, line: Line) -> ExportEvent:
        return replace(super().event(line), records=len(line.ids or ()))


class CountsFailures(Honest):
    def wanted(self, line: Line, account: AccountId) -> bool:
        return line.who == account


class ForgetsRotatedFiles(Honest):
    def lines(self) -> list[Line]:
        return self.system.log


class NewestFirst(Honest):
    def lines(self) -> list[Line]:
        return super().lines()[::-1]


class LosesIds(Honest):
    def event(self, line: Line) -> ExportEvent:
        return replace(super().event(line), record_ids=frozenset())


class IgnoresTheWindow(Honest):
    def exports(self, account: AccountId, since: datetime, until: datetime) -> Iterator[ExportEvent]:
        return super().exports(account, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class ClosedAbove(Honest):
    def exports(self, account: AccountId, since: datetime, until: datetime) -> Iterator[ExportEvent]:
        return super().exports(account, since, min(until, datetime(2900, 1, 1, tzinfo=UTC)) + timedelta(milliseconds=1))


class WrongZone(Honest):
    def event(self, line: Line) -> ExportEvent:
        return replace(super().event(line), at=line.at + timedelta(hours=1))


class NobodyIsFine(Honest):
    def exports(self, account: AccountId, since: datetime, until: datetime) -> Iterator[ExportEvent]:
        return super().exports(account, since, until) if account in self.system.people else iter(())


class NoBase(Honest):
    def client_base(self) -> int:
        return 0


class InventsOne(Honest):
    def lines(self) -> list[Line]:
        return [*(Line(datetime(2001, 1, 1, tzinfo=UTC), who, (1,)) for who in self.system.people), *super().lines()]


class TestHonest(ExportLogSuite):
    @pytest.fixture
    def world(self) -> Memory:
        return Memory()


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (SeesEverybodys, "nobody_elses_exports_are_seen"),
        (CountsElidedAsZero, "an_unknown_number_is_none_and_never_zero"),
        (CountsFailures, "a_refused_export_took_nothing"),
        (ForgetsRotatedFiles, "a_rotated_log_is_read_on"),
        (NewestFirst, "oldest_first"),
        (LosesIds, "chunks_add_up_to_distinct_records"),
        (IgnoresTheWindow, "the_window_is_closed_below_and_open_above"),
        (ClosedAbove, "the_window_is_closed_below_and_open_above"),
        (WrongZone, "an_export_is_on_record"),
        (NobodyIsFine, "an_unknown_account_is_missing"),
        (NoBase, "the_client_base_is_counted"),
        (InventsOne, "no_exports_are_no_events"),
    ],
)
def test_bites(wrong: type[Honest], test: str) -> None:
    run: Any = getattr(ExportLogSuite(), f"test_{test}")
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run(Memory(wrong))
