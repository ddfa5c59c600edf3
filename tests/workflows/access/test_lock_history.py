"""An application that removes locked users: after a restart they are still locked, because our rows record it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.contract import AccountId, Verdict
from connectors.errors import OutcomeUnknown
from connectors.scim import MANIFEST
from connectors.scim.connector import Scim as Connector
from connectors.scim.settings import ScimSettings
from tests.sandbox.company.scim import Scim
from tests.workflows.office import DANA, SECURITY, Office
from workflows.access.account_state import connect_lock_history, was_locked_by_case
from workflows.access.views import SystemLine
from workflows.systems.registry import System, Systems


@pytest.fixture
def app() -> Iterator[Scim]:
    with Scim(people=()) as server:
        server.manners.removes = True
        account = server.add_user("dana", emails=[{"value": DANA.email}])
        server.add_user("max", emails=[{"value": "max@x.example"}])
        server.add_user("bob", emails=[{"value": "bob@x.example"}])
        server.add_group("sales", [account])
        yield server


def _system(app: Scim) -> System:
    settings = ScimSettings(url=app.url, token=SecretStr(app.token), inactive_means="removed")
    return System("app", MANIFEST, Connector(settings))


def _restart(office: Office, app: Scim) -> None:
    """Put a connector in place that remembers nothing, as a start of the bot does."""
    systems: Systems = office.systems
    systems._systems["app"] = _system(app)
    connect_lock_history(office.context)


@pytest.fixture
def office(tmp_path: Path, app: Scim) -> Office:
    made = Office(tmp_path, _system(app))
    _restart(made, app)
    return made


def _line(office: Office, case_id: str) -> SystemLine:
    return next(line for line in office.offboarding.case(case_id).systems if line.system == "app")


def test_a_user_taken_away_by_our_lock_is_locked_after_a_restart_too(office: Office, app: Scim) -> None:
    account = AccountId(app.user_id("dana"))
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert account not in app.users()
    assert (_line(office, case_id).verdict, _line(office, case_id).next_try_at) == (Verdict.LOCKED, None)
    _restart(office, app)
    seen = office.audits.run_now(SECURITY)
    assert seen.by_verdict[Verdict.ABSENT] == 0
    assert _line(office, case_id).verdict is Verdict.LOCKED
    assert "removes such users" in _line(office, case_id).how
    assert seen.findings == (), [(one.kind, one.detail) for one in seen.findings]
    office.offboarding.retry(case_id, "app", SECURITY)
    office.work("revoke")
    assert (_line(office, case_id).verdict, _line(office, case_id).next_try_at) == (Verdict.LOCKED, None)


def test_what_somebody_else_took_away_is_absent(office: Office, app: Scim) -> None:
    account = AccountId(app.user_id("max"))
    app.delete(account)
    connector = office.systems["app"].connector
    assert isinstance(connector, Connector)
    assert connector.observe([account])[account].verdict is Verdict.ABSENT
    assert not was_locked_by_case(office.store, office.vault, "app", account)


def test_an_undone_case_explains_nothing_any_more(office: Office, app: Scim) -> None:
    account = AccountId(app.user_id("dana"))
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    assert was_locked_by_case(office.store, office.vault, "app", account)
    assert not was_locked_by_case(office.store, office.vault, "crm", account)
    office.offboarding.undo(case_id, SECURITY, "a mistake")
    office.work("undo")
    assert not was_locked_by_case(office.store, office.vault, "app", account)
    told = next(line for line in office.offboarding.case(case_id).restored if line.system == "app")
    assert "deleted meanwhile" in told.cannot[0]


def test_an_answer_that_was_lost_is_locked_and_said_so(
    office: Office, app: Scim, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = office.systems["app"].connector
    assert isinstance(connector, Connector)
    write = connector._write

    def lost(*arguments: object, **more: object) -> None:
        write(*arguments, **more)  # type: ignore[arg-type]
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(connector, "_write", lost)
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    _restart(office, app)
    office.audits.run_now(SECURITY)
    assert _line(office, case_id).verdict is Verdict.LOCKED
