"""Clients after a handover: words and histories, reports on their days, and nothing unseen taken for good."""

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import select

from connectors.contract import AccountId, RecordId
from connectors.errors import Forbidden, Unavailable
from tests.workflows.memory import Killed, MemoryCrm, MemorySales, World
from tests.workflows.stage import BOB, CAROL, CASE, DANA, EVE, HANNA, Stage, crm
from workflows.clients.stayed.views import ClientStay, Fate, StayReport
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import mail_key, slack_key
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import ClientAnswer, ClientCheck, ClientWord
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.work_state import WorkState

BOB_SAYS, CAROL_SAYS = Actor("slack:U0BOB", "Bob Ross"), Actor("slack:U0CAROL", "Carol Díaz")
YEAR = timedelta(days=365)


class Handed:
    """A case whose clients were handed over to Bob and Carol, one deal a client."""

    def __init__(self, folder: Path, kind: type = MemorySales, *, clients: int = 6) -> None:
        self.world = World("crm")
        for user in ("dana", "bob", "carol", "zed"):
            self.world.user(user, f"{user}@x.example")
        for n in range(clients):
            self.world.record(f"opportunity:{n}", "dana", family=f"party:{n}", value=1000 + n, name=f"Deal {n}")
        self.stage = Stage(folder, self.world.system(kind))
        self.stage.tick()
        self.stage.approve()
        self.stage.tick()
        self.moved_at = self.stage.time.now()
        assert self.stage.book().state == WorkState.DONE

    @property
    def checks(self) -> dict[int, ClientCheck]:
        with self.stage.store.read() as session:
            return {row.day: row for row in session.exec(select(ClientCheck))}

    def posts(self, kind: str) -> dict[str, OutboxMessage]:
        return {post.channel: post for post in self.stage.posts().values() if post.kind == kind}

    def day(self, day: float) -> None:
        """Go to a day after the moves, and do what is due then."""
        self.stage.time.at = self.moved_at + timedelta(days=day)
        self.work()

    def work(self) -> None:
        for row in self.checks.values():
            if row.state == WorkState.DUE and row.due_at <= self.stage.time.now():
                self.stage.handover.stay_checks.run(row.id)

    def report(self, day: int = 7) -> StayReport:
        return self.stage.handover.stay_checks.report(f"{CASE}:{day}")

    def now(self) -> StayReport:
        return self.stage.handover.stay_checks.now(CASE)[0]

    def fates(self) -> dict[str, Fate]:
        return {one.id: one.fate for one in self.stage.handover.stay_checks.now(CASE)[1]}

    def call(self, n: int, by: str | None = "bob", at: datetime | None = None) -> None:
        """Let somebody log a call with client n."""
        who = AccountId(by) if by else None
        self.world.contacts.setdefault(RecordId(f"opportunity:{n}"), []).append((at or self.stage.time.now(), who))

    def lose(self, n: int, *, lost: bool = True, at: datetime | None = None) -> None:
        self.world.ended[RecordId(f"opportunity:{n}")] = (at or self.stage.time.now(), lost)

    def successor(self, n: int) -> Successor:
        clients = self.stage.handover.stay_checks.now(CASE)[1]
        return next(one.successor for one in clients if one.id == f"party:{n}")

    def speaker(self, n: int) -> Actor:
        who = self.successor(n)
        return Actor(f"slack:{who.slack_id}", who.name)

    def say(self, n: int, word: ClientWord, by: Actor | None = None) -> bool:
        return self.stage.handover.answers.give(CASE, "crm", f"party:{n}", word, by or self.speaker(n))


@pytest.fixture
def handed(tmp_path: Path) -> Handed:
    return Handed(tmp_path)


def code(act: Callable[[], object]) -> Code:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.code


