"""The proposal's buttons: approve once, exactly what was shown, by the one who may."""

import pytest

from bot.slack.client import web_client
from bot.slack.notifier import SlackNotifier
from tests.bot import samples
from tests.bot.conftest import Office, said
from tests.sandbox.company.people import BY_UID, HR, LEAVER, MANAGER
from tests.sandbox.slack.records import Message
from workflows.storage.rows.clients import ProposalState
from workflows.storage.rows.outbox import MessageKind, OutboxMessage


@pytest.fixture
def shown(office: Office) -> Message:
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    notifier.show(OutboxMessage(id="p", kind=MessageKind.PROPOSAL, subject="proposal-1", channel=MANAGER.slack_id))
    return office.manager.messages()[-1]


def now(office: Office) -> str:
    return said(office.manager.messages()[0])


def test_approving_settles_the_message_in_place(office: Office, shown: Message) -> None:
    office.manager.click(shown, "Approve 60 Records")
    office.manager.wait_for(lambda: "Approved by Max Weber" in now(office))
    message = office.manager.messages()[0]
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    assert [one["text"]["text"] for row in rows for one in row] == ["Next", "Find Clients", "Get CSV"]
    assert office.handover.decided == [(f"slack:{MANAGER.slack_id}", True, "")]
    assert office.slack.refused() == []


def test_a_double_click_decides_once_and_says_so(office: Office, shown: Message) -> None:
    office.manager.click(shown, "Approve 60 Records", times=2)
    office.private(office.manager, "already settled by Max Weber")
    assert len(office.handover.decided) == 1


def test_an_old_message_is_refused_with_what_to_do(office: Office, shown: Message) -> None:
    office.handover.proposal = samples.proposal(version=2)
    office.manager.click(shown, "Approve 60 Records", stale=True)
    office.private(office.manager, "has changed since this was shown")
    assert office.handover.decided == []


@pytest.mark.parametrize("user", [LEAVER.slack_id, HR.slack_id, BY_UID["bob.ross"].slack_id])
def test_nobody_else_decides(office: Office, shown: Message, user: str) -> None:
    office.slack.workspace.channels[shown.channel].members.add(user)
    somebody = office.person(user)
    somebody.click(shown, "Approve 60 Records")
    office.private(somebody, "Only Max Weber can decide this")
    assert office.handover.decided == []


@pytest.mark.parametrize("flag", ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "team"])
def test_who_is_no_full_member_any_more_cannot_decide(office: Office, shown: Message, flag: str) -> None:
    setattr(office.slack.workspace.users[MANAGER.slack_id], flag, "T0OTHER" if flag == "team" else True)
    office.manager.click(shown, "Approve 60 Records")
    office.private(office.manager, "workspace")
    assert office.handover.decided == []
    assert office.journal.notes


def test_nobody_decides_while_slack_does_not_say_who_they_are(office: Office, shown: Message) -> None:
    office.slack.fault("users.info", "internal_error", times=3)
    office.manager.click(shown, "Approve 60 Records")
    office.private(office.manager, "does not answer about this person")
    assert office.handover.decided == []


def test_declining_asks_why(office: Office, shown: Message) -> None:
    office.manager.click(shown, "Decline")
    office.manager.modal("Decline this proposal").fill("reason", "Bob has <!channel> enough").submit()
    assert "HR is told" in office.manager.modal("Declined").text
    assert office.handover.decided == [(f"slack:{MANAGER.slack_id}", False, "Bob has <!channel> enough")]
    assert "Declined by Max Weber" in now(office)
    assert "&lt;!channel&gt;" in now(office)


def test_a_stale_decline_says_so_in_the_form(office: Office, shown: Message) -> None:
    office.manager.click(shown, "Decline")
    form = office.manager.modal("Decline this proposal")
    office.handover.proposal = samples.proposal(version=2)
    form.fill("reason", "no").submit()
    assert "has changed since this was shown" in office.manager.modal("This did not work").text


def test_pages_turn_in_place_and_nothing_is_out_of_reach(office: Office, shown: Message) -> None:
    office.manager.click(shown, "Next")
    office.manager.wait_for(lambda: "Clients 21 to 40 of 45" in now(office))
    office.manager.click(shown, "Next")
    office.manager.wait_for(lambda: "Clients 41 to 45 of 45" in now(office))
    assert "Acme 44" in now(office)
    office.manager.click(office.manager.messages()[0], "Previous")
    office.manager.wait_for(lambda: "Clients 21 to 40 of 45" in now(office))


def test_clients_can_be_searched_and_given_to_another(office: Office, shown: Message) -> None:
    office.manager.click(shown, "Change Clients")
    form = office.manager.modal("Change clients")
    assert len(form.search("clients", "acme 4")) == 6
    assert form.search("successor", "") == ["Bob Ross", "Carol Díaz"]
    form.search("clients", "acme 4")
    form.fill("clients", ["line-44", "line-4"])
    form.search("successor", "bob")
    form.fill("successor", "Bob Ross").submit()
    assert "Version 2" in office.manager.modal("Changed").text
    assert office.handover.reassigned == [(("line-44", "line-4"), samples.BOB.key)]
    assert "Replaced by a newer version" in now(office)


def test_the_whole_list_comes_as_a_file(office: Office, shown: Message) -> None:
    office.manager.click(shown, "Get CSV")
    [file] = office.manager.wait_for(lambda: list(office.slack.workspace.files.values()))
    assert file.name == "handover-case-1-v1.csv"
    office.manager.wait_for(lambda: office.manager.messages()[-1].files)
    assert office.manager.ephemerals == []  # the file itself stands in front of them


def test_the_list_is_not_for_everybody(office: Office, shown: Message) -> None:
    bob = office.person(BY_UID["bob.ross"].slack_id)
    bob.click(shown, "Get CSV")
    office.private(bob, "not allowed")
    assert not office.slack.workspace.files


def test_a_settled_message_stays_settled(office: Office, shown: Message) -> None:
    office.manager.click(shown, "Approve 60 Records")
    office.manager.wait_for(lambda: "Approved by" in now(office))
    assert office.handover.proposal.state is ProposalState.APPROVED
    office.manager.click(shown, "Decline", stale=True)
    office.private(office.manager, "already settled by Max Weber")
    assert office.manager.view is None
    assert len(office.handover.decided) == 1


def test_a_message_of_a_replaced_version_loses_its_buttons(office: Office, shown: Message) -> None:
    office.handover.proposal = samples.proposal(ProposalState.SUPERSEDED)
    notifier = SlackNotifier(web_client(office.services.settings.slack), office.services, lambda _id: None)
    notifier.show(
        OutboxMessage(id="p", kind=MessageKind.PROPOSAL, subject="proposal-1", channel=MANAGER.slack_id, ts=shown.ts)
    )
    assert "Replaced by a newer version" in now(office)
    assert not any(block["type"] == "actions" for block in office.manager.messages()[0].blocks)


def test_a_click_on_a_replaced_version_is_refused(office: Office, shown: Message) -> None:
    office.handover.proposal = samples.proposal(ProposalState.SUPERSEDED)
    for label in ("Change Clients", "Decline", "Approve 60 Records"):
        office.manager.click(shown, label, stale=True)
    office.manager.wait_for(lambda: len(office.manager.ephemerals) == 3)
    office.private(office.manager, "has changed since this was shown")
    assert office.manager.view is None
