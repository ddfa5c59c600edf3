"""The production bot connected to a practice workspace, with services in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from bot.services import Services
from config.settings import Settings
from tests.bot.fakes import (
    FakeAudits,
    FakeAuthorization,
    FakeClientAnswers,
    FakeClockRecord,
    FakeDelegations,
    FakeDuties,
    FakeDutyDecisions,
    FakeDutyReviews,
    FakeEarlier,
    FakeEarlierHandovers,
    FakeEnrolments,
    FakeExports,
    FakeFollowUps,
    FakeHalts,
    FakeHandover,
    FakeIntroductions,
    FakeJournal,
    FakeLanguages,
    FakeLeaves,
    FakeLegalHolds,
    FakeLinking,
    FakeManualSteps,
    FakeNotes,
    FakeOffboarding,
    FakePutBacks,
    FakeSignedRequests,
    FakeStageControl,
    FakeStages,
    FakeStayChecks,
    FixedClock,
)
from tests.bot.workplace import Workplace, make_settings, said, serving, strings, workplace_in
from tests.sandbox.company.people import HR, LEAVER, MANAGER, SECURITY
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.records import Message
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace

__all__ = ["Office", "make_services", "make_settings", "said", "strings"]


@dataclass
class Office:
    """The bot, the workspace and the users that tests act as."""

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
        """Wait for a private answer to this person."""
        return person.wait_for(lambda: next((one for one in person.ephemerals if words in said(one)), None))


@pytest.fixture
def office() -> Iterator[Office]:
    with SlackServer(Workspace()) as slack:
        fakes = FakeOffboarding(), FakeHandover(), FakeExports(), FakeAudits(), FakeJournal(), FakeLinking()
        services = make_services(make_settings(slack.api_url), *fakes)
        with serving(slack, services):
            yield Office(slack, services, *fakes, cast("FakeManualSteps", services.manual))


def make_services(
    settings: Settings,
    *fakes: object,
    manual: FakeManualSteps | None = None,
    halts: FakeHalts | None = None,
    put_backs: FakePutBacks | None = None,
    leaves: FakeLeaves | None = None,
    answers: FakeClientAnswers | None = None,
) -> Services:
    offboarding, handover, exports, audits, journal, *others = fakes
    parts: tuple[Any, ...] = (
        settings,
        offboarding,
        handover,
        handover,
        handover,
        handover,
        exports,
        audits,
        FakeFollowUps(),
        journal,
        FixedClock(),
        {},
        manual or FakeManualSteps(),
        next((fake for fake in others if isinstance(fake, FakeLinking)), FakeLinking()),
        next((fake for fake in others if isinstance(fake, FakeDelegations)), FakeDelegations()),
        halts or FakeHalts(),
        put_backs or FakePutBacks(),
        FakeNotes(),
        leaves or FakeLeaves(),
        answers or FakeClientAnswers(),
        FakeStayChecks(),
        FakeEnrolments(),
        FakeClockRecord(),
        None,
        None,
        None,
        FakeSignedRequests(),
        FakeLanguages(),
        FakeAuthorization(),
        FakeDuties(),
        FakeIntroductions(),
        FakeEarlier(),
        FakeEarlierHandovers(cast("FakeOffboarding", offboarding)),
        FakeStages(),
        FakeStageControl(),
        FakeLegalHolds(),
        FakeDutyDecisions(),
        FakeDutyReviews(),
    )
    return Services(*parts)


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    """Return the bot on real services, over systems in memory."""
    with workplace_in(tmp_path) as opened:
        yield opened
