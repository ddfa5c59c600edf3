"""The production bot on systems in memory, connected to a practice workspace.

case_id = workplace.open()                       # Dana's case, for now, as HR opened it
workplace.run()                                  # carries out what is due, and posts
workplace.security.click(workplace.post(f"case:{case_id}"), "Retry")
assert workplace.actors("access.retry") == ["slack:U0SAMOKAFOR"]
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlmodel import col, select

from bot.services import Services
from bot.slack.acknowledgement_gate import AcknowledgementGate
from bot.slack.app import make_app
from bot.slack.client import web_client
from bot.slack.metrics import Metrics, watch
from bot.slack.notifier import SlackNotifier
from bot.slack.serve import PATH, THREADS, make_web
from bot.slack.web_server import listening
from bot.wiring import slack_workspace
from config.client_book import ClientSettings
from config.settings import Company, Health, PolicySettings, Role, Roles, Settings, Slack, Storage
from tests.bot import samples
from tests.sandbox.company.people import ADMIN, BY_UID, HR, LEAVER, MANAGER, PEOPLE, SECURITY
from tests.sandbox.slack import seed
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.records import Message
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from tests.workflows.office import Office
from workflows.cases.holds import CasePolicy
from workflows.cases.views import CaseView
from workflows.clients.approval_policy import ApprovalPolicy
from workflows.people import Actor
from workflows.stage_acts import ActHandler
from workflows.storage import outbox
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import OutboxMessage
from workflows.storage.vault import SEALED
from workflows.systems.registry import System

OPENER = Actor(f"slack:{HR.slack_id}", HR.name)


def make_settings(api_url: str = "https://slack.invalid/api/", mode: str = "http") -> Settings:
    secret = SecretStr("A" * 43 + "=")
    return Settings(
        company=Company(name="Northwind", timezone="Europe/Berlin", directory="directory"),
        storage=Storage(path=Path("/nonexistent"), master_key=secret, signing_key=secret),
        slack=Slack.model_validate(
            {
                "mode": mode,
                "bot_token": SecretStr("xoxb-practice"),
                "app_token": SecretStr("xapp-practice"),
                "signing_secret": SecretStr("practice-signing-secret"),
                "api_url": api_url,
                "port": 0,
                "case_channel": seed.OFFBOARDING,
                "security_channel": seed.SECURITY_ALERTS,
                "audit_channel": seed.ACCESS_AUDIT,
            }
        ),
        roles=Roles(
            hr=Role(groups=(seed.HR_GROUP,)),
            security=Role(users=(SECURITY.slack_id,)),
            admin=Role(users=(ADMIN.slack_id,)),
        ),
        health=Health(port=0),
        policy=PolicySettings(),
        clients=ClientSettings(),
    )


class Workplace:
    """The bot, the workspace and the users that tests act as."""

    def __init__(
        self,
        slack: SlackServer,
        folder: Path,
        *more: System,
        rules: CasePolicy | None = None,
        protected: tuple[str, ...] = (),
        approvals: ApprovalPolicy | None = None,
        handlers: Sequence[ActHandler] = (),
    ) -> None:
        """`more`: additional systems. The directory and the CRM have the practice company's people."""
        policy = PolicySettings(protected=protected)
        settings = make_settings(slack.api_url).model_copy(update={"policy": policy})
        self.slack = slack
        self.office = Office(
            folder,
            *more,
            rules=rules or CasePolicy(hold_channel=seed.SECURITY_ALERTS),
            policy=approvals or ApprovalPolicy(),
            settings=settings,
            workspace=slack_workspace(settings),
            handlers=handlers,
        )
        self.office.clock.at = samples.NOW
        self.directory, self.crm = self.office.directory, self.office.crm
        for one in PEOPLE:
            boss = BY_UID[one.manager].email if one.manager else ""
            own: dict[str, Any] = {"login": one.uid, "name": one.name, "groups": {"all staff"}, "manager_email": boss}
            self.directory.user(f"entry-{one.uid}", one.email, **own)
            if one.crm:
                self.crm.user(f"crm-{one.uid}", one.email, **own, sessions=1)
        self.services: Services = self.office.services
        client = web_client(settings.slack)
        self.notifier = SlackNotifier(
            client, self.services, find_post=lambda post_id: outbox.find(self.office.store, post_id)
        )

    def person(self, user: str) -> Person:
        return self.slack.as_user(user)

    @property
    def hr(self) -> Person:
        return self.person(HR.slack_id)

    @property
    def manager(self) -> Person:
        return self.person(MANAGER.slack_id)

    @property
    def leaver(self) -> Person:
        return self.person(LEAVER.slack_id)

    @property
    def security(self) -> Person:
        return self.person(SECURITY.slack_id)

    def open(self, **change: Any) -> str:
        """Open Dana's case, for now unless changed, and post it; return its id."""
        wish = {
            "leaver": samples.leaver(),
            "approver": samples.MAX,
            "successors": (samples.BOB, samples.CAROL),
            "requested_by": OPENER,
            "channel": seed.OFFBOARDING,
        }
        case_id = self.office.offboarding.open(self.office.request(**{**wish, **change}))
        self.deliver()
        return case_id

    def run(self, *tasks: str) -> None:
        """Carry out due work and deliver messages."""
        self.office.work(*tasks)
        self.deliver()

    def propose(self, clients: int = 3, **change: Any) -> str:
        """Open a case for so many clients and propose a split to the manager; return the case's id."""
        for number in range(clients):
            self.crm.record(f"opportunity:{number}", "crm-dana.oneill", family_name=f"Client {number}")
        case_id = self.open(**change)
        self.run()
        return case_id

    def hand_over(self, clients: int = 3, **change: Any) -> str:
        """Propose a split and approve the proposal, without moves. Return the case's id."""
        case_id = self.propose(clients, **change)
        [proposal] = self.services.proposals.waiting_for(MANAGER.slack_id)
        by = Actor(f"slack:{MANAGER.slack_id}", MANAGER.name)
        self.services.decisions.decide(proposal.id, proposal.digest, by, approve=True)
        self.deliver()
        return case_id

    def deliver(self) -> None:
        """Deliver due messages, in as many passes as a slow machine needs."""
        while outbox.deliver(self.office.store, self.notifier, self.office.clock):
            pass

    def post(self, post_id: str) -> Message:
        """Return a post's present message in Slack."""
        self.deliver()
        row = outbox.find(self.office.store, post_id)
        assert row is not None, post_id
        message = self.slack.workspace.find(row.channel, row.ts)
        assert message is not None, post_id
        return message

    def private(self, person: Person, words: str) -> Message:
        """Wait for a private answer to this person."""
        return person.wait_for(lambda: next((one for one in person.ephemerals if words in said(one)), None))

    def actors(self, action: str) -> list[str]:
        """Return the actors of a journal action."""
        query = select(JournalEntry.actor).where(JournalEntry.action == action).order_by(col(JournalEntry.at))
        with self.office.store.read() as session:
            sealed = session.exec(query).all()
        vault = self.office.vault
        return [vault.open_id("actor", actor) if actor.startswith(SEALED) else actor for actor in sealed]

    def cases(self) -> list[CaseView]:
        return self.services.offboarding.cases()

    def posts(self) -> dict[str, OutboxMessage]:
        return self.office.posts()


