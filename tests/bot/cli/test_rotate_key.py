"""`handover rotate-key`: the numbers, and an exit code that is not good where keys are lost."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bot.commands import TESS, Wiring, configuration, handover
from workflows.people import Actor
from workflows.watch.key_rotation import Rotation


@dataclass
class Keys:
    """A rotation that finds these numbers."""

    found: Rotation
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def rotate(self, by: Actor, *, dry_run: bool) -> Rotation:
        self.asked.append((by.id, dry_run))
        return self.found


@pytest.mark.parametrize(
    ("options", "dry", "words"),
    [(["--dry-run"], True, "5 keys are to be wrapped anew."), (["--yes"], False, "5 keys were wrapped anew.")],
)
def test_the_numbers_are_told(tmp_path: Path, options: list[str], dry: bool, words: str) -> None:
    wiring = Wiring(keys=Keys(Rotation(5, 1, 0)))
    result = handover(wiring, "rotate-key", *options, "--config", str(configuration(tmp_path)))
    assert (result.exit_code, wiring.keys.asked) == (0, [(TESS.id, dry)])
    assert result.output.splitlines()[-2:] == [words, "1 key is under the newest master key."]


def test_lost_keys_are_no_good_end(tmp_path: Path) -> None:
    wiring = Wiring(keys=Keys(Rotation(0, 4, 1)))
    result = handover(wiring, "rotate-key", "--yes", "--config", str(configuration(tmp_path)))
    assert result.exit_code == 1
    assert "1 key opens with no listed master key." in result.output


def test_nothing_is_rotated_without_a_yes(tmp_path: Path) -> None:
    wiring = Wiring(keys=Keys(Rotation()))
    assert handover(wiring, "rotate-key", "--config", str(configuration(tmp_path))).exit_code != 0
    assert wiring.keys.asked == []
