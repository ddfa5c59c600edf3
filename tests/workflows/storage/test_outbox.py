"""Delivery at Slack's pace: a full conversation is tried once per pass, and a dismissal goes first."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from tests.workflows.office import DANA, Office
from workflows.cases.holds import CasePolicy
from workflows.ports import DeliveryFailed
from workflows.storage.outbox import (
    FILE_ATTEMPTS,
    DeliveredInShort,
    deliver,
    is_behind,
    next_try,
    release_claims,
    request_update,
)
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.store import StorageFailed

PASS = "workflows.storage.outbox.PASS_SECONDS"


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
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(PASS, 60.0)  # a slow machine delivers all in one pass, too
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
    monkeypatch.setattr(PASS, -1.0)
    slack = Slack()
    assert deliver(office.store, slack, office.clock) == 0
    monkeypatch.setattr(PASS, 60.0)
    assert deliver(office.store, slack, office.clock) == 10


class Numbering(Slack):
    """Gives every message a ts of its own; `broken` kinds are refused."""

    def __init__(self, *broken: MessageKind) -> None:
        super().__init__()
        self.broken = broken

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        self.asked.append((post.id, post.kind))
        if post.kind in self.broken:
            raise DeliveryFailed("missing_scope")
        return post.channel, post.ts or f"{len(self.asked)}.0"


def test_a_file_follows_its_message_once_in_a_lane_of_its_own(office: Office) -> None:
    slack = Numbering()
    assert deliver(office.store, slack, office.clock, files=True) == 0
    deliver(office.store, slack, office.clock)
    assert {kind for _, kind in slack.asked} == {MessageKind.AUDIT}
    assert deliver(office.store, slack, office.clock) == 0, "files are left to their own lane"
    assert deliver(office.store, slack, office.clock, files=True) == 10
    file = office.posts()["file:C1-0"]
    assert (file.kind, file.subject, file.thread_parent_id) == (MessageKind.AUDIT_FILE, "C1-0", "C1-0")
    with office.store.write() as session:
        request_update(session, "C1-0")
    deliver(office.store, slack, office.clock)
    assert deliver(office.store, slack, office.clock, files=True) == 0, "an update in place brings no second file"


def test_a_message_made_anew_brings_its_file_again(office: Office) -> None:
    slack = Numbering()
    deliver(office.store, slack, office.clock)
    deliver(office.store, slack, office.clock, files=True)
    with office.store.write() as session:
        session.get_one(OutboxMessage, "C1-0").ts = ""
        request_update(session, "C1-0")
    deliver(office.store, slack, office.clock)
    assert deliver(office.store, slack, office.clock, files=True) == 1
    assert slack.asked[-1][0] == "file:C1-0"


def test_a_file_that_is_refused_is_given_up_and_holds_up_nothing(office: Office) -> None:
    slack = Numbering(MessageKind.AUDIT_FILE)
    deliver(office.store, slack, office.clock)
    for _try in range(FILE_ATTEMPTS + 2):
        deliver(office.store, slack, office.clock, files=True)
        office.clock.pass_(seconds=11)
        assert next_try(office.store, office.clock.now()) is None, "a file that waits keeps nobody busy with messages"
    assert next_try(office.store, office.clock.now(), files=True) is None
    tries = [one for one, kind in slack.asked if kind == MessageKind.AUDIT_FILE]
    assert len(tries) == 10 * FILE_ATTEMPTS
    assert office.posts()["file:C1-0"].problem == "missing_scope"


def test_what_is_behind_is_found_by_an_index(office: Office) -> None:
    with office.store.read() as session:
        query = sa.select(OutboxMessage.id).where(is_behind())  # type: ignore[call-overload]
        said = str(query.compile(compile_kwargs={"literal_binds": True}))
        plan = session.connection().exec_driver_sql(f"explain query plan {said}").all()
    assert "outbox_behind" in str(plan)


@pytest.mark.parametrize("lost", ["the claim's answer", "the result"])
def test_a_blink_of_the_database_leaves_no_message_claimed(office: Office, lost: str) -> None:
    """The bot lives, so nobody takes over from it: it must let go itself, and not after the claim's five minutes."""
    transaction, blinks, given_up = office.store._transaction, [True], set[str]()

    @contextmanager
    def blinking(names: Collection[str] = ()) -> Iterator[Session]:
        with transaction(names) as session:
            yield session
            held = session.exec(select(OutboxMessage.id).where(OutboxMessage.claimed_by != "")).first() is not None
            if lost == "the result" and blinks and not held and any(name.startswith("post:") for name in names):
                blinks.clear()
                raise StorageFailed("the server was restarted")
        if lost == "the claim's answer" and blinks and held:
            blinks.clear()
            raise StorageFailed("the server was restarted")

    office.store._transaction = blinking  # type: ignore[method-assign]
    slack = Slack()
    with pytest.raises(StorageFailed):
        deliver(office.store, slack, office.clock, "one", given_up=given_up)
    assert not blinks
    assert [post.id for post in office.posts().values() if post.claimed_by]
    assert deliver(office.store, slack, office.clock, "one", given_up=given_up) == 10
    assert given_up == set()


def test_a_fault_of_the_program_in_one_message_holds_up_no_other(office: Office) -> None:
    class Faulty(Slack):
        def show(self, post: OutboxMessage) -> tuple[str, str]:
            if post.id == "C1-0":
                raise UnicodeError("half an emoji")
            return super().show(post)

    slack = Faulty()
    while deliver(office.store, slack, office.clock):  # in as many passes as a slow machine needs
        pass
    assert len(slack.asked) == 9
    assert office.posts()["C1-0"].problem == "UnicodeError"


def test_a_message_in_short_is_delivered_and_its_problem_kept(office: Office) -> None:
    class Short(Slack):
        def show(self, post: OutboxMessage) -> tuple[str, str]:
            raise DeliveredInShort(post.channel, "1.0", "Slack did not show it in full")

    while deliver(office.store, Short(), office.clock):
        pass
    post = office.posts()["C1-0"]
    assert (post.ts, post.shown_version, post.problem) == ("1.0", 1, "Slack did not show it in full")
