"""The commands with services in memory: what they print, what they ask for, and the code they end with."""

import sqlite3
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from bot.cli.arguments import leaver_named
from bot.cli.output import clean
from connectors.contract import Verdict
from connectors.errors import Unavailable
from tests.bot import samples
from tests.bot.commands import Wiring, configuration, document, handover
from tests.bot.fakes import FakeOffboarding
from workflows.cases.views import CaseView, OffboardingRequest, Plan
from workflows.people import Leaver
from workflows.refusals import Code, Refused
from workflows.storage.rows.case import CaseState, Strategy
from workflows.storage.store import StorageFailed
from workflows.storage.vault import WrongKey

DANA = samples.leaver().email


class Settling(FakeOffboarding):
    """Cases whose systems settle one after the other, a little more at every look."""

    def __init__(self, *ends: Verdict) -> None:
        super().__init__()
        self.ends = ends
        self.looks = 0

    def case(self, case_id: str) -> CaseView:
        self.looks += 1
        shown = [end if number < self.looks else Verdict.UNKNOWN for number, end in enumerate(self.ends)]
        found = samples.case(CaseState.RUNNING, *shown, case_id=case_id)
        lines = [
            replace(line, next_try_at=None, working=number >= self.looks) for number, line in enumerate(found.systems)
        ]
        return replace(found, systems=tuple(lines))


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(configuration(tmp_path))


def test_plan_shows_everything_and_writes_nothing(config: str) -> None:
    wiring = Wiring()
    result = handover(wiring, "plan", DANA, "--config", config)
    assert result.exit_code == 0, result.output
    for words in (
        "nothing has been written",
        "lock the log-in",
        "end sessions",
        "120 opportunity",
        "1,234,567",
        "approver elsewhere",
    ):
        assert words in " ".join(result.output.split()), words
    assert wiring.modes == ["visit"]
    assert wiring.offboarding.requests == []


def test_plan_as_json_is_the_plan(config: str) -> None:
    found = document(handover(Wiring(), "plan", DANA, "--json", "--config", config))
    assert found["leaver"]["email"] == DANA
    assert found["systems"][1]["book"]["value"] == {"EUR": "1234567"}
    assert found["systems"][0]["accounts"][0]["verdict"] == "open"


def test_names_cannot_drive_the_terminal(config: str) -> None:
    result = handover(Wiring(), "plan", DANA, "--config", config)
    assert "<!channel>" in result.output
    assert "\u202e" not in result.output
    assert clean("a\x1b[31mb\x07") == "a\ufffd[31mb\ufffd"


def test_plan_is_not_good_where_a_system_was_not_looked_up_or_no_case_can_be_opened(config: str) -> None:
    class Dead(FakeOffboarding):
        def plan(self, leaver: Leaver, stages: object = None, effective_at: datetime | None = None) -> Plan:
            return samples.plan(leaver, systems=4)

    dead = handover(Wiring(Dead()), "plan", DANA, "--config", config)
    assert dead.exit_code == 1
    assert "not looked up" in dead.output
    wiring = Wiring()
    wiring.offboarding.refusals = (Refused(Code.OPEN_CASE, case="HO-7"), Refused(Code.PROTECTED))
    refused = handover(wiring, "plan", DANA, "--config", config)
    assert refused.exit_code == 1
    assert "HO-7" in refused.output
    assert "protected" in refused.output
    assert "/offboard" not in refused.output


@pytest.mark.parametrize("who", ["Dana O'Neill", "dana", "@example.com", "dana@localhost", "a b@example.com"])
def test_nobody_is_looked_up_by_name(who: str, config: str) -> None:
    result = handover(Wiring(), "plan", who, "--config", config)
    assert result.exit_code == 2
    assert "not an e-mail address" in result.stderr
    assert leaver_named(" dana@example.com ").email == "dana@example.com"


def test_offboard_asks_then_opens_and_shows_each_verdict_while_slack_is_down(config: str) -> None:
    wiring = Wiring(Settling(Verdict.LOCKED, Verdict.ABSENT))
    result = handover(
        wiring, "offboard", DANA, "--successor", "bob.ross@northwind.example", "--config", config, typed="y\n"
    )
    assert result.exit_code == 0, result.output
    (request,) = wiring.offboarding.requests
    assert (request.leaver.email, request.effective_at, request.strategy) == (DANA, None, Strategy.BALANCED)
    assert request.approver.email == samples.MAX.email, "the line manager, whom the directory named"
    assert [one.key for one in request.successors] == ["bob.ross@northwind.example"]
    assert request.leaver.slack_id == ""
    assert request.channel == "C0OFFBOARDING"
    assert request.requested_by.id.startswith("cli:")
    assert "Slack profiles are not available" in result.stderr
    assert "The system0: ✓ locked" in result.stderr
    assert "The system1: ✓ no account" in result.stderr
    assert wiring.modes == ["visit", "visit", "run"], "the plan, the split, then the work"


