"""Record of signed requests, so that each acts once, in whichever process it arrives.

A signature is good for five minutes, and whoever has read a request can send it again within that time.
"""

import hashlib
import threading
from collections import OrderedDict
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from workflows.storage.rows.operations import SignedRequest
from workflows.storage.store import Store

KEPT = timedelta(minutes=11)
"""Longer than any signature is good for: five minutes before its time, and five after."""
REMEMBERED = 10_000
NAME = "signed requests"


class SignedRequests:
    """Signatures that were used, by their digests."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._insert = postgresql.insert if store.postgres else sqlite.insert
        self._here: OrderedDict[str, None] = OrderedDict()
        """The last signatures of this process, which are known before their row is written."""
        self._lock = threading.Lock()

    def use(self, signature: str) -> bool:
        """Record a signature as used; return False if it was used before. Raises `StorageFailed`."""
        digest = hashlib.sha256(signature.encode()).hexdigest()
        with self._lock:
            if digest in self._here:
                return False
            self._here[digest] = None
            if len(self._here) > REMEMBERED:
                self._here.popitem(last=False)

        def write(session: Session) -> bool:
            now = self._store.now(session)
            session.execute(sa.delete(SignedRequest).where(col(SignedRequest.at) < now - KEPT))
            row = self._insert(SignedRequest).values(digest=digest, at=now).on_conflict_do_nothing()
            return session.connection().execute(row).rowcount > 0

        return self._store.group_write(write, NAME)

    def give_back(self, signature: str) -> None:
        """Remove a signature whose request was not taken, so that Slack may send it again. Raises `StorageFailed`."""
        digest = hashlib.sha256(signature.encode()).hexdigest()
        with self._lock:
            self._here.pop(digest, None)
        with self._store.write(NAME) as session:
            session.execute(sa.delete(SignedRequest).where(col(SignedRequest.digest) == digest))
