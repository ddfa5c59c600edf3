"""A proposal by client: pages and search, edits of many at once, staying with a reason, a file that changes it."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import select

from connectors.errors import Unavailable
from tests.workflows.memory import World
from tests.workflows.office import Office
from tests.workflows.stage import BOB, CAROL, CASE, DANA, EVE, MAX, Stage, crm
from workflows.clients.proposals import listing, records, search
from workflows.clients.split.assignment_file import InvalidAssignmentFile
from workflows.clients.views import ClientLine, ProposalView
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.rows.clients import AssignmentState, Exclusion, LineNames, ProposalState


@pytest.fixture
def world() -> World:
    return crm()


@pytest.fixture
def stage(tmp_path: Path, world: World) -> Stage:
    made = Stage(tmp_path, world.system())
    made.tick()
    return made


def refusal(act: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value


def clients(stage: Stage, search: str = "") -> list[ClientLine]:
    """Return the clients found, in the order of their ids."""
    found, _total = stage.handover.proposals.client_page(stage.proposal().id, 0, 1000, search)
    return sorted(found, key=lambda one: one.client_id)


def share_sums(view: ProposalView) -> dict[str, tuple[int, int, Decimal, int]]:
    return {
        share.successor.key: (share.families, share.records, share.value.get("EUR", Decimal(0)), share.deals)
        for share in view.shares
    }


def counted(stage: Stage) -> dict[str, tuple[int, int, Decimal, int]]:
    """The shares as the lines themselves add up."""
    found: dict[str, tuple[int, int, Decimal, int]] = {}
    for one in clients(stage):
        f, r, v, d = found.get(one.successor.key, (0, 0, Decimal(0), 0))
        found[one.successor.key] = (f + 1, r + one.records, v + one.value.get("EUR", Decimal(0)), d + one.deals)
    return found


def assign(stage: Stage, key: str, *lines: str) -> ProposalView:
    shown = stage.proposal()
    return stage.assign(shown.id, shown.digest, dict.fromkeys(lines, key), MAX)


def exclude(stage: Stage, reason: str, *lines: str) -> ProposalView:
    shown = stage.proposal()
    return stage.exclude(shown.id, shown.digest, lines, reason, MAX)


def upload(stage: Stage, text: str | bytes) -> ProposalView:
    shown = stage.proposal()
    content = text if isinstance(text, bytes) else text.encode()
    return stage.upload(shown.id, shown.digest, content, MAX)


def faults(stage: Stage, text: str | bytes) -> list[tuple[int, str]]:
    before = stage.proposal()
    with pytest.raises(InvalidAssignmentFile) as caught:
        upload(stage, text)
    assert stage.proposal() == before  # nothing is half taken
    return [(one.line, one.what) for one in caught.value.faults]


@pytest.mark.parametrize("column", ["address", "id"])
def test_a_column_that_stands_twice_is_refused_and_not_guessed(stage: Stage, column: str) -> None:
    """The second “address” was ignored without a word, so that nobody knew which of them counted."""
    twice = f"id,address,{column}\nopportunity:000,bob@x.example,carol@x.example\n"
    assert faults(stage, twice) == [(1, f"has the column “{column}” twice: leave the one that counts")]


def test_pages_have_every_client_once_whole(stage: Stage) -> None:
    first, total = stage.handover.proposals.client_page(stage.proposal().id, 0, 4)
    rest, _ = stage.handover.proposals.client_page(stage.proposal().id, 4, 4)
    assert total == 6
    every = first + rest
    assert sorted(one.client_id for one in every) == [f"party:{n}" for n in range(6)]
    assert [one.value["EUR"] for one in every] == sorted((one.value["EUR"] for one in every), reverse=True)
    assert every[0].value != every[-1].value, "the order shows"
    assert [(one.records, one.deals) for one in first] == [(2, 2)] * 4
    assert share_sums(stage.proposal()) == counted(stage)


def test_a_book_too_large_to_open_whole_is_listed_by_id(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BY_VALUE", 3)
    page, total = stage.handover.proposals.client_page(stage.proposal().id, 2, 2)
    assert ([one.client_id for one in page], total) == (["party:2", "party:3"], 6)


def test_a_search_finds_clients_by_any_word_and_opens_no_line(stage: Stage) -> None:
    opened: list[str] = []
    opener = stage.vault.opener

    def counting(wrapped: bytes) -> Callable[[bytes, str], object]:
        unseal = opener(wrapped)

        def count(sealed: bytes, context: str) -> object:
            opened.append(context.partition(":")[0])
            return unseal(sealed, context)

        return count

    stage.vault.opener = counting  # type: ignore[method-assign]
    assert [one.client_id for one in clients(stage, "CLIENT PARTY:3")] == ["party:3"]
    assert [one.client_id for one in clients(stage, "opportunity:011")] == ["party:5"]
    assert {one.successor.key for one in clients(stage, "bob")} == {BOB.key}
    assert clients(stage, "nothing like it") == []
    assert stage.handover.proposals.lines(stage.proposal().id, 0, 5, "client party:3")[1] == 2
    assert opened == ["names"] * 5
    assign(stage, BOB.key, *[one.id for one in clients(stage, "carol")])
    assert clients(stage, "carol") == []


@pytest.mark.parametrize("few", [0, 20_000])
def test_words_of_a_client_and_of_its_successor_are_found_together(
    stage: Stage, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    every = clients(stage)
    bobs, carols = ([one.client_id for one in every if one.successor == who] for who in (BOB, CAROL))
    assert [one.client_id for one in clients(stage, f"{bobs[0]} bob")] == bobs[:1]
    assert clients(stage, f"{carols[0]} bob") == []
    assert [one.client_id for one in clients(stage, "party: ross")] == bobs
    assert [one.client_id for one in clients(stage, "Díaz CAROL@x.example")] == carols
    assert [one.client_id for one in clients(stage, "x.example")] == [one.client_id for one in every]
    page, total = stage.handover.proposals.client_page(stage.proposal().id, 2, 2, "client")
    assert ([one.client_id for one in page], total) == (["party:2", "party:3"], 6)
    lines, number = stage.handover.proposals.lines(stage.proposal().id, 1, 3, "deal")
    assert ([one.record_id for one in lines], number) == ([f"opportunity:{n:03}" for n in (1, 2, 3)], 12)


def test_a_book_that_was_read_in_part_keeps_no_names_of_that_time(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "CHUNK", 4)
    stage = Stage(tmp_path, world.system())
    world.record("opportunity:odd", "dana", family="party:odd", name="Two\nlines\u2028of text")
    world.fail("record", Unavailable("cut off"), skip=9)
    stage.tick()
    stage.settle()
    assert [one.client_id for one in clients(stage, "two text")] == ["party:odd"]
    proposal = stage.proposal()
    stage.decide(proposal.id, proposal.digest, MAX, approve=False)
    stage.retry()
    stage.tick()
    assert stage.proposal().version == 2
    assert [one.client_id for one in clients(stage, "odd")] == ["party:odd"]
    with stage.store.read() as session:
        assert not session.exec(select(LineNames).where(LineNames.draft_id != sa.null())).all()
        assert len(session.exec(select(LineNames)).all()) == 8  # four for each time the book was read to its end


def test_nothing_searchable_is_kept_at_rest(stage: Stage, tmp_path: Path) -> None:
    clients(stage, "client")
    assert not any(b"client party" in path.read_bytes().lower() for path in tmp_path.iterdir() if path.is_file())


def test_clients_change_hands_whole_in_a_new_version(stage: Stage) -> None:
    old = stage.proposal()
    given = [one.id for one in clients(stage) if one.successor == CAROL]
    new = assign(stage, BOB.key, *given)
    assert (new.version, new.state) == (2, ProposalState.PENDING)
    assert new.digest != old.digest
    assert {one.successor for one in clients(stage)} == {BOB}
    assert share_sums(new) == counted(stage) == {BOB.key: (6, 12, Decimal(12066), 12)}
    assert refusal(lambda: stage.assign(old.id, old.digest, {given[0]: BOB.key}, MAX)).code == (Code.STALE_PROPOSAL)
    assert refusal(lambda: assign(stage, BOB.key, given[0])).code == Code.NOTHING_CHANGED


@pytest.mark.parametrize(
    ("key", "line", "code"),
    [
        ("eve@x.example", f"{CASE}:crm:opportunity:000", Code.UNKNOWN_SUCCESSOR),
        (BOB.key, "c1:crm:opportunity:999", Code.UNKNOWN_RECORD),
    ],
)
def test_what_is_not_in_the_proposal_changes_nothing(stage: Stage, key: str, line: str, code: Code) -> None:
    before = stage.proposal()
    assert refusal(lambda: assign(stage, key, line)).code == code
    assert stage.proposal() == before


def test_only_who_decides_edits(stage: Stage) -> None:
    shown, line = stage.proposal(), clients(stage)[0].id
    for by, code in ((EVE, Code.NOT_APPROVER), (DANA, Code.LEAVER_DECIDES)):
        assert refusal(lambda b=by: stage.assign(shown.id, shown.digest, {line: BOB.key}, b)).code == code  # type: ignore[misc]
        assert refusal(lambda b=by: stage.exclude(shown.id, shown.digest, [line], "no", b)).code == code  # type: ignore[misc]
        assert refusal(lambda b=by: stage.upload(shown.id, shown.digest, b"\xff", b)).code == code  # type: ignore[misc]


def test_what_stays_keeps_its_reason_and_is_explained_to_the_end(stage: Stage, world: World) -> None:
    new = exclude(stage, "frozen until the lawsuit ends", f"{CASE}:crm:opportunity:000")
    assert (new.records, new.families) == (10, 5)
    assert [(one.reason, one.by, one.clients, one.records) for one in new.kept] == [
        ("frozen until the lawsuit ends", "Max Weber", 1, 2)
    ]
    assert share_sums(new) == counted(stage)
    stage.approve()
    stage.settle(3)
    assert world.owned("dana") == {"opportunity:000", "opportunity:001"}
    track = stage.clients()
    assert track.complete
    assert (track.listed, track.moved, track.left, track.kept[0].records) == (10, 10, 0, 2)
    assert track.balance == (
        "crm, opportunity: 12 before, 12 after; 2 stay with the leaver: frozen until the lawsuit ends (2)",
    )
    assert stage.rows()["opportunity:000"].state == AssignmentState.KEPT
    assert len(stage.journalled("clients.kept")) == 1


def test_what_stays_is_not_asked_again_when_the_book_is_listed_again(stage: Stage) -> None:
    exclude(stage, "no", f"{CASE}:crm:opportunity:000")
    shown = stage.proposal()
    stage.decide(shown.id, shown.digest, MAX, approve=False, reason="x")
    stage.retry()
    stage.settle(2)
    assert {one.client_id for one in clients(stage)} == {f"party:{n}" for n in range(1, 6)}


def test_staying_needs_a_reason_and_something_to_decide_on(stage: Stage) -> None:
    every = [one.id for one in clients(stage)]
    assert refusal(lambda: exclude(stage, "  ", every[0])).code == Code.NEEDS_REASON
    assert refusal(lambda: exclude(stage, "no", *every)).code == Code.EMPTY_PROPOSAL
    with stage.store.read() as session:
        assert session.exec(select(Exclusion)).all() == []


def two_books(path: Path) -> tuple[Stage, World]:
    """A stage on which all of the second book stays by a person's wish, before its system was asked again."""
    one, two = crm("crm"), crm("erp", records=2)
    stage = Stage(path, one.system(), two.system())
    stage.tick()
    exclude(stage, "elsewhere", f"{CASE}:erp:opportunity:000")
    return stage, two


