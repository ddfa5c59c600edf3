"""Pause, resume, stop and put back: permission, the form, double clicks, the terminal."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.slack.messages import case, moves
from connectors.contract import AccountId, Verdict
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, handover
from tests.bot.conftest import Office, said, strings
from tests.bot.slack.test_buttons import newest, post
from tests.bot.workplace import Workplace
from tests.sandbox.company.people import BY_UID, HR
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import Message
from workflows.cases.views import CaseView
from workflows.clients.views import ClientsView, PutBackLine
from workflows.people import Actor
from workflows.storage.rows.case import CaseState, Reason
from workflows.storage.rows.clients import AssignmentState, Halt
from workflows.storage.rows.outbox import MessageKind

DANA = AccountId("crm-dana.oneill")
MOVING = ClientsView(None, 100, 40, 60, (), 4.0, (), False, moving=True)
PAUSED = replace(MOVING, halted=Halt.PAUSED, halted_by=samples.NASTY, halted_at=samples.NOW)
DONE = ClientsView(None, 100, 100, 0, (), None, (), True)


def view(clients: ClientsView, state: CaseState = CaseState.RUNNING) -> CaseView:
    return replace(samples.case(state, Verdict.LOCKED), clients=clients)


def shown(office: Office, clients: ClientsView) -> Message:
    office.offboarding.known["case-1"] = view(clients)
    return post(office, MessageKind.CASE, seed.OFFBOARDING)


def labels(clients: ClientsView, state: CaseState = CaseState.RUNNING) -> list[str]:
    rows = [block for block in moves.blocks(view(clients, state)) if block["type"] == "actions"]
    return [one["text"]["text"] for row in rows for one in row["elements"]]


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


@pytest.mark.parametrize(
    ("clients", "buttons"),
    [
        (MOVING, ["Pause Moves", "Stop Moves"]),
        (PAUSED, ["Resume Moves", "Stop Moves"]),
        (DONE, ["Put Clients Back"]),
        (replace(DONE, moved=0), []),
        (replace(DONE, moved=0, putting_back=9, put_back_waits=True), ["Do Not Put Back"]),
    ],
)
def test_the_buttons_are_those_that_do_something_now(clients: ClientsView, buttons: list[str]) -> None:
    assert labels(clients) == buttons
    assert labels(clients, CaseState.CANCELLED) == labels(clients, CaseState.HELD) == []


def test_the_message_says_who_paused_and_what_a_stop_left(office: Office) -> None:
    assert "Moves paused" in said(shown(office, PAUSED))
    assert "<!channel>" not in str(moves.blocks(view(PAUSED)))
    stopped = replace(DONE, moved=40, halted=Halt.STOPPED, halted_by="Sam", halted_at=samples.NOW, stopped=60)
    assert "60 records not moved" in said(shown(office, stopped))
    back = replace(
        DONE,
        moved=0,
        put_back=90,
        putting_back=3,
        not_put_back=7,
        put_back_by="Sam",
        unreturned=("Deal <!here> (Client): Zed has it now",),
        put_back_problems=("crm: not reachable",),
    )
    text = said(shown(office, back))
    for words in ("90 records put back", "3 records on the way", "7 records not", "Zed has it now", "not reachable"):
        assert words in text
    assert "<!here>" not in str(case.build(view(back), samples.NOW).blocks)


def test_pause_by_a_double_click_counts_once_and_strangers_do_nothing(workplace: Workplace) -> None:
    message = workplace.post(f"case:{workplace.hand_over()}")
    stranger = workplace.person(BY_UID["raj.patel"].slack_id)
    stranger.click(message, "Pause Moves")
    workplace.private(stranger, "not allowed")
    assert workplace.actors("clients.paused") == []
    workplace.hr.click(message, "Pause Moves")
    workplace.private(workplace.hr, "Paused.")
    workplace.security.click(message, "Pause Moves", stale=True)
    workplace.private(workplace.security, f"were paused by {HR.name} already")
    assert workplace.actors("clients.paused") == [f"slack:{workplace.hr.id}"]
    workplace.run()
    assert len(workplace.crm.owned(DANA)) == 3


def test_resume_and_stop(workplace: Workplace) -> None:
    case_id = workplace.hand_over()
    workplace.services.halts.pause(case_id, Actor("cli:root", "root"))
    message = workplace.post(f"case:{case_id}")
    workplace.hr.click(message, "Resume Moves")
    workplace.private(workplace.hr, "continue from where they were paused")
    workplace.security.click(message, "Stop Moves", stale=True)
    workplace.private(workplace.security, "3 records not moved")
    workplace.run()
    assert len(workplace.crm.owned(DANA)) == 3
    assert workplace.actors("clients.resumed") == [f"slack:{workplace.hr.id}"]
    assert workplace.actors("clients.stopped") == [f"slack:{workplace.security.id}"]
    stopped = workplace.post(f"case:{case_id}")
    assert "Retry proposes them again" in said(stopped)
    workplace.hr.click(stopped, "Retry")
    workplace.private(workplace.hr, "clients in crm are listed again")
    workplace.run()
    assert [one.version for one in workplace.services.proposals.waiting()] == [2]


@pytest.fixture
def moved(workplace: Workplace) -> Workplace:
    """Return a workplace with Dana on leave. She keeps access, and her three clients have moved."""
    workplace.hand_over(
        reason=Reason.LEAVE, effective_at=samples.NOW, return_on=samples.NOW + timedelta(days=30), keep_access=True
    )
    workplace.run()
    assert workplace.crm.owned(DANA) == set()
    return workplace


def test_clients_are_put_back_after_a_look_and_another_choice_is_looked_at_first(moved: Workplace) -> None:
    taken, wanted = min(moved.crm.records), max(moved.crm.records)
    moved.crm.users[AccountId("crm-grace.muller")].name = samples.NASTY
    moved.crm.give(taken, "crm-grace.muller")
    moved.hr.click(newest(moved, MessageKind.CASE), "Put Clients Back")
    form = moved.hr.modal("Put clients back")
    assert "2 records of 3 would go back" in form.text
    assert "has it now" in form.text
    assert "<!channel>" not in str(form.blocks)
    form.fill("search", "client 2").submit()
    again = moved.hr.wait_for(
        lambda: moved.hr.view if moved.hr.view and "1 record of 1" in moved.hr.view.text else None, 30
    )
    assert moved.actors("clients.put_back_asked") == []
    again.submit()
    assert "being put back" in moved.hr.modal("Put back").text
    assert moved.actors("clients.put_back_asked") == [f"slack:{moved.hr.id}"]
    moved.run()
    assert moved.crm.owned(DANA) == {wanted}


def test_putting_back_twice_says_that_it_is_done(moved: Workplace) -> None:
    message = newest(moved, MessageKind.CASE)
    forms = []
    for person in (moved.hr, moved.security):
        person.click(message, "Put Clients Back")
        forms.append((person, person.modal("Put clients back")))
    for (person, form), (title, words) in zip(
        forms, (("Put back", "are being put back"), ("This did not work", "Your click changed nothing")), strict=True
    ):
        form.submit()
        assert words in person.modal(title).text


def test_a_locked_leaver_gets_nothing_yet_and_the_form_says_what_to_do_first(workplace: Workplace) -> None:
    case_id = workplace.hand_over()
    workplace.run()
    workplace.hr.click(workplace.post(f"case:{case_id}"), "Put Clients Back")
    form = workplace.hr.modal("Put clients back")
    assert "0 records of 3 would go back" in form.text
    assert "3 records must wait" in form.text
    assert "*Give Access Back* in the case message" in form.text
    assert "stay where they are" not in form.text
    form.submit()
    told = workplace.hr.modal("Put back").text
    assert "of which 3 wait" in told
    assert "being put back" not in told
    workplace.run("put_back")
    message = workplace.post(f"case:{case_id}")
    workplace.hr.click(message, "Give Access Back")
    undo = workplace.hr.modal("Give access back?")
    assert "The clients that wait for it are put back" in undo.text
    assert "not moved back" not in undo.text
    undo.close()
    workplace.hr.click(message, "Do Not Put Back")
    workplace.private(workplace.hr, "3 records stay where they are")
    assert workplace.actors("clients.put_back_cancelled") == [f"slack:{workplace.hr.id}"]
    workplace.deliver()
    [trouble] = [one for one in workplace.hr.messages() if one.text.startswith("Clients of Dana O'Neill")][-1:]
    assert "You have nothing to do." in said(trouble), "what was to be done is over"
    assert "being put back" not in said(trouble)


def test_one_fate_of_many_records_is_said_once() -> None:
    lines = [
        PutBackLine("crm", str(n), "deal", f"Deal {n}", "Client", AssignmentState.MOVED, "Zed has it now")
        for n in range(40)
    ]
    text = str(moves.kept((*lines, replace(lines[0], name="Other", note="it is gone")), 41))
    assert (text.count("Zed has it now"), text.count("Deal 39 (Client)"), text.count("it is gone: Other")) == (1, 1, 1)


def test_an_undone_handover_had_moved_what_it_put_back() -> None:
    back = replace(DONE, moved=0, put_back=90, not_put_back=10, put_back_by="Sam")
    assert "handed over: 100 records moved" in told(back)
    waits = replace(DONE, moved=40, putting_back=60, put_back_by="Sam", put_back_problems=("crm: locked",))
    assert "*Clients are being put back*, as asked by Sam: 60 records on the way" in told(waits)
    assert "Handover undone" not in told(waits)


def test_stopped_moves_are_no_finished_handover() -> None:
    stopped = replace(DONE, moved=40, left=60, halted=Halt.STOPPED, halted_by="Sam", halted_at=samples.NOW, stopped=60)
    assert "*Clients* moves stopped: 40 of 100 records moved" in told(stopped)
    assert "handed over" not in told(stopped)


def told(clients: ClientsView) -> str:
    return "\n".join(strings(case.build(view(clients), samples.NOW).blocks))


def test_a_stranger_puts_nothing_back(moved: Workplace) -> None:
    stranger = moved.person(BY_UID["raj.patel"].slack_id)
    stranger.click(newest(moved, MessageKind.CASE), "Put Clients Back")
    moved.private(stranger, "not allowed")


def wired(clients: ClientsView) -> Wiring:
    wiring = Wiring()
    wiring.offboarding.known["case-1"] = view(clients)
    return wiring


def test_the_terminal_shows_pauses_and_stops(config: str) -> None:
    wiring = wired(PAUSED)
    look = handover(wiring, "moves", "case-1", "--config", config)
    assert look.exit_code == 0, look.output
    assert "40 of 100 records moved, 60 left" in look.stdout
    assert "4.0 a second" in look.stdout
    assert handover(wiring, "moves", "case-1", "--pause", "--stop", "--config", config).exit_code == 2
    assert handover(wiring, "moves", "case-1", "--pause", "--config", config).exit_code == 0
    assert handover(wiring, "moves", "case-1", "--stop", "--config", config, typed="n\n").exit_code == 1
    assert handover(wiring, "moves", "case-1", "--stop", "--yes", "--config", config).exit_code == 0
    assert [one[0] for one in wiring.halts.done] == ["pause", "stop"]


def test_a_request_called_off_never_hides_what_went_back() -> None:
    some = moves.called_off(view(replace(DONE, put_back=3)), 9)
    assert some == "Cancelled: 9 records stay where they are. What went back before stays with Dana O'Neill."
    assert moves.called_off(view(DONE), 12).endswith("Nothing was put back.")


def test_the_terminal_puts_back_after_a_yes(config: str) -> None:
    wiring = wired(DONE)
    dry = handover(wiring, "putback", "case-1", "--dry-run", "--config", config)
    assert "59 of 60 records would go back" in dry.stdout
    assert "from Zed: 20 clients with 59 records" in dry.stdout
    assert handover(wiring, "putback", "case-1", "--config", config, typed="n\n").exit_code == 1
    sheet = handover(wiring, "putback", "case-1", "--csv", "--config", config)
    assert "'=1+1" in sheet.stdout
    assert wiring.put_backs.done == []
    done = handover(wiring, "putback", "case-1", "--clients", "north", "--yes", "--config", config)
    assert done.exit_code == 0, done.output
    assert [one[2] for one in wiring.put_backs.done] == ["north"]
    cancelled = handover(wiring, "putback", "case-1", "--cancel", "--config", config)
    assert "59 records stay where they are" in cancelled.stdout
    again = handover(wiring, "putback", "case-1", "--cancel", "--config", config)
    assert "No clients wait to be put back" in again.stderr
    twice = handover(wiring, "putback", "case-1", "--yes", "--config", config)
    assert twice.exit_code == 2
    assert "already" in twice.stderr or "changed nothing" in twice.stderr
