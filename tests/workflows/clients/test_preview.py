"""A split before anybody is asked: what a case would propose, by rules, capacities, closeness and a file."""

from pathlib import Path

import pytest
from sqlmodel import select

from bot.policies import Policies
from connectors.contract import AccountId
from connectors.errors import Unavailable
from tests.workflows.memory import MemoryDirectory, World
from tests.workflows.office import BOB as OFFICE_BOB
from tests.workflows.office import Office, services_on
from tests.workflows.stage import BOB, CAROL, LEAVER, Stage, crm
from workflows.clients.handover import ClientHandover
from workflows.clients.split.allocation import AllocationRule, AllocationTarget
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.clients.split.rules import AllocationPolicy
from workflows.clients.views import Preview
from workflows.people import Successor
from workflows.storage.rows.case import Case, Strategy
from workflows.storage.rows.clients import Assignment, AssignmentFile

ZED = Successor("zed@x.example", "Zed", "zed@x.example")
POLICY = AllocationPolicy(
    (
        AllocationRule(frozenset({("segment", "key")}), (CAROL.key,)),
        AllocationRule(frozenset({("sensitivity", "high")}), (ZED.key,)),
    ),
    {
        BOB.key: AllocationTarget(BOB.key, 2, frozenset({("team", "emea")})),
        LEAVER.email: AllocationTarget(LEAVER.email, traits=frozenset({("team", "emea")})),
        CAROL.key: AllocationTarget(CAROL.key, traits=frozenset({("language", "fr")})),
    },
)


def shop() -> World:
    """Six clients: a key one, a sensitive one, a French one, one co-owned by Zed, two of no kind."""
    world = crm(records=0)
    world.record("account:0", "dana", family="party:0", family_name="Key", traits={"segment": "Retail; Key"})
    world.record("deal:0", "dana", family="party:0", family_name="Key", value=90)
    world.record("deal:1", "dana", family="party:1", family_name="Secret", sensitivity="high", value=10)
    world.record("deal:2", "dana", family="party:2", family_name="Français", traits={"language": "FR"})
    world.record("deal:3", "dana", family="party:3", family_name="Zed's", co_owners=(AccountId("zed"),))
    world.record("deal:4", "dana", family="party:4", family_name="Twin", open=False, value=70)
    world.record("deal:5", "dana", family="party:5", family_name="Twin")
    world.record("deal:6", "dana", family="party:6", fixed="won: nobody can change it")
    return world


def track(stage: Stage, policy: AllocationPolicy = POLICY) -> ClientHandover:
    return services_on(stage.context, stage.members, Policies(approvals=stage.policy, allocation=policy)).handover


def preview(stage: Stage, strategy: Strategy, text: str = "") -> Preview:
    return track(stage).proposals.preview(LEAVER, (BOB, CAROL, ZED), strategy, text.encode())


def held(stage: Stage) -> dict[str, str]:
    people = {stage.vault.blind(one.key): one.key.partition("@")[0] for one in (BOB, CAROL, ZED)}
    with stage.store.read() as session:
        rows = session.exec(select(Assignment).where(Assignment.successor != "")).all()
    return {row.family: people[row.successor] for row in rows}


@pytest.mark.parametrize("strategy", Strategy)
def test_the_preview_is_what_is_proposed_later_and_writes_nothing(tmp_path: Path, strategy: Strategy) -> None:
    world = shop()
    stage = Stage(tmp_path, world.system(), successors=(BOB, CAROL, ZED), strategy=strategy)
    seen = preview(stage, strategy)
    assert held(stage) == {}
    assert stage.proposals() == []
    assert world.writes == {}
    stage.handover = track(stage)
    stage.tick()
    shown = stage.proposal()
    assert {one.successor: (one.families, one.records, one.value, one.deals) for one in seen.shares} == {
        one.successor: (one.families, one.records, one.value, one.deals) for one in shown.shares
    }
    assert (seen.records, seen.families, seen.staying) == (7, 6, 1)
    assert shown.sensitivities == {"high": 1}


