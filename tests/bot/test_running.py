"""A running process on SQLite whose clock is set back."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot import running
from bot.policies import Policies
from bot.services import Services
from bot.wiring import Workspace, build_services
from connectors.contract import AccountId
from tests.workflows.office import CAROL, SECURITY, Office, make_settings
from workflows.engine.clock_guard import ClockGuard
from workflows.engine.durable import Engine, sqlite_url
from workflows.people import Leaver
from workflows.storage import outbox
from workflows.storage.rows.outbox import OutboxMessage

BOB = Leaver("Bob", "bob@x.example", "U0BOB", directory_id="directory-bob")


class NoSlack:
    """A notifier that shows nothing."""

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        return post.channel, "1.0"


def wait_for(wanted: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_clock_that_is_set_back_stops_what_waits_for_a_time_and_no_lock_out_for_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LEAP_TICK", 0.1)
    office = Office(tmp_path)
    engine = Engine(sqlite_url(tmp_path), outbox.SINGLE_PROCESS)
    workspace = Workspace(office.members, office.roster)
    built = build_services(make_settings(), office.context, workspace, Policies(), engine.start)
    services: Services = built.services
    guard = ClockGuard(services.clock_record.fault, None)

    def locked(name: str) -> bool:
        return not office.directory.users[AccountId(f"directory-{name}")].active

    with running.running(engine, built, office.store, office.clock, NoSlack(), guard=guard) as health:
        services.journal.note("seen", SECURITY, {})
        office.clock.pass_(hours=-2)
        wait_for(lambda: any("before the last time on record" in fault for fault in health.faults()))
        office.offboarding.open(office.request(effective_at=office.clock.now() + timedelta(minutes=1)))
        office.clock.pass_(minutes=2)
        services.offboarding.open(office.request(leaver=BOB, successors=(CAROL,)))
        wait_for(lambda: locked("bob"))
        time.sleep(1)  # several ticks
        assert not locked("dana"), "whether it is time cannot be told"
        assert health.faults()
        services.clock_record.accept(SECURITY)
        wait_for(lambda: locked("dana"))
        assert health.faults() == ()
    office.store.close()
