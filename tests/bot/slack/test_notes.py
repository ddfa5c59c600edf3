"""The handover note: escaping, the draft, one file, and the same at the terminal."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.slack.client import web_client
from bot.slack.messages import note
from bot.slack.notifier import SlackNotifier
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, document, handover
from tests.bot.conftest import Office, said
from tests.bot.slack.test_buttons import post
from tests.sandbox.company.people import BY_UID
from workflows.storage.rows.case import CaseState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage

BOB = BY_UID["bob.ross"].slack_id


def test_the_successor_reads_it_with_the_file_in_its_thread(office: Office) -> None:
    message = post(office, MessageKind.NOTE, BOB)
    text = said(message)
    assert "You have 20 clients of" in text
    assert "45 records, 30 open" in text
    assert "Next steps" in text
    assert "Handover writes to no client" in text
    assert "<!channel>" not in text
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: above)
    above = OutboxMessage(
        id="n", kind=MessageKind.NOTE, subject="case-1", channel=message.channel, ts=message.ts, shown_version=1
    )
    notifier.show(
        OutboxMessage(id="f", kind=MessageKind.NOTE_FILE, subject="case-1", channel=BOB, thread_parent_id="n")
    )
    assert [file.name for file in office.slack.workspace.files.values()] == ["new-clients.csv"]
    assert office.slack.refused() == []


def test_the_draft_says_nothing_of_why_somebody_left() -> None:
    draft = note.introduction(samples.note())
    assert samples.BOB.name in draft
    assert samples.leaver().name in draft
    for word in ("left", "leave", "dismiss", "former"):
        assert word not in draft.casefold()


def test_a_kind_that_is_called_like_its_stage_is_said_once() -> None:
    line = replace(samples.note().next[1], stage="opportunity")
    assert "Deal 1 (opportunity · 8,999 EUR)" in str(note.build(replace(samples.note(), next=(line,))).blocks)


def test_nothing_left_is_said_without_a_draft() -> None:
    text = str(note.build(replace(samples.note(), records=0)).blocks)
    assert "no longer yours" in text
    assert "draft" not in text


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


def test_the_terminal_shows_the_same(config: str) -> None:
    wiring = Wiring()
    wiring.offboarding.known["case-1"] = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    every = handover(wiring, "notes", "case-1", "--config", config)
    assert every.exit_code == 0, every.output
    assert every.stdout.count("45 records of 20 clients") == 2
    one = ("notes", "case-1", "--successor", samples.BOB.email, "--config", config)
    assert len(document(handover(wiring, *one, "--json"))) == 1
    assert handover(wiring, *one, "--csv").stdout == "client\nNorthwind"
    assert "my name is" in handover(wiring, *one, "--introduction").stdout
    assert handover(wiring, "notes", "case-1", "--csv", "--config", config).exit_code == 2
    assert handover(wiring, "notes", "case-1", "--successor", "nobody@x.example", "--config", config).exit_code == 1
