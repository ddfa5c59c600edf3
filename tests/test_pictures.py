"""The pictures of messages and forms are there, small, and linked."""

import pytest

from tests.pictures import FOLDER, LARGEST, NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_small_and_linked(name: str) -> None:
    assert 5_000 < (FOLDER / f"{name}.png").stat().st_size <= LARGEST
    page = FOLDER.parent / "reference" / "pictures.md"
    assert f"(../pictures/{name}.png)" in page.read_text(encoding="utf-8")
