"""The sentences that workflows make are in the language of the moment; programs go by none of them."""

import gettext
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from config import text
from config.text import STORED
from connectors.contract import AccountId
from tests.marking import FULL_WIDTH, MARKING, Data, use_marking_catalogue
from tests.marking import marked as in_full_width
from tests.workflows.office import DANA, HR, Office
from tests.workflows.stage import APPROVER, BOB, Stage, crm
from workflows.access.account_state import ENDED, TOKEN, AccountData
from workflows.access.manual_step import StepData
from workflows.access.restoration import ended
from workflows.access.restriction import RestrictionData
from workflows.business_days import BusinessDays
from workflows.exports.figures import ExportFigures, ExportWindow, unread
from workflows.people import Successor
from workflows.storage.rows.access import ManualStep, Restriction
from workflows.storage.vault import Vault
from workflows.systems.effects import LOCKED
from workflows.tampering import acts

OPENS, SHUTS = "⟦", "⟧"


class Marking(gettext.NullTranslations):
    """A language in which every message is as in English, between marks."""

    def gettext(self, message: str) -> str:
        return f"{OPENS}{message}{SHUTS}"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    plain = text._catalogue
    monkeypatch.setattr(text, "_catalogue", lambda locale: Marking() if locale == "xx" else plain(locale))
    with text.language("xx"):
        yield


def _bare(words: str) -> str:
    """Return the letters outside of every mark: what no catalogue could translate."""
    depth, left = 0, ""
    for letter in words:
        depth += (letter == OPENS) - (letter == SHUTS)
        left += letter if depth == 0 and letter.isalpha() else ""
    return left


@pytest.mark.usefixtures("marked")
def test_the_plan_is_in_the_language_of_who_asks(office: Office) -> None:
    office.crm.user("crm-dana2", DANA.email, login="dana2")
    plan = office.offboarding.plan(DANA)
    said = [words for one in plan.systems for words in (*one.does, *one.cannot, one.problem) if words]
    assert len(said) > 4
    assert any("a person must choose" in words for words in said)
    assert [words for words in said if _bare(words)] == []
    office.crm.down = True
    assert next(one.problem for one in office.offboarding.plan(DANA).systems if one.problem).startswith(OPENS)
    office.directory.users.clear()
    warnings = office.offboarding.plan(DANA).warnings
    assert warnings
    assert all(OPENS in words for words in warnings)


@pytest.mark.usefixtures("marked")
def test_what_a_lock_out_did_and_why_not_is_in_that_language_and_the_journal_in_english(office: Office) -> None:
    office.crm.down = True
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    lines = {line.system: line for line in office.offboarding.case(case_id).systems}
    assert lines["crm"].reason.startswith(f"{OPENS}not reachable{SHUTS}")
    done = lines["directory"].accounts[0].done
    assert len(done) > 2
    assert [words for words in done if _bare(words)] == []
    with office.store.read() as session:
        actions = [act.data for act in acts(office.context, session, case_id, "access.%")]
    assert actions
    assert OPENS not in str(actions)


@pytest.mark.usefixtures("marked")
def test_an_account_is_offered_for_choice_in_every_language(office: Office) -> None:
    office.crm.user("crm-dana2", DANA.email, login="dana2")
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    with text.language("en"):
        [line] = [one for one in office.offboarding.case(case_id).systems if one.system == "crm"]
    assert line.reason.startswith("CHOOSE THE ACCOUNT")
    assert line.choose


