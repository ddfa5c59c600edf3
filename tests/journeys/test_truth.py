"""No misleading world ends with a verdict that the servers' own storage contradicts, and nobody else is changed."""

import pytest

from connectors.contract import AccountId, Observation, Verdict
from connectors.scim.connector import Scim
from tests.bench.lying_worlds import WORLDS
from tests.bench.truth import play


def test_no_misleading_world_is_believed() -> None:
    outcomes = play(WORLDS)
    assert [one for one in outcomes if one.contradicted or one.outside] == []
    assert outcomes[0].verdicts == "app locked, directory locked"
    assert len(outcomes) >= 60


def test_a_lock_that_is_believed_and_not_read_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def believe(_self: Scim, accounts: list[AccountId]) -> dict[AccountId, Observation]:
        return {account: Observation(Verdict.LOCKED, "believed") for account in accounts}

    monkeypatch.setattr(Scim, "observe", believe)
    [world] = [one for one in WORLDS if one.name == "changes accepted without effect"]
    [outcome] = play((world,))
    assert outcome.contradicted
