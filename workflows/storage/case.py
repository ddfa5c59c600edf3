"""Case with its personal data in clear, and its change from running to watched."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.identifiers import plain
from connectors.contract import Person
from workflows.people import SLACK, Actor, Leaver, Successor, earlier_leavers
from workflows.refusals import Code, Refused
from workflows.storage.group_commit import run_later, run_pending
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.outbox import enqueue
from workflows.storage.rows.access import Access, ManualStep
from workflows.storage.rows.case import Case, CaseName, CaseState
from workflows.storage.rows.clients import BookHandover
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.rows.table import table_of
from workflows.storage.rows.watch import ExportSnapshot
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault

UNWATCHED = (
    CaseState.CANCELLED,
    CaseState.HELD,
    CaseState.UNDONE,
    CaseState.CLOSED,
    CaseState.ON_LEAVE,
    CaseState.EARLIER,
)
"""Nobody is locked out, followed up or audited by such a case."""

RECEIVER_ADDED = "case.receiver_added"
"""Journal action of an edit that gives clients to somebody new to the case; its sealed part is the whole case."""

LEAVING = (CaseState.SCHEDULED, CaseState.RUNNING, CaseState.WATCHED)
"""States of a case whose person leaves, or has left."""

CASE: sa.BindParameter[str] = sa.bindparam("case")
MESSAGES = table_of(OutboxMessage)
MESSAGE_CHANGED = (
    sa.update(MESSAGES)
    .where(MESSAGES.c.id == sa.bindparam("message"))
    .values(wanted_version=MESSAGES.c.wanted_version + 1, next_try_at=None)
)
PROGRESS = sa.select(
    col(Case.state),
    sa.or_(
        sa.exists().where(col(Access.case_id) == CASE, col(Access.state) == WorkState.DUE),
        sa.exists().where(
            col(ManualStep.case_id) == CASE,
            col(ManualStep.state) == WorkState.DUE,
            col(ManualStep.confirmed_at).is_(None),
        ),
        sa.exists().where(col(BookHandover.case_id) == CASE, col(BookHandover.state) != WorkState.DONE),
        sa.exists().where(
            col(ExportSnapshot.case_id) == CASE,
            col(ExportSnapshot.state) == WorkState.DUE,
            col(ExportSnapshot.due_at) <= col(Case.effective_at),
        ),
    ).label("has_open_work"),
).where(col(Case.id) == CASE)
"""Query for a case's state, and whether work keeps the case open. Follow-ups and later snapshots belong to watching.

Built once, as building is slower than running.
"""


@dataclass(frozen=True, slots=True)
class CaseData:
    """Sealed data of a case: everything that names a person."""

    leaver: Leaver
    approver: Successor
    successors: tuple[Successor, ...]
    opened_by: Actor
    channel: str
    note: str = ""
    line_manager: str = ""
    """Slack id of the leaver's line manager, or empty where it is not known or the approver's."""
    added: tuple[str, ...] = ()
    """Keys of the successors whom an edit added: they receive what people gave them, and no share of the split."""

    def dump(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> "CaseData":
        """Return the data that `dump` was given."""
        leaver: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data["leaver"].items()
        }
        who = Leaver(**leaver)
        return cls(
            earlier_leavers(who.earlier, who.directory_id) if who.is_group else who,
            Successor(**data["approver"]),
            tuple(Successor(**one) for one in data["successors"]),
            Actor(**data["opened_by"]),
            data["channel"],
            data["note"],
            data.get("line_manager", ""),
            tuple(data.get("added", ())),
        )


def mail_key(vault: Vault, email: str) -> str:
    """Return the keyed hash of the address that a case is opened with."""
    return vault.blind("mail:" + email.casefold())


def leaver_keys(vault: Vault, leaver: Leaver) -> tuple[str, ...]:
    """Return the keys of a person: by the directory's id, and by the address for a case that was opened without one."""
    by_address = mail_key(vault, leaver.email)
    return (vault.blind(f"directory:{leaver.directory_id}"), by_address) if leaver.directory_id else (by_address,)


def name_key(vault: Vault, name: str) -> str:
    """Return the keyed hash of an address or a log-in, by which a case is found."""
    return vault.blind("name:" + plain(name))


