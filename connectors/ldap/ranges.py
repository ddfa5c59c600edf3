"""Values that the server returns in ranges: Active Directory cuts an attribute off after 1,500 values.

It then answers `member;range=0-1499` in place of `member`. The rest is requested range by range, and the last one ends
with `*` (source in README.md).
"""

import re
from collections.abc import Callable, Mapping, Sequence

Values = Mapping[str, Sequence[bytes]]
_PORTION = re.compile(r"(?P<name>[^;]+);range=\d+-(?P<last>\d+|\*)", re.IGNORECASE)


def whole(values: Values, more: Callable[[str], Values]) -> Values:
    """Return an entry's attributes under their plain names. `more` reads the entry again with one attribute."""
    result: dict[str, Sequence[bytes]] = {}
    for key, portion in values.items():
        found = _PORTION.fullmatch(key)
        if found is None:
            result.setdefault(key, portion)
        else:
            result[found["name"]] = [*portion, *_rest(found["name"], found["last"], more)]
    return result


def _rest(name: str, last: str, more: Callable[[str], Values]) -> Sequence[bytes]:
    collected: list[bytes] = []
    while last != "*":
        answer = more(f"{name};range={int(last) + 1}-*")
        found = next((match for match in map(_PORTION.fullmatch, answer) if match), None)
        if found is None:
            return collected
        collected += answer[found[0]]
        last = found["last"]
    return collected
