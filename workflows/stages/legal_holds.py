"""Legal holds: while one is open, no act that destroys something is done for the person, and retention deletes nothing.

A hold is set and ended by people from security. It counts for every case of the person. The journal has both acts, and
an open one there counts even if somebody took its row out.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.text import _
from connectors.contract import Act
from workflows.authorization import Right
from workflows.context import Context
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.stage_acts import StageAct
from workflows.stages import days
from workflows.stages.views import HoldLine
from workflows.storage.case import read_case, refresh_case_message
from workflows.storage.journal import Personal
from workflows.storage.rows.case import Case
from workflows.storage.rows.stages import LegalHold
from workflows.storage.vault import Vault
from workflows.systems.registry import System
from workflows.tampering import acts, last

SET, ENDED = "hold.set", "hold.ended"
CONTRACT_ACTS = {
    StageAct.STOP_NEW_WORK: Act.CHANGE_DUTIES,
    StageAct.DEACTIVATE: Act.DEACTIVATE,
    StageAct.RECLAIM_LICENCES: Act.RECLAIM_LICENCES,
}
"""Acts of the contract, by which a connector declares effects."""


@dataclass(frozen=True, slots=True)
class HoldData:
    """Sealed data of a hold."""

    set_by: str
    reason: str
    ended_by: str = ""
    ended_why: str = ""

    def seal(self, vault: Vault, key: bytes, row_id: str) -> bytes:
        """Encrypt the data for the row."""
        return vault.seal(key, asdict(self), f"hold:{row_id}")


class LegalHolds:
    """Sets and ends legal holds."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def set(self, case_id: str, by: Actor, reason: str) -> None:
        """Set a hold on the person of a case. Raises `Refused`: NEEDS_REASON, ALREADY_HELD."""
        context = self._context
        by = context.authorization.require(Right.HOLD, by, case_id)
        if not reason.strip():
            raise Refused(Code.NEEDS_REASON)
        with context.store.write() as session:
            case, _data = read_case(session, context.vault, case_id)
            if known := open_hold(session, context.vault, case):
                raise Refused(Code.ALREADY_HELD, by=known.set_by, at=known.set_at.isoformat())
            number = len(session.exec(select(LegalHold.id).where(LegalHold.case_id == case_id)).all())
            row_id = f"{case_id}:{number + 1}"
            row = LegalHold(
                id=row_id,
                case_id=case_id,
                person_key=case.leaver_key,
                set_at=context.clock.now(),
                set_by=by.id,
                sealed=HoldData(by.name or by.id, reason.strip()).seal(context.vault, case.wrapped_key, row_id),
            )
            session.add(row)
            self._record(session, row, SET, by)

    def end(self, case_id: str, by: Actor, reason: str) -> None:
        """End the open hold on the person of a case. Acts that waited go on.

        Raises `Refused`: NEEDS_REASON, NOT_HELD.
        """
        context, now = self._context, self._context.clock.now()
        by = context.authorization.require(Right.END_HOLD, by, case_id)
        if not reason.strip():
            raise Refused(Code.NEEDS_REASON)
        with context.store.write() as session:
            case, _data = read_case(session, context.vault, case_id)
            rows = session.exec(_open_rows(case)).all()
            if not rows and not is_recorded(context, session, case_id):
                raise Refused(Code.NOT_HELD)
            for row in rows:
                key = session.get_one(Case, row.case_id).wrapped_key
                data = replace(_opened(context.vault, key, row), ended_by=by.name or by.id, ended_why=reason.strip())
                row.ended_at, row.ended_by = now, by.id
                row.sealed = data.seal(context.vault, key, row.id)
                session.add(row)
                self._record(session, row, ENDED, by)
            if not rows:  # another hand took the row out; the journal alone has the hold
                context.journal.write(session, actor=by, action=ENDED, case_id=case_id, data={"row": ""})
            days.wake(session, _cases_of(session, case), now)

    def _record(self, session: Session, row: LegalHold, action: str, by: Actor) -> None:
        session.flush()
        data = {"row": row.id, "by": Personal(by.name or by.id)}
        self._context.journal.write(session, actor=by, action=action, case_id=row.case_id, data=data, sealed=row.sealed)
        for case_id in _cases_of(session, session.get_one(Case, row.case_id)):
            refresh_case_message(session, case_id)


