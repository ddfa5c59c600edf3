"""Findings: states that a person must act on. A finding opens once, is seen again, and closes once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _, stored
from workflows.people import Actor
from workflows.ports import Clock
from workflows.storage.finding_news import show_settled, tell_finding
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.outbox import request_update
from workflows.storage.rows.access import LeaverAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import AuditRun, Finding, FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import Vault, WrongKey

ABOUT_ACCOUNTS = (
    FindingKind.OPEN_AGAIN,
    FindingKind.NEW_ACCOUNT,
    FindingKind.POSSIBLE,
    FindingKind.LIST_HIDDEN,
    FindingKind.NOT_VERIFIED,
    FindingKind.NEVER_VERIFIED,
    FindingKind.NOT_LINKED,
    FindingKind.PROTECTED,
)
SETTLED = select(Finding).where(
    Finding.case_id == sa.bindparam("case"),
    Finding.system == sa.bindparam("system"),
    col(Finding.closed_at).is_(None),
    col(Finding.kind).in_(ABOUT_ACCOUNTS),
    Finding.kind != sa.bindparam("but"),
)
"""Query for the findings that a complete lock-out settles. Built once, because every lock-out runs the query."""


@dataclass(frozen=True, slots=True)
class FindingReport:
    """Observation of an audit or a follow-up. Equal kind, account and case make the same finding.

    `name`, `email` and `login` identify the person of a finding without a case: an orphan.
    """

    kind: FindingKind
    case_id: str
    system: str
    account_id: str = ""
    detail: str = ""
    name: str = ""
    email: str = ""
    login: str = ""
    changed_by: str = ""

    @property
    def key(self) -> str:
        """Key that identifies the same finding tomorrow."""
        return f"{self.kind}|{self.case_id}|{self.system}|{self.account_id}"


@dataclass(frozen=True, slots=True)
class FindingNote:
    """Sealed data of a finding: everything that may name a person."""

    reason: str = ""
    name: str = ""
    email: str = ""
    login: str = ""
    changed_by: str = ""
    """Last person to change the account, in the system's own words, if the system shows that."""
    taken_name: str = ""
    accepted_name: str = ""
    accepted_reason: str = ""
    locked_name: str = ""
    """Name of the last person who locked the account again."""


_NAMES = tuple(one.name for one in fields(FindingNote))


