"""`handover confirm`: what was done by hand goes on record from the terminal; and the whole way on the real wiring."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import wiring
from bot.cli.app import make_app
from config.settings import Settings, load
from connectors import registry
from connectors.contract import Verdict
from tests.bot import samples
from tests.bot.commands import ENV, Application, Wiring, configuration, document, handover
from tests.bot.conftest import said
from tests.bot.fakes import FakeManualSteps
from tests.enrolled import enrol
from tests.sandbox.company.people import BY_UID, MANAGER
from tests.sandbox.slack import seed
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.world import Workspace
from workflows.cases.views import OffboardingRequest
from workflows.people import Actor, Successor
from workflows.storage.rows.case import CaseState, Reason, Strategy

LI = BY_UID["li.wei"]


class Desk(Wiring):
    """The wiring with one case that has a step by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.manual = FakeManualSteps()
        case = samples.case(CaseState.RUNNING, Verdict.LOCKED)
        self.offboarding.known = {"case-1": replace(case, systems=(*case.systems, samples.by_hand(self.manual.step)))}

    @contextmanager
    def assemble(self, settings: Settings, *, mode: str) -> Iterator[Application]:
        with super().assemble(settings, mode=mode) as house:
            yield Application(replace(house.services, manual=self.manual), house.store)  # type: ignore[arg-type]


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


def test_a_note_confirms_and_is_on_record_under_who_sits_there(config: str) -> None:
    desk = Desk()
    done = handover(desk, "confirm", samples.leaver().email, "badge", "--note", "collected", "--config", config)
    assert done.exit_code == 0, done.output
    ((what, by, note, proof),) = desk.manual.said
    assert (what, note, proof) == ("confirm", "collected", "")
    assert by.startswith("cli:")
    assert "nothing was read back" in " ".join(done.output.split())


def test_a_file_is_handed_in(config: str, tmp_path: Path) -> None:
    file = tmp_path / "receipt.pdf"
    file.write_bytes(b"signed")
    desk = Desk()
    answer = ("confirm", "case-1", "badge", "--note", "x", "--proof", str(file), "--json", "--config", config)
    done = handover(desk, *answer)
    assert done.exit_code == 0, done.output
    assert document(done)["proof"] == "receipt.pdf"


@pytest.mark.parametrize(("option", "what"), [("--cannot", "cannot"), ("--take-back", "retract")])
def test_the_other_answers(option: str, what: str, config: str) -> None:
    desk = Desk()
    done = handover(desk, "confirm", "case-1", "badge", option, "--note", "why", "--config", config)
    assert done.exit_code == 0, done.output
    assert desk.manual.said[0][0] == what
    assert "is open" in " ".join(done.output.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("case-1", "crm", "--note", "x"),
        ("nobody@x.example", "badge", "--note", "x"),
        ("case-1", "badge"),
        ("case-1", "badge", "--note", "x", "--proof", "/nonexistent/receipt.pdf"),
        ("case-1", "badge", "--note", "x", "--cannot", "--take-back"),
    ],
    ids=str,
)
def test_wrong_use_confirms_nothing(arguments: tuple[str, ...], config: str) -> None:
    desk = Desk()
    assert handover(desk, "confirm", *arguments, "--config", config).exit_code == 2
    assert desk.manual.said == []


def test_the_second_time_says_who_was_first(config: str) -> None:
    desk = Desk()
    desk.manual.step = samples.step(by="Ada")
    done = handover(desk, "confirm", "case-1", "badge", "--note", "x", "--config", config)
    assert done.exit_code != 0
    assert "confirmed by Ada already" in " ".join(done.output.split())
    assert desk.manual.said == []


def test_status_says_who_is_asked_and_then_who_confirmed(config: str) -> None:
    desk = Desk()
    shown = handover(desk, "status", "case-1", "--config", config)
    assert shown.exit_code == 1
    assert "handover confirm case-1 badge" in " ".join(shown.output.split())
    case = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    step = samples.step(by="Ada", note="keys returned")
    desk.offboarding.known = {"case-1": replace(case, systems=(*case.systems, samples.by_hand(step)))}
    shown = handover(desk, "status", "case-1", "--config", config)
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.output.split())
    assert "confirmed by a person, Ada" in text
    assert "locked out everywhere" not in text


# --- the real wiring: engine, clock, notifier, and the command line beside the running bot

BADGE = f"""
[systems.badge]
kind = "manual"
title = "Office keys and badge"
instructions = "Take the badge."
assignee = "{LI.slack_id}"
proof = "file"
"""


def test_from_the_case_to_the_confirmed_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SlackServer(Workspace()) as slack:
        path = configuration(tmp_path, slack.api_url)
        text = path.read_text(encoding="utf-8")
        start = text.index("[systems.shop]")
        text = text[:start] + BADGE + '[actors.root]\nemail = "root@x.example"\nroles = ["hr"]\n'
        path.write_text(text.replace('directory = "shop"', 'directory = "badge"'), encoding="utf-8")
        env = {**ENV, "BOT": slack.workspace.app.bot_token, "APP": slack.workspace.app.app_token}
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with wiring.assemble(load(path, os.environ, registry.settings_of)) as house:
            offboarding = house.services.offboarding
            max_ = Successor(MANAGER.email, MANAGER.name, MANAGER.email, MANAGER.slack_id)
            hr = Actor("cli:root", "root")
            case_id = offboarding.open(
                OffboardingRequest(
                    samples.leaver(), Reason.DISMISSAL, None, max_, Strategy.SINGLE, (), hr, seed.OFFBOARDING
                )
            )
            li = slack.as_user(LI.slack_id)
            [message] = li.wait_for(li.messages)
            assert "Take the badge." in said(message)
            receipt = tmp_path / "receipt.pdf"
            receipt.write_bytes(b"signed")
            answer = ("confirm", case_id, "badge", "--note", "done", "--config", str(path), "--as", LI.slack_id)
            app = enrol(house.services.enrolments, Actor(f"slack:{LI.slack_id}", LI.name), datetime.now(UTC))
            refused = CliRunner().invoke(make_app(), answer, input=app.next_code())
            assert refused.exit_code != 0
            assert "is needed here" in " ".join(refused.output.split())
            done = CliRunner().invoke(make_app(), [*answer, "--proof", str(receipt)], input=app.next_code())
            assert done.exit_code == 0, done.output
            digest = hashlib.sha256(b"signed").hexdigest()
            li.wait_for(lambda: digest in said(li.messages()[0]))
            assert len(li.messages()) == 1
            li.wait_for(lambda: offboarding.case(case_id).state is CaseState.WATCHED)
            view = offboarding.case(case_id)
            assert view.systems[0].verdict is Verdict.UNKNOWN
            assert not view.locked_out
            assert slack.refused() == []
