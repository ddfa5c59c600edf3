"""The split in the offboarding form: the preview, and the assignment file."""

from typing import Any

import pytest

from bot.slack.forms import notice
from bot.slack.forms.fields import picked_file
from config.client_book import ClientSettings, SplitRule
from tests.bot import samples
from tests.bot.slack.test_offboard import clients_form, filled
from tests.bot.workplace import Workplace
from tests.sandbox.company.people import BY_UID
from tests.sandbox.slack.records import File
from tests.sandbox.slack.validation import problems
from workflows.clients.views import Preview

CAROL = BY_UID["carol.diaz"]
GOOD = f"client id,address\nparty:1,{CAROL.email}\n".encode()
UNKNOWN = f"client id,address\nparty:1,{CAROL.email}\nparty:2,unknown@x.example\n".encode()


@pytest.fixture
def workplace(workplace: Workplace) -> Workplace:
    """Return a workplace in which Dana owns three clients, one of which the system holds fast."""
    for number, fixed in enumerate(("by the vendor", "", "")):
        workplace.crm.record(f"opportunity:{number}", "crm-dana.oneill", value=10, fixed=fixed)
    return workplace


def uploaded(workplace: Workplace, content: bytes) -> list[Any]:
    file = File("F0CSV", "split.csv", "split.csv", data=content)
    workplace.slack.workspace.files[file.id] = file
    return [file.payload(workplace.slack.workspace.base)]


def receivers(workplace: Workplace) -> set[str]:
    """Return the names of the people to whom the only case's clients go."""
    [case] = workplace.cases()
    workplace.run()
    clients = workplace.services.offboarding.case(case.id).clients
    assert clients is not None
    assert clients.proposal is not None
    return {share.successor.name for share in clients.proposal.shares}


def test_a_preview_shows_the_split_on_top_of_the_form_and_opens_nothing(workplace: Workplace) -> None:
    view = filled(workplace).fill("strategy", "affinity").fill("file", uploaded(workplace, GOOD))
    view.click("Preview Split")
    shown = workplace.hr.modal("Preview of the split").text
    assert "2 clients (2 records)" in shown
    assert "*Bob Ross*: 1 client, 1 record" in shown
    assert f"*{CAROL.name}*: 1 client, 1 record" in shown
    assert "Staying: 1 record. The system lets nobody change their owner." in shown
    assert workplace.cases() == []
    workplace.hr.modal("Preview of the split").close()
    workplace.hr.modal("Offboard someone").submit()
    workplace.hr.modal("Case opened")
    assert receivers(workplace) == {BY_UID["bob.ross"].name, CAROL.name}
    assert workplace.slack.refused() == []


def test_somebody_unknown_to_slack_is_asked_for_in_the_systems(workplace: Workplace) -> None:
    filled(workplace).fill("file", uploaded(workplace, UNKNOWN)).click("Preview Split")
    fault = "line 3: unknown@x.example is no successor with an active account in crm"
    assert fault in workplace.hr.modal("This file has faults").text
    assert {call.method for call in workplace.slack.refused()} == {"users.lookupByEmail"}


def test_a_preview_of_many_within_slacks_limits() -> None:
    many = samples.proposal(shares=500).shares
    view = notice.split_preview(Preview(many, 1, 2, 0, (samples.NASTY * 5,) * 20, (samples.NASTY,) * 9))
    assert problems(view) == []
    assert "500" in str(view)


def test_a_preview_without_anybody_says_what_to_do(workplace: Workplace) -> None:
    clients_form(workplace).click("Preview Split")
    assert "First choose the colleagues" in workplace.hr.modal("This did not work").text
    workplace.hr.modal("This did not work").close()
    assert workplace.hr.modal("Offboard someone")


def test_a_file_alone_names_who_receives(workplace: Workplace) -> None:
    both = GOOD + f"party:2,{CAROL.email}\n".encode()
    clients_form(workplace).fill("file", uploaded(workplace, both)).submit()
    workplace.hr.modal("Case opened")
    assert receivers(workplace) == {CAROL.name}


@pytest.mark.parametrize("content", ["client,address\nРомашка,bob@x.example\n".encode("cp1251"), b"no,heading\n"])
def test_a_bad_file_opens_no_case_and_is_told_by_line(workplace: Workplace, content: bytes) -> None:
    filled(workplace).fill("file", uploaded(workplace, content)).click("Preview Split")
    assert "line" in workplace.hr.modal("This file has faults").text
    workplace.hr.modal("This file has faults").close()
    workplace.hr.modal("Offboard someone").submit()
    assert "Nothing was changed" in workplace.hr.modal("This file has faults").text
    assert workplace.cases() == []


def test_a_line_at_fault_is_told_with_what_only_the_book_shows(workplace: Workplace) -> None:
    lines = f"client id,address\nparty:77 <!here>,{CAROL.email}\nparty:1,{CAROL.email}\nparty:1,{CAROL.email}\n"
    filled(workplace).fill("file", uploaded(workplace, lines.encode())).click("Preview Split")
    text = workplace.hr.modal("This file has faults").text
    assert "2 lines have faults" in text
    assert "line 2: names no client of the person who leaves: party:77 &lt;!here&gt;" in text
    assert "line 4: names the same as line 3" in text
    assert "upload it again" in text
    workplace.hr.modal("This file has faults").close()
    workplace.hr.modal("Offboard someone").submit()
    assert "line 4: names the same as line 3" in workplace.hr.modal("This file has faults").text
    assert workplace.cases() == []


def test_rules_are_offered_where_there_are_any_and_bring_their_people(workplace: Workplace) -> None:
    view = clients_form(workplace)
    with pytest.raises(LookupError):
        view.fill("strategy", "rules")
    view.close(everything=True)
    ruled = ClientSettings(rules=(SplitRule(segment="key", successors=(CAROL.email,)),))
    object.__setattr__(workplace.services.settings, "clients", ruled)
    clients_form(workplace).fill("strategy", "rules").submit()
    workplace.hr.modal("Case opened")
    assert receivers(workplace) == {CAROL.name}


def test_a_form_without_a_file_has_none() -> None:
    assert picked_file({"state": {"values": {}}}) == ""
