"""Asking somebody else as well, where who is asked has gone or does not answer and the configuration names nobody."""

from dataclasses import replace

from sqlmodel import Session

from config.text import _
from workflows.handover import policy, requests
from workflows.handover.ballots import Ballots, Table
from workflows.handover.desk import Desk
from workflows.handover.live import Live, Unseen
from workflows.handover.requests import Chair
from workflows.model import ProposalState
from workflows.refusals import Code, Refused
from workflows.views import Actor, Successor


class Appointing:
    """Adds a person to those who may decide one part of a proposal."""

    def __init__(self, desk: Desk, ballots: Ballots) -> None:
        self._desk = desk
        self._ballots = ballots

    def appoint(self, proposal_id: str, user: str, by: Actor, role: str = policy.MANAGER) -> None:
        """Ask the Slack user `user` as well; the clock tells them. Whether `by` may is the caller's to check.

        Raises `Refused`: UNKNOWN_PROPOSAL, ALREADY_SETTLED, BAD_DELEGATE (with why), NOT_CHECKED.
        """
        live = Live(self._desk.approvals.members)
        live.look(user)
        while True:
            try:
                with self._desk.store.write() as session:
                    self._add(session, self._ballots.table(session, proposal_id), user, by, role, live)
            except Unseen as unseen:
                live.look(unseen.id)
            else:
                return

    def _add(self, session: Session, table: Table, user: str, by: Actor, role: str, live: Live) -> None:
        chair = self._open(table, role)
        member = live.member(user)
        one = Successor("", member.name if member else user, member.email if member else "", user)
        if why := self._against(session, table, chair, one, live):
            raise Refused(Code.BAD_DELEGATE, why=why)
        row = chair.row
        row.sealed = replace(chair.asked, pool=(*chair.asked.pool, user)).seal(self._desk.vault, table.case, row.id)
        requests.look_now(session, row, self._desk.clock.now())
        self._desk.journal.write(
            session,
            actor=by,
            action="approval.appointed",
            case_id=table.case.id,
            sealed=row.sealed,
            data={"proposal": table.proposal.id, "request": row.id, "who": user},
        )

    def _open(self, table: Table, role: str) -> Chair:
        found = next((chair for chair in table.chairs if chair.row.role == role and chair.waiting), None)
        if table.proposal.state != ProposalState.PENDING or found is None:
            raise Refused(
                Code.ALREADY_SETTLED,
                by=table.proposal.settled_by,
                case=table.case.id,
                at=table.proposal.settled_at.isoformat() if table.proposal.settled_at else "",
            )
        return found

    def _against(self, session: Session, table: Table, chair: Chair, one: Successor, live: Live) -> str:
        if chair.asked.share:
            return _("a colleague's own share is theirs alone to take; change the split instead")
        if policy.is_leaver(one, table.data.leaver):
            return _("that person is leaving")
        wanted = [other for chair in table.chairs for other in chair.asked.wanted]
        if any(policy.same(one, other) for other in wanted):
            return _("that person is asked to decide in case {case} already").format(case=table.case.id)
        return self._ballots.standing(session, live, one)