def test_the_report_counts_words_contacts_silence_and_losses_on_day_7(handed: Handed) -> None:
    handed.day(1)
    handed.call(0)
    handed.say(1, ClientWord.CONTACTED)
    handed.say(2, ClientWord.OBJECTS)
    handed.say(3, ClientWord.NOT_REACHED)
    handed.lose(2)
    handed.lose(4, lost=False)
    assert handed.posts("stayed") == {}
    handed.day(7)
    report = handed.report()
    assert report.fates == {Fate.CONTACTED: 2, Fate.OBJECTS: 1, Fate.NOT_REACHED: 1, Fate.SILENT: 2}
    assert (report.clients, report.lost, report.ended, report.lost_value) == (6, 1, 2, {"EUR": Decimal(1002)})
    assert report.whole
    assert set(handed.posts("stayed")) == {"U0MAX", "U0HANNA"}


def test_there_is_one_report_for_each_day_and_none_before(handed: Handed) -> None:
    assert {day: row.due_at - handed.moved_at for day, row in handed.checks.items()} == {
        0: timedelta(days=5),
        7: timedelta(days=7),
        30: timedelta(days=30),
        90: timedelta(days=90),
    }
    for day in (7, 30, 90, 91):
        handed.day(day - 0.01)
        handed.day(day)
        handed.work()
    sent = [post for post in handed.stage.posts().values() if post.kind == "stayed"]
    assert len(sent) == 6
    assert {post.wanted_version for post in sent} == {1}
    assert [row.state for row in handed.checks.values()] == [WorkState.DONE] * 4


def test_a_second_click_is_one_word_and_another_word_replaces_it(handed: Handed) -> None:
    assert handed.say(0, ClientWord.NOT_REACHED)
    assert not handed.say(0, ClientWord.NOT_REACHED)
    assert len(handed.stage.journalled("clients.answered")) == 1
    assert handed.say(0, ClientWord.CONTACTED)
    [entry, newest] = handed.stage.journalled("clients.answered")
    assert '"contacted"' in newest.data
    assert entry.actor == newest.actor == f"slack:{handed.successor(0).slack_id}"
    with handed.stage.store.read() as session:
        [row] = session.exec(select(ClientAnswer)).all()
    assert b"contacted" not in row.sealed
    assert handed.fates()["party:0"] is Fate.CONTACTED


def test_only_the_successor_their_stand_in_and_hr_may_answer(handed: Handed) -> None:
    mine, other = handed.speaker(0), CAROL_SAYS if handed.successor(0) == BOB else BOB_SAYS
    for stranger in (other, EVE, Actor("cli:nobody", "", terminal=True)):
        assert code(lambda by=stranger: handed.say(0, ClientWord.CONTACTED, by)) == Code.NOT_ALLOWED  # type: ignore[misc]
    assert code(lambda: handed.say(0, ClientWord.CONTACTED, DANA)) == Code.OWN_CASE
    assert handed.fates()["party:0"] is Fate.SILENT
    now, eve = handed.stage.time.now(), "U0EVE"
    handed.stage.handover.delegations.make(mine.slack_id, eve, now, now + timedelta(days=3), HANNA)
    assert handed.say(0, ClientWord.CONTACTED, EVE)
    handed.stage.time.pass_(days=4)
    assert code(lambda: handed.say(0, ClientWord.OBJECTS, EVE)) == Code.NOT_ALLOWED
    assert handed.say(0, ClientWord.OBJECTS, HANNA)


def test_a_client_that_nobody_has_cannot_be_answered_for(handed: Handed) -> None:
    assert code(lambda: handed.say(77, ClientWord.CONTACTED, HANNA)) == Code.UNKNOWN_CLIENT
    handed.stage.handover.put_backs.begin(CASE, HANNA)
    handed.stage.handover.put_backs.run(f"{CASE}:crm")
    assert code(lambda: handed.say(0, ClientWord.CONTACTED, HANNA)) == Code.UNKNOWN_CLIENT


def test_what_was_before_the_move_is_no_contact(handed: Handed) -> None:
    handed.call(0, at=handed.moved_at - timedelta(minutes=1))
    assert handed.fates()["party:0"] is Fate.SILENT


