"""Proof of the journal: links, signed heads, heads from outside, and the tables themselves.

Only what was looked at is called good: a journal without a head, or with an old one, proves nothing about its end.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from config.text import N_, _
from workflows.storage import heads as signed_heads
from workflows.storage.case import UNWATCHED
from workflows.storage.heads import Head
from workflows.storage.journal import GENESIS, entry_hash
from workflows.storage.rows.case import Case
from workflows.storage.rows.operations import JournalEntry, JournalHead
from workflows.storage.store import HEAD, REVISION, Store

PAGE = 1000
FRESH = timedelta(hours=26)
"""Longest time between two heads where an audit runs daily, with two hours for the audit itself."""
OTHER_OBJECTS = {
    "sqlite": "select type || ' ' || name from sqlite_master where type in ('trigger', 'view')",
    "postgresql": (
        "select 'trigger ' || tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid "
        "where not tgisinternal and (c.relnamespace = current_schema()::regnamespace "
        "or c.relname = 'workflow_status' and c.relnamespace::regnamespace::text = 'dbos') "
        "union all select 'rule ' || rulename from pg_rules where schemaname = current_schema() "
        "union all select 'policy ' || policyname from pg_policies where schemaname = current_schema() "
        "union all select 'view ' || viewname from pg_views where schemaname = current_schema()"
    ),
}
"""Objects that can show or change other rows than those of the tables. This program makes none.

The engine's table of work is looked at too: a trigger there can call a lock-out done that never began.
"""
FOREIGN = N_("the database has a {what}, which is not this program's")


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of `verify`. `sealed` of the `entries` are in the chain; the others are less than a second old.

    `head` is the last hash of the chain. A head was last signed at `signed_at`, over `signed` entries. `outside`:
    number of given heads that fit. `proven`: entries that such a head covers.
    """

    ok: bool
    entries: int
    sealed: int
    faults: tuple[str, ...]
    head: str
    signed_at: datetime | None
    signed: int
    outside: int = 0
    proven: int = 0


def verify(
    store: Store, public_keys: Collection[str], outside: Sequence[Head] = (), *, judged_at: datetime | None = None
) -> Verification:
    """Prove the journal with the public keys alone. Every fault is a sentence. Memory does not grow with the journal.

    `outside`: heads that were kept outside this database. `judged_at`: the time at which a head must be fresh.
    """
    with store.read() as session:
        if faults := schema_faults(session):
            return Verification(False, 0, 0, tuple(faults), "", None, 0)
        rows = [signed_heads.of_row(row) for row in session.exec(select(JournalHead).order_by(col(JournalHead.seq)))]
        wanted = {head.seq for head in (*rows, *outside)}
        chain = _Chain(wanted)
        faults = list(chain.read(session))
        unsealed = _count(session, col(JournalEntry.seq).is_(None))
        if before := _count(session, col(JournalEntry.seq) < 1):
            faults.append(_("entries that stand before the first one were never sealed: {count}").format(count=before))
        faults += _missing_entries(session)
        faults += [fault for head in rows for fault in _head_faults(head, chain.hashes, public_keys)]
        faults += _order_faults(rows)
        known = frozenset(rows)
        fitting = [head for head in outside if not _outside_faults(head, known, chain.hashes, public_keys)]
        for head in outside:
            faults += _outside_faults(head, known, chain.hashes, public_keys)
        if judged_at is not None:
            faults += _freshness_faults(session, rows, judged_at)
    last = rows[-1] if rows else None
    return Verification(
        not faults,
        chain.seq + unsealed,
        chain.seq,
        tuple(faults),
        chain.prev,
        last.signed_at if last else None,
        last.seq if last else 0,
        len(fitting),
        max((head.seq for head in fitting), default=0),
    )


def newest_entry_at(store: Store) -> datetime | None:
    """Return the time of the newest entry, at which a copy is judged; None for an empty or unknown journal."""
    with store.read() as session:
        if schema_faults(session):
            return None
        return session.exec(select(sa.func.max(JournalEntry.at))).one()


def schema_faults(session: Session) -> list[str]:
    """Return what is wrong with the tables: another version's, replaced by views, with triggers, or changed."""
    connection = session.connection()
    inspector = sa.inspect(connection)
    tables = set(inspector.get_table_names())
    found = (
        connection.execute(sa.select(REVISION.c.version_num)).scalars().all() if REVISION.name in tables else ["none"]
    )
    if found != [HEAD]:
        return [
            _("the tables are of revision {found}, this version reads {ours}: use the version that wrote them").format(
                found=", ".join(map(str, found)) or "none", ours=HEAD
            )
        ]
    faults = []
    for table in SQLModel.metadata.sorted_tables:
        columns = {column["name"] for column in inspector.get_columns(table.name)} if table.name in tables else set()
        if columns != {column.name for column in table.columns}:
            faults.append(_("the table {name} is not this program's").format(name=table.name))
    return faults + [_(FOREIGN).format(what=what) for what in foreign_objects(session)]


