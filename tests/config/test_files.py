"""Shipped files: examples that load and name every key, the manifest, the generated reference."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from bot.cli.app import make_app
from bot.cli.manifest import yaml as as_yaml
from bot.slack.manifest import manifest
from config.reference import Key, keys, markdown, tables, toml
from config.settings import Settings, load
from connectors import registry
from tests.config.commands import commands

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "config" / "examples").glob("*.toml"))
SECRET = "A" * 43 + "="


def example(path: Path, folder: Path) -> Settings:
    """Load an example with a dummy environment; files of /run/secrets are read from a folder instead."""
    text = path.read_text(encoding="utf-8").replace("/run/secrets", str(folder))
    env = dict.fromkeys(re.findall(r'"env:([A-Z_]+)"', text), SECRET)
    env["HANDOVER_DATABASE_URL"] = "postgresql://handover:pw@db.example/handover"
    for name in re.findall(rf'"file:{folder}/([a-z_]+)"', text):
        (folder / name).write_text(SECRET, encoding="utf-8")
        (folder / name).chmod(0o600)
    copy = folder / path.name
    copy.write_text(text, encoding="utf-8")
    return load(copy, env, registry.settings_of)


def test_there_are_examples() -> None:
    assert [path.name for path in EXAMPLES] == ["handover.toml", "http.toml", "postgresql.toml"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_loads(path: Path, tmp_path: Path) -> None:
    settings = example(path, tmp_path)
    assert settings.company.directory in settings.systems
    assert settings.slack.mode == ("http" if path.stem == "http" else "socket")
    assert bool(settings.storage.url) == (path.stem == "postgresql")


def test_the_whole_example_names_every_key_with_its_meaning() -> None:
    text = (ROOT / "config" / "examples" / "handover.toml").read_text(encoding="utf-8")
    sections = {part.split("]")[0]: part for part in re.split(r"^\[", text, flags=re.MULTILINE)[1:]}
    wanted = {
        **tables(),
        **{f"systems.{name}": registry.settings_of(kind) for name, kind in (("directory", "ldap"), ("crm", "tryton"))},
    }
    flat = " ".join(text.replace("\n# ", " ").split())
    for name, model in wanted.items():
        for key in keys(model):
            assert re.search(rf"^(# )?{key.name} = ", sections[name], re.MULTILINE), f"{name}.{key.name}"
            assert key.meaning in flat, f"{name}.{key.name}"


def test_defaults_in_the_example_are_the_defaults(tmp_path: Path) -> None:
    path = ROOT / "config" / "examples" / "handover.toml"
    shown = tmp_path / path.name
    text = re.sub(r"^# ([a-z_]+ = (?!\.\.\.))", r"\1", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    shown.write_text(text, encoding="utf-8")
    assert shown.read_text(encoding="utf-8") != path.read_text(encoding="utf-8")
    (tmp_path / "again").mkdir()
    assert example(shown, tmp_path / "again").model_dump() == example(path, tmp_path / "again").model_dump()


def test_the_shipped_manifest_is_the_generated_one() -> None:
    shipped = (ROOT / "config" / "slack-manifest.yaml").read_text(encoding="utf-8")
    assert shipped == as_yaml(manifest("socket")), "run: handover manifest > config/slack-manifest.yaml"


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_the_manifest_as_yaml_reads_back_as_what_was_written(mode: str) -> None:
    assert yaml.safe_load(as_yaml(manifest(mode))) == json.loads(json.dumps(manifest(mode)))


def test_the_reference_is_up_to_date() -> None:
    generated = markdown({kind: registry.settings_of(kind) for kind in registry.own()})
    assert (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8") == generated, (
        "run: python -m tests.config.documents"
    )


def test_the_command_reference_is_up_to_date() -> None:
    generated = commands(typer.main.get_command(make_app()))
    assert (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8") == generated, (
        "run: python -m tests.config.documents"
    )
    assert "### `handover offboard`" in generated


def test_a_key_is_described_by_its_model() -> None:
    found = {key.name: key for key in keys(tables()["slack"])}
    assert found["bot_token"] == Key(
        "bot_token", "reference to a secret", True, "", "The bot's token, `xoxb-...`.", True, False, True
    )
    assert found["port"].default == "3000"
    assert list(tables())[:3] == ["company", "storage", "slack"]


def test_text_becomes_toml_that_reads_back() -> None:
    for text in ('a"b', "back\\slash", "line\nend", "tab\t", "\x7f", "\x00", "李伟", "\u202e"):
        assert tomllib.loads(f"x = {toml([text])}") == {"x": [text]}
