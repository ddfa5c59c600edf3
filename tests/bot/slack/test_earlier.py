"""Earlier leavers in Slack: the line in Home, the list with pages and a search, and one handover for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.contract import AccountId
from tests.bot.slack.test_home import home
from tests.bot.workplace import Workplace, said, workplace_in
from tests.sandbox.company.people import BY_UID, MANAGER, SECURITY
from tests.workflows.memory import MemoryOwners, World
from workflows.people import Actor
from workflows.storage.rows.case import CaseState

BOB = BY_UID["bob.ross"]
LEFT = 60


@pytest.fixture
def sales() -> World:
    world = World("sales")
    for one in BY_UID.values():
        world.user(f"sales-{one.uid}", one.email, name=one.name)
    for n in range(LEFT):
        world.user(f"left-{n:03}", f"left-{n}@x.example", active=False, name=f"Former {n:03} <!channel>")
        world.record(f"deal:{n}", f"left-{n:03}", family=f"client:{n}")
    return world


@pytest.fixture
def shop(tmp_path: Path, sales: World) -> Iterator[Workplace]:
    with workplace_in(tmp_path, sales.system(MemoryOwners)) as opened:
        opened.services.earlier.read()  # as the daily audit does
        yield opened


def test_home_tells_the_figures_to_those_who_see_cases_alone(shop: Workplace) -> None:
    for person in (shop.hr, shop.security):
        assert f"{LEFT} earlier leavers own {LEFT} records" in home(person, "earlier leavers").text
    assert "earlier leavers" not in home(shop.person(BY_UID["raj.patel"].slack_id), "nothing to do").text


def test_the_list_has_pages_and_a_search_and_pings_nobody(shop: Workplace) -> None:
    home(shop.hr, "earlier leavers").click("Show Owners")
    view = shop.hr.modal("Earlier leavers")
    assert "Former 000" in view.text
    assert "<!channel>" not in str(view.blocks).replace("&lt;!channel&gt;", "")
    view.click("Next")
    shop.hr.wait_for(lambda: (one := shop.hr.view) and "Former 025" in one.text)
    view = shop.hr.modal("Earlier leavers")
    view.fill("Search", "Former 059")
    view.submit()
    shop.hr.wait_for(lambda: (one := shop.hr.view) and "Former 059" in one.text and "Former 000" not in one.text)


def test_one_form_hands_over_all_and_a_second_submission_opens_nothing(shop: Workplace, sales: World) -> None:
    home(shop.hr, "earlier leavers").click("Show Owners")
    shop.hr.modal("Earlier leavers").click("Hand Over Clients")
    shop.hr.wait_for(lambda: (one := shop.hr.view) is not None and one.submit_label == "Propose Handover")
    form = shop.hr.view
    assert form is not None
    form.fill("Approver of the clients' new owners", MANAGER.slack_id)
    form.fill("Colleagues who receive the clients", [BOB.slack_id])
    form.submit()
    shop.hr.wait_for(lambda: (one := shop.hr.view) and f"{LEFT} owners" in one.text)
    [case] = shop.cases()
    assert (case.state, case.leaver.earlier, case.opened_by.slack_id) == (CaseState.EARLIER, LEFT, shop.hr.id)
    shop.run()
    assert f"{LEFT} earlier leavers: only clients are handed over" in said(shop.post(f"case:{case.id}"))
    [proposal] = shop.services.proposals.waiting_for(MANAGER.slack_id)
    assert "Approve the handover of 60 records of 60 earlier leavers?" in said(shop.post(f"proposal:{proposal.id}"))
    by = Actor(f"slack:{MANAGER.slack_id}", MANAGER.name)
    shop.services.decisions.decide(proposal.id, proposal.digest, by, approve=True)
    shop.run()
    assert len(sales.owned(f"sales-{BOB.uid}")) == LEFT
    assert not [one for one in sales.users.values() if one.active != (AccountId(one.id) not in _left())]
    note = next(post for post in shop.posts() if post.startswith(f"note:{case.id}"))
    assert "in place of" not in said(shop.post(note))


def test_security_sees_the_list_and_hands_nothing_over(shop: Workplace) -> None:
    home(shop.security, "earlier leavers").click("Show Owners")
    view = shop.security.modal("Earlier leavers")
    assert "Former 000" in view.text
    assert "Hand Over Clients" not in view.text
    assert SECURITY.slack_id == shop.security.id


def _left() -> set[str]:
    return {f"left-{n:03}" for n in range(LEFT)}
