"""Systems that were configured after a case was opened: open cases cover them, and past leavers are looked up there.

A lookup locks no account: an open account is a finding with `Lock Again`. Until the answer has come, the case shows
"not looked up yet". Manual steps are asked for, as in a new case.
"""

import logging
from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from config.text import _
from connectors.contract import Account, Accounts, Observation, Verdict
from connectors.errors import ConnectorError
from workflows.access import manual_step, observation
from workflows.access.absence import AbsenceCheck
from workflows.access.account_state import VerdictNote, seal
from workflows.access.identity import other_persons_accounts
from workflows.access.inventory import create_inventory
from workflows.access.links import all_links
from workflows.cases.offboarding import OPEN, create_access_work
from workflows.context import Context
from workflows.ports import Clock
from workflows.storage.case import UNWATCHED, person, read_case, refresh_case_message
from workflows.storage.findings import FindingReport
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.rows.access import Access, Inventory, ManualStep
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.watch import FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store
from workflows.storage.vault import WrongKey
from workflows.systems.registry import System

log = logging.getLogger(__name__)


def add_to_open_cases(store: Store, journal: Journal, systems: Mapping[str, System], clock: Clock) -> None:
    """Add new systems to every open case, so that its lock-out covers them.

    Called at the start of the bot, when the configuration may have changed.
    """
    with store.read() as session:
        cases = session.exec(select(Case.id).where(col(Case.state).in_(OPEN))).all()
    for case_id in cases:
        _add_inventories(store, systems, case_id, clock.now())
        with store.write(case_id) as session:
            case = session.get_one(Case, case_id, with_for_update=True)
            new = [one for one in systems.values() if not _has_work(session, case_id, one)]
            if case.state not in OPEN or not new:
                continue
            due = max(case.effective_at, case.opened_at)
            for system in new:
                create_access_work(session, case, system, due, clock.now(), _state(case))
            journal.write(
                session,
                actor=HANDOVER,
                action="case.joined",
                case_id=case.id,
                data={"systems": [system.name for system in new]},
            )
            refresh_case_message(session, case.id)


def _state(case: Case) -> WorkState:
    return WorkState.PLANNED if case.state == CaseState.HELD else WorkState.DUE


def _add_inventories(store: Store, systems: Mapping[str, System], case_id: str, now: datetime) -> None:
    """Add the inventories of a case that an earlier version opened, or whose system could keep none."""
    with store.write(case_id) as session:
        case = session.get_one(Case, case_id)
        for system in systems.values():
            row_id = f"{case_id}:{system.name}"
            if session.get(Access, row_id) is not None and session.get(Inventory, row_id) is None:
                create_inventory(session, system, case, now, _state(case))


def _has_work(session: Session, case_id: str, system: System) -> bool:
    row_id = f"{case_id}:{system.name}"
    return session.get(Access, row_id) is not None or session.get(ManualStep, row_id) is not None


def catch_up(context: Context, absence: AbsenceCheck, by: str) -> list[str]:
    """Look up everybody who lacks a system; return, as sentences, the systems that could not be read.

    A system that fails is left for the next time, with its cases unchanged.
    """
    unread = []
    for name, system in context.systems.items():
        try:
            for case_id in _lacking(context, name):
                _try(context, absence, system, case_id, by)
        except ConnectorError as error:
            unread.append(observation.unreadable(name, system.manifest.title, error))
    return unread


def _try(context: Context, absence: AbsenceCheck, system: System, case_id: str, by: str) -> None:
    """Look one person up. A failed lookup is a finding, changes nothing, and does not stop the others."""
    try:
        _look(context, absence, system, case_id, by)
    except WrongKey as error:
        why = _("whom to look for cannot be opened: {why}").format(why=_(str(error)))
    except observation.MALFORMED as error:
        why = observation.malformed(error)
    else:
        return
    log.warning("case %s cannot be looked up in %s: %s", case_id, system.name, why)
    with context.store.write(case_id) as session:
        context.findings.report(session, FindingReport(FindingKind.NOT_VERIFIED, case_id, system.name, "", why), by)


def _look(context: Context, absence: AbsenceCheck, system: System, case_id: str, by: str) -> None:
    if manual_step.work_of(system):
        _write(context, system, case_id, (), Observation(Verdict.UNKNOWN, ""), by)
        return
    accounts = system.having(Accounts)
    if accounts is None:
        return
    with context.store.read() as session:
        case, data = read_case(session, context.vault, case_id)
        links = all_links(session, context.vault, case.leaver_key)
    lookup = accounts.find(person(data.leaver))
    others = other_persons_accounts(context, data.leaver, system.name, lookup.accounts, ())
    found = tuple(observation.imaged(accounts, one) for one in lookup.accounts if one.id not in others)
    if not found:
        seen = absence.judge(system, lookup, data, links)
    elif any(one.verdict is not Verdict.LOCKED for one in found):
        seen = Observation(
            Verdict.OPEN, lookup.how, _("found in a system that is new here, and never locked out of it")
        )
    else:
        seen = Observation(Verdict.LOCKED, lookup.how)
    _write(context, system, case_id, found, seen, by)


def _write(
    context: Context, system: System, case_id: str, found: tuple[Account, ...], seen: Observation, by: str
) -> None:
    now = context.clock.now()
    with context.store.write(case_id) as session:
        case = session.get_one(Case, case_id)
        if case.state in UNWATCHED or _has_work(session, case_id, system):
            return
        if manual_step.work_of(system):
            create_access_work(session, case, system, now, now)
        else:
            _add(context, session, case, system, found, seen, by)
        context.journal.write(
            session,
            actor=HANDOVER,
            action="access.caught_up",
            case_id=case_id,
            data={"system": system.name, "accounts": len(found), "verdict": seen.verdict},
        )
        refresh_case_message(session, case_id)


def _add(
    context: Context,
    session: Session,
    case: Case,
    system: System,
    found: tuple[Account, ...],
    seen: Observation,
    by: str,
) -> None:
    row_id, now = f"{case.id}:{system.name}", context.clock.now()
    alive = [one for one in found if one.verdict is not Verdict.LOCKED]
    session.add(
        Access(
            id=row_id,
            case_id=case.id,
            system=system.name,
            state=WorkState.DONE,
            due_at=case.effective_at,
            verdict=seen.verdict,
            note=seal(
                context.vault,
                case.wrapped_key,
                f"access:{row_id}",
                VerdictNote(seen.reason, seen.how, choose=not found and seen.verdict is not Verdict.ABSENT),
            ),
            read_at=now,
        )
    )
    session.flush()
    for one in found:
        if one.verdict is Verdict.LOCKED:
            observation.adopt(session, context.vault, context.journal, case, row_id, one, seen.how, now)
    findings = context.findings
    findings.close_resolved(session, FindingReport(FindingKind.NOT_VERIFIED, case.id, system.name))
    for one in alive:
        observation.report_new_account(session, findings, case.id, system.name, one, by)


def _lacking(context: Context, system: str) -> list[str]:
    """Return the active past cases that have no line for a system."""
    row_id = col(Case.id) + f":{system}"
    query = (
        select(Case.id)
        .where(
            col(Case.state).not_in(UNWATCHED),
            col(Case.effective_at) <= context.clock.now(),
            ~select(Access.id).where(col(Access.id) == row_id).exists(),  # by primary key: quick for 100,000 too
            ~select(ManualStep.id).where(col(ManualStep.id) == row_id).exists(),
        )
        .order_by(col(Case.opened_at))
    )
    with context.store.read() as session:
        return list(session.exec(query))
