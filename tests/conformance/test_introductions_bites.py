"""Wrong connectors for the suite of introductions: each planted fault fails the test named beside it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from connectors.conformance.introductions import IntroductionsSuite
from connectors.contract import AccountId, Introduced, Introduction, Introductions, IntroductionWay, RecordId
from connectors.errors import Conflict, ConnectorError, Missing, OutcomeUnknown, Unavailable
from tests.conformance import test_client_book_bites as books


@dataclass
class Letter:
    id: str
    client: RecordId
    text: str
    successor: AccountId
    key: str


class Memory(books.Memory):
    """A system in memory, and its world."""

    def __init__(self, wrong: type["Honest"] | None = None) -> None:
        super().__init__(wrong or Honest)
        self.letters: list[Letter] = []
        self.numbers = count(1)

    def connect(self) -> Introductions:
        made: Introductions = self.connector(self)  # type: ignore[assignment]
        return made

    def client(self, owner: AccountId) -> RecordId:
        return self.add(owner, ["Client"])[0]

    def told(self, client: RecordId) -> Sequence[tuple[str, AccountId]]:
        return [(one.text, one.successor) for one in self.letters if one.client == client]

    def contents(self) -> Mapping[RecordId, object]:
        return {record: (row.name, row.stage, row.owner) for record, row in self.rows.items()}

    def undo(self, client: RecordId) -> None:
        self.letters = [one for one in self.letters if one.client != client]

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        self.losing = True
        yield
        self.losing = False


class Honest(books.Honest, Introductions):
    """A correct connector; the wrong ones change one of its steps."""

    system: Memory

    def introduction_ways(self) -> Collection[IntroductionWay]:
        return (IntroductionWay.MESSAGE,)

    def introduce(
        self, client: RecordId, successor: AccountId, text: str, key: str, way: IntroductionWay
    ) -> Introduced:
        self.alive()
        if way not in self.introduction_ways():
            raise Conflict("not offered")
        if client not in self.system.rows:
            raise Missing(client)
        if not self.may_take(successor):
            return Introduced(client, Introduction.REFUSED, reason="inactive")
        if found := self.find_introduction(client, key):
            return found
        letter = self.write_letter(Letter(str(next(self.system.numbers)), client, text, successor, key))
        if self.system.losing:
            raise OutcomeUnknown("no answer")
        return Introduced(client, Introduction.SENT, letter.id)

    def write_letter(self, letter: Letter) -> Letter:
        self.system.letters.append(letter)
        return letter

    def alive(self) -> None:
        if self.system.away:
            raise Unavailable("away")

    def find_introduction(self, client: RecordId, key: str) -> Introduced | None:
        self.alive()
        found = [one for one in self.system.letters if (one.client, one.key) == (client, key)]
        return Introduced(client, Introduction.SENT, found[0].id) if found else None

    def introduced(self, sent: Sequence[Introduced]) -> Sequence[Introduced]:
        self.alive()
        there = {one.id for one in self.system.letters}
        return [self.state(one) if one.id in there else self.gone(one) for one in sent]

    def state(self, one: Introduced) -> Introduced:
        return replace(one, state=Introduction.SENT)

    def gone(self, one: Introduced) -> Introduced:
        return replace(one, state=Introduction.BOUNCED, reason="it is gone")


class SendsTwice(Honest):
    def introduce(
        self, client: RecordId, successor: AccountId, text: str, key: str, way: IntroductionWay
    ) -> Introduced:
        if found := self.find_introduction(client, key):
            self.write_letter(Letter(found.id, client, text, successor, "other"))
        return super().introduce(client, successor, text, key, way)


class SaysSentWithout(Honest):
    def write_letter(self, letter: Letter) -> Letter:
        return letter


class RepeatsAfterALoss(Honest):
    def write_letter(self, letter: Letter) -> Letter:
        super().write_letter(letter)
        return super().write_letter(letter) if self.system.losing else letter


class ForgetsKeys(Honest):
    def find_introduction(self, client: RecordId, key: str) -> Introduced | None:
        return None


class FindsAny(Honest):
    def find_introduction(self, client: RecordId, key: str) -> Introduced | None:
        found = [one for one in self.system.letters if one.key == key]
        return Introduced(client, Introduction.SENT, found[0].id) if found else None


class SendsOnLookUp(Honest):
    def find_introduction(self, client: RecordId, key: str) -> Introduced | None:
        found = super().find_introduction(client, key)
        if found:
            self.write_letter(Letter(found.id, client, "", AccountId("a0"), "more"))
        return found


class TellsTheOwner(Honest):
    def write_letter(self, letter: Letter) -> Letter:
        return super().write_letter(replace(letter, successor=AccountId("nobody")))


class CutsTheText(Honest):
    def write_letter(self, letter: Letter) -> Letter:
        return super().write_letter(replace(letter, text=letter.text[:10]))


class MovesToo(Honest):
    def write_letter(self, letter: Letter) -> Letter:
        self.system.rows[letter.client].stage = "contacted"
        return super().write_letter(letter)


class TellsEverybody(Honest):
    def write_letter(self, letter: Letter) -> Letter:
        for client in self.system.rows:
            super().write_letter(replace(letter, client=client))
        return letter


class AnyWay(Honest):
    def introduce(
        self, client: RecordId, successor: AccountId, text: str, key: str, way: IntroductionWay
    ) -> Introduced:
        return super().introduce(client, successor, text, key, IntroductionWay.MESSAGE)


class NoWay(Honest):
    def introduction_ways(self) -> Collection[IntroductionWay]:
        return ()


class ReadsNothing(Honest):
    def introduced(self, sent: Sequence[Introduced]) -> Sequence[Introduced]:
        return sent


class ReadsInItsOwnOrder(Honest):
    def introduced(self, sent: Sequence[Introduced]) -> Sequence[Introduced]:
        return super().introduced(sent[::-1])


class LetsTheInactive(Honest):
    def may_take(self, successor: AccountId) -> bool:
        return True


class TellsTheGone(Honest):
    def introduce(
        self, client: RecordId, successor: AccountId, text: str, key: str, way: IntroductionWay
    ) -> Introduced:
        if client in self.system.rows or self.system.away:
            return super().introduce(client, successor, text, key, way)
        return Introduced(client, Introduction.SENT, "1")


class DeadIsRefused(Honest):
    def introduce(
        self, client: RecordId, successor: AccountId, text: str, key: str, way: IntroductionWay
    ) -> Introduced:
        if self.system.away:
            return Introduced(client, Introduction.REFUSED, reason="away")
        return super().introduce(client, successor, text, key, way)


class TestHonest(IntroductionsSuite):
    @pytest.fixture
    def world(self) -> Memory:
        return Memory()


SENT = "what_is_sent_is_there_once_with_its_text_for_the_successor"


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (SaysSentWithout, SENT),
        (TellsTheOwner, SENT),
        (CutsTheText, SENT),
        (MovesToo, SENT),
        (TellsEverybody, SENT),
        (NoWay, "it_offers_a_way_and_names_it"),
        (AnyWay, "a_way_that_is_not_offered_sends_nothing"),
        (SendsTwice, "twice_with_one_key_is_sent_once"),
        (ForgetsKeys, "twice_with_one_key_is_sent_once"),
        (ForgetsKeys, "it_is_found_by_its_key_and_by_no_other"),
        (FindsAny, "it_is_found_by_its_key_and_by_no_other"),
        (SendsOnLookUp, "it_is_found_by_its_key_and_by_no_other"),
        (RepeatsAfterALoss, "a_lost_answer_is_looked_up_and_never_repeated"),
        (ForgetsKeys, "a_lost_answer_is_looked_up_and_never_repeated"),
        (SaysSentWithout, "a_lost_answer_is_looked_up_and_never_repeated"),
        (ReadsNothing, "states_are_read_again_in_order"),
        (ReadsInItsOwnOrder, "states_are_read_again_in_order"),
        (LetsTheInactive, "a_successor_who_is_inactive_introduces_nobody"),
        (TellsTheGone, "a_client_who_is_gone_is_missing"),
        (DeadIsRefused, "a_dead_server_is_unavailable_and_sends_nothing"),
    ],
)
def test_bites(wrong: type[Honest], test: str) -> None:
    run: Any = getattr(IntroductionsSuite(), f"test_{test}")
    with pytest.raises((AssertionError, ConnectorError, pytest.fail.Exception)):
        run(Memory(wrong))
