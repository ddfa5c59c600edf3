"""The services of all three tracks on systems in memory, with work carried out one row at a time and no engine."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from pydantic import SecretStr
from sqlmodel import col, select

from bot.policies import Policies
from bot.services import WorkHandlers
from bot.wiring import Workspace, build_context, build_services
from config.client_book import ClientSettings
from config.settings import Company, PolicySettings, Roles, Settings, Slack, Storage
from tests.workflows.members import ACTORS, ROLES, MemoryMembers
from tests.workflows.memory import MemoryDirectory, MemoryListing, Time, World
from tests.workflows.tables import VAULT, lay_out
from workflows.cases.holds import CasePolicy
from workflows.cases.views import OffboardingRequest
from workflows.clients.approval_policy import ApprovalPolicy
from workflows.context import Context
from workflows.people import Actor, Leaver, Successor
from workflows.ports import DeliveryFailed, WorkspaceDirectory
from workflows.stage_acts import ActHandler
from workflows.stages.days import CasePlan
from workflows.storage.rows.case import Reason, Strategy
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store, sqlite_url
from workflows.storage.work import TASKS, Task
from workflows.systems.registry import System, Systems
from workflows.watch.responses import FindingPolicy as Responses

HR = Actor("slack:U0HR", "Hanna")
SECURITY = Actor("slack:U0SEC", "Sam")
DANA = Leaver(
    "Dana O'Neill",
    "dana@x.example",
    "U0DANA",
    "Europe/Dublin",
    manager_email="max@x.example",
    directory_id="directory-dana",
)
"""The leaver as a plan matches her in the directory."""
NONE = ("never had one", date(2026, 12, 1))
"""A person's reason and last day for the statement that there is no account."""
MAX = Successor("max@x.example", "Max", "max@x.example", "U0MAX")
BOB = Successor("bob@x.example", "Bob", "bob@x.example", "U0BOB")
CAROL = Successor("carol@x.example", "Carol", "carol@x.example", "U0CAROL")
PROTECTED = ("root@x.example", "crm:boss", "svc-sync")


def make_settings(
    api_url: str = "https://slack.invalid/api/", *, roles: Roles = ROLES, follow_up_days: tuple[int, ...] = (1, 7)
) -> Settings:
    """Return the practice company's settings; its channels are `C0SEC` and `C0AUDIT`."""
    return Settings(
        company=Company(name="Northwind", timezone="Europe/Berlin", directory="directory"),
        storage=Storage(path=Path("/nonexistent"), master_key=_key(b"m"), signing_key=_key(b"s")),
        slack=Slack(
            bot_token=SecretStr("xoxb-practice"),
            app_token=SecretStr("xapp-practice"),
            api_url=api_url,
            case_channel="C0CASES",
            security_channel="C0SEC",
            audit_channel="C0AUDIT",
        ),
        roles=roles,
        policy=PolicySettings(protected=PROTECTED, follow_up_days=follow_up_days),
        clients=ClientSettings(),
    )


def _key(letter: bytes) -> SecretStr:
    return SecretStr(base64.b64encode(letter * 32).decode())


class MemoryRoster:
    """The workspace's members; `down`: Slack does not answer."""

    def __init__(self) -> None:
        self.groups: dict[str, tuple[str, ...]] = {}
        self.gone: set[str] = set()
        self.down = False

    def reach(self, assignee: str) -> tuple[str, ...]:
        """Return the active people behind an id."""
        if self.down:
            raise DeliveryFailed("Slack does not answer")
        return tuple(one for one in self.groups.get(assignee, (assignee,)) if one not in self.gone)


def services_on(
    context: Context, members: WorkspaceDirectory | None = None, policies: Policies | None = None
) -> WorkHandlers:
    """Build the services of a process on given rows and systems; it begins no work by itself."""
    workspace = Workspace(members or MemoryMembers(), MemoryRoster())
    return build_services(make_settings(), context, workspace, policies or Policies(), _nothing)


def _nothing(task: str, row: str, attempt: int) -> None:
    """Begin nothing: tests carry work out themselves."""


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
        settings: Settings | None = None,
        workspace: Workspace | None = None,
        systems: Systems | None = None,
        members: MemoryMembers | None = None,
        handlers: Sequence[ActHandler] = (),
        stages: CasePlan | None = None,
    ) -> None:
        """`more`: systems beside these two; `systems`: others in place of all.

        `url`: PostgreSQL rows in place of an SQLite file in `folder`. `handlers`: of the acts of stages;
        without them and without `stages`, a case has none.
        """
        self.clock = Time()
        self.members = members or MemoryMembers()
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
        self.store = Store(url or sqlite_url(folder), VAULT)
        lay_out(self.store)
        crm = self.crm.system(MemoryListing if crm_lists else None)
        self.systems = systems or Systems([self.directory.system(MemoryDirectory), crm, *more], "directory")
        settings = settings or make_settings()
        settings = settings.model_copy(update={"actors": settings.actors or ACTORS})
        self.context = build_context(
            settings, self.store, self.systems, self.clock, workspace.members if workspace else self.members
        )
        self.vault, self.journal = self.context.vault, self.context.journal
        self.roster = MemoryRoster()
        self.started: list[tuple[str, str, int]] = []
        laid = Policies(rules, policy, findings=responses)
        built = build_services(
            settings,
            self.context,
            workspace or Workspace(self.members, self.roster),
            replace(laid, stages=stages) if stages is not None else laid if handlers else replace(laid, stages={}),
            lambda *work: self.started.append(work),
            handlers,
        )
        self.dispatch, self.handlers = built.dispatch, built.by_task()
        self.services = services = built.services
        self.offboarding, self.handover, self.exports = services.offboarding, built.handover, services.exports
        self.audits, self.follow_ups = services.audits, services.follow_ups
        self.linking, self.manual = services.linking, services.manual

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
        """Carry out every row that is due now, once, in the pieces that the engine gets; return how many there were."""
        done = 0
        for task in tasks or TASKS:
            model = TASKS[task]
            with self.store.read() as session:
                due = session.exec(
                    select(model.id, model.attempt).where(
                        model.state == WorkState.DUE, col(model.due_at) <= self.clock.now()
                    )
                ).all()
            for handler, row, _attempt in dict.fromkeys(_piece(task, *row) for row in due):
                self.handlers[handler](row)
            done += len(due)
        return done

    def posts(self) -> dict[str, OutboxMessage]:
        """Return every post by its id."""
        with self.store.read() as session:
            return {post.id: post for post in session.exec(select(OutboxMessage))}


def _piece(task: str, row_id: str, attempt: int) -> tuple[str, str, int]:
    """Return the piece of work that a row's attempt is in: its own, or its case's first lock-out."""
    if task == Task.REVOKE and attempt == 0:
        return Task.LOCKOUT, row_id.partition(":")[0], 0
    return task, row_id, attempt
