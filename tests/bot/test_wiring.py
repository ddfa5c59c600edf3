"""Settings of the access track reach the services that use them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.cli.checks import systems as checks
from bot.wiring import build_systems, head_outlets
from connectors import registry
from connectors.contract import Limits
from tests.config.test_files import EXAMPLES, example
from tests.workflows.memory import Time
from tests.workflows.office import Office, make_settings
from workflows.storage.heads import sign
from workflows.storage.work import TASKS, Task

MORE = """
administrators = ["Domain Admins", "Root"]
restrict_before = "36h"
restrict_groups = ["Exporters"]
expects_account = true
"""
LIMIT = """
request_limit = "190/10s"
records_at_once = 40
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    [shipped] = [one for one in EXAMPLES if one.stem == "handover"]
    text = shipped.read_text(encoding="utf-8")
    assert "[systems.directory]\n" in text
    copy = tmp_path / "more.toml"
    copy.write_text(text.replace("[systems.directory]\n", f"[systems.directory]\n{MORE}"), encoding="utf-8")
    return copy


def test_keys_of_every_kind_reach_the_system(path: Path, tmp_path: Path) -> None:
    systems = build_systems(example(path, tmp_path))
    try:
        directory = systems["directory"]
        assert directory.administrators == ("Domain Admins", "Root")
        assert (directory.restrict_before, directory.restrict_groups) == (timedelta(hours=36), ("Exporters",))
        assert directory.expects_account
        others = [one for name, one in systems.items() if name != "directory"]
        assert {(one.administrators, one.restrict_before, one.restrict_groups) for one in others} == {((), None, ())}
    finally:
        systems.close()


SLACK = """
[systems.{name}]
kind = "scim"
url = "https://{name}.example/scim/v2"
token = "env:CRM_PASSWORD"
inactive_means = "suspended"
"""


def test_two_applications_of_one_kind_are_told_apart_by_title_or_name(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8") + "".join(SLACK.format(name=name) for name in ("wiki", "chat", "board"))
    path.write_text(text.replace("[systems.chat]\n", '[systems.chat]\ntitle = "Slack"\n'), encoding="utf-8")
    systems = build_systems(example(path, tmp_path))
    try:
        titles = {name: systems[name].manifest.title for name in ("directory", "wiki", "chat", "board")}
        assert titles == {
            "directory": registry.manifest("ldap").title,
            "chat": "Slack",
            "wiki": "SCIM 2.0 application (wiki)",
            "board": "SCIM 2.0 application (board)",
        }
    finally:
        systems.close()


def test_a_limit_of_one_system_holds_for_it_and_for_no_other(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[systems.crm]\n", f"[systems.crm]\n{LIMIT}"), encoding="utf-8")
    systems = build_systems(example(path, tmp_path))
    try:
        limits, declared = systems["crm"].manifest.limits, registry.manifest("tryton").limits
        assert (limits.requests, limits.window, limits.move_batch) == (190, timedelta(seconds=10), 40)
        assert replace(limits, requests=0, move_batch=declared.move_batch) == declared
        assert systems["directory"].manifest.limits == registry.manifest("ldap").limits
    finally:
        systems.close()


def test_a_limit_that_nobody_would_keep_is_a_fault(path: Path, tmp_path: Path) -> None:
    """LDAP is no web service and has no rate limit before every request."""
    text = path.read_text(encoding="utf-8")
    for table in ("directory", "crm"):
        text = text.replace(f"[systems.{table}]\n", f"[systems.{table}]\n{LIMIT}")
    path.write_text(text, encoding="utf-8")
    systems = build_systems(example(path, tmp_path))
    try:
        [fault] = checks.pace(systems["directory"])
        assert (fault.what, fault.ok) == ("systems.directory.request_limit", False)
        assert "Remove request_limit from [systems.directory]" in fault.todo
        assert checks.pace(systems["crm"]) == []
    finally:
        systems.close()


def test_settings_never_make_a_call_longer_than_its_connector_sends() -> None:
    limits = Limits(move_batch=25, requests=7, window=timedelta(seconds=1))
    assert limits.narrowed(records=1000) == limits
    assert limits.narrowed(records=9).move_batch == 9
    assert limits.narrowed(3, timedelta(seconds=2)) == Limits(move_batch=25, requests=3, window=timedelta(seconds=2))


def test_every_kind_of_work_has_its_handler(tmp_path: Path) -> None:
    """The engine refuses an unregistered task, and its row would stay due for ever."""
    office = Office(tmp_path)
    assert set(office.handlers) == {*TASKS, Task.LOCKOUT}
    office.store.close()


def test_heads_are_kept_where_rows_on_postgresql_made_no_folder(tmp_path: Path) -> None:
    """A folder that somebody named must be there: a volume may not be mounted."""
    storage = make_settings().storage.model_copy(update={"path": tmp_path / "data", "url": "postgresql://nowhere/x"})
    head = sign(Ed25519PrivateKey.generate(), None, 1, 1, "0" * 64, Time().now())
    [outlet] = head_outlets(storage)
    outlet.publish([head])
    assert list(outlet.latest()) == [head]
    named = storage.model_copy(update={"heads_file": tmp_path / "volume" / "heads.txt"})
    with pytest.raises(OSError, match="volume"):
        head_outlets(named)[0].publish([head])
