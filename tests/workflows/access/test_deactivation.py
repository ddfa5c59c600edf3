"""Deactivation of a leaver's accounts by a stage, and its undo; killed at each step."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.slack.messages import details, licences
from config.text import shown
from connectors.contract import AccountId, Act
from connectors.errors import BadCredential, Conflict, Forbidden, OutcomeUnknown, Unavailable
from tests.workflows.memory import Killed, MemoryTenant, World
from tests.workflows.office import HR, Office
from workflows.access.deactivation import DeactivateAccounts
from workflows.access.staged_account import StagedAccounts, StagedData
from workflows.stage_acts import ActResult
from workflows.storage.rows.access import StagedAccount

MINE, OTHER = AccountId("tenant-dana"), AccountId("tenant-max")


@pytest.fixture
def tenant() -> World:
    world = World("tenant")
    for name in ("dana", "max"):
        world.user(f"tenant-{name}", f"{name}@x.example")
    return world


@pytest.fixture
def office(tmp_path: Path, tenant: World) -> Iterator[Office]:
    made = Office(tmp_path, tenant.system(MemoryTenant))
    yield made
    made.store.close()


@pytest.fixture
def case_id(office: Office) -> str:
    made = office.offboarding.open(office.request())
    office.work("revoke")
    return made


def run(office: Office, case_id: str) -> ActResult:
    return DeactivateAccounts(office.context).run(case_id, office.systems["tenant"])


def undo(office: Office, case_id: str) -> ActResult:
    return DeactivateAccounts(office.context).undo(case_id, office.systems["tenant"])


def end(office: Office, case_id: str) -> None:
    office.offboarding.undo(case_id, HR, "a mistake")


def test_one_locked_account_is_deactivated_once_and_the_case_says_since_when(
    office: Office, case_id: str, tenant: World
) -> None:
    system = office.systems["tenant"]
    handler = DeactivateAccounts(office.context)
    assert handler.applies(system)
    assert not handler.applies(office.systems["crm"])
    assert list(handler.foresee(system, [MINE])) == ["the account is deactivated"]
    at = office.clock.now()
    assert [shown(one) for one in run(office, case_id).done] == ["dana: deactivated"]
    assert list(handler.foresee(system, [MINE])) == []
    office.clock.pass_(days=1)
    assert run(office, case_id).problem == ""
    assert (tenant.users[MINE].deactivated, tenant.users[OTHER].deactivated) == (True, False)
    assert tenant.writes[f"deactivate:{MINE}"] == 1
    view = office.offboarding.case(case_id)
    assert view.licences[0].deactivated_at == at
    assert "deactivated since" in licences.words(view.licences[0], str)
    assert "deactivated since" in str(details.blocks(view))


def test_an_undo_restores_what_the_case_did_and_nothing_else(office: Office, case_id: str, tenant: World) -> None:
    run(office, case_id)
    assert undo(office, case_id).waits, "nobody has undone the case"
    assert tenant.users[MINE].deactivated
    end(office, case_id)
    assert [shown(one) for one in undo(office, case_id).done] == ["dana: no longer deactivated"]
    assert not tenant.users[MINE].deactivated
    tenant.users[MINE].deactivated = True  # an administrator does it again, for good
    assert undo(office, case_id) == ActResult()
    assert tenant.users[MINE].deactivated
    assert tenant.writes[f"reactivate:{MINE}"] == 1


def test_what_somebody_else_deactivated_stays_so(office: Office, case_id: str, tenant: World) -> None:
    tenant.users[MINE].deactivated = True
    assert [shown(one) for one in run(office, case_id).done] == ["dana: was deactivated already, not by this case"]
    end(office, case_id)
    assert undo(office, case_id) == ActResult()
    assert tenant.users[MINE].deactivated
    assert office.offboarding.case(case_id).licences[0].deactivated_at is None


@pytest.mark.parametrize("method", ["deactivated", "deactivate", "observe"])
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_step_of_it(office: Office, case_id: str, tenant: World, method: str, after: bool) -> None:
    tenant.fail(method, Killed(), done=after)
    with contextlib.suppress(Killed):
        run(office, case_id)
    assert run(office, case_id).problem == ""
    assert tenant.users[MINE].deactivated
    assert tenant.writes[f"deactivate:{MINE}"] == 1
    end(office, case_id)
    tenant.fail("reactivate", Killed(), done=after)
    with contextlib.suppress(Killed):
        undo(office, case_id)
    assert undo(office, case_id).problem == ""
    assert not tenant.users[MINE].deactivated
    assert tenant.writes[f"reactivate:{MINE}"] == 1


@pytest.mark.parametrize("place", range(2))
def test_a_kill_at_a_write_of_our_own(
    office: Office, case_id: str, tenant: World, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    changed, count = StagedAccounts.change, [0]

    def killed(self: StagedAccounts, *arguments: object) -> StagedData:
        count[0] += 1
        if count[0] == place + 1:
            raise Killed
        return changed(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(StagedAccounts, "change", killed)
        with pytest.raises(Killed):
            run(office, case_id)
    run(office, case_id)
    end(office, case_id)
    undo(office, case_id)
    assert not tenant.users[MINE].deactivated


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_is_read_back(office: Office, case_id: str, tenant: World, after: bool) -> None:
    tenant.fail("deactivate", OutcomeUnknown("?"), done=after)
    result = run(office, case_id)
    assert ("a read shows that the account is not deactivated" in shown(result.problem)) is not after
    assert run(office, case_id).problem == ""
    end(office, case_id)
    tenant.fail("reactivate", OutcomeUnknown("?"), done=after)
    result = undo(office, case_id)
    assert ("still deactivated" in shown(result.problem)) is not after
    assert undo(office, case_id).problem == ""
    assert not tenant.users[MINE].deactivated


def test_a_lying_server_is_never_believed(office: Office, case_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryTenant, "deactivate", lambda *_: "made")
    result = run(office, case_id)
    assert "a read shows that the account is not deactivated" in shown(result.problem)
    assert result.done == ()
    assert office.offboarding.case(case_id).licences[0].deactivated_at is None


@pytest.mark.parametrize("error", [Unavailable("down"), BadCredential("renew")])
@pytest.mark.parametrize("method", ["deactivated", "deactivate", "observe"])
def test_a_dead_server_raises_and_nothing_is_lost(
    office: Office, case_id: str, tenant: World, error: Exception, method: str
) -> None:
    tenant.fail(method, error)
    with pytest.raises(type(error)):
        run(office, case_id)
    assert run(office, case_id).problem == ""


@pytest.mark.parametrize("error", [Conflict("a transfer is pending"), Forbidden("not allowed")])
def test_a_refusal_is_said_with_its_reason(office: Office, case_id: str, tenant: World, error: Exception) -> None:
    tenant.fail("deactivate", error)
    result = run(office, case_id)
    assert result.waits
    assert str(error) in shown(result.problem)
    end(office, case_id)
    assert undo(office, case_id) == ActResult()


def test_an_open_account_is_left_alone(office: Office, case_id: str, tenant: World) -> None:
    tenant.users[MINE].active = True
    result = run(office, case_id)
    assert result.waits
    assert "the account is open" in shown(result.problem)
    assert tenant.writes[f"deactivate:{MINE}"] == 0


def test_what_must_come_first_comes_first(office: Office, case_id: str, tenant: World) -> None:
    def first(_context: object, _case: str, _system: object, act: Act) -> list[str]:
        return [f"before {act}"]

    result = DeactivateAccounts(office.context, first).run(case_id, office.systems["tenant"])
    assert (shown(result.problem), result.waits) == ("before deactivate", True)
    assert not tenant.users[MINE].deactivated


def test_an_account_that_is_gone_is_said(office: Office, case_id: str, tenant: World) -> None:
    del tenant.users[MINE]
    [said] = run(office, case_id).done
    assert shown(said) == "dana: the account is not there any more, so it was not deactivated"


def test_a_row_that_was_deleted_still_comes_back(office: Office, case_id: str, tenant: World) -> None:
    run(office, case_id)
    with office.store.write() as session:
        session.execute(sa.delete(StagedAccount))
    end(office, case_id)
    assert undo(office, case_id).problem == ""
    assert not tenant.users[MINE].deactivated