def foreign_objects(session: Session) -> Sequence[str]:
    """Return the triggers, rules, policies and views beside the tables: with them rows change or vanish unseen."""
    connection = session.connection()
    return connection.execute(sa.text(OTHER_OBJECTS[connection.dialect.name])).scalars().all()


class _Chain:
    """Reading of the chain, with the hashes at the `wanted` entries."""

    def __init__(self, wanted: Collection[int]) -> None:
        self.seq, self.prev = 0, GENESIS
        self.hashes: dict[int, str] = {}
        self._wanted = wanted

    def read(self, session: Session) -> Iterator[str]:
        """Yield a fault for each wrong link."""
        while page := session.exec(
            select(JournalEntry).where(col(JournalEntry.seq) > self.seq).order_by(col(JournalEntry.seq)).limit(PAGE)
        ).all():
            for entry in page:
                yield from entry_faults(entry, self.seq, self.prev)
                self.seq, self.prev = entry.seq or 0, entry.hash
                if self.seq in self._wanted:
                    self.hashes[self.seq] = entry.hash
            session.expunge_all()


def _count(session: Session, which: sa.ColumnElement[bool]) -> int:
    return session.exec(select(sa.func.count()).select_from(JournalEntry).where(which)).one()


def entry_faults(entry: JournalEntry, seq: int, prev: str) -> list[str]:
    """Return what is wrong with an entry after entry `seq`, whose hash is `prev`."""
    faults = []
    if entry.seq != seq + 1:
        faults.append(_("entry {seq} is missing: the next one is {next}").format(seq=seq + 1, next=entry.seq))
    if entry.prev != prev:
        faults.append(_("entry {seq} does not follow the entry before it").format(seq=entry.seq))
    if entry.hash != entry_hash(entry, entry.seq, entry.prev):
        faults.append(
            _("entry {seq} ({action}, {at} UTC) was changed after it was sealed").format(
                seq=entry.seq, action=entry.action, at=f"{entry.at:%Y-%m-%d %H:%M}"
            )
        )
    return faults


def _missing_entries(session: Session) -> list[str]:
    """Return a fault for each case without any entry: its opening was recorded in the same transaction."""
    known = select(JournalEntry.id).where(JournalEntry.case_id == Case.id).exists()
    query = select(Case.id).where(~known).order_by(col(Case.id)).limit(PAGE)
    return [_("case {case} has no entry: entries are missing").format(case=case) for case in session.exec(query)]


def _head_faults(head: Head, hashes: dict[int, str], public_keys: Collection[str]) -> list[str]:
    if not head.is_signed_by(public_keys):
        return [_("the signature at entry {seq} is not by this key").format(seq=head.seq)]
    stored = hashes.get(head.seq)
    if stored is None:
        return [_("entry {seq} was signed and is gone: the record was cut short").format(seq=head.seq)]
    return [] if stored == head.hash else [_("entry {seq} is not the one that was signed").format(seq=head.seq)]


def _order_faults(rows: Sequence[Head]) -> list[str]:
    """Return a fault for each head that does not follow the one before it. Heads of 0.2.0 were not linked."""
    faults = []
    before: Head | None = None
    for place, head in enumerate(rows, start=1):
        follows = head.number == place and head.before == (before.digest if before else signed_heads.FIRST)
        unlinked = not head.number and (before is None or not before.number)
        if not (follows or unlinked):
            faults.append(_("the head at entry {seq} does not follow the head before it").format(seq=head.seq))
        before = head
    return faults


def _outside_faults(
    head: Head, rows: Collection[Head], hashes: dict[int, str], public_keys: Collection[str]
) -> list[str]:
    if faults := _head_faults(head, hashes, public_keys):
        return [_("head {number} from outside: {fault}").format(number=head.number, fault=fault) for fault in faults]
    if head not in rows:
        return [_("head {number} from outside is not in this database").format(number=head.number)]
    return []


def _freshness_faults(session: Session, rows: Sequence[Head], judged_at: datetime) -> list[str]:
    """Return a fault where a daily audit should have signed what is here, and did not."""
    limit = judged_at - FRESH
    last = rows[-1] if rows else None
    unsigned = sa.or_(col(JournalEntry.seq).is_(None), col(JournalEntry.seq) > (last.seq if last else 0))
    late = _count(session, sa.and_(unsigned, col(JournalEntry.at) <= limit))
    if late:
        return [_("no head covers {count} entries, which are older than a day").format(count=late)]
    past = select(Case.id).where(col(Case.state).not_in(UNWATCHED), col(Case.effective_at) <= limit)
    if (last is None or last.signed_at <= limit) and session.exec(past.limit(1)).first() is not None:
        return [_("an audit was due, and no head has been signed since {at} UTC").format(at=f"{limit:%Y-%m-%d %H:%M}")]
    return []
