"""Lists of an account that are kept before an act: at notice, right before the lock-out, and before a later act.

The names are sealed with the inventory or the account. No list holds up a lock: reading has a short time, and what was
not read in it is unknown. After the lock, lists that were there are compared: fewer than before are not believed.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast

from config.text import N_, _, stored
from connectors.contract import (
    AccountId,
    Activities,
    ClientBook,
    Duties,
    ExportLog,
    Groups,
    Licences,
    Sessions,
    Subject,
    Tokens,
)
from connectors.errors import ConnectorError
from workflows.access.observation import MALFORMED, malformed
from workflows.systems.effects import SUBJECT_WORDS
from workflows.systems.registry import System

SECONDS = 5.0
"""Time for all lists of one account."""
MOST = 2000
"""Names of one list that are kept. The count is of all."""
LOOK_BACK = timedelta(days=60)
CAPABILITIES: Mapping[Subject, type] = {
    Subject.SESSIONS: Sessions,
    Subject.TOKENS: Tokens,
    Subject.GROUPS: Groups,
    Subject.DUTIES: Duties,
    Subject.RECORDS: ClientBook,
    Subject.ACTIVITIES: Activities,
    Subject.EXPORTS: ExportLog,
    Subject.LICENCES: Licences,
}
LASTING = frozenset({Subject.TOKENS, Subject.GROUPS, Subject.DUTIES, Subject.RECORDS, Subject.LICENCES})
"""Lists that a lock alone does not shorten."""
SHORTER = N_("{what}: {before} before the lock-out, and {after} after it. They may be hidden, so they are not known.")
FIRST = N_("an immediate case locks first, so they were not read before")
ALREADY = N_("the account was locked already, so they were not read before")


@dataclass(frozen=True, slots=True)
class KeptList:
    """One list of one account, as it was read before an act; or why it was not."""

    count: int = 0
    names: Mapping[str, str] = field(default_factory=dict)
    """Id to name; for records, kind to number."""
    at: str = ""
    """Time of the reading in ISO format; empty if there was none."""
    unread: str = ""
    """Stored reason for which it was not read."""
    hidden: str = ""
    """Stored reason for which the list after the lock is not believed."""
    compared: bool = False
    """True once it was compared with a read after the lock."""


def load(lists: Mapping[str, Any], subject: Subject) -> KeptList | None:
    """Return a kept list from sealed data; None if nothing was kept."""
    return KeptList(**lists[subject]) if subject in lists else None


def offered(system: System, subjects: Iterable[Subject]) -> list[Subject]:
    """Return those lists that the connector can read, in one order."""
    wanted = set(subjects)
    return [one for one in Subject if one in wanted and system.has(CAPABILITIES[one])]


def read(
    system: System, account: AccountId, subjects: Collection[Subject], now: datetime, seconds: float = SECONDS
) -> dict[str, Any]:
    """Read lists of one account, one after the other, and return them for sealed data. Raises nothing of a system."""
    found: dict[str, Any] = {}
    wanted = offered(system, subjects)
    if not wanted:
        return found

    def run() -> None:
        for subject in wanted:
            found[subject] = asdict(_read(system, account, subject, now))

    # The thread of a hanging system ends by the connector's own time limit.
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lists")
    asked = pool.submit(copy_context().run, run)
    try:
        asked.result(timeout=seconds)
    except TimeoutError:
        late = _("{name} did not answer within {seconds} seconds").format(name=system.name, seconds=f"{seconds:g}")
        missing = asdict(KeptList(unread=stored(late)))
        return {subject: dict(found).get(subject, missing) for subject in wanted}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return found


def _read(system: System, account: AccountId, subject: Subject, now: datetime) -> KeptList:
    try:
        count, names = READERS[subject](cast("Any", system.connector), account, now)
    except (ConnectorError, *MALFORMED) as error:
        return KeptList(unread=stored(malformed(error)))
    return KeptList(count, dict(islice(names.items(), MOST)), now.isoformat())


def _tokens(tokens: Tokens, account: AccountId, _now: datetime) -> tuple[int, dict[str, str]]:
    return _counted({one.id: one.name for one in tokens.tokens(account)})


def _groups(groups: Groups, account: AccountId, _now: datetime) -> tuple[int, dict[str, str]]:
    return _counted({str(one.id): one.name for one in groups.groups(account)})


def _duties(duties: Duties, account: AccountId, _now: datetime) -> tuple[int, dict[str, str]]:
    return _counted({str(one.id): one.title for one in islice(duties.duties(account), MOST)})


def _licences(licences: Licences, account: AccountId, _now: datetime) -> tuple[int, dict[str, str]]:
    return _counted({str(one.id): one.name for one in licences.licences(account)})


def _records(book: ClientBook, account: AccountId, _now: datetime) -> tuple[int, dict[str, str]]:
    counts = book.count(account)
    return sum(counts.values()), {kind: str(number) for kind, number in counts.items()}


def _sessions(sessions: Sessions, account: AccountId, _now: datetime) -> tuple[int, dict[str, str]]:
    return sessions.sessions(account), {}


def _exports(log: ExportLog, account: AccountId, now: datetime) -> tuple[int, dict[str, str]]:
    events = list(log.exports(account, now - LOOK_BACK, now))
    return len(events), {f"{one.at.isoformat()} {number}": one.what for number, one in enumerate(events)}


def _activities(book: Activities, account: AccountId, now: datetime) -> tuple[int, dict[str, str]]:
    records = [one.id for one in islice(book.records(account), MOST)]
    seen = book.activities(records, now - LOOK_BACK) if records else {}
    told = {str(one): found.contacted_at.isoformat() for one, found in seen.items() if found.contacted_at}
    return len(told), told


def _counted(names: dict[str, str]) -> tuple[int, dict[str, str]]:
    return len(names), names


READERS: Mapping[Subject, Callable[[Any, AccountId, datetime], tuple[int, dict[str, str]]]] = {
    Subject.SESSIONS: _sessions,
    Subject.TOKENS: _tokens,
    Subject.GROUPS: _groups,
    Subject.DUTIES: _duties,
    Subject.RECORDS: _records,
    Subject.ACTIVITIES: _activities,
    Subject.EXPORTS: _exports,
    Subject.LICENCES: _licences,
}


def hidden_after(before: KeptList | None, subject: Subject, after: int) -> str:
    """Return, as words, why a list that a read shows after the lock is not believed; empty if it is. Pure."""
    if before is None or not before.at or after >= before.count:
        return ""
    return _(SHORTER).format(what=_(SUBJECT_WORDS[subject]), before=before.count, after=after)


def compared(lists: Mapping[str, Any], said: Mapping[Subject, str]) -> dict[str, Any]:
    """Return kept lists, marked as compared; `said`: why those after the lock are not believed, or empty. Pure."""
    changed = {
        one: asdict(replace(kept, compared=True, hidden=kept.hidden or stored(why)))
        for one, why in said.items()
        if (kept := load(lists, one))
    }
    return {**lists, **{str(one): kept for one, kept in changed.items()}}


def newer(before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the lists of two readings by account: the later one, unless it was no reading. Pure."""
    joined = {account: dict(lists) for account, lists in before.items()}
    for account, lists in now.items():
        earlier = joined.setdefault(account, {})
        earlier |= {one: kept for one, kept in lists.items() if kept["at"] or one not in earlier}
    return joined


def never_read(subjects: Iterable[Subject], why: str) -> dict[str, Any]:
    """Return lists that were not read before the lock, with the reason. Pure."""
    return {one: asdict(KeptList(unread=stored(why))) for one in subjects}


def was_there(lists: Mapping[str, Any]) -> list[Subject]:
    """Return the lasting lists that had something in them when they were read."""
    return [one for one in Subject if one in LASTING and (found := load(lists, one)) and found.at and found.count]