def test_rules_closeness_and_capacity_reach_the_proposal(tmp_path: Path) -> None:
    for strategy, wanted in (
        ("rules", {"party:0": "carol", "party:1": "zed"}),
        ("affinity", {"party:2": "bob", "party:3": "zed"}),  # Bob has the leaver's team, and room for two
    ):
        folder = tmp_path / strategy
        folder.mkdir()
        stage = Stage(folder, shop().system(), successors=(BOB, CAROL, ZED), strategy=strategy)
        stage.handover = track(
            stage,
            POLICY
            if strategy == "rules"
            else AllocationPolicy(
                (), {**POLICY.colleagues, BOB.key: AllocationTarget(BOB.key, 5, frozenset({("team", "emea")}))}
            ),
        )
        stage.tick()
        found = held(stage)
        assert {family: found[family] for family in wanted} == wanted
    stage = Stage(tmp_path, shop().system(), successors=(BOB, CAROL, ZED), strategy="balanced")
    stage.handover = track(stage)
    stage.tick()
    assert list(held(stage).values()).count("bob") <= 2


def test_a_preview_without_room_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, shop().system())
    seen = track(stage).proposals.preview(LEAVER, (BOB,), Strategy.BALANCED)
    assert any("4 clients are above" in note for note in seen.notes)


def test_a_file_comes_before_the_strategy(tmp_path: Path) -> None:
    stage = Stage(tmp_path, shop().system())
    seen = preview(stage, Strategy.SINGLE, "client,address\nKEY,carol@x.example\nSecret,zed@x.example\n")
    assert seen.faults == ()
    assert {one.successor.key: one.families for one in seen.shares} == {BOB.key: 4, CAROL.key: 1, ZED.key: 1}


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("client,address\nTwin,bob@x.example\n", [(2, "2 clients have this name: name them by “client id”")]),
        ("client,address\nNobody,bob@x.example\n", [(2, "names no client of the person who leaves: Nobody")]),
        (
            "client,address\nKey,eve@x.example\n",
            [
                (2, "eve@x.example is no successor with an active account in crm"),
                (2, "eve@x.example is not among those who receive clients"),
            ],
        ),
        (
            "id,address\naccount:0,bob@x.example\ndeal:0,carol@x.example\n",
            [(3, "gives a client to carol@x.example that line 2 gives to bob@x.example: a client stays whole")],
        ),
        (
            "client,address\nNobody,bob@x.example\nKey,Bob\n",
            [(2, "names no client of the person who leaves: Nobody"), (3, "“bob” is not an e-mail address")],
        ),
        ("id;address\naccount:0;=1+1\n", [(2, "“=1+1” is not an e-mail address")]),
    ],
)
def test_faults_of_a_file_are_listed_by_line(tmp_path: Path, text: str, faults: list[tuple[int, str]]) -> None:
    stage = Stage(tmp_path, shop().system())
    assert [(one.line, one.what) for one in preview(stage, Strategy.BALANCED, text).faults] == faults


def test_a_system_that_does_not_answer_is_said_and_faults_nobody(tmp_path: Path) -> None:
    world = shop()
    world.fail("records", Unavailable("down"), times=9)
    stage = Stage(tmp_path, world.system(), World("directory").system(MemoryDirectory))
    seen = preview(stage, Strategy.BALANCED, "client,address\nNobody,bob@x.example\n")
    assert seen.faults == ()
    assert [problem.partition(":")[0] for problem in seen.problems] == ["crm"]


def test_a_file_handed_in_with_the_request_is_followed_and_kept_encrypted(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for n in range(4):
        office.crm.record(f"deal:{n}", "crm-dana", family=f"party:{n}", family_name=f"Klient {n}")
    given = [f"party:{n},carol@x.example" for n in range(3)]
    text = "\n".join(["client id,address", *given, "party:9,bob@x.example"])
    case = office.offboarding.open(office.request(assignment_file=text.encode(), strategy=Strategy.SINGLE))
    office.work("revoke", "book")
    view = office.offboarding.case(case).clients
    assert view is not None
    assert view.proposal is not None
    shared = {one.successor.key: one.families for one in view.proposal.shares}
    assert shared == {OFFICE_BOB.key: 1, "carol@x.example": 3}
    with office.store.read() as session:
        kept = session.get_one(AssignmentFile, case)
        assert b"party" not in kept.sealed
        assert b"carol" not in session.get_one(Case, case).sealed


@pytest.mark.parametrize("text", ["client id,address\nparty:0,eve@x.example\n", "nonsense"])
def test_a_request_with_a_bad_file_opens_nothing(tmp_path: Path, text: str) -> None:
    office = Office(tmp_path)
    with pytest.raises(InvalidAssignmentFile):
        office.offboarding.open(office.request(assignment_file=text.encode()))
    assert office.offboarding.cases() == []
