"""Checks of a past leaver's duties at each follow-up: a decided one that is there again, and one without a decision."""

from collections.abc import Sequence

from sqlmodel import Session

from config.text import _, ngettext
from connectors.contract import Duties
from workflows.access import duties, duty_messages
from workflows.access.duty_rows import DecisionData, row_id, rows_of
from workflows.access.views import DutyLine
from workflows.context import Context
from workflows.storage.case import open_case_data
from workflows.storage.findings import FindingReport
from workflows.storage.rows.case import Case
from workflows.storage.rows.duties import DutyChoice
from workflows.storage.rows.watch import FindingKind
from workflows.storage.work import again
from workflows.systems.accounts import PreconditionFailed, leaver_accounts
from workflows.systems.registry import System


def check(context: Context, case: Case, system: System, by: str) -> Sequence[str]:
    """Read the list, open or close the findings, and return what to say about it. Raises nothing of the system.

    A duty that is there again is due again, so that the decision is carried out once more.
    """
    if not system.has(Duties):
        return ()
    leaver = open_case_data(context.vault, case).leaver
    try:
        accounts = leaver_accounts(context.store, context.vault, case.id, leaver, system)
    except PreconditionFailed as error:
        return (_unknown(str(error.sentence)),)
    if not accounts:
        return ()
    line = duties.read(system, accounts, context.clock.now())
    if line is None or line.read_at is None:
        return (_unknown(line.unknown[0]),) if line and line.unknown else ()
    with context.store.write() as session:
        left, undecided = _compare(context, session, case, line)
        _report(context, session, case, system, FindingKind.DUTY_LEFT, left, by)
        _report(context, session, case, system, FindingKind.DUTY_UNDECIDED, undecided, by)
    said = []
    if left:
        text = ngettext("{count} duty is still in their name", "{count} duties are still in their name", len(left))
        said.append(text.format(count=len(left)))
    if undecided:
        text = ngettext("{count} duty waits for a decision", "{count} duties wait for a decision", len(undecided))
        said.append(text.format(count=len(undecided)))
    return (*said, *map(_unknown, line.unknown))


def _compare(context: Context, session: Session, case: Case, line: DutyLine) -> tuple[list[str], list[str]]:
    """Return the titles of what is there against a decision, and of what nobody decided on."""
    rows = {row.id: row for row in rows_of(session, case.id, line.system)}
    left, undecided, now = [], [], context.clock.now()
    for duty in line.duties:
        row = rows.get(row_id(context.vault, case.id, line.system, duty.id))
        if row is None:
            undecided.append(duty.title)
            continue
        data = DecisionData.of(context.vault, case.wrapped_key, row)
        off = data.choice == DutyChoice.STOP and not duty.active
        if data.choice != DutyChoice.KEEP and not off:
            left.append(duty.title)
            again(session, row, now)
    return left, undecided


def _report(
    context: Context, session: Session, case: Case, system: System, kind: FindingKind, titles: list[str], by: str
) -> None:
    report = FindingReport(kind, case.id, system.name, detail=duty_messages.named(titles))
    if titles:
        context.findings.report(session, report, by)
    else:
        context.findings.close_resolved(session, report)


def _unknown(why: str) -> str:
    return _("what runs in their name is not fully known: {why}").format(why=why)
