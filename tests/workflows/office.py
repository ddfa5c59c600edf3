"""The services of all three tracks on systems in memory, with work carried out one row at a time and no engine."""

from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

from sqlmodel import col, select

from tests.workflows.members import MemoryMembers
from tests.workflows.memory import MemoryDirectory, MemoryListing, Time, World
from tests.workflows.tables import lay_out
from workflows.access.links import AccountLinking
from workflows.access.manual_steps import ManualSteps
from workflows.access.protected import ProtectedAccounts
from workflows.access.restoration import Restorations
from workflows.access.restriction import Restrictions
from workflows.access.system_lockout import SystemLockouts
from workflows.cases.casefile import Casefile
from workflows.cases.finding_list import FindingList
from workflows.cases.holds import CasePolicy
from workflows.cases.offboarding import Offboarding
from workflows.cases.views import OffboardingRequest
from workflows.clients.approval_policy import ApprovalContext, ApprovalPolicy
from workflows.clients.handover import ClientHandover
from workflows.context import Context
from workflows.exports.snapshots import ExportTrack
from workflows.people import Actor, Leaver, Successor
from workflows.ports import DeliveryFailed
from workflows.storage.journal import Journal
from workflows.storage.rows.case import Reason, Strategy
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store, sqlite_url
from workflows.storage.vault import Vault
from workflows.storage.work import TASKS
from workflows.systems.registry import System, Systems
from workflows.watch.audit import Audits
from workflows.watch.follow_ups import FollowUps
from workflows.watch.responses import FindingPolicy as Responses

HR = Actor("slack:U0HR", "Hanna")
SECURITY = Actor("slack:U0SEC", "Sam")
DANA = Leaver("Dana O'Neill", "dana@x.example", "U0DANA", "Europe/Dublin", manager_email="max@x.example")
MAX = Successor("max@x.example", "Max", "max@x.example", "U0MAX")
BOB = Successor("bob@x.example", "Bob", "bob@x.example", "U0BOB")
CAROL = Successor("carol@x.example", "Carol", "carol@x.example", "U0CAROL")
PROTECTED = ("root@x.example", "crm:boss", "svc-sync")


class MemoryRoster:
    """Who is there to be asked; `down`: Slack does not say."""

    def __init__(self) -> None:
        self.groups: dict[str, tuple[str, ...]] = {}
        self.gone: set[str] = set()
        self.down = False

    def reach(self, assignee: str) -> tuple[str, ...]:
        """Return the active people behind an id."""
        if self.down:
            raise DeliveryFailed("Slack does not answer")
        return tuple(one for one in self.groups.get(assignee, (assignee,)) if one not in self.gone)


class Office:
    """A directory and a CRM in memory with Dana, Max, Bob and Carol, and the services on them."""

    def __init__(
        self,
        folder: Path,
        *more: System,
        url: str = "",
        rules: CasePolicy = CasePolicy(hold_channel="C0SEC"),  # noqa: B008 - frozen
        policy: ApprovalPolicy = ApprovalPolicy(),  # noqa: B008 - frozen
        responses: Responses = Responses(),  # noqa: B008 - frozen
        crm_lists: bool = False,
    ) -> None:
        """`more`: systems beside these two. `url`: PostgreSQL rows in place of an SQLite file in `folder`."""
        self.clock = Time()
        self.members = MemoryMembers()
        self.directory = World("directory")
        self.crm = World("crm")
        for world in (self.directory, self.crm):
            for name in ("dana", "max", "bob", "carol"):
                world.user(
                    f"{world.name}-{name}",
                    f"{name}@x.example",
                    groups={"sales", "all staff"},
                    sessions=1,
                    manager_email="max@x.example",
                )
        self.store = Store(url or sqlite_url(folder))
        lay_out(self.store)
        self.vault = Vault(b"m" * 32)
        self.journal = Journal(self.store, self.clock, b"s" * 32)
        crm = self.crm.system(MemoryListing if crm_lists else None)
        self.systems = Systems([self.directory.system(MemoryDirectory), crm, *more], "directory")
        self.context = Context(self.store, self.vault, self.journal, self.systems, self.clock)
        guards = ProtectedAccounts(PROTECTED)
        self.handover = ClientHandover(self.context, ApprovalContext(self.members, policy))
        self.exports = ExportTrack(self.context, channel="C0SEC", look_back=timedelta(days=60), zone="Europe/Berlin")
        sheet = FindingList(self.context, timedelta(hours=24))
        casefile = Casefile(self.context, self.handover.proposals, self.exports, sheet)
        self.started: list[tuple[str, str, int]] = []
        self.offboarding = Offboarding(
            self.context,
            casefile,
            self.handover,
            lambda *work: self.started.append(work),
            guards=guards,
            follow_up_days=(1, 7),
            rules=rules,
        )
        self.linking = AccountLinking(self.context, guards, self.offboarding.retry)
        self.audits = Audits(
            self.context,
            casefile,
            self.offboarding.retry,
            self.linking.link_additional,
            sheet=sheet,
            channel="C0AUDIT",
            zone="Europe/Berlin",
            at=time(8, 0),
            policy=responses,
        )
        self.follow_ups = FollowUps(self.context, casefile, self.exports)
        self.revocation = SystemLockouts(self.context, guards)
        self.roster = MemoryRoster()
        self.manual = ManualSteps(self.context, self.roster, channel="C0SEC")
        self.restorations = Restorations(self.context)
        self.handlers: dict[str, Callable[[str], None]] = {
            "revoke": self.revocation.run,
            "book": self.handover.run,
            "approval": self.handover.escalation.run,
            "exports": self.exports.take,
            "follow_up": self.follow_ups.run,
            "audit": self.audits.run,
            "manual": self.manual.run,
            "undo": self.restorations.run,
            "restrict": Restrictions(self.context, guards).run,
            "put_back": self.handover.put_backs.run,
            "leave": self.handover.leaves.run,
        }

    def request(self, **change: object) -> OffboardingRequest:
        """Return what HR asks for, for now unless changed."""
        asked: dict[str, object] = {
            "leaver": DANA,
            "reason": Reason.RESIGNATION,
            "effective_at": None,
            "approver": MAX,
            "strategy": Strategy.BALANCED,
            "successors": (BOB, CAROL),
            "requested_by": HR,
            "channel": "C0CASES",
        }
        return OffboardingRequest(**{**asked, **change})  # type: ignore[arg-type]

    def work(self, *tasks: str) -> int:
        """Carry out every row that is due now, once; return how many there were."""
        done = 0
        for task in tasks or TASKS:
            model = TASKS[task]
            with self.store.read() as session:
                due = session.exec(
                    select(model.id).where(model.state == WorkState.DUE, col(model.due_at) <= self.clock.now())
                ).all()
            for row in due:
                self.handlers[task](row)
                done += 1
        return done

    def posts(self) -> dict[str, OutboxMessage]:
        """Return every post by its id."""
        with self.store.read() as session:
            return {post.id: post for post in session.exec(select(OutboxMessage))}
