"""One-time codes are set up on the Home tab: shown once and privately, confirmed by a first code."""

import html
import re
from datetime import timedelta
from typing import cast

import pytest

from tests.bot.workplace import Workplace, said
from tests.enrolled import App
from tests.sandbox.company.people import LEAVER, SECURITY
from tests.sandbox.slack.driver import Person
from tests.sandbox.slack.forms import OpenView
from workflows.people import Leaver
from workflows.refusals import Code, Refused
from workflows.storage.enrolments import Enrolments


def home(person: Person, words: str) -> OpenView:
    person.home()
    person.wait_for(lambda: person.home_now and words in person.home_now.text)
    return cast("OpenView", person.home_now)


def offered(person: Person) -> tuple[OpenView, App]:
    """Open the form, and put the secret into an app."""
    home(person, "Set Up Codes").click("Set Up Codes")
    form = person.modal("One-time codes")
    [address] = re.findall(r"otpauth:[^`]+", form.text)
    assert "issuer=Handover%20Northwind" in address
    return form, App.of(html.unescape(address))


def known(workplace: Workplace) -> Enrolments:
    return workplace.services.enrolments


def test_a_secret_counts_after_its_first_code_and_is_not_shown_again(workplace: Workplace) -> None:
    sam, now = workplace.security, workplace.office.clock.now()
    form, app = offered(sam)
    right = app.code(now)
    form.fill("code", "000000" if right != "000000" else "111111").submit()
    assert "This code is wrong" in sam.modal("One-time codes").errors["code"]
    assert known(workplace).people() == []
    sam.modal("One-time codes").fill("code", right).submit()
    sam.wait_for(lambda: sam.view and "is enrolled" in sam.view.text)
    [person] = known(workplace).people()
    assert (person.id, person.email, person.vouched_by) == (f"slack:{SECURITY.slack_id}", SECURITY.email, "")
    assert workplace.actors("enrolment.confirmed") == [f"slack:{SECURITY.slack_id}"]
    shown = home(sam, "You have one-time codes")
    assert "Set Up Codes" not in shown.text
    with pytest.raises(Refused) as caught:
        known(workplace).prove(person.id, right)
    assert caught.value.code is Code.USED_CODE
    assert workplace.slack.refused() == []
    posts = repr(workplace.slack.workspace.posts)
    assert app.secret not in posts, "no message has the secret"


def test_people_without_a_role_are_not_offered_codes(workplace: Workplace) -> None:
    nobody = workplace.person(LEAVER.slack_id)
    assert "Set Up Codes" not in home(nobody, "You have nothing to do").text


def test_a_form_that_opened_before_the_person_was_locked_out_enrols_nobody(workplace: Workplace) -> None:
    sam = workplace.security
    form, app = offered(sam)
    workplace.open(leaver=Leaver(SECURITY.name, SECURITY.email, SECURITY.slack_id, directory_id="directory-sam"))
    workplace.office.work("revoke")
    form.fill("code", app.code(workplace.office.clock.now())).submit()
    sam.wait_for(lambda: sam.view and "locked you out" in sam.view.text)
    assert known(workplace).people() == []


def test_an_old_window_enrols_nobody_twice(workplace: Workplace) -> None:
    sam, now = workplace.security, workplace.office.clock.now()
    shown = home(sam, "Set Up Codes")
    form, app = offered(sam)
    form.fill("code", app.code(now)).submit()
    sam.wait_for(lambda: sam.view and "is enrolled" in sam.view.text)
    shown.click("Set Up Codes")
    sam.wait_for(lambda: [one for one in sam.messages() if "has one-time codes already" in said(one)])
    assert len(known(workplace).people()) == 1
    later = now + timedelta(seconds=30)
    assert known(workplace).prove(f"slack:{SECURITY.slack_id}", app.code(later)).email == SECURITY.email