def number_key(vault: Vault, number: str) -> str:
    """Return the keyed hash of an employee number, by which other accounts of a leaver are found."""
    return vault.blind("number:" + number)


def keep_names(session: Session, vault: Vault, case_id: str, leaver: Leaver) -> None:
    """Add the leaver's addresses, log-ins and number by which the case is not found yet."""
    keys = {name_key(vault, name) for name in (*leaver.emails, *leaver.logins)}
    keys |= {number_key(vault, leaver.employee_number)} if leaver.employee_number else set()
    known = session.exec(select(CaseName.key).where(CaseName.case_id == case_id))
    session.add_all(CaseName(case_id=case_id, key=key) for key in sorted(keys.difference(known)))


def is_of(vault: Vault, emails: Sequence[str], slack_id: str = "") -> sa.ColumnElement[bool]:
    """Return the condition that a case's leaver has, or had, one of these addresses, or has this Slack id."""
    told = [email for email in emails if email.strip()]
    named = select(CaseName.case_id).where(col(CaseName.key).in_([name_key(vault, email) for email in told]))
    known = sa.or_(col(Case.mail_key).in_([mail_key(vault, email) for email in told]), col(Case.id).in_(named))
    return sa.or_(known, col(Case.slack_key) == slack_key(vault, slack_id)) if slack_id else known


def slack_key(vault: Vault, slack_id: str) -> str:
    """Return the keyed hash of a Slack id, by which a case is found."""
    return vault.blind("slack:" + slack_id.casefold())


def leaving(session: Session, vault: Vault, people: Iterable[Successor]) -> frozenset[str]:
    """Return the keys of those for whom a case is scheduled, running or watched: they leave, or have left."""
    found = set()
    for one in people:
        same = is_of(vault, [one.email], one.slack_id)
        query = sa.select(col(Case.id)).where(same, col(Case.state).in_(LEAVING)).limit(1)
        if session.execute(query).first() is not None:
            found.add(one.key)
    return frozenset(found)


def person(leaver: Leaver) -> Person:
    """Return the leaver as a person to look up in a system."""
    return Person(leaver.name, leaver.emails, leaver.logins, leaver.employee_number)


def is_about(leaver: Leaver, by: Actor) -> bool:
    """Return whether somebody acts on their own case, in Slack or at a terminal."""
    slack_id = f"slack:{leaver.slack_id}" if leaver.slack_id else ""
    logins = {f"cli:{login}".casefold() for login in leaver.logins}
    themselves = any(by.may_be(Actor(slack_id, leaver.name, email)) for email in leaver.emails or ("",))
    return themselves or not logins.isdisjoint(known.casefold() for known in by.known_as)


def may_know(session: Session, vault: Vault, data: CaseData, user: str) -> bool:
    """Return whether a Slack user may be told of a case: neither its leaver nor locked out by another case."""
    if not user:
        return False
    known = next((one for one in (data.approver, *data.successors) if one.slack_id == user), None)
    if is_about(data.leaver, Actor(f"{SLACK}{user}", "", known.email if known else "")):
        return False
    gone = select(Case.id).where(
        Case.slack_key == slack_key(vault, user), col(Case.state).in_((CaseState.RUNNING, CaseState.WATCHED))
    )
    return session.exec(gone.limit(1)).first() is None


def who_asked(session: Session, vault: Vault, data: CaseData) -> str:
    """Return the Slack id of who opened a case, or its channel where they have none or are not to be told."""
    asked = data.opened_by.slack_id
    return asked if may_know(session, vault, data, asked) else data.channel


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
    # One writer at a time: nobody changes the case meanwhile.
    state, has_open_work = session.connection().execute(PROGRESS, {"case": case_id}).one()
    changes = [CaseState.RUNNING] if state == CaseState.SCHEDULED else []
    if state in (CaseState.SCHEDULED, CaseState.RUNNING) and not has_open_work:
        changes.append(CaseState.WATCHED)
    for change in changes:
        session.get_one(Case, case_id).state = change
        journal.write(session, actor=HANDOVER, action=f"case.{change}", case_id=case_id)
    refresh_case_message(session, case_id)