def test_a_book_of_which_all_stays_is_done_once_its_system_has_counted(tmp_path: Path) -> None:
    stage, _erp = two_books(tmp_path)
    assert stage.book("erp").phase == "list"
    shown = stage.proposal()
    stage.tick()
    assert stage.book("erp").phase == "done"
    assert [json.loads(one.data)["left"] for one in stage.journalled("clients.done")] == [{"opportunity": 2}]
    assert stage.book("crm").phase == "decide"
    assert stage.proposal() == shown


def test_what_comes_to_a_book_of_which_all_stays_is_asked(tmp_path: Path) -> None:
    stage, erp = two_books(tmp_path)
    erp.record("opportunity:new", "dana", family="party:new")
    stage.tick()
    assert stage.book("erp").phase == "decide"
    assert stage.rows()["opportunity:new"].state == AssignmentState.PROPOSED


def downloaded(stage: Stage) -> list[list[str]]:
    return list(csv.reader(stage.handover.proposals.csv(stage.proposal().id)))


def written(rows: list[list[str]], **how: str) -> str:
    text = io.StringIO()
    csv.writer(text, **how).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()


def test_the_file_comes_back_changed(stage: Stage) -> None:
    rows = downloaded(stage)
    place = rows[0].index("address")
    moved = next(row for row in rows[1:] if row[place] == CAROL.email)
    for row in rows[1:]:
        if row[1] == moved[1]:
            row[place] = BOB.email.upper()
    new = upload(stage, "\ufeff" + written(rows, delimiter=";"))
    assert new.version == 2
    assert share_sums(new) == counted(stage)
    assert next(one for one in clients(stage) if one.client_id == moved[1]).successor == BOB
    assert sum(one.successor == CAROL for one in clients(stage)) == 2


