"""Edits, which make a new version, and the end of what waits for a decision."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.cases import CaseData, read_case
from workflows.handover import changes, sheets
from workflows.handover import lines as line_rows
from workflows.handover.ballots import SLACK, Ballots, Table
from workflows.handover.desk import CHUNK, Desk, chunks
from workflows.handover.families import DEALS
from workflows.handover.live import Live, Remembered
from workflows.handover.proposal import add_version, ask
from workflows.handover.sheets import Sheet, Tally
from workflows.model import (
    Assignment,
    Case,
    Proposal,
    ProposalState,
)
from workflows.refusals import Code, Refused
from workflows.views import Actor, Successor

EDIT = "an edit of version {version} by {name}"


class Decisions:
    """Takes edits."""

    def __init__(self, desk: Desk, ballots: Ballots) -> None:
        self._desk = desk
        self._ballots = ballots

    def reassign(self, proposal_id: str, digest: str, chosen: Sequence[str], key: str, by: Actor) -> str:
        """Give some lines to another successor; return the id of the new version. Raises `Refused`."""
        return self.looked(by, lambda live: self._reassign(proposal_id, digest, chosen, key, by, live))

    def looked(self, by: Actor, act: Callable[[Live], str]) -> str:
        """Do something with the directory as it is now, and return what it made. Raises `Refused(NOT_CHECKED)`."""
        live = self._ballots.live(by)
        made: list[str] = []
        self._ballots.looked(live, lambda: made.append(act(live)))
        return made[-1]

    def _reassign(self, proposal_id: str, digest: str, chosen: Sequence[str], key: str, by: Actor, live: Live) -> str:
        with self._desk.store.write() as session:
            proposal, case, data = self._open(session, proposal_id, digest, by, live)
            sheet = sheets.unseal(self._desk.vault, case, proposal)
            moved = self._pick(session, proposal, chosen, key, data, sheet)
            edited = replace(sheet, why=EDIT.format(version=proposal.version, name=by.name), settled_by="", words="",
                             shares=self._recount(session, case, data, proposal_id, moved, key, sheet))
            version = add_version(self._desk, session, case, edited)
            changes.keep(self._desk, session, case, data, proposal_id, version.id, [(row, key) for row in moved])
            self._hand_lines_over(session, proposal_id, version.id, [row.id for row in moved], key)
            self._settle(session, case, proposal, by, ProposalState.SUPERSEDED, "")
            ask(self._desk, session, case, version, edited, data.approver)
            return version.id

    def cancel(self, session: Session, case_id: str, by: Actor) -> None:
        """Settle what waits for a decision, in the transaction that calls the case off: its buttons go."""
        pending = select(Proposal).where(Proposal.case_id == case_id, Proposal.state == ProposalState.PENDING)
        for proposal in session.exec(pending).all():
            case, _data = read_case(session, self._desk.vault, case_id)
            self._settle(session, case, proposal, by, ProposalState.CANCELLED, "")

    def _open(self, session: Session, proposal_id: str, digest: str, by: Actor,
              live: Live | None = None) -> tuple[Proposal, Case, CaseData]:
        """Return a proposal that this person may edit now: who first, then whether it is still the one they saw.

        Without `live`, who is asked is taken as the clock saw it last; the caller has looked at who acts.
        """
        table = self._ballots.table(session, proposal_id)
        known = tuple(one.slack_id for chair in table.chairs for one in chair.asked.wanted)
        live = live or Remembered(known)
        seats = self._ballots.seats(session, table, by, live)
        if all(seat.chair.asked.share for seat in seats):
            raise Refused(Code.NOT_APPROVER, approver=table.data.approver.name)
        self._ballots.still(session, table, digest)
        if by.id.startswith(SLACK):
            who = Successor(by.id, by.name, "", by.id.removeprefix(SLACK))
            if why := self._ballots.standing(session, live, who):
                raise Refused(Code.CANNOT_DECIDE, name=by.name, why=why)
        return table.proposal, table.case, table.data

    def _settle(self, session: Session, case: Case, proposal: Proposal, by: Actor, state: ProposalState,
                words: str) -> None:
        """Settle a proposal without a decision, on record; `case` is its own."""
        table = self._ballots.table(session, proposal.id)
        self._ballots.settle(session, Table(proposal, case, table.data, table.chairs), by, state, words)

    def _pick(self, session: Session, proposal: Proposal, chosen: Sequence[str], key: str, data: CaseData,
              sheet: Sheet) -> list[Assignment]:
        """Return the chosen rows that do not go to this successor yet."""
        if key not in {one.key for one in data.successors}:
            raise Refused(Code.UNKNOWN_SUCCESSOR, successor=key)
        rows = [row for chunk in chunks(dict.fromkeys(chosen), CHUNK) for row in session.exec(
            select(Assignment).where(Assignment.proposal_id == proposal.id, col(Assignment.id).in_(chunk)))]
        if missing := set(chosen) - {row.id for row in rows}:
            raise Refused(Code.UNKNOWN_RECORD, record=min(missing))
        if no_account := {row.system for row in rows if key not in sheet.accounts[row.system]}:
            raise Refused(Code.UNKNOWN_SUCCESSOR, successor=key, system=min(no_account))
        moved = [row for row in rows if row.successor != self._desk.vault.blind(key)]
        if not moved:
            raise Refused(Code.NOTHING_CHANGED, proposal=proposal.id)
        return moved

    def _recount(self, session: Session, case: Case, data: CaseData, proposal_id: str, moved: Sequence[Assignment],
                 key: str, sheet: Sheet) -> dict[str, dict[str, Tally]]:
        """Return every share after the edit: records and value from the lines that moved, families counted anew."""
        vault = self._desk.vault
        keys = {vault.blind(one.key): one.key for one in data.successors}
        shares = {system: dict(by) for system, by in sheet.shares.items()}
        for row in moved:
            line = line_rows.unseal(vault, case, row)
            tally = Tally(1, 0, {line.currency: line.value} if line.open and line.value else {},
                          int(line.open and row.kind in DEALS))
            by, giver = shares[row.system], keys[row.successor]
            by[giver] = by[giver].plus(tally, -1)
            by[key] = by.get(key, Tally()).plus(tally)
        ids = {row.id for row in moved}
        homes: dict[tuple[str, str], set[str]] = {}
        for row_id, system, family, taker in session.exec(
            select(Assignment.id, Assignment.system, Assignment.family, Assignment.successor)
            .where(Assignment.proposal_id == proposal_id)
        ):
            homes.setdefault((system, key if row_id in ids else keys[taker]), set()).add(family)
        return {system: {one: replace(tally, families=len(homes.get((system, one), ()))) for one, tally in by.items()}
                for system, by in shares.items()}

    def _hand_lines_over(self, session: Session, old: str, new: str, chosen: Sequence[str], key: str) -> None:
        session.execute(sa.update(Assignment).where(col(Assignment.proposal_id) == old).values(proposal_id=new))
        blind = self._desk.vault.blind(key)
        session.execute(sa.update(Assignment), [{"id": row, "successor": blind} for row in chosen])
        session.expire_all()
