"""Conformance suite for every `Introductions` connector, independent of any vendor.

Subclass `IntroductionsSuite` as `Test...` and give a `world` fixture. The client book has a suite of its own.
`tests/conformance/test_introductions_bites.py` shows that each test can fail.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import uuid4

import pytest

from connectors.contract import AccountId, Introduced, Introduction, Introductions, IntroductionWay, RecordId
from connectors.errors import ConnectorError, Missing, OutcomeUnknown, Unavailable

TEXT = 'Hello,\n\nyour contact is now Zoë O\'Brien & "Sons" <b>%s</b> {0} =1+1 北京.'
"""A text that breaks naive templates, JSON and markup."""


class IntroductionsWorld(Protocol):
    """One system as its owner sees it; no call here goes through the connector."""

    def connect(self) -> Introductions:
        """Return a fresh connector."""

    def seller(self, *, active: bool = True) -> AccountId:
        """Make a new account that can own records; an inactive one owned records before."""

    def client(self, owner: AccountId) -> RecordId:
        """Make a new client record of an owner."""

    def missing(self) -> RecordId:
        """Return an id of the right form that no record has."""

    def told(self, client: RecordId) -> Sequence[tuple[str, AccountId]]:
        """Return text and successor of every introduction at a client's record."""

    def contents(self) -> Mapping[RecordId, object]:
        """Return all values of every client record, owners included, and introductions left out."""

    def undo(self, client: RecordId) -> None:
        """Delete the introductions at a client's record behind the connector's back."""

    def losing_answers(self) -> AbstractContextManager[None]:
        """Carry out writes and lose their answers for a while; reads are answered. Only for connectors made inside."""

    def stopped(self) -> AbstractContextManager[None]:
        """Stop the server for a while; its data stays."""


def fresh_key() -> str:
    """Return a key that no other test uses."""
    return f"HO-{uuid4().hex[:16]}"


class IntroductionsSuite:
    """The tests; each one makes its own sellers and clients."""

    @pytest.fixture
    def world(self) -> IntroductionsWorld:
        raise NotImplementedError("give a world fixture")

    def _send(self, world: IntroductionsWorld, client: RecordId, successor: AccountId, key: str) -> Introduced:
        connector = world.connect()
        return connector.introduce(client, successor, TEXT, key, next(iter(connector.introduction_ways())))

    def test_what_is_sent_is_there_once_with_its_text_for_the_successor(self, world: IntroductionsWorld) -> None:
        successor = world.seller()
        client, other = world.client(successor), world.client(successor)
        before = world.contents()
        answer = self._send(world, client, successor, fresh_key())
        assert (answer.client, answer.state) == (client, Introduction.SENT)
        assert answer.id
        told = world.told(client)
        assert [account for _text, account in told] == [successor]
        assert TEXT in told[0][0]
        assert not world.told(other)
        assert world.contents() == before, "nothing else changes"

    def test_it_offers_a_way_and_names_it(self, world: IntroductionsWorld) -> None:
        ways = world.connect().introduction_ways()
        assert ways
        assert all(isinstance(way, IntroductionWay) for way in ways)

    def test_a_way_that_is_not_offered_sends_nothing(self, world: IntroductionsWorld) -> None:
        successor, connector = world.seller(), world.connect()
        client = world.client(successor)
        for way in set(IntroductionWay) - set(connector.introduction_ways()):
            with pytest.raises(ConnectorError):
                connector.introduce(client, successor, TEXT, fresh_key(), way)
        assert not world.told(client)

    def test_twice_with_one_key_is_sent_once(self, world: IntroductionsWorld) -> None:
        successor, key = world.seller(), fresh_key()
        client = world.client(successor)
        first, again = self._send(world, client, successor, key), self._send(world, client, successor, key)
        assert (again.id, again.state) == (first.id, Introduction.SENT)
        assert len(world.told(client)) == 1

    def test_it_is_found_by_its_key_and_by_no_other(self, world: IntroductionsWorld) -> None:
        successor, key, other = world.seller(), fresh_key(), fresh_key()
        client = world.client(successor)
        assert world.connect().find_introduction(client, key) is None
        sent = self._send(world, client, successor, key)
        found = world.connect().find_introduction(client, key)
        assert found is not None
        assert (found.client, found.id, found.state) == (client, sent.id, Introduction.SENT)
        assert world.connect().find_introduction(client, other) is None
        assert world.connect().find_introduction(world.client(successor), key) is None
        assert len(world.told(client)) == 1, "a look-up sends nothing"

    def test_a_lost_answer_is_looked_up_and_never_repeated(self, world: IntroductionsWorld) -> None:
        successor, key = world.seller(), fresh_key()
        client = world.client(successor)
        with world.losing_answers():
            try:
                answer = self._send(world, client, successor, key)
            except OutcomeUnknown:
                found = world.connect().find_introduction(client, key)
                assert found is not None
                answer = found
        assert answer.state in (Introduction.SENT, Introduction.WAITING)
        assert len(world.told(client)) == 1
        self._send(world, client, successor, key)
        assert len(world.told(client)) == 1

    def test_states_are_read_again_in_order(self, world: IntroductionsWorld) -> None:
        successor = world.seller()
        first, second = world.client(successor), world.client(successor)
        sent = [self._send(world, client, successor, fresh_key()) for client in (first, second)]
        world.undo(first)
        now = world.connect().introduced(sent)
        assert [(one.client, one.id, one.state) for one in now] == [
            (first, sent[0].id, Introduction.BOUNCED),
            (second, sent[1].id, Introduction.SENT),
        ]
        assert now[0].reason
        assert not world.told(first), "a read sends nothing"

    def test_a_successor_who_is_inactive_introduces_nobody(self, world: IntroductionsWorld) -> None:
        owner, gone = world.seller(), world.seller(active=False)
        client = world.client(owner)
        answer = self._send(world, client, gone, fresh_key())
        assert answer.state is Introduction.REFUSED
        assert answer.reason
        assert not world.told(client)

    def test_a_client_who_is_gone_is_missing(self, world: IntroductionsWorld) -> None:
        successor = world.seller()
        with pytest.raises(Missing):
            self._send(world, world.missing(), successor, fresh_key())

    def test_a_dead_server_is_unavailable_and_sends_nothing(self, world: IntroductionsWorld) -> None:
        successor = world.seller()
        client = world.client(successor)
        with world.stopped():
            with pytest.raises(Unavailable):
                self._send(world, client, successor, fresh_key())
            with pytest.raises(ConnectorError):
                world.connect().find_introduction(client, fresh_key())
        assert not world.told(client)
