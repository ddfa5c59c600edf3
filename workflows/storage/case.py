"""Case with its personal data in clear, and its change from running to watched."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from connectors.contract import Person
from workflows.people import Actor, Leaver, Successor
from workflows.refusals import Code, Refused
from workflows.storage.group_commit import run_later, run_pending
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.outbox import enqueue
from workflows.storage.rows.access import Access, ManualStep
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import BookHandover
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.table import table_of
from workflows.storage.rows.watch import ExportSnapshot
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault

UNWATCHED = (CaseState.CANCELLED, CaseState.HELD, CaseState.UNDONE, CaseState.CLOSED, CaseState.ON_LEAVE)
"""Nobody is locked out, followed up or audited by such a case."""

CASE: sa.BindParameter[str] = sa.bindparam("case")
MESSAGES = table_of(OutboxMessage)
MESSAGE_CHANGED = (
    sa.update(MESSAGES)
    .where(MESSAGES.c.id == sa.bindparam("message"))
    .values(wanted_version=MESSAGES.c.wanted_version + 1, next_try_at=None)
)
WORK = (
    select(Access.id).where(Access.case_id == CASE, Access.state == WorkState.DUE).limit(1),
    select(ManualStep.id)
    .where(ManualStep.case_id == CASE, ManualStep.state == WorkState.DUE, col(ManualStep.confirmed_at).is_(None))
    .limit(1),
    select(BookHandover.id).where(BookHandover.case_id == CASE, BookHandover.state != WorkState.DONE).limit(1),
    select(ExportSnapshot.id)
    .where(
        ExportSnapshot.case_id == CASE,
        ExportSnapshot.state == WorkState.DUE,
        col(ExportSnapshot.due_at) <= sa.bindparam("effective_at"),
    )
    .limit(1),
)
"""Queries for the work that keeps a case open, likeliest first. Built once, as building is slower than running."""


@dataclass(frozen=True, slots=True)
class CaseData:
    """Sealed data of a case: everything that names a person."""

    leaver: Leaver
    approver: Successor
    successors: tuple[Successor, ...]
    opened_by: Actor
    channel: str
    note: str = ""

    def dump(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> "CaseData":
        """Return the data that `dump` was given."""
        leaver = {**data["leaver"], "logins": tuple(data["leaver"]["logins"])}
        return cls(
            Leaver(**leaver),
            Successor(**data["approver"]),
            tuple(Successor(**one) for one in data["successors"]),
            Actor(**data["opened_by"]),
            data["channel"],
            data["note"],
        )


def mail_key(vault: Vault, email: str) -> str:
    """Return the keyed hash of an address, by which a case is found."""
    return vault.blind("mail:" + email.casefold())


def slack_key(vault: Vault, slack_id: str) -> str:
    """Return the keyed hash of a Slack id, by which a case is found."""
    return vault.blind("slack:" + slack_id.casefold())


def person(leaver: Leaver) -> Person:
    """Return the leaver as a person to look up in a system."""
    return Person(leaver.name, (leaver.email,), leaver.logins)


def is_about(leaver: Leaver, by: Actor) -> bool:
    """Return whether somebody acts on their own case, in Slack or at a terminal."""
    own = Actor(f"slack:{leaver.slack_id}" if leaver.slack_id else "", leaver.name, leaver.email)
    return by.may_be(own) or by.id.casefold() in {f"cli:{login}".casefold() for login in leaver.logins}


def read_case(session: Session, vault: Vault, case_id: str) -> tuple[Case, CaseData]:
    """Read and decrypt a case. Raises `Refused(UNKNOWN_CASE)`."""
    case = session.get(Case, case_id)
    if case is None:
        raise Refused(Code.UNKNOWN_CASE, case=case_id)
    return case, open_case_data(vault, case)


def open_case_data(vault: Vault, case: Case) -> CaseData:
    """Decrypt a case's personal data."""
    return CaseData.load(vault.open(case.wrapped_key, case.sealed, f"case:{case.id}"))


def refresh_case_message(session: Session, case_id: str, channel: str = "") -> None:
    """Update the case message. With a channel, send the message if there is none yet."""
    message = f"case:{case_id}"
    if channel:
        enqueue(session, id=message, kind=MessageKind.CASE, subject=case_id, case_id=case_id, channel=channel)
    else:
        run_later(session, MESSAGE_CHANGED, {"message": message})


def advance_case(session: Session, journal: Journal, case_id: str) -> None:
    """Set the case to running once the access track is due, and to watched once all tracks are done."""
    run_pending(session)
    case = session.get_one(Case, case_id)  # one writer at a time: nobody changes the case meanwhile
    if case.state == CaseState.SCHEDULED:
        case.state = CaseState.RUNNING
        journal.write(session, actor=HANDOVER, action="case.running", case_id=case.id)
    if case.state == CaseState.RUNNING and not _has_open_work(session, case):
        case.state = CaseState.WATCHED
        journal.write(session, actor=HANDOVER, action="case.watched", case_id=case.id)
    session.add(case)
    refresh_case_message(session, case_id)


def _has_open_work(session: Session, case: Case) -> bool:
    """Return whether work keeps a case open. Follow-ups and later snapshots belong to watching."""
    values = {"case": case.id, "effective_at": case.effective_at}
    return any(session.exec(work, params=values).first() is not None for work in WORK)
