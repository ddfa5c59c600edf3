"""Wrong connectors for the suite of activities: each planted fault fails the test named beside it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.conformance.activities import ActivitiesSuite
from connectors.contract import AccountId, Activities, ClientActivity, LossRate, RecordId
from connectors.errors import BadCredential, ConnectorError, Forbidden, Unavailable
from tests.conformance.planted import assert_bites

PAGE = 50


@dataclass
class Deal:
    owner: AccountId
    events: list[tuple[datetime, str, AccountId]] = field(default_factory=list)
    ended: datetime | None = None
    lost: bool = False


class Memory:
    """A system in memory, and its world."""

    patience, many = 5.0, PAGE + 10

    def __init__(self, wrong: "type[Honest] | None" = None) -> None:
        self.rows: dict[RecordId, Deal] = {}
        self.made, self.written, self.away = 0, 0, False
        self.connector = wrong or Honest

    def connect(self, password: str = "good") -> Activities:
        return self.connector(self, password == "good")

    def refused(self) -> Activities:
        return self.connector(self, True, shut=True)

    def person(self) -> AccountId:
        self.made += 1
        return AccountId(f"a{self.made}")

    def deals(self, owner: AccountId, number: int) -> Sequence[RecordId]:
        made = [RecordId(f"deal:{self.made + n}") for n in range(number)]
        self.made += number
        self.rows |= {one: Deal(owner) for one in made}
        return made

    def missing(self) -> RecordId:
        return RecordId("deal:none")

    def contact(self, record: RecordId, by: AccountId, times: Sequence[datetime]) -> None:
        self.rows[record].events += [(at, "call", by) for at in times]

    def no_contact(self, record: RecordId, by: AccountId, at: datetime) -> None:
        self.rows[record].events += [(at, what, by) for what in ("call in vain", "automatic", "note")]

    def end(self, record: RecordId, *, won: bool) -> None:
        self.rows[record].ended, self.rows[record].lost = datetime.now(UTC), not won

    def value(self, record: RecordId) -> tuple[Decimal, str]:
        return Decimal(100), "EUR"

    def ends(self) -> Sequence[tuple[date, bool]]:
        return [(one.ended.date(), one.lost) for one in self.rows.values() if one.ended]

    def give(self, record: RecordId, owner: AccountId) -> None:
        self.rows[record].owner = owner
        self.rows[record].events.append((datetime.now(UTC), "owner changed", AccountId("bot")))

    def delete(self, record: RecordId) -> None:
        del self.rows[record]

    def writes(self) -> int:
        return self.written

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.away = True
        try:
            yield
        finally:
            self.away = False

    silent = stopped


class Honest(Activities):
    """The right connector."""

    counted = frozenset({"call"})

    def __init__(self, world: Memory, good: bool, *, shut: bool = False) -> None:
        self.world, self.good, self.shut = world, good, shut

    def ask(self) -> None:
        if self.world.away:
            raise Unavailable("down")
        if not self.good:
            raise BadCredential("wrong")

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        self.ask()
        if self.shut:
            raise Forbidden("no history")
        return {one: self.activity(one, self.world.rows[one], since) for one in records if one in self.world.rows}

    def activity(self, record: RecordId, deal: Deal, since: datetime) -> ClientActivity:
        calls = sorted(one for one in deal.events if one[1] in self.counted and one[0] >= since)
        at, _what, by = calls[-1] if calls else (None, "", None)
        ended = deal.ended is not None and deal.ended >= since
        lost = ended and deal.lost
        return ClientActivity(
            record,
            at,
            by,
            won=ended and not deal.lost,
            lost=lost,
            value=Decimal(100),
            currency="EUR",
            lost_at=deal.ended if lost else None,
        )

    def loss_rate(self, since: datetime, until: datetime) -> LossRate:
        self.ask()
        ends = [lost for day, lost in self.world.ends() if since.date() <= day < until.date()]
        return LossRate(len(ends), sum(ends))

    # The suite of the client book proves these.
    def count(self, owner: AccountId) -> Mapping[str, int]:
        raise NotImplementedError

    def records(self, owner: AccountId) -> Iterator[object]:  # type: ignore[override]
        raise NotImplementedError

    def owners(self, records: Sequence[RecordId]) -> Mapping[RecordId, AccountId | None]:
        raise NotImplementedError

    def owner_faults(self, *_: object) -> Mapping[AccountId, Mapping[str, str]]:
        raise NotImplementedError

    def move(self, batch: Sequence[object]) -> Sequence[object]:  # type: ignore[override]
        raise NotImplementedError

    def check(self) -> str:
        raise NotImplementedError

    def close(self) -> None:
        """Close nothing."""


class CountsWhatWasBefore(Honest):
    """Returns the last contact of all times."""

    def activity(self, record: RecordId, deal: Deal, since: datetime) -> ClientActivity:
        found = super().activity(record, deal, datetime(2000, 1, 1, tzinfo=UTC))
        ended = super().activity(record, deal, since)
        return replace(ended, contacted_at=found.contacted_at, contacted_by=found.contacted_by)


class CountsOldLosses(Honest):
    """Returns the state of now as if it were new."""

    def activity(self, record: RecordId, deal: Deal, since: datetime) -> ClientActivity:
        return replace(super().activity(record, deal, since), lost=deal.lost)


class StopsAtPageOne(Honest):
    """Reads the first page of a history, oldest first."""

    def activity(self, record: RecordId, deal: Deal, since: datetime) -> ClientActivity:
        return super().activity(record, replace(deal, events=deal.events[:PAGE]), since)


class AnswersPageOne(Honest):
    """Answers for the first records alone."""

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        return super().activities(records[:PAGE], since)


class TakesTheOwnerForTheCaller(Honest):
    """Says that the owner was in touch, whoever it was."""

    def activity(self, record: RecordId, deal: Deal, since: datetime) -> ClientActivity:
        found = super().activity(record, deal, since)
        return replace(found, contacted_by=deal.owner if found.contacted_at else None)


class TakesTheFirst(Honest):
    """Returns the first contact."""

    def activity(self, record: RecordId, deal: Deal, since: datetime) -> ClientActivity:
        calls = sorted(one for one in deal.events if one[1] == "call" and one[0] >= since)
        return super().activity(record, replace(deal, events=calls[:1]), since)


class CountsCallsInVain(Honest):
    counted = Honest.counted | {"call in vain"}


class CountsAutomaticMessages(Honest):
    counted = Honest.counted | {"automatic"}


class CountsTheMove(Honest):
    """Takes our own change of owner for work with the client."""

    counted = Honest.counted | {"owner changed"}


class Invents(Honest):
    """Says that everybody was called."""

    def activity(self, record: RecordId, deal: Deal, since: datetime) -> ClientActivity:
        found = super().activity(record, deal, since)
        return replace(found, contacted_at=found.contacted_at or datetime.now(UTC))


class MixesRecordsUp(Honest):
    """Tells the activity of one record for another."""

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        found = super().activities(records, since)
        return dict(zip(found, [*found.values()][::-1], strict=True))


class SwapsWonAndLost(Honest):
    def activity(self, record: RecordId, deal: Deal, since: datetime) -> ClientActivity:
        found = super().activity(record, deal, since)
        return replace(found, won=found.lost, lost=found.won)


class ForgetsTheValue(Honest):
    def activity(self, record: RecordId, deal: Deal, since: datetime) -> ClientActivity:
        return replace(super().activity(record, deal, since), value=Decimal(0))


class KeepsTheGone(Honest):
    """Answers for records that are gone."""

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        return {**{one: ClientActivity(one) for one in records}, **super().activities(records, since)}


class AnswersForNobody(Honest):
    """Adds a record that was not asked for."""

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        other = RecordId("deal:other")
        return {**super().activities(records, since), other: ClientActivity(other)}


class NoneIfRefused(Honest):
    """Takes a refused history for one without contacts."""

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        try:
            return super().activities(records, since)
        except Forbidden:
            return {one: ClientActivity(one) for one in records}


class NoneIfDown(Honest):
    """Takes a dead server for one without contacts."""

    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        try:
            return super().activities(records, since)
        except (Unavailable, BadCredential):
            return {one: ClientActivity(one) for one in records}


class NoRateIfDown(Honest):
    def loss_rate(self, since: datetime, until: datetime) -> LossRate:
        try:
            return super().loss_rate(since, until)
        except ConnectorError:
            return LossRate(0, 0)


class RateOfAllTimes(Honest):
    def loss_rate(self, since: datetime, until: datetime) -> LossRate:
        return super().loss_rate(since, until + timedelta(days=9999))


class Writes(Honest):
    def activities(self, records: Sequence[RecordId], since: datetime) -> Mapping[RecordId, ClientActivity]:
        self.world.written += 1
        return super().activities(records, since)


SUITE = ActivitiesSuite()
CASES: tuple[tuple[type[Honest], Callable[..., None]], ...] = (
    (CountsWhatWasBefore, SUITE.test_what_was_before_does_not_count),
    (CountsOldLosses, SUITE.test_a_deal_that_ended_before_did_not_end_since),
    (StopsAtPageOne, SUITE.test_the_last_of_many_contacts_is_found),
    (AnswersPageOne, SUITE.test_many_records_are_all_told),
    (TakesTheOwnerForTheCaller, SUITE.test_tells_who_was_in_touch_and_when),
    (TakesTheFirst, SUITE.test_the_last_contact_is_told),
    (CountsCallsInVain, SUITE.test_what_is_no_contact_is_none),
    (CountsAutomaticMessages, SUITE.test_what_is_no_contact_is_none),
    (CountsTheMove, SUITE.test_a_move_is_no_contact_and_no_loss),
    (Invents, SUITE.test_tells_who_was_in_touch_and_when),
    (MixesRecordsUp, SUITE.test_tells_who_was_in_touch_and_when),
    (SwapsWonAndLost, SUITE.test_tells_which_deals_ended_since),
    (ForgetsTheValue, SUITE.test_tells_which_deals_ended_since),
    (KeepsTheGone, SUITE.test_a_record_that_is_gone_is_left_out),
    (AnswersForNobody, SUITE.test_nothing_asked_is_nothing),
    (NoneIfRefused, SUITE.test_a_refused_history_is_not_none),
    (NoneIfDown, SUITE.test_a_dead_server_and_a_wrong_credential_are_told_apart),
    (NoneIfDown, SUITE.test_a_silent_server_is_unavailable_in_time),
    (NoRateIfDown, SUITE.test_a_silent_server_is_unavailable_in_time),
    (RateOfAllTimes, SUITE.test_the_loss_rate_is_that_of_all_owners),
    (Writes, SUITE.test_a_read_changes_nothing),
)


class TestHonest(ActivitiesSuite):
    @pytest.fixture
    def world(self) -> Memory:
        return Memory()


@pytest.mark.parametrize(("wrong", "test"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_suite_catches(wrong: type[Honest], test: Callable[..., None]) -> None:
    assert_bites(test, Memory(wrong))
