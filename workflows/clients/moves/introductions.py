"""Introductions: after the move, clients are told through their system who looks after them now.

Nothing is sent unless the company set it and the people who approved the split were shown the text. A read must show
the client with the successor. Each introduction is a row before it is sent. A run that finds such a row of an earlier
run asks the system for it by its key, and never sends it blindly again. What was sent cannot be taken back.

Over 250 lines because what may be sent, the sending and its record must be read side by side.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import col, select

from config.text import N_, Sentence, _, gettext_lazy, ngettext_lazy, stored
from connectors.contract import AccountId, Introduced, Introductions, IntroductionWay, RecordId
from connectors.contract import Introduction as IntroductionRead
from connectors.errors import ConnectorError, Missing, OutcomeUnknown
from workflows.authorization import Right
from workflows.clients.context import CHUNK, ClientContext, chunks, problem_sentence
from workflows.clients.introduction_policy import IntroductionPlan, introduction_plan
from workflows.clients.moves.moves import ApprovedLines, approved_lines, require_line
from workflows.clients.moves.told import (
    IntroductionData,
    counts,
    introduction_lines,
    seal_introduction,
    told_in,
    unseal_introduction,
)
from workflows.clients.split.sealed import unseal_line, unseal_proposal
from workflows.clients.views import IntroductionLine
from workflows.people import Actor
from workflows.refusals import Code, Refused
from workflows.stage_acts import ActResult, StageAct
from workflows.storage.case import CaseData, read_case
from workflows.storage.journal import HANDOVER, Personal
from workflows.storage.outbox import request_update
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import (
    Assignment,
    AssignmentState,
    Introduction,
    IntroductionState,
    Proposal,
    ProposalState,
)
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.work import say
from workflows.systems.registry import System
from workflows.tampering import Tampered, acts, is_supported, report, require_journal

CLAIM = timedelta(minutes=15)
"""Time for which a run has an introduction for itself, longer than any call may take (`connectors.answers.DEADLINE`).

