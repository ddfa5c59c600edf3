"""Delegations from the Home tab and from the terminal."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from tests.bot import samples
from tests.bot.commands import Application, Wiring, configuration, document, handover
from tests.bot.conftest import Office, said
from tests.bot.fakes import FakeDelegations, FakeHandover
from tests.bot.slack.test_requests import WAITING
from tests.sandbox.company.people import BY_UID, MANAGER
from tests.sandbox.slack.forms import OpenView
from workflows.storage.rows.clients import ProposalState

CAROL = BY_UID["carol.diaz"].slack_id


def known(office: Office) -> FakeDelegations:
    return cast("FakeDelegations", office.services.delegations)


def empty_form(office: Office) -> OpenView:
    office.manager.home()
    view = office.manager.wait_for(lambda: office.manager.home_now)
    view.click("Name a Delegate")
    return office.manager.modal("While you are away")


def ask(office: Office, who: str, first: str, last: str) -> None:
    form = empty_form(office)
    form.fill("who", who).fill("first", first).fill("last", last).submit()


def test_the_form_begins_with_today_as_the_bots_clock_and_the_managers_zone_have_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "NOW", datetime(2031, 1, 31, 23, 30, tzinfo=UTC))
    assert empty_form(office).value("first") == "2031-02-01"


def test_a_stand_in_is_named_and_ended_on_the_home_tab(office: Office) -> None:
    ask(office, CAROL, "2026-12-21", "2026-12-22")
    said_so = office.manager.modal("Delegate named").text
    assert re.findall(r"\|(\S+)>", said_so) == ["2026-12-21", "2026-12-22"], "the last day in full, and not the next"
    [made] = known(office).known
    assert (made.principal.slack_id, made.delegate.slack_id) == (MANAGER.slack_id, CAROL)
    # whole days in the manager's own zone (Berlin)
    assert (made.since.astimezone(UTC), made.until.astimezone(UTC)) == (
        datetime(2026, 12, 20, 23, tzinfo=UTC),
        datetime(2026, 12, 22, 23, tzinfo=UTC),
    )
    office.manager.wait_for(lambda: "decides for" in office.manager.home_now.text if office.manager.home_now else None)
    view = office.manager.home_now
    assert view is not None
    view.click("End Delegation")
    office.manager.wait_for(lambda: not known(office).known)
    assert office.slack.refused() == []


def test_a_period_that_ends_before_it_begins_is_said_at_the_field(office: Office) -> None:
    ask(office, CAROL, "2026-12-21", "2026-12-20")
    assert "not before the first" in office.manager.modal("While you are away").errors["last"]
    assert known(office).known == []


def test_a_refusal_is_said_in_the_form(office: Office) -> None:
    ask(office, MANAGER.slack_id, "2026-12-21", "2026-12-22")
    assert "cannot stand in" in office.manager.modal("This did not work").text


@pytest.mark.parametrize("flag", ["deleted", "is_restricted", "is_stranger"])
def test_who_is_no_full_member_names_nobody(office: Office, flag: str) -> None:
    setattr(office.slack.workspace.users[MANAGER.slack_id], flag, True)
    ask(office, CAROL, "2026-12-21", "2026-12-22")
    assert "full, active member" in office.manager.modal("This did not work").text
    assert known(office).known == []


def test_somebody_elses_delegation_cannot_be_ended_twice(office: Office) -> None:
    ask(office, CAROL, "2026-12-21", "2026-12-22")
    office.manager.modal("Delegate named")
    office.manager.wait_for(lambda: "decides for" in office.manager.home_now.text if office.manager.home_now else None)
    view = office.manager.home_now
    assert view is not None
    known(office).known.clear()
    view.click("End Delegation")
    office.manager.wait_for(lambda: any("no such delegation" in said(one) for one in office.manager.messages()))


class Desk(Wiring):
    """Wiring that keeps the services of one delegation from command to command."""

    def __init__(self) -> None:
        super().__init__()
        self.delegations, self.handover = FakeDelegations(), FakeHandover()
        self.handover.proposal = WAITING

    def assemble(self, settings: object, *, mode: str) -> "_Opened":  # type: ignore[override]
        return _Opened(super().assemble(settings, mode=mode), self)  # type: ignore[arg-type]


class _Opened:
    def __init__(self, outer: object, desk: Desk) -> None:
        self.outer, self.desk = outer, desk

    def __enter__(self) -> Application:
        house: Application = self.outer.__enter__()  # type: ignore[attr-defined]
        fakes: Any = {"delegations": self.desk.delegations, "proposals": self.desk.handover}
        services = replace(house.services, **fakes)
        return Application(services, house.store)

    def __exit__(self, *told: object) -> None:
        self.outer.__exit__(*told)  # type: ignore[attr-defined]


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


def test_the_terminal_names_lists_and_ends(config: str) -> None:
    desk = Desk()
    days = ("--from", "2026-12-21", "--until", "2026-12-22")
    made = document(handover(desk, "delegate", "U0MAX", "--to", "U0EVE", *days, "--json", "--config", config))
    assert [(one["principal"]["slack_id"], one["delegate"]["slack_id"]) for one in made] == [("U0MAX", "U0EVE")]
    assert "U0EVE" in handover(desk, "delegate", "--config", config).stdout
    ended = handover(desk, "delegate", "--end", made[0]["id"], "--config", config)
    assert (ended.exit_code, "There are no delegates" in ended.stdout) == (0, True)
    again = handover(desk, "delegate", "--end", made[0]["id"], "--config", config)
    assert (again.exit_code, "no such delegation" in again.stderr) == (2, True)


@pytest.mark.parametrize("bad", [(), ("--to", "U0EVE"), ("--to", "U0EVE", "--from", "today", "--until", "2026-12-22")])
def test_the_terminal_says_what_is_missing(config: str, bad: tuple[str, ...]) -> None:
    desk = Desk()
    assert handover(desk, "delegate", "U0MAX", *bad, "--config", config).exit_code == 2
    assert desk.delegations.known == []


def test_the_terminal_shows_what_waits_for_whom(config: str) -> None:
    desk = Desk()
    told = handover(desk, "waiting", "--config", config)
    assert told.exit_code == 0, told.output
    for words in ("60 records", "board", "1/2", "Max Weber"):
        assert words in told.stdout
    assert "No proposal waits" in handover(desk, "waiting", "--for", "nobody@x.example", "--config", config).stdout
    assert len(document(handover(desk, "waiting", "--for", samples.MAX.email, "--json", "--config", config))) == 1
    desk.handover.proposal = replace(WAITING, state=ProposalState.APPROVED)
    assert "No proposal waits" in handover(desk, "waiting", "--config", config).stdout
