"""Rights in Active Directory's binary security descriptors (MS-DTYP 2.4.6): may these users reset a password? Pure.

No attribute tells that right: `allowedAttributesEffective` names attributes, and a reset is an extended right.
"""

import struct
from collections.abc import Collection, Iterator
from typing import NamedTuple
from uuid import UUID

from ldap.controls import RequestControl

DESCRIPTOR = "nTSecurityDescriptor"
RESET_PASSWORD = UUID("00299570-246d-11d0-a768-00aa006e0529")
"""The extended right User-Force-Change-Password (MS-ADTS 5.1.3.2.1)."""
EXTENDED_RIGHT, GENERIC_ALL = 0x100, 0x10000000
ALLOWED, DENIED, ALLOWED_OBJECT, DENIED_OBJECT = 0, 1, 5, 6
"""Types of entries in an access list (MS-DTYP 2.4.4.1)."""
INHERIT_ONLY = 0x08
HAS_TYPE, HAS_INHERITED_TYPE = 1, 2
SID_HEAD = 8
"""Bytes of a SID before its numbers."""
EVERYONE = bytes((1, 1, 0, 0, 0, 0, 0, 1)) + bytes(4)
AUTHENTICATED = bytes((1, 1, 0, 0, 0, 0, 0, 5)) + (11).to_bytes(4, "little")
"""SIDs that everybody has who is logged in (MS-DTYP 2.4.2.4). No token attribute names them."""


class _Rule(NamedTuple):
    kind: int
    mask: int
    right: UUID | None
    """The one extended right that it is about; None: all of them."""
    sid: bytes


def access_list_only() -> RequestControl:
    """Return the control that asks for the access list alone (MS-ADTS 3.1.1.3.4.1.11). More needs more rights."""
    return RequestControl("1.2.840.113556.1.4.801", True, b"\x30\x03\x02\x01\x04")


def may_reset_password(descriptor: bytes, token: Collection[bytes]) -> bool | None:
    """Return whether the users of a token may reset the password of the entry with this descriptor.

    The first rule that concerns them decides (MS-ADTS 5.1.3.3.4). None: it cannot be read.
    """
    if not descriptor or not token:
        return None
    who = {*token, EVERYONE, AUTHENTICATED}
    try:
        rules = list(_rules(descriptor))
    except (struct.error, ValueError, IndexError):
        return None
    for rule in rules:
        concerned = rule.mask & (EXTENDED_RIGHT | GENERIC_ALL) and rule.right in (None, RESET_PASSWORD)
        if concerned and rule.sid in who:
            return rule.kind in (ALLOWED, ALLOWED_OBJECT)
    return False


def named_by(descriptor: bytes) -> frozenset[bytes]:
    """Return the SIDs that a descriptor's access list allows something. Raises `ValueError` if it cannot be read."""
    try:
        return frozenset(rule.sid for rule in _rules(descriptor) if rule.kind in (ALLOWED, ALLOWED_OBJECT))
    except (struct.error, IndexError) as error:
        raise ValueError("an access list that is cut short") from error


def _rules(descriptor: bytes) -> Iterator[_Rule]:
    """Yield the rules for the entry itself, in order."""
    start = _number("<I", descriptor, 16)
    if not start:
        raise ValueError("no access list")
    size, count = struct.unpack_from("<HH", descriptor, start + 2)
    at, end = start + SID_HEAD, start + size
    for _number_of_rule in range(count):
        kind, flags, length, mask = struct.unpack_from("<BBHI", descriptor, at)
        rule, at = descriptor[at : at + length], at + length
        if length < SID_HEAD or at > min(end, len(descriptor)):
            raise ValueError("an access list that is cut short")
        if kind in (ALLOWED, DENIED, ALLOWED_OBJECT, DENIED_OBJECT) and not flags & INHERIT_ONLY:
            right, sid = _subject(rule, with_types=kind in (ALLOWED_OBJECT, DENIED_OBJECT))
            yield _Rule(kind, mask, right, sid)


def _subject(rule: bytes, *, with_types: bool) -> tuple[UUID | None, bytes]:
    """Return the right that a rule is about, and the SID of whom it concerns."""
    at, right, parts = SID_HEAD, None, 0
    if with_types:
        parts, at = _number("<I", rule, at), at + 4
        if parts & HAS_TYPE:
            right, at = UUID(bytes_le=rule[at : at + 16]), at + 16
        at += 16 if parts & HAS_INHERITED_TYPE else 0
    return right, rule[at : at + SID_HEAD + 4 * rule[at + 1]]


def _number(form: str, data: bytes, at: int) -> int:
    return int(struct.unpack_from(form, data, at)[0])
