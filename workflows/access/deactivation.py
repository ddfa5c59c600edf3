"""The act of a stage that deactivates accounts: read, deactivate, read back; and its undo.

The account's state is kept as begun before the write. An account that somebody else deactivated is never reactivated.
"""

from collections.abc import Sequence
from dataclasses import replace

from config.text import _, join, stored
from connectors.contract import AccountId, Act, Change, Deactivation
from connectors.errors import BadCredential, Conflict, Forbidden, Missing, OutcomeUnknown, Unavailable
from workflows.access.licence_stage import First, Outcome
from workflows.access.order import comes_first
from workflows.access.staged_account import (
    Deactivated,
    StagedAccounts,
    StagedData,
    accounts_to_change,
    require_ended,
    why_not_yet,
)
from workflows.context import Context
from workflows.stage_acts import ActResult, StageAct
from workflows.storage.work import say
from workflows.systems.accounts import PreconditionFailed
from workflows.systems.registry import System

OURS = (Deactivated.BEGUN, Deactivated.DONE)


class DeactivateAccounts:
    """Deactivates the leaver's accounts after their lock."""

    act = StageAct.DEACTIVATE

    def __init__(self, context: Context, first: First = comes_first) -> None:
        self._context, self._first, self._staged = context, first, StagedAccounts(context)

    def applies(self, system: System) -> bool:
        """Return whether the system has this second step."""
        return system.has(Deactivation)

    def foresee(self, system: System, accounts: Sequence[AccountId]) -> Sequence[str]:
        """Return what would be done now, as sentences."""
        connector = _connector(system)
        return [_("the account is deactivated") for one in accounts if not connector.deactivated(one)]

    def run(self, case_id: str, system: System) -> ActResult:
        """Deactivate every account of the leaver that the lock-out found and that is locked."""
        outcome = Outcome()
        if blocked := self._first(self._context, case_id, system, Act.DEACTIVATE):
            return ActResult(problem=stored(join("; ", blocked)), waits=True)
        try:
            accounts = accounts_to_change(self._context, case_id, system)
        except PreconditionFailed as error:
            return ActResult(problem=error.sentence.stored, waits=True)
        for account, login in accounts:
            try:
                self._end(case_id, system, account, login, outcome)
            except Missing:
                text = _("{login}: the account is not there any more, so it was not deactivated")
                outcome.done.append(text.format(login=login))
        return outcome.result()

    def undo(self, case_id: str, system: System) -> ActResult:
        """Reactivate each account that the case deactivated, once. Its lock is another act's."""
        outcome = Outcome()
        try:
            require_ended(self._context, case_id)
        except PreconditionFailed as error:
            return ActResult(problem=error.sentence.stored, waits=True)
        for account, data in self._staged.of_system(case_id, system.name).items():
            if data.deactivated not in OURS:
                continue
            try:
                self._restore(case_id, system, account, data.login, outcome)
            except Missing:
                text = _("{login}: it cannot be reactivated, because the account is not there any more")
                outcome.problems.append(text.format(login=data.login))
                outcome.waits = True
        return outcome.result()

    def _end(self, case_id: str, system: System, account: AccountId, login: str, outcome: Outcome) -> None:
        connector = _connector(system)
        before = self._state(case_id, system, account)
        if not connector.deactivated(account):
            if why := why_not_yet(system, account):
                outcome.problems.append(join(": ", (login, why)))
                outcome.waits = True
                return
            self._keep(case_id, system, account, login, Deactivated.BEGUN)
            change = Change.MADE
            try:
                change = connector.deactivate(account)
            except OutcomeUnknown:
                pass  # the read below tells
            except (Unavailable, BadCredential):
                self._keep(case_id, system, account, login, Deactivated(before))
                raise
            except (Conflict, Forbidden) as error:
                self._keep(case_id, system, account, login, Deactivated.NOT)
                outcome.problems.append(join(": ", (login, say(error))))
                outcome.waits = True
                return
            before = Deactivated.BEGUN if change is Change.MADE else before
            if not connector.deactivated(account):
                text = _("{login}: a read shows that the account is not deactivated")
                outcome.problems.append(text.format(login=login))
                return
        if before not in OURS:
            self._keep(case_id, system, account, login, Deactivated.BEFORE)
            outcome.done.append(_("{login}: was deactivated already, not by this case").format(login=login))
            return
        self._keep(case_id, system, account, login, Deactivated.DONE)
        outcome.done.append(_("{login}: deactivated").format(login=login))

    def _restore(self, case_id: str, system: System, account: AccountId, login: str, outcome: Outcome) -> None:
        connector = _connector(system)
        if not connector.deactivated(account) and self._state(case_id, system, account) == Deactivated.BEGUN:
            self._keep(case_id, system, account, login, Deactivated.NOT)  # nothing became of it
            return
        if connector.deactivated(account):
            try:
                connector.reactivate(account)
            except OutcomeUnknown:
                pass  # the read below tells
            except (Conflict, Forbidden) as error:
                outcome.problems.append(join(": ", (login, say(error))))
                outcome.waits = True
                return
        if connector.deactivated(account):
            text = _("{login}: a read shows that the account is still deactivated")
            outcome.problems.append(text.format(login=login))
            return
        self._keep(case_id, system, account, login, Deactivated.UNDONE)
        outcome.done.append(_("{login}: no longer deactivated").format(login=login))

    def _state(self, case_id: str, system: System, account: AccountId) -> str:
        return self._staged.of_system(case_id, system.name).get(account, StagedData()).deactivated

    def _keep(self, case_id: str, system: System, account: AccountId, login: str, state: Deactivated) -> None:
        """Keep the new state, with the time of the first read that showed it done."""
        now = self._context.clock.now().isoformat()

        def changed(data: StagedData) -> StagedData:
            at = data.deactivated_at if data.deactivated == state else now if state is Deactivated.DONE else ""
            return replace(data, login=login or data.login, deactivated=state, deactivated_at=at)

        name = f"deactivation_{state or 'refused'}"
        self._staged.change(case_id, system.name, account, changed, name)


def _connector(system: System) -> Deactivation:
    connector = system.having(Deactivation)
    if connector is None:
        raise TypeError(system.name)
    return connector
