"""`handover verify` on real rows: whole, changed, cut short, signed by another."""

import sqlite3
from base64 import b64encode
from pathlib import Path

import pytest

from tests.bot.commands import VAULT, Wiring, configuration, document, handover
from workflows.people import Actor
from workflows.ports import SystemClock
from workflows.storage.heads import Head
from workflows.storage.journal import Journal
from workflows.storage.marks import Marks
from workflows.storage.store import Store, sqlite_url


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A journal of three entries under a signed head, after that of an enrolment."""
    configuration(tmp_path)
    store = Store(sqlite_url(tmp_path / "data"), VAULT)
    store.upgrade()
    journal = Journal(store, SystemClock(), b"\0" * 32, Marks(b"m" * 32))
    for number in range(3):
        journal.note("case.opened", Actor("cli:root", "root"), {"number": number})
    journal.sign()
    store.close()
    return tmp_path


def key(data: Path) -> str:
    result = handover(Wiring(), "verify", "--print-public-key", "--config", str(data / "handover.toml"))
    assert result.exit_code == 0
    return result.stdout.strip()


def test_a_whole_journal_is_proven_with_the_public_key_alone(data: Path) -> None:
    here = handover(Wiring(), "verify", "--config", str(data / "handover.toml"))
    assert here.exit_code == 0, here.output
    assert "The journal is whole." in here.output
    assert "4 of 4 entries" in here.output
    elsewhere = handover(
        Wiring(),
        "verify",
        "--data",
        str(data / "data"),
        "--public-key",
        key(data),
        "--json",
        env={"MASTER": "", "BOT": ""},
    )
    assert elsewhere.exit_code == 0, elsewhere.output
    assert document(elsewhere)["sealed"] == 4


@pytest.mark.parametrize(
    "change",
    [
        "update journal set actor = 'cli:nobody' where seq = 2",
        "delete from journal where seq = 2",
        "delete from journal where seq = 4",
        # The other digit, whichever it is: a fixed one is the true one in one run of sixteen.
        "update journal_head set hash = iif(hash like 'f%', '0', 'f') || substr(hash, 2)",
    ],
)
def test_a_changed_journal_is_not_good(change: str, data: Path) -> None:
    with sqlite3.connect(data / "data" / "handover.sqlite") as rows:
        assert rows.execute(change).rowcount == 1
    rows.close()
    result = handover(Wiring(), "verify", "--config", str(data / "handover.toml"))
    assert result.exit_code == 1
    assert "NOT WHOLE" in result.output


def head(data: Path) -> Head:
    """Return the head that somebody copied from the audit's message."""
    store = Store(sqlite_url(data / "data"))
    found = Journal(store, SystemClock(), b"\0" * 32, Marks(b"m" * 32)).newest_head()
    store.close()
    assert found is not None
    return found


def forge(data: Path, *statements: str) -> None:
    """Change the rows as somebody with the file could."""
    with sqlite3.connect(data / "data" / "handover.sqlite") as rows:
        for statement in statements:
            rows.execute(statement)
    rows.close()


EVERYTHING_ANEW = (
    "update journal set seq = null, hash = '', prev = '', actor = 'cli:nobody'",
    "delete from journal_head",
)
CUT = ("delete from journal", "delete from journal_head")


def test_a_head_from_outside_fits(data: Path) -> None:
    config = str(data / "handover.toml")
    (data / "syslog").write_text(f"Nov 30 bot handover: {head(data).text}\n", encoding="utf-8")
    for option, value in (("--head", head(data).text), ("--heads", str(data / "syslog"))):
        result = handover(Wiring(), "verify", option, value, "--config", config)
        assert result.exit_code == 0, result.output
        assert "1 head from outside fits" in result.output


@pytest.mark.parametrize("forgery", [EVERYTHING_ANEW, CUT])
@pytest.mark.parametrize("where", ["--head", "the bot's file"])
def test_what_was_rewritten_whole_does_not_fit_a_head_from_outside(
    where: str, forgery: tuple[str, ...], data: Path
) -> None:
    kept = head(data).text
    option: tuple[str, ...] = ()
    forge(data, *forgery)
    if where == "--head":
        option = (where, kept)
    else:
        (data / "data" / "journal-heads.txt").write_text(f"{kept}\n", encoding="ascii")
    result = handover(Wiring(), "verify", *option, "--config", str(data / "handover.toml"))
    assert result.exit_code == 1, result.output
    assert "NOT WHOLE" in result.output


def test_a_copy_without_any_head_is_not_good(data: Path) -> None:
    public = key(data)
    forge(data, "delete from journal_head")
    result = handover(Wiring(), "verify", "--data", str(data / "data"), "--public-key", public)
    assert result.exit_code == 1
    assert "no head covers" in result.output or "nothing is proven" in result.output


def test_a_new_journal_has_nothing_to_verify(tmp_path: Path) -> None:
    store = Store(sqlite_url(tmp_path))
    store.upgrade()
    store.close()
    result = handover(Wiring(), "verify", "--data", str(tmp_path), "--public-key", "A" * 43 + "=")
    assert result.exit_code == 0, result.output
    assert "nothing to verify yet" in result.output
    assert "The journal is whole" not in result.output


def test_another_key_proves_nothing(data: Path) -> None:
    result = handover(Wiring(), "verify", "--data", str(data / "data"), "--public-key", b64encode(b"1" * 32).decode())
    assert result.exit_code == 1
    assert "not by this key" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data", "."), "needs --public-key"),
        (("--data", "/nonexistent", "--public-key", "A" * 43 + "="), "no data in /nonexistent"),
        (("--public-key", "short", "--data", "."), "32 bytes in base64"),
        (("--public-key", "A" * 43 + "=", "--data", ".", "--head", "handover-head 1"), "a whole line"),
        (("--public-key", "A" * 43 + "=", "--data", ".", "--heads", "/dev/null"), "no head in /dev/null"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], words: str) -> None:
    result = handover(Wiring(), "verify", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