def test_contact_by_the_leaver_by_handover_or_by_nobody_is_not_known(handed: Handed) -> None:
    handed.world.user("svc", "svc@x.example", login="svc-handover")
    handed.world.bot = "svc-handover"
    handed.call(0, "dana")
    handed.call(1, "svc")
    handed.call(2, None)
    handed.call(3, "zed")
    found = handed.fates()
    assert [found[f"party:{n}"] for n in range(5)] == [
        Fate.UNKNOWN,
        Fate.UNKNOWN,
        Fate.UNKNOWN,
        Fate.CONTACTED,
        Fate.SILENT,
    ]


def test_a_system_that_does_not_record_contacts_gives_no_silence(handed: Handed) -> None:
    handed.world.unseen_contacts = "no calls are recorded"
    handed.call(0)
    handed.say(1, ClientWord.CONTACTED)
    report = handed.now()
    assert report.fates == {Fate.CONTACTED: 2, Fate.UNKNOWN: 4}
    assert report.unknown == ("CRM: no calls are recorded",)


def test_a_crm_without_any_history_gives_words_alone(tmp_path: Path) -> None:
    handed = Handed(tmp_path, MemoryCrm)
    handed.say(0, ClientWord.CONTACTED)
    handed.day(7)
    report = handed.report()
    assert report.fates == {Fate.CONTACTED: 1, Fate.UNKNOWN: 5}
    assert report.deals_unknown == ("CRM",)
    assert not report.whole


def test_a_record_that_is_gone_is_not_silent(handed: Handed) -> None:
    del handed.world.records[RecordId("opportunity:0")]
    assert handed.fates()["party:0"] is Fate.UNKNOWN


def test_currencies_are_not_added_up_and_earlier_losses_are_none(handed: Handed) -> None:
    record = RecordId("opportunity:1")
    handed.world.records[record] = replace(handed.world.records[record], currency="USD")
    handed.lose(0)
    handed.lose(1)
    handed.lose(2, at=handed.moved_at - timedelta(days=1))
    report = handed.now()
    assert (report.lost, report.lost_value) == (2, {"EUR": Decimal(1000), "USD": Decimal(1001)})


def test_a_deal_that_had_ended_before_the_handover_is_not_counted(tmp_path: Path) -> None:
    world = crm(records=2)
    world.record("opportunity:900", "dana", family="party:0", value=9, open=False)
    stage = Stage(tmp_path, world.system(MemorySales))
    for _ in range(2):
        stage.tick()
        stage.proposals() and stage.proposal().state == "pending" and stage.approve()
    stage.tick()
    world.ended[RecordId("opportunity:900")] = (stage.time.now(), True)
    assert stage.handover.stay_checks.now(CASE)[0].lost == 0


def test_the_usual_loss_is_that_of_the_same_days_a_year_before(handed: Handed) -> None:
    for n, (days, lost) in enumerate(((3, True), (4, False), (6.9, True), (-1, True), (8, True))):
        handed.world.ended[RecordId(f"old:{n}")] = (handed.moved_at - YEAR + timedelta(days=days), lost)
    handed.day(7)
    [usual] = handed.report().usual
    assert (usual.ended, usual.lost) == (3, 2)


def test_a_rate_that_cannot_be_read_is_not_known_and_holds_nothing_up(handed: Handed) -> None:
    handed.world.fail("loss_rate", Forbidden("no reports"), times=9)
    handed.day(7)
    [usual] = handed.report().usual
    assert usual.ended is None
    assert "no reports" in usual.unknown
    assert handed.report().whole


def test_a_dead_crm_puts_the_report_off_and_then_it_says_what_is_not_known(handed: Handed) -> None:
    handed.say(0, ClientWord.CONTACTED)
    handed.world.down = True
    handed.day(7)
    assert handed.posts("stayed") == {}
    assert handed.checks[7].state == WorkState.DUE
    handed.day(7.5)
    assert handed.posts("stayed") == {}
    handed.day(8.1)
    report = handed.report()
    assert report.fates == {Fate.CONTACTED: 1, Fate.UNKNOWN: 5}
    assert report.deals_unknown == ("CRM",)
    assert len(handed.posts("stayed")) == 2


