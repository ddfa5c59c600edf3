"""One person's verdict on one exact digest: who may give it, whether it is the last that was missing, what follows.

Long because who may decide, when it is enough and what follows must be read side by side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import _
from workflows.clients.approval_policy import RECEIVER, is_leaver
from workflows.clients.approvals import changes, delegations, requests
from workflows.clients.approvals.delegates import Seat, by_name, seats
from workflows.clients.approvals.directory import Live, Unseen
from workflows.clients.approvals.eligibility import COMMAND_LINE, LEFT, SLACK, UNKNOWN, Table
from workflows.clients.approvals.requests import Word
from workflows.clients.context import Desk, route, show_outcome
from workflows.clients.split import shares
from workflows.people import Actor, Successor
from workflows.refusals import Code, Refused
from workflows.storage.case import read_case
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.clients import (
    Assignment,
    AssignmentState,
    Book,
    Decision,
    Proposal,
    ProposalState,
    RequestState,
)


@dataclass(frozen=True, slots=True)
class Ballot:
    """What somebody wants to say: `whose` names the approver that an operator at the command line answers for."""

    proposal_id: str
    digest: str
    by: Actor
    approve: bool
    reason: str = ""
    whose: str = ""

    @property
    def user(self) -> str:
        """The Slack id of who says it, or empty."""
        return self.by.id.removeprefix(SLACK) if self.by.id.startswith(SLACK) else ""


class Ballots:
    """Takes them, one at a time across replicas."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def decide(self, ballot: Ballot) -> None:
        """Put one on record, and settle the proposal where it was the last, or a no. Raises `Refused`."""
        live = self.live(ballot.by)
        self.looked(live, lambda: self._take(ballot, live))

    def live(self, by: Actor) -> Live:
        """Return the directory, with who acts looked up. Raises `Refused(NOT_CHECKED)`; never at the command line."""
        live = Live(self._desk.approvals.members, lenient=not by.id.startswith(SLACK))
        live.look(by.id.removeprefix(SLACK) if by.id.startswith(SLACK) else "")
        return live

    def looked(self, live: Live, act: Callable[[], None]) -> None:
        """Do something again for as long as it meets people who are not looked up yet; it changes nothing before."""
        while True:
            try:
                act()
            except Unseen as unseen:
                live.look(unseen.id)
            else:
                return

    def table(self, session: Session, proposal_id: str) -> Table:
        """Return a proposal, held until the transaction ends. Raises `Refused(UNKNOWN_PROPOSAL)`."""
        proposal = session.get(Proposal, proposal_id, with_for_update=True)
        if proposal is None or proposal.state == ProposalState.DRAFT:
            raise Refused(Code.UNKNOWN_PROPOSAL, proposal=proposal_id)
        case, data = read_case(session, self._desk.vault, proposal.case_id)
        return Table(proposal, case, data, requests.chairs(self._desk.vault, session, case, data, proposal_id))

    def seats(self, session: Session, table: Table, by: Actor, live: Live, whose: str = "") -> list[Seat]:
        """Return the places that somebody can fill, checked against the directory as it is now.

        Raises `Refused`: LEAVER_DECIDES, NOT_APPROVER, CANNOT_DECIDE.
        """
        leaver = table.data.leaver
        if by.id.startswith(COMMAND_LINE):
            found = [seat for seat in by_name(whose, table.chairs) if not is_leaver(seat.whose, leaver)]
        else:
            user = by.id.removeprefix(SLACK)
            if leaver.slack_id and user == leaver.slack_id:
                raise Refused(Code.LEAVER_DECIDES)
            found = self._own(session, table, user, live) if by.id.startswith(SLACK) and user else []
        if not found:
            raise Refused(Code.NOT_APPROVER, approver=self._approvers(table))
        return found

    def still(self, session: Session, table: Table, digest: str) -> None:
        """Refuse what cannot be decided any more, or is not what was shown: with who, when, and what changed."""
        proposal, case = table.proposal, table.case
        if case.state == CaseState.CANCELLED:
            raise Refused(Code.NOT_OPEN, case=case.id)
        facts = {"case": case.id, "proposal": proposal.id, "version": str(proposal.version), "state": proposal.state}
        if proposal.state != ProposalState.PENDING:
            sheet = shares.unseal(self._desk.vault, case, proposal)
            stale = proposal.state == ProposalState.SUPERSEDED
            changed = changes.since(self._desk, session, case, table.data, proposal.id) if stale else ""
            raise Refused(
                Code.STALE_PROPOSAL if stale else Code.ALREADY_SETTLED,
                by=sheet.settled_by,
                at=proposal.settled_at.isoformat() if proposal.settled_at else "",
                changed=changed,
                **facts,
            )
        if proposal.digest != digest:
            changed = changes.since_digest(self._desk, session, case, table.data, digest)
            raise Refused(Code.STALE_PROPOSAL, by="", at="", changed=changed, **facts)

    def standing(self, session: Session, live: Live, one: Successor) -> str:
        """Return why this person's word counts for nothing at this moment, or empty. Raises `Unseen`."""
        if requests.has_left(self._desk.vault, session, one):
            return _(LEFT)
        if not one.slack_id:
            return ""
        member = live.member(one.slack_id)
        if member is None:
            return _(UNKNOWN)
        if member.standing:
            return member.standing
        known = Successor("", member.name, member.email, member.id)
        return _(LEFT) if requests.has_left(self._desk.vault, session, known) else ""

    def settle(
        self, session: Session, table: Table, by: Actor, state: ProposalState, words: str, names: str = ""
    ) -> None:
        """Settle a proposal, on record. `names`: who decided, where not `by` alone."""
        desk, case, proposal = self._desk, table.case, table.proposal
        sheet = shares.unseal(desk.vault, case, proposal).settled(names or by.name or by.id, words.strip())
        proposal.state, proposal.settled_at, proposal.settled_by = state, desk.clock.now(), by.id
        proposal.sealed = shares.seal(desk.vault, case, proposal.id, sheet)
        session.add(proposal)
        desk.journal.write(
            session,
            actor=by,
            action=f"proposal.{state}",
            case_id=case.id,
            sealed=proposal.sealed,
            data={"proposal": proposal.id, "version": proposal.version, "digest": proposal.digest},
        )
        result = RequestState.EXPIRED if state == ProposalState.EXPIRED else RequestState.WITHDRAWN
        requests.close_all(session, proposal, result, desk.clock.now())
        requests.redraw(session, proposal.id)

    def end(self, session: Session, table: Table, state: AssignmentState) -> None:
        """Send the lines of a settled proposal, and their books, to where they go next, and tell people."""
        session.execute(
            sa.update(Assignment).where(col(Assignment.proposal_id) == table.proposal.id).values(state=state)
        )
        named = select(Assignment.system).where(Assignment.proposal_id == table.proposal.id).distinct()
        books = session.exec(select(Book).where(Book.case_id == table.case.id, col(Book.system).in_(named)))
        for book in books.all():
            book.reason = ""
            route(self._desk, session, book)
        show_outcome(session, table.proposal.id, table.case.id, table.data.opened_by)
        self._desk.show_case(session, table.case.id)

    def void(self, session: Session, table: Table, live: Live) -> list[Decision]:
        """Take back every yes of somebody who cannot decide any more, and wait for others; return those taken back."""
        found = []
        for row in _valid(session, table.proposal.id):
            word = requests.word(self._desk.vault, table.case, row)
            why = (
                next((why for one in (word.person, word.whose) if (why := self.standing(session, live, one))), "")
                if word
                else ""
            )
            if why:
                self._void(session, table, row, why)
                found.append(row)
        return found

    def _void(self, session: Session, table: Table, row: Decision, why: str) -> None:
        row.void, row.person, row.seat = why, "", ""
        session.add(row)
        for chair in table.chairs:
            if chair.row.id == row.request_id:
                chair.row.result, chair.row.settled_at = RequestState.WAITING, None
                requests.look_now(session, chair.row, self._desk.clock.now())
        self._desk.journal.write(
            session,
            actor=HANDOVER,
            action="approval.void",
            case_id=table.case.id,
            sealed=row.sealed,
            data={"proposal": table.proposal.id, "request": row.request_id, "by": row.decided_by},
        )

    def _take(self, ballot: Ballot, live: Live) -> None:
        with self._desk.store.write() as session:
            table = self.table(session, ballot.proposal_id)
            found = self.seats(session, table, ballot.by, live, ballot.whose)
            self.still(session, table, ballot.digest)
            person, seat = self._choose(session, table, ballot, live, found)
            self._write(session, table, ballot, person, seat, live)
            if not ballot.approve:
                requests.settle(session, seat.chair.row, RequestState.DECLINED, self._desk.clock.now())
                self.settle(session, table, ballot.by, ProposalState.DECLINED, ballot.reason)
                self.end(session, table, AssignmentState.DECLINED)
            elif not self._complete(session, table, ballot, live):
                requests.redraw(session, table.proposal.id)
                self._desk.show_case(session, table.case.id)

    def _choose(
        self, session: Session, table: Table, ballot: Ballot, live: Live, found: Sequence[Seat]
    ) -> tuple[Successor, Seat]:
        """Return who speaks, and whose place they fill. Nobody has two words: not by role, delegation or account."""
        valid = _valid(session, table.proposal.id)
        taken = {key for row in valid for key in (row.person, row.seat)}
        if ballot.by.id in {row.decided_by for row in valid}:
            raise Refused(Code.ALREADY_DECIDED)
        person = self._speaker(session, live, ballot)
        if person is not None and requests.person_key(self._desk.vault, person) in taken:
            raise Refused(Code.ALREADY_DECIDED)
        free = [
            seat
            for seat in found
            if seat.chair.waiting and requests.person_key(self._desk.vault, self._known(seat.whose, live)) not in taken
        ]
        if not free:
            raise self._taken(table, found, valid)
        if person is None and len({seat.whose.key for seat in free}) > 1:
            raise Refused(Code.WHICH_APPROVER, known=requests.names([seat.whose for seat in free]))
        whose = self._known(free[0].whose, live)
        if is_leaver(whose, table.data.leaver) or (person and is_leaver(person, table.data.leaver)):
            raise Refused(Code.LEAVER_DECIDES)
        if why := self.standing(session, live, whose):
            raise Refused(Code.CANNOT_DECIDE, name=whose.name, why=why)
        return person or whose, Seat(free[0].chair, whose)

    def _speaker(self, session: Session, live: Live, ballot: Ballot) -> Successor | None:
        """Return who clicked, as the directory has them now; None at the command line. Raises `Refused`."""
        if not ballot.user:
            return None
        member = live.member(ballot.user)
        if member is None:
            raise Refused(Code.CANNOT_DECIDE, name=ballot.by.name, why=_(UNKNOWN))
        person = Successor(member.email.casefold() or member.id, member.name or ballot.by.name, member.email, member.id)
        if why := self.standing(session, live, person):
            raise Refused(Code.CANNOT_DECIDE, name=person.name, why=why)
        return person

    def _write(self, session: Session, table: Table, ballot: Ballot, person: Successor, seat: Seat, live: Live) -> None:
        vault, proposal = self._desk.vault, table.proposal
        session.execute(
            sa.delete(Decision).where(  # a word of the same person that was found void: the journal has it
                col(Decision.proposal_id) == proposal.id, col(Decision.decided_by) == ballot.by.id
            )
        )
        said = Word(person, seat.whose, ballot.reason.strip())
        row = Decision(
            proposal_id=proposal.id,
            digest=proposal.digest,
            decided_by=ballot.by.id,
            approve=ballot.approve,
            decided_at=self._desk.clock.now(),
            request_id=seat.chair.row.id,
            person=requests.person_key(vault, person),
            seat=requests.person_key(vault, seat.whose),
            sealed=requests.seal_word(vault, table.case, proposal.id, ballot.by.id, said),
        )
        session.add(row)
        session.flush()
        self._desk.journal.write(
            session,
            actor=ballot.by,
            action="approval.yes" if ballot.approve else "approval.no",
            case_id=table.case.id,
            sealed=row.sealed,
            data={
                "proposal": proposal.id,
                "digest": proposal.digest,
                "request": seat.chair.row.id,
                "delegated": row.person != row.seat,
                **({"unchecked": sorted(live.silent)} if live.silent else {}),
            },
        )

    def _complete(self, session: Session, table: Table, ballot: Ballot, live: Live) -> bool:
        """Settle what has enough; where that is everything, look at every yes again, and approve. Return whether."""
        self._tally(session, table)
        if any(chair.waiting for chair in table.chairs):
            return False
        if self.void(session, table, live):
            return False
        words = [requests.word(self._desk.vault, table.case, row) for row in _valid(session, table.proposal.id)]
        several = requests.names([one.person for one in words if one]) if len(words) > 1 else ""
        self.settle(session, table, ballot.by, ProposalState.APPROVED, ballot.reason, several)
        self.end(session, table, AssignmentState.APPROVED)
        return True

    def _tally(self, session: Session, table: Table) -> None:
        valid = _valid(session, table.proposal.id)
        for chair in table.chairs:
            given = sum(row.request_id == chair.row.id and row.approve for row in valid)
            if chair.waiting and given >= chair.row.need:
                requests.settle(session, chair.row, RequestState.APPROVED, self._desk.clock.now())

    def _own(self, session: Session, table: Table, user: str, live: Live) -> list[Seat]:
        member = live.member(user)
        if member and is_leaver(Successor("", "", member.email, user), table.data.leaver):
            raise Refused(Code.LEAVER_DECIDES)
        return seats(user, table.chairs, delegations.active(session, self._desk.clock.now()), live.ids)

    def _known(self, one: Successor, live: Live) -> Successor:
        """Return a person of a pool with name and address, as the directory has them now."""
        member = live.member(one.slack_id) if one.slack_id else None
        if member is None or not member.email:
            return one
        return Successor(
            one.key if one.email else member.email.casefold(),
            one.name or member.name,
            one.email or member.email,
            one.slack_id,
        )

    def _taken(self, table: Table, found: Sequence[Seat], valid: Sequence[Decision]) -> Refused:
        """Return the refusal of somebody whose part is decided, with who did it and when."""
        mine = {seat.chair.row.id for seat in found}
        row = next((row for row in reversed(valid) if row.request_id in mine), None)
        word = requests.word(self._desk.vault, table.case, row) if row else None
        return Refused(
            Code.ALREADY_SETTLED,
            by=word.person.name if word else "",
            at=row.decided_at.isoformat() if row else "",
            case=table.case.id,
        )

    def _approvers(self, table: Table) -> str:
        waiting = [chair for chair in table.chairs if chair.waiting] or table.chairs
        shown = [chair for chair in waiting if not chair.row.role.startswith(RECEIVER)] or waiting
        return requests.names([one for chair in shown for one in chair.asked.wanted]) or table.data.approver.name


def _valid(session: Session, proposal_id: str) -> list[Decision]:
    return [row for row in requests.decisions(session, proposal_id) if not row.void]
