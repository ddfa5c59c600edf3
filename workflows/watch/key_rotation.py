"""Rotation of the master key: every data key is wrapped anew under the newest one, page by page.

A page is a transaction. A process that is killed between two pages has lost nothing. The next run leaves keys under
the newest master key alone, and goes on with the others. Values that the data keys seal are not touched.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from config.text import N_
from workflows.authorization import Authorization, Right
from workflows.people import Actor
from workflows.storage.case import mail_key, open_case_data
from workflows.storage.journal import Journal
from workflows.storage.rows.case import Case
from workflows.storage.rows.operations import JournalEntry, RootKey
from workflows.storage.store import Store
from workflows.storage.vault import Vault, WrongKey

ROTATED = "keys.rotated"
ROOT = "first"
PAGE = 200
LOST_ROOT = N_("the table root_key is empty, though the master key was rotated: restore it")
WRONG_ROOT = N_("the last key of storage.former_master_keys is not the one that the data was first written under")


@dataclass(frozen=True, slots=True)
class Rotation:
    """Number of keys: wrapped anew, under the newest master key already, and opened by no listed key."""

    rewrapped: int = 0
    newest: int = 0
    lost: int = 0


def take_root(store: Store, vault: Vault) -> None:
    """Give the vault the first master key, if the master key was rotated. Raises `WrongKey`."""
    with store.read() as session:
        row = session.get(RootKey, ROOT)
        if row is not None:
            vault.use_root(vault.unwrap_root(row.wrapped))
            return
        known = sa.select(JournalEntry.id).where(JournalEntry.case_id == "", JournalEntry.action == ROTATED)  # type: ignore[call-overload]
        if session.execute(known.limit(1)).first() is not None:
            raise WrongKey(LOST_ROOT)


class KeyRotation:
    """Puts all data keys under the newest master key."""

    def __init__(self, store: Store, vault: Vault, journal: Journal, authorization: Authorization) -> None:
        self._store, self._vault, self._journal, self._authorization = store, vault, journal, authorization

    def rotate(self, by: Actor, *, dry_run: bool = False) -> Rotation:
        """Wrap every key anew; with `dry_run`, only count. Raises `Refused`, by authorization."""
        self._authorization.require(Right.ROTATE_KEY, by)
        rewrapped = newest = lost = 0
        if not dry_run:
            self._keep_root()
        for table in SQLModel.metadata.sorted_tables:
            after = ""
            while "wrapped_key" in table.columns and (page := self._page(table, after)):
                after = page[-1][0]
                changed: dict[str, bytes] = {}
                for row_id, wrapped in page:
                    try:
                        fresh = self._vault.rewrap(wrapped)
                    except WrongKey:
                        lost += 1
                        continue
                    newest += fresh == wrapped
                    if fresh != wrapped:
                        changed[row_id] = fresh
                rewrapped += len(changed)
                if not dry_run:
                    self._write(table, dict(page), changed)
        found = Rotation(rewrapped, newest, lost)
        if not dry_run:
            self._journal.note(ROTATED, by, {"rewrapped": rewrapped, "newest": newest, "lost": lost})
        return found

    def _keep_root(self) -> None:
        """Keep the first master key under the newest, before it may be taken out of the configuration."""
        with self._store.write() as session:
            row = session.get(RootKey, ROOT)
            if row is None:
                self._compare_root(session)
                row = RootKey(id=ROOT, wrapped=self._vault.wrap_root())
            row.wrapped = self._vault.rewrap_root(row.wrapped)
            session.add(row)

    def _compare_root(self, session: Session) -> None:
        """Raise `WrongKey` unless the newest case is found by a hash under the first master key."""
        case = session.exec(select(Case).where(Case.wrapped_key != b"").order_by(col(Case.opened_at).desc())).first()
        if case and mail_key(self._vault, open_case_data(self._vault, case).leaver.email) != case.mail_key:
            raise WrongKey(WRONG_ROOT)

    def _page(self, table: sa.Table, after: str) -> list[tuple[str, bytes]]:
        query = sa.select(table.c.id, table.c.wrapped_key).where(table.c.id > after, table.c.wrapped_key != b"")
        with self._store.read() as session:
            return [(row.id, row.wrapped_key) for row in session.execute(query.order_by(table.c.id).limit(PAGE))]

    def _write(self, table: sa.Table, old: dict[str, bytes], changed: dict[str, bytes]) -> None:
        """Write new wrappings; a row that somebody changed meanwhile is left for the next run."""
        with self._store.write() as session:
            _update(session, table, old, changed)


def _update(session: Session, table: sa.Table, old: dict[str, bytes], changed: dict[str, bytes]) -> None:
    for row_id, wrapped in changed.items():
        same = sa.and_(table.c.id == row_id, table.c.wrapped_key == old[row_id])
        session.execute(sa.update(table).where(same).values(wrapped_key=wrapped))