def test_beside_a_running_bot_the_rows_are_left_to_it(config: str) -> None:
    wiring = Wiring(Settling(Verdict.LOCKED), occupied=True)
    assert handover(wiring, "offboard", DANA, "--yes", "--config", config).exit_code == 0
    assert wiring.modes == ["visit", "run", "visit"]


@pytest.mark.parametrize("end", [Verdict.OPEN, Verdict.UNKNOWN])
def test_anything_but_locked_out_everywhere_is_not_good(end: Verdict, config: str) -> None:
    result = handover(Wiring(Settling(Verdict.LOCKED, end)), "offboard", DANA, "--yes", "--config", config)
    assert result.exit_code == 1
    assert "NOT locked out everywhere" in result.stdout


def test_a_lock_out_that_does_not_settle_is_not_good(config: str) -> None:
    class Stuck(Settling):
        def case(self, case_id: str) -> CaseView:
            self.looks = -1
            return super().case(case_id)

    result = handover(Wiring(Stuck(Verdict.LOCKED)), "offboard", DANA, "--yes", "--wait", "0.3", "--config", config)
    assert result.exit_code == 1
    assert "stays open" in result.stderr


def test_a_lock_out_that_nobody_begins_is_not_good(config: str) -> None:
    class Unbegun(FakeOffboarding):
        def case(self, case_id: str) -> CaseView:
            return replace(super().case(case_id), state=CaseState.SCHEDULED, effective_at=samples.NOW)

    result = handover(Wiring(Unbegun()), "offboard", DANA, "--yes", "--wait", "0.3", "--config", config)
    assert result.exit_code == 1
    assert "NOT locked out everywhere" in result.stdout


def test_half_an_emoji_in_a_name_is_printed_as_json_all_the_same(config: str) -> None:
    class Half(FakeOffboarding):
        def plan(self, leaver: Leaver, stages: object = None, effective_at: datetime | None = None) -> Plan:
            return samples.plan(replace(leaver, name="Dana \ud83d"))

    found = document(handover(Wiring(Half()), "plan", DANA, "--json", "--config", config))
    assert found["leaver"]["name"] == "Dana ?"


def test_saying_no_and_saying_nothing_open_no_case(config: str) -> None:
    for typed, words, code in (("n\n", "Nothing was done", 1), ("", "Add --yes", 2)):
        wiring = Wiring()
        result = handover(wiring, "offboard", DANA, "--config", config, typed=typed)
        assert (result.exit_code, wiring.offboarding.requests) == (code, [])
        assert words in result.stderr


def test_offboard_later_is_scheduled_in_the_companys_zone_and_says_who_will_do_it(config: str) -> None:
    wiring = Wiring()
    result = handover(wiring, "offboard", DANA, "--at", "end-of-day 2026-12-01", "--yes", "--config", config)
    assert result.exit_code == 0, result.output
    (request,) = wiring.offboarding.requests
    assert str(request.effective_at) == "2026-12-01 16:00:00+00:00"
    assert "handover run" in result.stderr


def test_offboard_as_json_prints_one_document(config: str) -> None:
    found = document(
        handover(Wiring(Settling(Verdict.LOCKED)), "offboard", DANA, "--yes", "--json", "--config", config)
    )
    assert [line["verdict"] for line in found["systems"]] == ["locked"]


def test_without_anyone_to_decide_no_case_is_opened(config: str) -> None:
    class Orphan(FakeOffboarding):
        def plan(self, leaver: Leaver, stages: object = None, effective_at: datetime | None = None) -> Plan:
            return samples.plan(replace(leaver, manager_email=""))

    result = handover(Wiring(Orphan()), "offboard", DANA, "--yes", "--config", config)
    assert result.exit_code == 2
    assert "--approver" in result.stderr
    assert "knows no line manager" in result.stderr


def test_a_watched_leaver_is_said_before_another_case_is_opened(config: str) -> None:
    wiring = Wiring()
    known = samples.case(CaseState.WATCHED, Verdict.LOCKED)
    wiring.offboarding.known["case-1"] = replace(known, leaver=replace(known.leaver, email=DANA))
    asked = handover(wiring, "offboard", DANA, "--successor", "bob@x.example", "--config", config, typed="n\n")
    assert "Offboarded before: case case-1, watched, locked out everywhere" in asked.stderr
    assert wiring.offboarding.requests == []


