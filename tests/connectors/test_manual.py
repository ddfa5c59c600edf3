"""The kind for systems without an API: its settings, and its empty list of capabilities."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from config.settings import SettingsError, load
from connectors import registry
from connectors.contract import ByHand, Connector
from connectors.manual import MANIFEST
from connectors.manual.connector import Manual
from connectors.manual.settings import ManualSettings
from workflows.access.manual_step import work_of
from workflows.systems.registry import System

OWN: dict[str, Any] = {"title": "Office keys", "instructions": "Collect them.", "assignee": "U0ADA"}


def settings(**change: Any) -> ManualSettings:
    return ManualSettings.model_validate({**OWN, **change})


def test_the_registry_finds_the_kind_and_it_claims_nothing() -> None:
    assert "manual" in registry.known()
    assert registry.manifest("manual") is MANIFEST
    assert MANIFEST.capabilities == ()
    assert MANIFEST.cannot
    assert ByHand in MANIFEST.connector.__mro__


def test_the_work_is_what_the_table_says() -> None:
    work = Manual(settings(due_hours=2, remind_hours=0.5, proof="file", escalate_to="C0SEC", ask_again_days=30)).work
    assert (work.title, work.assignee, work.escalate_to, work.needs_file) == ("Office keys", "U0ADA", "C0SEC", True)
    assert (work.due, work.remind, work.ask_again) == (timedelta(hours=2), timedelta(minutes=30), timedelta(days=30))


def test_what_is_left_out_has_a_sound_default() -> None:
    work = Manual(settings()).work
    assert (work.due, work.ask_again, work.needs_file, work.escalate_to) == (
        timedelta(hours=24),
        timedelta(days=90),
        False,
        "",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"title": "  "},
        {"title": "x" * 81},
        {"instructions": ""},
        {"instructions": "x" * 2001},
        {"assignee": "ada"},
        {"assignee": "@ada"},
        {"assignee": "C0GENERAL"},
        {"assignee": ""},
        {"escalate_to": "#security"},
        {"due_hours": 0},
        {"due_hours": -1},
        {"due_hours": float("nan")},
        {"due_hours": float("inf")},
        {"remind_hours": 0},
        {"proof": "video"},
        {"ask_again_days": 0},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_table_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**change)


def test_a_fault_is_told_by_its_key(tmp_path: Any) -> None:
    path = tmp_path / "handover.toml"
    path.write_text('[systems.badge]\nkind = "manual"\ntitle = "Badge"\ninstructions = "Go."\nassignee = "ada"\n')
    with pytest.raises(SettingsError) as caught:
        load(path, {}, registry.settings_of)
    assert any(fault.startswith("systems.badge.assignee") for fault in caught.value.faults)


def test_nothing_is_sent_by_a_check_or_at_the_end() -> None:
    connector = Manual(settings())
    assert "U0ADA" in connector.check()
    connector.close()


def test_only_a_connector_that_says_so_is_done_by_hand() -> None:
    assert work_of(System("badge", MANIFEST, Manual(settings()))) is not None
    assert work_of(None) is None

    class Looks(Connector):
        """Has a `work` and is no manual step."""

        work = "something else"

        def check(self) -> str:
            return ""

        def close(self) -> None: ...

    assert work_of(System("crm", MANIFEST, Looks())) is None
