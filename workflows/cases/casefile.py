"""A case as people see it: rows read together and decrypted into one frozen view."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import N_, _, punctuated, shown
from connectors.contract import Verdict
from workflows.access import duty_list, licences, manual_step, order, restriction
from workflows.access.account_lockout import login_refused
from workflows.access.account_state import GOOD, SEVERITY, AccountData, current_verdict, last_good, open_note, word_of
from workflows.access.duty_views import DutiesView
from workflows.access.licences import StageOf, no_stage
from workflows.access.restoration import RestoredAccount
from workflows.access.views import AccountLine, RestoredLine, SystemLine
from workflows.cases import holds
from workflows.cases.finding_list import FindingList
from workflows.cases.schedule import UNDOABLE
from workflows.cases.views import CaseBrief, CaseView, FollowUpLine
from workflows.clients.moves import leave as temporary
from workflows.clients.reading import ClientTrackQueries
from workflows.context import Context
from workflows.exports.snapshots import ExportTrack
from workflows.people import Leaver
from workflows.stages.reading import StageReading
from workflows.storage.case import UNWATCHED, is_of, read_case
from workflows.storage.rows.access import Access, LeaverAccount, ManualStep, Restoration, StagedAccount
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import Leave
from workflows.storage.rows.duties import DutyReview
from workflows.storage.rows.watch import FollowUp, SweepStatus
from workflows.storage.rows.work_state import WorkState
from workflows.storage.vault import WrongKey
from workflows.tampering import ENDED

NOT_YET = N_("not looked up yet: this system came into the configuration after the case was opened")
Row = TypeVar("Row", Access, LeaverAccount, ManualStep, Restoration, Leave, FollowUp, StagedAccount)
Opener = Callable[[bytes, str], Any]
"""Decrypts values of one case, whose key is unwrapped once."""


class CaseRows:
    """Rows by their case, in the order of their ids. A kind of row that a case has not got is an empty list."""

    def __init__(self, session: Session, case_ids: Sequence[str]) -> None:
        """Read; the cases themselves are in the session afterwards, and asked of it without another question."""
        self._session, self._ids = session, list(case_ids)
        self.cases = session.exec(select(Case).where(col(Case.id).in_(self._ids))).all()
        self.readings = {row.system: row for row in session.exec(select(SweepStatus))}
        """The last sweep of every system, by its name."""
        self.accesses = self.read(Access)
        self.accounts = self.read(LeaverAccount)
        self.steps = self.read(ManualStep)
        self.restorations = self.read(Restoration)
        self.leaves = self.read(Leave)

    def read(self, kind: type[Row]) -> dict[str, list[Row]]:
        """Read all rows of one kind, in the order of their ids, which the database may hold sealed."""
        rows = defaultdict[str, list[Row]](list)
        query = select(kind).where(col(kind.case_id).in_(self._ids))
        for row in sorted(self._session.exec(query), key=attrgetter("id")):
            rows[row.case_id].append(row)
        return rows


class Casefile:
    """Reads cases for people."""

    def __init__(
        self,
        context: Context,
        proposals: ClientTrackQueries,
        exports: ExportTrack,
        sheet: FindingList,
        stages: StageReading,
        stage: StageOf = no_stage,
    ) -> None:
        """`stage`: returns the stage of a case that reclaims licences in a system."""
        self._stages = stages
        self._vault, self._systems, self._clock = context.vault, context.systems, context.clock
        self._proposals, self._exports, self._sheet, self._stage = proposals, exports, sheet, stage

    def view(self, session: Session, case_id: str) -> CaseView:
        """Return all that a case message shows. Raises `Refused(UNKNOWN_CASE)`."""
        return self.views(session, [case_id])[0]

    def views(self, session: Session, case_ids: Sequence[str]) -> list[CaseView]:
        """Return all of some cases, most of it read together. Raises `Refused(UNKNOWN_CASE)`."""
        rows = CaseRows(session, case_ids)
        findings = self._sheet.of_cases(session, case_ids)
        settled = self._sheet.settled_of_cases(session, case_ids)
        follow_ups, staged = rows.read(FollowUp), rows.read(StagedAccount)
        views = []
        for case_id in case_ids:
            case, data = read_case(session, self._vault, case_id)
            settled_by, settled_at = holds.settled(session, self._vault, case)
            stages = self._stages.view(session, case)
            view = CaseView(
                **self._facts(rows, case, data.leaver),
                opened_by=data.opened_by,
                approver=data.approver,
                clients=self._proposals.clients(session, case_id),
                exports=self._exports.line(session, case_id),
                follow_ups=tuple(
                    self.follow_up(session, row)
                    for row in sorted(follow_ups[case_id], key=lambda row: row.day)
                    if row.state in (WorkState.DUE, WorkState.DONE)  # what is held or called off promises nothing
                ),
                findings=findings.get(case_id, ()),
                settled=settled.get(case_id, ()),
                held=case.hold_reason,
                settled_by=settled_by,
                settled_at=settled_at,
                ended=holds.ended(session, self._vault, case) if case.state in ENDED else None,
                can_undo=case.state in UNDOABLE and bool(rows.accounts[case_id]),
                duties=self._duties(session, case),
                licences=tuple(
                    licences.lines(staged[case_id], self._vault.opener(case.wrapped_key), self._systems, self._stage)
                ),
                restrictions=tuple(restriction.lines(session, self._vault, self._systems, case)),
                stages=stages.stages,
                hold=stages.hold,
            )
            views.append(view)
        return views

    def _duties(self, session: Session, case: Case) -> DutiesView:
        """Return the duties of a case; none if nobody was ever asked about them."""
        if session.get(DutyReview, case.id) is None:
            return DutiesView()
        return duty_list.view(session, self._vault, self._systems, case)

    def systems_of(
        self, session: Session, case_ids: Sequence[str]
    ) -> Iterator[tuple[str, Leaver | WrongKey, tuple[SystemLine, ...]]]:
        """Yield leaver and lines of some cases, in as few questions as of one; or the error if no key opens a case."""
        rows = CaseRows(session, case_ids)
        for case_id in case_ids:
            try:
                case, data = read_case(session, self._vault, case_id)
                yield case_id, data.leaver, self._every(rows, case, data.leaver)
            except WrongKey as error:
                yield case_id, error, ()

    def briefs(self, session: Session, case_ids: Sequence[str]) -> list[CaseBrief]:
        """Return what a list shows of some cases, in as few questions as of one. Raises `Refused(UNKNOWN_CASE)`."""
        rows = CaseRows(session, case_ids)
        known = (read_case(session, self._vault, case_id) for case_id in case_ids)
        return [CaseBrief(**self._facts(rows, case, data.leaver)) for case, data in known]

    def _facts(self, rows: CaseRows, case: Case, leaver: Leaver) -> dict[str, Any]:
        """Return what a list and the case's own message both show: the fields of `CaseBrief`."""
        return {
            "id": case.id,
            "leaver": leaver,
            "state": CaseState(case.state),
            "immediate": case.immediate,
            "effective_at": case.effective_at,
            "opened_at": case.opened_at,
            "systems": self._every(rows, case, leaver),
            "restored": tuple(self._restored(rows, case)),
            "leave": next(map(temporary.view, rows.leaves[case.id]), None),
        }

    def find(self, session: Session, *names: str) -> Sequence[str]:
        """Return the ids of cases, newest first, by case id, or by the leaver's addresses or Slack id."""
        known = [name for name in names if name]
        same = [sa.or_(col(Case.id) == name, is_of(self._vault, [name], name)) for name in known]
        named = select(Case.id).where(sa.or_(sa.false(), *same)).order_by(col(Case.opened_at).desc(), col(Case.id))
        return session.exec(named).all()

    def _every(self, rows: CaseRows, case: Case, leaver: Leaver) -> tuple[SystemLine, ...]:
        by_hand = (manual_step.line(self._vault, self._systems, case, leaver, row) for row in rows.steps[case.id])
        known = (*self._lines(rows, case), *by_hand)
        if case.state in UNWATCHED:
            return known
        covered = {line.system for line in known}
        added = (system for name, system in self._systems.items() if name not in covered)
        return known + tuple(
            SystemLine(
                system.name,
                system.manifest.title,
                Verdict.UNKNOWN,
                _(NOT_YET),
                "",
                None,
                False,
                None,
                0,
                (),
                system.cannot,
            )
            for system in added
        )

    def _lines(self, rows: CaseRows, case: Case) -> Iterator[SystemLine]:
        opener = self._vault.opener(case.wrapped_key)
        accounts = defaultdict[str, tuple[AccountLine, ...]](tuple)
        for row in rows.accounts[case.id]:
            accounts[row.access_id] += (self._account(row, rows.readings.get(row.system), opener),)
        order = {name: place for place, name in enumerate(self._systems)}
        for access in sorted(rows.accesses[case.id], key=lambda row: order.get(row.system, len(order))):
            yield self._line(access, accounts[access.id], rows.readings.get(access.system), opener)

    def _line(
        self, row: Access, accounts: tuple[AccountLine, ...], last: SweepStatus | None, opener: Opener
    ) -> SystemLine:
        system = self._systems.get(row.system)
        note = open_note(opener, f"access:{row.id}", row.note)
        verdict, reason, read_at = current_verdict(last, Verdict(row.verdict), note.reason, row.read_at)
        worst = min(accounts, key=lambda one: SEVERITY.index(one.verdict), default=None)
        how = note.how if verdict.value == row.verdict else ""  # the last audit could not read it
        known = last_good(note, row.verdict, row.read_at, last)
        if worst and row.read_at and _speaks(worst, verdict, row.read_at):
            verdict, reason, read_at, how = worst.verdict, worst.reason, worst.read_at, worst.how
            known = (worst.last_good, worst.last_good_at) if worst.last_good and worst.last_good_at else None
        if verdict in GOOD:
            known = None
        due = row.state == WorkState.DUE
        ahead = row.due_at > self._clock.now()
        return SystemLine(
            system=row.system,
            title=system.manifest.title if system else row.system,
            verdict=verdict,
            reason=reason if row.read_at else _("not looked up yet"),
            how=how,
            read_at=read_at,
            working=due and not ahead,
            next_try_at=row.due_at if due and ahead else None,
            attempt=row.attempt,
            accounts=accounts,
            cannot=system.cannot if system else (),
            late=shown(row.late),
            choose=note.choose,
            locked_at=row.locked_at,
            word=word_of(opener, f"access:{row.id}", row.note) if verdict is Verdict.ABSENT else "",
            last_good=known and known[0],
            last_good_at=known and known[1],
        )

    def _restored(self, rows: CaseRows, case: Case) -> Iterator[RestoredLine]:
        for row in rows.restorations[case.id]:
            system = self._systems.get(row.system)
            title = system.manifest.title if system else row.system
            done, ahead = row.state == WorkState.DONE, row.due_at if row.due_at > self._clock.now() else None
            told = [RestoredAccount("", problem=_("not tried yet"))]
            if row.sealed:
                told = [
                    RestoredAccount(**one)
                    for one in self._vault.open(case.wrapped_key, row.sealed, f"restoration:{row.id}")
                ]
            for one in told:
                back, cannot = tuple(map(shown, one.back)), tuple(map(shown, one.cannot))
                yield RestoredLine(row.system, title, one.login, back, cannot, shown(one.problem), done, ahead)

    def _account(self, row: LeaverAccount, reading: SweepStatus | None, opener: Opener) -> AccountLine:
        data = AccountData(**opener(row.sealed, f"account:{row.id}"))
        note = open_note(opener, f"account:{row.id}", row.note)
        verdict, reason, read_at = current_verdict(reading, Verdict(row.verdict), note.reason, row.read_at)
        known = last_good(note, row.verdict, row.read_at, reading) if verdict not in GOOD else None
        until = datetime.fromisoformat(data.residual_until) if data.residual_until else None
        until = until if until and until > self._clock.now() and verdict is Verdict.LOCKED else None
        return AccountLine(
            row.system,
            row.account_id,
            data.login,
            data.matched_by,
            verdict,
            reason,
            note.how if verdict.value == row.verdict else "",
            read_at,
            tuple(data.groups.values()),
            tuple(map(shown, data.done)),
            shown(data.residual) if until else "",
            until,
            login_refused(data.done),
            known and known[0],
            known and known[1],
            order.unread(self._systems.get(row.system), data, verdict),
        )

    def follow_up(self, session: Session, row: FollowUp) -> FollowUpLine:
        """Return one follow-up as people see it."""
        key = session.get_one(Case, row.case_id).wrapped_key
        words = self._vault.open(key, row.sealed, f"follow_up:{row.id}") if row.sealed else {}
        return FollowUpLine(
            row.id,
            row.day,
            row.due_at,
            row.done_at,
            punctuated("; ").join(punctuated(": ").join((system, shown(said))) for system, said in words.items()),
        )


def _speaks(worst: AccountLine, verdict: Verdict, read_at: datetime) -> bool:
    """Return whether a line shows its worst account: it is no better than that, nor older if both are bad."""
    if worst.verdict is not verdict:
        return SEVERITY.index(worst.verdict) < SEVERITY.index(verdict)
    return verdict not in GOOD and bool(worst.reason) and worst.read_at is not None and read_at < worst.read_at
