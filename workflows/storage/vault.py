"""Encryption of personal and client data at rest: AES-GCM, one data key per case under one master key.

Deleting a case's wrapped key makes all that it seals unreadable for good. Identifiers are not under it. The journal,
which hashes ciphertext, still verifies. The context given with each value is authenticated: a sealed value that was
moved to another row does not open.

Identifiers by which rows are found (accounts, people who act) are sealed with AES-SIV (RFC 5297). Each purpose has a
key of its own, derived from the master key. The same identifier is the same value, so that the database compares and
indexes it. It outlives a case's key: past leavers are audited for years.
"""

import base64
import hashlib
import hmac
import json
import os
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from functools import cache, lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from config.text import N_, _

NONCE = 12
KEY = 32
ROOT = b"root key"
NONCES = 256
"""Number of nonces that are drawn at once for many values."""
SEALED = "sealed."
"""Beginning of a sealed identifier, and of one that no key opens."""
RECENT = 4096
"""Number of identifiers that are kept as they were sealed or opened last."""


class WrongKey(Exception):
    """The value was sealed under another key, or was changed since."""


class Vault:
    """Vault that seals and opens values with a master key of 32 bytes."""

    def __init__(self, master: bytes, former: Sequence[bytes] = ()) -> None:
        """Take the `former` master keys, newest first: they open keys that are not under the new one yet."""
        for key in (master, *former):
            if len(key) != KEY:
                raise ValueError(_("the master key has {count} bytes; it needs {KEY}").format(count=len(key), KEY=KEY))
        self._masters = [AESGCM(_derive(key, b"case keys")) for key in (master, *former)]
        self.use_root((master, *former)[-1])

    def use_root(self, root: bytes) -> None:
        """Take the first master key. Keyed hashes, and sealed identifiers, are made from it for good."""
        self.root = root
        self._index = _derive(root, b"blind index")
        self._ciphers = cache(lambda purpose: AESSIV(_derive(root, b"identifiers " + purpose.encode(), 2 * KEY)))
        self.seal_id = lru_cache(RECENT)(self._seal_id)
        """Seal an identifier for one purpose: the same one is the same text. Empty stays empty."""
        self.open_id = lru_cache(RECENT)(self._open_id)
        """Return a sealed identifier in clear, or `SEALED` and what stands there if it was not sealed under our key."""

    def wrap_root(self) -> bytes:
        """Return the first master key, wrapped under the newest."""
        return _encrypt(self._masters[0], self.root, ROOT)

    def unwrap_root(self, wrapped: bytes) -> bytes:
        """Return the first master key. Raises `WrongKey`."""
        return self._unwrap(wrapped, ROOT)

    def rewrap(self, wrapped: bytes) -> bytes:
        """Return a data key under the newest master key; the same bytes where it is already. Raises `WrongKey`."""
        return self._under_newest(wrapped, b"case key")

    def rewrap_root(self, wrapped: bytes) -> bytes:
        """Do as `rewrap` with the first master key."""
        return self._under_newest(wrapped, ROOT)

    def _under_newest(self, wrapped: bytes, context: bytes) -> bytes:
        try:
            _decrypt(self._masters[0], wrapped, context)
        except WrongKey:
            return _encrypt(self._masters[0], self._unwrap(wrapped, context), context)
        return wrapped

    def _unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        for master in self._masters[:-1]:
            with suppress(WrongKey):
                return _decrypt(master, wrapped, context)
        return _decrypt(self._masters[-1], wrapped, context)

    def new_key(self) -> bytes:
        """Make a data key for a case; return it wrapped under the master key."""
        return _encrypt(self._masters[0], AESGCM.generate_key(KEY * 8), b"case key")

    def seal(self, wrapped: bytes, value: Any, context: str) -> bytes:
        """Encrypt a JSON value or a dataclass of such; `context` is `table:row id`."""
        return _encrypt(self._key(wrapped), _json(value), context.encode())

    def open(self, wrapped: bytes, sealed: bytes, context: str) -> Any:
        """Decrypt a value that `seal` encrypted for the same context. Raises `WrongKey`."""
        return from_json(_decrypt(self._key(wrapped), sealed, context.encode()))

    def sealer(self, wrapped: bytes) -> Callable[[Any, str], bytes]:
        """Return `seal` for many values of one case, for one thread: the case's key is unwrapped once."""
        key, nonces = self._key(wrapped), _nonces()

        def seal(value: Any, context: str) -> bytes:
            nonce = next(nonces)
            return nonce + key.encrypt(nonce, _json(value), context.encode())

        return seal

    def opener(self, wrapped: bytes) -> Callable[[bytes, str], Any]:
        """Return `open` for many values of one case: the case's key is unwrapped once."""
        key = self._key(wrapped)
        return lambda sealed, context: from_json(_decrypt(key, sealed, context.encode()))

    def fits(self, wrapped: bytes) -> bool:
        """Return whether the rows were written under this master key."""
        try:
            self._key(wrapped)
        except WrongKey:
            return False
        return True

    def blind(self, text: str) -> str:
        """Return a keyed hash that finds a person's rows without storing the person."""
        return hmac.new(self._index, text.encode(errors="replace"), hashlib.sha256).hexdigest()

    def pseudonym(self, text: str) -> str:
        """Return a short name that stays the same for one case and identifies nobody: `Leaver K7F2QX`."""
        digest = hmac.new(self._index, b"pseudonym:" + text.encode(errors="replace"), hashlib.sha256).digest()
        return "Leaver " + base64.b32encode(digest)[:6].decode()

    def open_ids(self, purpose: str, sealed: Iterable[str]) -> list[str]:
        """Return many identifiers in clear, each for the only time: see `open_id`."""
        cipher = self._ciphers(purpose)
        return [_opened(cipher, one) for one in sealed]

    def _seal_id(self, purpose: str, text: str) -> str:
        if not text or text.startswith(SEALED):
            return text
        return SEALED + _text(self._ciphers(purpose).encrypt(text.encode(errors="surrogatepass"), None))

    def _open_id(self, purpose: str, sealed: str) -> str:
        return _opened(self._ciphers(purpose), sealed)

    def seal_fact(self, wrapped: bytes, value: Any, context: str) -> str:
        """Seal a value of the journal as text, under a case's key; without one, under the key of the purpose."""
        if wrapped:
            return SEALED + _text(self.seal(wrapped, value, context))
        return self.seal_id(context, _json(value).decode())

    def open_fact(self, wrapped: bytes, sealed: str, context: str) -> Any:
        """Return a value that `seal_fact` sealed, or what stands there if no key opens it."""
        try:
            return self.open(wrapped, _bytes(sealed), context) if wrapped else from_json(self.open_id(context, sealed))
        except (WrongKey, ValueError):
            return sealed

    def _key(self, wrapped: bytes) -> AESGCM:
        return AESGCM(self._unwrap(wrapped, b"case key"))


