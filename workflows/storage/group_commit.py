"""One transaction for what several threads want to write at the same moment, where writers take turns anyway.

Who leads carries out what waits, too: one BEGIN, one flush to disk, and rows that they share are read once. Eight
lock-outs that end together wait for two or three turns, not for eight times two. A turn passes from one leader to the
next, past those whose part is done: as a lock that each had to take in its turn, it cost a lock-out in a crowd of 500
three times its own time.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from sqlmodel import Session

R = TypeVar("R")


@dataclass(slots=True)
class _PendingWrite:
    work: Callable[[Session], Any]
    called: threading.Event = field(default_factory=threading.Event)
    """Set once the part is done, or is to lead."""
    done: bool = False
    value: Any = None
    error: BaseException | None = None


class GroupCommit:
    """Shares the turns of `write`. A part must bear being run again: it changes nothing but its session."""

    def __init__(self, write: Callable[[], AbstractContextManager[Session]]) -> None:
        self._write = write
        self._waiting: list[_PendingWrite] = []
        self._has_leader = False
        self._list = threading.Lock()

    def run(self, work: Callable[[Session], R]) -> R:
        """Carry the part out and return what it returned, once that is committed; raise what it raised."""
        part = _PendingWrite(work)
        with self._list:
            self._waiting.append(part)
            leads, self._has_leader = not self._has_leader, True
        if not leads:
            part.called.wait()
        if not part.done:
            self._lead()
        if part.error:
            raise part.error
        return cast("R", part.value)

    def _lead(self) -> None:
        with self._list:
            parts, self._waiting = self._waiting, []
        try:
            self._carry(parts)
        except BaseException as error:
            for part in parts:
                if not part.done:  # its thread must not wait for ever, nor take it for written
                    part.error, part.done = error, True
            raise
        finally:
            with self._list:
                self._has_leader = bool(self._waiting)
                if self._has_leader:
                    self._waiting[0].called.set()
            for part in parts:
                part.called.set()

    def _carry(self, parts: list[_PendingWrite]) -> None:
        try:
            self._commit(parts)
        except Exception:
            if len(parts) == 1:
                raise
            for part in parts:  # one of them is at fault, and the others must not pay for it
                self._alone(part)

    def _commit(self, parts: list[_PendingWrite]) -> None:
        with self._write() as session:
            for part in parts:
                part.value = part.work(session)
                session.flush()
        for part in parts:
            part.done = True

    def _alone(self, part: _PendingWrite) -> None:
        try:
            self._commit([part])
        except Exception as error:  # noqa: BLE001 - raised in the thread that it belongs to
            part.error, part.done = error, True
