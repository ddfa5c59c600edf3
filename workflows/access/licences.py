"""Licences of a leaver: read for the plan, kept at notice and again right before the lock-out, and shown in the case.

A licence never holds up a lock-out. A read that fails is kept as unknown, with its reason, and never as none.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session, select

from config.text import _, join, ngettext, shown, stored
from connectors.contract import AccountId, Licence, Licences
from connectors.errors import ConnectorError
from workflows.access.observation import MALFORMED, malformed
from workflows.access.staged_account import Deactivated, Seat, SeatState, StagedAccounts, StagedData, opened
from workflows.access.views import LicenceLine, SeatLine, SystemPlan
from workflows.context import Context
from workflows.storage.findings import FindingReport
from workflows.storage.rows.access import StagedAccount
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import FindingKind
from workflows.storage.work import say
from workflows.systems.registry import System, Systems

SECONDS = 5.0
"""Time for one system. A person waits for the plan meanwhile."""
StageOf = Callable[[str, str], str]
"""Returns the stage of a case that will reclaim licences in a system, in words; empty if none will.

The case's id is empty in a plan.
"""


def no_stage(case_id: str, system: str) -> str:  # noqa: ARG001
    """Return that no stage reclaims licences."""
    return ""


def keep(context: Context, system: System, case_id: str, account: AccountId, login: str) -> bool:
    """Read the seats of one account and keep them; return whether they are known now.

    Nothing is written for an account that has none, and never had any.
    """
    connector = system.having(Licences)
    if connector is None:
        return True
    staged, now = StagedAccounts(context), context.clock.now()
    try:
        found = connector.licences(account)
    except (ConnectorError, *MALFORMED) as error:
        why = stored(malformed(error))
        staged.change(
            case_id, system.name, account, lambda data: replace(data, login=login, unknown=why), "licences_unread"
        )
        return False
    if not found and account not in staged.of_system(case_id, system.name):
        return True
    staged.change(case_id, system.name, account, lambda data: noted(data, found, now, login), "licences_read")
    return True


def noted(data: StagedData, found: Sequence[Licence], now: datetime, login: str = "") -> StagedData:
    """Return the data after a read of the seats. Pure.

    A seat that is no longer there is gone, unless this case took it or has begun to. A seat that this case took and
    that is there again stays taken: the next run takes it again, and a follow-up reports it.
    """
    present = {one.id: one for one in found}
    for seat in data.seats:
        if seat.id not in present and seat.state == SeatState.HELD:
            data = data.with_seat(replace(seat, state=SeatState.GONE))
        elif seat.id in present and seat.state == SeatState.GONE:
            data = data.with_seat(Seat.of(present[seat.id]))  # type: ignore[index]
    for licence in found:
        if data.seat(licence.id) is None:
            data = data.with_seat(Seat.of(licence))
    return replace(data, login=login or data.login, read_at=now.isoformat(), unknown="")


def foresee(
    systems: Systems, plans: Mapping[str, SystemPlan], now: datetime, stage: StageOf = no_stage
) -> Mapping[str, SystemPlan]:
    """Return the plans with the licences of the accounts that were found. All systems are asked at once."""

    def ask(system: System) -> LicenceLine | None:
        plan = plans[system.name]
        connector = system.having(Licences)
        if connector is None or len(plan.accounts) != 1:
            return None
        try:
            seats = connector.licences(AccountId(plan.accounts[0].account_id))
        except (ConnectorError, *MALFORMED) as error:
            return LicenceLine(system.name, plan.title, unknown=malformed(error))
        lines = tuple(SeatLine(one, SeatState.HELD) for one in seats)
        when = stage("", system.name) if seats else ""
        return LicenceLine(system.name, plan.title, seats=lines, read_at=now, stage=when) if seats else None

    having = [name for name, plan in plans.items() if plan.accounts and systems[name].has(Licences)]
    if not having:
        return plans
    planned = dict(plans)
    for name, answer in systems.ask(ask, SECONDS).items():
        if name not in having:
            continue
        line = answer
        if len(plans[name].accounts) > 1:  # a person must choose the account first
            line = LicenceLine(name, plans[name].title, unknown=plans[name].problem)
        elif isinstance(answer, ConnectorError):
            line = LicenceLine(name, plans[name].title, unknown=say(answer))
        plan = replace(plans[name], licences=line if isinstance(line, LicenceLine) else None)
        planned[name] = _without_seats(plan) if plan.licences and stage("", name) else plan
    return planned


def _without_seats(plan: SystemPlan) -> SystemPlan:
    """Return the plan in which the lock-out does not leave the groups that a stage leaves."""
    through = plan.licences and (plan.licences.unknown or any(one.licence.through for one in plan.licences.seats))
    every, others = _("leave all groups"), _("leave all groups except those that are licences")
    return replace(plan, does=tuple(others if one == every else one for one in plan.does)) if through else plan


def lines(
    rows: Collection[StagedAccount], opener: Callable[[bytes, str], object], systems: Systems, stage: StageOf = no_stage
) -> Iterator[LicenceLine]:
    """Yield the licences of a case's accounts as people see them, a line for each account."""
    for row in rows:
        data, system = opened(opener, row), systems.get(row.system)
        waiting = any(one.state in (SeatState.HELD, SeatState.TAKING) for one in data.seats)
        yield LicenceLine(
            row.system,
            system.manifest.title if system else row.system,
            data.login,
            tuple(SeatLine(one.licence, one.state, shown(one.problem)) for one in data.seats),
            shown(data.unknown),
            _time(data.read_at),
            _time(data.reclaimed_at),
            stage(row.case_id, row.system) if waiting else "",
            _time(data.deactivated_at) if data.deactivated == Deactivated.DONE else None,
        )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def look_again(context: Context, case: Case, system: System, by: str) -> str:
    """Read whether seats that a stage reclaimed are held again; open or close the finding. Return words for people.

    Empty: no stage reclaimed any there, or none is held. A read that fails is said, and closes no finding.
    """
    connector = system.having(Licences)
    if connector is None:
        return ""
    said = []
    for account, data in StagedAccounts(context).of_system(case.id, system.name).items():
        if not data.reclaimed_at:  # a stage that is not complete says so itself
            continue
        try:
            held = [one.name for one in connector.licences(account) if not one.fixed]
        except (ConnectorError, *MALFORMED) as error:
            said.append(_("licences unknown ({why})").format(why=malformed(error)))
            continue
        detail = ngettext(
            "{count} licence is held, and all of them were reclaimed before: {names}",
            "{count} licences are held, and all of them were reclaimed before: {names}",
            len(held),
        ).format(count=len(held), names=", ".join(held))
        with context.store.write() as session:
            sighting = FindingReport(FindingKind.LICENCE_HELD, case.id, system.name, account, detail)
            if held:
                context.findings.report(session, sighting, by)
                said.append(detail)
            else:
                context.findings.close_resolved(session, sighting)
    return join("; ", said)


def of_case(session: Session, case_id: str) -> Sequence[StagedAccount]:
    """Return the rows of one case."""
    return session.exec(select(StagedAccount).where(StagedAccount.case_id == case_id)).all()