def open_hold(session: Session, vault: Vault, case: Case) -> HoldLine | None:
    """Return the open hold on the person of a case, set in this case or in another one; None if there is none."""
    row = session.exec(_open_rows(case).order_by(col(LegalHold.set_at))).first()
    return line(session, vault, row) if row else None


def of_person(session: Session, vault: Vault, leaver_key: str) -> HoldLine | None:
    """Return the open hold on a person, by the key of their cases."""
    query = select(LegalHold).where(LegalHold.person_key == leaver_key, col(LegalHold.ended_at).is_(None))
    row = session.exec(query.order_by(col(LegalHold.set_at))).first()
    return line(session, vault, row) if row else None


def ended_holds(session: Session, vault: Vault, case_id: str) -> tuple[HoldLine, ...]:
    """Return the holds of a case that have ended, oldest first."""
    query = select(LegalHold).where(LegalHold.case_id == case_id, col(LegalHold.ended_at).is_not(None))
    return tuple(line(session, vault, row) for row in session.exec(query.order_by(col(LegalHold.set_at))))


def line(session: Session, vault: Vault, row: LegalHold) -> HoldLine:
    """Return a hold as people see it."""
    data = _opened(vault, session.get_one(Case, row.case_id).wrapped_key, row)
    return HoldLine(row.case_id, row.set_at, data.set_by, data.reason, row.ended_at, data.ended_by, data.ended_why)


def is_open(session: Session, case: Case) -> bool:
    """Return whether a row says that the person of a case is under a hold."""
    return session.exec(_open_rows(case).limit(1)).first() is not None


def is_recorded(context: Context, session: Session, case_id: str) -> bool:
    """Return whether the journal has an open hold of the case. An entry without our mark counts for nothing."""
    newest = last(acts(context, session, case_id, "hold.%", strict=False), SET, ENDED)
    return newest is not None and newest.action == SET


def held_cases() -> sa.Select[str]:
    """Return the query for the cases whose person is under a hold."""
    held = sa.and_(
        col(LegalHold.ended_at).is_(None),
        sa.or_(col(LegalHold.case_id) == col(Case.id), col(LegalHold.person_key) == col(Case.leaver_key)),
    )
    return sa.select(col(Case.id)).where(sa.select(col(LegalHold.id)).where(held).exists())


def destroys(system: System, act: StageAct) -> str:
    """Return, as the connector's sentence, what an act destroys in a system for good; empty if it destroys nothing."""
    wanted = CONTRACT_ACTS.get(act)
    found = (
        _(one.why)
        for one in system.manifest.effects
        if one.destroys and one.act == wanted and system.connector.has_effect(one)
    )
    return next(found, "")


def words(hold: HoldLine | None, at: datetime) -> str:
    """Return why an act waits. `at`: the time, where only the journal has the hold."""
    if hold is None:
        return _("legal hold, which the journal has and no row: ask security ({at})").format(at=at.date())
    return _("legal hold since {at}, by {by}").format(at=hold.set_at.date(), by=hold.set_by)


def _open_rows(case: Case) -> SelectOfScalar[LegalHold]:
    same = sa.or_(col(LegalHold.case_id) == case.id, col(LegalHold.person_key) == case.leaver_key)
    return select(LegalHold).where(same, col(LegalHold.ended_at).is_(None))


def _cases_of(session: Session, case: Case) -> list[str]:
    return list(session.exec(select(Case.id).where(Case.leaver_key == case.leaver_key)))


def _opened(vault: Vault, key: bytes, row: LegalHold) -> HoldData:
    return HoldData(**vault.open(key, row.sealed, f"hold:{row.id}"))
