"""Secrets in files: read again at each use, never shown."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from config.secrets import FileSecret, Secret, renewal


class Table(BaseModel):
    model_config = ConfigDict(frozen=True)
    one: Secret


def test_a_secret_in_a_file_is_what_the_file_holds_now(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text("first\n", encoding="utf-8")
    held = Table.model_validate({"one": f"file:{file}"}).one
    assert held.get_secret_value() == "first"
    file.write_text("second\n", encoding="utf-8")
    assert held.get_secret_value() == "second"
    assert "without a restart" in renewal(held)


def test_a_file_that_is_gone_or_half_written_leaves_the_last_value(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text("first", encoding="utf-8")
    held = FileSecret(file)
    file.write_text(" \n", encoding="utf-8")
    assert held.get_secret_value() == "first"
    file.unlink()
    assert held.get_secret_value() == "first"
    assert "first" not in f"{held!r} {held} {Table.model_construct(one=held)!r}"


@pytest.mark.parametrize(("mode", "refused"), [(0o600, False), (0o440, False), (0o604, True), (0o644, True)])
def test_a_secret_file_that_everybody_can_read_is_refused(mode: int, refused: bool, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("first", encoding="utf-8")
    file.chmod(mode)
    if not refused:
        assert FileSecret(file).get_secret_value() == "first"
        return
    with pytest.raises(ValueError, match="everybody can read the secret file"):
        FileSecret(file)


def test_a_secret_in_the_environment_needs_a_restart() -> None:
    held = Table.model_validate({"one": "env:ONE"}, context={"env": {"ONE": "x"}}).one
    assert (held.get_secret_value(), "restart the bot" in renewal(held)) == ("x", True)


@pytest.mark.parametrize("given", ["file:/nowhere/at/all", "plain-secret"])
def test_what_cannot_be_read_at_the_start_is_a_fault(given: str) -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        Table.model_validate({"one": given})
    assert "plain-secret" not in str(caught.value).replace("input_value='plain-secret'", "")
