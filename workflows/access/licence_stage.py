"""The act of a stage that reclaims licences: read, take each, read back; and its undo, which gives back what it took.

Before each write the seat's state is kept as begun. After a kill or a lost answer, a read shows what became of it. So
no seat is taken or given back twice, and none that somebody else took is given back.

Over 250 lines because taking and giving back read the same states, and are read as a whole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from config.text import _, join, ngettext, stored
from connectors.contract import AccountId, Act, Change, Licence, LicenceId, Licences
from connectors.errors import BadCredential, ConnectorError, Missing, OthersTouched, OutcomeUnknown, Unavailable
from workflows.access import lost_members
from workflows.access.licences import noted
from workflows.access.order import comes_first
from workflows.access.staged_account import (
    OURS,
    Seat,
    SeatState,
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

First = Callable[[Context, str, System, Act], Sequence[str]]
"""Returns what must come before an act, as sentences: `order.comes_first`."""


@dataclass(slots=True)
class Outcome:
    """Sentences on the accounts of one system."""

    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    waits: bool = False

    def result(self) -> ActResult:
        """Return them as the result of the act."""
        done, problems = tuple(map(stored, self.done)), dict.fromkeys(self.problems)
        if not problems:
            return ActResult(done)
        return ActResult(done, stored(join("; ", problems)), self.waits)


class ReclaimLicences:
    """Takes the leaver's seats."""

    act = StageAct.RECLAIM_LICENCES

    def __init__(self, context: Context, first: First = comes_first) -> None:
        self._context, self._first, self._staged = context, first, StagedAccounts(context)

    def applies(self, system: System) -> bool:
        """Return whether the system has seats that can be taken."""
        return system.has(Licences)

    def foresee(self, system: System, accounts: Sequence[AccountId]) -> Sequence[str]:
        """Return what would be reclaimed now, and what would stay, as sentences."""
        connector = _connector(system)
        every = [licence for account in accounts for licence in connector.licences(account)]
        taken = [one.name for one in every if not one.fixed]
        text = ngettext("{count} licence is reclaimed: {names}", "{count} licences are reclaimed: {names}", len(taken))
        said = [text.format(count=len(taken), names=", ".join(taken))] if taken else []
        return [*said, *map(_stays, (one for one in every if one.fixed))]

    def run(self, case_id: str, system: System) -> ActResult:
        """Take every seat of every account of the leaver that the lock-out found and that is locked."""
        outcome = Outcome()
        if blocked := self._first(self._context, case_id, system, Act.RECLAIM_LICENCES):
            return ActResult(problem=stored(join("; ", blocked)), waits=True)
        try:
            accounts = accounts_to_change(self._context, case_id, system)
        except PreconditionFailed as error:
            return ActResult(problem=error.sentence.stored, waits=True)
        for account, login in accounts:
            _Reclaim(self._context, self._staged, case_id, system, account, login, outcome).run()
        return outcome.result()

    def undo(self, case_id: str, system: System) -> ActResult:
        """Give back each seat that the case took, once."""
        outcome = Outcome()
        try:
            require_ended(self._context, case_id)
        except PreconditionFailed as error:
            return ActResult(problem=error.sentence.stored, waits=True)
        for account, data in self._staged.of_system(case_id, system.name).items():
            if any(one.state in OURS for one in data.seats):
                _Reclaim(self._context, self._staged, case_id, system, account, data.login, outcome).give_back()
        return outcome.result()