@contextmanager
def workplace_in(
    folder: Path,
    *more: System,
    rules: CasePolicy | None = None,
    protected: tuple[str, ...] = (),
    approvals: ApprovalPolicy | None = None,
    handlers: Sequence[ActHandler] = (),
) -> Iterator[Workplace]:
    """Open a workplace with the bot connected to Slack."""
    with SlackServer(Workspace()) as slack:
        workplace = Workplace(
            slack, folder, *more, rules=rules, protected=protected, approvals=approvals, handlers=handlers
        )
        with serving(slack, workplace.services):
            yield workplace
        workplace.office.store.close()


def said(message: Message) -> str:
    """Return all text of a message, with the fallback text."""
    return "\n".join([str(message.body.get("text", "")), *strings(message.blocks)])


def strings(thing: Any) -> Iterator[str]:
    """Yield every text in nested blocks."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from strings(value)
    elif isinstance(thing, list | tuple):
        for one in thing:
            yield from strings(one)


@contextmanager
def serving(slack: SlackServer, services: Services) -> Iterator[None]:
    """Connect the production bot to a workspace."""
    gate = AcknowledgementGate(calm=0)
    client = web_client(services.settings.slack)
    app = make_app(services, client, signing_secret="practice-signing-secret", gate=gate)
    metrics = Metrics()
    watch(app, metrics)
    with listening(
        make_web(app, gate, "practice-signing-secret", services.signed_requests), "127.0.0.1", 0, THREADS
    ) as port:
        slack.workspace.app.use_url(f"http://127.0.0.1:{port}{PATH}")
        yield
