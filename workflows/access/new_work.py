"""The stage act that stops new work for the leaver: queues, rotations, rules and default assignees.

Each duty of this kind that nobody decided to keep is stopped with its before-image, or given early if that was decided.
The images are those of `DutyDecision` rows, so that an undo, and a later decision of a person, restore the same.
"""

from collections.abc import Sequence

from sqlmodel import Session

from config.text import Sentence, _, loaded, ngettext, stored
from connectors.contract import AccountId, Duties, Duty, DutyChanges, DutyKind
from connectors.errors import Unavailable
from workflows.access import duties
from workflows.access.duty_carrier import HAND
from workflows.access.duty_decisions import rule
from workflows.access.duty_rows import OVER, DecisionData, as_duty, rows_of
from workflows.access.duty_work import DutyWork
from workflows.context import Context
from workflows.stage_acts import ActResult, StageAct
from workflows.storage.case import read_case
from workflows.storage.rows.case import Case
from workflows.storage.rows.duties import DutyDecision
from workflows.storage.rows.work_state import WorkState
from workflows.storage.work import again
from workflows.systems.accounts import PreconditionFailed, leaver_accounts
from workflows.systems.registry import System


class StopNewWork:
    """Handler of `StageAct.STOP_NEW_WORK`."""

    act = StageAct.STOP_NEW_WORK

    def __init__(self, context: Context, work: DutyWork) -> None:
        self._context, self._work = context, work

    def applies(self, system: System) -> bool:
        """Return whether the system lists duties. One that changes none has the work done there by hand."""
        return system.has(Duties)

    def foresee(self, system: System, accounts: Sequence[AccountId]) -> Sequence[str]:
        """Return, from a read, what would stop sending work to the leaver. Raises `ConnectorError`."""
        routing, unknown = self._routing(system, accounts)
        said = [_("{title} stops sending work to them").format(title=one.title) for one in routing]
        if routing and not system.has(DutyChanges):
            said = [f"{one}: {_(HAND)}" for one in said]
        return (*said, *unknown)

    def run(self, case_id: str, system: System) -> ActResult:
        """Stop what routes work to the leaver, from a read of now. Raises `ConnectorError`, and nothing is lost."""
        accounts = self._accounts(case_id, system)
        routing, unknown = self._routing(system, accounts)
        with self._context.store.write() as session:
            case, _data = read_case(session, self._context.vault, case_id)
            rows = {row.id: row for row in (rule(self._context, session, case, system, one) for one in routing) if row}
            killed = [row for row in self._changed(session, case, system) if row.state == WorkState.DUE]
            ids = list(dict.fromkeys([*rows, *(row.id for row in killed)]))
        for row_id in ids:
            self._work.run(row_id)
        return self._result(case_id, ids, unknown)

    def undo(self, case_id: str, system: System) -> ActResult:
        """Put back what routed work to the leaver, for an undone or cancelled case."""
        context = self._context
        with context.store.write() as session:
            case, _data = read_case(session, context.vault, case_id)
            if case.state not in OVER:
                return ActResult()
            changed = self._changed(session, case, system)
            for row in changed:
                again(session, row, context.clock.now())
            ids = [row.id for row in changed]
        for row_id in ids:
            self._work.run(row_id)
        return self._result(case_id, ids, ())

    def _accounts(self, case_id: str, system: System) -> tuple[AccountId, ...]:
        context = self._context
        with context.store.read() as session:
            leaver = read_case(session, context.vault, case_id)[1].leaver
        try:
            return leaver_accounts(context.store, context.vault, case_id, leaver, system)
        except PreconditionFailed as error:
            raise Unavailable(str(error.sentence)) from error

    def _routing(self, system: System, accounts: Sequence[AccountId]) -> tuple[list[Duty], Sequence[str]]:
        """Return what routes work to the accounts now, and what is not known. Raises `Unavailable` without a list."""
        line = duties.read(system, accounts, self._context.clock.now())
        if line is None:
            return [], ()
        if line.read_at is None:
            raise Unavailable("; ".join(line.unknown))
        return [one for one in line.duties if one.kind is DutyKind.ROUTES and one.active], line.unknown

    def _changed(self, session: Session, case: Case, system: System) -> list[DutyDecision]:
        """Return the decisions whose write has begun at least, on duties that routed work to the leaver."""
        rows = {row.id: row for row in rows_of(session, case.id, system.name)}
        data = {one: DecisionData.of(self._context.vault, case.wrapped_key, row) for one, row in rows.items()}
        return [row for one, row in rows.items() if data[one].image and as_duty(data[one].duty).kind is DutyKind.ROUTES]

    def _result(self, case_id: str, ids: Sequence[str], unknown: Sequence[str]) -> ActResult:
        done, problems = [], list(unknown)
        by_hand = 0
        with self._context.store.read() as session:
            key = session.get_one(Case, case_id).wrapped_key
            for row_id in ids:
                row = session.get_one(DutyDecision, row_id)
                data = DecisionData.of(self._context.vault, key, row)
                title = as_duty(data.duty).title
                if row.state == WorkState.DONE:
                    done.append(_said(title, data.result).stored)
                else:
                    by_hand += data.by_hand
                    problems.append(_said(title, data.problem or stored(_("it is being done now"))).words)
        if not problems:
            return ActResult(tuple(done))
        said = problems[0]
        if more := len(problems) - 1:
            said = ngettext("{first}, and {count} more", "{first}, and {count} more", more).format(
                first=loaded(stored(said)), count=more
            )
        return ActResult(tuple(done), stored(said), waits=by_hand == len(problems))


def _said(title: str, what: str) -> Sentence:
    """Return a stored sentence on one duty, after the duty's name."""
    return Sentence("{title}: {what}", {"title": title, "what": loaded(what)})
