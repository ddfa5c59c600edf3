"""Who may edit what waits for a decision, and the end of it without one."""

from collections.abc import Callable

from sqlmodel import Session, select

from workflows.cases import CaseData, read_case
from workflows.handover.ballots import SLACK, Ballots, Table
from workflows.handover.desk import Desk
from workflows.handover.live import Live, Remembered
from workflows.model import Case, Proposal, ProposalState
from workflows.refusals import Code, Refused
from workflows.views import Actor, Successor

EDIT = "an edit of version {version} by {name}: {what}"


class Decisions:
    """Opens proposals to those who may edit them, and settles what nobody decides on any more."""

    def __init__(self, desk: Desk, ballots: Ballots) -> None:
        self._desk = desk
        self._ballots = ballots

    def looked(self, by: Actor, act: Callable[[Live], str]) -> str:
        """Do something with the directory as it is now, and return what it made. Raises `Refused(NOT_CHECKED)`."""
        live = self._ballots.live(by)
        made: list[str] = []
        self._ballots.looked(live, lambda: made.append(act(live)))
        return made[-1]

    def cancel(self, session: Session, case_id: str, by: Actor) -> None:
        """Settle what waits for a decision, in the transaction that calls the case off: its buttons go."""
        pending = select(Proposal).where(Proposal.case_id == case_id, Proposal.state == ProposalState.PENDING)
        for proposal in session.exec(pending).all():
            case, _data = read_case(session, self._desk.vault, case_id)
            self._settle(session, case, proposal, by, ProposalState.CANCELLED, "")

    def _open(
        self, session: Session, proposal_id: str, digest: str, by: Actor, live: Live | None = None
    ) -> tuple[Proposal, Case, CaseData]:
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

    def _settle(
        self, session: Session, case: Case, proposal: Proposal, by: Actor, state: ProposalState, words: str
    ) -> None:
        """Settle a proposal without a decision, on record; `case` is its own."""
        table = self._ballots.table(session, proposal.id)
        self._ballots.settle(session, Table(proposal, case, table.data, table.chairs), by, state, words)
