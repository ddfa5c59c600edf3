"""`handover orphaned`: the list, its file, and one handover that is shown before it is opened."""

import json
from pathlib import Path

import pytest

from tests.bot.commands import Wiring, configuration, handover
from workflows.storage.rows.case import CaseState

HAND_OVER = ("--hand-over", "--to", "bob@n.example", "--approver", "max@n.example")


def run(tmp_path: Path, *words: str, wiring: Wiring | None = None) -> tuple[int, str, str]:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    done = handover(wiring or Wiring(), "orphaned", *words, "--config", str(configuration(folder)))
    return done.exit_code, done.stdout, done.stderr


def test_the_list_names_owners_and_what_is_not_known(tmp_path: Path) -> None:
    code, said, told = run(tmp_path)
    assert code == 1
    for words in (
        "2 earlier leavers own 17 records",
        "7 other owners are active",
        "crm:17",
        "Shop: not read",
        "hidden",
    ):
        assert words in said
    assert not told


def test_a_search_and_a_page_show_a_part(tmp_path: Path) -> None:
    assert "crm:17" not in run(tmp_path, "--search", "eve ito")[1]
    assert "crm:" not in run(tmp_path, "--page", "2")[1]


def test_the_file_has_every_owner(tmp_path: Path) -> None:
    code, said, _told = run(tmp_path, "--csv")
    assert code == 0
    assert len(said.splitlines()) >= 6


def test_json_has_all(tmp_path: Path) -> None:
    found = json.loads(run(tmp_path, "--json")[1])
    assert [one["account"] for one in found["owners"]] == ["17", "18", "20", "19"]
    assert found["not_looked"] == ["Shop: not read"]


def test_a_dry_run_opens_nothing_and_says_who_is_left_out(tmp_path: Path) -> None:
    wiring = Wiring()
    code, said, _told = run(tmp_path, *HAND_OVER, "--dry-run", wiring=wiring)
    assert code == 0
    assert "2 earlier leavers with 17 records would be proposed" in said
    assert "left out: crm:back: the owner's account there is open again" in said
    assert wiring.offboarding.known == {}
    plan = json.loads(run(tmp_path, *HAND_OVER, "--dry-run", "--json")[1])
    assert plan["left_out"] == {"crm": {"back": "the owner's account there is open again"}}


def test_one_handover_is_opened_for_those_who_are_offered(tmp_path: Path) -> None:
    wiring = Wiring()
    code, said, told = run(tmp_path, *HAND_OVER, "--yes", wiring=wiring)
    assert code == 0, told
    [case] = wiring.offboarding.known.values()
    assert (case.state, case.leaver.earlier) == (CaseState.EARLIER, 2)
    assert "2 earlier leavers, case earlier-1" in said
    assert "<>" not in said


def test_one_owner_can_be_named(tmp_path: Path) -> None:
    wiring = Wiring()
    assert run(tmp_path, *HAND_OVER, "--owner", "crm:18", "--yes", wiring=wiring)[0] == 0
    [case] = wiring.offboarding.known.values()
    assert case.leaver.earlier == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--owner", "crm:17"), "need --hand-over"),
        (("--hand-over",), "--hand-over needs --to"),
        ((*HAND_OVER, "--owner", "crm:99", "--yes"), "No earlier leaver is called crm:99"),
        (("--system", "nowhere"), "There is no system 'nowhere'"),
        (HAND_OVER, "Nobody confirmed"),
    ],
)
def test_wrong_use_is_said(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    code, _out, told = run(tmp_path, *words)
    assert code == 2
    assert said in told
