"""Systems that were configured after a case was opened: past leavers are looked up there as well.

A lookup locks no account: an open account is a finding with `Lock Again`. Until the answer has come, the case shows
"not looked up yet". Manual steps are asked for, as in a new case.
"""

import logging
from dataclasses import dataclass

from sqlmodel import Session, col, select

from config.text import _
from connectors.contract import Account as Found
from connectors.contract import Accounts, Verdict
from connectors.errors import ConnectorError
from workflows.access import manual_step, observation
from workflows.access.account_state import VerdictNote, seal
from workflows.access.matching import other_persons_accounts
from workflows.cases.added_systems import has_work
from workflows.context import Context
from workflows.storage.case import UNWATCHED, person, read_case, refresh_case_message
from workflows.storage.findings import FindingReport
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.access import Access, ManualStep
from workflows.storage.rows.case import Case
from workflows.storage.rows.watch import FindingKind
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import WrongKey
from workflows.systems.registry import System

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewSystems:
    """Lookups of past leavers in systems that are new to their cases."""

    context: Context

    def catch_up(self, by: str) -> list[str]:
        """Look up everybody who lacks a system; return, as sentences, the systems that could not be read.

        A system that fails is left for the next time, with its cases unchanged.
        """
        unread = []
        for name, system in self.context.systems.items():
            try:
                for case_id in self._lacking(name):
                    self._try(system, case_id, by)
            except ConnectorError as error:
                unread.append(observation.unreadable(name, system.manifest.title, error))
        return unread

    def _try(self, system: System, case_id: str, by: str) -> None:
        """Look one person up. A failed lookup is a finding, changes nothing, and does not stop the others."""
        try:
            self._look(system, case_id, by)
        except WrongKey as error:
            why = _("whom to look for cannot be opened: {why}").format(why=_(str(error)))
        except observation.MALFORMED as error:
            why = observation.malformed(error)
        else:
            return
        log.warning("case %s cannot be looked up in %s: %s", case_id, system.name, why)
        with self.context.store.write(case_id) as session:
            report = FindingReport(FindingKind.NOT_VERIFIED, case_id, system.name, "", why)
            self.context.findings.report(session, report, by)

    def _look(self, system: System, case_id: str, by: str) -> None:
        if manual_step.work_of(system):
            self._write(system, case_id, (), "", by)
            return
        accounts = system.having(Accounts)
        if accounts is None:
            return
        with self.context.store.read() as session:
            _case, data = read_case(session, self.context.vault, case_id)
        lookup = accounts.find(person(data.leaver))
        others = other_persons_accounts(self.context.systems, data.leaver, system.name, lookup.accounts, ())
        found = tuple(observation.imaged(accounts, one) for one in lookup.accounts if one.id not in others)
        self._write(system, case_id, found, lookup.how, by)

    def _write(self, system: System, case_id: str, found: tuple[Found, ...], how: str, by: str) -> None:
        now = self.context.clock.now()
        with self.context.store.write(case_id) as session:
            case = session.get_one(Case, case_id)
            if case.state in UNWATCHED or has_work(session, f"{case_id}:{system.name}"):
                return
            if manual_step.work_of(system):
                step = manual_step.new(case, system.name)
                step.due_at = now
                session.add(step)
            else:
                self._add(session, case, system, found, how, by)
            said = {"system": system.name, "accounts": len(found)}
            self.context.journal.write(session, actor=HANDOVER, action="access.caught_up", case_id=case_id, data=said)
            refresh_case_message(session, case_id)

    def _add(self, session: Session, case: Case, system: System, found: tuple[Found, ...], how: str, by: str) -> None:
        row_id, now = f"{case.id}:{system.name}", self.context.clock.now()
        alive = [one for one in found if one.verdict is not Verdict.LOCKED]
        verdict = Verdict.OPEN if alive else Verdict.LOCKED if found else Verdict.ABSENT
        reason = _("found in a system that is new here, and never locked out of it") if alive else ""
        session.add(
            Access(
                id=row_id,
                case_id=case.id,
                system=system.name,
                state=WorkState.DONE,
                due_at=case.effective_at,
                verdict=verdict,
                note=seal(self.context.vault, case.wrapped_key, f"access:{row_id}", VerdictNote(reason, how)),
                read_at=now,
            )
        )
        session.flush()
        for one in found:
            if one.verdict is Verdict.LOCKED:
                observation.adopt(session, self.context.vault, self.context.journal, case, row_id, one, how, now)
        findings = self.context.findings
        findings.close_resolved(session, FindingReport(FindingKind.NOT_VERIFIED, case.id, system.name))
        for one in alive:
            observation.report_new_account(session, findings, case.id, system.name, one, by)

    def _lacking(self, system: str) -> list[str]:
        """Return the active past cases that have no line for a system."""
        row_id = col(Case.id) + f":{system}"
        query = (
            select(Case.id)
            .where(
                col(Case.state).not_in(UNWATCHED),
                col(Case.effective_at) <= self.context.clock.now(),
                ~select(Access.id).where(col(Access.id) == row_id).exists(),  # by primary key: quick for 100,000 too
                ~select(ManualStep.id).where(col(ManualStep.id) == row_id).exists(),
            )
            .order_by(col(Case.opened_at))
        )
        with self.context.store.read() as session:
            return list(session.exec(query))
