"""One-time codes: each counts once, few are tried, and nobody enrols or resets anybody unseen."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from config.text import shown
from tests.enrolled import PERIOD, App, ForwardClock, enrol
from tests.workflows.tables import lay_out
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.storage.enrolments import TRIES, Enrolments
from workflows.storage.journal import Journal
from workflows.storage.marks import Marks
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.watch import Finding, FindingKind
from workflows.storage.store import Store
from workflows.storage.vault import Vault

KEY = b"k" * 32
SAM, EVA = Actor("slack:U0SAM", "Sam", "sam@x.example"), Actor("slack:U0EVA", "Eva", "eva@x.example")
MAX = Actor("cli:max", "max")
ROOT = Actor("cli:root", "root", terminal=True)


class Desk:
    """Enrolments of one replica, with the clock of all of them."""

    def __init__(self, url: str, clock: ForwardClock | None = None) -> None:
        self.clock = clock or ForwardClock()
        self.store = Store(url, Vault(KEY))
        lay_out(self.store)
        self.known = Enrolments(
            self.store, Vault(KEY), Journal(self.store, self.clock, KEY, Marks(b"m" * 32)), self.clock, "Handover X"
        )

    def enrol(self, person: Actor, by: Actor | None = None) -> App:
        return enrol(self.known, person, self.clock.now(), by)

    def refused(self, code: str, person: Actor = SAM) -> Code:
        with pytest.raises(Refused) as caught:
            self.known.prove(person.id, code)
        return caught.value.code

    def journalled(self, action: str) -> list[dict[str, object]]:
        with self.store.read() as session:
            return [
                json.loads(one) for one in session.exec(select(JournalEntry.data).where(JournalEntry.action == action))
            ]

    def findings(self) -> list[Finding]:
        with self.store.read() as session:
            return [one for one in session.exec(select(Finding)) if one.closed_at is None]


@pytest.fixture
def desk(url: str) -> Desk:
    return Desk(url)


def wrong(app: App, desk: Desk) -> str:
    """Return a code that is not right in any period that counts."""
    right = {app.code(desk.clock.now() + timedelta(seconds=PERIOD * step)) for step in (-2, -1, 0, 1, 2)}
    return next(code for code in map(str, range(100000, 100010)) if code not in right)


def test_a_code_proves_its_person_once(desk: Desk) -> None:
    app = desk.enrol(SAM)
    code = app.code(desk.clock.now())
    person = desk.known.prove(SAM.id, f"{code[:3]} {code[3:]}")
    assert (person.id, person.name, person.email, person.vouched_by) == (SAM.id, "Sam", "sam@x.example", "")
    assert desk.refused(code) is Code.USED_CODE
    desk.clock.next_period()
    assert desk.refused(code) is Code.USED_CODE, "within the tolerance, too"
    assert desk.known.prove(SAM.id, app.code(desk.clock.now())).id == SAM.id


def test_an_older_code_does_not_count_after_a_newer_one(desk: Desk) -> None:
    app = desk.enrol(SAM)
    early = app.code(desk.clock.now())
    desk.known.prove(SAM.id, app.code(desk.clock.now() + timedelta(seconds=PERIOD)))
    assert desk.refused(early) is Code.USED_CODE


@pytest.mark.parametrize(("periods", "counts"), [(-2, False), (0, True), (1, True), (2, False)])
def test_a_clock_may_differ_by_one_period(desk: Desk, periods: int, counts: bool) -> None:
    app = desk.enrol(SAM)
    desk.clock.at += timedelta(hours=1)
    code = app.code(desk.clock.now() + timedelta(seconds=PERIOD * periods))
    if counts:
        assert desk.known.prove(SAM.id, code).id == SAM.id
    else:
        assert desk.refused(code) is Code.WRONG_CODE


def test_the_first_code_is_used_up_by_the_enrolment(desk: Desk) -> None:
    app = App.of(desk.known.offer(SAM, SAM))
    code = app.code(desk.clock.now())
    assert desk.refused(code) is Code.NOT_ENROLLED, "an offer is no enrolment"
    desk.known.confirm(SAM.id, code, SAM)
    assert desk.refused(code) is Code.USED_CODE


def test_of_many_replicas_one_accepts_a_code(url: str, desk: Desk) -> None:
    app = desk.enrol(SAM)
    code, replicas = app.code(desk.clock.now()), [Desk(url, desk.clock) for _ in range(4)]

    def give(replica: Desk) -> str:
        try:
            return replica.known.prove(SAM.id, code).id
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(give, replicas)) == [SAM.id, *[Code.USED_CODE] * 3]


def test_guessing_ends_after_a_few_codes_and_each_round_pauses_longer(desk: Desk) -> None:
    app = desk.enrol(SAM)
    for minutes in (15, 30):
        for left in reversed(range(TRIES)):
            assert desk.refused(wrong(app, desk)) is (Code.WRONG_CODE if left else Code.TOO_MANY_CODES)
        desk.clock.at += timedelta(minutes=minutes, seconds=-1)
        assert desk.refused(app.code(desk.clock.now())) is Code.TOO_MANY_CODES, "not even the right one"
        desk.clock.at += timedelta(seconds=1)
    assert desk.known.prove(SAM.id, app.code(desk.clock.now())).id == SAM.id
    assert [one["failures"] for one in desk.journalled("code.refused")] == list(range(1, 2 * TRIES + 1))
    assert desk.refused(wrong(app, desk)) is Code.WRONG_CODE, "a right code ends the count"


def reason(desk: Desk) -> str:
    [finding] = [one for one in desk.findings() if one.kind == FindingKind.CODES_GUESSED]
    with desk.store.read() as session:
        return shown(desk.known._findings.note(session, finding).reason)


def test_guesses_are_a_finding_and_the_right_code_after_them_says_so(desk: Desk) -> None:
    app = desk.enrol(SAM)
    desk.enrol(EVA)
    for _ in range(TRIES - 1):
        desk.refused(wrong(app, desk))
    assert desk.findings() == []
    desk.refused(wrong(app, desk))
    assert "5 wrong codes within a day, so somebody may be guessing" in reason(desk)
    assert [one.account_id for one in desk.findings()] != [""], "the finding is about one person"
    desk.clock.at += timedelta(minutes=15)
    assert desk.known.prove(SAM.id, app.code(desk.clock.now())).guesses == TRIES
    assert "and then a right one" in reason(desk)
    desk.clock.at += timedelta(days=1)
    assert desk.known.prove(SAM.id, app.code(desk.clock.now())).guesses == 0
    assert "and then a right one" in reason(desk), "time alone closes nothing"
    desk.known.reset(SAM.id, EVA)
    desk.clock.at += timedelta(minutes=2)
    again = desk.enrol(SAM)
    assert desk.findings() == [], "the secret that was guessed at is no more"
    desk.clock.at += timedelta(minutes=2)
    assert desk.known.prove(SAM.id, again.code(desk.clock.now())).guesses == 0


def test_guesses_between_right_codes_count_together(desk: Desk) -> None:
    app = desk.enrol(SAM)
    for _ in range(2):
        for _ in range(3):
            assert desk.refused(wrong(app, desk)) is Code.WRONG_CODE
        desk.clock.at += timedelta(hours=1)
        desk.known.prove(SAM.id, app.code(desk.clock.now()))
    assert "6 wrong codes within a day, and then a right one" in reason(desk)


def test_every_replica_counts_the_same_guesses(url: str, desk: Desk) -> None:
    app = desk.enrol(SAM)
    replicas = [Desk(url, desk.clock) for _ in range(TRIES)]
    assert [one.refused(wrong(app, desk)) for one in replicas][-1] is Code.TOO_MANY_CODES
    assert "5 wrong codes" in reason(desk)


@pytest.mark.parametrize(
    "code", ["", "0", "12345", "1234567", "abcdef", "-1", "None", "\u0661\u0662\u0663\u0664\u0665\u0666"]
)
def test_what_is_no_code_is_wrong(desk: Desk, code: str) -> None:
    desk.enrol(SAM)
    assert desk.refused(code) is Code.WRONG_CODE


def test_a_code_proves_nobody_else(desk: Desk) -> None:
    sam, _eva = desk.enrol(SAM), desk.enrol(EVA)
    assert desk.refused(sam.code(desk.clock.now()), EVA) is Code.WRONG_CODE
    assert desk.refused(sam.code(desk.clock.now()), MAX) is Code.NOT_ENROLLED


def test_secret_and_name_are_sealed_in_the_rows_and_bound_to_them(desk: Desk) -> None:
    app, _eva = desk.enrol(SAM), desk.enrol(EVA)
    with desk.store.write() as session:
        rows = session.connection().exec_driver_sql("select * from enrolment").fetchall()
        whole = repr([list(row) for row in rows])
        assert not any(secret in whole for secret in (app.secret, "sam@x.example", "U0SAM", "Sam"))
        ids = [row[0] for row in rows]
        session.execute(  # the secret of one person in the row of the other
            sa.text(
                "update enrolment set sealed = (select sealed from enrolment where id = :a), "
                "wrapped_key = (select wrapped_key from enrolment where id = :a) where id = :b"
            ),
            {"a": ids[0], "b": ids[1]},
        )
    with pytest.raises(Exception, match="sealed under another key"):
        desk.known.people()


def test_people_are_found_by_id_and_address_alone(desk: Desk) -> None:
    desk.enrol(SAM)
    for who in ("U0SAM", "slack:U0SAM", "Sam@x.example"):
        found = desk.known.find(who)
        assert found is not None
        assert found.id == SAM.id
    for who in ("Sam", "", "@x.example"):
        assert desk.known.find(who) is None


# -- who enrols whom


def test_the_first_person_enrols_alone_and_no_second_one(desk: Desk) -> None:
    offered = App.of(desk.known.offer(SAM, ROOT, alone=True))
    late = App.of(desk.known.offer(MAX, ROOT, alone=True))  # offered before anybody was enrolled
    assert desk.known.confirm(SAM.id, offered.code(desk.clock.now()), ROOT).vouched_by == "cli:root"
    for alone in (
        lambda: desk.known.confirm(MAX.id, late.code(desk.clock.now()), ROOT),
        lambda: desk.known.offer(MAX, ROOT, alone=True),
    ):
        with pytest.raises(Refused) as caught:
            alone()
        assert caught.value.code is Code.NEEDS_VOUCHER
    assert [one.id for one in desk.known.people()] == [SAM.id]
    assert desk.findings() == [], "a first enrolment is no finding"


def test_all_who_were_enrolled_by_one_hand_count_as_one_human(desk: Desk) -> None:
    first = App.of(desk.known.offer(SAM, ROOT, alone=True))
    sam = desk.known.confirm(SAM.id, first.code(desk.clock.now()), ROOT).actor("")
    desk.enrol(EVA, by=sam)
    eva = next(one for one in desk.known.people() if one.id == EVA.id).actor("")
    desk.enrol(MAX, by=eva)
    max_ = next(one for one in desk.known.people() if one.id == MAX.id).actor("")
    for one, other in ((sam, eva), (eva, max_), (sam, max_), (max_, ROOT)):
        assert one.may_be(other)
        assert other.may_be(one)
    desk.enrol(Actor("slack:U0LI", "Li"))
    li = desk.known.find("U0LI")
    assert li is not None
    assert not any(li.actor("cli:root").may_be(one) for one in (sam, eva, max_))
    assert li.actor("cli:root").may_be(ROOT), "a code in root's session may be root's own"


def test_an_enrolment_is_not_replaced(desk: Desk) -> None:
    app = desk.enrol(SAM)
    with pytest.raises(Refused) as caught:
        desk.known.offer(SAM, SAM)
    assert caught.value.code is Code.ALREADY_ENROLLED
    assert desk.known.prove(SAM.id, app.code(desk.clock.now())).id == SAM.id


def test_a_reset_needs_a_second_person_and_ends_the_old_codes(desk: Desk) -> None:
    app = desk.enrol(SAM)
    for same in (SAM, Actor("cli:sam", "sam"), Actor("slack:U0EVA", "Eva", enrolled_by=SAM.id)):
        with pytest.raises(Refused) as caught:
            desk.known.reset(SAM.id, same)
        assert caught.value.code is Code.SECOND_PERSON
    desk.known.reset(SAM.id, EVA)
    assert desk.refused(app.code(desk.clock.now())) is Code.NOT_ENROLLED
    assert desk.findings() == []
    desk.clock.at += timedelta(minutes=2)
    again = desk.enrol(SAM)
    assert again.secret != app.secret
    assert desk.refused(app.code(desk.clock.now())) is Code.WRONG_CODE


def test_root_alone_resets_with_a_finding_that_ends_when_the_person_enrols_again(desk: Desk) -> None:
    desk.enrol(SAM)
    desk.known.reset(SAM.id, ROOT, alone=True)
    [finding] = desk.findings()
    assert (finding.kind, finding.seen_by) == (FindingKind.CODES_RESET, "cli:root")
    desk.clock.at += timedelta(minutes=2)
    alone = App.of(desk.known.offer(SAM, ROOT, alone=True))
    desk.known.confirm(SAM.id, alone.code(desk.clock.now()), ROOT)
    assert len(desk.findings()) == 1, "enrolled by root alone is no end of it"
    desk.known.reset(SAM.id, EVA)
    desk.clock.at += timedelta(minutes=2)
    desk.enrol(SAM)
    assert desk.findings() == []
    assert [one["alone"] for one in desk.journalled("enrolment.reset")] == [True, False]


def test_deleted_rows_make_no_quiet_first_enrolment(desk: Desk) -> None:
    desk.enrol(SAM)
    with desk.store.write() as session:
        session.execute(sa.text("delete from enrolment"))
    alone = App.of(desk.known.offer(MAX, ROOT, alone=True))
    desk.known.confirm(MAX.id, alone.code(desk.clock.now()), ROOT)
    assert [one.kind for one in desk.findings()] == [FindingKind.CODES_RESET]


def test_a_kill_after_a_code_leaves_it_used(desk: Desk, tmp_path: Path) -> None:
    app = desk.enrol(SAM)
    code = app.code(desk.clock.now())
    desk.known.prove(SAM.id, code)
    desk.store.close()  # the act never begins
    later = Desk(desk.store.url, desk.clock)
    assert later.refused(code) is Code.USED_CODE


# Rows changed by another hand


def _row(desk: Desk) -> dict[str, object]:
    with desk.store.read() as session:
        return dict(session.execute(sa.text("select * from enrolment")).mappings().one())


def _forge(desk: Desk, **values: object) -> None:
    with desk.store.write() as session:
        named = ", ".join(f"{name} = :{name}" for name in values)
        session.execute(sa.text(f"update enrolment set {named}"), values)


def test_codes_that_were_reset_do_not_count_again_by_an_old_row(desk: Desk) -> None:
    """Somebody stole the phone; the codes were reset, and the row of before is written back."""
    stolen = desk.enrol(SAM)
    old = _row(desk)
    desk.known.reset(SAM.id, EVA)
    _forge(desk, sealed=old["sealed"])
    desk.clock.next_period()
    assert desk.refused(stolen.code(desk.clock.now())) is Code.NOT_ENROLLED
    assert FindingKind.TAMPERED in {row.kind for row in desk.findings()}


def test_an_older_secret_does_not_count_after_a_new_enrolment(desk: Desk) -> None:
    stolen = desk.enrol(SAM)
    old = _row(desk)
    desk.known.reset(SAM.id, EVA)
    desk.clock.next_period()
    desk.enrol(SAM)
    _forge(desk, sealed=old["sealed"])
    desk.clock.next_period()
    assert desk.refused(stolen.code(desk.clock.now())) is Code.NOT_ENROLLED


def test_a_used_code_does_not_count_again_by_an_old_row(desk: Desk) -> None:
    app = desk.enrol(SAM)
    desk.clock.next_period()
    code = app.code(desk.clock.now())
    desk.known.prove(SAM.id, code)
    _forge(desk, last_step=0)
    assert desk.refused(code) is Code.USED_CODE


def test_wrong_codes_are_counted_though_the_row_forgets_them(desk: Desk) -> None:
    app = desk.enrol(SAM)
    for _try in range(TRIES):
        desk.refused(wrong(app, desk))
        _forge(desk, failures=0, locked_until=None)
    assert desk.refused(app.code(desk.clock.now())) is Code.TOO_MANY_CODES
