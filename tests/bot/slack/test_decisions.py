"""The proposal's buttons: one approval of exactly the shown proposal, by the approver."""

import pytest

from tests.bot.workplace import Workplace, said
from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER
from tests.sandbox.slack.records import Message
from workflows.clients.views import ProposalView
from workflows.people import Actor

CAROL = BY_UID["carol.diaz"]
APPROVE = "Approve 45 Records"


def mine(workplace: Workplace) -> list[Message]:
    """Return the manager's messages about records."""
    return [one for one in workplace.manager.messages() if "record" in one.text]


@pytest.fixture
def shown(workplace: Workplace) -> Message:
    """Return the manager's message, on a split of 45 clients."""
    workplace.propose(45)
    return mine(workplace)[-1]


def decisions(workplace: Workplace) -> list[tuple[str, str]]:
    """Return each decision with its actor."""
    return [(word, who) for word in ("yes", "no") for who in workplace.actors(f"approval.{word}")]


def proposal(workplace: Workplace) -> ProposalView:
    """Return the pending version."""
    [waiting] = workplace.services.proposals.waiting()
    return waiting


def change(workplace: Workplace) -> None:
    """Give a client to Carol behind the manager's back, which makes a new version."""
    old = proposal(workplace)
    lines, _ = workplace.services.proposals.client_page(old.id)
    mine = next(one for one in lines if one.successor.email != CAROL.email)
    by = Actor(f"slack:{MANAGER.slack_id}", MANAGER.name)
    workplace.services.edits.assign(old.id, old.digest, {mine.id: CAROL.email}, by)


def now(workplace: Workplace) -> str:
    return said(mine(workplace)[0])


def test_approving_settles_the_message_in_place(workplace: Workplace, shown: Message) -> None:
    workplace.manager.click(shown, APPROVE)
    workplace.manager.wait_for(lambda: "Approved by Max Weber" in now(workplace))
    message = mine(workplace)[0]
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    assert [one["text"]["text"] for row in rows for one in row] == ["Next", "Find Clients", "Get CSV"]
    assert decisions(workplace) == [("yes", f"slack:{MANAGER.slack_id}")]
    assert workplace.slack.refused() == []


def test_a_double_click_decides_once_and_says_so(workplace: Workplace, shown: Message) -> None:
    workplace.manager.click(shown, APPROVE, times=2)
    workplace.private(workplace.manager, "already settled by Max Weber")
    assert len(decisions(workplace)) == 1


def test_an_old_message_is_refused_with_what_to_do(workplace: Workplace, shown: Message) -> None:
    change(workplace)
    workplace.manager.click(shown, APPROVE, stale=True)
    workplace.private(workplace.manager, "has changed since this was shown")
    assert decisions(workplace) == []


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (LEAVER.slack_id, "person who leaves"),
        (HR.slack_id, "Only Max Weber can decide this"),
        (BY_UID["bob.ross"].slack_id, "Only Max Weber can decide this"),
    ],
)
def test_nobody_else_decides(workplace: Workplace, shown: Message, user: str, words: str) -> None:
    workplace.slack.workspace.channels[shown.channel].members.add(user)
    somebody = workplace.person(user)
    somebody.click(shown, APPROVE)
    workplace.private(somebody, words)
    assert decisions(workplace) == []


@pytest.mark.parametrize("flag", ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "team"])
def test_who_is_no_full_member_any_more_cannot_decide(workplace: Workplace, shown: Message, flag: str) -> None:
    setattr(workplace.slack.workspace.users[MANAGER.slack_id], flag, "T0OTHER" if flag == "team" else True)
    workplace.manager.click(shown, APPROVE)
    workplace.private(workplace.manager, "workspace")
    assert decisions(workplace) == []
    assert workplace.actors("refused") == [f"slack:{MANAGER.slack_id}"]


def test_nobody_decides_while_slack_does_not_say_who_they_are(workplace: Workplace, shown: Message) -> None:
    workplace.slack.fault("users.info", "internal_error", times=3)
    workplace.manager.click(shown, APPROVE)
    workplace.private(workplace.manager, "gave no answer about this person")
    assert decisions(workplace) == []


