"""Reasons for which Active Directory refuses a log-in: the code behind `data` in its message. Pure.

The codes are Windows' own errors in hexadecimal (source in README.md). All except 525 and 52e are sent only after the
right password.
"""

import re
from collections.abc import Mapping
from typing import Any

from config.text import N_, _

DISABLED = "533"
WORDS = {
    "525": N_("no such account"),
    "52e": N_("wrong password, or no such account"),
    "52f": N_("restricted account"),
    "530": N_("not at this hour"),
    "531": N_("not from this computer"),
    "532": N_("password expired"),
    DISABLED: N_("account disabled"),
    "701": N_("account expired"),
    "773": N_("password must be changed first"),
    "775": N_("account locked after wrong passwords"),
}
REFUSED = N_("log-in refused")
_CODE = re.compile(r"AcceptSecurityContext error, data ([0-9a-f]+)", re.IGNORECASE)


def code(refusal: Mapping[str, Any]) -> str:
    """Return the code in lower case, or an empty text if the server gives none."""
    found = _CODE.search(str(refusal.get("info", "")))
    return found[1].lower() if found else ""


def words(refusal: Mapping[str, Any]) -> str:
    """Return the reason for people, or an empty text if the server gives none."""
    given = code(refusal)
    return _("{words} (data {code})").format(words=_(WORDS.get(given, REFUSED)), code=given) if given else ""
