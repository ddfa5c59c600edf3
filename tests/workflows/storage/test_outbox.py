"""Telling people at Slack's pace: a full conversation is asked once a pass, and a dismissal is told first."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.workflows.office import DANA, Office
from workflows.cases.holds import CasePolicy
from workflows.ports import DeliveryFailed
from workflows.storage.outbox import deliver, release_claims
from workflows.storage.rows.outbox import MessageKind, OutboxMessage


class Slack:
    """Shows posts in order; `full` conversations are over their rate."""

    def __init__(self, *full: str) -> None:
        self.full = full
        self.asked: list[tuple[str, str]] = []

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        self.asked.append((post.channel, post.case_id))
        if post.channel in self.full:
            raise DeliveryFailed("rate limit", busy=True)
        return post.channel, "1.0"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path, rules=CasePolicy(hold_channel="C0SEC", mass_cases_per_hour=1000))
    with office.store.write() as session:
        for channel in ("C1", "C2"):
            for number in range(5):
                row = f"{channel}-{number}"
                session.add(OutboxMessage(id=row, kind=MessageKind.AUDIT, subject=row, channel=channel))
    return office


def test_a_conversation_over_its_rate_is_asked_once_and_holds_up_no_other(office: Office) -> None:
    slack = Slack("C1")
    assert deliver(office.store, slack, office.clock) == 5
    assert [channel for channel, _ in slack.asked].count("C1") == 1
    slack.full = ()
    office.clock.pass_(seconds=11)
    assert deliver(office.store, slack, office.clock) == 5


def test_a_dismissal_is_told_before_what_waits(office: Office) -> None:
    case = office.offboarding.open(office.request(leaver=replace(DANA)))
    slack = Slack()
    deliver(office.store, slack, office.clock)
    assert slack.asked[0] == ("C0CASES", case)


def test_a_post_knows_whether_somebody_tried_before(office: Office) -> None:
    class Dies(Slack):
        def show(self, post: OutboxMessage) -> tuple[str, str]:
            tries.append(post.send_attempts)
            raise KeyboardInterrupt  # as a kill: nothing after it is done

    tries: list[int] = []
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            deliver(office.store, Dies(), office.clock)
        with office.store.write() as session:
            release_claims(session, frozenset)
    assert tries == [1, 2]


def test_a_pass_is_short_and_the_next_one_goes_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.storage.outbox.PASS_SECONDS", -1.0)
    slack = Slack()
    assert deliver(office.store, slack, office.clock) == 0
    monkeypatch.undo()
    assert deliver(office.store, slack, office.clock) == 10