def test_a_file_that_says_what_is_so_already_changes_nothing(stage: Stage) -> None:
    assert refusal(lambda: upload(stage, written(downloaded(stage)))).code == Code.NOTHING_CHANGED


def test_names_that_a_spreadsheet_would_run_find_their_client(tmp_path: Path) -> None:
    world = World("crm")
    for user in ("dana", "bob", "carol"):
        world.user(user, f"{user}@x.example")
    for n, name in enumerate(("=HYPERLINK(1)", "'quoted", "@SUM(1)", "plain")):
        world.record(f"opportunity:{n}", "dana", family=f"party:{n}", family_name=name)
    stage = Stage(tmp_path, world.system())
    stage.tick()
    rows = downloaded(stage)
    assert rows[1][2] == "'=HYPERLINK(1)"
    keep = [rows[0].index(name) for name in ("client", "address")]
    for row in rows[1:]:
        row[keep[1]] = BOB.email
    upload(stage, written([[row[place] for place in keep] for row in rows]))
    assert {one.successor for one in clients(stage)} == {BOB}


def test_a_file_of_an_older_version_changes_nothing(stage: Stage) -> None:
    old = downloaded(stage)
    place = old[0].index("address")
    assert {row[old[0].index("version")] for row in old[1:]} == {"1"}
    new = [[*row] for row in old]
    for row in new[1:]:
        row[place] = BOB.email
    assert upload(stage, written(new)).version == 2
    for row in old[1:]:
        row[place] = CAROL.email
    [(line, said)] = faults(stage, written(old))
    assert line == 2
    assert "is of version 1, and the proposal is at version 2 now" in said
    assert {one.successor for one in clients(stage)} == {BOB}


