"""`handover duties`: what was there at notice beside what is there now, and what is not known."""

from dataclasses import replace

import pytest

from bot.cli.duties import _rows, show
from tests.bot import samples

ZONE = "Europe/Berlin"


def test_gone_is_told_from_not_known() -> None:
    one = samples.duty_comparison()
    assert [row[4:6] for row in _rows(one)] == [("there", "there")] * 2 + [("there", "not there")] * 3
    dark = replace(one, now=replace(one.now, unknown=("svc may not read queues",)))
    assert {row[5] for row in _rows(dark)} == {"there", "not known"}
    failed = replace(one, now=replace(one.now, duties=(), read_at=None, unknown=("401",)))
    assert {row[5] for row in _rows(failed)} == {"not known"}
    new = replace(one, at_notice=None)
    assert {row[4:6] for row in _rows(new)} == {("not known", "there")}


def test_each_reading_has_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    one = samples.duty_comparison()
    show((one,), ZONE)
    assert "System 0: read at notice 2026-11-23 10:00 CET, and now 2026-11-23 10:00 CET" in capsys.readouterr().out
    show((replace(one, at_notice=None),), ZONE)
    assert "System 0: read now 2026-11-23 10:00 CET" in capsys.readouterr().out
    show((replace(one, now=replace(one.now, read_at=None, unknown=("401",))),), ZONE)
    said = capsys.readouterr().out
    assert "read at notice 2026-11-23 10:00 CET, and not now" in said
    assert "What runs in their name is not fully known: 401" in said
    show((), ZONE)
    assert "No configured system" in capsys.readouterr().out
