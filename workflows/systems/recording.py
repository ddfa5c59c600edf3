"""The read-only calls of a recording: each call of the contract that the system offers, for one account."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from connectors.contract import (
    AccountId,
    Accounts,
    Administrators,
    Blockers,
    ClientBook,
    Duties,
    ExportLog,
    Groups,
    Licences,
    Person,
    Recorder,
    RecordId,
    Roster,
    Sessions,
    Tokens,
)
from connectors.errors import ConnectorError
from workflows.ports import Clock
from workflows.systems.registry import System

FEW = 20
"""Items of a list that are recorded."""
LOOK_BACK = timedelta(days=30)
"""Time before now for which exports are recorded."""


class CallRecorder(Recorder, Protocol):
    """Takes the calls of the contract beside their exchanges."""

    def begin(self, call: str) -> None:
        """Name the call whose exchanges follow."""

    def end(self, answer: object = None, error: str = "") -> None:
        """Take the result of the call, or the kind of its error."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call, and the kind of error that it raised; empty if it gave an answer."""

    name: str
    error: str = ""


T = TypeVar("T")
Call = tuple[str, Callable[[], object]]


READS: tuple[tuple[type, str, Callable[[Any, AccountId], object]], ...] = (
    (Accounts, "read", lambda accounts, one: accounts.read([one])),
    (Accounts, "observe", lambda accounts, one: accounts.observe([one])),
    (Accounts, "before", lambda accounts, one: sorted(accounts.before(one).state)),
    (Accounts, "headcount", lambda accounts, _: accounts.headcount()),
    (Sessions, "sessions", lambda sessions, one: sessions.sessions(one)),
    (Tokens, "tokens", lambda tokens, one: tokens.tokens(one)),
    (Groups, "groups", lambda groups, one: groups.groups(one)),
    (Licences, "licences", lambda licences, one: licences.licences(one)),
    (Duties, "duties", lambda duties, one: _few(duties.duties(one))),
    (Duties, "unseen duties", lambda duties, one: duties.unseen_duties(one)),
    (Blockers, "blockers", lambda blockers, one: blockers.blockers(one)),
    (Administrators, "administrators", lambda administrators, _: administrators.administrators("")),
    (ExportLog, "client base", lambda log, _: log.client_base()),
)
"""Calls of one capability for one account, by name."""


def calls(system: System, account: AccountId, clock: Clock) -> Iterator[Call]:
    """Yield the read-only calls that the system offers for an account, by name."""
    yield "blind spots", system.connector.blind_spots
    yield "shortfalls", system.connector.shortfalls
    for capability, name, read in READS:
        if system.has(capability):
            yield name, partial(read, system.connector, account)
    if log := system.having(ExportLog):
        now = clock.now()
        yield "exports", lambda: _few(log.exports(account, now - LOOK_BACK, now))
    if book := system.having(ClientBook):
        yield from _of_book(book, account)


def _of_book(book: ClientBook, account: AccountId) -> Iterator[Call]:
    ids = list[RecordId]()

    def first() -> list[object]:
        found = [*islice(book.records(account), FEW)]
        ids.extend(one.id for one in found)
        return [*found]

    yield "count", lambda: book.count(account)
    yield "records", first
    yield "owners", lambda: book.owners(ids)
    yield "holders", lambda: book.holders(ids)


def record(system: System, person: Person, recorder: CallRecorder, clock: Clock) -> Iterator[RecordedCall]:
    """Carry out the calls, each once, and yield them. Nothing is written outside: the connector refuses it.

    Without a person, the first account that the system lists is taken. If it lists none, only `check` is recorded.
    """
    yield _carry(recorder, "check", system.connector.check)[0]
    accounts, roster = system.having(Accounts), system.having(Roster)
    chosen: list[AccountId] = []
    if accounts and person.emails:
        done, found = _carry(recorder, "find", lambda: accounts.find(person))
        yield done
        chosen += [one.id for one in found.accounts] if found else []
    if accounts:
        nobody = Person("", (f"{uuid4().hex}@{uuid4().hex}.invalid",))
        yield _carry(recorder, "find nobody", lambda: accounts.find(nobody))[0]
    if roster:
        done, listed = _carry(recorder, "everyone", lambda: _few(roster.everyone()))
        yield done
        chosen += [one.id for one in listed or ()]
    for name, call in calls(system, chosen[0], clock) if chosen else ():
        yield _carry(recorder, name, call)[0]


def _carry(recorder: CallRecorder, name: str, call: Callable[[], T]) -> tuple[RecordedCall, T | None]:
    recorder.begin(name)
    try:
        answer = call()
    except ConnectorError as error:
        recorder.end(error=type(error).__name__)
        return RecordedCall(name, type(error).__name__), None
    recorder.end(answer)
    return RecordedCall(name), answer


def _few(stream: Iterable[T]) -> list[T]:
    return [*islice(stream, FEW)]