def test_one_of_the_lines_of_a_client_moves_nothing_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path, crm().system(), strategy="single")
    stage.tick()
    rows = downloaded(stage)
    place = rows[0].index("address")
    lines = [row for row in rows[1:] if row[1] == rows[1][1]]
    assert len(lines) > 1
    lines[-1][place] = CAROL.email
    assert any("a client stays whole" in said for _, said in faults(stage, written(rows)))
    for row in lines:
        row[place] = CAROL.email
    assert upload(stage, written(rows)).version == 2


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('client id,address\n"party:0,bob@x.example\nparty:1,bob@x.example\n', 2, "cannot be read as CSV"),
        ('client id,address\nparty:1,bob@x.example\nparty:0,"bob@x.example\n', 3, "cannot be read as CSV"),
        ("client id,client,address\nparty:0,Doe, Inc,bob@x.example\n", 2, "more cells than the heading"),
        ("client id,client,address\nparty:1,A,bob@x.example\nparty:0,Do", 3, "ends before the column"),
        ("client id,address\nparty:0,eve@x.example\n", 2, "eve@x.example is no successor"),
        ("client id,address\nparty:0,bob@x.example\n\nparty:0,bob@x.example\n", 4, "names the same as line 2"),
        ("client id,address\nparty:99,bob@x.example\n", 2, "names no client"),
        ("client id,address\nparty:0,Bob Ross\n", 2, "not an e-mail address"),
        ("client id,address\n,bob@x.example\n", 2, "names neither"),
        ("client id,address\nparty:0,=cmd|'/C calc'!A0\n", 2, "not an e-mail address"),
        ("name,who\nA,B\n", 1, "no heading"),
        ("", 0, "empty"),
        ("client id,address\nparty:0,\n", 0, "no line names a successor"),
        ("client,address\nРомашка,bob@x.example\n".encode("windows-1251"), 2, "not UTF-8"),
        (b"client id,address\nparty:0,bob\0@x.example\n", 2, "not text"),
        (b"client id,address\n" + b"x" * (10 * 2**20), 2, "cannot be read as CSV"),
        (b"x" * (21 * 2**20), 0, "at most 20"),
    ],
)
def test_a_bad_file_is_refused_by_line(stage: Stage, text: str | bytes, line: int, said: str) -> None:
    found = faults(stage, text)
    assert [at for at, _ in found] == [line]
    assert said in found[0][1]