def test_a_profile_says_what_no_option_says(tmp_path: Path) -> None:
    profile = '[profiles.sales]\nstrategy = "single"\napprover = "ann@x.example"\nfollow_up_days = [2, 20]'
    config = str(configuration(tmp_path, more=profile + '\nsuccessors = ["bob@x.example"]'))
    wiring = Wiring()
    line = ("offboard", DANA, "--yes", "--wait", "0", "--config", config, "--profile")
    handover(wiring, *line, "sales")
    handover(wiring, *line, "sales", "--strategy", "balanced", "--at", "end-of-day 2030-12-02")
    request = wiring.offboarding.requests[0]
    assert (request.strategy, request.follow_up_days) == (Strategy.SINGLE, (2, 20))
    assert (request.approver.email, [one.email for one in request.successors]) == ("ann@x.example", ["bob@x.example"])
    unknown = handover(wiring, *line, "sailing")
    assert unknown.exit_code == 2
    assert "Known: sales." in unknown.stderr


@pytest.mark.parametrize("manager", ["", samples.MAX.email])
def test_without_clients_nobody_has_to_be_named_to_decide_or_receive(config: str, manager: str) -> None:
    class Clientless(FakeOffboarding):
        def plan(self, leaver: Leaver, stages: object = None, effective_at: datetime | None = None) -> Plan:
            return replace(samples.plan(replace(leaver, manager_email=manager), systems=1), owns_nothing=True)

    wiring = Wiring(Clientless())
    asked = handover(wiring, "offboard", DANA, "--config", config, typed="n\n")
    assert "No clients were found. If some turn up" in asked.output
    handover(wiring, "offboard", DANA, "--yes", "--wait", "0", "--config", config)
    [request] = wiring.offboarding.requests
    assert request.clientless
    assert request.approver.email == manager
    assert request.approver.key in (manager, "cli:tess")
    assert [one.email for one in request.successors] == ([manager] if manager else [])


def test_a_directory_that_was_not_read_is_not_said_to_know_no_manager(config: str) -> None:
    class Unread(FakeOffboarding):
        def plan(self, leaver: Leaver, stages: object = None, effective_at: datetime | None = None) -> Plan:
            plan = samples.plan(replace(leaver, manager_email=""), systems=1)
            return replace(plan, systems=(replace(plan.systems[0], system="shop", problem="not reachable"),))

    result = handover(Wiring(Unread()), "offboard", DANA, "--yes", "--config", config)
    assert result.exit_code == 2
    assert "did not answer" in result.stderr


def test_a_refusal_is_a_sentence_in_the_terminals_words(config: str) -> None:
    class Refusing(FakeOffboarding):
        def open(self, request: OffboardingRequest) -> str:
            raise Refused(Code.OPEN_CASE, case="HO-1")

    result = handover(Wiring(Refusing()), "offboard", DANA, "--yes", "--config", config)
    assert result.exit_code == 2
    assert "HO-1" in result.stderr
    assert "handover status EMAIL" in result.stderr


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (StorageFailed("database or disk is full"), "disk is full", 1),
        (WrongKey("sealed under another key"), "master key does not fit", 2),
        (Unavailable("the directory did not answer"), "did not answer", 1),
        (PermissionError(13, "Permission denied", "/data"), "Permission denied", 1),
        (IntegrityError("insert x", {"name": "Dana"}, sqlite3.IntegrityError("no room")), "no room", 1),
        (ZeroDivisionError("division by zero"), "fault of Handover itself", 1),
    ],
)
def test_trouble_is_a_sentence_and_never_a_trace(error: Exception, words: str, code: int, config: str) -> None:
    result = handover(Wiring(broken=error), "status", "--config", config)
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert "Dana" not in result.output


def test_connectors_are_listed_with_what_they_cannot_do() -> None:
    assert "The shop cannot end sessions." in handover(Wiring(), "connectors").output
    (shop,) = document(handover(Wiring(), "connectors", "--json"))
    assert shop["capabilities"] == ["Accounts"]
    assert shop["settings"]["url"] == {"required": True, "description": "Address of the shop."}


def test_a_second_process_is_told_in_words(config: str) -> None:
    result = handover(Wiring(occupied=True), "run", "--config", config)
    assert result.exit_code == 2
    assert "process 7" in result.stderr
