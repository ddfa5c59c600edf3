"""Things that must be acted on: opened once, seen again and again, closed once."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from workflows.journal import HANDOVER, Journal
from workflows.model import Finding
from workflows.views import Actor


@dataclass(frozen=True, slots=True)
class Sighting:
    """What an audit or a follow-up saw. The same kind at the same account of the same case is the same finding."""

    kind: str
    case_id: str
    system: str
    account_id: str = ""
    detail: str = ""

    @property
    def key(self) -> str:
        """What makes it the same finding tomorrow."""
        return f"{self.kind}|{self.case_id}|{self.system}|{self.account_id}"


def see(session: Session, journal: Journal, sighting: Sighting, now: datetime, by: str) -> Finding:
    """Open the finding, or note that it was seen again. `by` names the audit or follow-up."""
    row = _open(session, sighting.key)
    if row is None:
        digest = hashlib.sha256(f"{sighting.key}|{now.isoformat()}".encode()).hexdigest()[:12]
        row = Finding(
            id=f"F-{digest}",
            key=sighting.key,
            case_id=sighting.case_id,
            kind=sighting.kind,
            system=sighting.system,
            account_id=sighting.account_id,
            first_seen=now,
            last_seen=now,
            seen_by=by,
        )
        journal.write(
            session,
            actor=HANDOVER,
            action="finding.opened",
            case_id=sighting.case_id,
            data={"finding": row.id, "kind": sighting.kind, "system": sighting.system, "seen_by": by},
        )
    row.last_seen, row.detail = now, sighting.detail
    session.add(row)
    session.flush()
    return row


def clear(session: Session, journal: Journal, sighting: Sighting, now: datetime, by: Actor) -> None:
    """Close the finding, if it is open: a fresh read shows that it is no longer so."""
    row = _open(session, sighting.key)
    if row is None:
        return
    row.closed_at, row.closed_by = now, by.id
    session.add(row)
    journal.write(session, actor=by, action="finding.closed", case_id=sighting.case_id, data={"finding": row.id})


def close_for(session: Session, journal: Journal, case_id: str, system: str, now: datetime) -> None:
    """Close what a lock-out that was read back as complete has settled: everything about accounts in that system."""
    rows = session.exec(
        select(Finding).where(
            Finding.case_id == case_id,
            Finding.system == system,
            col(Finding.closed_at).is_(None),
            col(Finding.kind).in_(("open again", "new account", "not verified")),
        )
    )
    for row in rows.all():
        clear(session, journal, Sighting(row.kind, case_id, system, row.account_id), now, HANDOVER)


def _open(session: Session, key: str) -> Finding | None:
    return session.exec(select(Finding).where(Finding.key == key, col(Finding.closed_at).is_(None))).first()