def test_all_faults_are_told_at_once_whether_the_file_or_the_book_shows_them(stage: Stage) -> None:
    text = (
        "client id,address\nparty:0,eve@x.example\nparty:1,Bob Ross\nparty:99,bob@x.example\n"
        "party:2,bob@x.example\nparty:2,carol@x.example\n"
    )
    found = faults(stage, text)
    assert [at for at, _ in found] == [2, 3, 4, 6]
    for (_, said), words in zip(
        found, ("no successor", "not an e-mail", "names no client", "same as line 5"), strict=True
    ):
        assert words in said


def test_two_lines_may_not_tear_a_client_apart(tmp_path: Path) -> None:
    zed = Successor("zed@x.example", "Zed", "zed@x.example")
    stage = Stage(tmp_path, crm().system(), successors=(BOB, CAROL, zed), strategy="single")
    stage.tick()
    text = "id,address\nopportunity:000,carol@x.example\nopportunity:001,zed@x.example\n"
    assert faults(stage, text) == [
        (3, "gives a client to zed@x.example that line 2 gives to carol@x.example: a client stays whole")
    ]
    upload(stage, "sep=;\r\nid;address\r\nopportunity:000;carol@x.example\r\nopportunity:001;CAROL@x.example\r\n")
    assert [one.successor for one in clients(stage)] == [CAROL, *[BOB] * 5]


def test_a_follow_up_finds_nothing_unexplained_where_a_person_let_clients_stay(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for n in range(4):
        office.crm.record(f"deal:{n}", "crm-dana", family=f"party:{n}")
    case = office.offboarding.open(office.request())
    office.work("revoke", "book")
    view = office.offboarding.case(case).clients
    assert view is not None
    assert view.proposal is not None
    by = Actor("slack:U0MAX", "Max")
    number = office.handover.edits.exclude(view.proposal.id, view.proposal.digest, [f"{case}:crm:deal:2"], "frozen", by)
    shown = office.handover.proposals.view(number)
    office.handover.decisions.decide(shown.id, shown.digest, by, approve=True)
    for _ in range(3):
        office.work("book", "exports")
    assert office.crm.owned("crm-dana") == {"deal:2"}
    office.clock.pass_(days=1, hours=1)
    office.work("follow_up")
    assert [one.kind for one in office.offboarding.case(case).findings] == []
    office.crm.record("deal:9", "crm-dana", family="party:9")
    office.clock.pass_(days=6)
    office.work("follow_up")
    assert [one.kind for one in office.offboarding.case(case).findings] == ["owns records"]
