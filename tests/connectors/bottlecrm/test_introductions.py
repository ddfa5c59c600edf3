"""Introductions in a real BottleCRM: a task at every kind of client, and tasks that were left with nobody."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.conformance.introductions import TEXT, fresh_key
from connectors.contract import Introduction, IntroductionWay
from connectors.errors import Conflict
from tests.connectors.bottlecrm.front import Front
from tests.connectors.bottlecrm.world import IntroductionsWorld
from tests.sandbox.company.bottlecrm import BottleCrm

TASK = IntroductionWay.TASK


@pytest.fixture
def world(parts: tuple[BottleCrm, Front, Path]) -> Iterator[IntroductionsWorld]:
    with closing(IntroductionsWorld(*parts)) as world:
        yield world


def tasks(world: IntroductionsWorld, key: str) -> list[str]:
    """Return the ids of all tasks with a key in their title."""
    return [row[0] for row in world.server.query("SELECT id FROM task WHERE title LIKE ?", f"%{key}%")]


def test_every_kind_of_client_gets_one_task_and_a_task_gets_none(world: IntroductionsWorld) -> None:
    successor, connector = world.seller(), world.connect()
    for client in world.some(successor):
        key = fresh_key()
        answer = connector.introduce(client, successor, TEXT, key, TASK)
        if client.startswith("task:"):
            assert (answer.state, bool(answer.reason), tasks(world, key)) == (Introduction.REFUSED, True, [])
            continue
        assert answer.state is Introduction.SENT, (client, answer)
        assert connector.introduce(client, successor, TEXT, key, TASK) == answer
        assert len(tasks(world, key)) == 1, client


def test_a_task_left_with_nobody_waits_and_is_given_to_the_successor(world: IntroductionsWorld) -> None:
    successor, key = world.seller(), fresh_key()
    client, connector = world.client(successor), world.connect()
    connector.introduce(client, successor, TEXT, key, TASK)
    [task] = tasks(world, key)
    world.server.execute("DELETE FROM task_assigned_to WHERE task_id = ?", [task])
    found = connector.find_introduction(client, key)
    assert found is not None
    assert (found.state, found.reason) == (Introduction.WAITING, "the task is there, and nobody has it")
    assert connector.introduce(client, successor, TEXT, key, TASK).state is Introduction.SENT
    assert [who for _text, who in world.told(client)] == [successor]


def test_a_key_in_another_title_is_not_taken(world: IntroductionsWorld) -> None:
    successor, key = world.seller(), fresh_key()
    client, connector = world.client(successor), world.connect()
    connector.introduce(client, successor, TEXT, f"{key}1", TASK)
    assert connector.find_introduction(client, key) is None


def test_bottlecrm_sends_no_messages(world: IntroductionsWorld) -> None:
    connector, successor = world.connect(), world.seller()
    with pytest.raises(Conflict, match="no messages"):
        connector.introduce(world.client(successor), successor, TEXT, fresh_key(), IntroductionWay.MESSAGE)
