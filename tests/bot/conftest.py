"""The production bot in front of a practice workspace, with services in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from bot.services import Services
from bot.slack.acknowledgement_gate import AcknowledgementGate
from bot.slack.app import make_app
from bot.slack.client import web_client
from bot.slack.metrics import Metrics, watch
from bot.slack.serve import PATH, listening, make_web
from config.client_book import ClientSettings
from config.settings import Company, PolicySettings, Role, Roles, Settings, Slack, Storage
from tests.bot.fakes import (
    FakeAudits,
    FakeDelegations,
    FakeExports,
    FakeFollowUps,
    FakeHalts,
    FakeHandover,
    FakeJournal,
    FakeLeaves,
    FakeLinking,
    FakeManualSteps,
    FakeNotes,
    FakeOffboarding,
    FakePutBacks,
    FixedClock,
)
from tests.sandbox.company.people import ADMIN, HR, LEAVER, MANAGER, SECURITY
from tests.sandbox.slack import seed
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.records import Message
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace


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
        policy=PolicySettings(),
        clients=ClientSettings(),
    )


@dataclass
class Office:
    """The bot, the workspace and the people that tests speak as."""

    slack: SlackServer
    services: Services
    offboarding: FakeOffboarding
    handover: FakeHandover
    exports: FakeExports
    audits: FakeAudits
    journal: FakeJournal
    linking: FakeLinking
    manual: FakeManualSteps

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

    def private(self, person: Person, words: str) -> Message:
        """Wait for an answer that only this person sees."""
        return person.wait_for(lambda: next((one for one in person.ephemerals if words in said(one)), None))


def said(message: Message) -> str:
    """All words of a message, with the fallback text."""
    return "\n".join([str(message.body.get("text", "")), *strings(message.blocks)])


def strings(thing: Any) -> Iterator[str]:
    """Every text in nested blocks."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from strings(value)
    elif isinstance(thing, list | tuple):
        for one in thing:
            yield from strings(one)


@pytest.fixture
def office() -> Iterator[Office]:
    with SlackServer(Workspace()) as slack:
        fakes = FakeOffboarding(), FakeHandover(), FakeExports(), FakeAudits(), FakeJournal(), FakeLinking()
        services = make_services(make_settings(slack.api_url), *fakes)
        client = web_client(services.settings.slack)
        door = AcknowledgementGate(calm=0)
        app = make_app(services, client, signing_secret="practice-signing-secret", door=door)
        metrics = Metrics()
        watch(app, metrics)
        with listening(make_web(app, metrics, door), "127.0.0.1", 0) as port:
            slack.workspace.app.use_url(f"http://127.0.0.1:{port}{PATH}")
            yield Office(slack, services, *fakes, cast("FakeManualSteps", services.manual))
            fakes[0].slow.set()
            fakes[0].opening.set()


def make_services(
    settings: Settings,
    *fakes: object,
    manual: FakeManualSteps | None = None,
    halts: FakeHalts | None = None,
    put_backs: FakePutBacks | None = None,
    leaves: FakeLeaves | None = None,
) -> Services:
    offboarding, handover, exports, audits, journal, *others = fakes
    return Services(
        settings,
        cast("FakeOffboarding", offboarding),
        cast("FakeHandover", handover),
        cast("FakeHandover", handover),
        cast("FakeHandover", handover),
        cast("FakeHandover", handover),
        cast("FakeExports", exports),
        cast("FakeAudits", audits),
        FakeFollowUps(),
        cast("FakeJournal", journal),
        FixedClock(),
        {},
        manual or FakeManualSteps(),
        next((fake for fake in others if isinstance(fake, FakeLinking)), FakeLinking()),
        next((fake for fake in others if isinstance(fake, FakeDelegations)), FakeDelegations()),
        halts=halts or FakeHalts(),
        put_backs=put_backs or FakePutBacks(),
        notes=FakeNotes(),
        leaves=leaves or FakeLeaves(),
    )
