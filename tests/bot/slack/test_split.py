"""The split in the offboarding form: the preview, and the assignment file."""

from dataclasses import replace
from typing import Any

import pytest

from bot.slack.forms.upload import parse
from config.client_book import ClientSettings, SplitRule
from tests.bot import samples
from tests.bot.conftest import Office
from tests.bot.slack.test_offboard import BOB, filled, form
from tests.sandbox.company.people import BY_UID, LEAVER
from tests.sandbox.slack.records import File
from workflows.clients.views import LineFault, Preview
from workflows.storage.rows.case import Strategy

CAROL = BY_UID["carol.diaz"]
GOOD = f"client id,address\nparty:1,{CAROL.email}\nparty:2,unknown@x.example\n".encode()


def uploaded(office: Office, content: bytes) -> list[Any]:
    file = File("F0CSV", "split.csv", "split.csv", data=content)
    office.slack.workspace.files[file.id] = file
    return [file.payload(office.slack.workspace.base)]


def test_a_preview_shows_the_split_on_top_of_the_form_and_opens_nothing(office: Office) -> None:
    view = filled(office).fill("strategy", "affinity").fill("file", uploaded(office, GOOD))
    view.click("Preview Split")
    shown = office.hr.modal("Preview of the split").text
    assert "20 clients (60 records)" in shown
    assert "*Bob Ross*: 10 clients" in shown
    assert "Zed gets nothing in crm" in shown
    assert "3 records stay" in shown
    [(leaver, keys, strategy, content)] = office.handover.previewed
    assert (leaver, strategy, content) == (LEAVER.email, Strategy.AFFINITY, GOOD)
    assert keys == (samples.BOB.key, CAROL.email, "unknown@x.example")
    assert office.offboarding.requests == []
    office.hr.modal("Preview of the split").close()
    office.hr.modal("Offboard someone").submit()
    office.hr.modal("Case opened")
    [request] = office.offboarding.requests
    assert request.assignment_file == GOOD
    assert [one.slack_id for one in request.successors] == [BOB, CAROL.slack_id, ""]
    assert {call.method for call in office.slack.refused()} == {"users.lookupByEmail"}  # of somebody unknown


def test_a_preview_of_many_within_slacks_limits(office: Office) -> None:
    many = samples.proposal(shares=500).shares
    office.handover.seen = Preview(many, 1, 2, 0, (samples.NASTY * 5,) * 20, (samples.NASTY,) * 9)
    filled(office).click("Preview Split")
    assert "500" in office.hr.modal("Preview of the split").text
    assert office.slack.refused() == []


def test_a_preview_without_anybody_says_what_to_do(office: Office) -> None:
    form(office).click("Preview Split")
    assert "First choose the colleagues" in office.hr.modal("This did not work").text
    office.hr.modal("This did not work").close()
    assert office.hr.modal("Offboard someone")


def test_a_file_alone_names_who_receives(office: Office) -> None:
    view = form(office).fill("when", "now").fill("reason", "resignation").fill("file", uploaded(office, GOOD))
    view.submit()
    office.hr.modal("Case opened")
    assert [one.key for one in office.offboarding.requests[0].successors] == [CAROL.email, "unknown@x.example"]


@pytest.mark.parametrize("content", ["client,address\nРомашка,bob@x.example\n".encode("cp1251"), b"no,heading\n"])
def test_a_bad_file_opens_no_case_and_is_told_by_line(office: Office, content: bytes) -> None:
    view = filled(office).fill("file", uploaded(office, content))
    view.click("Preview Split")
    assert "line" in office.hr.modal("This file has faults").text
    office.hr.modal("This file has faults").close()
    office.hr.modal("Offboard someone").submit()
    assert "at fault" in office.hr.modal("This file has faults").text
    assert office.offboarding.requests == []
    assert office.handover.previewed == []


def test_a_line_at_fault_is_told_with_what_only_the_book_shows(office: Office) -> None:
    both = b"client,address\nA,bob@x.example\nA,bob@x.example\n"
    office.handover.seen = replace(office.handover.seen, faults=(LineFault(2, "no A"), LineFault(3, "the same")))
    view = filled(office).fill("file", uploaded(office, both))
    view.click("Preview Split")
    text = office.hr.modal("This file has faults").text
    assert "2 lines have faults" in text
    assert "upload it again" in text
    office.hr.modal("This file has faults").close()
    office.hr.modal("Offboard someone").submit()
    assert "line 3: names the same as line 2" in office.hr.modal("This file has faults").text
    assert office.offboarding.requests == []


def test_faults_that_only_the_book_shows_are_told_too(office: Office) -> None:
    office.handover.seen = replace(office.handover.seen, faults=(LineFault(7, "names no client <!here>"),))
    filled(office).fill("file", uploaded(office, GOOD)).click("Preview Split")
    assert "line 7: names no client &lt;!here&gt;" in office.hr.modal("This file has faults").text


def test_rules_are_offered_where_there_are_any_and_bring_their_people(office: Office) -> None:
    view = form(office)
    with pytest.raises(LookupError):
        view.fill("strategy", "rules")
    view.close()
    ruled = ClientSettings(rules=(SplitRule(segment="key", successors=(CAROL.email,)),))
    object.__setattr__(office.services.settings, "clients", ruled)
    view = form(office).fill("when", "now").fill("reason", "resignation").fill("strategy", "rules")
    view.submit()
    office.hr.modal("Case opened")
    assert [one.slack_id for one in office.offboarding.requests[0].successors] == [CAROL.slack_id]


def test_a_form_without_a_file_has_none() -> None:
    assert parse({"state": {"values": {}}})[0] == ""
