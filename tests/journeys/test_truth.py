"""No misleading world ends with a verdict that the servers' own storage contradicts, and nobody else is changed."""

import pytest

from connectors.contract import AccountId, Observation, Verdict
from connectors.scim.connector import Scim
from tests.bench.lying_worlds import WORLDS
from tests.bench.truth import STAGES, play

SAMPLES = {
    "scim": [number for number in range(len(WORLDS)) if number % 3 == 0 or number >= len(WORLDS) - 4],
    "tryton": [0, 6, 13, 23, 58],
    "bottlecrm": [0, 6, 14],
    "openldap": [0, 1, 2, 11, 18, 19, 32, 41],
    "389": [0, 2, 10, 19, 26, 41],
}
"""Worlds of each stage that the suite plays; `./dev bench truth` plays all."""


@pytest.mark.parametrize("stage", SAMPLES)
def test_no_misleading_world_is_believed(stage: str) -> None:
    outcomes = play(stage, [STAGES[stage][1][number] for number in SAMPLES[stage]])
    assert [one for one in outcomes if one.contradicted or one.outside or one.fault or not one.honest] == []


def test_there_are_many_worlds_on_every_kind_of_server() -> None:
    assert sum(len(worlds) for _start, worlds in STAGES.values()) >= 250
    assert all(len(worlds) >= 40 for _start, worlds in STAGES.values())


def test_a_lock_that_is_believed_and_not_read_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def believe(_self: Scim, accounts: list[AccountId]) -> dict[AccountId, Observation]:
        return {account: Observation(Verdict.LOCKED, "believed") for account in accounts}

    monkeypatch.setattr(Scim, "observe", believe)
    [world] = [one for one in WORLDS if one.name == "changes accepted without effect"]
    [outcome] = play("scim", (world,))
    assert outcome.contradicted
