"""Clients after a handover, in Slack and at the terminal: marks, the reminder, the report, and the list behind it."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.slack.messages import stayed
from config.text import language
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, document, handover
from tests.bot.conftest import Office, said
from tests.bot.slack.test_buttons import post
from tests.bot.slack.test_message_words import words
from tests.bot.workplace import Workplace
from tests.sandbox.company.people import BY_UID, MANAGER
from workflows.clients.stayed.views import Fate
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind

BOB, CAROL = BY_UID["bob.ross"], BY_UID["carol.diaz"]


def handed_over(workplace: Workplace, clients: int = 40) -> str:
    case_id = workplace.hand_over(clients)
    workplace.run()
    return case_id


def note_of(workplace: Workplace, user: str) -> str:
    posts = workplace.posts()
    return next(name for name, row in posts.items() if row.kind == MessageKind.NOTE and row.recipient == user)


def test_a_successor_marks_clients_from_the_note_and_a_double_click_is_one_mark(workplace: Workplace) -> None:
    handed_over(workplace)
    bob = workplace.person(BOB.slack_id)
    bob.click(workplace.post(note_of(workplace, BOB.slack_id)), "Mark Clients")
    bob.wait_for(lambda: "Clients 1 to 15 of 20" in bob.modal("Clients").text)
    assert bob.modal("Clients").text.count("not marked yet") == 15
    bob.modal("Clients").click("Contacted")
    bob.wait_for(lambda: "✓ Contacted · Bob Ross" in bob.modal("Clients").text)
    bob.modal("Clients").click("Contacted")
    bob.modal("Clients").click("Objects")
    bob.wait_for(lambda: "⚠ Objects · Bob Ross" in bob.modal("Clients").text)
    assert workplace.actors("clients.answered") == [f"slack:{BOB.slack_id}"] * 2
    bob.modal("Clients").click("Next")
    bob.wait_for(lambda: "Clients 16 to 20 of 20" in bob.modal("Clients").text)
    bob.modal("Clients").fill("search_own_clients", "nothing like it")
    bob.wait_for(lambda: "An empty field shows all" in bob.modal("Clients").text)
    assert workplace.slack.refused() == []


def test_nobody_else_marks_from_a_note(workplace: Workplace) -> None:
    handed_over(workplace, 4)
    message = workplace.post(note_of(workplace, BOB.slack_id))
    for who in (CAROL, BY_UID["raj.patel"]):
        stranger = workplace.person(who.slack_id)
        stranger.click(message, "Mark Clients", stale=True)
        workplace.private(stranger, "HR")
        assert stranger.view is None
    assert workplace.actors("clients.answered") == []


def test_the_reminder_and_the_report_reach_their_readers_once(workplace: Workplace) -> None:
    case_id = handed_over(workplace, 4)
    bob, clock = workplace.person(BOB.slack_id), workplace.office.clock
    clock.pass_(days=5, minutes=1)
    workplace.run("client_check")
    [reminder] = [one for one in bob.messages() if "No contact is known with 2 of your 2 clients" in said(one)]
    bob.click(reminder, "Mark Clients")
    bob.wait_for(lambda: "Clients 1 to 2 of 2" in bob.modal("Clients").text)
    bob.modal("Clients").click("Contacted")
    bob.wait_for(lambda: "✓ Contacted" in bob.modal("Clients").text)
    clock.pass_(days=2)
    for _ in range(2):
        workplace.run("client_check")
    manager = workplace.manager
    [report] = [one for one in manager.messages() if "day 7" in said(one)]
    text = said(report)
    assert "4 clients of" in text
    assert "1 contacted, 3 not known" in text
    assert "? Lost deals are not known in" in text
    assert any("day 7" in said(one) for one in workplace.hr.messages())
    manager.click(report, "Show Silent Clients")
    manager.wait_for(lambda: "Clients 1 to 3 of 3" in manager.modal("Clients").text)
    assert "does not tell contacts" in manager.modal("Clients").text
    manager.click(report, "Get CSV")
    name = f"clients-{case_id}-day-7.csv"
    manager.wait_for(lambda: name in {file.name for file in workplace.slack.workspace.files.values()})
    assert workplace.slack.refused() == []


def test_the_report_is_for_those_who_got_it_and_for_roles(workplace: Workplace) -> None:
    handed_over(workplace, 2)
    workplace.office.clock.pass_(days=7, minutes=1)
    workplace.run("client_check")
    [report] = [one for one in workplace.manager.messages() if "day 7" in said(one)]
    stranger = workplace.person(CAROL.slack_id)
    stranger.click(report, "Show Silent Clients", stale=True)
    workplace.private(stranger, "HR")
    assert stranger.view is None


def test_the_report_says_the_verdict_first_and_fits_a_phone() -> None:
    report = samples.stay_report()
    message = stayed.build(report)
    assert "31 contacted, 9 silent, 1 objects, 3 not known, 4 deals lost (120,000 EUR)" in message.text
    assert words(message) <= 140
    plain = replace(report, unknown=(), usual=report.usual[:1], left={}, objecting=(), fates={Fate.CONTACTED: 44})
    assert words(stayed.build(plain)) <= 56
    assert "Show Silent Clients" not in str(stayed.build(plain).blocks)
    assert words(stayed.reminder(samples.reminder())) <= 40


def test_unknown_losses_are_never_no_loss() -> None:
    report = replace(samples.stay_report(), lost=0, lost_value={})
    assert "no deal lost" in stayed.figures(report)
    assert "no deal lost" not in stayed.figures(replace(report, deals_unknown=("CRM",)))


def test_usual_losses_that_nobody_knows_have_no_figure() -> None:
    known, refused, none = map(stayed.usual, samples.stay_report().usual)
    assert "18 of 60 deals that ended (30%)" in known
    assert "not known (no reports)" in refused
    assert "not known" in none
    assert "0%" not in refused + none


@pytest.mark.parametrize("locale", ["pl", "ru", "zh_Hans", "zh_Hant"])
def test_each_language_has_every_figure(locale: str) -> None:
    with language(locale):
        text = stayed.build(samples.stay_report()).text
    for figure in ("44", "31", "9", "4"):
        assert figure in text


def test_the_messages_of_a_nasty_client_ping_nobody(office: Office) -> None:
    for kind, who in ((MessageKind.STAYED, MANAGER.slack_id), (MessageKind.UNMARKED, BOB.slack_id)):
        assert "<!channel>" not in said(post(office, kind, who))
    assert office.slack.refused() == []


def at_the_terminal(tmp_path: Path, *words: str) -> tuple[Wiring, list[str]]:
    wiring = Wiring()
    wiring.offboarding.known["case-1"] = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    return wiring, ["clients", "case-1", *words, "--config", str(configuration(tmp_path))]


def test_the_terminal_lists_silent_and_lost_clients(tmp_path: Path) -> None:
    wiring, words = at_the_terminal(tmp_path)
    every = handover(wiring, *words)
    assert every.exit_code == 1, "something is not known"
    assert "31 contacted, 9 silent" in every.stdout
    found = document(handover(wiring, *words, "--silent", "--json"))
    assert {one["fate"] for one in found["clients"]} == {"silent", "not known"}
    assert found["report"]["lost"] == 4
    lost = handover(wiring, *words, "--lost", "--csv")
    rows = list(csv.DictReader(io.StringIO(lost.stdout)))
    assert (lost.exit_code, [row["state"] for row in rows]) == (0, ["silent"])
    assert "No client is on this page" in handover(wiring, *words, "--page", "9").stdout
    assert len(document(handover(wiring, *words, "--search", "Client 2", "--json"))["clients"]) == 1


def test_the_terminal_marks_one_client_and_asks_which(tmp_path: Path) -> None:
    wiring, words = at_the_terminal(tmp_path)
    done = handover(wiring, *words, "--mark", "party:0", "not_reached", "--json")
    assert json.loads(done.stdout)["changed"] is True
    assert [(client, word) for client, word, _by in wiring.answers.given] == [("party:0", "not reached")]
    for text, word, code in (("Client", "contacted", 1), ("nobody", "contacted", 1), ("party:0", "maybe", 2)):
        assert handover(wiring, *words, "--mark", text, word).exit_code == code
    assert len(wiring.answers.given) == 1
