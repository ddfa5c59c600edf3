"""`handover proposal` and the split in `plan` and `offboard`: what Slack shows and changes, from the terminal."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bot import samples
from tests.bot.cli.test_decide import Desk
from tests.bot.commands import configuration, document, handover
from tests.bot.fakes import NEXT_VERSION
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.clients.views import ExclusionLine, LineFault
from workflows.storage.rows.case import Strategy


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_looking_lists_and_searches_and_changes_nothing(desk: Desk, config: str) -> None:
    shown = handover(desk, "proposal", "case-1", "--search", "acme 4", "--config", config)
    assert shown.exit_code == 0, shown.stderr
    assert "Clients 1 to 6 of 6" in shown.stdout
    assert "party:44" in shown.stdout
    assert "Clients 0 to 50 of 45" in handover(desk, "proposal", "case-1", "--page", "2", "--config", config).stdout
    assert (desk.handover.reassigned, desk.handover.kept, desk.handover.uploaded) == ([], [], [])


def test_what_stays_is_told_in_plain_words(desk: Desk, config: str) -> None:
    stays = ExclusionLine("a lawsuit & <more>", "Max Weber", samples.NOW, 2, 5)
    desk.handover.proposal = replace(desk.handover.proposal, kept=(stays,))
    waiting = replace(samples.proposal(), kept=(stays,))
    desk.offboarding.known["case-1"] = replace(desk.offboarding.known["case-1"], clients=samples.clients(waiting))
    for command in ("proposal", "decide"):
        shown = handover(desk, command, "case-1", "--config", config)
        assert "2 clients (5 records) stay with Dana O'Neill: a lawsuit & <more>" in shown.stdout


def test_clients_are_given_away_kept_and_moved_together(desk: Desk, config: str) -> None:
    def run(*words: str) -> int:
        return handover(Desk_(desk), "proposal", "case-1", *words, "--config", config).exit_code

    assert run("--client", "party:7", "--client", "Acme 9", "--to", samples.BOB.email) == 0
    assert run("--all-of", samples.CAROL.email, "--to", samples.BOB.email) == 0
    assert desk.handover.reassigned[0] == (("line-7", "line-9"), samples.BOB.key)
    assert len(desk.handover.reassigned[1][0]) == 23
    assert run("--client", "party:7", "--keep", "a lawsuit") == 0
    assert desk.handover.kept == [(("line-7",), "a lawsuit")]


def Desk_(desk: Desk) -> Desk:  # noqa: N802 - a fresh version to change
    desk.handover.proposal = samples.proposal()
    desk.handover._next = lambda: NEXT_VERSION  # type: ignore[method-assign]
    return desk


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--client", "party:7"], "needs clients and a destination"),
        (["--to", "bob@x.example"], "needs clients and a destination"),
        (["--client", "nobody", "--to", "bob@x.example"], "No client is called"),
        (["--client", "party:7", "--to", "b@x.example", "--keep", "why"], "Choose one of --to, --keep, --upload"),
        (["--all-of", "eve@x.example", "--to", "b@x.example"], "No client goes to"),
        (["--upload", "/nowhere.csv"], "cannot be read"),
    ],
)
def test_a_wrong_wish_changes_nothing(desk: Desk, config: str, words: list[str], said: str) -> None:
    result = handover(desk, "proposal", "case-1", *words, "--config", config)
    assert result.exit_code != 0
    assert said in result.stderr
    assert (desk.handover.reassigned, desk.handover.kept, desk.handover.uploaded) == ([], [], [])


def test_a_file_is_taken_whole_or_every_fault_is_listed(desk: Desk, config: str, tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("client id,address\nparty:1,bob@x.example\n", encoding="utf-8")
    taken = handover(Desk_(desk), "proposal", "case-1", "--upload", str(path), "--json", "--config", config)
    assert document(taken)["proposal"]["version"] == 2
    desk.handover.unfit = InvalidAssignmentFile([LineFault(n, "is wrong") for n in range(2, 202)])
    refused = handover(desk, "proposal", "case-1", "--upload", str(path), "--config", config)
    assert refused.exit_code == 1
    assert refused.stderr.count("is wrong") == 200
    assert len(desk.handover.uploaded) == 1


def test_a_plan_with_successors_shows_the_split(desk: Desk, config: str, tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("client id,address\nparty:1,zed@x.example\n", encoding="utf-8")
    plain = handover(desk, "plan", "dana@x.example", "--config", config)
    assert desk.handover.previewed == []
    shown = handover(
        desk,
        "plan",
        "dana@x.example",
        "--successor",
        "Bob@x.example",
        "--strategy",
        "affinity",
        "--clients",
        str(path),
        "--config",
        config,
    )
    assert len(shown.stdout) > len(plain.stdout)
    assert "Clients: 20 with 60 records would go to" in shown.stdout
    assert "Zed gets nothing in crm" in shown.stdout
    assert "3 records stay" in shown.stdout
    assert desk.handover.previewed == [
        ("dana@x.example", ("bob@x.example", "zed@x.example"), Strategy.AFFINITY, path.read_bytes())
    ]


def test_rules_bring_their_own_successors(desk: Desk, tmp_path: Path) -> None:
    more = '[[clients.rules]]\nsegment = "key"\nsuccessors = ["Max@x.example"]\n'
    config = str(configuration(tmp_path, more=more))
    handover(desk, "plan", "dana@x.example", "--strategy", "rules", "--config", config)
    assert desk.handover.previewed[0][1] == ("max@x.example",)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ('[clients]\ndefault_strategy = "rules"\n', "needs at least one"),
        ('[[clients.rules]]\nsegment = "key"\nsuccessors = []\n', "successors"),
        ('[[clients.rules]]\nsuccessors = ["Max"]\n', "must be an e-mail address"),
        ('[clients.colleagues."max@x.example"]\ncapacity = -1\n', "capacity"),
        ("[clients.colleagues.max]\ncapacity = 1\n", "must be an e-mail address"),
    ],
)
def test_wrong_rules_are_refused_with_their_key(desk: Desk, tmp_path: Path, more: str, fault: str) -> None:
    result = handover(desk, "plan", "dana@x.example", "--config", str(configuration(tmp_path, more=more)))
    assert result.exit_code == 2
    assert "clients" in result.stderr
    assert fault in result.stderr


def test_an_offboarding_shows_the_split_before_it_asks_and_a_bad_file_opens_nothing(
    desk: Desk, config: str, tmp_path: Path
) -> None:
    path = tmp_path / "split.csv"
    path.write_text("client id,address\nparty:1,bob@x.example\n", encoding="utf-8")
    words = [
        "offboard",
        "eve@x.example",
        "--approver",
        "max@x.example",
        "--at",
        "2027-01-29T17:00:00+00:00",
        "--clients",
        str(path),
        "--config",
        config,
    ]
    asked = handover(desk, *words, typed="y\n")
    assert asked.exit_code == 0, asked.stderr
    assert "Clients: 20 with 60 records would go to" in asked.stdout
    [request] = desk.offboarding.requests
    assert ([one.key for one in request.successors], request.assignment_file) == (["bob@x.example"], path.read_bytes())
    desk.handover.seen = replace(desk.handover.seen, faults=(LineFault(2, "names no client"),))
    refused = handover(desk, *words, "--yes")
    assert refused.exit_code == 1
    assert "line 2: names no client" in refused.stderr
    path.write_bytes("client,address\nРомашка,bob@x.example\n".encode("cp1251"))
    assert "not UTF-8" in handover(desk, *words, "--yes").stderr
    assert len(desk.offboarding.requests) == 1
