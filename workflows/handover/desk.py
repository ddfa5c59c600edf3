"""What every part of the client track works with, and the trouble that is ours and not an outside system's."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TypeVar

from sqlmodel import Session, select

from connectors.contract import ClientBook
from workflows.cases import CaseData, settle, show
from workflows.handover.live import Approvals
from workflows.handover.wishes import Wishes
from workflows.journal import Journal
from workflows.model import Book, Case, CaseState, WorkState
from workflows.ports import Clock
from workflows.store import Store
from workflows.systems import System, Systems
from workflows.vault import Vault

T = TypeVar("T")
CHUNK = 500
"""Rows in one transaction while a book is listed: enough to be quick, few enough to keep no other writer waiting."""


class Trouble(Exception):
    """The book cannot go on now, for a reason that a person can do something about; it is tried again later."""


class Overtaken(Exception):
    """A newer attempt, another runner of this one, or a cancel has this book now: who hears it leaves the row alone."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The services and settings of the client track."""

    store: Store
    vault: Vault
    journal: Journal
    systems: Systems
    clock: Clock
    retry: timedelta
    """The longest time between two tries."""
    approvals: Approvals
    wishes: Wishes
    """What the company wishes for every split."""

    def system(self, name: str) -> tuple[System, ClientBook]:
        """Return a configured system with its client book. Raises `Trouble`."""
        system = self.systems.get(name)
        if system is None:
            raise Trouble("this system is no longer in the configuration")
        book = system.having(ClientBook)
        if book is None:
            raise Trouble("this system no longer has a client book")
        return system, book

    def show_case(self, session: Session, case_id: str) -> None:
        """Bring the case message up to date, and a running case to its end where nothing is left to do."""
        session.flush()
        if session.get_one(Case, case_id).state == CaseState.RUNNING:
            settle(session, self.journal, case_id)
        else:
            show(session, case_id)


@dataclass(frozen=True, slots=True)
class Errand:
    """One attempt at one book, as it was when the attempt began."""

    book: Book
    case: Case
    data: CaseData

    def hold(self, session: Session) -> Book:
        """Return the book's row, held until the transaction ends. Every write of an attempt asks first: `Overtaken`."""
        book = session.get_one(Book, self.book.id, with_for_update=True)
        if (book.state, book.attempt, book.runner) != (WorkState.DUE, self.book.attempt, self.book.runner):
            raise Overtaken(self.book.id)
        return book

    def check(self, session: Session) -> None:
        """Ask without holding the row; for a moment at which nothing is written. Raises `Overtaken`."""
        now = select(Book.state, Book.attempt, Book.runner).where(Book.id == self.book.id)
        if session.exec(now).one() != (WorkState.DUE, self.book.attempt, self.book.runner):
            raise Overtaken(self.book.id)


def chunks(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in lists of `size`, without holding more than one list."""
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk
