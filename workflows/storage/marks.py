"""Keyed marks on the entries of the journal: HMAC-SHA256 under a key that is not in the database.

Whoever can write rows can add an entry, and cannot mark it. A mark names its key. Old keys verify; the newest signs.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY = 32


class Marks:
    """Marks under one or more keys."""

    def __init__(self, master: bytes, keys: Sequence[bytes] = (), former: Sequence[bytes] = ()) -> None:
        """Take own `keys`, newest first. Keys derived from the master key and from `former` ones always verify."""
        self._keys = {_key_id(key): key for key in (*keys, *map(_derived, (master, *former)))}
        self._newest = next(iter(self._keys))

    def make(self, facts: Sequence[Any]) -> str:
        """Return the mark of facts under the newest key."""
        return f"{self._newest}:{_mac(self._keys[self._newest], facts)}"

    def fits(self, mark: str, facts: Sequence[Any]) -> bool:
        """Return whether one of the keys made this mark over exactly these facts."""
        name, _colon, digest = mark.partition(":")
        key = self._keys.get(name)
        return key is not None and hmac.compare_digest(_mac(key, facts), digest)


def _derived(master: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY, salt=None, info=b"handover marks").derive(master)


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"handover mark key " + key).hexdigest()[:8]


def _mac(key: bytes, facts: Sequence[Any]) -> str:
    return hmac.new(key, json.dumps(facts, ensure_ascii=False).encode(), hashlib.sha256).hexdigest()
