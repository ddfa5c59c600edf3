"""Active Directory's account values: flags, dates and SIDs. Pure."""

from datetime import UTC, datetime, timedelta

from config.text import _

DISABLED = 0x2
"""ADS_UF_ACCOUNTDISABLE."""
SID_TAIL = 4
"""The last bytes of a SID are the relative id within the domain, little-endian."""
DOMAIN_ADMINS = 512
"""Relative id of Domain Admins in every domain (well-known SIDs, MS-DTYP 2.4.2.4)."""
NEVER = frozenset({0, 0x7FFFFFFFFFFFFFFF})
"""Both mean `never` in accountExpires; 0 means `not` in lockoutTime."""
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


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


def sibling(sid: bytes, number: int) -> bytes:
    """Return the SID with another relative id in the same domain."""
    return sid[:-SID_TAIL] + number.to_bytes(SID_TAIL, "little")
