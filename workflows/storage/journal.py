"""Append-only, hash-linked record of all acts: actor, action, time, reason and result.

Entries are written in the transaction of the act that they record. A sealer adds their position and hash link within a
second and before any report, so that writers never wait for the chain. The head is signed, and leaves the database, at
every audit, after every settled case, and a minute after any other entry.
"""

import base64
import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session, col, select

from config.text import _
from workflows.people import SLACK, TERMINAL, Actor
from workflows.ports import Clock
from workflows.storage import heads
from workflows.storage.group_commit import run_later
from workflows.storage.heads import Head, HeadOutlet
from workflows.storage.marks import Marks
from workflows.storage.rows.case import Case
from workflows.storage.rows.operations import JournalEntry, JournalHead
from workflows.storage.rows.table import table_of
from workflows.storage.store import Store
from workflows.storage.vault import SEALED, Vault

log = logging.getLogger(__name__)
events = logging.getLogger("handover")
SHOWN = (
    "system",
    "verdict",
    "complete",
    "kind",
    "state",
    "run",
    "cases",
    "verdicts",
    "not_read",
    "relocked",
    "seconds",
)
"""Facts of an entry that the log shows. None of them tells of a person."""
STEPS = frozenset({"account.found", "access.lock", "access.sessions", "access.token", "access.group"})
"""Steps of one account: the log has their result alone, so that a mass run does not fill it."""
HANDOVER = Actor("handover", "Handover")
GENESIS = "0" * 64
PAGE = 1000
FACTS = ("id", "at", "actor", "action", "case_id", "data", "sealed")
SETTLING = frozenset(
    {
        *("case.watched", "case.undone", "case.cancelled", "case.closed"),
        *("clients.stopped", "clients.paused", "clients.put_back_asked", "proposal.superseded", "delegation.ended"),
    }
)
"""Acts that settle a case or end a permission: a head is signed after each, so that none can be cut off unseen."""
LONGEST_UNSIGNED = timedelta(minutes=1)
"""Time after which sealed entries get a head, so that no older ones can be cut off unseen."""
WRITER_LOCK = "journal"
"""Lock of the sealers of all replicas. Writers of entries go on beside them."""


