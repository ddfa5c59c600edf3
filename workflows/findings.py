"""Things that must be acted on: opened once, seen again and again, closed once."""

import hashlib
from dataclasses import dataclass

from sqlmodel import Session, col, select

from workflows.journal import HANDOVER, Journal
from workflows.model import Case, Finding
from workflows.notes import Note, seal
from workflows.ports import Clock
from workflows.vault import Vault

ABOUT_ACCOUNTS = ("open again", "new account", "not verified", "not linked", "protected")


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


class Findings:
    """Opens and closes findings, in the caller's transaction."""

    def __init__(self, vault: Vault, journal: Journal, clock: Clock) -> None:
        self._vault = vault
        self._journal = journal
        self._clock = clock

    def see(self, session: Session, sighting: Sighting, by: str) -> None:
        """Open the finding, or note that it was seen again. `by` names the audit or follow-up."""
        now = self._clock.now()
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
            said = {"finding": row.id, "kind": sighting.kind, "system": sighting.system, "seen_by": by}
            self._journal.write(session, actor=HANDOVER, action="finding.opened", case_id=sighting.case_id, data=said)
        key = session.get_one(Case, row.case_id).wrapped_key
        row.last_seen = now
        row.note = seal(self._vault, key, f"finding:{row.id}", Note(sighting.detail))
        session.add(row)
        session.flush()

    def clear(self, session: Session, sighting: Sighting) -> None:
        """Close the finding, if it is open: a fresh read shows that it is no longer so."""
        row = _open(session, sighting.key)
        if row is not None:
            self._close(session, row)

    def clear_accounts(self, session: Session, case_id: str, system: str, but: str = "") -> None:
        """Close what a complete lock-out has settled: all about the case's accounts in that system `but` one kind."""
        query = select(Finding).where(
            Finding.case_id == case_id,
            Finding.system == system,
            col(Finding.closed_at).is_(None),
            col(Finding.kind).in_(ABOUT_ACCOUNTS),
            Finding.kind != but,
        )
        for row in session.exec(query).all():
            self._close(session, row)

    def clear_case(self, session: Session, case_id: str, by: str) -> None:
        """Close everything open about a case that is no longer watched; `by` is who decided that."""
        query = select(Finding).where(Finding.case_id == case_id, col(Finding.closed_at).is_(None))
        for row in session.exec(query).all():
            self._close(session, row)
            row.closed_by = by

    def _close(self, session: Session, row: Finding) -> None:
        row.closed_at, row.closed_by = self._clock.now(), HANDOVER.id
        session.add(row)
        self._journal.write(
            session, actor=HANDOVER, action="finding.closed", case_id=row.case_id, data={"finding": row.id}
        )


def _open(session: Session, key: str) -> Finding | None:
    return session.exec(select(Finding).where(Finding.key == key, col(Finding.closed_at).is_(None))).first()
