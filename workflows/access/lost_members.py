"""Members that a system took out of a group beside the leaver: a finding that stops further changes of groups there."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from config.text import _
from connectors.contract import AccountId
from connectors.errors import OthersTouched
from workflows.context import Context
from workflows.storage.findings import FindingReport, still_open
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.watch import Finding, FindingKind

KINDS = (FindingKind.MEMBERS_LOST,)


def refusal(context: Context, system: str) -> str:
    """Return why no group is changed in a system now, as a sentence; empty if nothing speaks against it.

    A finding stops all changes of groups there, in every process, until somebody accepts it. The end of its case does
    not end it.
    """
    with context.store.read() as session:
        blocking = stopping(session, system, context.clock.now())
    if not blocking:
        return ""
    return _(
        "no group is left or joined, because other members were lost before ({finding}): bring them back, "
        "then accept the finding"
    ).format(finding=blocking[0])


def stopping(session: Session, system: str, now: datetime) -> Sequence[str]:
    """Return the ids of the findings that stop changes of groups in a system."""
    return [row.id for row in still_open(session, system, KINDS) if not _accepted(row, now)]


def report(context: Context, case_id: str, system: str, account: AccountId, name: str, error: OthersTouched) -> str:
    """Open the finding that names everybody lost; return its sentence. Only a loss by the system itself stops more."""
    kind = FindingKind.MEMBERS_LOST if error.stop else FindingKind.CHANGED_MEANWHILE
    detail = _("group {name}: {why}").format(name=name, why=str(error)) if name else str(error)

    def write(session: Session) -> None:
        row = context.findings.report(session, FindingReport(kind, case_id, system, account, detail), "lock-out")
        row.accepted_until = None  # whoever accepted it did not know of this loss
        context.journal.write(
            session,
            actor=HANDOVER,
            action="access.members_lost",
            case_id=case_id,
            data={"system": system, "stopped": error.stop, "count": error.count},
        )

    context.store.group_write(write, case_id)
    return detail


def settle(context: Context, system: str) -> None:
    """Close the accepted findings of a system: groups were changed there since, and nobody else was lost."""
    now = context.clock.now()
    with context.store.read() as session:
        if not still_open(session, system, KINDS):
            return

    def write(session: Session) -> None:
        for row in still_open(session, system, KINDS):
            if _accepted(row, now):
                context.findings.close(session, row)

    context.store.group_write(write)


def _accepted(row: Finding, now: datetime) -> bool:
    return row.accepted_until is not None and row.accepted_until > now