def _json(value: Any) -> bytes:
    """Return a value as JSON. What has no encoding, such as half an emoji in a name, becomes a question mark."""
    try:
        return to_json(value)
    except PydanticSerializationError:
        return json.dumps(value, ensure_ascii=False, default=_plain).encode(errors="replace")


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else to_jsonable_python(value)


def _opened(cipher: AESSIV, sealed: str) -> str:
    if not sealed:
        return ""
    try:
        return cipher.decrypt(_bytes(sealed), None).decode(errors="surrogatepass")
    except (InvalidTag, ValueError):
        return SEALED + sealed.removeprefix(SEALED)


def _text(sealed: bytes) -> str:
    return b2a_base64(sealed, newline=False).decode()


def _bytes(sealed: str) -> bytes:
    return a2b_base64(sealed[len(SEALED) :])


def _derive(master: bytes, purpose: bytes, length: int = KEY) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"handover " + purpose).derive(master)


def _nonces() -> Iterator[bytes]:
    while True:
        drawn = os.urandom(NONCE * NONCES)
        yield from (drawn[start : start + NONCE] for start in range(0, len(drawn), NONCE))


def _encrypt(cipher: AESGCM, data: bytes, context: bytes) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + cipher.encrypt(nonce, data, context)


def _decrypt(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], context)
    except (InvalidTag, ValueError) as error:
        raise WrongKey(N_("sealed under another key, or changed since")) from error
