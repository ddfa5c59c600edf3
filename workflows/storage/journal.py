"""Append-only, hash-linked record of all acts: actor, action, time, reason and result.

Entries are written in the transaction of the act that they record. A sealer adds their position and hash link within a
second and before any report, so that writers never wait for the chain. The head is signed at every daily audit.
"""

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlmodel import Session, col, select

from config.text import _
from workflows.people import Actor
from workflows.ports import Clock
from workflows.storage.group_commit import run_later
from workflows.storage.rows.operations import JournalEntry, JournalHead
from workflows.storage.rows.table import table_of
from workflows.storage.store import Store

HANDOVER = Actor("handover", "Handover")
GENESIS = "0" * 64
PAGE = 1000
WRITER_LOCK = "journal"
"""Lock of the sealers of all replicas. Writers of entries go on beside them."""


ENTRY = table_of(JournalEntry)
NEW_ENTRY = sa.insert(ENTRY)
LAST = sa.select(ENTRY.c.seq, ENTRY.c.hash).where(ENTRY.c.seq.is_not(None)).order_by(ENTRY.c.seq.desc()).limit(1)
NEW = sa.select(ENTRY).where(ENTRY.c.seq.is_(None)).order_by(ENTRY.c.at, ENTRY.c.id).limit(PAGE)
PLACE = (
    sa.update(ENTRY)
    .where(ENTRY.c.id == sa.bindparam("key"))
    .values(seq=sa.bindparam("place"), prev=sa.bindparam("before"), hash=sa.bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of `verify`. `sealed` of the `entries` are in the chain; the others are less than a second old.

    `head` is the last hash of the chain. A head was last signed at `signed_at`, over `signed` entries.
    """

    ok: bool
    entries: int
    sealed: int
    faults: tuple[str, ...]
    head: str
    signed_at: datetime | None
    signed: int


class Journal:
    """Journal that writes, seals, signs and proves entries."""

    def __init__(self, store: Store, clock: Clock, signing_seed: bytes) -> None:
        self._store = store
        self._clock = clock
        self._signer = Ed25519PrivateKey.from_private_bytes(signing_seed)

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

        `data` must hold no personal data; that goes into `sealed`.
        """
        door = {name: value for name, value in (("terminal", actor.terminal), ("login", actor.login)) if value}
        entry = {
            "id": uuid.uuid4().hex,
            "at": self._clock.now(),
            "actor": actor.id,
            "action": action,
            "case_id": case_id,
            "data": json.dumps({**door, **(data or {})}, sort_keys=True, ensure_ascii=False, default=str),
            "sealed": sealed,
            "prev": "",
            "hash": "",
        }
        run_later(session, NEW_ENTRY, entry)

    def note(self, action: str, actor: Actor, data: Mapping[str, Any], case_id: str = "") -> None:
        """Add an entry in a transaction of its own, for a refusal or a look at personal data."""
        with self._store.write(WRITER_LOCK) as session:
            self.write(session, actor=actor, action=action, case_id=case_id, data=data)

    def seal(self) -> int:
        """Give every new entry its position and hash link; return how many were new."""
        sealed = 0
        while page := self._seal_page():
            sealed += page
        return sealed

    def _seal_page(self) -> int:
        """Seal some entries in a transaction of their own, so that writers can write in between."""
        with self._store.read() as session:
            if session.exec(select(JournalEntry.id).where(col(JournalEntry.seq).is_(None)).limit(1)).first() is None:
                return 0
        with self._store.write(WRITER_LOCK) as session:
            connection = session.connection()
            seq, prev = connection.execute(LAST).one_or_none() or (0, GENESIS)
            places = []
            for entry in connection.execute(NEW):
                seq, before = seq + 1, prev
                prev = entry_hash(entry, seq, before)
                places.append({"key": entry.id, "place": seq, "before": before, "digest": prev})
            if places:  # in one statement: row by row, every other writer had to wait in a mass run
                connection.execute(PLACE, places)
            return len(places)

    def sign(self) -> None:
        """Seal the new entries and sign the head."""
        self.seal()
        with self._store.write(WRITER_LOCK) as session:
            last = session.connection().execute(LAST).one_or_none()
            if last is None or session.get(JournalHead, last.seq) is not None:
                return
            signature = base64.b64encode(self._signer.sign(_head(last.seq, last.hash))).decode()
            session.add(
                JournalHead(
                    seq=last.seq,
                    hash=last.hash,
                    signed_at=self._clock.now(),
                    signature=signature,
                    public_key=self.public_key,
                )
            )

    def verify(self, public_key: str = "") -> Verification:
        """Recompute the whole chain and check every signed head, with the public key alone (ours, or the one given)."""
        return verify(self._store, public_key or self.public_key)


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


def verify(store: Store, public_key: str) -> Verification:
    """Prove the journal. Every fault is a sentence that names the entry. Memory does not grow with the journal."""
    faults: list[str] = []
    hashes: dict[int, str] = {}
    prev, seq = GENESIS, 0
    with store.read() as session:
        heads = session.exec(select(JournalHead).order_by(col(JournalHead.seq))).all()
        wanted = {head.seq for head in heads}
        while page := session.exec(
            select(JournalEntry).where(col(JournalEntry.seq) > seq).order_by(col(JournalEntry.seq)).limit(PAGE)
        ).all():
            for entry in page:
                faults.extend(_entry_faults(entry, seq, prev))
                seq, prev = entry.seq or 0, entry.hash
                if seq in wanted:
                    hashes[seq] = entry.hash
            session.expunge_all()
        unsealed = _count(session, col(JournalEntry.seq).is_(None))
        if before := _count(session, col(JournalEntry.seq) < 1):
            faults.append(_("entries that stand before the first one were never sealed: {count}").format(count=before))
    faults.extend(fault for head in heads for fault in _head_faults(head, hashes.get(head.seq), public_key))
    last = heads[-1] if heads else None
    return Verification(
        not faults, seq + unsealed, seq, tuple(faults), prev, last.signed_at if last else None, last.seq if last else 0
    )


def _count(session: Session, which: sa.ColumnElement[bool]) -> int:
    return session.exec(select(sa.func.count()).select_from(JournalEntry).where(which)).one()


def _entry_faults(entry: JournalEntry, seq: int, prev: str) -> list[str]:
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


def _head_faults(head: JournalHead, stored_hash: str | None, public_key: str) -> list[str]:
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(head.signature), _head(head.seq, head.hash))
    except (InvalidSignature, ValueError):
        return [_("the signature at entry {seq} is not by this key").format(seq=head.seq)]
    if stored_hash is None:
        return [_("entry {seq} was signed and is gone: the record was cut short").format(seq=head.seq)]
    return [] if stored_hash == head.hash else [_("entry {seq} is not the one that was signed").format(seq=head.seq)]


def _head(seq: int, digest: str) -> bytes:
    return f"handover journal {seq} {digest}".encode()