@dataclass(frozen=True, slots=True)
class _Reclaim:
    """The seats of one account."""

    context: Context
    staged: StagedAccounts
    case_id: str
    system: System
    account: AccountId
    login: str
    outcome: Outcome

    def run(self) -> None:
        """Take every seat that is held, and read back."""
        if why := why_not_yet(self.system, self.account):
            self._problem(why, waits=True)
            return
        present = self._read()
        if present is None:
            return
        before = self._data()
        for seat in before.in_state(SeatState.TAKING):
            if seat.id not in {one.id for one in present}:  # the answer was lost, and the read shows it
                self._settle(seat.id, SeatState.TAKEN, "licence_taken")
        for licence in present:
            if not licence.fixed and not self._take(licence):
                break
        left = self._read()
        if left is not None:
            self._judge(left)

    def give_back(self) -> None:
        """Give back every seat that the case took and that is not there, and read back."""
        present = self._read(giving=True)
        if present is None:
            return
        for seat in self._data().in_state(*OURS):
            there = seat.id in {one.id for one in present}
            if there:  # given by an earlier attempt, or by somebody else, or never taken
                given = SeatState.HELD if seat.state == SeatState.TAKING else SeatState.GIVEN
                self._settle(seat.id, given, "licence_back")
            else:
                self._give(seat)
        after = self._read(giving=True)
        if after is not None:
            self._judge_back({one.id for one in after})

    def _read(self, *, giving: bool = False) -> Sequence[Licence] | None:
        """Read the seats, and keep them; None if the account is not there. Raises `ConnectorError`."""
        try:
            found = _connector(self.system).licences(self.account)
        except Missing:
            text = _("{login}: the account is not there any more, so its licences were not read")
            if giving:
                self._problem(_("its licences cannot be given back: the account is not there any more"), waits=True)
            elif self._data().in_state(SeatState.HELD, SeatState.TAKING):  # nothing shows that these are free
                self.outcome.problems.append(text.format(login=self.login))
                self.outcome.waits = True
            else:
                self.outcome.done.append(text.format(login=self.login))
            return None
        except ConnectorError as error:
            why = stored(say(error))
            self._change(lambda data: replace(data, unknown=why), "licences_unread")
            raise
        now = self.context.clock.now()
        if found or self._data().seats:
            self._change(lambda data: noted(data, found, now, self.login), "licences_read")
        return found

    def _take(self, licence: Licence) -> bool:
        """Take one seat; return whether to go on with the next one."""
        if licence.through and (refused := lost_members.refusal(self.context, self.system.name)):
            self._problem(refused, waits=True)
            return False
        seat = self._data().seat(licence.id)
        begun = seat is not None and seat.state in (SeatState.TAKING, SeatState.TAKEN)
        self._settle(licence.id, SeatState.TAKING, "licence_taking")
        try:
            change = _connector(self.system).reclaim(self.account, licence.id)
        except OthersTouched as error:
            name = self.system.name
            text = lost_members.report(self.context, self.case_id, name, self.account, licence.name, error)
            self._settle(licence.id, SeatState.TAKEN, "licence_taken")  # the write was ours; the read back tells
            self._problem(text, waits=True)
            return not error.stop
        except OutcomeUnknown:
            return True  # the read back tells
        except (Unavailable, BadCredential):
            self._settle(licence.id, SeatState.TAKEN if begun else SeatState.HELD, "licence_not_taken")
            raise
        except ConnectorError as error:
            text = _("{name} is not reclaimed: {why}").format(name=licence.name, why=say(error))
            self._settle(licence.id, SeatState.HELD, "licence_not_taken", say(error))
            self._problem(text)
            return True
        ours = change is Change.MADE or begun
        self._settle(
            licence.id, SeatState.TAKEN if ours else SeatState.GONE, "licence_taken" if ours else "licence_gone"
        )
        return True

    def _give(self, seat: Seat) -> None:
        """Give one seat back. Its state stays as begun, until a read shows it."""
        if seat.through and (refused := lost_members.refusal(self.context, self.system.name)):
            self._problem(refused, waits=True)
            return
        self._settle(seat.id, SeatState.GIVING, "licence_giving")
        try:
            _connector(self.system).give_licence(self.account, LicenceId(seat.id))
        except OthersTouched as error:
            name = self.system.name
            text = lost_members.report(self.context, self.case_id, name, self.account, seat.name, error)
            self._problem(text, waits=True)
        except OutcomeUnknown:
            return
        except (Unavailable, BadCredential):
            raise
        except ConnectorError as error:
            text = _("{name} is not given back: {why}").format(name=seat.name, why=say(error))
            self._settle(seat.id, SeatState.TAKEN, "licence_not_given", say(error))
            self._problem(text, waits=True)

    def _judge(self, left: Sequence[Licence]) -> None:
        """Say what the read after the writes shows."""
        data, held = self._data(), {one.id for one in left}
        for seat in data.in_state(SeatState.TAKING):  # the answer was lost
            if seat.id not in held:
                data = self._settle(seat.id, SeatState.TAKEN, "licence_taken")
        told = {seat.id for seat in data.seats if seat.problem}
        for one in left:
            if not one.fixed and one.id not in told:
                self._problem(_("{name} is still there, as a read shows").format(name=one.name))
        taken = [seat.name for seat in data.in_state(SeatState.TAKEN) if seat.id not in held]
        if taken:
            text = ngettext("{count} licence reclaimed: {names}", "{count} licences reclaimed: {names}", len(taken))
            self.outcome.done.append(text.format(count=len(taken), names=", ".join(taken)))
        if gone := [seat.name for seat in data.in_state(SeatState.GONE)]:
            text = _("gone before this stage, and not taken by it: {names}")
            self.outcome.done.append(text.format(names=", ".join(gone)))
        self.outcome.done += map(_stays, (one for one in left if one.fixed))
        complete = bool(taken) and all(one.fixed for one in left)
        now = self.context.clock.now().isoformat()
        self._change(
            lambda before: replace(before, reclaimed_at=(before.reclaimed_at or now) if complete else ""),
            "licences_reclaimed",
        )

    def _judge_back(self, held: set[LicenceId]) -> None:
        for seat in self._data().in_state(SeatState.GIVING):
            if seat.id in held:
                self._settle(seat.id, SeatState.GIVEN, "licence_back")
            else:
                self._problem(_("{name} is not back yet, as a read shows").format(name=seat.name))
        data = self._data()
        back = [seat.name for seat in data.in_state(SeatState.GIVEN) if seat.id in held]
        if back:
            text = ngettext("{count} licence is back: {names}", "{count} licences are back: {names}", len(back))
            self.outcome.done.append(text.format(count=len(back), names=", ".join(back)))
        self._change(lambda before: replace(before, reclaimed_at=""), "licences_back")

    def _problem(self, text: str, *, waits: bool = False) -> None:
        self.outcome.problems.append(join(": ", (self.login, text)))
        self.outcome.waits = self.outcome.waits or waits

    def _settle(self, number: str, state: SeatState, action: str, problem: str = "") -> StagedData:
        """Keep the new state of a seat. A state that another attempt has reached meanwhile is not undone."""

        def settled(data: StagedData) -> StagedData:
            seat = data.seat(number)
            if seat is None or (state is SeatState.GONE and seat.state == SeatState.TAKEN):
                return data
            return data.with_seat(replace(seat, state=state, problem=stored(problem)))

        return self._change(settled, action)

    def _change(self, change: Callable[[StagedData], StagedData], action: str) -> StagedData:
        return self.staged.change(self.case_id, self.system.name, self.account, change, action)

    def _data(self) -> StagedData:
        return self.staged.of_system(self.case_id, self.system.name).get(self.account, StagedData())


def _connector(system: System) -> Licences:
    connector = system.having(Licences)
    if connector is None:
        raise TypeError(system.name)
    return connector


def _stays(licence: Licence) -> str:
    return _("{name} stays: {why}").format(name=licence.name, why=licence.fixed)
