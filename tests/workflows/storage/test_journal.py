"""The record cannot be changed, shortened or reordered unseen; each planted forgery must be named."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from tests.workflows.proof import proven
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.marks import Marks
from workflows.storage.store import Store
from workflows.storage.vault import Vault, WrongKey

SEED = b"s" * 32
PLANTED = (
    "insert into journal (id, at, actor, action, case_id, data, sealed, prev, hash, seq) "
    "values ('x', '2026-01-01', 'handover', 'a lie', '', '', {bytes}, '', '', "
)


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def journal(store: Store) -> Journal:
    journal = Journal(store, _Clock(), SEED, Marks(b"m" * 32))
    for number in range(10):
        journal.note(f"action.{number}", HANDOVER, {"number": number}, case_id="HO-1")
    journal.sign()
    journal.note("after the signature", HANDOVER, {})
    journal.seal()
    return journal


def _forge(store: Store, statement: str) -> None:
    """Change the rows as someone with the database's own password could."""
    with store.write() as session:
        session.execute(sa.text(statement))


def test_an_honest_record_verifies(journal: Journal) -> None:
    found = proven(journal)
    assert found.ok
    assert (found.entries, found.sealed, found.signed) == (11, 11, 10)


def test_sealing_again_changes_nothing(journal: Journal) -> None:
    head = proven(journal).head
    assert journal.seal() == 0
    assert proven(journal).head == head


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update journal set data = '{{}}' where seq = 4", "entry 4 .* was changed"),
        ("update journal set actor = 'slack:U9' where seq = 7", "entry 7 .* was changed"),
        ("update journal set sealed = {bytes} where seq = 2", "entry 2 .* was changed"),
        ("delete from journal where seq = 5", "entry 5 is missing"),
        ("delete from journal where seq >= 9", "entry 10 was signed and is gone"),
        ("update journal set seq = seq + 100 where seq = 3", "entry 3 is missing"),
        ("update journal set seq = case seq when 3 then -6 else -3 end where seq in (3, 6)", "entry 3 is missing"),
        (f"{PLANTED}0)", "never sealed: 1"),
        (f"{PLANTED}-7)", "never sealed: 1"),
        ("update journal_head set hash = 'ff'", "not by this key"),
    ],
)
def test_forgeries_are_named(journal: Journal, store: Store, statement: str, said: str) -> None:
    _forge(store, statement.format(bytes="'\\x00'::bytea" if store.postgres else "x'00'"))
    found = proven(journal)
    assert not found.ok
    assert any(re.search(said, fault) for fault in found.faults), found.faults


def test_a_chain_rewritten_from_an_entry_on_does_not_match_the_signed_head(journal: Journal, store: Store) -> None:
    _forge(store, "update journal set data = '{}', seq = null, hash = '', prev = '' where seq >= 4")
    journal.seal()
    assert any("not the one that was signed" in fault for fault in proven(journal).faults)


def test_another_key_does_not_verify(journal: Journal) -> None:
    other = Journal(journal._store, _Clock(), b"o" * 32, Marks(b"m" * 32))
    assert not proven(other).ok
    assert proven(journal).ok


def _moved(vault: Vault, key: bytes, sealed: bytes) -> object:
    return vault.open(key, sealed, "account:other")


def _changed(vault: Vault, key: bytes, sealed: bytes) -> object:
    return vault.open(key, sealed[:-1] + bytes([sealed[-1] ^ 1]), "account:1")


def _wrong_master(_vault: Vault, key: bytes, sealed: bytes) -> object:
    return Vault(b"x" * 32).open(key, sealed, "account:1")


@pytest.mark.parametrize("attack", [_moved, _changed, _wrong_master])
def test_sealed_values_open_only_in_their_own_row_under_their_own_key(
    attack: Callable[[Vault, bytes, bytes], object],
) -> None:
    vault = Vault(b"m" * 32)
    key = vault.new_key()
    sealed = vault.seal(key, {"name": "Dana O'Neill 李伟"}, "account:1")
    assert vault.open(key, sealed, "account:1") == {"name": "Dana O'Neill 李伟"}
    assert b"Dana" not in sealed
    with pytest.raises(WrongKey):
        attack(vault, key, sealed)