def test_a_crm_that_answers_again_within_the_day_is_read(handed: Handed) -> None:
    handed.world.fail("activities", Unavailable("down"))
    handed.day(7)
    assert handed.checks[7].state == WorkState.DUE
    handed.day(7.2)
    assert handed.report().fates == {Fate.SILENT: 6}


def test_a_kill_sends_one_report(handed: Handed) -> None:
    handed.world.fail("activities", Killed(), done=True)
    with pytest.raises(Killed):
        handed.day(7)
    again = handed.stage.start()
    again.stay_checks.run(f"{CASE}:7")
    again.stay_checks.run(f"{CASE}:7")
    assert len(handed.posts("stayed")) == 2
    assert {post.wanted_version for post in handed.posts("stayed").values()} == {1}
    assert len([one for one in handed.stage.journalled("clients.checked") if '"day": 7' in one.data]) == 1


def test_an_older_attempt_does_not_settle_a_newer_one(handed: Handed) -> None:
    def overtake() -> None:
        handed.world.before_call.clear()
        with handed.stage.store.write() as session:
            session.get_one(ClientCheck, f"{CASE}:7").attempt += 1

    handed.stage.time.pass_(days=7)
    handed.world.before_call["activities"] = overtake
    handed.stage.handover.stay_checks.run(f"{CASE}:7")
    assert handed.checks[7].state == WorkState.DUE
    assert handed.posts("stayed") == {}


def test_successors_are_reminded_once_of_clients_without_contact(handed: Handed) -> None:
    bobs = [n for n in range(6) if handed.successor(n) == BOB]
    for n in bobs:
        handed.say(n, ClientWord.CONTACTED)
    handed.day(5)
    handed.day(6)
    reminded = handed.posts("unmarked")
    assert set(reminded) == {"U0CAROL"}
    view = handed.stage.handover.stay_checks.reminder(reminded["U0CAROL"].subject)
    assert (view.successor, view.clients, view.without_contact) == (CAROL, 6 - len(bobs), 6 - len(bobs))
    assert view.report_at == handed.moved_at + timedelta(days=7)
    handed.day(90)
    assert {post.wanted_version for post in handed.posts("unmarked").values()} == {1}


def test_nobody_is_reminded_if_every_client_was_contacted(handed: Handed) -> None:
    for n in range(6):
        handed.call(n)
    handed.day(5)
    assert handed.posts("unmarked") == {}


def test_clients_that_went_back_are_out(handed: Handed) -> None:
    handed.say(0, ClientWord.OBJECTS)
    handed.stage.handover.put_backs.begin(CASE, HANNA, "party:0")
    handed.stage.handover.put_backs.run(f"{CASE}:crm")
    handed.day(7)
    assert handed.report().fates == {Fate.SILENT: 5}


def test_nothing_is_reported_once_all_went_back(handed: Handed) -> None:
    handed.stage.handover.put_backs.begin(CASE, HANNA)
    handed.stage.handover.put_backs.run(f"{CASE}:crm")
    handed.day(90)
    assert {row.state for row in handed.checks.values()} == {WorkState.CANCELLED}
    assert not handed.posts("stayed")
    assert not handed.posts("unmarked")
    assert code(handed.now) == Code.NOTHING_HANDED_OVER


def test_a_word_about_an_earlier_handover_does_not_count_after_a_new_one(handed: Handed) -> None:
    handed.say(0, ClientWord.CONTACTED)
    with handed.stage.store.write() as session:
        line = handed.stage.rows()["opportunity:0"]
        line = session.merge(line)
        line.moved_at = handed.stage.time.now() + timedelta(hours=1)
    assert handed.fates()["party:0"] is Fate.SILENT