class Findings:
    """Opens and closes findings, in the caller's transaction."""

    def __init__(self, vault: Vault, journal: Journal, clock: Clock, security: str = "") -> None:
        """`security`: channel that is told of new findings, or empty."""
        self._vault, self._security = vault, security
        self.journal = journal
        self._clock = clock

    def report(self, session: Session, sighting: FindingReport, by: str, *, tell: bool = True) -> Finding:
        """Open the finding, or record that it was seen again; return its row. `by` names the audit or follow-up.

        `tell`: whether people are told of a new one; False where another message says the same.
        """
        now = self._clock.now()
        row = _open(session, sighting.key)
        new = row is None
        if row is None:
            row = self._new(session, sighting, by)
        row.last_seen = now
        note = replace(
            self.note(session, row),
            reason=stored(sighting.detail),
            name=sighting.name,
            email=sighting.email,
            login=sighting.login,
        )
        if sighting.changed_by:
            note = replace(note, changed_by=sighting.changed_by)
        self.keep(session, row, note)
        session.flush()
        if new and tell:
            tell_finding(session, self._vault, row, self._security)
        return row

    def close_resolved(self, session: Session, sighting: FindingReport) -> None:
        """Close the finding, if it is open: a fresh read shows that its reason is gone."""
        row = _open(session, sighting.key)
        if row is not None:
            self.close(session, row)

    def clear_accounts(self, session: Session, case_id: str, system: str, but: FindingKind | None = None) -> None:
        """Close the findings on a case's accounts in one system after a complete lock-out, except those of one kind.

        A finding stays open if the lock-out did not match its account to the leaver.
        """
        values = {"case": case_id, "system": system, "but": but or ""}
        rows = session.exec(SETTLED, params=values).all()
        self._settle(session, [row for row in rows if not _left_alone(session, row)], HANDOVER.id)

    def clear_case(self, session: Session, case_id: str, by: str) -> None:
        """Close the open findings of a case that is no longer watched; `by` is the actor.

        Other people who lost a group are not the leaver: that finding stays, and goes on stopping such changes.
        """
        query = select(Finding).where(
            Finding.case_id == case_id, col(Finding.closed_at).is_(None), Finding.kind != FindingKind.MEMBERS_LOST
        )
        self._settle(session, session.exec(query).all(), by)

    def _settle(self, session: Session, rows: Sequence[Finding], by: str) -> None:
        for row in rows:
            self.close(session, row)
            row.closed_by = by
        if rows:
            show_digest(session)

    def close(self, session: Session, row: Finding, by: Actor = HANDOVER) -> None:
        """Close a finding."""
        row.closed_at, row.closed_by = self._clock.now(), by.id
        session.add(row)
        show_settled(session, row)
        self.journal.write(
            session, actor=by, action="finding.closed", case_id=row.case_id or "", data={"finding": row.id}
        )

    def note(self, session: Session, row: Finding) -> FindingNote:
        """Decrypt a finding's data. If the key does not open, the note's reason says so, and the finding stays."""
        if not row.note:
            return FindingNote()
        try:
            kept = self._vault.open(self._key(session, row), row.note, f"finding:{row.id}")
        except WrongKey as error:
            return FindingNote(reason=_("its words cannot be opened: {why}").format(why=_(str(error))))
        return FindingNote(**{name: kept[name] for name in _NAMES if name in kept})

    def keep(self, session: Session, row: Finding, note: FindingNote) -> None:
        """Encrypt a finding's data under the case's key, or under a key of its own if the case's key does not open."""
        if not row.wrapped_key and not self._vault.fits(self._key(session, row)):
            row.wrapped_key = self._vault.new_key()
        row.note = self._vault.seal(self._key(session, row), note, f"finding:{row.id}")
        session.add(row)

    def _key(self, session: Session, row: Finding) -> bytes:
        if row.wrapped_key or row.case_id is None:
            return row.wrapped_key
        return session.get_one(Case, row.case_id).wrapped_key

    def _new(self, session: Session, sighting: FindingReport, by: str) -> Finding:
        now = self._clock.now()
        row = Finding(
            id=finding_id(self._vault, sighting.key, now),
            key=sighting.key,
            case_id=sighting.case_id or None,
            kind=sighting.kind,
            system=sighting.system,
            account_id=sighting.account_id,
            first_seen=now,
            last_seen=now,
            seen_by=by,
        )
        facts = {"finding": row.id, "kind": sighting.kind, "system": sighting.system, "seen_by": by}
        self.journal.write(session, actor=HANDOVER, action="finding.opened", case_id=sighting.case_id, data=facts)
        return row


def finding_id(vault: Vault, key: str, first_seen: datetime) -> str:
    """Return the id of a finding: a keyed hash, so that nobody without the key gives it another account."""
    return "F-" + vault.blind(f"finding:{key}|{first_seen.astimezone(UTC).isoformat()}")[:12]


def is_named(vault: Vault, row: Finding) -> bool:
    """Return whether a row has the key and the first time that its id was made from, also by version 0.2.0."""
    made = f"{row.key}|{row.first_seen.astimezone(UTC).isoformat()}"
    earlier = "F-" + hashlib.sha256(made.encode()).hexdigest()[:12]
    return row.id in (finding_id(vault, row.key, row.first_seen), earlier)


def _left_alone(session: Session, row: Finding) -> bool:
    if row.kind not in (FindingKind.NEW_ACCOUNT, FindingKind.POSSIBLE):
        return False
    return session.get(LeaverAccount, f"{row.case_id}:{row.system}:{row.account_id}") is None


def show_digest(session: Session) -> None:
    """Update the newest audit's message after a change of a finding."""
    runs = select(AuditRun.id).where(AuditRun.state == WorkState.DONE).order_by(col(AuditRun.finished_at).desc())
    request_update(session, session.exec(runs.limit(1)).first() or "")


def still_open(session: Session, system: str, kinds: Sequence[FindingKind]) -> list[Finding]:
    """Return the open findings of some kinds in one system."""
    query = select(Finding).where(
        Finding.system == system, col(Finding.closed_at).is_(None), col(Finding.kind).in_(tuple(kinds))
    )
    return list(session.exec(query))


def open_of(session: Session, case_id: str, system: str) -> list[Finding]:
    """Return the open findings about one case in one system."""
    query = select(Finding).where(
        Finding.case_id == case_id, Finding.system == system, col(Finding.closed_at).is_(None)
    )
    return list(session.exec(query))


def _open(session: Session, key: str) -> Finding | None:
    return session.exec(select(Finding).where(Finding.key == key, col(Finding.closed_at).is_(None))).first()
