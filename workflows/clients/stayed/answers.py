"""Words of people on their clients after a handover: contacted, not reached, objects.

The newest word counts. It is sealed under the case's key, so whoever can write to the database alone can write none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from workflows.authorization import Right
from workflows.clients.approvals.requests import active_delegates
from workflows.clients.context import ClientContext
from workflows.clients.split.sealed import load
from workflows.clients.stayed import book
from workflows.clients.stayed.book import BookClient
from workflows.clients.stayed.views import ClientAnswerView, ClientToMark
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case
from workflows.storage.journal import Personal
from workflows.storage.rows.case import Case
from workflows.storage.rows.clients import Assignment, ClientAnswer, ClientWord


@dataclass(frozen=True, slots=True)
class AnswerData:
    """The sealed part of a word. `successor`: the blind key of the successor who had the client then."""

    word: ClientWord
    by: str
    at: datetime
    successor: str
    also: tuple[str, ...] = ()
    """Other successors who had records of the same client then."""


Answers = Mapping[str, AnswerData]
"""Words by the id of their row."""


def answer_id(case_id: str, system: str, client: str) -> str:
    """Return the one id that a client's word has in a case."""
    return f"{case_id}:{system}:{client}"


def read(context: ClientContext, session: Session, case: Case) -> Answers:
    """Return all words of a case."""
    rows = session.exec(select(ClientAnswer).where(ClientAnswer.case_id == case.id)).all()
    return {row.id: _open(context, case, row) for row in rows}


def of(answers: Answers, case_id: str, client: BookClient, moved_at: datetime) -> ClientAnswerView | None:
    """Return the word on a client that counts: given since its last move, while this successor had it."""
    data = answers.get(answer_id(case_id, client.system, client.id))
    if data is None or data.at < moved_at or client.successor not in (data.successor, *data.also):
        return None
    return ClientAnswerView(data.word, data.by, data.at)


def _open(context: ClientContext, case: Case, row: ClientAnswer) -> AnswerData:
    return load(AnswerData, context.vault.open(case.wrapped_key, row.sealed, f"client_answer:{row.id}"))


class ClientAnswers:
    """Takes the words of successors, and lists their clients."""

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def give(self, case_id: str, system: str, client: str, word: ClientWord, by: Actor) -> bool:
        """Record a word on a client; return whether that changed anything.

        The client's successor may do so, whoever stands in for them, and HR or security. Raises
        `Refused(UNKNOWN_CLIENT)`, and by authorization.
        """
        context = self._context
        by = context.authorization.require(Right.ANSWER, by, case_id, also=self.asked(case_id, system, client))
        with context.store.write() as session:
            case, _data = read_case(session, context.vault, case_id)
            lines = self._lines(session, case_id, system, client)
            if not lines:
                raise Refused(Code.UNKNOWN_CLIENT, case=case_id)
            holders = sorted({row.successor for row in lines})
            row_id, now = answer_id(case_id, system, client), context.clock.now()
            row = session.get(ClientAnswer, row_id, with_for_update=True)
            moved_at = max(line.moved_at or case.effective_at for line in lines)
            if row is not None:
                before = _open(context, case, row)
                if before.word is word and before.at >= moved_at and {before.successor, *before.also} == set(holders):
                    return False  # a second click
            data = AnswerData(word, by.name or by.id, now, holders[0], tuple(holders[1:]))
            sealed = context.vault.seal(case.wrapped_key, data, f"client_answer:{row_id}")
            row = row or ClientAnswer(id=row_id, case_id=case_id, at=now, by=by.id, sealed=sealed)
            row.at, row.by, row.sealed = now, by.id, sealed
            session.add(row)
            facts = {"system": system, "client": Personal(client), "word": word.value}
            context.journal.write(
                session, actor=by, action="clients.answered", case_id=case_id, data=facts, sealed=sealed
            )
            return True

    def asked(self, case_id: str, system: str, client: str) -> list[str]:
        """Return the Slack ids of a client's successors, and of those who stand in for them now; nobody for no client.

        Raises `Refused(UNKNOWN_CASE)`.
        """
        with self._context.store.read() as session:
            _case, data = read_case(session, self._context.vault, case_id)
            by_key, deputies = book.people(self._context, data), active_delegates(self._context, session)
            keys = {row.successor for row in self._lines(session, case_id, system, client)}
        own = [by_key[key].slack_id for key in sorted(keys) if key in by_key]
        return [user for one in own if one for user in (one, deputies[one].slack_id if one in deputies else "") if user]

    def of_note(self, note: str, offset: int, limit: int, search: str = "") -> tuple[list[ClientToMark], int]:
        """Return a page of one successor's clients by name, and the number of all that are found."""
        case_id, _colon, key = note.rpartition(":")
        found = self._listed(case_id, key, search)
        return found[offset : offset + limit], len(found)

    def find(self, case_id: str, text: str) -> list[ClientToMark]:
        """Return the clients of a case that a text means: by id, by whole name, or else by a part of the name."""
        every, wanted = self._listed(case_id, "", ""), text.casefold().strip()
        for means in (
            lambda one: one.id == text,
            lambda one: one.name.casefold() == wanted,
            lambda one: wanted in one.name.casefold(),
        ):
            if found := list(filter(means, every)):
                return found
        return []

    def may_mark(self, note: str, user: str) -> bool:
        """Return whether a Slack user is the successor of a note, or stands in for them now."""
        case_id, _colon, key = note.rpartition(":")
        with self._context.store.read() as session:
            _case, data = read_case(session, self._context.vault, case_id)
            successor = book.people(self._context, data).get(key)
            deputy = active_delegates(self._context, session).get(successor.slack_id) if successor else None
        return bool(user) and user in {one.slack_id for one in (successor, deputy) if one}

    def _listed(self, case_id: str, key: str, search: str) -> list[ClientToMark]:
        context = self._context
        with context.store.read() as session:
            case, data = read_case(session, context.vault, case_id)
            answers, by_key = read(context, session, case), book.people(context, data)
        which = [col(Assignment.successor) == key] if key else []
        words = search.casefold().split()
        return [
            self._to_mark(case_id, client, answers, by_key[client.successor])
            for client in book.clients(context, case, *which)
            if client.successor in by_key and all(word in client.name.casefold() for word in words)
        ]

    def _to_mark(self, case_id: str, client: BookClient, answers: Answers, successor: Successor) -> ClientToMark:
        title = title_of(self._context, client.system)
        given = of(answers, case_id, client, client.moved_at)
        return ClientToMark(client.id, client.system, title, client.name, successor, given)

    def _lines(self, session: Session, case_id: str, system: str, client: str) -> Sequence[Assignment]:
        of_client = col(Assignment.system) == system, col(Assignment.family) == client
        return session.exec(select(Assignment).where(*book.moved(case_id), *of_client)).all()


def title_of(context: ClientContext, system: str) -> str:
    """Return a system's title, or its name where it is no longer configured."""
    return context.systems[system].manifest.title if system in context.systems else system
