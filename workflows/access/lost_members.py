"""Members that a system took out of a group beside the leaver: a finding that stops further changes of groups there."""

from sqlmodel import Session

from config.text import _
from connectors.contract import AccountId
from connectors.errors import OthersTouched
from workflows.context import Context
from workflows.storage.findings import FindingReport, open_of, still_open
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.watch import FindingKind


def refusal(context: Context, system: str) -> str:
    """Return why no group is changed in a system now, as a sentence; empty if nothing speaks against it.

    A finding stops all changes of groups there until somebody accepts it.
    """
    now = context.clock.now()
    with context.store.read() as session:
        found = still_open(session, system, (FindingKind.MEMBERS_LOST,))
        blocking = [row.id for row in found if not (row.accepted_until and row.accepted_until > now)]
    if not blocking:
        return ""
    return _(
        "no group is left or joined, because other members were lost before ({finding}): bring them back, "
        "then accept the finding"
    ).format(finding=blocking[0])


def report(context: Context, case_id: str, system: str, account: AccountId, name: str, error: OthersTouched) -> str:
    """Open the finding that names everybody lost; return its sentence. Only a loss by the system itself stops more."""
    kind = FindingKind.MEMBERS_LOST if error.stop else FindingKind.CHANGED_MEANWHILE
    detail = _("group {name}: {why}").format(name=name, why=str(error)) if name else str(error)

    def write(session: Session) -> None:
        context.findings.report(session, FindingReport(kind, case_id, system, account, detail), "lock-out")
        context.journal.write(
            session,
            actor=HANDOVER,
            action="access.members_lost",
            case_id=case_id,
            data={"system": system, "stopped": error.stop, "count": error.count},
        )

    context.store.group_write(write, case_id)
    return detail


def settle(context: Context, case_id: str, system: str, account: AccountId) -> None:
    """Close an accepted finding: the account's groups were changed since, and nobody else was lost."""
    with context.store.read() as session:
        if all(row.kind != FindingKind.MEMBERS_LOST for row in open_of(session, case_id, system)):
            return

    def write(session: Session) -> None:
        resolved = FindingReport(FindingKind.MEMBERS_LOST, case_id, system, account)
        context.findings.close_resolved(session, resolved)

    context.store.group_write(write, case_id)
