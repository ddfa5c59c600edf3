"""Lines of the server's log, read without a server; the lines are real ones."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from connectors.errors import Unavailable
from connectors.tryton import log

HEAD = "2026-07-22 05:57:05,819 INFO trytond.protocols.dispatcher sale.opportunity."
WHO = " from alice@127.0.0.1/crm/rpc/ in 3 ms\n"
FULL = f"{HEAD}export_data([1, 2, 3], ['number', 'party/name'], False, {{'company': 1}}){WHO}"
ELIDED = f"{HEAD}export_data([1, 2, 3, 4, 5, ...], ['number'], False, {{'company': 1}}){WHO}"
DOMAIN = f"{HEAD}export_data_domain([['employee', '=', 3]], ['number'], 0, None, None, ...){WHO}"
THREE = frozenset({"opportunity:1", "opportunity:2", "opportunity:3"})
FAILED = FULL.replace("INFO", "ERROR")
REFUSED = FULL + "Traceback (most recent call last):\n  File 'x', line 1\nAccessError: no\n"
SERVED = (
    "2026-07-22 05:57:05,820 INFO trytond.wsgi <JSONRequest {}127.0.0.1 'http://127.0.0.1:8000/crm/rpc/' [POST] "
    "model.sale.opportunity.export_data> in 5 ms\n"
)


def read(*lines: str, login: str = "alice", user: int = 7) -> list[log.Export]:
    return list(log.exports("".join(lines).splitlines(keepends=True), UTC, login, user))


@pytest.mark.parametrize(
    ("line", "records", "ids"), [(FULL, 3, THREE), (ELIDED, None, frozenset()), (DOMAIN, None, frozenset())]
)
def test_the_number_is_what_the_line_proves(line: str, records: int | None, ids: frozenset[str]) -> None:
    [export] = read(line)
    event = log.event(export, "alice")
    assert (event.records, event.record_ids, event.actor) == (records, ids, "alice")
    assert "number" in event.detail


@pytest.mark.parametrize("text", [FAILED, REFUSED, "", FULL.replace("export", "read"), FULL[:-8]])
def test_what_is_no_export_is_none(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    "form", [FULL.replace(",819 INFO", ",819 [7] INFO"), FULL.replace("dispatcher", "x"), FULL[24:]]
)
def test_an_export_in_a_line_of_another_form_is_not_taken_for_none(form: str) -> None:
    with pytest.raises(Unavailable, match="2 lines about exports by alice"):
        read(FULL, form, form)
    assert read(form.replace("alice", "bob")) == []


def test_a_refusal_takes_only_the_line_before_it() -> None:
    assert len(read(FULL, REFUSED, FULL)) == 2


def test_times_are_in_the_logs_own_zone() -> None:
    [export] = log.exports([FULL], ZoneInfo("Europe/Berlin"), "alice", 7)
    assert export.at == datetime(2026, 7, 22, 3, 57, 5, 819000, tzinfo=UTC)


def test_the_proven_id_counts_and_not_the_name() -> None:
    mallory = SERVED.format("9@")
    assert read(FULL, mallory) == []
    assert len(read(FULL.replace("alice", "bob"), SERVED.format("7@"))) == 1
    assert len(read(FULL, SERVED.format("7@"))) == 1


def test_two_calls_at_once_are_told_apart() -> None:
    bob = FULL.replace("alice", "bob").replace("[1, 2, 3]", "[4]")
    ours, theirs = SERVED.format("7@"), SERVED.format("9@")
    for lines in ((FULL, bob, ours, theirs), (bob, FULL, theirs, ours), (bob, FULL, ours, theirs)):
        assert [export.arguments[:10] for export in read(*lines)] == ["([1, 2, 3]"]


def test_a_line_without_an_answer_does_not_take_a_later_ones() -> None:
    """The old log has no lines by trytond.wsgi."""
    old = FULL.replace("2026-07-22", "2026-07-01").replace("alice", "carol")
    assert read(old, FULL, SERVED.format("9@")) == []
    assert len(read(old, FULL.replace("alice", "bob"), SERVED.format("7@"))) == 1


def test_without_an_id_the_name_has_to_do() -> None:
    assert len(read(FULL, SERVED.format(""))) == 1
    assert len(read(FULL)) == 1
    assert read(FULL.replace("alice", "bob"), SERVED.format("")) == []


def test_a_failed_call_takes_its_own_answer() -> None:
    assert len(read(FULL, FAILED.replace("alice", "bob"), SERVED.format("9@"), SERVED.format("7@"))) == 1
    assert read(FAILED, SERVED.format("7@")) == []


@pytest.mark.parametrize("name", ["x@y", "o'brien", "=cmd()", "李伟", "a b"])
def test_names_do_not_break_the_line(name: str) -> None:
    [export] = read(FULL.replace("alice", name), login=name)
    assert export.login == name


def test_a_name_made_to_break_the_line_does_not_hide_the_export() -> None:
    forged = FULL.replace("alice", "a) from bob@1.2.3.4/x/ in 1 ms")
    assert len(read(forged, SERVED.format("7@"))) == 1
    assert read(forged, SERVED.format("7@"), login="bob", user=9) == []


DEEP = "(" + "[" * 5000 + "]" * 5000 + ",)"


@pytest.mark.parametrize("arguments", ["([[[[", "(Decimal('1'),)", "([1, 'x'],)", "()", DEEP])
def test_arguments_that_are_no_values_are_unknown(arguments: str) -> None:
    assert log.event(log.Export(datetime.now(UTC), "a", "m", "export_data", arguments), "a").records is None


def test_an_empty_selection_is_no_records() -> None:
    assert log.event(log.Export(datetime.now(UTC), "a", "m", "export_data", "([], [], False, {})"), "a").records == 0
