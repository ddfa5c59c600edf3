"""Active Directory's account values: flags, dates and SIDs. Pure."""

from datetime import UTC, datetime, timedelta

DISABLED = 0x2
"""ADS_UF_ACCOUNTDISABLE."""
SID_TAIL = 4
"""The last bytes of a SID are the number within the domain, little-endian."""
DOMAIN_ADMINS = 512
"""The number of Domain Admins in every domain (well-known SIDs, MS-DTYP 2.4.2.4)."""
NEVER = frozenset({0, 0x7FFFFFFFFFFFFFFF})
"""Both mean `never` in accountExpires; 0 means `not` in lockoutTime."""
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def flags(value: str) -> int | None:
    """Return userAccountControl as a number; None where it is not one, and so nothing is known."""
    try:
        return int(value)
    except ValueError:
        return None


def moment(value: str) -> datetime | None:
    """Return a time that is kept as tenths of microseconds since 1601; None for never, and for what is no time."""
    ticks = flags(value)
    if ticks is None or ticks in NEVER:
        return None
    try:
        return EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def why_open(expires: str, locked_out: str, now: datetime) -> str:
    """Return what keeps an account out for now though it is not disabled, or an empty text."""
    reasons = []
    expiry, lockout = moment(expires), moment(locked_out)
    if expiry and expiry <= now:
        reasons.append(f"only expired since {expiry:%Y-%m-%d}, not disabled: a new date opens it again")
    elif expiry:
        reasons.append(f"expires at {expiry:%Y-%m-%d %H:%M} UTC, and is open until then")
    if lockout:
        reasons.append(f"locked for a time only, since {lockout:%Y-%m-%d %H:%M} UTC, after wrong passwords")
    return "; ".join(reasons)


def sibling(sid: bytes, number: int) -> bytes:
    """Return the SID with another number in the same domain."""
    return sid[:-SID_TAIL] + number.to_bytes(SID_TAIL, "little")
