"""Answers of connectors from other packages: what does not fit the contract is no answer, and never good."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from connectors import answers
from connectors.answers import checked
from connectors.contract import (
    CAPABILITIES,
    AccountId,
    Act,
    BeforeImage,
    Blocker,
    Blockers,
    Change,
    Duties,
    Duty,
    DutyAct,
    DutyId,
    DutyImage,
    DutyKind,
    Effect,
    ExportEvent,
    Licence,
    LicenceId,
    Locked,
    Login,
    Lookup,
    Manifest,
    Moved,
    MoveOrder,
    MoveOutcome,
    Observation,
    Person,
    RecordId,
    Subject,
    Verdict,
)
from connectors.errors import BadCredential, Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable
from tests.workflows.memory import MemoryCrm, MemoryDuties, MemoryTenant, NoSettings, World
from tests.workflows.office import Office
from workflows.systems.registry import System

DAY = datetime(2026, 1, 1, tzinfo=UTC)
U1, U2 = AccountId("u1"), AccountId("u2")
PERSON = Person("Ada", ("ada@x.example",))
ORDER = MoveOrder(RecordId("deal:1"), U1, U2)


def told(method: str, answer: Any, **more: Any) -> Any:
    """Return a checked connector of which one method returns, raises or runs this."""

    def planted(self: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer(self, *args) if callable(answer) else answer

    world = World("crm")
    world.user("u1", "ada@x.example")
    world.user("u2", "bob@x.example")
    world.record("deal:1", "u1")
    return checked(type("Planted", (MemoryCrm,), {method: planted, **more}), "acme 1.5")(world)  # type: ignore[call-arg]


def account(**change: Any) -> Any:
    return replace(told("close", None).find(PERSON).accounts[0], **change)


def test_a_connector_that_keeps_the_contract_is_believed() -> None:
    connector = told("close", None)
    assert [one.id for one in connector.find(PERSON).accounts] == [U1]
    assert connector.observe([U1, AccountId("x")])[U1].verdict is Verdict.OPEN
    before = connector.before(U1)
    assert connector.lock(before).change is Change.MADE
    assert connector.observe([U1])[U1].verdict is Verdict.LOCKED
    assert connector.unlock(before=before) is Change.MADE
    assert [record.id for record in connector.records(U1)] == ["deal:1"]
    assert connector.move([ORDER])[0].outcome is MoveOutcome.MOVED
    assert connector.tokens(U1) == []
    assert connector.client_base() == 1
    with pytest.raises(Missing):
        connector.before(AccountId("x"))


def test_the_header_stays_the_same() -> None:
    plain = Manifest("x", "X", MemoryCrm, NoSettings)
    assert replace(plain, connector=checked(MemoryCrm, "x")).capabilities == plain.capabilities
    assert set(plain.capabilities) < set(CAPABILITIES)


READS: dict[str, tuple[str, Any, tuple[Any, ...]]] = {
    "nothing": ("find", None, (PERSON,)),
    "a list of accounts": ("find", lambda *_: Lookup([account()], "mail"), (PERSON,)),  # type: ignore[arg-type]
    "a verdict as text": ("find", lambda *_: Lookup((account(verdict="locked"),), "mail"), (PERSON,)),
    "absent without a source": ("find", lambda *_: Lookup((), " "), (PERSON,)),
    "one account twice": ("find", lambda *_: Lookup((account(), account()), "mail"), (PERSON,)),
    "no id": ("find", lambda *_: Lookup((account(id=AccountId("")),), "mail"), (PERSON,)),
    "another's image": ("find", lambda *_: Lookup((account(before=BeforeImage(U2, {})),), "mail"), (PERSON,)),
    "an account not asked for": ("read", lambda *_: {U2: account(id=U2)}, ([U1],)),
    "an account under another id": ("read", lambda *_: {U1: account(id=U2)}, ([U1],)),
    "an image of another": ("before", BeforeImage(U2, {"active": "yes"}), (U1,)),
    "an image of numbers": ("before", BeforeImage(U1, {"active": 1}), (U1,)),  # type: ignore[dict-item]
    "minus one session": ("sessions", -1, (U1,)),
    "sessions as text": ("sessions", "0", (U1,)),
    "true is no number": ("sessions", True, (U1,)),
    "a count of nothing": ("count", {"deal": None}, (U1,)),
    "groups as text": ("groups", "staff", (U1,)),
    "tokens as texts": ("tokens", ["t1"], (U1,)),
    "an owner of another record": ("owners", {RecordId("deal:2"): U1}, ([RecordId("deal:1")],)),
    "no faults at all": ("owner_faults", {}, ([U1], [""], date(2026, 1, 1))),
    "a pool left out": ("owner_faults", {U1: {}}, ([U1], [""], date(2026, 1, 1))),
    "a line without words": ("check", None, ()),
    "blind spots as one text": ("blind_spots", "all of it", ()),
    "a head count of less than none": ("headcount", -5, ()),
    "a fault of its own": ("find", KeyError("dana@x.example"), (PERSON,)),
    "not written yet": ("check", NotImplementedError("write Acme.check"), ()),
}


@pytest.mark.parametrize("case", READS)
def test_a_read_against_the_contract_is_no_answer(case: str) -> None:
    method, answer, arguments = READS[case]
    with pytest.raises(Unavailable, match=rf"acme 1\.5 broke its contract in {method}") as caught:
        getattr(told(method, answer), method)(*arguments)
    assert "dana@x.example" not in str(caught.value)


WRITES: dict[str, tuple[str, Any, tuple[Any, ...]]] = {
    "nothing": ("lock", None, (BeforeImage(U1, {}),)),
    "a result as text": ("lock", Locked("made", Login.NOT_TRIED), (BeforeImage(U1, {}),)),  # type: ignore[arg-type]
    "a log-in as text": ("lock", Locked(Change.MADE, "refused"), (BeforeImage(U1, {}),)),  # type: ignore[arg-type]
    "true": ("unlock", True, (BeforeImage(U1, {}),)),
    "a fault": ("end", KeyError("u1"), (U1,)),
    "no outcome": ("move", [], ([ORDER],)),
    "another record's outcome": ("move", [Moved(RecordId("deal:2"), MoveOutcome.GONE, None)], ([ORDER],)),
    "moved to somebody else": ("move", [Moved(ORDER.record, MoveOutcome.MOVED, U1)], ([ORDER],)),
    "waits with the successor": ("move", [Moved(ORDER.record, MoveOutcome.WAITING, U2)], ([ORDER],)),
    "waits without an owner": ("move", [Moved(ORDER.record, MoveOutcome.WAITING, None)], ([ORDER],)),
    "objected and moved": ("move", [Moved(ORDER.record, MoveOutcome.OBJECTED, U2)], ([ORDER],)),
    "moved as text": ("move", [Moved(ORDER.record, "moved", U2)], ([ORDER],)),  # type: ignore[arg-type]
    "revoked as text": ("revoke", "made", (U1, "t")),
}


@pytest.mark.parametrize("case", WRITES)
def test_after_a_write_against_the_contract_the_outcome_is_unknown(case: str) -> None:
    method, answer, arguments = WRITES[case]
    with pytest.raises(OutcomeUnknown, match=r"acme 1\.5"):
        getattr(told(method, answer), method)(*arguments)


def test_a_malformed_read_within_a_write_leaves_the_outcome_unknown() -> None:
    def lock(self: Any, before: BeforeImage) -> Locked:
        self.read([before.account])  # after the write
        return Locked(Change.MADE, Login.NOT_TRIED)

    with pytest.raises(OutcomeUnknown):
        told("read", {U1: None}, lock=lock).lock(BeforeImage(U1, {}))


@pytest.mark.parametrize("error", [Unavailable("x"), BadCredential("x"), Forbidden("x"), Missing("x"), Conflict("x")])
def test_the_six_errors_pass(error: Exception) -> None:
    for method in ("before", "lock"):
        with pytest.raises(type(error)) as caught:
            getattr(told(method, error), method)(BeforeImage(U1, {}) if method == "lock" else U1)
        assert caught.value is error


OBSERVED: dict[str, Any] = {
    "left out": {},
    "a verdict as text": {U1: Observation("locked", "read")},  # type: ignore[arg-type]
    "a bare verdict": {U1: Verdict.LOCKED},
    "true": {U1: True},
    "locked without a source": {U1: Observation(Verdict.LOCKED, "")},
    "absent without a source": {U1: Observation(Verdict.ABSENT, " ")},
    "a bad record": ValueError("half a date"),
    "gone": Missing("u1"),
    "not written yet": NotImplementedError("write Acme.observe"),
}


@pytest.mark.parametrize("case", OBSERVED)
def test_a_malformed_observation_is_unknown(case: str) -> None:
    seen = told("observe", OBSERVED[case]).observe([U1])
    assert [(key, one.verdict) for key, one in seen.items()] == [(U1, Verdict.UNKNOWN)]
    assert seen[U1].reason


def test_one_bad_record_spoils_no_other() -> None:
    def observe(self: Any, accounts: list[AccountId]) -> dict[AccountId, Observation]:
        if U1 in accounts:
            raise ValueError
        return {one: Observation(Verdict.OPEN, "read") for one in accounts}

    seen = told("observe", observe).observe([AccountId(f"u{number}") for number in range(1, 9)])
    assert [one.verdict for one in seen.values()] == [Verdict.UNKNOWN] + [Verdict.OPEN] * 7
    for whole in (Unavailable("down"), Forbidden("accounts:read")):
        with pytest.raises(type(whole)):
            told("observe", whole).observe([U1, U2])


def test_an_answer_for_others_is_dropped() -> None:
    answer = {one: Observation(Verdict.LOCKED, "read") for one in (U1, U2)}
    assert set(told("observe", answer).observe([U1])) == {U1}


def test_a_stream_that_repeats_a_page_ends_by_an_error() -> None:
    one = next(iter(told("close", None).records(U1)))
    with pytest.raises(Unavailable, match="came twice"):
        list(told("records", lambda *_: cycle([one])).records(U1))


def test_a_stream_is_checked_item_by_item() -> None:
    def records(self: Any, owner: AccountId) -> Iterator[Any]:
        yield from MemoryCrm.records(self, owner)
        raise KeyError(owner)

    stream = told("records", records).records(U1)
    assert next(stream).id == "deal:1"
    with pytest.raises(Unavailable, match="KeyError"):
        next(stream)
    [mine] = told("close", None).records(U1)
    with pytest.raises(Unavailable, match="another owner"):
        list(told("records", lambda *_: [replace(mine, owner=U2)]).records(U1))
    with pytest.raises(Unavailable, match="value"):
        list(told("records", lambda *_: [replace(mine, value=1.5)]).records(U1))
    late = ExportEvent(datetime(2030, 1, 1, tzinfo=UTC), "ada", "deal", 1)
    with pytest.raises(Unavailable, match="outside the time"):
        list(told("exports", lambda *_: [late]).exports(U1, DAY, DAY.replace(month=2)))


def test_duties_are_checked_as_any_other_list() -> None:
    duty = Duty(DutyId("cron:1"), DutyKind.RUNS, "cron", "Nightly import")
    for answer, fault in (
        ([duty, duty], "came twice"),
        ([replace(duty, kind="runs")], "kind"),  # type: ignore[arg-type]
        ([replace(duty, stops="no")], "stops"),  # type: ignore[arg-type]
        (None, "TypeError"),
    ):
        kind = type("Planted", (MemoryCrm, Duties), {"duties": lambda *_, answer=answer: answer})
        with pytest.raises(Unavailable, match=fault):
            list(checked(kind, "acme 1.5")(World("crm")).duties(U1))  # type: ignore[call-arg,attr-defined]


def test_an_image_of_a_duty_says_why_an_act_is_not_offered() -> None:
    asked, every = DutyId("cron:1"), frozenset(DutyAct)
    for answer, fault in (
        (DutyImage(asked, U2, {}, every), "another duty"),
        (DutyImage(DutyId("cron:2"), U1, {}, every), "another duty"),
        (DutyImage(asked, U1, {}, frozenset({DutyAct.STOP}), " "), "without why"),
        (DutyImage(asked, U1, {}, {DutyAct.STOP}, "no"), "acts"),  # type: ignore[arg-type]
        (None, "answer"),
    ):
        kind = type("Planted", (MemoryDuties,), {"duty_image": lambda *_, answer=answer: answer})
        with pytest.raises(Unavailable, match=fault):
            checked(kind, "acme 1.5")(World("crm")).duty_image(U1, asked)  # type: ignore[call-arg,attr-defined]


def test_a_refusal_without_its_reason_is_no_answer() -> None:
    for answer, fault in (
        ([Blocker(Act.LOCK, " ")], "without its reason"),
        ([Blocker("lock", "no right")], "act"),  # type: ignore[arg-type]
        (None, "answer"),
    ):
        kind = type("Planted", (MemoryCrm, Blockers), {"blockers": lambda *_, answer=answer: answer})
        with pytest.raises(Unavailable, match=fault):
            checked(kind, "acme 1.5")(World("crm")).blockers(U1)  # type: ignore[call-arg,attr-defined]


def test_licences_are_checked_against_the_contract() -> None:
    seat = Licence(LicenceId("e3"), "E3")
    for answer, fault in (
        ([seat, seat], "came twice"),
        ([replace(seat, name=" ")], "without a name"),
        ([replace(seat, id=3)], "id"),  # type: ignore[arg-type]
        (3, "answer"),
    ):
        kind = type("Planted", (MemoryTenant,), {"licences": lambda *_, answer=answer: answer})
        with pytest.raises(Unavailable, match=fault):
            checked(kind, "acme 1.5")(World("crm")).licences(U1)  # type: ignore[call-arg,attr-defined]
    lying = type("Planted", (MemoryTenant,), {"reclaim": lambda *_: "made"})
    with pytest.raises(OutcomeUnknown):
        checked(lying, "acme 1.5")(World("crm")).reclaim(U1, LicenceId("e3"))  # type: ignore[call-arg,attr-defined]


def test_a_fault_of_what_never_raises_claims_least() -> None:
    broken = told("close", RuntimeError("x"))
    broken.close()
    assert told("has_limitation", RuntimeError("x")).has_limitation("Acme cannot end sessions.")
    assert told("has_effect", RuntimeError("x")).has_effect(Effect(Act.LOCK, Subject.GROUPS, "They vanish."))
    assert told("connections", RuntimeError("x")).connections() is None
    assert told("connections", lambda *_: object()).connections() is None
    [said] = told("shortfalls", RuntimeError("x")).shortfalls()
    assert "acme 1.5" in said


def test_a_call_that_never_returns_is_no_answer_and_ends_the_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "DEADLINE", 0.05)
    monkeypatch.setattr(answers, "MOST_HUNG", 2)
    go_on, asked = threading.Event(), list[str]()

    def hang(name: str) -> Any:
        def wait(*_: object) -> None:
            asked.append(name)
            go_on.wait(60)

        return wait

    connector = told("read", hang("read"), observe=hang("observe"), lock=hang("lock"))
    with pytest.raises(Unavailable, match=r"acme 1\.5 gave no answer within"):
        connector.observe([U1, U2])
    with pytest.raises(OutcomeUnknown, match="no answer within"):
        connector.lock(BeforeImage(U1, {}))
    with pytest.raises(Unavailable, match="have not returned"):
        connector.read([U1])
    assert asked == ["observe", "lock"]
    go_on.set()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(Unavailable):
            connector.before(U1)
            break
    assert connector.before(U1).account == U1


def test_an_exit_of_the_package_ends_nothing() -> None:
    with pytest.raises(Unavailable, match="SystemExit"):
        told("find", SystemExit(3)).find(PERSON)
    assert told("observe", SystemExit(3)).observe([U1])[U1].verdict is Verdict.UNKNOWN


LIES: dict[str, tuple[str, Any]] = {
    "a verdict as text": ("observe", lambda self, ids: {one: Observation("locked", "read") for one in ids}),  # type: ignore[arg-type]
    "the lock's own word": ("lock", lambda self, before: Verdict.LOCKED),
    "not written yet": ("observe", NotImplementedError("write it")),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_case_never_shows_it_locked(tmp_path: Path, lie: str) -> None:
    method, answer = LIES[lie]
    connector = told(method, answer)
    connector.world.user("u9", "dana@x.example")
    app = System("app", Manifest("acme", "Acme", type(connector), NoSettings), connector)
    office = Office(tmp_path, app)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    lines = {line.system: line for line in office.offboarding.case(case_id).systems}
    assert lines["app"].verdict is Verdict.UNKNOWN
    assert lines["directory"].verdict is Verdict.LOCKED
    office.store.close()