A run that is killed leaves it, and the next one after that time asks the system for it.
"""
GOING_ON = (CaseState.RUNNING, CaseState.WATCHED)
UNSETTLED = (
    AssignmentState.APPROVED,
    AssignmentState.PROPOSED,
    AssignmentState.WAITING,
    AssignmentState.OBJECTED,
    AssignmentState.PUTTING_BACK,
)
"""States of records for whose client nothing is said yet: they may get another owner still."""
COMING = (AssignmentState.APPROVED, AssignmentState.PROPOSED, AssignmentState.WAITING)
READ = (IntroductionState.SENT, IntroductionState.WAITING)
"""States that are read again."""
APPROVED = "proposal.approved"
ANOTHER_OWNER = N_("somebody else has the client now")
UNDONE = {IntroductionState.SENDING, IntroductionState.UNKNOWN, IntroductionState.WAITING}
GONE = N_("the client's record is gone")


@dataclass(frozen=True, slots=True)
class Told:
    """The approvals for one system: by proposal its lines, receiving accounts and plan."""

    lines: Mapping[str | None, ApprovedLines]
    accounts: Mapping[str | None, Mapping[str, AccountId]]
    plans: Mapping[str | None, IntroductionPlan]
    moved: frozenset[tuple[str, str]]
    """Records with their owners, as the journal has them moved."""


def introduction_key(row_id: str) -> str:
    """Return the key of an introduction: the same at each run, and it tells of nobody."""
    return f"HO-{hashlib.sha256(row_id.encode()).hexdigest()[:16]}"


class ClientIntroductions:
    """Sends introductions, reads their states, and lists them. The handler of the act `tell_clients`."""

    act = StageAct.TELL_CLIENTS

    def __init__(self, context: ClientContext) -> None:
        self._context = context

    def applies(self, system: System) -> bool:
        """Return whether the company set that clients of this system are told, and the system can do that."""
        return introduction_plan(self._context.introduction_policy, system) is not None

    def foresee(self, system: System, accounts: Sequence[AccountId]) -> Sequence[str]:
        """Return how many records have clients who would be told, as the system counts them now."""
        plan, connector = introduction_plan(self._context.introduction_policy, system), system.having(Introductions)
        if plan is None or connector is None:
            return ()
        number = sum(sum(connector.count(account).values()) for account in accounts)
        return (str(_foreseen(plan.way, number)),) if number else ()

    def run(self, case_id: str, system: System) -> ActResult:
        """Tell every client of a case who has moved and was not told. Raises `ConnectorError`."""
        return self._run(case_id, system, "")

    def _run(self, case_id: str, system: System, successor: str) -> ActResult:
        """Do as `run`, or only for the clients of one successor, by keyed hash."""
        connector = system.having(Introductions)
        with self._context.store.read() as session:
            case, data = read_case(session, self._context.vault, case_id)
            goes_on = case.state in GOING_ON and is_supported(self._context, session, case)
        if connector is None or not goes_on:
            return ActResult()
        try:
            told = self._approved(case, system)
            for rows in self._clients(case, system, told, successor):
                self._tell(connector, case, data, rows, told)
        except Tampered as tampered:
            report(self._context, case_id, system.name, tampered.sentence, "introductions")
            return ActResult(problem=tampered.sentence.stored, waits=True)
        self._read(connector, case, system)
        return self._result(case, system, successor)

    def undo(self, case_id: str, system: System) -> ActResult:
        """Say that clients were told. Nothing can be taken back, so nothing is sent."""
        with self._context.store.read() as session:
            states = counts(session, case_id, col(Introduction.system) == system.name)
        number = sum(states.get(state, 0) for state in READ)
        said = ngettext_lazy(
            "{count} introduction was sent; it cannot be taken back",
            "{count} introductions were sent; they cannot be taken back",
            number,
        )
        return ActResult((said.stored,)) if number else ActResult()

    def send(self, case_id: str, by: Actor, successor: str = "") -> Mapping[str, ActResult]:
        """Tell clients in every system where that was approved, for a person; return the results by system.

        `successor`: only the clients of this one, by key, who may ask for that as well.

        Raises `Refused`: NOTHING_TO_TELL, and by authorization.
        """
        with self._context.store.read() as session:
            data = read_case(session, self._context.vault, case_id)[1]
        own = [one.slack_id for one in data.successors if successor and one.key == successor]
        self._context.authorization.require(Right.TELL, by, case_id, also=(data.approver.slack_id, *own))
        systems = [one for one in self._context.systems.values() if self.applies(one)]
        if not systems:
            raise Refused(Code.NOTHING_TO_TELL, case=case_id)
        self._context.journal.note("clients.tell_asked", by, {}, case_id)
        only = self._context.vault.blind(successor) if successor else ""
        return {system.name: self._tried(case_id, system, only) for system in systems}

    def _tried(self, case_id: str, system: System, successor: str) -> ActResult:
        """Do as `run`, with an error of the system as a problem."""
        try:
            return self._run(case_id, system, successor)
        except ConnectorError as error:
            return ActResult(problem=problem_sentence(error).stored)

    def read(self, case_id: str) -> dict[str, str]:
        """Read the states of everything sent in a case again; return why systems could not be read."""
        problems = {}
        with self._context.store.read() as session:
            case, _data = read_case(session, self._context.vault, case_id)
            named = select(Introduction.system).where(Introduction.case_id == case_id).distinct()
            systems = session.exec(named).all()
        for name in systems:
            system = self._context.systems.get(name)
            connector = system.having(Introductions) if system else None
            if system is None or connector is None:
                problems[name] = _("this system is no longer in the configuration")
                continue
            try:
                self._read(connector, case, system)
            except ConnectorError as error:
                problems[name] = say(error)
        return problems

    def lines(self, case_id: str) -> tuple[IntroductionLine, ...]:
        """Return every introduction of a case, as it was read last."""
        with self._context.store.read() as session:
            case, data = read_case(session, self._context.vault, case_id)
            return tuple(introduction_lines(self._context, session, case, data))

    def _approved(self, case: Case, system: System) -> Told:
        """Return what people approved for a system, and what has moved. Raises `Tampered`."""
        context, vault = self._context, self._context.vault
        with context.store.read() as session:
            require_journal(context, session)
            found = acts(context, session, case.id)
            approved = {(act.data.get("proposal"), act.data.get("digest")) for act in found if act.action == APPROVED}
            proposals = [
                row
                for row in session.exec(
                    select(Proposal).where(Proposal.case_id == case.id, Proposal.state == ProposalState.APPROVED)
                )
                if (row.id, row.digest) in approved
            ]
        data = {row.id: unseal_proposal(vault, case, row) for row in proposals}
        shown_in = {row.id: row for row in proposals if system.name in data[row.id].introductions}
        return Told(
            {name: approved_lines(vault, case, row) for name, row in shown_in.items()},
            {
                name: {vault.blind(key): account for key, account in data[name].accounts.get(system.name, {}).items()}
                for name in shown_in
            },
            {name: data[name].introductions[system.name] for name in shown_in},
            frozenset(
                (record, owner)
                for act in found
                if act.action == "clients.moved" and act.data.get("system") == system.name
                for record, (outcome, owner) in act.data["records"].items()
                if outcome == "moved"
            ),
        )

    def _clients(self, case: Case, system: System, told: Told, successor: str) -> Iterator[list[Assignment]]:
        """Yield one record of each client to be told, some at a time: the client's own record, else any of it."""
        mine = col(Assignment.case_id) == case.id, col(Assignment.system) == system.name
        unsettled = sa.select(col(Assignment.family)).where(*mine, col(Assignment.state).in_(UNSETTLED))
        moved = (
            *mine,
            col(Assignment.state) == AssignmentState.MOVED,
            col(Assignment.proposal_id).in_(list(told.plans)),
            col(Assignment.family).not_in(unsettled),
            *((col(Assignment.successor) == successor,) if successor else ()),
        )
        with self._context.store.read() as session:
            families = session.exec(select(Assignment.family).where(*moved).distinct()).all()
        for some in chunks(sorted(families), CHUNK):
            with self._context.store.read() as session:
                rows = session.exec(
                    select(Assignment).where(*moved, col(Assignment.family).in_(some)).order_by(col(Assignment.id))
                ).all()
            chosen: dict[str, Assignment] = {}
            for row in rows:
                if row.family not in chosen or row.record_id == row.family:
                    chosen[row.family] = row
            yield list(chosen.values())

    def _tell(
        self, connector: Introductions, case: Case, data: CaseData, rows: Sequence[Assignment], told: Told
    ) -> None:
        """Tell some clients, one after the other, each after a fresh read of who has it."""
        rows = [row for row in rows if self._is_open(row)]
        holders = connector.holders([RecordId(row.record_id) for row in rows]) if rows else {}
        names = {self._context.vault.blind(one.key): one.name for one in data.successors}
        for row in rows:
            require_line(told.lines[row.proposal_id], row)
            if (row.record_id, row.owner_after) not in told.moved:
                raise Tampered(gettext_lazy("record {record} was not moved, as the journal says", record=row.record_id))
            account = told.accounts[row.proposal_id][row.successor]
            client = unseal_line(self._context.vault, case, row).family_name
            plan = told.plans[row.proposal_id]
            text = plan.render(leaver=data.leaver.name, successor=names.get(row.successor, ""), client=client)
            begun = self._begin(case, row, account, plan, IntroductionData(client, text))
            if begun is None:
                continue
            held = holders.get(RecordId(row.record_id))
            if held is None or account not in held:
                why = GONE if held is None else ANOTHER_OWNER
                self._record(case, begun[0], IntroductionState.NOT_SENT, Sentence(why).stored)
            else:
                self._send(connector, case, *begun)

    def _is_open(self, row: Assignment) -> bool:
        with self._context.store.read() as session:
            known = session.get(Introduction, _row_id(row))
            return known is None or self._may_take(known)

    def _may_take(self, known: Introduction) -> bool:
        """Return whether an introduction is still to be done, and no other run may be at it."""
        if known.state == IntroductionState.NOT_SENT:
            return True
        left = known.state in (IntroductionState.SENDING, IntroductionState.UNKNOWN)
        return left and self._context.clock.now() - known.begun_at > CLAIM

    def _begin(
        self, case: Case, row: Assignment, account: AccountId, plan: IntroductionPlan, data: IntroductionData
    ) -> tuple[Introduction, bool] | None:
        """Take an introduction for this run; return it, and whether an earlier run may have sent it.

        Returns None if another run has it, or it is done.
        """
        with self._context.store.write(case.id) as session:
            known = session.get(Introduction, _row_id(row), with_for_update=True)
            if known is not None and not self._may_take(known):
                return None
            sent_before = known is not None and known.state != IntroductionState.NOT_SENT
            taken = known or Introduction(
                id=_row_id(row),
                case_id=case.id,
                system=row.system,
                record_id=row.record_id,
                successor=row.successor,
                account=account,
                way=plan.way,
                state=IntroductionState.SENDING,
                begun_at=self._context.clock.now(),
                sealed=b"",
            )
            if not sent_before:  # one that may be on its way keeps its text, account and record
                taken.record_id, taken.successor, taken.account = row.record_id, row.successor, account
                taken.way, taken.sealed = plan.way, seal_introduction(self._context, case, taken.id, data)
            taken.state, taken.begun_at = IntroductionState.SENDING, self._context.clock.now()
            taken.claimed_by = uuid4().hex
            session.add(taken)
        return taken, sent_before

    def _send(self, connector: Introductions, case: Case, row: Introduction, sent_before: bool) -> None:
        """Send one introduction, or find the one that an earlier run sent, and record what a read shows."""
        client, key = RecordId(row.record_id), introduction_key(row.id)
        text = unseal_introduction(self._context, case, row).text
        try:
            found = connector.find_introduction(client, key) if sent_before else None
            answer = found or connector.introduce(client, AccountId(row.account), text, key, IntroductionWay(row.way))
        except OutcomeUnknown as unknown:
            self._look_up(connector, case, row, problem_sentence(unknown))
        except Missing:
            self._record(case, row, IntroductionState.NOT_SENT, Sentence(GONE).stored)
        except ConnectorError as error:  # nothing happened
            state = IntroductionState.UNKNOWN if sent_before else IntroductionState.NOT_SENT
            self._record(case, row, state, problem_sentence(error).stored)
            raise
        else:
            self._record(case, row, IntroductionState(answer.state), stored(answer.reason), answer.id, read=True)

    def _look_up(self, connector: Introductions, case: Case, row: Introduction, why: Sentence) -> None:
        """Ask once for an introduction with a lost answer. One that is not shown may still arrive: it is unknown."""
        try:
            found = connector.find_introduction(RecordId(row.record_id), introduction_key(row.id))
        except ConnectorError:
            found = None
        if found:
            self._record(case, row, IntroductionState(found.state), stored(found.reason), found.id, read=True)
        else:
            self._record(case, row, IntroductionState.UNKNOWN, why.stored)

    def _record(
        self,
        case: Case,
        row: Introduction,
        state: IntroductionState,
        reason: str,
        number: str = "",
        *,
        read: bool = False,
    ) -> None:
        """Record the state of one introduction, unless another run has taken it over."""
        context = self._context
        with context.store.write(case.id) as session:
            now = session.get_one(Introduction, row.id, with_for_update=True)
            if now.claimed_by != row.claimed_by:
                return
            data = replace(unseal_introduction(self._context, case, now), reason=reason)
            now.sealed = seal_introduction(self._context, case, now.id, replace(data, id=number or data.id))
            changed, now.state = now.state != state, state
            now.read_at = context.clock.now() if read else now.read_at
            session.add(now)
            if changed:
                facts = {"system": now.system, "state": state, "client": Personal(now.record_id)}
                context.journal.write(session, actor=HANDOVER, action="clients.introduced", case_id=case.id, data=facts)

    def _read(self, connector: Introductions, case: Case, system: System) -> None:
        """Read the states of what was sent, and update the messages that tell of it."""
        sent = select(Introduction).where(
            Introduction.case_id == case.id, Introduction.system == system.name, col(Introduction.state).in_(READ)
        )
        with self._context.store.read() as session:
            rows = session.exec(sent.order_by(col(Introduction.id))).all()
        for some in chunks(rows, CHUNK):
            known = [
                Introduced(
                    RecordId(row.record_id),
                    IntroductionRead(row.state),
                    unseal_introduction(self._context, case, row).id,
                )
                for row in some
            ]
            for row, now in zip(some, connector.introduced(known), strict=True):
                self._record(case, row, IntroductionState(now.state), stored(now.reason), now.id, read=True)
        with self._context.store.write(case.id) as session:
            for kind in (MessageKind.NOTE, MessageKind.CASE):
                posts = select(OutboxMessage.id).where(OutboxMessage.case_id == case.id, OutboxMessage.kind == kind)
                for post in session.exec(posts).all():
                    request_update(session, post)

    def _result(self, case: Case, system: System, successor: str) -> ActResult:
        own = (col(Introduction.successor) == successor,) if successor else ()
        with self._context.store.read() as session:
            states = counts(session, case.id, col(Introduction.system) == system.name, *own)
            coming = select(Assignment.id).where(
                Assignment.case_id == case.id, Assignment.system == system.name, col(Assignment.state).in_(COMING)
            )
            comes = session.exec(coming.limit(1)).first() is not None
            said = tuple(sentence.stored for sentence in told_in(self._context, session, case, system.name, *own))
        if states.keys() & UNDONE:
            return ActResult(said, gettext_lazy("not every introduction is done").stored)
        if comes:
            return ActResult(said, gettext_lazy("some clients are still to move, and are told then").stored, waits=True)
        return ActResult(said)


def _row_id(row: Assignment) -> str:
    return f"{row.case_id}:{row.system}:{row.family}"


def _foreseen(way: IntroductionWay, number: int) -> Sentence:
    if way is IntroductionWay.TASK:
        return ngettext_lazy(
            "after the move the new contact gets a task for the client of up to {count:,} record",
            "after the move the new contact gets a task for each client of up to {count:,} records",
            number,
        )
    return ngettext_lazy(
        "after the move the system writes to the client of up to {count:,} record",
        "after the move the system writes to the clients of up to {count:,} records",
        number,
    )
