"""The Home tab: what waits with a link to its message, who leaves this week, open cases with a search."""

import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from connectors.contract import AccountId
from tests.bot import samples
from tests.bot.workplace import Workplace, workplace_in
from tests.sandbox.company.people import BY_UID, HR, LEAVER
from tests.sandbox.slack import seed
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.forms import OpenView
from workflows.cases.holds import CasePolicy
from workflows.people import Actor, Leaver
from workflows.storage.rows.case import CaseState, Reason

DANA = AccountId("crm-dana.oneill")
SOON = samples.NOW + timedelta(days=2)
LINK = re.compile(r"<(http[^|>]+/archives/([A-Z0-9]+)/p([0-9]+))\|")


def home(person: Person, words: str = "") -> OpenView:
    person.home()
    person.wait_for(lambda: person.home_now and words in person.home_now.text)
    view = person.home_now
    assert view is not None
    return view


def part(view: OpenView, title: str) -> str:
    """Return the words under one heading."""
    texts = [(block["type"], str(block.get("text", {}).get("text", ""))) for block in view.blocks]
    start = texts.index(("header", title)) + 1
    rest = texts[start:]
    end = next((at for at, (kind, _text) in enumerate(rest) if kind in ("header", "divider")), len(rest))
    return "\n".join(text for _kind, text in rest[:end])


def linked(workplace: Workplace, text: str) -> list[str]:
    """Return the headlines of the messages to which the links lead."""
    found = [(match[2], f"{match[3][:-6]}.{match[3][-6:]}") for match in LINK.finditer(text)]
    messages = [workplace.slack.workspace.find(channel, ts) for channel, ts in found]
    assert all(messages), f"a link leads nowhere: {found}"
    return [message.text for message in messages if message]


def test_what_waits_for_the_manager_has_a_link_to_the_message(workplace: Workplace) -> None:
    workplace.crm.record("opportunity:1", DANA)
    workplace.open(effective_at=SOON, reason=Reason.SUSPECTED_THEFT)
    workplace.run()
    view = home(workplace.manager, "Approve the handover")
    [told] = linked(workplace, part(view, "Waiting for you"))
    assert "Approve" in told
    assert "theft" not in str(view.blocks)


def test_the_week_and_open_cases_link_to_the_case_message(workplace: Workplace) -> None:
    case_id = workplace.open(effective_at=SOON, reason=Reason.SUSPECTED_THEFT)
    workplace.run()
    view = home(workplace.hr, "Leaving this week")
    for title in ("Leaving this week", "Open cases"):
        assert case_id in part(view, title)
        assert len(linked(workplace, part(view, title))) == 1
    assert "theft" not in str(view.blocks)


def test_a_manager_sees_the_cases_of_their_own_people_alone(workplace: Workplace) -> None:
    mine = workplace.open(effective_at=SOON)
    other = Leaver("Eve Late", "eve@northwind.example", "", "Europe/Berlin", directory_id="d-eve")
    theirs = workplace.open(leaver=other, approver=samples.BOB, successors=(samples.CAROL,), effective_at=SOON)
    third = Leaver("Ina Last", "ina@northwind.example", "", "Europe/Berlin", directory_id="d-ina")
    later = workplace.open(leaver=third, effective_at=SOON + timedelta(days=9))
    view = home(workplace.manager, "Your people")
    assert mine in part(view, "Leaving this week")
    assert later in part(view, "Your people")
    assert mine not in part(view, "Your people"), "said once"
    assert theirs not in str(view.blocks)
    assert "Find Case" not in view.text
    assert "Open cases" not in view.text


def test_a_stranger_sees_no_case(workplace: Workplace) -> None:
    case_id = workplace.open(effective_at=SOON)
    view = home(workplace.person(BY_UID["raj.patel"].slack_id), "You have nothing to do")
    assert case_id not in str(view.blocks)
    assert "Leaving this week" not in view.text


def test_nobody_sees_their_own_case(workplace: Workplace) -> None:
    own = Leaver(HR.name, HR.email, HR.slack_id, "Europe/Berlin", directory_id="directory-hanna")
    case_id = workplace.open(leaver=own, requested_by=Actor("cli:root", "root"), effective_at=SOON)
    view = home(workplace.hr, "You can see nobody who leaves this week")
    assert case_id not in str(view.blocks)
    assert case_id in home(workplace.security, "Open cases").text


def test_a_held_case_waits_for_a_second_person_with_its_button(tmp_path: Path) -> None:
    rules = CasePolicy(immediate_needs_second=True, hold_channel=seed.SECURITY_ALERTS)
    with workplace_in(tmp_path, rules=rules) as workplace:
        case_id = workplace.open()
        workplace.run()
        assert "HELD" not in part(home(workplace.hr, "Waiting for you"), "Waiting for you"), (
            "who opened it is no second"
        )
        assert "You have nothing to do" in home(workplace.manager).text
        view = home(workplace.security, "HELD: Dana O'Neill")
        [told] = linked(workplace, part(view, "Waiting for you"))
        assert "HELD" in told
        view.click("Release")
        workplace.security.wait_for(
            lambda: (now := workplace.security.home_now) and "You have nothing to do" in now.text
        )
        assert workplace.services.offboarding.case(case_id).state is not CaseState.HELD


def search_shows(person: Person, found: str, missing: str) -> bool:
    text = person.modal("Open cases").text
    return found in text and missing not in text


def test_open_cases_are_found_by_name_address_or_id(workplace: Workplace) -> None:
    dana = workplace.open(effective_at=SOON)
    other = replace(samples.leaver("Éva Late"), email="eva@northwind.example", slack_id="", directory_id="d-eva")
    eva = workplace.open(leaver=other, effective_at=SOON)
    home(workplace.hr, "Open cases").click("Find Case")
    shown = workplace.hr.modal("Open cases")
    workplace.hr.wait_for(lambda: dana in workplace.hr.modal("Open cases").text)
    for words, found, missing in (("eva l", eva, dana), (LEAVER.email[:6], dana, eva), (eva.lower(), eva, dana)):
        workplace.hr.modal("Open cases").fill("found", words)
        told = partial(search_shows, workplace.hr, found, missing)
        assert workplace.hr.wait_for(told), words
    workplace.hr.modal("Open cases").fill("found", "*nobody* <!channel>")
    workplace.hr.wait_for(lambda: "No open case was found" in workplace.hr.modal("Open cases").text)
    assert "<!channel>" not in str(workplace.hr.modal("Open cases").blocks[1:])
    assert shown.submit_label == "Search"
    assert workplace.slack.refused() == []


def test_home_is_brought_up_to_date_after_an_act_there(workplace: Workplace) -> None:
    workplace.open()
    workplace.run()
    workplace.crm.users[DANA].active = True
    workplace.services.audits.run_now(Actor("cli:root", "root"))
    view = home(workplace.security, "open again in crm")
    published = len(workplace.slack.calls("views.publish"))
    view.click("Lock Again")
    workplace.security.wait_for(lambda: len(workplace.slack.calls("views.publish")) > published)


def test_without_slacks_word_on_the_workspace_home_has_no_links(workplace: Workplace) -> None:
    case_id = workplace.open(effective_at=SOON)
    workplace.run()
    workplace.slack.workspace.base = ""
    view = home(workplace.hr, "Open cases")
    assert case_id in view.text
    assert "archives" not in str(view.blocks)
