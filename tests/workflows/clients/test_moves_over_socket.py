"""A whole handover in a CRM with a limit over a real socket: a kill in the middle, 429 with and without a time."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.sandbox.limited.connector import system
from tests.sandbox.limited.server import Crm, serve
from tests.workflows.stage import BOB, CAROL, Stage
from workflows.systems.rate_limit import share_rate_limits

RECORDS = 1000
SMALL = 10
"""Records in one call, limited by the settings alone."""


class Limited:
    """A CRM, and a case with an approved split. The limit is high unless a test sets it."""

    def __init__(self, folder: Path) -> None:
        self.crm = Crm(RECORDS, requests=400, window=1.0)
        self.crm.owner = dict.fromkeys(self.crm.owner, "dana")
        self.crm.active["dana"] = True
        self.server = serve(self.crm)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.system = system(f"http://127.0.0.1:{self.server.server_port}", 400, 1.0)
        self.stage = Stage(folder, self.system, successors=(BOB, CAROL))
        share_rate_limits(self.stage.systems, self.stage.store)
        self.stage.tick()
        self.stage.approve()
        self.crm.stats.update(asked=0, refused=0)

    def close(self) -> None:
        self.system.connector.close()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    made = Limited(tmp_path)
    yield made
    made.close()


def all_moved_once(limited: Limited) -> bool:
    owners = set(limited.crm.owner.values())
    return owners == {"bob", "carol"} and set(limited.crm.writes.values()) == {1} and limited.stage.clients().complete


def test_dead_in_the_middle_with_writes_nobody_heard_of(limited: Limited) -> None:
    limited.crm.settings["down_after_moves"] = 4
    limited.stage.tick()
    written = len(limited.crm.writes)
    assert 0 < written < RECORDS
    assert limited.stage.clients().moved < written  # the last batch was written, and its answer was lost
    assert not limited.stage.clients().complete
    assert "no answer" in limited.stage.book().reason or "not reachable" in limited.stage.book().reason
    limited.crm.settings["down"] = False
    limited.stage.settle(30)
    assert all_moved_once(limited)
    assert limited.stage.clients().balance == (f"crm, deal: {RECORDS:,} before, {RECORDS:,} after",)


def test_a_limit_that_only_the_settings_know_is_kept(tmp_path: Path) -> None:
    """The kind declares none, as those of the real systems do not; the settings allow half of what the vendor does."""
    crm = Crm(60 * SMALL, requests=40, window=0.5)
    crm.owner = dict.fromkeys(crm.owner, "dana")
    crm.active["dana"] = True
    server = serve(crm)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    known = system(f"http://127.0.0.1:{server.server_port}", 0, 0.5)
    limits = known.manifest.limits.narrowed(20, timedelta(seconds=0.5), SMALL)
    try:
        stage = Stage(tmp_path, replace(known, manifest=replace(known.manifest, limits=limits)), successors=(BOB,))
        share_rate_limits(stage.systems, stage.store)
        stage.settle(3)
        stage.approve()
        stage.settle(5)
        assert crm.stats["refused"] == 0
        assert crm.stats["most"] < 30  # as fast as it goes it would be 40
        assert len(crm.stats["moves"]) == 60
        assert set(crm.owner.values()) == {"bob"}
        assert set(crm.writes.values()) == {1}
    finally:
        known.connector.close()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("said", [True, False])
def test_429_in_the_middle_is_obeyed_and_nothing_is_sent_twice(limited: Limited, said: bool) -> None:
    def refuse(path: str) -> int | None:
        if path == "/move" and not limited.crm.stats["refused"]:
            limited.crm.settings.update(refuse=2, retry_after=said)
        return admit(path)

    admit = limited.crm.admit
    limited.crm.admit = refuse  # type: ignore[method-assign]
    limited.stage.settle(5)
    assert 2 <= limited.crm.stats["refused"] < 10
    assert all_moved_once(limited)


def test_a_record_that_changes_hands_while_batches_are_on_their_way_stays_where_it_is(limited: Limited) -> None:
    taken = [f"deal:{n:07}" for n in range(900, 905)]
    answer = limited.crm.answer

    def others(path: str, asked: dict[str, object]) -> object:
        if path == "/move" and not limited.crm.writes:
            limited.crm.give({"ids": taken, "to": "zed"})
        return answer(path, asked)

    limited.crm.answer = others  # type: ignore[method-assign]
    limited.stage.settle(3)
    assert {record for record, owner in limited.crm.owner.items() if owner == "zed"} == set(taken)
    assert set(limited.crm.writes.values()) == {1}
    assert "5 taken by another" in limited.stage.clients().balance[0]
