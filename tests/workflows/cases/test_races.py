"""Two at the same moment, on both databases: one decision, one audit and one post a day, one chain."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from sqlmodel import select

from tests.workflows.office import MAX, Office
from tests.workflows.proof import proven
from workflows.people import Actor
from workflows.ports import DeliveryFailed
from workflows.refusals import Code, Refused
from workflows.storage import outbox
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.marks import Marks
from workflows.storage.rows.clients import Decision, ProposalState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.watch import AuditRun
from workflows.storage.store import Store

PATIENCE = 60.0
"""Seconds for what takes parts of one: a busy machine is no fault."""
APPROVER = Actor(f"slack:{MAX.slack_id}", "Max")


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do everything at the same moment, each in a thread; return what each gave or raised."""
    gate = threading.Barrier(len(acts))
    results: list[object] = [None] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        gate.wait(PATIENCE)
        try:
            results[place] = act()
        except Exception as error:  # noqa: BLE001 - compared by the test
            results[place] = error

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return results


class Slow:
    """A notifier that takes a while, as Slack does."""

    def __init__(self, meanwhile: Callable[[OutboxMessage], object] = bool) -> None:
        """`meanwhile` is done while a post is on its way."""
        self.shown: Counter[str] = Counter()
        self.fail = 0
        self.meanwhile = meanwhile

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        self.shown[post.id] += 1
        self.meanwhile(post)
        time.sleep(0.05)
        if self.fail:
            self.fail -= 1
            raise DeliveryFailed("planted")
        return post.channel, f"{self.shown[post.id]}.0"


def _proposal(office: Office) -> str:
    for number in range(6):
        office.crm.record(f"opportunity:{number}", "crm-dana", value=number * 100)
    office.offboarding.open(office.request())
    for _ in range(4):
        office.work()
        office.clock.pass_(minutes=1)
    [proposal] = office.handover.proposals.waiting_for(MAX.slack_id)
    return proposal.id


def test_a_double_click_decides_once(office: Office) -> None:
    number = _proposal(office)
    digest = office.handover.proposals.view(number).digest
    results = at_once(
        *(
            lambda yes=yes: office.handover.decisions.decide(number, digest, APPROVER, yes)
            for yes in (True, False, True, False)
        )
    )
    refused = [one.code for one in results if isinstance(one, Refused)]
    assert refused == [Code.ALREADY_SETTLED] * 3, results
    with office.store.read() as session:
        [decision] = session.exec(select(Decision)).all()
    state = office.handover.proposals.view(number).state
    assert state == (ProposalState.APPROVED if decision.approve else ProposalState.DECLINED)


def test_an_edit_and_an_approval_never_both_hold(office: Office) -> None:
    number = _proposal(office)
    view = office.handover.proposals.view(number)
    lines, _ = office.handover.proposals.lines(number)
    other = next(one for one in office.handover.proposals.successors(number) if one != lines[0].successor)
    results = at_once(
        lambda: office.handover.decisions.decide(number, view.digest, APPROVER, True),
        lambda: office.handover.edits.assign(number, view.digest, dict.fromkeys([lines[0].id], other.key), APPROVER),
    )
    assert sum(isinstance(one, Refused) for one in results) == 1, results


def test_one_audit_a_day_however_many_processes_call_it(office: Office) -> None:
    office.offboarding.open(office.request())
    office.work("revoke")
    office.clock.pass_(days=1)
    assert at_once(*[office.audits.call] * 8) == [None] * 8
    with office.store.read() as session:
        [run] = session.exec(select(AuditRun.id)).all()
    assert at_once(*[lambda: office.audits.run(run)] * 4) == [None] * 4
    digests = [post for post in office.posts().values() if post.kind == MessageKind.AUDIT]
    assert [post.id for post in digests] == [run]
    assert digests[0].wanted_version <= 1 + 4  # posted once; each process shows the head that it signed
    assert proven(office.journal).ok


