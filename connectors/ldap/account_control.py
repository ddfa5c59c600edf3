"""Active Directory's account values: flags, dates, SIDs, and codes of refused log-ins. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from config.text import N_, _
from connectors.ldap.wire import equals_bytes

DISABLED = 0x2
"""ADS_UF_ACCOUNTDISABLE."""
SID_TAIL = 4
"""The last bytes of a SID are the relative id within the domain, little-endian."""
DOMAIN_ADMINS = 512
"""Relative id of Domain Admins in every domain (well-known SIDs, MS-DTYP 2.4.2.4)."""
NEVER = frozenset({0, 0x7FFFFFFFFFFFFFFF})
"""Both mean `never` in accountExpires; 0 means `not` in lockoutTime."""
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
ACCOUNT_DISABLED = "533"
REFUSALS = {
    "525": N_("no such account"),
    "52e": N_("wrong password, or no such account"),
    "52f": N_("restricted account"),
    "530": N_("not at this hour"),
    "531": N_("not from this computer"),
    "532": N_("password expired"),
    ACCOUNT_DISABLED: N_("account disabled"),
    "701": N_("account expired"),
    "773": N_("password must be changed first"),
    "775": N_("account locked after wrong passwords"),
}
"""Windows' own errors in hexadecimal (source in README.md).

All except 525 and 52e are sent only after the right password.
"""
REFUSED = N_("log-in refused")
_CODE = re.compile(r"AcceptSecurityContext error, data ([0-9a-f]+)", re.IGNORECASE)


def flags(value: str) -> int | None:
    """Return userAccountControl as a number; None if the text is no number. Nothing is then known."""
    try:
        return int(value)
    except ValueError:
        return None


def moment(value: str) -> datetime | None:
    """Return a time that is stored as tenths of microseconds since 1601. None means never, or an unreadable value."""
    ticks = flags(value)
    if ticks is None or ticks in NEVER:
        return None
    try:
        return EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def why_open(expires: str, locked_out: str, now: datetime) -> str:
    """Return the reason for which an account that is not disabled refuses log-ins for now, or an empty text."""
    reasons = []
    expiry, lockout = moment(expires), moment(locked_out)
    if expiry and expiry <= now:
        reasons.append(
            _("only expired since {expiry}, not disabled: a new date opens it again").format(
                expiry=f"{expiry:%Y-%m-%d}"
            )
        )
    elif expiry:
        reasons.append(_("expires at {expiry} UTC, and is open until then").format(expiry=f"{expiry:%Y-%m-%d %H:%M}"))
    if lockout:
        reasons.append(
            _("locked only for a time, since {lockout} UTC, after wrong passwords").format(
                lockout=f"{lockout:%Y-%m-%d %H:%M}"
            )
        )
    return "; ".join(reasons)


def sibling_filter(sid: bytes, number: int) -> str:
    """Return the filter for the SID with another relative id in the same domain; empty if the SID cannot be read."""
    if len(sid) <= SID_TAIL:
        return ""
    return equals_bytes("objectSid", sid[:-SID_TAIL] + number.to_bytes(SID_TAIL, "little"))


def refusal_code(refusal: Mapping[str, Any]) -> str:
    """Return the code behind `data` in lower case, or an empty text if the server gives none."""
    found = _CODE.search(str(refusal.get("info", "")))
    return found[1].lower() if found else ""


def refusal_words(refusal: Mapping[str, Any]) -> str:
    """Return the reason for people, or an empty text if the server gives none."""
    given = refusal_code(refusal)
    return _("{words} (data {code})").format(words=_(REFUSALS.get(given, REFUSED)), code=given) if given else ""