def test_declining_asks_why(workplace: Workplace, shown: Message) -> None:
    workplace.manager.click(shown, "Decline")
    workplace.manager.modal("Decline this proposal").fill("reason", "Bob has <!channel> enough").submit()
    assert "HR gets your reason" in workplace.manager.modal("Declined").text
    assert decisions(workplace) == [("no", f"slack:{MANAGER.slack_id}")]
    workplace.deliver()
    assert "Declined by Max Weber" in now(workplace)
    assert "&lt;!channel&gt;" in now(workplace)


def test_a_stale_decline_says_so_in_the_form(workplace: Workplace, shown: Message) -> None:
    workplace.manager.click(shown, "Decline")
    form = workplace.manager.modal("Decline this proposal")
    change(workplace)
    form.fill("reason", "no").submit()
    assert "has changed since this was shown" in workplace.manager.modal("This did not work").text


def test_pages_turn_in_place_and_nothing_is_out_of_reach(workplace: Workplace, shown: Message) -> None:
    workplace.manager.click(shown, "Next")
    workplace.manager.wait_for(lambda: "Clients 11 to 20 of 45" in now(workplace))
    workplace.manager.click(shown, "Next")
    workplace.manager.wait_for(lambda: "Clients 21 to 30 of 45" in now(workplace))
    workplace.manager.click(mine(workplace)[0], "Previous")
    workplace.manager.wait_for(lambda: "Clients 11 to 20 of 45" in now(workplace))


def test_clients_can_be_searched_and_given_to_another(workplace: Workplace, shown: Message) -> None:
    workplace.manager.click(shown, "Change Clients")
    form = workplace.manager.modal("Change clients")
    assert len(form.search("clients", "client 4")) == 9, "every word is looked for by itself"
    assert form.search("successor", "") == ["Bob Ross", "Carol Díaz"]
    old = proposal(workplace)
    lines, _ = workplace.services.proposals.client_page(old.id, search="client 4")
    given = [one for one in lines if one.successor.email == CAROL.email][:2]
    form.search("clients", "client 4")
    form.fill("clients", [one.id for one in given])
    form.search("successor", "bob")
    form.fill("successor", "Bob Ross").submit()
    assert "Version 2" in workplace.manager.modal("Changed").text
    lines, _ = workplace.services.proposals.client_page(proposal(workplace).id, limit=50)
    assert {one.successor.name for one in lines if one.client_id in {one.client_id for one in given}} == {"Bob Ross"}
    workplace.deliver()
    assert "Replaced by a newer version" in now(workplace)


def test_the_whole_list_comes_as_a_file(workplace: Workplace, shown: Message) -> None:
    workplace.manager.click(shown, "Get CSV")
    [file] = workplace.manager.wait_for(lambda: list(workplace.slack.workspace.files.values()))
    assert file.name == f"handover-{workplace.cases()[0].id}-v1.csv"
    workplace.manager.wait_for(lambda: workplace.manager.messages()[-1].files)
    assert workplace.manager.ephemerals == []  # the file itself stands in front of them


def test_the_list_is_not_for_everybody(workplace: Workplace, shown: Message) -> None:
    bob = workplace.person(BY_UID["bob.ross"].slack_id)
    bob.click(shown, "Get CSV")
    workplace.private(bob, "not allowed")
    assert not workplace.slack.workspace.files


def test_a_settled_message_stays_settled(workplace: Workplace, shown: Message) -> None:
    workplace.manager.click(shown, APPROVE)
    workplace.manager.wait_for(lambda: "Approved by" in now(workplace))
    assert workplace.services.proposals.waiting() == []
    workplace.manager.click(shown, "Decline", stale=True)
    workplace.private(workplace.manager, "already settled by Max Weber")
    assert workplace.manager.view is None
    assert len(decisions(workplace)) == 1


def test_a_message_of_a_replaced_version_loses_its_buttons(workplace: Workplace, shown: Message) -> None:
    change(workplace)
    workplace.deliver()
    assert "Replaced by a newer version" in now(workplace)
    assert not any(block["type"] == "actions" for block in mine(workplace)[0].blocks)


def test_a_click_on_a_replaced_version_is_refused(workplace: Workplace, shown: Message) -> None:
    change(workplace)
    for label in ("Change Clients", "Decline", APPROVE):
        workplace.manager.click(shown, label, stale=True)
    workplace.manager.wait_for(lambda: len(workplace.manager.ephemerals) == 3)
    workplace.private(workplace.manager, "has changed since this was shown")
    assert workplace.manager.view is None