def test_the_clients_of_a_successor_who_has_left_are_named_as_such(handed: Handed) -> None:
    gone = handed.successor(0)
    vault, stage = handed.stage.vault, handed.stage
    with stage.store.write() as session:
        first = session.get_one(Case, CASE)
        values = {name: getattr(first, name) for name in type(first).model_fields}
        other = Case(**values | {"id": "c2", "leaver_key": "k2", "state": CaseState.WATCHED})
        other.mail_key, other.slack_key = mail_key(vault, gone.email), slack_key(vault, gone.slack_id)
        session.add(other)
    handed.day(5)
    assert gone.slack_id not in handed.posts("unmarked")
    handed.day(7)
    [name] = handed.report().left or {}
    assert name == gone.name
    clients = stage.handover.stay_checks.now(CASE)[1]
    assert {one.successor for one in clients if one.successor_left} == {gone}
    assert code(lambda: handed.say(0, ClientWord.CONTACTED, Actor(f"slack:{gone.slack_id}", ""))) == Code.NO_STANDING


def test_the_page_and_the_file_show_clients_without_contact_with_words_given_since(handed: Handed) -> None:
    handed.call(0)
    handed.lose(1)
    handed.day(7)
    checks = handed.stage.handover.stay_checks
    found, total = checks.page(f"{CASE}:7", 0, 3)
    assert (len(found), total) == (3, 5)
    assert [one.name for one in checks.page(f"{CASE}:7", 0, 9, "party:4")[0]] == ["Client party:4"]
    handed.say(5, ClientWord.CONTACTED)
    assert checks.page(f"{CASE}:7", 0, 9)[1] == 4
    assert handed.report().fates[Fate.SILENT] == 5, "a report stays as it was told"
    rows = {row["id"]: row for row in csv.DictReader(checks.csv(f"{CASE}:7"))}
    assert len(rows) == 6
    assert (rows["party:0"]["state"], rows["party:5"]["answer"]) == ("contacted", "contacted")
    assert rows["party:1"]["lost deals"].startswith("Deal 1 1001")


def test_a_successor_finds_their_own_clients_and_nobody_elses(handed: Handed) -> None:
    notes = {one.successor.key: one.id for one in handed.stage.handover.notes.of_case(CASE)}
    answers = handed.stage.handover.answers
    bobs, total = answers.of_note(notes[BOB.key], 0, 2)
    assert len(bobs) == min(2, total)
    assert all(one.successor == BOB for one in answers.of_note(notes[BOB.key], 0, 99)[0])
    assert answers.of_note(notes[BOB.key], 0, 99, bobs[0].name)[1] == 1
    assert answers.may_mark(notes[BOB.key], "U0BOB")
    assert not answers.may_mark(notes[BOB.key], "U0CAROL")
    assert not answers.may_mark(notes[BOB.key], "")
    assert [one.id for one in answers.find(CASE, "party:3")] == ["party:3"]
    assert len(answers.find(CASE, "client")) == 6


def test_later_moves_put_the_checks_off_and_done_ones_stay(handed: Handed) -> None:
    handed.day(7)
    with handed.stage.store.write() as session:
        handed.stage.handover.stay_checks.plan(session, CASE)
    checks = handed.checks
    assert checks[7].state == WorkState.DONE
    assert checks[30].due_at == handed.stage.time.now() + timedelta(days=30)


def test_a_cancelled_case_is_not_reported(handed: Handed) -> None:
    handed.stage.change(lambda case: setattr(case, "state", CaseState.CLOSED))
    handed.day(90)
    assert not handed.posts("stayed")


def test_a_lying_row_of_a_word_is_no_word(handed: Handed) -> None:
    """A hand with access to the database alone cannot say that a client was contacted."""
    handed.say(0, ClientWord.CONTACTED)
    with handed.stage.store.write() as session:
        row = session.get_one(ClientAnswer, f"{CASE}:crm:party:0")
        forged = ClientAnswer(id=f"{CASE}:crm:party:1", case_id=CASE, at=row.at, by=row.by, sealed=row.sealed)
        session.add(forged)
    found: list[ClientStay] = []
    with pytest.raises(Exception, match="key"):
        found = handed.stage.handover.stay_checks.now(CASE)[1]
    assert found == []
