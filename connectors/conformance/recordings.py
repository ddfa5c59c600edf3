"""Comparison of two recordings: a real tenant's, and one of a simulator or a test server.

`handover record` writes them. `differences` tells what the simulator does not do as the real system does.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.recording import form

Line = Mapping[str, Any]


def differences(real: Sequence[Line], simulated: Sequence[Line]) -> list[str]:
    """Return, as sentences, where a simulator differs in form: requests, states, keys of answers and their types.

    Calls that only one of them has are named, too. The order of requests and the values do not count.
    """
    said = []
    theirs, ours = _answers(real), _answers(simulated)
    for place in sorted(theirs.keys() | ours.keys()):
        if place not in ours:
            said.append(f"{place}: only the real system was asked this")
        elif place not in theirs:
            said.append(f"{place}: only the simulator was asked this")
        else:
            said += [f"{place}: {one}" for one in _compared(theirs[place], ours[place])]
    return said


def _answers(lines: Sequence[Line]) -> Mapping[str, Mapping[str, set[str]]]:
    """Return the types at each path of the answers, by call and request."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in lines:
        if "method" in line:
            place = re.sub(r"#[0-9a-f]{6}| \d+(?:-\d+)?(?= )", "", line["place"])
            what, answer = f"{line['call']}: {line['method']} {place}", line["answer"]
            found[what]["status"].add(str(line["status"]))
        elif "result" in line:
            what, answer = f"{line['call']}: result", line["result"]
        elif "error" in line:
            found[f"{line['call']}: result"]["error"].add(line["error"])
            continue
        else:
            continue
        for path, kind in _paths(form(answer), ""):
            found[what][path].add(kind)
    return found


def _paths(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every path of a value with its type; the items of a list share one path."""
    if isinstance(value, Mapping) and value.keys() == {"items", "forms"}:
        yield path, "list"
        for one in value["forms"]:
            yield from _paths(one, f"{path}[]")
    elif isinstance(value, Mapping):
        yield path, "object"
        for key, one in value.items():
            yield from _paths(one, f"{path}.{key}")
    else:
        yield path, str(value) if isinstance(value, str) and value.startswith("<") else type(value).__name__


def _compared(real: Mapping[str, set[str]], simulated: Mapping[str, set[str]]) -> Iterator[str]:
    for path in sorted(real.keys() | simulated.keys()):
        theirs, ours = real.get(path, set()), simulated.get(path, set())
        if theirs != ours:
            yield f"{path or 'answer'} is {_words(theirs)} there, and {_words(ours)} in the simulator"


def _words(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds)) or "missing"
