"""What the settings say of the access track arrives where it is used."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot import running
from bot.wiring import build_systems
from tests.config.test_files import EXAMPLES, example
from workflows.work import TASKS

MORE = """
administrators = ["Domain Admins", "Root"]
restrict_before = "36h"
restrict_groups = ["Exporters"]
expects_account = true
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


def test_every_kind_of_work_has_its_handler() -> None:
    """The engine refuses a task that nobody registered, and the row would then be due for ever."""
    source = Path(running.__file__).read_text(encoding="utf-8")
    ways = ('"{task}": built.', 'engine.register("{task}", built.')
    assert [task for task in TASKS if not any(way.format(task=task) in source for way in ways)] == []
