"""Access that outlives a lock: shown until it is over, in the headline, at the terminal, and by the exit code."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.cli.status import is_good
from bot.slack.messages import case as case_message
from connectors.contract import AccountId, Residual, Verdict
from connectors.errors import OutcomeUnknown
from tests.workflows.memory import MemoryDirectory
from tests.workflows.office import SECURITY, Office
from workflows.systems.registry import Systems


class Ticketing(MemoryDirectory):
    """A directory whose tickets work for ten hours after a lock."""

    def residual(self, account: AccountId) -> Residual:
        return Residual("tickets", timedelta(hours=10))


@pytest.fixture
def office(tmp_path: Path, url: str) -> Iterator[Office]:
    made = Office(tmp_path, url=url)
    systems: Systems = made.systems
    systems._systems["directory"] = made.directory.system(Ticketing)
    yield made
    made.store.close()


def _until(office: Office, case_id: str) -> datetime | None:
    residual = office.offboarding.case(case_id).residual
    assert residual is None or residual[0] == "tickets"
    return residual[1] if residual else None


def test_locked_with_tickets_is_locked_and_not_yet_good(office: Office) -> None:
    case_id, locked_at = office.offboarding.open(office.request()), office.clock.now()
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert ({line.verdict for line in case.systems}, case.locked_out) == ({Verdict.LOCKED}, True)
    assert _until(office, case_id) == locked_at + timedelta(hours=10)
    assert case_message.headline(case).endswith(
        "is locked out of 2 of 2 systems; tickets may work until 2026-03-02 19:00 GMT"
    )
    assert not is_good(case, office.clock.now())
    office.clock.pass_(hours=10, seconds=1)
    case = office.offboarding.case(case_id)
    assert case_message.headline(case).endswith("is locked out of 2 of 2 systems")
    assert is_good(case, office.clock.now())


def test_a_try_that_finds_it_locked_does_not_begin_the_time_anew(office: Office) -> None:
    case_id, locked_at = office.offboarding.open(office.request()), office.clock.now()
    office.work("revoke")
    office.clock.pass_(hours=1)
    office.offboarding.retry(case_id, "directory", SECURITY)
    office.work("revoke")
    assert _until(office, case_id) == locked_at + timedelta(hours=10)


def test_a_new_lock_does_and_so_does_a_lock_whose_answer_was_lost(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    for lost in (False, True):
        office.clock.pass_(hours=20)
        office.directory.users[AccountId("directory-dana")].active = True
        if lost:
            office.directory.fail("lock", OutcomeUnknown("cut"), done=True)
        office.offboarding.retry(case_id, "directory", SECURITY)
        office.work("revoke")
        assert _until(office, case_id) == office.clock.now() + timedelta(hours=10)


def test_a_lock_by_somebody_else_counts_from_its_first_read(office: Office) -> None:
    office.directory.users[AccountId("directory-dana")].active = False
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert _until(office, case_id) == office.clock.now() + timedelta(hours=10)


def test_an_account_that_is_open_again_is_not_called_locked_with_tickets(office: Office) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.directory.users[AccountId("directory-dana")].active = True
    office.audits.run_now(SECURITY)
    assert _until(office, case_id) is None
    assert "OPEN" in case_message.headline(office.offboarding.case(case_id))


def test_a_read_that_shows_that_nothing_is_left_ends_the_time_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert not is_good(office.offboarding.case(case_id), office.clock.now())
    monkeypatch.setattr(Ticketing, "residual", lambda *_: Residual("tickets", timedelta(0)))
    office.offboarding.retry(case_id, "directory", SECURITY)
    office.work("revoke")
    case = office.offboarding.case(case_id)
    assert (case.residual, is_good(case, office.clock.now())) == (None, True)
    [account] = next(line for line in case.systems if line.system == "directory").accounts
    assert any("no open connection of the account is left" in done for done in account.done)


@pytest.mark.parametrize("left", [timedelta(hours=10), timedelta(0)])
def test_an_audit_looks_again(office: Office, monkeypatch: pytest.MonkeyPatch, left: timedelta) -> None:
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    monkeypatch.setattr(Ticketing, "residual", lambda *_: Residual("tickets", left))
    office.clock.pass_(minutes=10)
    office.audits.run_now(SECURITY)
    assert is_good(office.offboarding.case(case_id), office.clock.now()) is (not left)
