"""A case on the stage: rows in a fresh store, systems in memory, and hands to move the clock and the work along."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlmodel import select

from bot.policies import Policies
from bot.services import WorkHandlers
from tests.workflows.members import MemoryMembers, authorization
from tests.workflows.memory import Time, World
from tests.workflows.office import services_on
from tests.workflows.tables import VAULT, lay_out
from workflows.clients.approval_policy import ApprovalPolicy
from workflows.clients.handover import ClientHandover
from workflows.clients.views import ClientsView, ProposalView, RecordLine
from workflows.context import Context
from workflows.people import Actor, Leaver, Successor
from workflows.storage.case import CaseData
from workflows.storage.journal import Journal
from workflows.storage.marks import Marks
from workflows.storage.rows.case import Case, CaseState
from workflows.storage.rows.clients import ApprovalRequest, Assignment, BookHandover, Decision, Proposal
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store, sqlite_url
from workflows.systems.registry import System, Systems

CASE = "c1"
RETRY = timedelta(minutes=5)
LEAVER = Leaver("Dana O'Neill", "dana@x.example", "U0DANA")
APPROVER = Successor("max@x.example", "Max Weber", "max@x.example", "U0MAX")
BOB = Successor("bob@x.example", "Bob Ross", "bob@x.example", "U0BOB")
CAROL = Successor("carol@x.example", "Carol Díaz", "carol@x.example", "U0CAROL")
MAX, DANA, EVE = Actor("slack:U0MAX", "Max Weber"), Actor("slack:U0DANA", "Dana O'Neill"), Actor("slack:U0EVE", "Eve")
HANNA = Actor("slack:U0HANNA", "Hanna")


def crm(name: str = "crm", *, records: int = 12) -> World:
    """Return a CRM where Dana owns records, two to a client, and Bob and Carol can receive."""
    world = World(name)
    for user, email in (("dana", LEAVER.email), ("bob", BOB.email), ("carol", CAROL.email), ("zed", "zed@x.example")):
        world.user(user, email)
    for n in range(records):
        world.record(f"opportunity:{n:03}", "dana", family=f"party:{n // 2}", value=1000 + n)
    return world


class Stage:
    """One case with a book in each system."""

    def __init__(
        self,
        folder: Path,
        *systems: System,
        successors: tuple[Successor, ...] = (BOB, CAROL),
        approver: Successor = APPROVER,
        strategy: str = "balanced",
        books: bool = True,
        url: str = "",
        policy: ApprovalPolicy | None = None,
    ) -> None:
        """`url`: PostgreSQL rows with all tables, in place of an SQLite file in `folder`."""
        self.time = Time()
        self.members, self.policy = MemoryMembers(), policy or ApprovalPolicy()
        self.store = Store(url or sqlite_url(folder), VAULT)
        lay_out(self.store)
        self.vault = VAULT
        self.journal = Journal(self.store, self.time, b"s" * 32, Marks(b"m" * 32))
        self.systems = Systems(list(systems))
        permit = authorization(self.store, self.vault, self.journal, self.time, self.members)
        self.context = Context(self.store, self.vault, self.journal, self.systems, self.time, permit, RETRY)
        self.handover = self.start()
        data = CaseData(LEAVER, approver, successors, Actor("slack:U0HANNA", "Hanna"), "C0CASES")
        key = self.vault.new_key()
        with self.store.write() as session:
            sealed = self.vault.seal(key, data.dump(), f"case:{CASE}")
            session.add(
                Case(
                    id=CASE,
                    leaver_key="k",
                    mail_key="m",
                    state=CaseState.RUNNING,
                    immediate=True,
                    effective_at=self.time.now(),
                    opened_at=self.time.now(),
                    opened_by="slack:U0HANNA",
                    approver="a",
                    strategy=strategy,
                    reason="resignation",
                    wrapped_key=key,
                    sealed=sealed,
                )
            )
            session.flush()
            for system in systems if books else ():
                session.add(
                    BookHandover(
                        id=f"{CASE}:{system.name}",
                        case_id=CASE,
                        system=system.name,
                        state=WorkState.DUE,
                        due_at=self.time.now(),
                    )
                )

    def start(self, store: Store | None = None) -> ClientHandover:
        """Return the track as a fresh process builds it; with a store of its own it shares nothing in memory."""
        return self.build(store).handover

    def build(self, store: Store | None = None) -> WorkHandlers:
        """Return all services as a fresh process builds them."""
        context = self.context if store is None else replace(self.context, store=store)
        return services_on(context, self.members, Policies(approvals=self.policy))

    def tick(self, *systems: str) -> None:
        """Do what is due, as the clock would."""
        for book in self.books():
            due = book.state == WorkState.DUE and book.due_at <= self.time.now()
            if due and book.system in (systems or self.systems):
                self.handover.run(book.id)

    def look(self) -> None:
        """Look at every request for approval that is due, as the clock would."""
        for row in self.requests():
            if row.state == WorkState.DUE and row.due_at <= self.time.now():
                self.handover.escalation.run(row.id)

    def requests(self) -> list[ApprovalRequest]:
        with self.store.read() as session:
            return list(session.exec(select(ApprovalRequest).order_by(ApprovalRequest.id)).all())

    def retry(self, system: str = "crm") -> None:
        """Press Retry."""
        with self.store.write() as session:
            self.handover.retry(session, CASE, system)

    def overtake(self, system: str = "crm") -> None:
        """Let another attempt begin, as when the clock took the first for dead."""
        with self.store.write() as session:
            book = session.get_one(BookHandover, f"{CASE}:{system}")
            book.state, book.attempt, book.due_at = WorkState.DUE, book.attempt + 1, self.time.now()
            session.add(book)

    def settle(self, minutes: int = 60) -> None:
        """Let the clock tick for a while."""
        for _ in range(minutes):
            self.tick()
            self.time.pass_(minutes=1)

    def books(self) -> list[BookHandover]:
        with self.store.read() as session:
            return list(session.exec(select(BookHandover).order_by(BookHandover.id)).all())

    def book(self, system: str = "crm") -> BookHandover:
        return next(book for book in self.books() if book.system == system)

    def rows(self) -> dict[str, Assignment]:
        with self.store.read() as session:
            return {row.record_id: row for row in session.exec(select(Assignment)).all()}

    def proposals(self) -> list[ProposalView]:
        with self.store.read() as session:
            shown = session.exec(select(Proposal.id).where(Proposal.version > 0).order_by("version")).all()
        return [self.handover.proposals.view(number) for number in shown]

    def proposal(self) -> ProposalView:
        """Return the newest version."""
        return self.proposals()[-1]

    def lines(self) -> list[RecordLine]:
        return self.handover.proposals.lines(self.proposal().id, 0, 1000)[0]

    def approve(self, by: Actor = MAX) -> ProposalView:
        newest = self.proposal()
        return self.decide(newest.id, newest.digest, by, approve=True)

    def decide(
        self, proposal_id: str, digest: str, by: Actor, approve: bool, reason: str = "", principal: str = ""
    ) -> ProposalView:
        """Decide, and return the proposal in its new state."""
        self.handover.decisions.decide(proposal_id, digest, by, approve, reason, principal)
        return self.handover.proposals.view(proposal_id)

    def assign(
        self, proposal_id: str, digest: str, successors: Mapping[str, str], by: Actor, people: Sequence[Successor] = ()
    ) -> ProposalView:
        """Edit, and return the new version."""
        return self.handover.proposals.view(self.handover.edits.assign(proposal_id, digest, successors, by, people))

    def exclude(self, proposal_id: str, digest: str, lines: Sequence[str], reason: str, by: Actor) -> ProposalView:
        """Edit, and return the new version."""
        return self.handover.proposals.view(self.handover.edits.exclude(proposal_id, digest, lines, reason, by))

    def upload(
        self, proposal_id: str, digest: str, content: bytes, by: Actor, people: Sequence[Successor] = ()
    ) -> ProposalView:
        """Edit, and return the new version."""
        return self.handover.proposals.view(self.handover.edits.upload(proposal_id, digest, content, by, people))

    def clients(self) -> ClientsView:
        with self.store.read() as session:
            view = self.handover.proposals.clients(session, CASE)
        assert view is not None
        return view

    def posts(self) -> dict[str, OutboxMessage]:
        with self.store.read() as session:
            return {post.id: post for post in session.exec(select(OutboxMessage)).all()}

    def journalled(self, action: str) -> list[JournalEntry]:
        """Return the entries of an action, with their actors and facts in clear."""
        with self.store.read() as session:
            found = list(session.exec(select(JournalEntry).where(JournalEntry.action == action)))
            session.expunge_all()
            for entry in found:
                entry.actor, facts = self.journal.opener(session, entry.case_id)(entry)
                entry.data = json.dumps(facts, ensure_ascii=False)
        return found

    def case(self) -> Case:
        with self.store.read() as session:
            return session.get_one(Case, CASE)

    def decisions(self) -> list[Decision]:
        with self.store.read() as session:
            return list(session.exec(select(Decision)).all())

    def change(self, what: Callable[[Case], None]) -> None:
        with self.store.write() as session:
            case = session.get_one(Case, CASE)
            what(case)
            session.add(case)