ENTRY = table_of(JournalEntry)
CASE_KEY = sa.select(table_of(Case).c.wrapped_key).where(table_of(Case).c.id == sa.bindparam("case"))
NEW_ENTRY = sa.insert(ENTRY)
LAST = sa.select(ENTRY.c.seq, ENTRY.c.hash).where(ENTRY.c.seq.is_not(None)).order_by(ENTRY.c.seq.desc()).limit(1)
NEW = sa.select(ENTRY).where(ENTRY.c.seq.is_(None)).order_by(ENTRY.c.at, ENTRY.c.id).limit(PAGE)
AFTER = sa.select(ENTRY).where(ENTRY.c.seq > sa.bindparam("seq")).order_by(ENTRY.c.seq).limit(PAGE)
PLACE = (
    sa.update(ENTRY)
    .where(ENTRY.c.id == sa.bindparam("key"))
    .values(seq=sa.bindparam("place"), prev=sa.bindparam("before"), hash=sa.bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class Personal:
    """A fact of an entry that identifies somebody: sealed under the case's key, or, without a case, the journal's."""

    value: Any


class Journal:
    """Journal that writes, seals, signs and proves entries."""

    def __init__(
        self, store: Store, clock: Clock, signing_seed: bytes, marks: Marks, outlets: Sequence[HeadOutlet] = ()
    ) -> None:
        """`outlets`: places outside the database that get every signed head."""
        self._store = store
        self._clock = clock
        self._signer = Ed25519PrivateKey.from_private_bytes(signing_seed)
        self._outlets, self._marks = outlets, marks
        self._settled = False
        """True if an act that settles a case waits for a head."""
        self._unsigned_since: datetime | None = None

    @property
    def public_key(self) -> str:
        """Public key that proves the head, base64. Give it to auditors by another way than this database."""
        return base64.b64encode(self._signer.public_key().public_bytes_raw()).decode()

    def write(
        self,
        session: Session,
        *,
        actor: Actor,
        action: str,
        case_id: str = "",
        data: Mapping[str, Any] | None = None,
        sealed: bytes = b"",
    ) -> None:
        """Add an entry at the end of the caller's transaction.

        The actor is sealed. `data` holds personal data as `Personal` alone; texts for people go into `sealed`.
        """
        door: dict[str, Any] = {"terminal": True} if actor.terminal else {}
        if actor.login:
            door["login"] = self._person(actor.login)
        entry = {
            "id": f"{time.time_ns():016x}{secrets.token_hex(8)}",  # in the order of writing, also within one moment
            "at": self._clock.now(),
            "actor": self._person(actor.id),
            "action": action,
            "case_id": case_id,
            "data": _encodable(door | self._sealed_facts(session, case_id, data or {})),
            "sealed": sealed,
            "prev": "",
            "hash": "",
        }
        entry["mark"] = self._marks.make(_facts(*(entry[name] for name in FACTS)))
        run_later(session, NEW_ENTRY, entry)

    @property
    def _vault(self) -> Vault:
        if self._store.vault is None:
            raise ValueError("a journal is written and read on rows with a vault")
        return self._store.vault

    def _person(self, actor_id: str) -> str:
        """Seal the id of a person. This program and scripts are nobody."""
        return self._vault.seal_id("actor", actor_id) if actor_id.startswith((SLACK, TERMINAL)) else actor_id

    def _sealed_facts(self, session: Session, case_id: str, data: Mapping[str, Any]) -> dict[str, Any]:
        if not any(isinstance(value, Personal) for value in data.values()):
            return dict(data)
        key, context = _case_key(session, case_id), _context(case_id)
        return {
            name: self._vault.seal_fact(key, value.value, context) if isinstance(value, Personal) else value
            for name, value in data.items()
        }

    def opener(self, session: Session, case_id: str) -> Callable[[Any], tuple[str, dict[str, Any]]]:
        """Return what tells the actor and the facts of a case's entries. What no key opens any more stays as it is."""
        key, context = cache(lambda: _case_key(session, case_id)), _context(case_id)

        def opened(entry: Any) -> tuple[str, dict[str, Any]]:
            data = json.loads(entry.data)
            for name, value in data.items():
                if name == "login":
                    data[name] = self._person_of(value)
                elif isinstance(value, str) and value.startswith(SEALED):
                    data[name] = self._vault.open_fact(key(), value, context)
            return self._person_of(entry.actor), data

        return opened

    def _person_of(self, text: str) -> str:
        """Return an actor's id in clear. An entry of an earlier version has it in clear."""
        return self._vault.open_id("actor", text) if text.startswith(SEALED) else text

    def note(self, action: str, actor: Actor, data: Mapping[str, Any], case_id: str = "") -> None:
        """Add an entry in a transaction of its own, for a refusal or a look at personal data."""
        with self._store.write(WRITER_LOCK) as session:
            self.write(session, actor=actor, action=action, case_id=case_id, data=data)

    def seal(self, *, settle: bool = True) -> int:
        """Give every new entry its position and hash link; return how many were new.

        `settle`: sign the head as well, if a case was settled, or if entries have waited for a head for a minute.
        """
        sealed = 0
        while page := self._seal_page():
            sealed += len(page)
            self._settled = self._settled or not SETTLING.isdisjoint(page)
            self._unsigned_since = self._unsigned_since or self._clock.now()
        since = self._unsigned_since
        late = since is not None and abs(self._clock.now() - since) >= LONGEST_UNSIGNED
        if settle and (self._settled or late):
            for problem in self.sign():
                log.error("the journal is not signed: %s", problem)
        return sealed

    def _seal_page(self) -> list[str]:
        """Seal some entries in a transaction of their own, and return their actions; others write in between."""
        with self._store.read() as session:
            if session.exec(select(JournalEntry.id).where(col(JournalEntry.seq).is_(None)).limit(1)).first() is None:
                return []
        with self._store.write(WRITER_LOCK) as session:
            connection = session.connection()
            seq, prev = connection.execute(LAST).one_or_none() or (0, GENESIS)
            places, entries = [], connection.execute(NEW).all()
            for entry in entries:
                seq, before = seq + 1, prev
                prev = entry_hash(entry, seq, before)
                places.append({"key": entry.id, "place": seq, "before": before, "digest": prev})
            if places:  # in one statement: row by row, every other writer had to wait in a mass run
                connection.execute(PLACE, places)
        if events.isEnabledFor(logging.INFO):
            for entry in entries:
                if entry.action not in STEPS:
                    _log(entry)
        return [entry.action for entry in entries]

    def sign(self) -> list[str]:
        """Seal the new entries, sign the head, and publish it; return what is wrong, as sentences.

        A head is signed only over what follows the newest head: here, and in every place that keeps heads.
        """
        self.seal(settle=False)
        self._settled, self._unsigned_since = False, None
        kept, problems = self._kept_heads()
        with self._store.write(WRITER_LOCK) as session:
            connection = session.connection()
            row = connection.execute(LAST).one_or_none()
            before = _newest_head(session)
            problems += _broken(session, before, kept)
            if row is not None and not problems and (before is None or before.seq < row.seq):
                number = before.number + 1 if before and before.number else _number(session)
                head = heads.sign(self._signer, before, number, row.seq, row.hash, self._clock.now())
                session.add(
                    JournalHead(
                        seq=head.seq,
                        hash=head.hash,
                        signed_at=head.signed_at,
                        signature=head.signature,
                        public_key=self.public_key,
                        number=number,
                        prev=head.before,
                    )
                )
        return problems or self._publish()

    def entries(self, session: Session, case_id: str, like: str) -> Iterator[tuple[JournalEntry, bool]]:
        """Yield the acts of a case that are named `like` this, in their order, each with whether this program wrote it.

        An entry of version 0.2.0 has no mark, and counts if a head of that version covers it.
        """
        rows = session.exec(
            select(JournalEntry)
            .where(JournalEntry.case_id == case_id, col(JournalEntry.action).like(like))
            .order_by(
                col(JournalEntry.seq).is_(None), col(JournalEntry.seq), col(JournalEntry.at), col(JournalEntry.id)
            )
        ).all()
        for row in rows:
            yield row, self.is_ours(session, row)

    def after(self, session: Session, seq: int) -> list[tuple[Any, bool]]:
        """Return some sealed entries after one, in their order, each with whether this program wrote it."""
        covered = _unlinked(session)
        return [(row, self._fits(row, covered)) for row in session.execute(AFTER, {"seq": seq})]

    def is_ours(self, session: Session, row: Any) -> bool:
        """Return whether this program wrote an entry. See `entries` on version 0.2.0."""
        return self._fits(row, 0 if row.mark else _unlinked(session))

    def _fits(self, row: Any, covered: int) -> bool:
        """Return whether a mark fits, or whether an entry without one is among those that version 0.2.0 signed."""
        if row.mark:
            return self._marks.fits(row.mark, _facts(*(getattr(row, name) for name in FACTS)))
        return row.seq is not None and row.seq <= covered and row.hash == entry_hash(row, row.seq, row.prev)

    def problems(self, session: Session) -> list[str]:
        """Return what is wrong with the newest head, with the entries since, and with the heads kept outside."""
        kept, problems = self._kept_heads()
        return problems + _broken(session, _newest_head(session), kept)

    def newest_head(self) -> Head | None:
        """Return the newest signed head."""
        with self._store.read() as session:
            return _newest_head(session)

    def _kept_heads(self) -> tuple[list[Head], list[str]]:
        kept: list[Head] = []
        problems = []
        for outlet in self._outlets:
            try:
                kept += outlet.latest()
            except OSError as error:
                problems.append(_("heads of the journal cannot be read: {why}").format(why=error))
        return kept, problems

    def _publish(self) -> list[str]:
        """Give every place the heads that it lacks, also those of an earlier failure or of another process."""
        with self._store.read() as session:
            rows = session.exec(
                select(JournalHead).where(JournalHead.number > 0).order_by(col(JournalHead.number).desc()).limit(PAGE)
            ).all()
        newest = [heads.of_row(row) for row in reversed(rows)]
        problems = []
        for outlet in self._outlets if newest else ():
            try:
                outlet.publish(newest)
            except OSError as error:
                problems.append(_("the journal's head cannot be published: {why}").format(why=error))
        return problems


def _log(entry: Any) -> None:
    """Log one sealed entry as an event: its action, case and facts."""
    data = json.loads(entry.data)
    facts = {name: data[name] for name in SHOWN if name in data}
    case = {"case": entry.case_id} if entry.case_id else {}
    events.info(entry.action, extra={"facts": {**case, **facts}})


def _case_key(session: Session, case_id: str) -> bytes:
    return (session.connection().execute(CASE_KEY, {"case": case_id}).scalar_one_or_none() if case_id else None) or b""


def _context(case_id: str) -> str:
    return f"journal:{case_id}"


def _unlinked(session: Session) -> int:
    """Return the last entry that a head of version 0.2.0 covers."""
    return session.exec(select(sa.func.max(JournalHead.seq)).where(JournalHead.number == 0)).one() or 0


def _newest_head(session: Session) -> Head | None:
    row = session.exec(select(JournalHead).order_by(col(JournalHead.seq).desc()).limit(1)).first()
    return heads.of_row(row) if row is not None else None


def _number(session: Session) -> int:
    """Return the number of the first linked head. Those of version 0.2.0 have none, and count."""
    return session.exec(select(sa.func.count()).select_from(JournalHead)).one() + 1


def _broken(session: Session, before: Head | None, kept: Sequence[Head]) -> list[str]:
    """Return why no head may follow: a kept head is not here, or the entries since the newest one were changed."""
    last = max(kept, key=lambda head: head.number, default=None)
    if last is not None:
        row = session.get(JournalHead, last.seq)
        if row is None or heads.of_row(row) != last:
            return [_("head {number}, kept outside, is not in the database").format(number=last.number)]
    seq, prev = 0, GENESIS
    if before is not None:
        signed = session.exec(select(JournalEntry).where(JournalEntry.seq == before.seq)).first()
        if signed is None or entry_hash(signed, signed.seq, signed.prev) != before.hash:
            return [_("entry {seq}, which was signed, is gone or changed").format(seq=before.seq)]
        seq, prev = before.seq, before.hash
    while page := session.execute(AFTER, {"seq": seq}).all():
        for entry in page:
            if (entry.seq, entry.prev, entry.hash) != (seq + 1, prev, entry_hash(entry, seq + 1, prev)):
                return [_("entry {seq} was changed after it was sealed").format(seq=seq + 1)]
            seq, prev = entry.seq, entry.hash
    return []


def _facts(*values: Any) -> list[Any]:
    """Return what a mark covers: the fields of an entry, the sealed one by its hash."""
    entry_id, at, *others, sealed = values
    return [entry_id, at.astimezone(UTC).isoformat(), *others, hashlib.sha256(sealed).hexdigest()]


def _encodable(data: Mapping[str, Any]) -> str:
    """Return the data as JSON. Half an emoji in a group's name, which has no encoding, is a question mark."""
    return json.dumps(data, sort_keys=True, ensure_ascii=False, default=str).encode(errors="replace").decode()


def entry_hash(entry: Any, seq: int | None, prev: str) -> str:
    """Return an entry's hash over all its fields, its position and the previous hash.

    `entry` is a row of the journal, mapped or not.
    """
    fields = [
        seq,
        prev,
        entry.id,
        entry.at.isoformat(),
        entry.actor,
        entry.action,
        entry.case_id,
        entry.data,
        hashlib.sha256(entry.sealed).hexdigest(),
    ]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()