def test_a_post_is_shown_by_one_process_at_a_time(office: Office, replica: Callable[[], Store]) -> None:
    _proposal(office)
    slow = Slow()
    counts = at_once(
        *[
            lambda store=store, n=n: outbox.deliver(store, slow, office.clock, f"r{n}")
            for n, store in enumerate([replica(), replica(), replica()])
        ]
    )
    assert set(slow.shown.values()) == {1}
    assert sum(map(int, counts)) == len(slow.shown) == len(office.posts())  # type: ignore[arg-type]


def test_one_process_delivering_twice_at_once_shows_a_post_once(office: Office) -> None:
    _proposal(office)
    slow = Slow()
    at_once(*[lambda: outbox.deliver(office.store, slow, office.clock)] * 3)
    assert set(slow.shown.values()) == {1}


def test_what_is_asked_for_while_it_is_being_shown_is_shown_again(office: Office) -> None:
    _proposal(office)
    name = min(office.posts())

    def ask(post: OutboxMessage) -> None:
        if post.id == name and slow.shown[name] == 1:
            with office.store.write() as session:
                outbox.request_update(session, name)

    slow = Slow(ask)
    wanted = office.posts()[name].wanted_version
    outbox.deliver(office.store, slow, office.clock)
    outbox.deliver(office.store, slow, office.clock)
    assert slow.shown[name] == 2
    assert office.posts()[name].shown_version == office.posts()[name].wanted_version == wanted + 1


def test_a_claim_of_the_dead_is_voided_and_its_late_answer_counts_for_nothing(
    office: Office, replica: Callable[[], Store]
) -> None:
    _proposal(office)
    slow, quick = Slow(), Slow()
    name = min(office.posts())
    late = threading.Event()

    def show(post: OutboxMessage) -> tuple[str, str]:
        late.wait(PATIENCE)
        return "late", "0.0"

    held = Slow()
    held.show = show  # type: ignore[method-assign]
    dying = threading.Thread(target=outbox.deliver, args=(replica(), held, office.clock, "dying"))
    dying.start()
    deadline = time.monotonic() + PATIENCE
    while not any(post.claimed_by for post in office.posts().values()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    [claimed] = [post.id for post in office.posts().values() if post.claimed_by]
    outbox.deliver(office.store, slow, office.clock, "alive")
    assert claimed not in slow.shown
    with office.store.write() as session:
        outbox.release_claims(session, lambda: {"alive"})
    outbox.deliver(office.store, quick, office.clock, "alive")
    assert quick.shown[claimed] == 1
    late.set()
    dying.join(PATIENCE)
    assert office.posts()[claimed].channel != "late"
    assert office.posts()[name].shown_version == office.posts()[name].wanted_version


def test_a_post_that_could_not_be_delivered_is_free_for_the_next_try(office: Office) -> None:
    _proposal(office)
    slow = Slow()
    slow.fail = len(office.posts())
    assert outbox.deliver(office.store, slow, office.clock, "one") == 0
    assert {post.claimed_by for post in office.posts().values()} == {""}
    assert outbox.deliver(office.store, slow, office.clock, "two") == 0
    office.clock.at += timedelta(seconds=11)
    assert outbox.deliver(office.store, slow, office.clock, "two") == len(office.posts())


def test_sealers_of_several_processes_make_one_chain(office: Office, replica: Callable[[], Store]) -> None:
    journals = [Journal(replica(), office.clock, b"s" * 32, Marks(b"m" * 32)) for _ in range(3)]

    def live(journal: Journal) -> None:
        for number in range(12):
            journal.note(f"action.{number}", HANDOVER, {})
            journal.seal()
            if number % 5 == 0:
                journal.sign()

    assert at_once(*[lambda journal=journal: live(journal) for journal in journals]) == [None] * 3
    found = proven(office.journal)
    assert found.ok, found.faults
    assert found.entries == found.sealed == 36
