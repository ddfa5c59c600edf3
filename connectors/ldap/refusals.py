"""Why Active Directory refuses a log-in: the code behind `data` in its message. Pure.

The codes are Windows' own errors in hexadecimal (source in README.md). All but 525 and 52e are only told to somebody
who has the right password.
"""

import re
from collections.abc import Mapping
from typing import Any

DISABLED = "533"
WORDS = {
    "525": "no such account",
    "52e": "wrong password, or no such account",
    "52f": "restricted account",
    "530": "not at this hour",
    "531": "not from this computer",
    "532": "password expired",
    DISABLED: "account disabled",
    "701": "account expired",
    "773": "password must be changed first",
    "775": "account locked after wrong passwords",
}
_CODE = re.compile(r"AcceptSecurityContext error, data ([0-9a-f]+)", re.IGNORECASE)


def code(refusal: Mapping[str, Any]) -> str:
    """Return the code in lower case, or an empty text where the server gives none."""
    found = _CODE.search(str(refusal.get("info", "")))
    return found[1].lower() if found else ""


def words(refusal: Mapping[str, Any]) -> str:
    """Return the reason for people, or an empty text where the server gives none."""
    given = code(refusal)
    return f"{WORDS.get(given, 'log-in refused')} (data {given})" if given else ""