def test_what_a_lock_out_did_in_english_is_read_in_another_language(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.crm.down = True
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    use_marking_catalogue(monkeypatch)
    with text.language(MARKING):
        lines = {line.system: line for line in office.offboarding.case(case_id).systems}
    data = Data(words=("is", "down", "directory", "crm", "all", "staff", "sales"))
    assert data.left(lines["crm"].reason) == []
    assert "not reachable" not in lines["crm"].reason
    assert len(lines["directory"].accounts[0].done) > 2
    assert [words for words in lines["directory"].accounts[0].done if data.left(words)] == []
    english = {line.system: line for line in office.offboarding.case(case_id).systems}
    assert english["crm"].reason.startswith("not reachable: ")
    assert "1 session ended" in english["directory"].accounts[0].done


@pytest.mark.usefixtures("marked")
def test_an_undo_knows_what_was_ended_whatever_the_words_were(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    with text.language("en"):
        office.offboarding.undo(case_id, HR, "a mistake")
        office.work("undo")
        [restored] = [one for one in office.offboarding.case(case_id).restored if one.system == "crm"]
    assert "the sessions that were ended: sign in again" in restored.cannot


def test_marks_tell_what_was_done_whatever_the_words_say() -> None:
    done = AccountData("dana", "mail").plus("zablokowane", LOCKED).plus("sesje", ENDED).plus("token a", f"{TOKEN} a")
    assert done.locked
    assert len(ended(done)) == 2
    assert not AccountData("dana", "mail", done=("was locked already",)).locked


def test_a_name_that_looks_like_a_mark_is_no_mark() -> None:
    group = AccountData("dana", "mail").plus("taken out of group sessions ended", "")
    assert not group.locked
    assert group.marks == ()


def _shows_marks(words: str) -> bool:
    """Return whether all letters except those of data went through the catalogue."""
    return bool(words) and not Data(words=("crm", "EUR")).left(words)


@pytest.fixture
def full_width(monkeypatch: pytest.MonkeyPatch) -> None:
    use_marking_catalogue(monkeypatch)


@pytest.mark.usefixtures("full_width")
def test_what_the_client_track_stored_is_read_in_the_readers_language_and_journalled_in_english(tmp_path: Path) -> None:
    """Rows and sealed data are written in English here, and read by somebody with another language."""
    zed = Successor("ghost@x.example", "Ｚｅｄ", "ghost@x.example", "U0ZED")
    bob = replace(BOB, name="Ｂｏｂ")
    world = crm()
    stage = Stage(tmp_path, world.system(), successors=(bob, zed), approver=replace(APPROVER, name="Ｍａｘ"))
    world.users[AccountId("bob")].active = False
    stage.tick()
    with text.language(MARKING):
        [problem] = stage.clients().problems
    assert _shows_marks(problem)
    assert problem != stage.clients().problems[0] == "crm: none of the successors has an active account here"
    assert "none of the successors" in str(stage.journalled("book.put_off"))

    world.users[AccountId("bob")].active = True
    stage.time.pass_(hours=1)
    stage.tick()
    with text.language(MARKING):
        proposal = stage.proposal()
    assert _shows_marks(proposal.why)
    assert _shows_marks(proposal.note)
    assert stage.proposal().note == "Ｚｅｄ gets nothing in crm: no account there"

    stage.approve()
    world.users[AccountId("bob")].active = False
    stage.tick()
    with text.language(MARKING):
        shown = stage.clients()
        notes = {line.note for line in stage.lines() if line.note}
    assert notes
    assert all(_shows_marks(words) for words in (*notes, *shown.problems))
    assert "the successor's account there is locked" in {line.note for line in stage.lines()}
    assert not any(STORED in words for words in (*notes, *shown.problems, *shown.balance))
    assert STORED not in str(stage.journalled("book.put_off")) + str(stage.journalled("clients.moved"))


@pytest.mark.usefixtures("full_width")
def test_why_a_record_stays_is_read_in_the_readers_language_and_is_no_difference(tmp_path: Path) -> None:
    world = crm()
    world.fix("opportunity:001", text._("changed since then"))
    stage = Stage(tmp_path, world.system())
    stage.tick()
    stage.approve()
    stage.tick()
    clients = stage.clients()
    assert (clients.complete, clients.staying, clients.differing) == (True, 1, ())
    assert "1 stays with the leaver: changed since then (1)" in clients.balance[0]
    with text.language(MARKING):
        [balance] = stage.clients().balance
    assert balance.endswith(in_full_width("changed since then") + " (1)")


def test_what_was_restored_and_asked_by_hand_is_read_in_the_readers_language(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are written in English here, in an undo, a restriction, a step by hand, a follow-up and an audit."""
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.offboarding.undo(case_id, HR, "a mistake")
    office.work("undo")
    use_marking_catalogue(monkeypatch)
    with text.language(MARKING):
        restored = office.offboarding.case(case_id).restored
    data = Data(words=("all", "staff", "sales"))
    said = [words for one in restored for words in (*one.back, *one.cannot, one.problem) if words]
    assert len(said) > 2
    assert [words for words in said if data.left(words)] == []
    english = [words for one in office.offboarding.case(case_id).restored for words in (*one.back, *one.cannot)]
    assert "the sessions that were ended: sign in again" in english
    assert not any(STORED in words for words in english)


def test_data_of_a_row_keeps_sentences_for_every_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(b"m" * 32)
    key = vault.new_key()
    said = text._("{name} cannot do it: {why}").format(name="Ｍａｘ", why="ｎｏ")
    step = StepData(problem=said)
    sealed = step.seal(vault, key, "s")
    again = StepData.of(vault, key, ManualStep(id="s", case_id="c", system="badge", sealed=sealed))
    restricted = RestrictionData(problem=said)
    row = Restriction(id="r", case_id="c", system="crm", sealed=restricted.seal(vault, key, "r"))
    kept = RestrictionData.of(vault, key, row)
    now = datetime(2026, 12, 1, tzinfo=UTC)
    figures = ExportFigures(ExportWindow(now, now), (unread("crm", said),))
    line = ExportFigures.load(figures.dump()).lines[0]
    use_marking_catalogue(monkeypatch)
    with text.language(MARKING):
        for problem in (again.problem, kept.problem, line.problem):
            assert text.shown(problem) == f"Ｍａｘ {'cannot do it'.translate(FULL_WIDTH)}: ｎｏ"


@pytest.mark.parametrize(
    ("country", "locale", "name"),
    [
        ("PL", "pl-PL", "Narodowe Święto Niepodległości"),
        ("PL", "ru", "National Independence Day"),
        ("PL", "en", "National Independence Day"),
        ("PL", "xx", "National Independence Day"),
    ],
)
def test_a_holiday_has_its_name_in_the_readers_language_if_there_is_one(country: str, locale: str, name: str) -> None:
    with text.language(locale):
        assert BusinessDays(time(17), country=country).holiday(date(2026, 11, 11)) == name


@pytest.mark.parametrize(("locale", "name"), [("zh-TW", "中華民國開國紀念日"), ("zh-CN", "中华民国开国纪念日")])
def test_chinese_holidays_are_in_the_readers_script(locale: str, name: str) -> None:
    with text.language(locale):
        assert BusinessDays(time(17), country="TW").holiday(date(2026, 1, 1)) == name
